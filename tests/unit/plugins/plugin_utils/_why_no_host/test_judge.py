# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each reason for which a compute isn't taken, in words; and who is left after each step."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.judge import lines
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.model import (
    Compute,
    Needs,
    Record,
    ServerGroup,
)
from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._why_no_host.world import (
    FILTERS,
    ROOT,
    aggregate,
    compute,
    inventory,
    judged,
    needs,
    provider,
    service,
    with_class,
)

SSD = "aggregate_instance_extra_specs:ssd"
HOSTILE = "{{ lookup('pipe', 'id') }}\x1b[2J"


def group(policy: str, unknown: str = "", at_most: int = 1, **members: int) -> ServerGroup:
    return ServerGroup("web", policy, at_most, members, unknown)


def test_a_compute_that_lacks_nothing_is_taken() -> None:
    for asked in (
        needs(),
        needs(zone="az1", extra={SSD: "true"}),
        needs(
            {"hw_architecture": "amd64", "img_hv_type": "kvm", "hw_vm_mode": "hvm", "trait:COMPUTE_NODE": "required"}
        ),
        needs(server_group=group("anti-affinity", cmp02=1)),
        needs(server_group=group("affinity", cmp01=1)),
        needs(server_group=group("affinity")),
        needs(server_group=group("soft-anti-affinity", cmp01=3)),
        needs(extra={"capabilities:cpu_info:arch": "x86_64", "capabilities:hypervisor_version": ">= 8000000"}),
    ):
        report = judged(asked, candidates={ROOT})
        assert report.computes[0].causes == (), asked
        assert report.steps == ()
        assert lines(report)[0] == "The flavor 'm1': 1 of 1 computes could take it: cmp01."


