# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks a cloud's APIs for what an inventory of computes needs."""

from __future__ import annotations

import time
import typing as t
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID, OperatorError, listed

from . import contradictions
from .computes import Lists, Placement, Record, subports
from .config import Query
from .connect import Region, Service, part

if t.TYPE_CHECKING:
    from openstack.config.cloud_region import CloudRegion

# Nova makes pages of its own accord, Neutron only when it is asked to.
_NEUTRON_PAGE = ("limit", "1000")
_FIELDS = {
    "/ports": (
        "id",
        "device_id",
        "device_owner",
        "project_id",
        "mac_address",
        "status",
        "network_id",
        "fixed_ips",
        "qos_policy_id",
        "binding:host_id",
        "binding:vif_type",
        "binding:vif_details",
        "binding:vnic_type",
    ),
    "/networks": ("id", "name", "project_id", "shared", "router:external", "qos_policy_id"),
    "/subnets": ("id", "network_id", "cidr", "ip_version", "gateway_ip"),
    "/floatingips": ("id", "floating_ip_address", "fixed_ip_address", "port_id"),
    "/qos/policies": ("id", "name", "rules"),
    "/trunks": ("id", "port_id", "sub_ports"),
}
#: Neutron may be without these; its own list of extensions says whether it is.
_EXTENSIONS = {"/floatingips": "router", "/qos/policies": "qos", "/trunks": "trunk"}
_VALUES_AT_ONCE = 40


@dataclass
class FetchedRegion:
    """The lists of one region, and what it took to read them."""

    lists: Lists
    at: set[str] | None
    """The hosts whose servers and ports were read; None means all."""
    requests: int
    further_pages: int
    """How many of the requests were for a list's second page or a later one."""
    seconds: dict[str, float]
    """By list, each from its first request to its last answer; they overlap."""
    remarks: list[str] = field(default_factory=list)


def fetch(config: CloudRegion, query: Query) -> FetchedRegion:
    """Everything about one region. The independent lists are read side by side.

    Raises OperatorError where the region can't be read, or can't be read as an admin.
    """
    region = Region(config)

    def ask(pool: ThreadPoolExecutor, nova: Service, version: str) -> tuple[Lists, set[str] | None]:
        reader = _Reader(region, query, pool, nova, version)
        return reader.read(), reader.at

    lists, at = region.read(ask)
    return FetchedRegion(lists, at, region.requests, len(region.further_pages), region.seconds, region.remarks)


