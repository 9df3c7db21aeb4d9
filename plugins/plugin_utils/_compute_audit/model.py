# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit works with: what the cloud lists, what a host tells, and what comes out. Imports neither Ansible nor the SDK."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .kinds import Kind

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import Group, Image, Volume

Record = dict[str, t.Any]
"""One item of an API's list, as the API wrote it. What a host tells is typed: see facts of module_utils."""

GIB = 1 << 30
MIB = 1 << 20

#: Of the JSON report. A number is added to where something changes that a reader may rely on.
VERSION = 1

SEVERITIES = ("critical", "warning", "info")

#: A migration in one of these holds allocations of its own, or is about to.
UNDER_WAY = (
    "accepted",
    "queued",
    "preparing",
    "pre-migrating",
    "migrating",
    "running",
    "post-migrating",
    "finished",
    "confirming",
    "reverting",
)

#: File systems that one host alone can have mounted.
LOCAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "overlay")

#: Inventories of these classes are compared with what a host has.
CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")


class Provider(t.TypedDict):
    """A resource provider of Placement with what it has and who holds it."""

    uuid: str
    name: str
    root: str
    """The provider at the top of its tree, a compute's; its own uuid where it is one."""
    inventories: dict[str, Record]
    usages: dict[str, int]
    allocations: dict[str, dict[str, int]]
    """By consumer: its resources on this provider."""


class Pool(t.TypedDict):
    """What Nova keeps in a pool of Ceph."""

    host: str
    """Nova's name of the compute that was asked."""
    fsid: str
    pool: str
    images: list[Image]
    """Each with its name and its instance."""


class Cloud(t.TypedDict):
    """Everything that was asked of one region."""

    cloud: str
    region: str
    services: list[Record]
    hypervisors: list[Record]
    servers: list[Record]
    """All that are on a host, are being built, are in error, or are shelved away from a host."""
    recent: list[Record]
    """Those that changed or were deleted while the hosts were looked at."""
    everybody: list[Record]
    """All servers, for their ids alone; asked for only where something lies outside the computes. Else empty."""
    migrations: list[Record]
    """Those that are under way, waiting for a confirmation included, or ended while the hosts were looked at."""
    ended: list[Record]
    """Those that ended in the two minutes before: what they held, and nova-compute's own count, follow a moment later."""
    evacuations: list[Record]
    """All that Nova remembers, failed ones included."""
    providers: list[Provider]
    absent: list[str]
    """Of the ids that a host or Placement names and no list has: those that Nova, asked for each, says there is no server of."""
    unanswered: dict[str, str]
    """Those for which it gave no such answer, by id, with the reason."""
    lost_providers: list[str]
    """Providers in no list of hypervisors that Nova, asked for each, says there is no hypervisor of."""
    unreached: list[str]
    """Hosts of cells whose database didn't answer Nova at some time."""
    flavors: list[Record]
    """All, private ones included."""
    aggregates: list[Record]
    traits: dict[str, list[str] | None]
    """By trait that a flavor names: the uuids of the providers that have it; None where Placement knows no such trait."""
    unread: str
    """Why flavors, aggregates and traits aren't known, and are empty here; empty where they are."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that isn't as it should be, and its remedy."""

    kind: Kind
    severity: str
    host: str
    subject: str
    """What it is about, in one word that stays the same: an id, a name of a resource, a volume."""
    explanation: str
    remedy: str
    """A command, or empty where there is a choice. It runs on `remedy_on`: the host, or where the API, the database or Ceph is reached."""
    remedy_on: str
    irreversible: bool = False
    """Whether the remedy destroys something for good."""
    name: str = ""
    """What its owner calls the subject. A tenant wrote it: never a template, never part of a command."""

    @property
    def id(self) -> str:
        return f"{self.kind.value}:{self.host}:{self.subject}"

    def public(self) -> dict[str, str]:
        return {
            "id": self.id,
            "kind": self.kind.value,
            "severity": self.severity,
            "host": self.host,
            "subject": self.subject,
            "name": self.name,
            "explanation": self.explanation,
            "remedy": self.remedy,
            "remedy_on": self.remedy_on,
            "irreversible": self.irreversible,
        }


class Allocated(t.TypedDict):
    """A resource as Placement has it, in the resource's own unit."""

    total: int
    reserved: int
    ratio: float
    capacity: int
    allocated: int
    free: int


class ByNova(t.TypedDict):
    """The same as Nova's hypervisor view has it; its free does not know of ratios."""

    total: int
    used: int
    free: int


class Actual(t.TypedDict):
    """The same as the host has it."""

    total: int
    guests: int
    others: int
    free: int
    promised: int
    """What all guests may come to take: vCPUs, memory, virtual sizes of disks."""


class Capacity(t.TypedDict):
    resource: str
    allocated: Allocated | None
    nova: ByNova | None
    actual: Actual | None
    words: str
    negative: str | None


class Reservation(t.TypedDict):
    """How much of a host's disk Nova must not give away."""

    current_mb: int | None
    """What nova.conf says; null where that isn't known."""
    in_effect_gb: int | None
    needed_mb: int
    why: str


class Node(t.TypedDict):
    host: str
    inventory_hostname: str | None
    state: str
    status: str
    instances: int
    unknown: dict[str, str]
    capacity: list[Capacity]
    reservation: Reservation | None
    groups: list[Group]
    volumes: list[Volume]
