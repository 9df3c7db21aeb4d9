# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an instance needs, what a compute offers, and why the two don't fit. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

Record = dict[str, t.Any]
PLACEMENT = "Placement"
#: The trait of a compute whose nova-compute is disabled, which Nova forbids in every request.
DISABLED = "COMPUTE_STATUS_DISABLED"


@dataclass
class Group:
    """Resources (amounts by class) and traits that one provider of a compute has to have; suffix "" for the group without one."""

    suffix: str = ""
    resources: dict[str, int] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)
    forbidden: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class ServerGroup:
    """policy: affinity, anti-affinity or a soft one. members: how many of it run on each host. unknown: why that isn't known in full."""

    name: str
    policy: str
    at_most: int
    members: t.Mapping[str, int]
    unknown: str = ""


@dataclass(frozen=True)
class Needs:
    """What Nova asks for. image: its properties. notes: what of it isn't judged, and why, and what Nova ignores.

    unjudged: out of notes, those that name what else Nova asks for, beside the groups.
    """

    subject: str
    groups: tuple[Group, ...]
    extra_specs: t.Mapping[str, str] = field(default_factory=dict)
    group_policy: str = ""
    zone: str = ""
    image: t.Mapping[str, str] = field(default_factory=dict)
    server_group: ServerGroup | None = None
    notes: tuple[str, ...] = ()
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Provider:
    """One resource provider of Placement: inventories and usages by class, traits, and aggregates' UUIDs."""

    uuid: str
    inventories: t.Mapping[str, t.Mapping[str, t.Any]]
    usages: t.Mapping[str, int]
    traits: frozenset[str]
    aggregates: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Compute:
    """One node of a host, as Nova and Placement tell it.

    tree: the node's provider and those below it, its own first; None where it isn't known, which why_unknown explains.
    busy: how many of its instances are built, rebuilt, resized, rescued or copied now; None where it isn't known.
    """

    host: str
    node: str
    service: Record
    hypervisor: Record | None
    aggregates: tuple[Record, ...]
    tree: tuple[Provider, ...] | None
    why_unknown: str = ""
    busy: int | None = None

    @property
    def name(self) -> str:
        return self.host if self.node.split(".")[0] in (self.host.split(".")[0], "") else f"{self.host}/{self.node}"

    @property
    def reached(self) -> bool:
        """Whether Nova reaches the database of its cell."""
        return str(self.service.get("status")).upper() != "UNKNOWN"

    @property
    def metadata(self) -> list[dict[str, str]]:
        return [one["metadata"] for one in self.aggregates]


@dataclass(frozen=True)
class Cause:
    """by: Placement or the filter. known: False where it couldn't be asked, so that it may be the reason or not."""

    by: str
    text: str
    known: bool = True


@dataclass(frozen=True)
class Judged:
    compute: Compute
    causes: tuple[Cause, ...]

    @property
    def refused(self) -> bool:
        return any(one.known for one in self.causes)

    def refused_by(self, by: str) -> bool:
        return any(one.known and one.by == by for one in self.causes)

    def public(self) -> Record:
        return {
            "host": self.compute.host,
            "node": self.compute.node,
            "causes": [{"by": one.by, "text": one.text, "known": one.known} for one in self.causes],
        }
