# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Nova with a few servers, whose migrations take some looks; in place of `_drain.cloud.Cloud`."""

from __future__ import annotations

import dataclasses
import typing as t
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.model import (
    COLD,
    LIVE,
    Migration,
    Server,
    Service,
    Step,
)


class Killed(BaseException):
    """The run is killed: no code of ours handles it."""


@dataclass
class World:
    """looks: how many times a server is looked at until its migration has got further."""

    host: str = "cmp01"
    identity: dict[str, str] = field(default_factory=lambda: {"auth_url": "u", "region": "r"})
    state: Service = field(default_factory=lambda: Service("s", "enabled", "", up=True, forced_down=False))
    there: dict[str, Server] = field(default_factory=dict)
    moves: dict[str, list[Migration]] = field(default_factory=dict)
    looks: int = 2
    fails: set[str] = field(default_factory=set)
    refuses: set[str] = field(default_factory=set)
    never: set[str] = field(default_factory=set)
    nowhere: dict[str, str] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    #: For how many looks Placement has the host as disabled though its service is enabled.
    marked: int = 0
    killed_after: int = -1
    #: How many of the next looks at a server Nova doesn't answer.
    silent: int = 0
    asked: list[str] = field(default_factory=list)
    most: int = 0
    _pending: dict[str, int] = field(default_factory=dict)

    def add(self, uuid: str, status: str = "ACTIVE", **other: t.Any) -> Server:
        self.there[uuid] = Server(
            uuid, **{"host": self.host, "status": status, "task": "", "lock": "", "image": "i", **other}
        )
        return self.there[uuid]

    def change(self, uuid: str, **other: t.Any) -> None:
        self.there[uuid] = dataclasses.replace(self.there[uuid], **other)

    # What Cloud does

    def service(self) -> Service:
        return self.state

    def set_service(self, service: Service, status: str, reason: str) -> None:
        self.asked.append(f"service {status}")
        self.state = dataclasses.replace(service, status=status, reason=reason)

    def servers(self) -> list[Server]:
        return sorted((one for one in self.there.values() if one.host == self.host), key=lambda one: one.id)

    def server(self, uuid: str) -> Server | None:
        if self.silent and self._pending.get(uuid):
            self.silent -= 1
            raise OperatorError("Nova's /servers can't be reached.")
        if self._pending.get(uuid):
            self._pending[uuid] -= 1
            if not self._pending[uuid] and uuid not in self.never:
                self._further(uuid)
        return self.there.get(uuid)

    def migrations(self, uuid: str) -> list[Migration]:
        return list(self.moves.get(uuid, []))

    def start(self, step: Step) -> None:
        self.asked.append(f"{step.how} {step.server}{f' to {step.dest}' if step.dest else ''}")
        if step.server in self.refuses:
            raise OperatorError("Nova's action was answered with HTTP 409; it says 'no'.")
        number = 1 + max((one.id for rows in self.moves.values() for one in rows), default=0)
        status = "running" if step.how == LIVE else "migrating"
        made = Migration(number, f"m{number}", step.how, status, step.source, step.dest or "cmp02")
        self.moves.setdefault(step.server, []).insert(0, made)
        self.change(step.server, task="migrating")
        self._pending[step.server] = self.looks
        self.most = max(self.most, sum(one.task != "" for one in self.there.values()))
        if self.killed_after == len(self.asked):
            raise Killed

    def confirm(self, uuid: str) -> None:
        self.asked.append(f"confirm {uuid}")
        self._end(uuid, "confirmed")
        self.change(uuid, status="SHUTOFF")

    def fault(self, uuid: str) -> str:
        return "'No valid host was found.'"

    def without_target(self, servers: t.Sequence[str]) -> dict[str, str]:
        return {one: why for one, why in self.nowhere.items() if one in servers}

    def disabled_in_placement(self) -> bool:
        assert self.state.status == "enabled"
        self.marked -= 1
        return self.marked >= 0

    def allocations(self) -> set[str]:
        return self.held | {one.id for one in self.servers()}

    # What Nova does behind

    def _further(self, uuid: str) -> None:
        newest = self.moves[uuid][0]
        if uuid in self.fails:
            self._end(uuid, "error")
            self.change(uuid, task="")
        elif newest.how == COLD:
            self._end(uuid, "finished")
            self.change(uuid, task="", host=newest.dest, status="VERIFY_RESIZE")
        else:
            self._end(uuid, "completed")
            self.change(uuid, task="", host=newest.dest)

    def _end(self, uuid: str, status: str) -> None:
        self.moves[uuid][0] = dataclasses.replace(self.moves[uuid][0], status=status)
