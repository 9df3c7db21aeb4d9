# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what the APIs list to one plain dict per compute. Imports neither Ansible nor the SDK, opens nothing."""

from __future__ import annotations

import re
import typing as t

from .plugs import Plug, classify, unsupported, vif_type, vnic_type

#: What a port claims that a trunk has among its subports.
SUBPORT = "trunk:subport"

Record = dict[str, t.Any]
"""One item of an API's list, as the API wrote it."""


class Lists(t.TypedDict):
    """Everything that was asked of one region."""

    cloud: str
    region: str
    services: list[Record]
    hypervisors: list[Record]
    aggregates: list[Record]
    placement: dict[str, Placement]
    """By hypervisor id; a hypervisor that Placement does not know is left out."""
    servers: list[Record]
    ports: list[Record]
    networks: list[Record]
    subnets: list[Record]
    floatingips: list[Record]
    qos_policies: list[Record]
    trunks: list[Record]


class Placement(t.TypedDict):
    inventories: dict[str, Record]
    usages: dict[str, int]


class Hypervisor(t.TypedDict):
    id: str
    hypervisor_hostname: str
    hypervisor_type: str | None
    hypervisor_version: int | None
    host_ip: str | None


class Compute(t.TypedDict):
    host: str
    cloud: str
    region: str
    state: str
    service_status: str
    disabled_reason: str | None
    forced_down: bool
    availability_zone: str | None
    aggregates: list[str]
    aggregate_metadata: dict[str, dict[str, str]]
    hypervisor_id: str | None
    hypervisor_hostname: str | None
    hypervisor_type: str | None
    hypervisor_version: int | None
    host_ip: str | None
    hypervisors: list[Hypervisor]
    placement: Placement | None
    external_subnets: list[str] | None
    """Of the whole region: what is behind them is no tenant's. None where networks weren't read."""


class FixedIp(t.TypedDict):
    ip: str
    subnet_id: str
    cidr: str | None
    ip_version: int
    gateway_ip: str | None


class OtherSubnet(t.TypedDict):
    subnet_id: str
    cidr: str
    ip_version: int


class Subport(t.TypedDict):
    port_id: str
    segmentation_id: int
    own_network: bool
    fixed_ips: list[FixedIp]
    other_subnets: list[OtherSubnet]


class FloatingIp(t.TypedDict):
    id: str
    address: str
    fixed_ip: str | None


QosPolicy = t.TypedDict("QosPolicy", {"id": str, "name": t.Optional[str], "from": str, "limits": t.Optional[list[str]]})


class Flavor(t.TypedDict):
    name: str | None
    vcpus: int | None
    ram: int | None
    disk: int | None
    ephemeral: int | None
    swap: int | None
    extra_specs: dict[str, str] | None


class Instance(t.TypedDict):
    id: str
    name: str | None
    libvirt_name: str | None
    project_id: str | None
    status: str | None
    vm_state: str | None
    task_state: str | None
    power_state: str | None
    flavor: Flavor


class InstancePort(t.TypedDict):
    port_id: str
    mac: str
    status: str | None
    project_id: str | None
    vif_type: str
    vnic_type: str
    plug: str
    unsupported_reason: str | None
    devices: dict[str, str]
    network_id: str
    network_name: str | None
    network_shared: bool | None
    network_external: bool | None
    own_network: bool
    claims: str | None
    subports: list[Subport]
    """Where the port is a trunk's parent: whose traffic passes its devices under the tag of a VLAN."""
    fixed_ips: list[FixedIp]
    other_subnets: list[OtherSubnet]
    floating_ips: list[FloatingIp]
    qos_policy: QosPolicy | None
    instance: Instance | None


class _RequiredOfHost(t.TypedDict):
    compute: Compute


class ComputeHost(_RequiredOfHost, total=False):
    instance_ports: list[InstancePort]
    """Left out where nobody asked: a host without ports is another thing, its limits may be purged."""


_POWER_STATES = {0: "nostate", 1: "running", 3: "paused", 4: "shutdown", 6: "crashed", 7: "suspended"}
_SERVICE = re.compile(r"network:[a-z0-9_]{1,40}\Z")
#: How task states begin in which an instance changes its host.
_MOVES = ("migrating", "resize", "rebuild")


