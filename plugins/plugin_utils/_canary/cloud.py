# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Nova, Glance, Neutron and Cinder about a canary, makes it, and takes it away."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID, OperatorError, shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain import cloud as drain
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.connect import NotInCatalog, Service, part
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.fetch import why_each

from .model import KEY, Left, Leftover, Options, Record, Things, called, name_of, ours

_NEEDS = "a canary needs the admin role, for only an admin may say on which compute a server boots."
#: Nova's default filters; what they and Placement refuse is told where the scheduler finds no host.
_FILTERS = ("ComputeFilter", "ComputeCapabilitiesFilter", "ImagePropertiesFilter")
#: Which owner a row tells.
_OWNER = {"server": "tenant_id", "volume": "os-vol-tenant-attr:tenant_id"}


class Cloud(drain.Cloud):
    """One host of one region, and the canary on it. All methods raise OperatorError where an API can't be asked."""

    def __init__(self, query: Query, host: str) -> None:
        super().__init__(query, host, _NEEDS)
        if self._nova.newest_microversion() < (2, 74):
            raise OperatorError(
                "Nova knows no microversion 2.74, with which a server is booted on a host; it is of Train."
            )
        project = self._region.project_id()
        if not project:
            raise OperatorError("The token is for no project, and a server needs one; name a project in clouds.yaml.")
        self.project = project
        self._services: dict[str, Service] = {}

    def _api(self, kind: str, name: str) -> Service:
        if name not in self._services:
            self._services[name] = self._region.service(kind, name)
        return self._services[name]

    @property
    def _neutron(self) -> Service:
        return self._api("network", "Neutron")

    @property
    def _cinder(self) -> Service:
        return self._api("block-storage", "Cinder")

    # What the canary is made of

    def things(self, options: Options) -> Things:
        """Raises OperatorError where something isn't there, can't be used, or is there twice."""
        flavors = self._nova.read("/flavors/detail", "flavors", [("is_public", "none")], self._version)
        flavor = _one("Nova", "flavor", options.flavor, flavors)
        glance = self._api("image", "Glance")
        asked = [("id" if UUID.match(options.image) else "name", options.image)]
        rows = part("Glance's /images", glance.get("/images", asked), "images", list)
        image = _one("Glance", "image", options.image, rows)
        if image.get("status") != "active":
            raise OperatorError(
                f"The image {shown(options.image)} is {shown(image.get('status'))}, wanted active; name another."
            )
        for what, key in (("min_ram", "ram"), ("min_disk", "disk")):
            least, has = int(image.get(what) or 0), int(flavor.get(key) or 0)
            # A flavor with a disk of 0 takes what the image has.
            if least > has and not (key == "disk" and has == 0):
                raise OperatorError(
                    f"The image {shown(options.image)} has {what} {least}, and the flavor {shown(options.flavor)} has {key} {has}; name a larger flavor."
                )
        return Things(image, flavor, self._network(options.network) if options.network else None)

    def _network(self, name: str) -> Record:
        asked = [("id" if UUID.match(name) else "name", name)]
        network = _one("Neutron", "network", name, self._neutron.read("/networks", "networks", asked, ""))
        if not network.get("subnets"):
            raise OperatorError(f"The network {shown(name)} has no subnet, so Nova boots nothing on it; name another.")
        return network

    def no_addresses(self, network: Record) -> str:
        """Why a port of the network would get no address; empty where it would. Raises OperatorError where Neutron doesn't tell."""
        path = f"/network-ip-availabilities/{network['id']}"
        answer = part(f"Neutron's {path}", self._neutron.get(path), "network_ip_availability", dict)
        total: dict[int, int] = {}
        free: dict[int, int] = {}
        for one in answer.get("subnet_ip_availability") or ():
            version = int(one["ip_version"])
            total[version] = total.get(version, 0) + int(one["total_ips"])
            free[version] = free.get(version, 0) + max(0, int(one["total_ips"]) - int(one["used_ips"]))
        gone = [f"none of its {total[one]} IPv{one} addresses is free" for one in sorted(total) if not free[one]]
        return f"the network {called(network)}: {', '.join(gone)}" if gone else ""

    def over_quota(self, flavor: Record) -> str:
        """What of the project's quota has no room for a server of the flavor; empty where there is. Raises OperatorError."""
        path = f"/os-quota-sets/{self.project}/detail"
        quota = part(f"Nova's {path}", self._nova.get(path, microversion=self._version), "quota_set", dict)
        lacks = []
        for name, needs in (("instances", 1), ("cores", int(flavor["vcpus"])), ("ram", int(flavor["ram"]))):
            row = quota.get(name) or {}
            limit, used = int(row.get("limit", -1)), int(row.get("in_use", 0)) + int(row.get("reserved", 0))
            if limit >= 0 and used + needs > limit:
                lacks.append(f"{name}: {used} of {limit} used, {needs} needed")
        return "; ".join(lacks)

    # The server

    def boot(self, things: Things, options: Options) -> str:
        """Its id. Raises OperatorError where Nova refuses it."""
        server: Record = {
            "name": name_of(self.host),
            "imageRef": things.image["id"],
            "flavorRef": things.flavor["id"],
            "networks": [{"uuid": things.network["id"]}] if things.network else "none",
            "host": self.host,
            "metadata": {KEY: self.host},
        }
        if options.security_groups:
            server["security_groups"] = [{"name": one} for one in options.security_groups]
        answer = self._nova.post("/servers", {"server": server}, self._version)
        return str(part("Nova's /servers", answer, "server", dict)["id"])

    def row(self, uuid: str) -> Record | None:
        answer = self._nova.get(f"/servers/{uuid}", microversion=self._version, missing_ok=True)
        return part("Nova's /servers", answer, "server", dict) if answer is not None else None

    def tried(self, uuid: str) -> str:
        """What the compute said of a boot that it began and that failed; empty where it began none, or said nothing."""
        path = f"/servers/{uuid}/os-instance-actions"
        actions = self._nova.read(path, "instanceActions", [], self._version)
        begun = next((one for one in actions if one["action"] == "create"), None)
        if begun is None:
            return ""
        answer = self._nova.get(f"{path}/{begun['request_id']}", microversion=self._version)
        action = part(f"Nova's {path}", answer, "instanceAction", dict)
        events = [one for one in action.get("events") or () if one.get("result") == "Error"]
        events = [one for one in events if str(one.get("event")).startswith("compute_")]
        events.sort(key=lambda one: str(one.get("finish_time")))
        return next((_said(one) or "no reason given" for one in reversed(events)), "")

    def no_host(self, uuid: str) -> list[str]:
        """What Placement and the scheduler's filters have against this host."""
        report = why_each(self._region, [uuid], enabled=_FILTERS).get(uuid)
        mine = [one for one in report.computes if one.compute.host == self.host] if report else []
        return [f"{cause.by}: {cause.text}" for one in mine for cause in one.causes if cause.known]

    def console(self, uuid: str) -> str:
        """The console log, whatever the guest printed."""
        answer = self._nova.post(f"/servers/{uuid}/action", {"os-getConsoleOutput": {}}, self._version)
        return str(answer.get("output") or "")

    def ports(self, uuid: str) -> list[Record]:
        return self._neutron.read("/ports", "ports", [("device_id", uuid)], "")

    # The volume

    def create_volume(self, options: Options) -> str:
        """Its id. Raises OperatorError where Cinder refuses it, or there is none."""
        volume: Record = {"name": name_of(self.host), "size": options.checks.volume, "metadata": {KEY: self.host}}
        if options.checks.volume_type:
            volume["volume_type"] = options.checks.volume_type
        answer = self._cinder.post("/volumes", {"volume": volume}, "")
        return str(part("Cinder's /volumes", answer, "volume", dict)["id"])

    def volume(self, uuid: str) -> Record | None:
        """None where Cinder doesn't list it."""
        rows = self._cinder.read("/volumes/detail", "volumes", [("name", name_of(self.host))], "")
        return next((one for one in rows if one.get("id") == uuid), None)

    def attach(self, server: str, volume: str) -> None:
        self._nova.post(
            f"/servers/{server}/os-volume_attachments", {"volumeAttachment": {"volumeId": volume}}, self._version
        )

    def detach(self, server: str, volume: str) -> None:
        self._nova.delete(f"/servers/{server}/os-volume_attachments/{volume}", self._version)

    # What is ours

    def leftovers(self) -> Left:
        """Servers and volumes of canaries of this host. Without Cinder there is no volume; one that can't be asked leaves that unknown."""
        left = Left()
        # Without all_tenants, Nova and Cinder list the token's own project.
        rows = self._nova.read("/servers/detail", "servers", [("name", name_of(self.host))], self._version)
        self._sort("server", rows, left)
        try:
            rows = self._cinder.read("/volumes/detail", "volumes", [("name", name_of(self.host))], "")
        except NotInCatalog:
            pass
        except OperatorError as exc:
            left.unknown = f"Whether a volume of an earlier canary is there isn't known: {exc}"
        else:
            self._sort("volume", rows, left)
        return left

    def _sort(self, kind: str, rows: list[Record], left: Left) -> None:
        for row in sorted(rows, key=lambda one: str(one.get("id"))):
            if ours(row, self.host, self.project, _OWNER[kind]) and UUID.match(str(row["id"])):
                left.found.append(Leftover(kind, str(row["id"])))
            elif row.get("name") == name_of(self.host):
                left.alike.append(
                    f"The {kind} {shown(row.get('id'))} is called like a canary, but isn't marked as one of ours; it is left alone."
                )

    def delete_server(self, uuid: str) -> None:
        """For good, also where Nova keeps deleted servers for a while. Raises OperatorError, also where it is gone already."""
        self._nova.post(f"/servers/{quote(uuid, safe='')}/action", {"forceDelete": None}, self._version)

    def delete_volume(self, uuid: str) -> None:
        self._cinder.delete(f"/volumes/{quote(uuid, safe='')}", "")

    def delete_port(self, uuid: str) -> None:
        self._neutron.delete(f"/ports/{quote(uuid, safe='')}", "")


def _one(service: str, kind: str, name: str, rows: t.Sequence[Record]) -> Record:
    """The row with this id, or the only one with this name. Raises OperatorError."""
    found = [one for one in rows if one.get("id") == name] or [one for one in rows if one.get("name") == name]
    if len(found) != 1:
        way_out = "name one of them by its id" if found else "correct the name"
        raise OperatorError(
            f"{service} has {len(found) or 'no'} {kind}{'s' if found else ''} {shown(name)}; {way_out}."
        )
    return found[0]


def in_words(text: object) -> str:
    """What an API or a guest said, quoted, in one line, and short enough for a table."""
    return repr(" ".join(str(text).split())[:300])


def _said(event: Record) -> str:
    """The error of an action's event; before 2.84 only the last line of its traceback tells it."""
    lines = [line for line in str(event.get("traceback") or "").splitlines() if line.strip()]
    text = str(event.get("details") or (lines[-1] if lines else ""))
    return in_words(text) if text else ""
