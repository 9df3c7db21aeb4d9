# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova asks Placement for."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.model import Record
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.needs import in_words, query_of
from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._why_no_host.world import needs

NONE = ("required", "!COMPUTE_STATUS_DISABLED")


@pytest.mark.parametrize(
    ("flavor", "extra", "query"),
    [
        ({}, {}, [("resources", "DISK_GB:10,MEMORY_MB:2048,VCPU:2"), NONE]),
        ({"disk": 0}, {}, [("resources", "MEMORY_MB:2048,VCPU:2"), NONE]),
        ({"swap": 1025, "OS-FLV-EXT-DATA:ephemeral": 3}, {}, [("resources", "DISK_GB:15,MEMORY_MB:2048,VCPU:2"), NONE]),
        ({}, {"hw:cpu_policy": "dedicated"}, [("resources", "DISK_GB:10,MEMORY_MB:2048,PCPU:2"), NONE]),
        (
            {},
            {
                "resources:VCPU": "0",
                "resources:CUSTOM_BAREMETAL": "1",
                "resources:MEMORY_MB": "0",
                "resources:DISK_GB": "0",
            },
            [("resources", "CUSTOM_BAREMETAL:1"), NONE],
        ),
        (
            {},
            {"resources1:VGPU": "1", "trait1:CUSTOM_A": "required", "trait:CUSTOM_B": "forbidden"},
            [
                ("resources", "DISK_GB:10,MEMORY_MB:2048,VCPU:2"),
                ("required", "!COMPUTE_STATUS_DISABLED,!CUSTOM_B"),
                ("resources1", "VGPU:1"),
                ("required1", "CUSTOM_A"),
            ],
        ),
        (
            {},
            {"resources1:VGPU": "1", "resources2:VGPU": "1", "group_policy": "isolate"},
            [
                ("resources", "DISK_GB:10,MEMORY_MB:2048,VCPU:2"),
                NONE,
                ("resources1", "VGPU:1"),
                ("resources2", "VGPU:1"),
                ("group_policy", "isolate"),
            ],
        ),
    ],
)
def test_the_question_for_placement(flavor: Record, extra: dict[str, str], query: list[tuple[str, str]]) -> None:
    assert query_of(needs(flavor=flavor, extra=extra)) == query


def test_an_instance_on_a_volume_needs_no_root_disk() -> None:
    assert query_of(needs(from_volume=True))[0] == ("resources", "MEMORY_MB:2048,VCPU:2")


def test_an_image_may_want_pinned_cpus_too() -> None:
    asked = needs({"hw_cpu_policy": "dedicated", "hw_numa_nodes": "2"})
    assert query_of(asked)[0] == ("resources", "DISK_GB:10,MEMORY_MB:2048,PCPU:2")
    assert asked.notes == ("image hw_numa_nodes: whether a NUMA topology fits on a compute can't be asked.",)


def test_a_port_has_needs_of_its_own() -> None:
    old = {
        "id": "p1",
        "resource_request": {"resources": {"NET_BW_EGR_KILOBIT_PER_SEC": 1000}, "required": ["CUSTOM_PHYSNET1"]},
    }
    new = {
        "id": "p2",
        "binding:vnic_type": "direct",
        "resource_request": {"request_groups": [{"resources": {"X": 1}, "required": []}]},
    }
    asked = needs(ports=[old, new, {"id": "p3", "resource_request": None}])
    assert query_of(asked)[2:] == [
        ("resources_port0_0", "NET_BW_EGR_KILOBIT_PER_SEC:1000"),
        ("required_port0_0", "CUSTOM_PHYSNET1"),
        ("resources_port1_0", "X:1"),
        ("group_policy", "none"),
    ]
    assert asked.notes == ("The port p2 wants a direct device; whether one is free can't be asked.",)


def test_what_is_not_judged_is_noted() -> None:
    asked = needs(extra={"hw:numa_nodes": "2", "trait:X": "perhaps", "resources:Y": "many", "hw:cpu_policy": "mixed"})
    assert len(asked.notes) == 4
    assert "whether a NUMA topology fits on a compute can't be asked" in asked.notes[0]


def test_in_words() -> None:
    asked = needs({"img_hv_type": "xen"}, extra={"trait:A": "required", "ssd": "true"}, zone="az1")
    assert (
        in_words(asked)
        == "10 DISK_GB, 2048 MEMORY_MB, 2 VCPU, trait A, ssd='true', image img_hv_type='xen', zone 'az1'"
    )
