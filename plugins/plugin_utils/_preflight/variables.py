# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables a role or a playbook knows, and which of those that are set it doesn't. Pure but for reading the role's files."""

from __future__ import annotations

import difflib
import re
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.given import Given

ROLES = Path(__file__).resolve().parents[3] / "roles"

#: An option as argument_specs describe it: type, choices, elements, options, no_log.
Spec = t.Mapping[str, t.Any]

#: What tasks register or set, which stays set on their hosts and is found there by the next play; by key, or in a dict of Jinja.
_SETS = re.compile(r"(?:^\s+(?:register: |(?=\w+: ))|\{\{ \{')(\w+)", re.MULTILINE)
#: A playbook's own variable that it takes for true or false; the filter takes whatever else for false.
_SWITCH = re.compile(r"\b(\w+) \| (?:default\([^()]*\) \| )?bool\b")
#: What names the hosts of a play, and the group without it. One that takes an empty text for none says so itself (true).
_TARGET = re.compile(r"^  hosts: .*?\b(\w+) \| default\('(\w+)'\)", re.MULTILINE)
#: How like one of ours a name has to be that doesn't begin like ours: mysql_backups_exclude.
_LIKE = 0.92
#: What AWX itself hands to its jobs; every one, because a variable of ours that is misspelt begins like them.
_OF_AWX = re.compile(
    r"awx_(job_(id|launch_type|template_id|template_name|scm_branch)|workflow_job_(id|name|launch_type)|(parent_job_)?schedule_(id|name)"
    r"|user_(id|name|email|first_name|last_name)|inventory_(id|name)|project_(revision|scm_branch)|execution_node"
    r"|webhook_(event_type|event_guid|event_ref|status_api|payload))\Z"
)


@dataclass(frozen=True)
class Known:
    """The variables of a role or a playbook: all that begin with prefix, and aren't in names, are misspelt.

    options has what argument_specs say of them, once for each entry point that has the option. If others use the prefix, too,
    only names close to one of ours are misspelt.
    """

    prefix: str
    names: frozenset[str]
    options: t.Mapping[str, t.Sequence[Spec]] = field(default_factory=dict)
    shared_prefix: bool = False


def known_of_role(role: str, roles: Path = ROLES) -> Known:
    """What a role of this collection takes (its argument_specs) and leaves on its hosts.

    Raises OperatorError if the collection has no such role.
    """
    folder = roles / role
    try:
        specs = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise OperatorError(
            f"preflight: the collection has no role {role!r}; it has {', '.join(_listed(roles))}."
        ) from None
    options: dict[str, list[Spec]] = {}
    for entry in specs["argument_specs"].values():
        for name, spec in entry.get("options", {}).items():
            options.setdefault(name, []).append(spec)
    names = set(options)
    # A playbook's set_stats become extra variables of the next job in an AWX workflow.
    for tasks in sorted([*(folder / "tasks").glob("*.yml"), *(roles.parent / "playbooks").glob("*.yml")]):
        names.update(_SETS.findall(tasks.read_text(encoding="utf-8")))
    return Known(f"{role}_", frozenset(name for name in names if name.startswith(f"{role}_")), options)


def known_of_playbook(
    playbook: str, variables: t.Iterable[str], prefix: str | None = None, roles: Path = ROLES
) -> Known:
    """A playbook's own variables, and what its tasks register: that is still there when it is imported twice."""
    path = roles.parent / "playbooks" / f"{playbook}.yml"
    text = path.read_text(encoding="utf-8") if path.exists() else ""  # one of somebody else's
    own = prefix or f"{playbook}_"
    registered = (name for name in _SETS.findall(text) if name.startswith(own))
    names = frozenset([*variables, *registered])
    switches = {name: [{"type": "bool"}] for name in _SWITCH.findall(text) if name in names}
    return Known(own, names, switches, shared_prefix=prefix is not None)


def _listed(roles: Path) -> list[str]:
    return sorted(path.parents[1].name for path in roles.glob("*/meta/argument_specs.yml"))


def unknown(known: t.Sequence[Known], given: Given) -> list[str]:
    """An error for each variable that begins like those of a role or playbook and isn't one, in the order of their names.

    One that is given with -e is for this run, so its beginning may be misspelt, too.
    """
    every = sorted(set().union(*(one.names for one in known)))
    errors = []
    for name in given.names():
        ours = [one for one in known if name.startswith(one.prefix)]
        if any(name in one.names for one in known) or _OF_AWX.match(name):
            continue
        if not ours:
            like = _like(name, every) if name in given.extra else []
            if like:
                errors.append(_error(name, given.where(name), like))
            continue
        close = difflib.get_close_matches(name, every, n=1, cutoff=0.75)
        if close or not all(one.shared_prefix for one in ours):
            errors.append(_error(name, given.where(name), close))
    return errors


def perhaps_misspelt(known: t.Sequence[Known], given: Given) -> list[str]:
    """A warning for each variable of the inventory that is like one of ours, but doesn't begin like it: it may be one of another role."""
    every = sorted(set().union(*(one.names for one in known)))
    prefixes = tuple(one.prefix for one in known)
    found = (
        (name, _like(name, every))
        for name in given.names()
        if not name.startswith(prefixes) and name not in given.extra
    )
    return [
        f"{shown(name)} (set {given.where(name)}) is no variable of this collection, and is left alone. If it was meant to be one: "
        f"did you mean {like[0]}?"
        for name, like in found
        if like
    ]


def not_set(required: t.Iterable[str], given: Given, hosts: t.Sequence[str]) -> list[str]:
    """An error for each variable that hosts need and don't have. `a or b` is one of which either is enough."""
    errors = []
    for names in required:
        either = names.split(" or ")
        if any(name in given.extra or name in given.play for name in either):
            continue
        without = [host for host in hosts if not any(name in given.hosts.get(host, {}) for name in either)]
        if without:
            errors.append(f"{names} is not set {given.whose(without)}; set it with -e, or in the inventory.")
    return errors


def empty_targets(playbook: str, given: Given, roles: Path = ROLES) -> list[str]:
    """An error for each variable that names the hosts of a playbook and that -e sets to nothing, as an empty field of a survey does."""
    path = roles.parent / "playbooks" / f"{playbook}.yml"
    targets = _TARGET.findall(path.read_text(encoding="utf-8")) if path.exists() else []
    return [
        f"{name} (set with -e) is empty, so it names no host; name a group or hosts, or leave it out for {shown(group)}."
        for name, group in dict.fromkeys(targets)
        if name in given.extra and str(given.extra[name] or "").strip() == ""
    ]


def _like(name: str, ours: t.Sequence[str]) -> list[str]:
    """The one of our variables that a name is as good as, although it doesn't begin like it."""
    close = [] if name.startswith("_") else difflib.get_close_matches(name, ours, n=1, cutoff=_LIKE)
    return [] if close and _somebodys(name) else close


def _somebodys(name: str) -> bool:
    """Whether another role or playbook of the collection knows a variable."""
    files = [*ROLES.glob("*/meta/argument_specs.yml"), *(ROLES.parent / "playbooks").glob("*.yml")]
    return any(re.search(rf"\b{re.escape(name)}\b", path.read_text(encoding="utf-8")) for path in files)


def _error(name: str, where: str, close: t.Sequence[str]) -> str:
    way_out = f"did you mean {close[0]}?" if close else "remove it, or rename it if it is one of your own."
    return f"{shown(name)} (set {where}) is no variable of this collection; {way_out}"
