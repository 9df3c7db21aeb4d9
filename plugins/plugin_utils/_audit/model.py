# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit works with: what the cloud lists, what a host tells, and what comes out. Imports neither Ansible nor the SDK."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Record = dict[str, t.Any]
"""One item of an API's list, as the API wrote it; or a part of what compute_audit_info tells."""

GIB = 1 << 30
MIB = 1 << 20

#: Of the JSON report. A number is added to where something changes that a reader may rely on.
VERSION = 1

SEVERITIES = ("critical", "warning", "info")

#: Inventories of these classes are compared with what a host has.
CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")


class Provider(t.TypedDict):
    """A resource provider of Placement with what it has and who holds it."""

    uuid: str
    name: str
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
    images: list[dict[str, str]]
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
    providers: list[Provider]


@dataclass(frozen=True)
class Finding:
    """Something that isn't as it should be, and how to mend it."""

    kind: str
    severity: str
    host: str
    subject: str
    """What it is about, in one word that stays the same: an id, a name of a resource, a volume."""
    explanation: str
    mend: str
    """A command. It runs on `mend_on`: the host, or wherever the cloud's API, Nova's database or Ceph is reached."""
    mend_on: str
    name: str = ""
    """What its owner calls the subject. A tenant wrote it: never a template, never part of a command."""

    @property
    def id(self) -> str:
        return f"{self.kind}:{self.host}:{self.subject}"

    def public(self) -> dict[str, str]:
        return {
            "id": self.id,
            "kind": self.kind,
            "severity": self.severity,
            "host": self.host,
            "subject": self.subject,
            "name": self.name,
            "explanation": self.explanation,
            "mend": self.mend,
            "mend_on": self.mend_on,
        }


class Believed(t.TypedDict):
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


class Real(t.TypedDict):
    """The same as the host has it."""

    total: int
    guests: int
    others: int
    free: int
    promised: int
    """What all guests may come to take: vCPUs, memory, virtual sizes of disks."""


class Book(t.TypedDict):
    resource: str
    believed: Believed | None
    nova: ByNova | None
    real: Real | None
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
    books: list[Book]
    reservation: Reservation | None
    groups: list[Record]
    volumes: list[Record]
