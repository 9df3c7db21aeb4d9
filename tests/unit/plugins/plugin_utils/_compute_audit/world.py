# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small cloud and its one compute, which Placement knows rightly; tests spoil one thing each."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.audit import Audited, audit
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Cloud, Provider, Record

GIB = 1 << 30
COMPUTE = "4cd1a3a8-938d-426c-a9e9-61c7fec1fcbd"
ONE, TWO, LOST = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "123")
HOSTILE = "</script><script>alert(1)</script>{{ lookup('pipe', 'id') }}\x1b[2J"


def server(uuid: str, **changes: t.Any) -> Record:
    return {
        "id": uuid,
        "name": HOSTILE,
        "status": "ACTIVE",
        "image": {"id": "i"},
        "OS-EXT-SRV-ATTR:host": "cmp01",
        "OS-EXT-STS:vm_state": "active",
        "OS-EXT-STS:task_state": None,
        "flavor": {"vcpus": 2, "ram": 2048, "disk": 10, "ephemeral": 0, "swap": 0, "extra_specs": {}},
    } | changes


def domain(uuid: str, **changes: t.Any) -> Record:
    return {
        "uuid": uuid,
        "name": "instance-00000001",
        "state": "running",
        "made_by_nova": True,
        "vcpus": 2,
        "memory": 2 << 30,
        "taps": [],
        "disks": [
            {
                "target": "vda",
                "kind": "file",
                "protocol": None,
                "source": f"/var/lib/nova/instances/{uuid}/disk",
                "secret": None,
                "virtual": 10 * GIB,
                "actual": 3 * GIB,
            }
        ],
    } | changes


def entry(name: str, uuid: str | None = None, suffix: str = "", size: int = 3 * GIB) -> Record:
    kind = "instance" if uuid else "other"
    return {"name": name, "kind": kind, "instance": uuid, "suffix": suffix, "size": size, "folder": True}


def volume(name: str, maker: str = "foreign", size: int = 20 * GIB, instance: str | None = None) -> Record:
    return {
        "group": "vg0", "name": name, "size": size, "maker": maker, "why": "so", "instance": instance, "pool": None, "tags": []
    }  # fmt: skip


TAKES = {"VCPU": 2, "MEMORY_MB": 2048, "DISK_GB": 10}


def inventory(total: int, ratio: float = 1.0, reserved: int = 0) -> Record:
    return {"total": total, "reserved": reserved, "allocation_ratio": ratio}


def provider() -> Provider:
    return {
        "uuid": COMPUTE,
        "name": "cmp01.example.com",
        "root": COMPUTE,
        "inventories": {
            "VCPU": inventory(16, 4.0),
            "MEMORY_MB": inventory(65536, reserved=512),
            "DISK_GB": inventory(100),
        },
        "usages": {key: 2 * amount for key, amount in TAKES.items()},
        "allocations": {ONE: dict(TAKES), TWO: dict(TAKES)},
    }


@dataclass
class World:
    cloud: Cloud
    host: t.Any
    """Facts that tests spoil."""
    others: dict[str, t.Any] = field(default_factory=dict)
    inventory: dict[str, str] = field(default_factory=lambda: {"cmp01": "cmp01.example.com"})

    @property
    def provider(self) -> Provider:
        return self.cloud["providers"][0]

    @property
    def domains(self) -> list[Record]:
        return t.cast("list[Record]", self.host["libvirt"]["domains"])

    def use_lvm(self, *volumes: Record, size: int = 100 * GIB) -> None:
        self.host["nova_conf"] |= {"images_type": "lvm", "images_volume_group": "vg0"}
        free = size - sum(one["size"] for one in volumes)
        self.host["lvm"] = {
            "groups": [{"name": "vg0", "size": size, "free": free, "extent": 4 << 20}],
            "volumes": list(volumes),
        }

    def hold(self, consumer: str, **resources: int) -> World:
        """Have Placement keep something for a consumer."""
        self.provider["allocations"][consumer] = resources
        for key, amount in resources.items():
            self.provider["usages"][key] += amount
        return self

    def add_server(self, made: Record) -> World:
        self.cloud["servers"].append(made)
        return self

    def add_domain(self, made: Record) -> World:
        self.domains.append(made)
        return self

    def add_entry(self, made: Record) -> World:
        self.host["instances"]["entries"].append(made)
        return self

    def use_rbd(self) -> None:
        self.host["nova_conf"] |= {"images_type": "rbd", "images_rbd_pool": "vms"}
        self.host["rbd"] = {"fsid": LOST, "pool": "vms", "stored": 30 * GIB, "free": 270 * GIB}

    def audit(self, **options: t.Any) -> Audited:
        return audit(
            self.cloud, {"cmp01": self.host, **self.others}, self.inventory, **{"irreversible": True, **options}
        )

    def found(self) -> set[tuple[str, str]]:
        return {(one.kind, one.subject) for one in self.audit().findings}


def make_world() -> World:
    return World(
        {
            "cloud": "lab",
            "region": "RegionOne",
            "services": [{"host": "cmp01", "state": "up", "status": "enabled"}],
            "hypervisors": [
                {
                    "id": COMPUTE, "service": {"host": "cmp01"}, "vcpus": 16, "vcpus_used": 4, "memory_mb": 65536,
                    "memory_mb_used": 4608, "free_ram_mb": 60928, "local_gb": 100, "local_gb_used": 20, "free_disk_gb": 80,
                }
            ],
            "servers": [server(ONE), server(TWO)],
            "recent": [],
            "everybody": [],
            "migrations": [],
            "ended": [],
            "evacuations": [],
            "providers": [provider()],
            "absent": [LOST],
            "unanswered": {},
            "lost_providers": [LOST],
            "unreached": [],
            "flavors": [{"id": "1", "name": "m1.small"} | t.cast("Record", server(ONE)["flavor"])],
            "aggregates": [],
            "traits": {},
            "unread": "",
        },
        {
            "host": "cmp01",
            "commands": None,
            "unknown": {},
            "cpus": 16,
            "memory": {"total": 64 * GIB, "available": 50 * GIB},
            "nova_conf": {"files": ["/etc/nova/nova.conf"]},
            "instances": {
                "path": "/var/lib/nova/instances", "mount": "/var/lib/nova/instances", "kind": "ext4", "shared": False,
                "total": 100 * GIB, "used": 6 * GIB, "free": 94 * GIB, "entries": [entry(ONE, ONE), entry(TWO, TWO)],
            },
            "lvm": {"groups": [], "volumes": []},
            "libvirt": {"hostname": "cmp01", "cpus": 16, "memory": 64 * GIB, "domains": [domain(ONE), domain(TWO)], "secrets": []},
            "limits": [],
            "rbd": None,
            "rbd_images": None,
            "cinder": None,
        },
    )  # fmt: skip
