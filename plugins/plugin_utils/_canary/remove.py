# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes what is ours, and looks whether it is gone."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID, OperatorError

from .cloud import Cloud
from .model import Leftover

# Seconds between two looks.
_POLL = 1.0

Say = t.Callable[[str], None]


@dataclass
class Remaining:
    """What is still there, with the reason: servers, for which the compute is to blame, and other things or what isn't known."""

    servers: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        return [*self.servers, *self.others]


def remove(cloud: Cloud, timeout: int, say: Say, *, volumes: bool = True) -> Remaining:
    """Delete all servers and volumes of canaries of the host, and the ports of those servers, until none is there.

    Returns what is still there after this many seconds; raises nothing. volumes: whether there may be one, so that Cinder has to answer.
    """
    began, asked, why = time.monotonic(), dict[Leftover, float](), dict[Leftover, str]()
    servers: set[str] = set()
    while True:
        try:
            left = cloud.leftovers()
            found, unknown = left.found, [left.unknown.rstrip(".")] if volumes and left.unknown else []
        except OperatorError as exc:
            found, unknown = list(asked), [f"what is still there isn't known: {str(exc).rstrip('.')}"]
        servers.update(one.id for one in found if one.kind == "server")
        # Volumes after the servers that they are attached to; each is asked for once more where that came to nothing.
        first = [one for one in found if one.kind == "server"] or found
        late = time.monotonic() - began > timeout and all(one in asked for one in first)
        if not found and not unknown:
            return Remaining(others=_ports(cloud, servers))
        if late:
            told = {one: f"{one.text} is still there{f': {why[one]}' if one in why else ''}" for one in found}
            rest = [text for one, text in told.items() if one.kind != "server"]
            return Remaining([text for one, text in told.items() if one.kind == "server"], [*rest, *unknown])
        for one in first:
            if time.monotonic() - asked.get(one, -1e9) > 30:
                say(f"removing {one.text}")
                asked[one] = time.monotonic()
                try:
                    (cloud.delete_server if one.kind == "server" else cloud.delete_volume)(one.id)
                    why.pop(one, None)
                except OperatorError as exc:
                    why[one] = str(exc).rstrip(".")
        time.sleep(_POLL)


def _ports(cloud: Cloud, servers: t.Iterable[str]) -> list[str]:
    """Delete ports that Nova has left of these servers, in our project; what is still there, with the reason."""
    remaining = []
    for server in sorted(servers):
        try:
            for port in cloud.ports(server):
                if port.get("project_id") == cloud.project and UUID.match(str(port.get("id"))):
                    cloud.delete_port(str(port["id"]))
        except OperatorError as exc:
            remaining.append(f"a port of the server {server} may still be there: {str(exc).rstrip('.')}")
    return remaining
