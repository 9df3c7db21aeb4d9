# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What it takes to get from what Nova has to what is declared, and what is refused before anything changes. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, first_of, listed, shown

from .model import Aggregate, Declared, Flavor, Record, State
from .reach import check_reach


@dataclass(frozen=True)
class Step:
    """One request. kind: create, remove_host, set_zone, add_host, set_metadata, set_specs or drop_spec.

    value: a host, a zone (None for none), a key, or keys with their values (None for a key that goes).
    """

    kind: str
    name: str
    value: t.Any

    @property
    def text(self) -> str:
        if self.kind in ("set_metadata", "set_specs"):
            what = "metadata" if self.kind == "set_metadata" else "extra spec"
            parts = [
                f"remove {what} {key}" if value is None else f"set {what} {key}={value}"
                for key, value in self.value.items()
            ]
            return f"{self.name}: {', '.join(parts)}"
        in_words = {
            "create": "create it" + (f" in the zone {self.value}" if self.value else ""),
            "remove_host": f"remove {self.value}",
            "set_zone": f"make it the zone {self.value}",
            "add_host": f"add {self.value}",
            "drop_spec": f"remove extra spec {self.value}",
        }
        return f"{self.name}: {in_words[self.kind]}"


@dataclass(frozen=True)
class Move:
    """A host whose zone changes, or whose aggregate's zone does; Nova allows neither under instances."""

    host: str
    before: str
    after: str


@dataclass(frozen=True)
class AggregatesPlan:
    before: State
    after: State
    steps: tuple[Step, ...]
    gone: tuple[str, ...]
    moves: tuple[Move, ...]
    declared: Declared

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    def diff(self) -> dict[str, Record]:
        return {"before": self._public(self.before), "after": self._public(self.after)}

    def _public(self, state: State) -> Record:
        """What is declared, as it is in a state."""
        ids = [find_flavor(self.before, one.name).id for one in self.declared.flavors]
        return {
            "aggregates": {
                one.name: state.aggregates[one.name].public()
                for one in self.declared.aggregates
                if one.name in state.aggregates
            },
            "flavors": {
                state.flavors[one].name: {"extra_specs": dict(sorted(state.flavors[one].extra_specs.items()))}
                for one in ids
            },
        }


def plan(state: State, declared: Declared, *, remove: bool) -> AggregatesPlan:
    """The steps. Raises OperatorError for what must not be, or what can't be without `remove`."""
    _check_known(state, declared)
    desired = _desired(state, declared)
    gone = _gone(state, desired, declared)
    if gone and not remove:
        raise OperatorError(
            f"Refused, since it would remove: {first_of([f'{one}.' for one in gone])} Declare what should stay, "
            "or set remove (host_aggregates_remove) to true."
        )
    _check_zones(desired, declared)
    check_reach(state, desired, declared, [find_flavor(state, one.name).id for one in declared.flavors])
    steps = _steps(state, desired, declared)
    _check_order(state, steps)
    return AggregatesPlan(state, desired, tuple(steps), tuple(gone), tuple(_moves(state, desired, declared)), declared)


def check_instances(moves: t.Iterable[Move], instances: t.Mapping[str, t.Sequence[str]]) -> None:
    """Raise OperatorError where a zone would change under instances. instances: their ids by host."""
    problems = [
        f"{one.host} would go from {_zone(one.before)} to {_zone(one.after)} with {len(found)} instances on it, "
        f"for example {found[0]}."
        for one in moves
        if (found := instances.get(one.host, ()))
    ]
    if problems:
        raise OperatorError(
            f"Refused: {first_of(problems)} Nova keeps instances in their zone; move them away first "
            "(openstack server migrate, or shelve them), or leave the host where it is."
        )


def find_flavor(state: State, name: str) -> Flavor:
    """By its name or id. Raises OperatorError, with what there is."""
    if name in state.flavors:
        return state.flavors[name]
    found = [one for one in state.flavors.values() if name == one.name]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(sorted(one.id for one in found))
        raise OperatorError(f"Nova has several flavors {shown(name)} ({ids}); declare the one meant by its id.")
    raise OperatorError(
        f"Nova has no flavor {shown(name)}; it has {_some(one.name for one in state.flavors.values())}. "
        "Correct the name, or create it first."
    )


def _check_known(state: State, declared: Declared) -> None:
    for one in declared.aggregates:
        if unknown := sorted(set(one.hosts or ()) - state.hosts):
            raise OperatorError(
                f"Aggregate {shown(one.name)}: Nova has no compute {', '.join(map(shown, unknown[:5]))}; it has "
                f"{_some(state.hosts)}. Name hosts as Nova does (host in nova.conf)."
            )
    by_id: dict[str, str] = {}
    for flavor in declared.flavors:
        found = find_flavor(state, flavor.name)
        if found.id in by_id:
            raise OperatorError(
                f"The flavors {shown(by_id[found.id])} and {shown(flavor.name)} are the same one; declare it once."
            )
        by_id[found.id] = flavor.name


def _desired(state: State, declared: Declared) -> State:
    desired = state
    for one in declared.aggregates:
        there = state.aggregates.get(one.name, Aggregate(one.name))
        desired = desired.with_aggregate(
            replace(
                there,
                zone=one.zone or there.zone,
                hosts=there.hosts if one.hosts is None else frozenset(one.hosts),
                metadata=_merged(there.metadata, one.metadata),
            )
        )
    for wanted in declared.flavors:
        flavor = find_flavor(state, wanted.name)
        desired = desired.with_flavor(replace(flavor, extra_specs=_merged(flavor.extra_specs, wanted.extra_specs)))
    return desired


