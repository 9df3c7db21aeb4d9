# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one list of a cloud says of another one: rows that have to be there, and aren't. Pure.

An API answers a user without enough rights, and Nova without a cell's database, with a shorter list and no error.
"""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID

from .computes import Record

HOST = "OS-EXT-SRV-ATTR:host"

Refers = t.Callable[[Record], set[str]]


def _of_somebody(port: Record) -> bool:
    return not str(port.get("device_owner")).startswith("network:")


def networks_of(port: Record) -> set[str]:
    return {str(port["network_id"])} if _of_somebody(port) else set()


def subnets_of(port: Record) -> set[str]:
    return {str(one["subnet_id"]) for one in port.get("fixed_ips") or []} if _of_somebody(port) else set()


def policies_of(port: Record) -> set[str]:
    return {str(port["qos_policy_id"])} if port.get("qos_policy_id") else set()


def floating_ip_of(port: Record) -> set[str]:
    """Each floating IP has a port of its own, whose owner no tenant may write."""
    is_one = port.get("device_owner") == "network:floatingip" and UUID.match(str(port.get("device_id")))
    return {str(port["device_id"])} if is_one else set()


def unlisted(refers: Refers, ports: t.Iterable[Record], rows: t.Iterable[Record]) -> set[str]:
    """Ids that the ports refer to and no row has."""
    there = {str(row["id"]) for row in rows}
    return {one for port in ports for one in refers(port)} - there


def hides_hosts(servers: t.Iterable[Record]) -> bool:
    """Whether Nova shows servers and not one's host, as to a role without os-extended-server-attributes."""
    told = [one for one in servers if one.get("status") != "UNKNOWN"]
    return bool(told) and not any(HOST in one for one in told)


def other_projects(own: str | None, ports: t.Iterable[Record], servers: t.Iterable[Record]) -> int:
    """How many projects have servers with addresses while all ports that Neutron lists are of the token's own project.

    A server without a port alone proves nothing: a port's owner may delete or rename it.
    """
    seen = {_project(one) for one in ports} - {""}
    if not own or not seen <= {own}:
        return 0
    return len({_project(one) for one in servers if one.get("addresses")} - {"", own})


def without_ports(servers: t.Iterable[Record], ports: t.Iterable[Record]) -> set[str]:
    """Servers with a NIC whose MAC address no port has that Neutron lists. Its owner may have deleted the port: ask for these once more."""
    listed = {str(port["mac_address"]).lower() for port in ports}
    return {
        str(server["id"])
        for server in servers
        for nics in (server.get("addresses") or {}).values()
        for nic in nics
        if (mac := str(nic.get("OS-EXT-IPS-MAC:mac_addr") or "").lower()) and mac not in listed
    }


def zones_of_nothing(services: t.Iterable[Record], aggregates: t.Iterable[Record]) -> list[str]:
    """Availability zones of computes that no aggregate makes, apart from the one that may be Nova's default."""
    made = {
        (host, str((one.get("metadata") or {}).get("availability_zone"))) for one in aggregates for host in one["hosts"]
    }
    found = {str(one["zone"]) for one in services if one.get("zone") and (one["host"], str(one["zone"])) not in made}
    return sorted(found) if len(found) > 1 else []


def without_servers(hypervisors: t.Iterable[Record], servers: t.Iterable[Record]) -> dict[str, int]:
    """By host, how many instances its nova-compute has told of, where Nova lists none there."""
    listed = {one.get(HOST) for one in servers}
    running: dict[str, int] = {}
    for one in hypervisors:
        host = str(one["service"]["host"])
        if host not in listed and one.get("running_vms"):
            running[host] = running.get(host, 0) + int(one["running_vms"])
    return running


def unreached(services: t.Iterable[Record]) -> list[str]:
    """The hosts of cells whose database doesn't answer Nova."""
    return sorted(str(one["host"]) for one in services if str(one.get("status")).upper() == "UNKNOWN")


def _project(record: Record) -> str:
    return str(record.get("project_id") or record.get("tenant_id") or "")
