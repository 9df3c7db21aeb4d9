# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report that is as large as the page has to bear."""

from __future__ import annotations

import random
import typing as t
import uuid
from pathlib import Path

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.audit import Audited
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.capacity import compare
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.kinds import Kind
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import CLASSES, Finding, Node
from tests.integration.browser import HOSTILE
from tests.places import ROOT
from tests.unit.plugins.plugin_utils._compute_audit import clouds

TEMPLATE = ROOT / "plugins/plugin_utils/_compute_audit/page.html"


def crowded(computes: int) -> dict[str, t.Any]:
    """The room of a cloud of so many computes and 50 flavors, with names as strange as they may be."""
    made = clouds.large(computes, 48)
    made.cloud["flavors"] += [clouds.flavor("numa", hw__numa_nodes="2"), clouds.flavor(HOSTILE, 1000)]
    made.aggregate(HOSTILE, *range(computes // 2), filter_tenant_id="x")
    made.cloud["services"][0]["status"] = "disabled"
    return made.room()


def large(computes: int = 50, findings: int = 5000, rooms: int = 1000) -> dict[str, t.Any]:
    """A report made of what an audit makes it of; the same every time. rooms: of how many computes it says what fits."""
    dice = random.Random(1)
    nodes: list[Node] = []
    found: list[Finding] = []
    kinds = (
        Kind.ALLOCATION_WITHOUT_INSTANCE,
        Kind.DOMAIN_MISSING,
        Kind.LEFTOVER_DIRECTORY,
        Kind.LEFTOVER_VOLUME,
        Kind.DOMAIN_DIFFERS,
    )
    for number in range(1, computes + 1):
        host = f"cmp{number:02d}"
        sizes = {"VCPU": (64, 4.0), "MEMORY_MB": (262144, 1.0), "DISK_GB": (2000, 1.0)}
        provider: t.Any = {"inventories": {}, "usages": {}}
        for resource, (total, ratio) in sizes.items():
            provider["inventories"][resource] = {"total": total, "reserved": total // 20, "allocation_ratio": ratio}
            provider["usages"][resource] = int(total * ratio * dice.uniform(0.2, 1.1))
        host_found: t.Any = {
            "nova_conf": {}, "cpus": 64, "memory": {"total": 1 << 38, "available": dice.randrange(1 << 37)},
            "instances": {"path": "/i", "mount": "/i", "total": 2000 << 30, "used": dice.randrange(1900) << 30, "free": 90 << 30,
                          "entries": [{"name": "a", "kind": "instance", "size": 50 << 30}]},
            "libvirt": {"cpus": 64, "domains": [{"state": "running", "vcpus": dice.randrange(200), "memory": 1 << 36, "disks": []}]},
        }  # fmt: skip
        nodes.append(
            {
                "host": host, "inventory_hostname": host, "state": "up", "status": "enabled", "instances": 100, "unknown": {},
                "capacity": [compare(provider, None, host_found, resource) for resource in CLASSES], "reservation": None, "groups": [],
                "volumes": [{"group": "vg0", "name": HOSTILE, "size": 1 << 34, "maker": "foreign", "why": "so", "instance": None,
                             "pool": None, "tags": []}],
            }
        )  # fmt: skip
    for number in range(findings):
        subject = str(uuid.UUID(int=dice.getrandbits(128)))
        found.append(
            Finding(
                kind=dice.choice(kinds),
                severity=("critical", "warning", "info")[number % 3],
                host=f"cmp{number % computes + 1:02d}",
                subject=subject,
                explanation=f"This instance is where it shouldn't be, number {number}.",
                remedy=f"openstack server reboot --hard {subject}",
                remedy_on="cloud",
                name=HOSTILE,
            )
        )
    audited = Audited(nodes, found, 3, 100 * computes, crowded(rooms))
    return report.report(
        audited,
        taken="2026-11-27T13:00:00Z",
        cloud="lab",
        region="RegionOne",
        requests=100,
        # Before, there were all but the last, and one more, of a host that has no trouble now.
        before={
            "taken": "2026-11-26T13:00:00Z",
            "findings": [one.public() for one in found[:-1]] + [{"id": "negative:cmp01:VCPU", "host": "cmp01"}],
        },
        acknowledged={found[-3].id: (HOSTILE, "2027-03-31")},
    )


def write_page(folder: Path, made: dict[str, t.Any]) -> Path:
    path = folder / "audit.html"
    path.write_text(report.page(TEMPLATE.read_text(encoding="utf-8"), made), encoding="utf-8")
    return path
