# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts lack for a change, as preflight_host told it, and what its options can't be: each once, with its hosts. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import first_of, listed

Result = t.Mapping[str, t.Any]


def missing(results: t.Mapping[str, Result | None]) -> str:
    """One error for all that is missing, each thing once with the hosts that lack it, and what to do; empty if nothing is missing.

    results has what preflight_host, or preflight of its checks, returned by the name of each host. Hosts without a result, and those that
    weren't reached or were skipped, are left out: Ansible has named the one, and nothing is done on the other.
    """
    whose: dict[str, list[str]] = {}
    for host, result in results.items():
        if result and not result.get("unreachable") and not result.get("skipped"):
            for problem in _problems(result):
                whose.setdefault(problem, []).append(host)
    if not whose:
        return ""
    hosts = list(dict.fromkeys(host for named in whose.values() for host in named))
    limit = ":".join(["all", *(f"!{host}" for host in hosts[:5])])
    told = first_of([f"{listed(named)}: {problem}" for problem, named in whose.items()])
    return f"{told} Nothing was changed on any host. Put it right, or leave hosts out, as with --limit '{limit}'."


def _problems(result: Result) -> t.Sequence[str]:
    """What a host lacks, or what was refused; where the module couldn't run, why."""
    if "missing" in result:
        return t.cast("t.Sequence[str]", result["missing"])
    # Without a module's answer, msg tells only that there is none.
    said = str(result.get("module_stderr") or result.get("msg") or result.get("module_stdout") or "no reason given")
    return [f"Ansible can't run a module there as root: {' '.join(said.split())[:300].rstrip('.')}."]
