# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Nova and Placement about one host and its servers, and starts migrations."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, changed_meanwhile, shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query, find_region, identity
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.connect import Region, part
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.fetch import why_each
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.model import DISABLED

from .model import LIVE, Migration, Record, Server, Service, Step

# 2.61 tells flavors' extra specs, 2.84 what went wrong in an action.
_LEAST, _NEWEST = (2, 61), (2, 84)
_TREES = "1.14"
_NEEDS = "draining a compute needs the admin role, or policies that let another role change compute services and migrate servers of all projects."
#: Filters that Nova has on unless somebody switched them off; only these are judged before.
_FILTERS = ("ComputeFilter", "ImagePropertiesFilter", "ServerGroupAntiAffinityFilter", "ServerGroupAffinityFilter")


class Cloud:
    """One host of one region. All methods raise OperatorError where an API can't be asked."""

    def __init__(self, query: Query, host: str, needs: str = _NEEDS) -> None:
        """needs: what a user has to be allowed to do, to say where they aren't."""
        self.host = host
        config = find_region(query)
        region = Region(config, needs)
        region.log_in()
        self._region = region
        self._nova = region.nova()
        newest = self._nova.newest_microversion()
        if newest < _LEAST:
            raise OperatorError(
                f"Nova of the cloud {config.name} knows microversions up to {newest[0]}.{newest[1]} only; 2.61 is needed."
            )
        self._version = "{}.{}".format(*min(newest, _NEWEST))
        named = identity(config)
        url = next((str(value) for key, value in named.items() if key.endswith("auth_url")), "")
        self.identity = {"auth_url": url, "region": str(config.region_name or "")}

    # The service

    def service(self) -> Service:
        """Raises OperatorError also where Nova has no such service, or doesn't reach its cell."""
        params = [("host", self.host), ("binary", "nova-compute")]
        rows = (self._nova.get("/os-services", params, self._version) or {}).get("services", [])
        if len(rows) != 1:
            raise OperatorError(
                f"Nova has {len(rows)} services nova-compute on {self.host}, wanted one; name the host as Nova calls it "
                "(host in nova.conf)."
            )
        if str(rows[0]["status"]).upper() == "UNKNOWN":
            raise OperatorError(
                f"Nova doesn't reach the database of the cell of {self.host}, so what runs there is unknown; look after it first."
            )
        return Service.of(rows[0])

    def set_service(self, service: Service, status: str, reason: str) -> None:
        """Raises OperatorError also where Nova doesn't do it."""
        sent = {"status": status, **({"disabled_reason": reason} if status == "disabled" else {})}
        self._nova.put(f"/os-services/{service.id}", sent, self._version)
        after = self.service()
        if (after.status, after.reason) != (status, reason):
            raise changed_meanwhile(f"Nova's service nova-compute on {self.host}")

    # Servers

    def servers(self) -> list[Server]:
        """All on the host, those that are only softly deleted included, in the order of their ids."""
        params = [("all_tenants", "1"), ("soft_deleted", "1"), ("host", self.host)]
        rows = self._nova.read("/servers/detail", "servers", params, self._version)
        return sorted((Server.of(row) for row in rows), key=lambda one: one.id)

    def server(self, uuid: str) -> Server | None:
        """One of any host; None where there is none such."""
        answer = self._nova.get(f"/servers/{uuid}", microversion=self._version, missing_ok=True)
        return Server.of(answer["server"]) if answer else None

    def migrations(self, uuid: str) -> list[Migration]:
        rows = self._nova.read("/os-migrations", "migrations", [("instance_uuid", uuid)], self._version)
        return [Migration.of(row) for row in rows]

    def start(self, step: Step) -> None:
        if step.how == LIVE:
            body: Record = {"os-migrateLive": {"host": step.dest or None, "block_migration": "auto"}}
        else:
            body = {"migrate": {"host": step.dest} if step.dest else None}
        self._nova.post(f"/servers/{step.server}/action", body, self._version)

    def confirm(self, uuid: str) -> None:
        self._nova.post(f"/servers/{uuid}/action", {"confirmResize": None}, self._version)

    def fault(self, uuid: str) -> str:
        """What Nova says of the last thing that was done to a server; it may quote what its user wrote. Empty where it says nothing."""
        try:
            server = (self._nova.get(f"/servers/{uuid}", microversion=self._version, missing_ok=True) or {}).get(
                "server", {}
            )
            if message := (server.get("fault") or {}).get("message"):
                return shown(message)
            path = f"/servers/{uuid}/os-instance-actions"
            actions = self._nova.read(path, "instanceActions", [], self._version)
            done = [one for one in actions if one["action"] in ("live-migration", "migrate", "confirmResize")]
            if not done:
                return ""
            newest = max(done, key=lambda one: str(one["start_time"]))
            answer = self._nova.get(f"{path}/{newest['request_id']}", microversion=self._version) or {}
            events = [one for one in answer["instanceAction"].get("events", []) if one.get("result") == "Error"]
        except OperatorError:
            return ""
        events.sort(key=lambda one: str(one.get("finish_time")))
        return next((said for one in reversed(events) if (said := _said(one))), "")

    # What Placement and the filters say

    def without_target(self, servers: t.Sequence[str]) -> dict[str, str]:
        """By server that no other compute could take: why. What isn't known counts as room."""
        found = {}
        for uuid, report in why_each(self._region, servers, enabled=_FILTERS).items():
            others = [one for one in report.computes if one.compute.host != self.host]
            if not any(not one.refused for one in others):
                said = [f"{one.compute.name}: {cause.text}" for one in others for cause in one.causes if cause.known]
                found[uuid] = f"finds no other compute ({'; '.join(said[:3]) or 'there is none'})"
        return found

    def disabled_in_placement(self) -> bool:
        """Whether Placement still keeps servers away from the host. nova-compute takes that back when its service is enabled, or, where
        it was writing to Placement just then, with its next update."""
        placement = self._region.service("placement", "Placement")
        paths = [f"/resource_providers/{node}/traits" for node in self._nodes()]
        return any(
            DISABLED in part(f"Placement's {path}", placement.get(path, [], _TREES), "traits", list) for path in paths
        )

    def _nodes(self) -> list[str]:
        """The ids of the host's nodes. Raises OperatorError where Nova tells none: that isn't an empty host."""
        rows = self._nova.read("/os-hypervisors/detail", "hypervisors", [], self._version)
        nodes = [str(one["id"]) for one in rows if one["service"]["host"] == self.host]
        if not nodes:
            raise OperatorError(f"Nova tells no hypervisor of {self.host}, so what Placement has there is unknown.")
        return nodes

    def allocations(self) -> set[str]:
        """The consumers, servers or migrations, that Placement has allocations of on this host's nodes.

        Raises OperatorError also where Nova tells no node of it, or Placement no provider of a node: that isn't an empty host.
        """
        placement = self._region.service("placement", "Placement")
        consumers: set[str] = set()
        for node in self._nodes():
            listed = placement.get("/resource_providers", [("in_tree", node)], _TREES) or {}
            if not listed.get("resource_providers"):
                raise OperatorError(f"Placement tells no provider of {self.host}'s hypervisor {node}.")
            for one in listed["resource_providers"]:
                answer = placement.get(f"/resource_providers/{one['uuid']}/allocations", [], _TREES) or {}
                consumers.update(answer["allocations"])
        return consumers


def _said(event: Record) -> str:
    """The error of an action's event; before 2.84 only the last line of its traceback tells it."""
    lines = [line for line in str(event.get("traceback") or "").splitlines() if line.strip()]
    text = str(event.get("details") or (lines[-1] if lines else ""))
    return shown(text) if text else ""
