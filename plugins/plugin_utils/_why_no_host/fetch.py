# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Nova, Placement, Glance and Neutron for what the scheduler judges by. What one of them doesn't tell is noted, not taken for absence."""

from __future__ import annotations

import typing as t
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID, OperatorError, shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query, find_region
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.connect import Region, Service

from .judge import Report, judge
from .model import Compute, Needs, Provider, Record, ServerGroup
from .needs import needs_of, query_of

# 2.61 tells flavors' extra specs, 2.71 the server groups of a server, 2.96 the zone that was asked for.
_LEAST, _NEWEST = (2, 61), (2, 96)
# Placement: 1.36 has groups with names and forbidden traits; it is that of Ussuri.
_PLACEMENT = "1.36"
# Nova's own max_placement_results.
_AT_MOST = 1000
_NEEDS = (
    "asking why there is no host needs the admin role, or one that may list computes and what Placement has of them."
)
_BUSY = {
    "resize_migrating", "rebuilding", "resize_prep", "image_snapshot", "image_backup", "rescuing", "unshelving"
}  # fmt: skip
_HOST = "OS-EXT-SRV-ATTR:host"
_T = t.TypeVar("_T")


@dataclass(frozen=True)
class Asked:
    """For what a host is sought. Of flavor and instance, one is given; image and zone stand beside a flavor only."""

    flavor: str = ""
    instance: str = ""
    image: str = ""
    zone: str = ""


def why(query: Query, asked: Asked, *, enabled: t.Sequence[str], max_io_ops: int) -> Report:
    """Read, and judge. Raises OperatorError where Nova can't be asked, or knows no such flavor or instance."""
    config = find_region(query)
    region = Region(config, _NEEDS)

    def ask(pool: ThreadPoolExecutor, nova: Service, _version: str) -> Report:
        newest = nova.newest_microversion()
        if newest < _LEAST:
            raise OperatorError(
                f"Nova of the cloud {config.name} knows microversions up to {newest[0]}.{newest[1]} only; 2.61 is needed."
            )
        reader = _Reader(region, pool, nova, "{}.{}".format(*min(newest, _NEWEST)))
        needs = reader.needs(asked)
        busy = any(name.endswith("IoOpsFilter") for name in enabled)
        computes = reader.computes(busy=busy)
        candidates = reader.candidates(needs)
        return judge(needs, computes, candidates=candidates, enabled=enabled, max_io_ops=max_io_ops, notes=reader.notes)

    return region.read(ask)


def why_each(region: Region, instances: t.Sequence[str], *, enabled: t.Sequence[str]) -> dict[str, Report]:
    """The same for several instances, by id; the computes are read once. Instances that are gone meanwhile are left out."""

    def ask(pool: ThreadPoolExecutor, nova: Service, _version: str) -> dict[str, Report]:
        reader = _Reader(region, pool, nova, "{}.{}".format(*min(nova.newest_microversion(), _NEWEST)))
        computes = reader.computes(busy=False)
        found = {}
        for one in instances:
            if server := reader.instance(one):
                needs = reader.needs_of_instance(server)
                candidates = reader.candidates(needs)
                found[one] = judge(
                    needs, computes, candidates=candidates, enabled=enabled, max_io_ops=0, notes=reader.notes
                )
        return found

    return region.read(ask)