def build(lists: Lists, *, instance_ports: bool = True) -> list[ComputeHost]:
    """The region's computes, by name, each with the ports of the instances that it runs, if those were read."""
    ports = _ports_by_host(lists)
    hypervisors: dict[str, list[Record]] = {}
    for record in lists["hypervisors"]:
        hypervisors.setdefault(record["service"]["host"], []).append(record)
    external = _external_subnets(lists) if instance_ports else None
    hosts: list[ComputeHost] = []
    for service in sorted(lists["services"], key=lambda service: str(service["host"])):
        host: ComputeHost = {"compute": _compute(service, hypervisors.get(service["host"], []), lists, external)}
        if instance_ports:
            host["instance_ports"] = ports.get(service["host"], [])
        hosts.append(host)
    return hosts


def _external_subnets(lists: Lists) -> list[str]:
    external = {network["id"] for network in lists["networks"] if network.get("router:external")}
    return sorted({str(subnet["cidr"]) for subnet in lists["subnets"] if subnet["network_id"] in external})


def _compute(service: Record, hypervisors: list[Record], lists: Lists, external: list[str] | None) -> Compute:
    host = service["host"]
    aggregates = sorted(
        (aggregate for aggregate in lists["aggregates"] if host in aggregate["hosts"]),
        key=lambda aggregate: str(aggregate["name"]),
    )
    known: list[Hypervisor] = [
        {
            "id": str(record["id"]),
            "hypervisor_hostname": record["hypervisor_hostname"],
            "hypervisor_type": record.get("hypervisor_type"),
            "hypervisor_version": record.get("hypervisor_version"),
            "host_ip": record.get("host_ip"),
        }
        for record in sorted(hypervisors, key=lambda record: str(record["hypervisor_hostname"]))
    ]
    # A nova-compute for bare metal has a hypervisor per node: none of them is "the" hypervisor of this host, even where there is one.
    only = known[0] if len(known) == 1 and str(known[0]["hypervisor_type"]).lower() != "ironic" else None
    return {
        "host": host,
        "cloud": lists["cloud"],
        "region": lists["region"],
        # A cell that Nova can't reach tells its services' hosts, and nothing about them.
        "state": service.get("state") or "unknown",
        "service_status": str(service.get("status") or "unknown").lower(),
        "disabled_reason": service.get("disabled_reason"),
        "forced_down": bool(service.get("forced_down")),
        "availability_zone": service.get("zone"),
        "aggregates": [aggregate["name"] for aggregate in aggregates],
        "aggregate_metadata": {aggregate["name"]: dict(aggregate["metadata"]) for aggregate in aggregates},
        "hypervisor_id": only["id"] if only else None,
        "hypervisor_hostname": only["hypervisor_hostname"] if only else None,
        "hypervisor_type": only["hypervisor_type"] if only else None,
        "hypervisor_version": only["hypervisor_version"] if only else None,
        "host_ip": only["host_ip"] if only else None,
        "hypervisors": known,
        "placement": lists["placement"].get(only["id"]) if only else None,
        "external_subnets": external,
    }


def _floating_ips(lists: Lists) -> dict[str, list[FloatingIp]]:
    """By port."""
    floating: dict[str, list[FloatingIp]] = {}
    for address in lists["floatingips"]:
        if address.get("port_id"):
            floating.setdefault(address["port_id"], []).append(
                {
                    "id": address["id"],
                    "address": address["floating_ip_address"],
                    "fixed_ip": address.get("fixed_ip_address"),
                }
            )
    return floating


def _plug_on(host: str, port: Record) -> Plug:
    plug = classify(port)
    if plug.prefixes and port["binding:host_id"] != host:
        return unsupported(
            f"The port is bound to {port['binding:host_id']}, which is no compute of Nova's, while its instance "
            f"is on {host}: its devices are not here."
        )
    return plug