class _Reader:
    """Reads a region's lists in several threads, each as soon as what it depends on is there."""

    def __init__(self, region: Region, query: Query, pool: ThreadPoolExecutor, nova: Service, version: str) -> None:
        self._region = region
        self._query = query
        self._pool = pool
        self._nova = nova
        self._version = version
        self._parts: dict[str, list[Future[list[Record]]]] = {}
        self._began: dict[str, float] = {}
        self.at: set[str] | None = None

    def read(self) -> Lists:
        """All lists that the query wants. Raises OperatorError."""
        try:
            return self._read()
        except OperatorError as exc:
            raise self._with_cells(exc) from None

    def _read(self) -> Lists:
        self._start("services", self._nova, "/os-services", "services", ("binary", "nova-compute"))
        self._start("hypervisors", self._nova, "/os-hypervisors/detail", "hypervisors")
        self._start("aggregates", self._nova, "/os-aggregates", "aggregates")
        neutron = None
        if self._query.instance_ports or self._query.narrowed:
            neutron = self._region.service("network", "Neutron", ", or switch instance_ports off")
            self._start_ports(neutron)
        at, got = self.at, self._got
        hypervisors = [row for row in got("hypervisors") if at is None or row["service"]["host"] in at]
        placement = self._placement(hypervisors) if self._query.placement else {}
        # Narrowed, some have been found on two ways.
        ports = list({port["id"]: port for port in got("ports")}.values())
        # Somebody without admin rights isn't refused by Neutron: the list is silently cut to the own project.
        if ports and not any("binding:host_id" in port for port in ports):
            raise OperatorError(self._region.not_admin("Neutron shows no port's binding"))
        servers = self._servers(ports)
        self._check_aggregates()
        if neutron and self._query.instance_ports:
            if self.at is None and (lacking := contradictions.without_ports(servers, ports)):
                self._start_rows(neutron, "/ports", "device_id", lacking)
                ports = list({port["id"]: port for port in got("ports")}.values())
            self._check(neutron, hypervisors, servers, ports)
        return {
            "cloud": self._region.config.name,
            "region": self._region.config.region_name or "",
            "services": got("services"),
            "hypervisors": got("hypervisors"),
            "aggregates": got("aggregates"),
            "placement": placement,
            "servers": servers,
            "ports": ports,
            "networks": got("networks"),
            "subnets": got("subnets"),
            "floatingips": got("floatingips"),
            "qos_policies": got("policies"),
            "trunks": got("trunks"),
        }

    def _with_cells(self, exc: OperatorError) -> OperatorError:
        """The error, with the hosts whose cell may be the reason."""
        done = [one for one in self._parts.get("services", []) if one.done() and not one.exception()]
        away = contradictions.unreached(row for one in done for row in one.result())
        if not away:
            return exc
        return OperatorError(
            f"{exc} Nova doesn't reach the database of the cell of {listed(away, 10)}; look after that first."
        )

    def _check(self, neutron: Service, hypervisors: list[Record], servers: list[Record], ports: list[Record]) -> None:
        """Raise OperatorError where a list lacks what others say is in it, after it has been asked for once more by id."""
        if contradictions.hides_hosts(servers):
            raise OperatorError(self._region.not_admin("Nova shows no server's host"))
        if self.at is None:
            own = self._region.project_id()
            if others := contradictions.other_projects(own, ports, servers):
                raise OperatorError(
                    self._region.not_admin(
                        f"Neutron shows only ports of the token's own project, while servers of {others} others have addresses,"
                    )
                )
            self._complete(neutron, "/floatingips", contradictions.floating_ip_of, ports)
        self._complete(neutron, "/networks", contradictions.networks_of, ports)
        self._complete(neutron, "/subnets", contradictions.subnets_of, ports)
        self._complete(neutron, "/qos/policies", contradictions.policies_of, ports)
        asked = {str(service["host"]) for service in self._got("services")}
        for host, running in contradictions.without_servers(hypervisors, servers).items():
            if host in asked:
                self._check_cell(host, running, ports)

    def _check_aggregates(self) -> None:
        """Raise OperatorError where zones of computes show that aggregates are missing in their list, and in a second one."""
        services = self._got("services")
        if not contradictions.zones_of_nothing(services, self._got("aggregates")):
            return
        again = self._nova.read("/os-aggregates", "aggregates", (), self._version)
        if zones := contradictions.zones_of_nothing(services, again):
            raise OperatorError(
                f"Nova has computes in the zones {listed(zones, 5)}, and its /os-aggregates shows no aggregate that makes them; "
                "look into the service's log, and run again."
            )
        done: Future[list[Record]] = Future()
        done.set_result(again)
        self._parts["aggregates"] = [done]

    def _complete(self, neutron: Service, path: str, refers: contradictions.Refers, ports: list[Record]) -> None:
        """Read by id what ports refer to and the list lacks."""
        key = path.rsplit("/", 1)[-1]
        if not (missing := contradictions.unlisted(refers, ports, self._got(key))):
            return
        self._start_rows(neutron, path, "id", missing)
        if not (missing := contradictions.unlisted(refers, ports, self._got(key))):
            return
        # Or the ports have gone meanwhile, and it with them.
        known = [str(port["id"]) for port in ports if refers(port) & missing][:_VALUES_AT_ONCE]
        asked = [("id", one) for one in known]
        again = neutron.read("/ports", "ports", [*(("fields", name) for name in _FIELDS["/ports"]), *asked], "")
        if missing := contradictions.unlisted(refers, again, self._got(key)):
            raise OperatorError(
                self._region.not_admin(
                    f"Neutron's {path} doesn't show {sorted(missing)[0]} (one of {len(missing)}), which ports refer to,"
                )
            )

    def _check_cell(self, host: str, running: int, ports: list[Record]) -> None:
        """Nova leaves servers of a cell that doesn't answer out of a filtered list; by its id it tells each."""
        there = [port["device_id"] for port in ports if port.get("binding:host_id") == host and _names_a_server(port)]
        for server in sorted(one for one in there if UUID.match(one))[:3]:
            answer = self._nova.get(f"/servers/{server}", microversion=self._version, missing_ok=True)
            found = answer["server"] if answer else {}
            if found and (found.get("status") == "UNKNOWN" or found.get(contradictions.HOST) == host):
                raise OperatorError(
                    f"Nova lists no server on {host}, while nova-compute there has told of {running} and the server {server} is known: "
                    "a cell's database didn't answer in time. Look after it, and run again."
                )

    def _start_ports(self, neutron: Service) -> None:
        """Start whatever concerns ports; narrowed, find the hosts that the query means first."""
        query = self._query
        if query.narrowed:
            at = set(query.at_hosts)
            for column, values in (("id", query.at_ports), ("project_id", query.at_projects)):
                self._start_rows(neutron, "/ports", column, values)
            at.update(str(port["binding:host_id"]) for port in self._got("ports") if port.get("binding:host_id"))
            self.at = at
        if not query.instance_ports:
            return
        self._start_list(neutron, "/qos/policies")
        self._start_list(neutron, "/trunks")
        if self.at is None:
            for path in ("/ports", "/networks", "/subnets", "/floatingips"):
                self._start_list(neutron, path)
            # Nova takes longer for its servers than everybody for everything else, and pages come one after another.
            # Asked for host by host, several of its workers share in it.
            self._start_servers(service["host"] for service in self._got("services"))
        else:
            self._start_rows(neutron, "/ports", "binding:host_id", self.at)
            self._start_servers(self.at)
            # Those that aren't bound, or elsewhere.
            self._start_rows(neutron, "/ports", "device_id", (server["id"] for server in self._got("servers")))
            self._start_list(neutron, "/networks", ("router:external", "True"))
            listed = {port["id"] for port in self._got("ports")}
            # What is exempt for a trunk's parent port depends on them, and not all of them are bound.
            trunks = [trunk for trunk in self._got("trunks") if trunk.get("port_id") in listed]
            self._start_rows(neutron, "/ports", "id", subports(trunks) - listed)
            ports = self._got("ports")
            networks = {port["network_id"] for port in ports}
            external = {network["id"] for network in self._got("networks")}
            self._start_rows(neutron, "/networks", "id", networks - external)
            self._start_rows(neutron, "/subnets", "network_id", networks | external)
            self._start_rows(neutron, "/floatingips", "port_id", (port["id"] for port in ports))

    def _start(self, name: str, service: Service, path: str, key: str, *params: tuple[str, str]) -> None:
        read = partial(service.read, path, key, params, self._version, _EXTENSIONS.get(path, ""))
        self._parts.setdefault(name, []).append(self._pool.submit(self._timed, name, read))

    def _start_servers(self, hosts: t.Iterable[str]) -> None:
        for host in sorted(hosts):
            self._start("servers", self._nova, "/servers/detail", "servers", ("all_tenants", "1"), ("host", host))

    def _start_list(self, neutron: Service, path: str, *only: tuple[str, str]) -> None:
        key = path.rsplit("/", 1)[-1]
        fields = (("fields", name) for name in _FIELDS[path])
        self._start(key, neutron, path, key, _NEUTRON_PAGE, *fields, *only)

    def _start_rows(self, neutron: Service, path: str, column: str, values: t.Iterable[str]) -> None:
        """Only rows with one of these values, so many at a time that a URL stays short."""
        wanted = sorted(set(values))
        for first in range(0, len(wanted), _VALUES_AT_ONCE):
            self._start_list(neutron, path, *((column, value) for value in wanted[first : first + _VALUES_AT_ONCE]))

    def _got(self, name: str) -> list[Record]:
        """The list as soon as it is there; an error of any other list before that."""
        pending = {future for futures in self._parts.values() for future in futures}
        while not all(future.done() for future in self._parts.get(name, [])):
            done, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                future.result()
        return [row for future in self._parts.get(name, []) for row in future.result()]

    def _servers(self, ports: list[Record]) -> list[Record]:
        """The servers; of a host to which one moved meanwhile, having been asked before, once more."""
        servers = {server["id"]: server for server in self._got("servers")}
        hosts = {service["host"] for service in self._got("services")}
        late: set[t.Any] = {
            port.get("binding:host_id") for port in ports if _names_a_server(port) and port["device_id"] not in servers
        }
        self._start_servers(late & (hosts if self.at is None else hosts & self.at))
        servers.update({server["id"]: server for server in self._got("servers")})
        return list(servers.values())

    def _placement(self, hypervisors: list[Record]) -> dict[str, Placement]:
        """Two requests per compute, for Placement lists neither inventories nor usages of all providers at once."""
        # A nova-compute of bare metal nodes has a hypervisor per node: thousands of them, and none is a compute.
        per_host = Counter(record["service"]["host"] for record in hypervisors)
        # Before 2.53 a hypervisor's id is a number that Placement knows nothing of.
        single = [
            record["id"]
            for record in hypervisors
            if per_host[record["service"]["host"]] == 1
            and isinstance(record["id"], str)
            and str(record.get("hypervisor_type")).lower() != "ironic"
        ]
        if not single:
            return {}
        placement = self._region.service("placement", "Placement", ", or switch placement off")

        def one(provider: str) -> Placement | None:
            path = f"/resource_providers/{provider}"
            inventories = placement.get(f"{path}/inventories", missing_ok=True)
            usages = placement.get(f"{path}/usages", missing_ok=True) if inventories else None
            if not inventories or not usages:
                return None
            asked = f"Placement's {path}"
            return {
                "inventories": part(asked, inventories, "inventories", dict),
                "usages": part(asked, usages, "usages", dict),
            }

        began = time.monotonic()
        answers = list(self._pool.map(one, single))
        self._region.seconds["placement"] = time.monotonic() - began
        return {provider: answer for provider, answer in zip(single, answers, strict=True) if answer is not None}

    def _timed(self, name: str, read: t.Callable[[], list[Record]]) -> list[Record]:
        began = self._began.setdefault(name, time.monotonic())
        rows = read()
        self._region.seconds[name] = time.monotonic() - began
        return rows


def _names_a_server(port: Record) -> bool:
    return bool(port["device_id"]) and str(port["device_owner"]).startswith("compute:")
