# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a pattern matches hosts, and what to do if it doesn't. Pure."""

from __future__ import annotations

import difflib
import re
import typing as t
from dataclasses import dataclass

from ansible.inventory.manager import split_host_pattern

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed, shown

#: A part of a pattern that takes one host of those that a group has, or some.
_SUBSCRIPT = re.compile(r"([^~].*)\[-?[0-9]*[:-]?[0-9]*\]\Z")
#: The group that our inventory plugin makes unless its file names another.
_COMPUTES = "nova_computes"


@dataclass(frozen=True)
class Selection:
    """A pattern, the hosts that it selects, the inventory's groups, --limit, and what another pattern matches regardless of --limit."""

    pattern: str
    hosts: t.Sequence[str]
    groups: t.Mapping[str, t.Sequence[str]]
    limit: str
    matching: t.Callable[[str], t.Sequence[str]]


def missing_hosts(selection: Selection) -> list[str]:
    """Errors for parts of the pattern that match no host, and for --limit if it leaves none."""
    # Ansible skips a play without hosts, and a part of a pattern that it doesn't know, and ends with success.
    parts = [part for part in split_host_pattern(selection.pattern) if part[0] not in "!&"]
    unmatched = [part for part in parts if not selection.matching(part)]
    if unmatched:
        return [_unmatched(part, selection) for part in unmatched]
    if selection.hosts:
        return []
    without_limit = selection.matching(selection.pattern)
    if selection.limit and without_limit:
        some = ", ".join(sorted(without_limit)[:3])
        return [
            f"--limit {shown(selection.limit)} leaves no host of {shown(selection.pattern)}, so there is nothing to do. "
            f"It has {len(without_limit)}, for example {some}."
        ]
    return [_unmatched(selection.pattern, selection)]


def left_out(selection: Selection) -> list[str]:
    """An error if --limit leaves out hosts of the pattern."""
    out = sorted(set(selection.matching(selection.pattern)) - set(selection.hosts))
    if not out:
        return []
    return [
        f"--limit leaves out {listed(out)}. This concerns all hosts of {shown(selection.pattern)} at once, because each of them "
        "may still need what would change for all; run it without --limit."
    ]


def _unmatched(pattern: str, selection: Selection) -> str:
    subscript = _SUBSCRIPT.match(pattern)
    if subscript and (some := selection.matching(subscript.group(1))):
        return (
            f"No host matches {shown(pattern)}, so there is nothing to do. {shown(subscript.group(1))} has {len(some)} hosts, "
            f"counted from [0] to [{len(some) - 1}]; name one of them, or {some[0]} by its name."
        )
    groups = selection.groups
    there = {name: len(hosts) for name, hosts in sorted(groups.items()) if hosts and name not in ("all", "ungrouped")}
    close = difflib.get_close_matches(pattern, there, n=1)
    known = [f"{name} ({count})" for name, count in there.items()]
    return (
        f"No host matches {shown(pattern)}, so there is nothing to do. "
        + (f"Did you mean {close[0]}? " if close else "")
        + (f"The inventory's groups are {listed(known, 10)}. " if known else "The inventory has no group with hosts. ")
        + _check(pattern, there)
    )


def _check(pattern: str, there: t.Container[str]) -> str:
    """Where to look. Only the group of our inventory plugin depends on the name of a file, and on the cloud."""
    if _COMPUTES not in there and difflib.get_close_matches(pattern, [_COMPUTES], n=1):
        return "Check -i and the name of the inventory file (it must end in nova_computes.yml), clouds.yaml, and the inventory's messages above."
    return "Correct the target, or check -i and the inventory's messages above."