def _ports_by_host(lists: Lists) -> dict[str, list[InstancePort]]:
    servers = {server["id"]: server for server in lists["servers"]}
    instances = {server_id: _instance(server) for server_id, server in servers.items()}
    networks = {network["id"]: network for network in lists["networks"]}
    policies = {policy["id"]: policy for policy in lists["qos_policies"]}
    subnets = {subnet["id"]: subnet for subnet in lists["subnets"]}
    subnets_of: dict[str, list[Record]] = {}
    for subnet in lists["subnets"]:
        subnets_of.setdefault(subnet["network_id"], []).append(subnet)
    floating = _floating_ips(lists)
    hosts = {service["host"] for service in lists["services"]}
    in_trunks = subports(lists["trunks"])
    below = _subports(lists, networks, subnets, subnets_of)
    found: dict[str, list[InstancePort]] = {}
    for port in sorted(lists["ports"], key=lambda port: str(port["id"])):
        server = servers.get(port.get("device_id") or "")
        if server and not _may_run_with(server, port, hosts):
            server = None
        if not _of_an_instance(port, server):
            continue
        host = _host(port, server, hosts)
        if host is None:
            continue
        plug = _plug_on(host, port)
        fixed_ips = [_fixed_ip(address, subnets) for address in port.get("fixed_ips") or []]
        network: Record = networks.get(port["network_id"], {})
        found.setdefault(host, []).append(
            {
                "port_id": port["id"],
                "mac": port["mac_address"],
                "status": port.get("status"),
                "project_id": _project(port),
                "vif_type": vif_type(port),
                "vnic_type": vnic_type(port),
                "plug": plug.kind,
                "unsupported_reason": plug.reason,
                "devices": plug.devices(port["id"]),
                "network_id": port["network_id"],
                "network_name": network.get("name"),
                "network_shared": network.get("shared"),
                # Neutron without routers has no external networks.
                "network_external": network.get("router:external", False) if network else None,
                "own_network": _own_network(port, network),
                "claims": _claims(port, in_trunks),
                "subports": below.get(port["id"], []),
                "fixed_ips": fixed_ips,
                "other_subnets": _other_subnets(fixed_ips, subnets_of.get(port["network_id"], [])),
                "floating_ips": sorted(floating.get(port["id"], []), key=lambda address: address["id"]),
                "qos_policy": _qos_policy(port, network, policies),
                "instance": instances[server["id"]] if server else None,
            }
        )
    return found


def subports(trunks: t.Iterable[Record]) -> set[str]:
    """The ids of the ports that trunks have as subports."""
    return {subport["port_id"] for trunk in trunks for subport in trunk.get("sub_ports") or []}


def _subports(
    lists: Lists, networks: dict[str, Record], subnets: dict[str, Record], subnets_of: dict[str, list[Record]]
) -> dict[str, list[Subport]]:
    """By the id of a trunk's parent port, in the order of their VLANs."""
    ports = {port["id"]: port for port in lists["ports"]} if lists["trunks"] else {}
    found: dict[str, list[Subport]] = {}
    for trunk in lists["trunks"]:
        parent: Record = ports.get(trunk.get("port_id") or "", {})
        for subport in trunk.get("sub_ports") or []:
            port = ports.get(subport["port_id"])
            if not parent or port is None or subport.get("segmentation_type") != "vlan":
                continue  # the lists are read side by side: what was made a moment ago comes with the next run
            fixed_ips = [_fixed_ip(address, subnets) for address in port.get("fixed_ips") or []]
            own = _project(port) == _project(parent) and _own_network(port, networks.get(port["network_id"], {}))
            found.setdefault(parent["id"], []).append(
                {
                    "port_id": port["id"],
                    "segmentation_id": subport["segmentation_id"],
                    "own_network": own,
                    "fixed_ips": fixed_ips,
                    "other_subnets": _other_subnets(fixed_ips, subnets_of.get(port["network_id"], [])),
                }
            )
    return {parent: sorted(below, key=lambda one: one["segmentation_id"]) for parent, below in found.items()}


def _other_subnets(fixed_ips: list[FixedIp], of_network: list[Record]) -> list[OtherSubnet]:
    used = {address["subnet_id"] for address in fixed_ips}
    return [
        {"subnet_id": subnet["id"], "cidr": subnet["cidr"], "ip_version": subnet["ip_version"]}
        for subnet in sorted(of_network, key=lambda subnet: str(subnet["id"]))
        if subnet["id"] not in used
    ]


def _of_an_instance(port: Record, server: Record | None) -> bool:
    """Whether a limit on this port is a limit on an instance.

    Owner and device are fields that the port's owner may change after the instance has started, so neither is a way out of
    a limit: what is bound to a host counts, whatever it calls itself. Not so what belongs to no project, which is Neutron's
    own (a router's gateway), and what a distributed router has on every host.
    """
    owner = port.get("device_owner") or ""
    if server or owner.startswith("compute:"):
        return True
    if not port.get("binding:host_id"):
        return False
    return not owner.startswith("network:") or (bool(_project(port)) and vif_type(port) != "distributed")