KNOWN: dict[str, tuple[Needs, Compute, str, str]] = {
    "disabled": (
        needs(), compute(service=service(status="disabled", disabled_reason=HOSTILE)),
        "ComputeFilter", r"nova-compute is disabled, because \"{{ lookup\('pipe', 'id'\) }}\\x1b\[2J\"",
    ),
    "disabled by nobody": (needs(), compute(service=service(status="disabled")), "ComputeFilter", "and nobody said why"),
    "down": (needs(), compute(service=service(state="down")), "ComputeFilter", "is down, and was last heard of at 2026-11-29T08"),
    "forced down": (needs(), compute(service=service(state="down", forced_down=True)), "ComputeFilter", "forced down"),
    "zone": (needs(zone="az2"), compute(), "Placement", "it is in the zone 'az1', asked for is 'az2'"),
    "zone that Placement doesn't know": (
        needs(zone="az1"), compute(tree=(provider(aggregates=frozenset()),)),
        "Placement", "doesn't know that it is in the aggregate 'rack1' of the zone; run nova-manage placement sync_aggregates",
    ),
    "metadata differs": (
        needs(extra={SSD: "<or> nvme <or> fast"}), compute(),
        "AggregateInstanceExtraSpecsFilter", "asks for ssd '<or> nvme <or> fast', and its aggregates say 'true'",
    ),
    "no such metadata": (
        needs(extra={"aggregate_instance_extra_specs:gpu": "1"}), compute(),
        "AggregateInstanceExtraSpecsFilter", "asks for gpu '1', and no aggregate of it has that key",
    ),
    "used up": (
        needs(), compute(tree=(with_class("VCPU", inventory(16, allocation_ratio=4.0), used=63),)),
        "Placement", r"1 VCPU are free, asked for are 2; of \(16 - 0 reserved\) x 4 = 64, 63 are allocated",
    ),
    "ratio": (
        needs(), compute(tree=(with_class("VCPU", inventory(16, allocation_ratio=0.1)),)),
        "Placement", r"of \(16 - 0 reserved\) x 0.1 = 1, 0 are allocated",
    ),
    "reserved": (
        needs(), compute(tree=(with_class("DISK_GB", inventory(100, reserved=95)),)),
        "Placement", r"5 DISK_GB are free, asked for are 10; of \(100 - 95 reserved\) x 1 = 5",
    ),
    "overcommitted": (
        needs(), compute(tree=(with_class("DISK_GB", inventory(100), used=120),)), "Placement", "0 DISK_GB are free",
    ),
    "max_unit": (
        needs(), compute(tree=(with_class("MEMORY_MB", inventory(65536, max_unit=1024)),)),
        "Placement", r"at most 1024 MEMORY_MB to one instance \(max_unit\), asked for are 2048",
    ),
    "min_unit": (
        needs(), compute(tree=(with_class("DISK_GB", inventory(100, min_unit=20)),)), "Placement", "at least 20 DISK_GB",
    ),
    "step_size": (
        needs(), compute(tree=(with_class("DISK_GB", inventory(100, step_size=4)),)), "Placement", "in steps of 4",
    ),
    "no such class": (
        needs(extra={"resources:CUSTOM_GPU": "1"}), compute(), "Placement", "it has no CUSTOM_GPU at all, asked for are 1",
    ),
    "required trait": (
        needs(extra={"trait:HW_CPU_X86_AVX512F": "required"}), compute(), "Placement", "lacks the trait HW_CPU_X86_AVX512F",
    ),
    "required trait of an image": (
        needs({"trait:CUSTOM_TPM": "required"}), compute(), "Placement", "lacks the trait CUSTOM_TPM",
    ),
    "forbidden trait": (
        needs(extra={"trait:HW_CPU_X86_AVX2": "forbidden"}), compute(), "Placement", "has the trait HW_CPU_X86_AVX2, which is forbidden",
    ),
    "left-over trait": (
        needs(), compute(tree=(provider(traits=frozenset({"COMPUTE_STATUS_DISABLED"})),)),
        "Placement", "COMPUTE_STATUS_DISABLED although nova-compute is enabled",
    ),
    "architecture": (
        needs({"architecture": "aarch64"}), compute(),
        "ImagePropertiesFilter", "the image wants the architecture 'aarch64', and it has 'x86_64'",
    ),
    "hypervisor": (
        needs({"img_hv_type": "xen"}), compute(), "ImagePropertiesFilter", "the image wants the hypervisor 'xen', and it has 'QEMU'",
    ),
    "anti-affinity": (
        needs(server_group=group("anti-affinity", cmp01=1)), compute(),
        "ServerGroupAntiAffinityFilter", "1 of the server group 'web' run there, and none may run beside another",
    ),
    "anti-affinity with more": (
        needs(server_group=group("anti-affinity", at_most=2, cmp01=2)), compute(),
        "ServerGroupAntiAffinityFilter", "at most 2 may be on one host",
    ),
    "affinity": (
        needs(server_group=group("affinity", cmp02=1)), compute(),
        "ServerGroupAffinityFilter", "the server group 'web' is on cmp02, and has to stay together",
    ),
    "capability": (
        needs(extra={"capabilities:hypervisor_type": "xen"}), compute(),
        "ComputeCapabilitiesFilter", "'capabilities:hypervisor_type' 'xen', and it has 'QEMU'",
    ),
    "capability that isn't there": (
        needs(extra={"capabilities:cpu_info:maxphysaddr:bits": ">= 42"}), compute(), "ComputeCapabilitiesFilter", "and it has none",
    ),
    "I/O operations": (needs(), compute(busy=8), "IoOpsFilter", "8 of its instances are built.*and the limit is 8"),
    "I/O operations of an aggregate": (
        needs(), compute(busy=3, aggregates=(aggregate(max_io_ops_per_host="3"),)), "AggregateIoOpsFilter", "the limit is 3",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "there", "by", "text"), KNOWN.values(), ids=KNOWN)
def test_a_reason(asked: Needs, there: Compute, by: str, text: str) -> None:
    extra = (by,) if by.endswith("IoOpsFilter") else ()
    # Placement is asked without regard to the zone.
    report = judged(asked, there, candidates={ROOT} if asked.zone else set(), enabled=(*FILTERS, *extra))
    (one,) = report.computes
    causes = [cause for cause in one.causes if cause.by == by]
    assert [cause.known for cause in causes] == [True]
    assert re.search(text, causes[0].text), causes[0].text
    assert report.left == []
    assert report.steps[-1]["after"] == []
    assert f"cmp01: {by}: {causes[0].text}." in lines(report)


