# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aggregates and flavors as Nova has them, and as an operator declares them. Pure."""

from __future__ import annotations

import typing as t
from collections import Counter
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown

Record = dict[str, t.Any]
ZONE = "availability_zone"


@dataclass(frozen=True)
class Aggregate:
    """One host aggregate. metadata is without the zone. id: None for one that isn't made yet."""

    name: str
    id: int | None = None
    zone: str | None = None
    hosts: frozenset[str] = frozenset()
    metadata: t.Mapping[str, str] = field(default_factory=dict)

    def all_metadata(self) -> dict[str, str]:
        """As Nova keeps it and its filters see it: the zone is a key among the others."""
        return {**self.metadata, **({ZONE: self.zone} if self.zone else {})}

    def public(self) -> Record:
        return {ZONE: self.zone or "", "hosts": sorted(self.hosts), "metadata": dict(sorted(self.metadata.items()))}


@dataclass(frozen=True)
class Flavor:
    id: str
    name: str
    extra_specs: t.Mapping[str, str]


@dataclass(frozen=True)
class State:
    """What Nova has: aggregates by name, flavors by id, and the hosts with nova-compute."""

    aggregates: t.Mapping[str, Aggregate]
    flavors: t.Mapping[str, Flavor]
    hosts: frozenset[str]

    def of_host(self, host: str) -> list[Aggregate]:
        return [one for _name, one in sorted(self.aggregates.items()) if host in one.hosts]

    def zones_of(self, host: str) -> list[str]:
        """The zones that aggregates give a host, sorted. Without any it is in Nova's default zone."""
        return sorted({one.zone for one in self.of_host(host) if one.zone})

    def with_aggregate(self, changed: Aggregate) -> State:
        return replace(self, aggregates={**self.aggregates, changed.name: changed})

    def with_flavor(self, changed: Flavor) -> State:
        return replace(self, flavors={**self.flavors, changed.id: changed})


@dataclass(frozen=True)
class DeclaredAggregate:
    """zone, hosts: None for what is left as it is. metadata: None for a key that has to go."""

    name: str
    zone: str | None
    hosts: tuple[str, ...] | None
    metadata: t.Mapping[str, str | None]
    without_flavors: bool


@dataclass(frozen=True)
class DeclaredFlavor:
    """name: its name or id. extra_specs: None for a key that has to go."""

    name: str
    extra_specs: t.Mapping[str, str | None]


@dataclass(frozen=True)
class Declared:
    aggregates: tuple[DeclaredAggregate, ...]
    flavors: tuple[DeclaredFlavor, ...]


def parse_state(aggregates: list[Record], flavors: list[Record], services: list[Record]) -> State:
    """Nova's lists of aggregates, flavors with their extra specs, and nova-compute services."""
    found = {}
    for row in aggregates:
        metadata = {str(key): str(value) for key, value in row["metadata"].items() if key != ZONE}
        zone = row["metadata"].get(ZONE) or None
        name = str(row["name"])
        found[name] = Aggregate(name, int(row["id"]), zone, frozenset(map(str, row["hosts"])), metadata)
    return State(
        found,
        {str(row["id"]): Flavor(str(row["id"]), str(row["name"]), dict(row["extra_specs"])) for row in flavors},
        frozenset(str(row["host"]) for row in services),
    )


def parse_declared(aggregates: list[Record], flavors: list[Record]) -> Declared:
    """The role's variables. Raises OperatorError for what no cloud could be given."""
    if not aggregates and not flavors:
        raise OperatorError(
            "No aggregate and no flavor is declared, so there is nothing to do; set host_aggregates_aggregates."
        )
    for what, rows in (("aggregate", aggregates), ("flavor", flavors)):
        counted = Counter(str(row["name"]) for row in rows)
        if twice := sorted(name for name, count in counted.items() if count > 1):
            raise OperatorError(f"The {what} {shown(twice[0])} is declared {counted[twice[0]]} times; declare it once.")
    return Declared(
        tuple(_aggregate(row) for row in aggregates),
        tuple(
            DeclaredFlavor(str(row["name"]), _texts(row["extra_specs"] or {}, f"flavor {row['name']}: extra_specs"))
            for row in flavors
        ),
    )


def _aggregate(row: Record) -> DeclaredAggregate:
    name, zone, hosts = str(row["name"]), row.get(ZONE), row.get("hosts")
    metadata = _texts(row.get("metadata") or {}, f"aggregate {name}: metadata")
    if ZONE in metadata:
        raise OperatorError(f"Aggregate {shown(name)} has {ZONE} in its metadata; declare {ZONE} beside the metadata.")
    if zone is not None and (not zone.strip() or ":" in zone):
        raise OperatorError(
            f"Aggregate {shown(name)}: {shown(zone)} can't be the name of a zone, it is empty or has a colon. Leave {ZONE} "
            "out to keep what is there; Nova can't take a zone away from an aggregate, only hosts."
        )
    counted: Counter[str] = Counter(hosts or ())
    if twice := sorted(one for one, count in counted.items() if count > 1):
        raise OperatorError(f"Aggregate {shown(name)} has the host {shown(twice[0])} twice; name it once.")
    return DeclaredAggregate(
        name, zone, None if hosts is None else tuple(hosts), metadata, bool(row.get("without_flavors"))
    )


def _texts(values: Record, where: str) -> dict[str, str | None]:
    """Values as Nova keeps them: text. YAML's true is true, not Python's True."""
    texts: dict[str, str | None] = {}
    for key, value in values.items():
        if isinstance(value, (dict, list)):
            raise OperatorError(f"{where}: {shown(key)} is a {type(value).__name__}; write text, or null to remove it.")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        texts[str(key)] = None if value is None else text
        if not text:
            raise OperatorError(f"{where}: {shown(key)} is empty; write text, or null to remove it.")
    return texts
