# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Nova with aggregates and flavors that can be changed, as strict about zones as the real one."""

from __future__ import annotations

import copy
import json
import typing as t
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote

from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._openstack.fake_cloud import FakeCloud

Record = dict[str, t.Any]
Answer = tuple[int, t.Any, dict[str, str]]


def flavor(number: int, name: str, **extra_specs: str) -> Record:
    specs = {key.replace("__", ":"): value for key, value in extra_specs.items()}
    return {"id": str(number), "name": name, "vcpus": 1, "ram": 256, "disk": 1, "extra_specs": specs}


def aggregate(number: int, name: str, *hosts: str, **metadata: str) -> Record:
    return {"id": number, "name": name, "hosts": list(hosts), "metadata": metadata}


@dataclass
class Nova(FakeCloud):
    flavors: list[Record] = field(default_factory=lambda: [flavor(1, "m1.tiny"), flavor(2, "m1.ssd")])
    aggregates: list[Record] = field(default_factory=list)
    specs_hidden: bool = False
    changed: list[Record] = field(default_factory=list)
    """What was sent to change something, in order."""

    def __post_init__(self) -> None:
        self.lists["servers"] = []

    def _answer(self, request: BaseHTTPRequestHandler, path: str, query: str, body: bytes) -> Answer:
        rest = path.partition("/v2.1/")[2]
        if not self.admin or not rest.startswith(("flavors", "os-aggregates")):
            return super()._answer(request, path, query, body)
        if request.command == "GET":
            if rest == "os-aggregates":
                return 200, {"aggregates": copy.deepcopy(self.aggregates)}, {}
            rows = copy.deepcopy(self.flavors)
            for row in rows if self.specs_hidden else ():
                del row["extra_specs"]
            return 200, {"flavors": rows}, {}
        sent = json.loads(body) if body else {}
        self.changed.append(sent or {"delete": unquote(rest)})
        if self.frozen:
            return 200, {"aggregate": {"id": 99}}, {}
        if rest.startswith("flavors"):
            return self._change_flavor(rest, sent)
        if rest == "os-aggregates":
            given = sent["aggregate"]
            zone = {key: given[key] for key in ("availability_zone",) if key in given}
            self.aggregates.append(aggregate(len(self.aggregates) + 1, given["name"], **zone))
            return 200, {"aggregate": self.aggregates[-1]}, {}
        (row,) = (one for one in self.aggregates if str(one["id"]) == rest.split("/")[1])
        return self._act(row, sent)

    def _change_flavor(self, rest: str, sent: Record) -> Answer:
        (row,) = (one for one in self.flavors if one["id"] == rest.split("/")[1])
        if sent:
            row["extra_specs"].update(sent["extra_specs"])
        else:
            del row["extra_specs"][unquote(rest.split("/")[3])]
        return 200, sent, {}

    def _act(self, row: Record, sent: Record) -> Answer:
        ((action, given),) = sent.items()
        if action == "set_metadata":
            zone = given["metadata"].get("availability_zone", "any")
            if not zone or (zone != "any" and any(self._zones(host, row) - {zone} for host in row["hosts"])):
                return 409, {"conflictingRequest": {"message": "One or more hosts already in availability zone(s)"}}, {}
            row["metadata"].update(given["metadata"])
            row["metadata"] = {key: value for key, value in row["metadata"].items() if value is not None}
        elif action == "add_host":
            zone = row["metadata"].get("availability_zone")
            if zone and self._zones(given["host"], row) - {zone}:
                return 409, {"conflictingRequest": {"message": "One or more hosts already in availability zone(s)"}}, {}
            row["hosts"].append(given["host"])
        else:
            row["hosts"].remove(given["host"])
        return 200, {"aggregate": row}, {}

    def _zones(self, host: str, but: Record) -> set[str]:
        zones = {
            one["metadata"].get("availability_zone")
            for one in self.aggregates
            if host in one["hosts"] and one is not but
        }
        return {str(zone) for zone in zones if zone}
