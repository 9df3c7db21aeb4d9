# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cloud that can be asked why there is no host: Nova's one server, Placement's questions, Glance, Neutron."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._aggregates.nova import Answer, Nova, Record

INSTANCE = "22222222-1111-4111-8111-111111111111"
OTHER = "33333333-1111-4111-8111-111111111111"
IMAGE = "44444444-1111-4111-8111-111111111111"
GROUP = "55555555-1111-4111-8111-111111111111"


def failed(**changes: t.Any) -> Record:
    """An instance that found no host."""
    flavor = {
        "original_name": "m1.ssd",
        "vcpus": 1,
        "ram": 256,
        "disk": 1,
        "ephemeral": 0,
        "swap": 0,
        "extra_specs": {},
    }
    return {
        "id": INSTANCE,
        "status": "ERROR",
        "fault": {"message": "No valid host was found. {{ 7 * 7 }}"},
        "flavor": flavor,
        "image": {"id": IMAGE},
        "OS-EXT-AZ:availability_zone": "",
        "pinned_availability_zone": None,
        "OS-EXT-SRV-ATTR:host": None,
        "server_groups": [],
        **changes,
    }


@dataclass
class Apis(Nova):
    services: tuple[str, ...] = ("compute", "network", "placement", "image")
    servers: dict[str, Record] = field(default_factory=lambda: {INSTANCE: failed()})
    image: Record = field(default_factory=dict)
    group: Record = field(default_factory=dict)
    ports: list[Record] = field(default_factory=list)
    #: By the beginning of a path, what an API answers instead.
    refused: dict[str, int] = field(default_factory=dict)
    #: What Placement offers; None for all.
    offered: list[str] | None = None
    candidates_asked: dict[str, list[str]] = field(default_factory=dict)

    def _answer(self, request: BaseHTTPRequestHandler, path: str, query: str, body: bytes) -> Answer:
        for beginning, code in self.refused.items():
            if path.startswith(beginning):
                return code, {"error": {"message": "no"}}, {}
        service, _region, rest = path.lstrip("/").split("/", 2) if path.count("/") > 2 else ("", "", "")
        rest = rest.removeprefix("v2.1/")
        if service == "image":
            found = rest == f"v2/images/{IMAGE}"
            return (
                (200, {"id": IMAGE, **self.image}, {})
                if found
                else (200, {"images": [{"id": IMAGE, **self.image}]}, {})
            )
        if service == "network" and rest == "v2.0/ports":
            return 200, {"ports": self.ports}, {}
        if service == "compute" and rest.startswith("servers/") and rest != "servers/detail":
            server = self.servers.get(rest.removeprefix("servers/"))
            return (200, {"server": server}, {}) if server else (404, {"itemNotFound": {"code": 404}}, {})
        if service == "compute" and rest.startswith("os-server-groups/"):
            return 200, {"server_group": self.group}, {}
        if service == "placement" and "in_tree" in parse_qs(query):
            uuid = parse_qs(query)["in_tree"][0]
            known = [{"uuid": uuid}] if uuid in self.lists["placement"] else []
            return 200, {"resource_providers": known}, {}
        if service == "placement" and rest == "allocation_candidates":
            self.candidates_asked = parse_qs(query)
            uuids = list(self.lists["placement"]) if self.offered is None else self.offered
            return (
                200,
                {
                    "allocation_requests": [{}] * len(uuids),
                    "provider_summaries": {one: {"root_provider_uuid": one} for one in uuids},
                },
                {},
            )
        if service == "placement" and rest.endswith(("/traits", "/aggregates")):
            return 200, {rest.rsplit("/", 1)[1]: []}, {}
        return super()._answer(request, path, query, body)
