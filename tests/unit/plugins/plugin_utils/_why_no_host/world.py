# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute that takes what is asked for; tests spoil one thing each."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.judge import Report, judge
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.model import (
    Compute,
    Needs,
    Provider,
    Record,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.needs import needs_of

ROOT = "4cd1a3a8-938d-426c-a9e9-61c7fec1fcbd"
FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
    "AggregateInstanceExtraSpecsFilter",
)
FLAVOR: Record = {"name": "m1", "vcpus": 2, "ram": 2048, "disk": 10, "swap": "", "extra_specs": {}}


def inventory(total: int, **changes: t.Any) -> Record:
    return {
        "total": total, "reserved": 0, "allocation_ratio": 1.0, "min_unit": 1, "max_unit": total, "step_size": 1, **changes
    }  # fmt: skip


def provider(**changes: t.Any) -> Provider:
    usual = Provider(
        ROOT,
        {"VCPU": inventory(16, allocation_ratio=4.0), "MEMORY_MB": inventory(65536), "DISK_GB": inventory(100)},
        {"VCPU": 4, "MEMORY_MB": 4096, "DISK_GB": 20},
        frozenset({"HW_CPU_X86_AVX2", "COMPUTE_NODE"}),
        frozenset({"agg-uuid"}),
    )
    return replace(usual, **changes)


def with_class(name: str, row: Record, used: int = 0) -> Provider:
    usual = provider()
    return provider(inventories={**usual.inventories, name: row}, usages={**usual.usages, name: used})


def service(**changes: t.Any) -> Record:
    return {
        "host": "cmp01", "status": "enabled", "state": "up", "forced_down": False, "disabled_reason": None, "zone": "az1",
        "updated_at": "2026-11-29T08:12:40.000000", **changes,
    }  # fmt: skip


def aggregate(**metadata: str) -> Record:
    return {"name": "rack1", "uuid": "agg-uuid", "hosts": ["cmp01"], "metadata": metadata}


def compute(**changes: t.Any) -> Compute:
    hypervisor = {
        "hypervisor_type": "QEMU",
        "cpu_info": {"arch": "x86_64", "features": ["aes"]},
        "hypervisor_version": 8002002,
    }
    usual = Compute(
        "cmp01",
        "cmp01.example.com",
        service(),
        hypervisor,
        (aggregate(availability_zone="az1", ssd="true"),),
        (provider(),),
    )
    return replace(usual, **changes)


def needs(image: Record | None = None, *, flavor: Record | None = None, **changes: t.Any) -> Needs:
    """extra: the flavor's extra specs."""
    specs = changes.pop("extra", {})
    return needs_of("The flavor 'm1'", {**FLAVOR, **(flavor or {}), "extra_specs": specs}, image=image, **changes)


def judged(
    asked: Needs,
    *there: Compute,
    candidates: set[str] | None = None,
    enabled: tuple[str, ...] = FILTERS,
    max_io_ops: int = 8,
) -> Report:
    return judge(asked, there or (compute(),), candidates=candidates, enabled=enabled, max_io_ops=max_io_ops)