UNKNOWN: dict[str, tuple[Needs, Compute, str, str]] = {
    "Placement": (needs(), compute(tree=None, why_unknown="HTTP 403"), "Placement", "HTTP 403"),
    "cell": (needs(zone="az2"), compute(service=service(status="UNKNOWN", state=None, zone="")), "cell", "database of its cell"),
    "architecture": (
        needs({"hw_architecture": "aarch64"}), compute(hypervisor={"hypervisor_type": "QEMU", "cpu_info": ""}),
        "ImagePropertiesFilter", "its own isn't told",
    ),
    "virtual machine mode": (needs({"hw_vm_mode": "xen"}), compute(), "ImagePropertiesFilter", "no API tells"),
    "capability": (needs(extra={"capabilities:free_ram_mb": ">= 4"}), compute(), "ComputeCapabilitiesFilter", "no API tells"),
    "server group": (
        needs(server_group=group("anti-affinity", unknown="a cell is down")), compute(), "ServerGroupAntiAffinityFilter", "a cell is down",
    ),
    "I/O operations": (needs(), compute(), "IoOpsFilter", "isn't known"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "there", "by", "text"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_asked_is_unknown_and_no_reason(asked: Needs, there: Compute, by: str, text: str) -> None:
    report = judged(asked, there, enabled=(*FILTERS, "IoOpsFilter") if by == "IoOpsFilter" else FILTERS)
    (cause,) = report.computes[0].causes
    assert (cause.by, cause.known) == (by, False)
    assert text in cause.text
    assert [one.compute.host for one in report.left] == ["cmp01"]
    assert report.steps == ()
    assert any(line.startswith(f"cmp01: unknown, {by}: ") for line in lines(report))


def test_placements_own_answer_counts_for_more_than_what_is_put_together() -> None:
    asked = needs(extra={"resources:CUSTOM_GPU": "1"})
    assert judged(asked, candidates={ROOT}).left  # a provider that is shared has it
    (one,) = judged(needs(), candidates=set()).computes
    assert one.refused
    assert "only their combination can be the reason" in one.causes[0].text
    assert judged(needs(), candidates=None).left


def test_a_provider_below_the_compute_counts() -> None:
    below = provider(
        uuid="below", inventories={"VGPU": inventory(4)}, usages={"VGPU": 4}, traits=frozenset({"CUSTOM_A100"})
    )
    asked = needs(extra={"resources1:VGPU": "1", "trait1:CUSTOM_A100": "required"})
    (one,) = judged(asked, compute(tree=(provider(), below)), candidates=set()).computes
    assert [cause.text for cause in one.causes] == [
        "0 VGPU are free, asked for are 1; of (4 - 0 reserved) x 1 = 4, 4 are allocated"
    ]


def test_steps_follow_the_scheduler() -> None:
    there = [
        compute(host=host, node=host, **changes)
        for host, changes in t.cast(
            list[tuple[str, Record]],
            [
                ("cmp01", {"tree": (with_class("VCPU", inventory(1)),)}),
                ("cmp02", {"service": service(state="down")}),
                ("cmp03", {"aggregates": ()}),
            ],
        )
    ]
    report = judged(needs(extra={SSD: "true"}), *there)
    assert list(report.steps) == [
        {"by": "Placement", "before": 3, "after": ["cmp02", "cmp03"]},
        {"by": "ComputeFilter", "before": 2, "after": ["cmp03"]},
        {"by": "AggregateInstanceExtraSpecsFilter", "before": 1, "after": []},
    ]
    said = lines(report)
    assert said[0] == "The flavor 'm1': none of 3 computes could take it."
    assert said[2:5] == [
        "Placement: of 3 leaves 2: cmp02, cmp03.",
        "ComputeFilter: of 2 leaves 1: cmp03.",
        "AggregateInstanceExtraSpecsFilter: of 1 leaves none.",
    ]


def test_a_filter_that_cannot_be_judged_is_named() -> None:
    report = judged(needs(), enabled=("ComputeFilter", "NUMATopologyFilter"))
    assert report.notes == ("The filter NUMATopologyFilter isn't judged.",)
    assert report.left


def test_a_filter_that_is_not_in_use_says_nothing() -> None:
    assert judged(needs(extra={SSD: "no"}), enabled=("ComputeFilter",)).left
