# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clouds of as many computes, flavors and instances as a test wants, as the audit reads them."""

from __future__ import annotations

import typing as t
import uuid

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.context import Context
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Cloud, Record
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.room import room

SIZES = {"VCPU": 16, "MEMORY_MB": 65536, "DISK_GB": 100}


def identity(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind} {number}"))


def flavor(name: str, vcpus: int = 1, ram: int = 1024, disk: int = 1, **specs: str) -> Record:
    extra_specs = {key.replace("__", ":"): value for key, value in specs.items()}
    return {
        "id": name,
        "name": name,
        "vcpus": vcpus,
        "ram": ram,
        "disk": disk,
        "OS-FLV-EXT-DATA:ephemeral": 0,
        "swap": 0,
        "extra_specs": extra_specs,
    }


class Made:
    """A cloud without instances; give it some, and spoil it."""

    def __init__(self, computes: int, *flavors: Record, zones: int = 1) -> None:
        hosts = [f"cmp{number:04d}" for number in range(1, computes + 1)]
        self.cloud: Cloud = {
            "cloud": "lab", "region": "", "recent": [], "everybody": [], "migrations": [], "ended": [], "evacuations": [], "absent": [], "unanswered": {},
            "lost_providers": [], "unreached": [], "aggregates": [], "traits": {}, "unread": "", "servers": [], "flavors": list(flavors),
            "services": [
                {"host": host, "state": "up", "status": "enabled", "zone": f"az{number % zones + 1}"} for number, host in enumerate(hosts)
            ],
            "hypervisors": [
                {"id": identity("node", number), "service": {"host": host}, "hypervisor_hostname": host, "hypervisor_type": "QEMU"}
                for number, host in enumerate(hosts)
            ],
            "providers": [],
        }  # fmt: skip
        for number, host in enumerate(hosts):
            self.provider(identity("node", number), host, None, **SIZES)

    def provider(self, made: str, name: str, root: str | None = None, /, **sizes: int) -> None:
        inventories = {
            key: {
                "total": total,
                "reserved": 0,
                "allocation_ratio": 1.0,
                "min_unit": 1,
                "max_unit": total,
                "step_size": 1,
            }
            for key, total in sizes.items()
        }
        self.cloud["providers"].append(
            {
                "uuid": made,
                "name": name,
                "root": root or made,
                "inventories": inventories,
                "usages": {},
                "allocations": {},
            }
        )

    def inventory(self, compute: int, resource: str, **changes: float) -> None:
        self.cloud["providers"][compute]["inventories"][resource].update(changes)

    def boot(self, compute: int, asked: Record, times: int = 1) -> list[str]:
        """Instances of a flavor on a compute, counted from 0."""
        provider, made = self.cloud["providers"][compute], []
        host = self.cloud["services"][compute]["host"]
        for _time in range(times):
            made.append(identity("server", len(self.cloud["servers"])))
            takes = {"VCPU": asked["vcpus"], "MEMORY_MB": asked["ram"], "DISK_GB": asked["disk"]}
            provider["allocations"][made[-1]] = takes
            for key, amount in takes.items():
                provider["usages"][key] = provider["usages"].get(key, 0) + amount
            self.cloud["servers"].append(
                {"id": made[-1], "status": "ACTIVE", "OS-EXT-SRV-ATTR:host": host, "flavor": asked}
            )
        return made

    def aggregate(self, name: str, *computes: int, **metadata: str) -> None:
        hosts = [self.cloud["services"][one]["host"] for one in computes]
        self.cloud["aggregates"].append({"name": name, "hosts": hosts, "metadata": metadata})

    def give_trait(self, trait: str, *computes: int) -> None:
        self.cloud["traits"][trait] = [self.cloud["providers"][one]["uuid"] for one in computes]

    def room(self) -> Record:
        return room(Context(self.cloud, {}, {}, silent={}, rules=None, cinder={}, irreversible=False))

    def flavor(self, name: str) -> Record:
        return next(t.cast("Record", one) for one in self.room()["flavors"] if one["name"] == name)

    def compute(self, number: int) -> Record:
        return t.cast("Record", self.room()["computes"][number])


def large(computes: int, flavors: int, instances: int = 20) -> Made:
    """Of `flavors` sizes, with so many instances on each compute."""
    asked = [
        flavor(f"f{number:02d}", 1 + number % 4, 512 * (1 + number % 7), 1 + number % 5) for number in range(flavors)
    ]
    made = Made(computes, *asked, zones=3)
    for number in range(computes):
        for one in range(instances):
            made.boot(number, asked[(7 * number + one) % flavors if number % 2 else one % 2])
        made.inventory(number, "VCPU", allocation_ratio=3.0)
    return made