def _may_run_with(server: Record, port: Record, hosts: set[str]) -> bool:
    """Whether a port may be one of the server that it names: its owner may write any server's id there.

    Nova plugs ports of the instance's project alone, and where the instance is; only while it moves they are apart.
    """
    if _project(server) != _project(port):
        return False
    there, bound = server.get("OS-EXT-SRV-ATTR:host"), port.get("binding:host_id")
    moves = str(server.get("OS-EXT-STS:task_state")).startswith(_MOVES)
    return there == bound or moves or not {there, bound} <= hosts


def _claims(port: Record, subports: t.Container[str]) -> str | None:
    """The service whose port it says it is, or that it is a trunk's subport. Either may be true: then it has no device on its host."""
    # Neutron's trunks say so, not device_owner. But a port that its owner has taken from its server can be made one, too.
    if port["id"] in subports and not port.get("device_id"):
        return SUBPORT
    owner = port.get("device_owner") or ""
    # Whatever else its owner writes there is nobody's to repeat.
    return None if not owner.startswith("network:") else owner if _SERVICE.match(owner) else "network:unknown"


def _own_network(port: Record, network: Record) -> bool:
    """Whether all in the port's network is its project's own: not what it shares with others, or with the world."""
    mine = _project(network) is not None and _project(network) == _project(port)
    # What Neutron doesn't tell isn't known to be private.
    return mine and network.get("shared") is False and network.get("router:external", False) is False


def _host(port: Record, server: Record | None, hosts: set[str]) -> str | None:
    """Where the port is shown: the host of its active binding; unbound, the one that Nova names for its instance."""
    for host in (port.get("binding:host_id"), server and server.get("OS-EXT-SRV-ATTR:host")):
        if host in hosts:
            return str(host)
    return None


def _project(record: Record) -> str | None:
    return record.get("project_id") or record.get("tenant_id") or None


def _fixed_ip(address: Record, subnets: dict[str, Record]) -> FixedIp:
    # The lists are read side by side: a subnet made a moment ago may be in one of them only.
    subnet: Record = subnets.get(address["subnet_id"], {})
    return {
        "ip": address["ip_address"],
        "subnet_id": address["subnet_id"],
        "cidr": subnet.get("cidr"),
        "ip_version": 6 if ":" in address["ip_address"] else 4,
        "gateway_ip": subnet.get("gateway_ip"),
    }


def _qos_policy(port: Record, network: Record, policies: dict[str, Record]) -> QosPolicy | None:
    """The policy that Neutron applies: the port's own, or else its network's."""
    for origin, policy_id in (("port", port.get("qos_policy_id")), ("network", network.get("qos_policy_id"))):
        if policy_id:
            policy = policies.get(policy_id, {})
            return {"id": policy_id, "name": policy.get("name"), "from": origin, "limits": _limited_by(policy)}
    return None


def _limited_by(policy: Record) -> list[str] | None:
    """The directions for which a policy has a bandwidth limit; None where its rules aren't known (it was made a moment ago)."""
    if "rules" not in policy:
        return None
    limits = (rule for rule in policy["rules"] if rule.get("type") == "bandwidth_limit")
    return sorted({rule.get("direction") or "egress" for rule in limits})  # before Pike there was no other direction


def _instance(server: Record) -> Instance:
    # A server in a cell that Nova can't reach has an id, a project and the status UNKNOWN, nothing else.
    flavor: Record = server.get("flavor") or {}
    power_state = server.get("OS-EXT-STS:power_state")
    return {
        "id": server["id"],
        "name": server.get("name"),
        "libvirt_name": server.get("OS-EXT-SRV-ATTR:instance_name"),
        "project_id": _project(server),
        "status": server.get("status"),
        "vm_state": server.get("OS-EXT-STS:vm_state"),
        "task_state": server.get("OS-EXT-STS:task_state"),
        "power_state": None if power_state is None else _POWER_STATES.get(power_state, str(power_state)),
        "flavor": {
            "name": flavor.get("original_name"),
            "vcpus": flavor.get("vcpus"),
            "ram": flavor.get("ram"),
            "disk": flavor.get("disk"),
            "ephemeral": flavor.get("ephemeral"),
            "swap": flavor.get("swap") or (0 if "original_name" in flavor else None),
            "extra_specs": flavor.get("extra_specs"),
        },
    }
