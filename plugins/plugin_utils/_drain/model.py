# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers, migrations, and what is decided of them. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError

Record = dict[str, t.Any]

LIVE, COLD = "live", "cold"
#: How Nova calls the two in its migrations.
KINDS = {"live-migration": LIVE, "migration": COLD}
MARKER = "openstack_ops.day2 drain: "
"""What the reason of a service that we disabled begins with."""

# A migration that has ended says one of these, live or cold; any other state is under way.
_SUCCEEDED = {"completed", "confirmed", "done"}
_FAILED = {"error", "failed", "cancelled", "reverted"}
#: A flavor that asks for one of these has a device of its host, which Nova's live migration can't take along everywhere.
_DEVICES = ("pci_passthrough:", "resources:VGPU", "resources:PGPU", "trait:CUSTOM_VGPU", "accel:")


#: The least and the most of what may be asked for: migrations at once, seconds.
BOUNDS: dict[str, tuple[int, int | None]] = {"parallel": (1, None), "migration_timeout": (1, None)}


def check_reason(reason: str) -> str:
    """The reason why a compute is drained. Raises OperatorError where it is empty or Nova would cut it."""
    # Nova keeps 255 characters, our mark included.
    if not 0 < len(reason) <= 200:
        raise OperatorError(f"The reason has {len(reason)} characters; write 1 to 200.")
    return reason


@dataclass(frozen=True)
class Server:
    """A server as Nova tells it. lock: empty, or why it is locked. devices: the extra specs that tie it to devices of its host."""

    id: str
    host: str
    status: str
    task: str
    lock: str
    image: str
    devices: tuple[str, ...] = ()

    @classmethod
    def of(cls, row: Record) -> Server:
        specs = (row.get("flavor") or {}).get("extra_specs") or {}
        reason = row.get("locked_reason")
        return cls(
            id=str(row["id"]),
            host=str(row.get("OS-EXT-SRV-ATTR:host") or ""),
            status=str(row.get("status") or "UNKNOWN").upper(),
            task=str(row.get("OS-EXT-STS:task_state") or ""),
            lock=(str(reason) if reason else "no reason given") if row.get("locked") else "",
            image=str((row.get("image") or {}).get("id") or ""),
            devices=tuple(sorted(str(name) for name in specs if str(name).startswith(_DEVICES))),
        )


@dataclass(frozen=True)
class Migration:
    """how: live, cold, or what else Nova calls it, such as resize."""

    id: int
    uuid: str
    how: str
    status: str
    source: str
    dest: str

    @classmethod
    def of(cls, row: Record) -> Migration:
        kind = str(row.get("migration_type") or "")
        return cls(
            id=int(row["id"]),
            uuid=str(row.get("uuid") or ""),
            how=KINDS.get(kind, kind),
            status=str(row.get("status") or "").lower(),
            source=str(row.get("source_compute") or ""),
            dest=str(row.get("dest_compute") or ""),
        )

    @property
    def succeeded(self) -> bool:
        return self.status in _SUCCEEDED

    @property
    def failed(self) -> bool:
        return self.status in _FAILED

    @property
    def under_way(self) -> bool:
        return not (self.succeeded or self.failed)


@dataclass(frozen=True)
class Step:
    """A server to migrate. since: the id of its newest migration before; started: ours is under way already, and is waited for."""

    server: str
    how: str
    source: str
    dest: str = ""
    """Empty: wherever the scheduler puts it."""
    since: int = 0
    started: bool = False

    @property
    def text(self) -> str:
        where = self.dest or "where the scheduler finds room"
        done = "wait for the migration that is under way" if self.started else f"migrate {self.how}"
        return f"{self.server}: {done}, from {self.source} to {where}"


@dataclass(frozen=True)
class Refusal:
    """A server that isn't moved, and why."""

    server: str
    why: str

    @property
    def text(self) -> str:
        return f"{self.server} {self.why}"


@dataclass
class Moved:
    """How it went with one server. verdict: moved, gone, failed or refused."""

    server: str
    source: str
    dest: str
    how: str
    seconds: int
    verdict: str
    why: str = ""
    migration: int = 0
    """The id of the migration that moved it; 0 where there was none."""

    def public(self) -> Record:
        return {
            "server": self.server,
            "from": self.source,
            "to": self.dest,
            "how": self.how,
            "seconds": self.seconds,
            "verdict": self.verdict,
            "why": self.why,
        }


@dataclass(frozen=True)
class Service:
    """The service nova-compute of the host. up: whether it has reported lately."""

    id: str
    status: str
    reason: str
    up: bool
    forced_down: bool

    @classmethod
    def of(cls, row: Record) -> Service:
        return cls(
            id=str(row["id"]),
            status=str(row["status"]).lower(),
            reason=str(row.get("disabled_reason") or ""),
            up=str(row.get("state")).lower() == "up",
            forced_down=bool(row.get("forced_down")),
        )

    @property
    def ours(self) -> bool:
        return self.status == "disabled" and self.reason.startswith(MARKER)

    @property
    def text(self) -> str:
        return f"disabled ({self.reason or 'no reason given'})" if self.status == "disabled" else self.status


@dataclass
class DrainPlan:
    """What a run would do. service: the status and reason that it has afterwards. notes: what somebody should know."""

    before: Service
    status: str
    reason: str
    steps: list[Step] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def changes_service(self) -> bool:
        return (self.before.status, self.before.reason) != (self.status, self.reason)

    @property
    def changed(self) -> bool:
        return self.changes_service or bool(self.steps)

    @property
    def texts(self) -> list[str]:
        service = [f"nova-compute: {self.before.text} -> {self.after}"] if self.changes_service else []
        return [*service, *(one.text for one in self.steps)]

    @property
    def after(self) -> str:
        return f"disabled ({self.reason or 'no reason given'})" if self.status == "disabled" else self.status
