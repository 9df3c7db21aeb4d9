# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wished is understood as a whole, or refused in one sentence that says what to do."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune.wanted import Cpu, parse_domains


def throttle(**numbers: t.Any) -> dict[str, int]:
    (one,) = parse_domains([{"domain": "x", "disks": [{"disk": "vda", **numbers}]}])
    return dict(one.throttle)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("20MB", 20000000),
        ("20MiB", 20971520),
        ("20 MiB/s", 20971520),
        ("600kB", 600000),
        ("600KiB", 614400),
        ("1GB", 10**9),
        ("512B", 512),
        ("65536", 65536),
        (65536, 65536),
        ("1000TB", 10**15),
    ],
)
def test_bytes_a_second(text: object, number: int) -> None:
    assert throttle(total_bytes_sec=text) == {"total_bytes_sec": number}


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"total_bytes_sec": "20M"}, "x, disk vda: total_bytes_sec is '20M', whose unit may mean several things; write kB, MB"),
        ({"total_bytes_sec": "20Mbit"}, "whose unit may mean several things"),
        ({"total_bytes_sec": "20mb"}, "whose unit may mean several things"),
        ({"total_bytes_sec": "20"}, "is 20 without a unit, which would be bytes a second; write MB or MiB"),
        ({"total_bytes_sec": "100B"}, "total_bytes_sec is 100; QEMU takes 512 to"),
        ({"total_bytes_sec": "1001TB"}, "is 1001000000000000; QEMU takes 512 to 1000000000000000"),
        ({"total_bytes_sec": "1.5MB"}, "is '1.5MB', not a whole number with a unit."),
        ({"total_bytes_sec": "-1"}, "is '-1', not a whole number with a unit."),
        ({"total_iops_sec": "5k"}, "total_iops_sec is '5k'; it takes a whole number without a unit."),
        ({"total_iops_sec": True}, "total_iops_sec is 'True', not a whole number."),
        ({"total_iops_sec": 0}, "total_iops_sec is 0; QEMU takes 1 to"),
        ({"total_bytes_sec": "1MB", "read_bytes_sec": "1MB"}, "total_bytes_sec and read_bytes_sec don't go together; QEMU limits"),
        ({"total_iops_sec": 9, "write_iops_sec_max": 9}, "total_iops_sec and write_iops_sec_max don't go together"),
        ({"read_iops_sec": 9, "read_iops_sec_max": 8}, "read_iops_sec_max 8 is below read_iops_sec 9; give at least the rate"),
        ({"read_iops_sec_max": 8}, "read_iops_sec_max is given without read_iops_sec"),
        ({"read_iops_sec": 9, "read_iops_sec_max_length": 8}, "_max_length is given without read_iops_sec_max"),
        ({"read_iops_sec": 9, "read_iops_sec_max": 10**12, "read_iops_sec_max_length": 1001}, "QEMU takes at most 1000 s."),
        ({"total_bytes_sec": "1MB", "total_bytes_sec_max": "2MB", "total_bytes_sec_max_length": "7s"}, "without a unit"),
        ({"total_bytes_sec": "1MB", "size_iops_sec": 4096}, "size_iops_sec is given without a limit of operations"),
        ({}, "no limit is given; give one, or set state: absent to remove its limits."),
        ({"state": "absent", "read_iops_sec": 9}, "state is absent, but read_iops_sec is given, too"),
        ({"disk": " ", "read_iops_sec": 9}, "x: a disk has no name"),
    ],
    ids=str,
)  # fmt: skip
def test_throttles_that_make_no_sense(numbers: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(OperatorError) as error:
        throttle(**numbers)
    assert sentence in str(error.value)


def test_total_bytes_and_reads_a_second_go_together() -> None:
    assert len(throttle(total_bytes_sec="1MB", read_iops_sec=5)) == 2


@pytest.mark.parametrize(
    ("cpu", "made"),
    [
        ({"shares": 2}, Cpu(2)),
        ({"vcpu_quota": 1000}, Cpu(quota=1000, period=100000)),
        ({"vcpu_quota": -1}, Cpu(quota=0)),
        ({"shares": 2, "vcpu_quota": 2000000, "vcpu_period": 1000000}, Cpu(2, 2000000, 1000000)),
        ({"state": "absent"}, Cpu(quota=0, absent=True)),
    ],
    ids=str,
)
def test_cpus(cpu: dict[str, t.Any], made: Cpu) -> None:
    (one,) = parse_domains([{"domain": "x", "cpu": cpu}])
    assert one.cpu == made


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        ({"cpu": {}}, "x: cpu: neither shares nor vcpu_quota is given"),
        ({"cpu": {"vcpu_period": 9000}}, "vcpu_period alone limits nothing"),
        ({"cpu": {"shares": 5, "vcpu_period": 9000}}, "x: cpu.vcpu_period is given without vcpu_quota"),
        ({"cpu": {"shares": 1}}, "x: cpu.shares is 1; the kernel takes 2 to 262144."),
        ({"cpu": {"vcpu_quota": 999}}, "x: cpu.vcpu_quota is 999; libvirt takes 1000 to 17592186044415 microseconds"),
        ({"cpu": {"vcpu_quota": 0}}, "or -1 for no limit."),
        ({"cpu": {"vcpu_quota": 1000, "vcpu_period": 999}}, "x: cpu.vcpu_period is 999; libvirt takes 1000 to 1000000"),
        ({"cpu": {"state": "absent", "shares": 5}}, "state is absent, but there are numbers, too"),
        ({}, "x: neither cpu nor disks is given"),
        ({"domain": " ", "cpu": {"shares": 5}}, "domains[1]: domain is empty"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_domain_is_said(one: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(OperatorError) as error:
        parse_domains([{"domain": "x", **one}])
    assert sentence in str(error.value)
