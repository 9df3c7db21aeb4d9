# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which faults a drill makes, on which hosts and in which order, and why it makes none. Pure."""

from __future__ import annotations

import hashlib
import typing as t
from dataclasses import dataclass

from .._common import OperatorError, first_of, listed, shown
from . import components
from .components import Component, Record

_KEYS = {
    "name", "kind", "hosts", "unit", "container", "engine", "how", "peers", "break", "undo", "check", "redundancy", "seconds",
    "allowed",
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """A component on one host. redundancy is empty where it belongs to no group; allowed is None where the probes say it."""

    component: Component
    host: str
    seconds: int
    redundancy: str = ""
    allowed: t.Optional[float] = None

    @property
    def text(self) -> str:
        return f"{self.component.name} on {self.host}"


def targets(
    given: t.Any, groups: t.Mapping[str, t.Sequence[str]], hosts: t.Sequence[str], seconds: t.Any
) -> list[Target]:
    """The targets of the declared components. groups: hosts by group. hosts: those of the play. seconds: for components without.

    Raises OperatorError for what isn't declared well, and for hosts that the play hasn't.
    """
    found: list[Target] = []
    names: set[str] = set()
    for one in given if isinstance(given, (list, tuple)) else []:
        if not isinstance(one, t.Mapping):
            raise OperatorError(f"A component is {shown(one)}; wanted name, kind, hosts, ....")
        component = components.parse(one)
        if component.name in names:
            raise OperatorError(f"Two components are called {component.name}; give each a name of its own.")
        names.add(component.name)
        unknown = sorted(set(map(str, one)) - _KEYS)
        if unknown:
            raise OperatorError(
                f"{component.name}: there is no option {shown(unknown[0])}; there are {', '.join(sorted(_KEYS))}."
            )
        own = one.get("seconds")
        found += [
            Target(
                component,
                host,
                components.parse_seconds(component.name, seconds if own is None else own),
                str(one.get("redundancy") or ""),
                parse_allowed(component.name, one.get("allowed")),
            )
            for host in _hosts(component.name, one.get("hosts"), groups, hosts)
        ]
    if not found:
        raise OperatorError("No component is declared, so there is nothing to break; set failure_drill_components.")
    _check_groups(found)
    return found


def parse_allowed(name: str, allowed: t.Any) -> t.Optional[float]:
    """Seconds of outage that are allowed; None where it isn't said. Raises OperatorError for anything else."""
    if allowed is None:
        return None
    try:
        seconds = float(allowed)
    except (TypeError, ValueError):
        seconds = -1.0
    if isinstance(allowed, bool) or not 0 <= seconds <= 86400:
        raise OperatorError(f"{name}: allowed is {shown(allowed)}; wanted the seconds of outage that are allowed.")
    return seconds


def _hosts(name: str, given: t.Any, groups: t.Mapping[str, t.Sequence[str]], play: t.Sequence[str]) -> list[str]:
    if isinstance(given, str):
        given = [given]
    hosts: list[str] = []
    for word in given or []:
        members = list(groups.get(str(word), ())) or ([str(word)] if str(word) in play else [])
        if not members:
            raise OperatorError(
                f"{name}: {shown(word)} among its hosts is no host of this play and no group with hosts; correct it, or the target and --limit."
            )
        hosts += [host for host in members if host not in hosts]
    if not hosts:
        raise OperatorError(f"{name}: its hosts are empty; name hosts or groups of the inventory.")
    missing = [host for host in hosts if host not in play]
    if missing:
        raise OperatorError(
            f"{name}: {listed(missing)} isn't in this play, so nothing can be said of it; correct --limit or the component's hosts."
        )
    return hosts


def _check_groups(found: t.Sequence[Target]) -> None:
    for name in sorted({one.redundancy for one in found if one.redundancy}):
        members = [one for one in found if one.redundancy == name]
        if len(members) < 2:
            raise OperatorError(
                f"{members[0].text} is the only one of the redundancy {shown(name)}, so nothing takes its place; declare the others."
            )


def refusals(found: t.Sequence[Target], looks: t.Mapping[str, t.Optional[Record]]) -> list[str]:
    """Why nothing may be broken now, an error each. looks: what failure_drill_host told of each host; None where it told nothing."""
    problems: list[str] = []
    down: dict[str, list[str]] = {}
    for host in sorted({one.host for one in found}):
        fault = (looks.get(host) or {}).get("fault")
        if fault:
            problems.append(
                f"{host} still has the fault {shown(fault['component'])} of a drill, which it undoes in {max(0, fault['left']):.0f} s; "
                "another drill is under way, or was killed. Wait, or undo it with failure_drill_undo=true."
            )
    for one in found:
        look = looks.get(one.host)
        states = {state["name"]: state for state in look["components"]} if look else {}
        state = states.get(one.component.name) or {"state": "unknown", "why": "the host told nothing"}
        if state["state"] != "active":
            problems.append(
                f"{one.text} is {state['state']}: {state['why']}. Nothing is broken where something already is."
            )
            down.setdefault(one.redundancy, []).append(one.text)
    for name, texts in sorted(down.items()):
        if name:
            problems.insert(
                0,
                f"Of the redundancy {shown(name)}, {listed(texts)} is down already; none of the others may be broken.",
            )
    return problems


def refuse(problems: t.Sequence[str]) -> None:
    """Raise OperatorError where there is a problem."""
    if problems:
        raise OperatorError(first_of(problems))


def choose(found: t.Sequence[Target], seed: str, chosen: t.Sequence[str], faults: int, budget: int) -> list[Target]:
    """The targets to break, one after the other: at most `faults`, of at most `budget` seconds together.

    chosen are names of components, or of component@host, in their order; where there are none, the seed decides, whatever the order of
    the declaration. Raises OperatorError for a chosen one that isn't declared or that the budget doesn't allow.
    """
    if faults < 1 or budget < 1:
        raise OperatorError(f"The budget is {faults} faults and {budget} s; wanted at least one of each.")
    if chosen:
        picked = [_chosen(found, word) for word in chosen]
        seconds = sum(one.seconds for one in picked)
        if len(picked) > faults or seconds > budget:
            raise OperatorError(
                f"{len(picked)} faults of {seconds} s are chosen, and the budget is {faults} faults of {budget} s; choose fewer or raise it."
            )
        return picked
    picked, left = [], budget
    for one in sorted(found, key=lambda target: _lot(seed, target)):
        if len(picked) < faults and one.seconds <= left:
            picked.append(one)
            left -= one.seconds
    if not picked:
        raise OperatorError(
            f"No fault fits the budget of {budget} s; the shortest takes {min(one.seconds for one in found)} s."
        )
    return picked


def _lot(seed: str, target: Target) -> str:
    return hashlib.sha256("\0".join((seed, target.component.name, target.host)).encode()).hexdigest()


def _chosen(found: t.Sequence[Target], word: str) -> Target:
    fitting = [one for one in found if word in (one.component.name, f"{one.component.name}@{one.host}")]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise OperatorError(f"{shown(word)} is on {listed([one.host for one in fitting])}; choose {word}@HOST.")
    raise OperatorError(
        f"No component is called {shown(word)}; there are {listed(sorted({one.component.name for one in found}), 10)}."
    )


def same_machine(machines: t.Mapping[str, Record]) -> list[str]:
    """An error for each machine that has two names, so that it would take its own place. machines: what each host told, by name."""
    names: dict[tuple[str, str], list[str]] = {}
    for host, machine in sorted(machines.items()):
        names.setdefault((str(machine["boot_id"]), str(machine["init"])), []).append(host)
    return [f"{listed(hosts)} are one machine; name it once." for hosts in names.values() if len(hosts) > 1]


def itself(look: Record, controller: Record) -> bool:
    """Whether a host is the machine on which Ansible runs, or carries it. Both have boot_id, init and container (its kind, or none)."""
    if look["boot_id"] != controller["boot_id"]:
        return False
    # Containers have the boot_id of their host. Two of them are different; a host with this boot_id carries us.
    return not look["container"] or look["init"] == controller["init"]
