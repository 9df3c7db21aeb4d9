# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is asked of a compute, and what was found. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown

Record = dict[str, t.Any]

PASSED, FAILED, UNKNOWN, PLANNED = "passed", "failed", "unknown", "planned"
KEY = "openstack_ops.day2:canary"
"""The key in the metadata of our servers and volumes; its value is the host that is proved."""

#: The least and the most of what may be asked for: seconds, GiB, a TCP port.
BOUNDS: dict[str, tuple[int, int | None]] = {
    "check_timeout": (1, None),
    "volume_size": (0, None),
    "reach_port": (1, 65535),
}


def called(row: Record) -> str:
    """The name that somebody gave to a thing of the cloud, quoted where it has more than names have."""
    name = str(row.get("name"))
    return name if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", name) else shown(name)


def name_of(host: str) -> str:
    return f"openstack-ops-canary-{host}"


@dataclass(frozen=True)
class Checks:
    """What is looked at beside the service, the boot and the removal.

    dhcp, metadata, written: patterns for the console log, None where it isn't looked for. reach: "", ping or tcp. volume: GiB, 0 for none.
    """

    console: bool = True
    dhcp: re.Pattern[str] | None = None
    metadata: re.Pattern[str] | None = None
    reach: str = ""
    reach_port: int = 22
    limit: bool = False
    volume: int = 0
    volume_type: str = ""
    written: re.Pattern[str] | None = None
    migrate: bool = False

    def names(self, *, network: bool) -> list[str]:
        """In the order in which they are made."""
        asked = {
            "service": True, "boot": True, "port": network, "console": self.console, "dhcp": self.dhcp, "metadata": self.metadata,
            "reach": self.reach, "limit": self.limit, "volume": self.volume, "written": self.written, "migration": self.migrate,
            "removal": True,
        }  # fmt: skip
        return [name for name, wanted in asked.items() if wanted]


@dataclass(frozen=True)
class Options:
    """host: as Nova calls it. network: empty for a canary without a NIC. timeout: seconds for each check."""

    host: str
    image: str = ""
    flavor: str = ""
    network: str = ""
    security_groups: tuple[str, ...] = ()
    checks: Checks = field(default_factory=Checks)
    timeout: int = 300


@dataclass(frozen=True)
class Things:
    """What the canary is made of: rows of Glance, Nova and Neutron; network: None for none."""

    image: Record
    flavor: Record
    network: Record | None

    @property
    def text(self) -> str:
        network = f"on the network {called(self.network)}" if self.network else "without a network"
        return f"image {called(self.image)}, flavor {called(self.flavor)}, {network}"


@dataclass(frozen=True)
class Check:
    """verdict: passed, failed or unknown; planned in check mode. why: in words."""

    name: str
    verdict: str
    why: str
    seconds: int = 0

    def public(self) -> Record:
        return {"check": self.name, "verdict": self.verdict, "why": self.why, "seconds": self.seconds}


@dataclass(frozen=True)
class Leftover:
    """Something of ours that is there. kind: server or volume."""

    kind: str
    id: str

    @property
    def text(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass
class Left:
    """What is there of canaries of a host. unknown: why it isn't known whether a volume is among it. alike: what only looks like ours."""

    found: list[Leftover] = field(default_factory=list)
    unknown: str = ""
    alike: list[str] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        return [*([self.unknown] if self.unknown else []), *self.alike]


@dataclass
class Report:
    host: str
    found: list[Leftover] = field(default_factory=list)
    """What earlier runs left, and this one removes."""
    unknown: bool = False
    """Whether it isn't known if a volume is among that."""
    steps: list[str] = field(default_factory=list)
    boots: bool = False
    checks: list[Check] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)
    """What of ours is still there at the end, with the reason."""
    notes: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The worst of all checks; without any, empty."""
        said = {one.verdict for one in self.checks}
        return next((one for one in (FAILED, UNKNOWN, PLANNED, PASSED) if one in said), "")

    @property
    def failures(self) -> list[str]:
        """What isn't proved, for the error."""
        bad = [one for one in self.checks if one.verdict in (FAILED, UNKNOWN)]
        bad.sort(key=lambda one: one.verdict != FAILED)
        return [f"{one.name} {one.verdict}: {one.why}." for one in bad]

    @property
    def changed(self) -> bool:
        return self.boots or bool(self.found)


def ours(row: Record, host: str, project: str, owner: str) -> bool:
    """Whether a server or volume was made by a canary of this host: by name, metadata and the project that owns it (in the key `owner`)."""
    metadata = row.get("metadata")
    return (
        bool(project)
        and row.get("name") == name_of(host)
        and row.get(owner) == project
        and isinstance(metadata, dict)
        and metadata.get(KEY) == host
    )