class _Reader:
    def __init__(self, region: Region, pool: ThreadPoolExecutor, nova: Service, version: str) -> None:
        self._region = region
        self._pool = pool
        self._nova = nova
        self._version = version
        self.notes: list[str] = []

    # What is asked for

    def needs(self, asked: Asked) -> Needs:
        if asked.instance:
            if not UUID.match(asked.instance):
                raise OperatorError(
                    f"{shown(asked.instance)} is no id of an instance; openstack server list --all-projects shows ids."
                )
            server = self.instance(asked.instance)
            if not server:
                raise OperatorError(
                    f"Nova has no instance {asked.instance}; name one that is there still, or its flavor."
                )
            return self.needs_of_instance(server)
        flavor = self._flavor(asked.flavor)
        image = self._image(asked.image) if asked.image else {}
        return needs_of(f"The flavor {shown(flavor['name'])}", flavor, image=image, zone=asked.zone)

    def _flavor(self, name: str) -> Record:
        rows = self._nova.read("/flavors/detail", "flavors", [("is_public", "none")], self._version)
        found = [one for one in rows if one["id"] == name] or [one for one in rows if one["name"] == name]
        if not found:
            there = ", ".join(sorted(str(one["name"]) for one in rows)[:20]) or "none"
            raise OperatorError(f"Nova has no flavor {shown(name)}; it has {there}.")
        if "extra_specs" not in found[0]:
            raise OperatorError(f"Nova shows no extra specs of the flavor {shown(name)} to this user: {_NEEDS}")
        return found[0]

    def instance(self, uuid: str) -> Record | None:
        """What Nova has of an instance; None where it says that there is none."""
        answer = self._nova.get(f"/servers/{uuid}", microversion=self._version, missing_ok=True)
        return t.cast(Record, answer["server"]) if answer else None

    def needs_of_instance(self, server: Record) -> Needs:
        uuid = str(server["id"])
        if "flavor" not in server or server.get("status") == "UNKNOWN":
            raise OperatorError(
                f"Nova doesn't reach the database of the cell of the instance {uuid}; look after it first, or name the flavor."
            )
        notes = []
        if host := server.get(_HOST):
            notes.append(f"The instance is on {host}, so this tells where another one like it could go.")
        if fault := (server.get("fault") or {}).get("message"):
            notes.append(f"Nova says of the instance {shown(fault)}.")
        image = server.get("image") or {}
        if not image:
            notes.append("The instance boots from a volume, whose image properties aren't judged.")
        zone = (
            server.get("pinned_availability_zone") or ("" if host else server.get("OS-EXT-AZ:availability_zone")) or ""
        )
        return needs_of(
            f"The instance {uuid} (flavor {shown(server['flavor'].get('original_name', ''))})",
            server["flavor"],
            image=self._image(str(image["id"])) if image else {},
            from_volume=not image,
            zone=str(zone),
            server_group=self._server_group(server.get("server_groups") or []),
            ports=self._known("the instance's ports", lambda: self._ports(uuid), []),
            notes=notes,
        )

    def _image(self, name: str) -> Record:
        """An image by its id or name; its properties are unknown where Glance doesn't tell it."""

        def read() -> Record:
            glance = self._region.service("image", "Glance")
            if UUID.match(name):
                return glance.get(f"/images/{name}") or {}
            found: list[Record] = (glance.get("/images", [("name", name)]) or {}).get("images", [])
            if len(found) != 1:
                raise OperatorError(f"Glance has {len(found)} images of this name; name it by its id.")
            return found[0]

        return self._known(f"properties of the image {shown(name)}", read, {})

    def _ports(self, uuid: str) -> list[Record]:
        neutron = self._region.service("network", "Neutron")
        return neutron.read("/ports", "ports", [("device_id", uuid)], "")

    def _server_group(self, groups: list[str]) -> ServerGroup | None:
        if not groups:
            return None

        def read() -> ServerGroup:
            row = (self._nova.get(f"/os-server-groups/{groups[0]}", microversion=self._version) or {})["server_group"]
            members: Counter[str] = Counter()
            for one in row["members"]:
                answer = self._nova.get(f"/servers/{one}", microversion=self._version, missing_ok=True)
                server = (answer or {}).get("server", {})
                if server.get("status") == "UNKNOWN":
                    missing.append(str(one))
                if host := server.get(_HOST):
                    members[str(host)] += 1
            unknown = (
                f"where {len(missing)} of its server group run isn't known, for their cell is down" if missing else ""
            )
            rules = row.get("rules") or {}
            return ServerGroup(
                str(row["name"]), str(row["policy"]), int(rules.get("max_server_per_host", 1)), dict(members), unknown
            )

        missing: list[str] = []
        return self._known("the instance's server group", read, None)

    # What there is

    def computes(self, *, busy: bool) -> list[Compute]:
        """Every node of every host with nova-compute. Raises OperatorError where Nova doesn't list them."""
        services = self._nova.read("/os-services", "services", [("binary", "nova-compute")], self._version)
        hypervisors = self._nova.read("/os-hypervisors/detail", "hypervisors", [], self._version)
        aggregates = self._nova.read("/os-aggregates", "aggregates", [], self._version)
        by_host: dict[str, list[Record | None]] = {}
        for one in hypervisors:
            by_host.setdefault(str(one["service"]["host"]), []).append(one)
        if not services:
            raise OperatorError(
                "Nova has no nova-compute at all, so nothing can be scheduled; look after nova-compute on the hosts."
            )
        placement = self._known("Placement", lambda: self._region.service("placement", "Placement"), None)
        pending = [
            (one, node, self._pool.submit(self._tree, placement, node), self._pool.submit(self._busy, one, busy))
            for one in services
            for node in by_host.get(str(one["host"])) or [None]
        ]
        return [self._compute(*one, aggregates) for one in pending]

    def _compute(
        self,
        service: Record,
        node: Record | None,
        tree: Future[tuple[tuple[Provider, ...] | None, str]],
        busy: Future[int | None],
        aggregates: list[Record],
    ) -> Compute:
        providers, why_unknown = tree.result()
        host = str(service["host"])
        return Compute(
            host,
            str(node["hypervisor_hostname"]) if node else "",
            service,
            node,
            tuple(one for one in aggregates if host in one["hosts"]),
            providers,
            why_unknown,
            busy.result(),
        )

    def _tree(self, placement: Service | None, node: Record | None) -> tuple[tuple[Provider, ...] | None, str]:
        """The provider of a node and those below it, its own first; or None and why that isn't known."""
        if placement is None:
            return None, "Placement can't be asked"
        if node is None:
            return None, "Nova tells no node of it, so which provider in Placement is its own isn't known"
        uuid = str(node["id"])
        try:
            listed = placement.get("/resource_providers", [("in_tree", uuid)], _PLACEMENT) or {}
            found = [self._provider(placement, str(one["uuid"])) for one in listed.get("resource_providers", [])]
        except OperatorError as exc:
            return None, str(exc).rstrip(".")
        found.sort(key=lambda one: one.uuid != uuid)
        if not found:
            return (
                None,
                "Placement has no provider for it, since nova-compute there hasn't reported yet or can't; look into its log",
            )
        return tuple(found), ""

    def _provider(self, placement: Service, uuid: str) -> Provider:
        def part(name: str) -> t.Any:
            return (placement.get(f"/resource_providers/{uuid}/{name}", [], _PLACEMENT) or {})[name]

        return Provider(
            uuid, part("inventories"), part("usages"), frozenset(part("traits")), frozenset(part("aggregates"))
        )

    def _busy(self, service: Record, wanted: bool) -> int | None:
        """How many of a host's instances are doing what Nova counts as I/O operations."""
        if not wanted or str(service.get("status")).upper() == "UNKNOWN":
            return None
        params = [("all_tenants", "1"), ("host", str(service["host"]))]
        try:
            rows = self._nova.read("/servers/detail", "servers", params, self._version)
        except OperatorError:
            return None
        busy = (one["OS-EXT-STS:vm_state"] == "building" or one["OS-EXT-STS:task_state"] in _BUSY for one in rows)
        return sum(map(bool, busy))

    def candidates(self, needs: Needs) -> set[str] | None:
        """The roots of what Placement offers, without regard to the zone; None where it can't be asked, or offers too many to tell all."""

        def read() -> set[str] | None:
            placement = self._region.service("placement", "Placement")
            params = [*query_of(needs), ("limit", str(_AT_MOST))]
            answer = placement.get("/allocation_candidates", params, _PLACEMENT) or {}
            if len(answer.get("allocation_requests", [])) >= _AT_MOST:
                return None
            return {str(one["root_provider_uuid"]) for one in answer.get("provider_summaries", {}).values()}

        return self._known("what Placement offers", read, None)

    def _known(self, what: str, read: t.Callable[[], _T], otherwise: _T) -> _T:
        """What is read; where that fails, note that it is unknown, and why."""
        try:
            return read()
        except OperatorError as exc:
            self.notes.append(f"Unknown: {what}. {exc}")
            return otherwise