def _merged(there: t.Mapping[str, str], declared: t.Mapping[str, str | None]) -> dict[str, str]:
    merged = {key: value for key, value in there.items() if declared.get(key, "") is not None}
    return {**merged, **{key: value for key, value in declared.items() if value is not None}}


def _gone(state: State, desired: State, declared: Declared) -> list[str]:
    gone = []
    for one in declared.aggregates:
        if there := state.aggregates.get(one.name):
            after = desired.aggregates[one.name]
            gone += [f"{host} from aggregate {one.name}" for host in sorted(there.hosts - after.hosts)]
            gone += [
                f"metadata {key}={there.metadata[key]} of aggregate {one.name}"
                for key in sorted(there.metadata.keys() - after.metadata.keys())
            ]
    for wanted in declared.flavors:
        flavor = find_flavor(state, wanted.name)
        lost = sorted(flavor.extra_specs.keys() - desired.flavors[flavor.id].extra_specs.keys())
        gone += [f"extra spec {key}={flavor.extra_specs[key]} of flavor {flavor.name}" for key in lost]
    return gone


def _check_zones(desired: State, declared: Declared) -> None:
    problems = []
    for host in sorted(set().union(*(desired.aggregates[one.name].hosts for one in declared.aggregates))):
        zones = desired.zones_of(host)
        if len(zones) > 1:
            by = [f"{one.zone} (aggregate {one.name})" for one in desired.of_host(host) if one.zone]
            problems.append(f"{host} would be in {' and in '.join(by)}.")
    if problems:
        raise OperatorError(
            f"Refused, for a host can be in one zone only: {first_of(problems)} Take it out of one of them."
        )


def _steps(state: State, desired: State, declared: Declared) -> list[Step]:
    """In an order in which no host is in two zones meanwhile, nor leaves its zone for a moment where it stays in it."""
    first: list[Step] = []
    zones: list[Step] = []
    added: list[Step] = []
    late: list[Step] = []
    metadata: list[Step] = []
    for one in declared.aggregates:
        after = desired.aggregates[one.name]
        there = state.aggregates.get(one.name)
        if there is None:
            there = Aggregate(one.name, zone=after.zone)
            first.append(Step("create", one.name, after.zone))
        for host in sorted(there.hosts - after.hosts):
            leaves = state.zones_of(host) != desired.zones_of(host)
            (first if leaves else late).append(Step("remove_host", one.name, host))
        if there.zone != after.zone:
            zones.append(Step("set_zone", one.name, after.zone))
        added += [Step("add_host", one.name, host) for host in sorted(after.hosts - there.hosts)]
        if changes := _changes(there.metadata, after.metadata):
            metadata.append(Step("set_metadata", one.name, changes))
    return [*first, *zones, *added, *late, *metadata, *_flavor_steps(state, desired, declared)]


def _flavor_steps(state: State, desired: State, declared: Declared) -> list[Step]:
    steps = []
    for wanted in declared.flavors:
        flavor = find_flavor(state, wanted.name)
        changes = _changes(flavor.extra_specs, desired.flavors[flavor.id].extra_specs)
        if kept := {key: value for key, value in changes.items() if value is not None}:
            steps.append(Step("set_specs", flavor.name, kept))
        steps += [Step("drop_spec", flavor.name, key) for key, value in changes.items() if value is None]
    return steps


def _changes(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> dict[str, str | None]:
    keys = sorted(before.keys() | after.keys())
    return {key: after.get(key) for key in keys if before.get(key) != after.get(key)}


def _check_order(state: State, steps: t.Iterable[Step]) -> None:
    """Raise OperatorError where Nova would refuse a zone halfway, since a host is still in another one by another aggregate."""
    for step in steps:
        if step.kind == "create":
            state = state.with_aggregate(Aggregate(step.name, zone=step.value))
        if step.kind not in ("remove_host", "set_zone", "add_host"):
            continue
        there = state.aggregates[step.name]
        if step.kind == "remove_host":
            changed = replace(there, hosts=there.hosts - {step.value})
        elif step.kind == "set_zone":
            changed = replace(there, zone=step.value)
        else:
            changed = replace(there, hosts=there.hosts | {step.value})
        state = state.with_aggregate(changed)
        for host in sorted(changed.hosts) if step.kind != "remove_host" else ():
            zones = state.zones_of(host)
            if changed.zone and len(zones) > 1:
                raise OperatorError(
                    f"{step.text} can't be done in one run: {host} is in the zones {', '.join(zones)} then, by several aggregates whose "
                    "zone changes. Take the host out of all but one of them first, and put it back in a second run."
                )


def _moves(state: State, desired: State, declared: Declared) -> list[Move]:
    moves = {}
    for one in declared.aggregates:
        there, after = state.aggregates.get(one.name, Aggregate(one.name)), desired.aggregates[one.name]
        for host in there.hosts | after.hosts:
            before, then = ", ".join(state.zones_of(host)), ", ".join(desired.zones_of(host))
            if before != then:
                moves[host] = Move(host, before, then)
            elif host in there.hosts and there.zone != after.zone:
                # The host stays in its zone by another aggregate, and Nova refuses it all the same.
                moves.setdefault(host, Move(host, there.zone or "", after.zone or ""))
    return [moves[host] for host in sorted(moves)]


def _zone(name: str) -> str:
    return f"the zone {name}" if name else "no zone of its own"


def _some(names: t.Iterable[str]) -> str:
    return listed(sorted(names), 20) or "none"
