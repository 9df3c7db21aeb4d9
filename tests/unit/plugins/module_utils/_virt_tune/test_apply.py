# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole calls against a libvirt that keeps state: what is done, predicted, refused, taken away."""

from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune import apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune.apply import Libvirt, TuneOutcome
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune.plan import host_of
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune.wanted import NUMBERS, parse_domains
from tests.unit.plugins.module_utils._virt_tune import fake_tunable
from tests.unit.plugins.module_utils._virt_tune.fake_tunable import (
    CONFIG,
    LIVE,
    NO_DOMAIN,
    NO_QUOTA,
    UUID,
    VOLUME,
    FakeDisk,
    FakeDomain,
    FakeLibvirt,
    LibvirtError,
)

CPU = {"shares": 50, "vcpu_quota": 20000, "vcpu_period": 50000}
BURST = {"disk": "vda", "total_bytes_sec": "1MiB", "total_bytes_sec_max": "2MiB", "total_bytes_sec_max_length": 7}
ABSENT = {"disk": "vda", "state": "absent"}


@pytest.fixture
def domain() -> FakeDomain:
    return FakeDomain([FakeDisk("vda"), FakeDisk("vdb", VOLUME), FakeDisk("hda", device="cdrom")])


def run(domain: FakeDomain, *domains: dict[str, t.Any], check: bool = False, unified: bool = True) -> TuneOutcome:
    act = apply.check if check else apply.apply
    libvirt = FakeLibvirt(domain, FakeDomain([], "instance-00000001", UUID.replace("4", "5")))
    parts = parse_domains([{"domain": UUID, **one} for one in domains])
    return act(parts, Libvirt(libvirt, libvirt), host_of(unified))


def only(outcome: TuneOutcome) -> dict[str, t.Any]:
    (one,) = outcome.plans
    return one.public()


TRANSITIONS: dict[str, tuple[list[dict[str, t.Any]], str]] = {
    "a new throttle": ([{"disks": [BURST]}], "created"),
    "another rate": ([{"disks": [BURST]}, {"disks": [{"disk": "vda", "total_bytes_sec": "9MB"}]}], "changed"),
    "reads and writes instead of all": (
        [{"disks": [BURST]}, {"disks": [{"disk": "vda", "read_bytes_sec": "1MB", "write_iops_sec": 5}]}],
        "changed",
    ),
    "operations with a size, then without": (
        [
            {"disks": [{"disk": "vda", "total_iops_sec": 5, "size_iops_sec": 4096}]},
            {"disks": [{"disk": "vda", "total_bytes_sec": "1MB"}]},
        ],
        "changed",
    ),
    "a burst without a length": (
        [{"disks": [{"disk": "vda", "read_iops_sec": 5, "read_iops_sec_max": 50}]}],
        "created",
    ),
    "no throttle any more": ([{"disks": [BURST]}, {"disks": [ABSENT]}], "removed"),
    "nothing there and nothing wanted": ([{"disks": [ABSENT]}], "unchanged"),
    "shares and quota": ([{"cpu": CPU}], "changed"),
    "another quota": ([{"cpu": CPU}, {"cpu": {"vcpu_quota": 30000}}], "changed"),
    "no quota, the shares stay": ([{"cpu": CPU}, {"cpu": {"vcpu_quota": -1}}], "changed"),
    "the CPU as it was": ([{"cpu": CPU}, {"cpu": {"state": "absent"}}], "removed"),
    "a CPU that nobody tuned": ([{"cpu": {"state": "absent"}}], "unchanged"),
    "shares again": ([{"cpu": {"shares": 50}}, {"cpu": {"shares": 50}}], "unchanged"),
}


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize(("requests", "done"), TRANSITIONS.values(), ids=TRANSITIONS)
def test_transitions(domain: FakeDomain, requests: list[dict[str, t.Any]], done: str, active: bool) -> None:
    domain.active = active
    for request in requests:
        before = copy.deepcopy(domain)
        predicted = run(domain, request, check=True)
        assert domain == before
        last = run(domain, request)
        assert (last.changed, only(last), last.diff) == (predicted.changed, only(predicted), predicted.diff)
        assert not run(domain, request).changed
    assert only(last)["done"] == done


def test_cpu_and_disk_get_to_the_running_domain_and_its_configuration(domain: FakeDomain) -> None:
    outcome = run(domain, {"cpu": CPU, "disks": [BURST], "why": "a ticket"})
    cpu, disk = (one.public() for one in outcome.plans)
    assert domain.live == {"cpu_shares": 50, "vcpu_period": 50000, "vcpu_quota": 20000} == domain.config
    throttle = {"total_bytes_sec": 1 << 20, "total_bytes_sec_max": 2 << 20, "total_bytes_sec_max_length": 7}
    assert domain.disks[0].live == throttle == domain.disks[0].config
    assert domain.disks[1] == FakeDisk("vdb", VOLUME)
    assert cpu == {
        "domain": "instance-0000002a", "uuid": UUID, "part": "cpu", "disk": "", "why": "a ticket", "done": "changed", "reason": "",
        "found": {
            "live": {"shares": 100, "vcpu_quota": None, "vcpu_period": None},
            "config": {"shares": None, "vcpu_quota": None, "vcpu_period": None},
        },
        "now": {"live": CPU, "config": CPU},
    }  # fmt: skip
    assert (disk["found"], disk["now"]) == ({"live": {}, "config": {}}, {"live": throttle, "config": throttle})
    assert outcome.counts["created"] == outcome.counts["changed"] == 1
    assert outcome.diff["after"]["instance-0000002a, disk vda"] == disk["now"]


def test_shares_that_nobody_gave_are_not_written_into_the_configuration(domain: FakeDomain) -> None:
    """It would keep a domain from the shares that another kernel gives it."""
    run(domain, {"cpu": {"vcpu_quota": 20000}})
    done = only(run(domain, {"cpu": {"state": "absent"}}))
    assert done["now"]["config"] == {"shares": None, "vcpu_quota": None, "vcpu_period": None}
    assert (domain.config["cpu_shares"], domain.config["vcpu_quota"], domain.live["vcpu_quota"]) == (0, -1, NO_QUOTA)


@pytest.mark.parametrize("unified", [True, False])
def test_the_shares_of_a_domain_that_was_given_none(domain: FakeDomain, unified: bool) -> None:
    run(domain, {"cpu": {"shares": 50}}, unified=unified)
    run(domain, {"cpu": {"state": "absent"}}, unified=unified)
    assert domain.live["cpu_shares"] == domain.config["cpu_shares"] == (100 if unified else 1024)


def test_what_only_one_of_the_two_has_is_made_alike(domain: FakeDomain) -> None:
    run(domain, {"disks": [BURST]})
    domain.calls.clear()
    domain.disks[0].live = {}  # somebody's `virsh blkdeviotune --live`
    assert only(run(domain, {"disks": [BURST]}))["done"] == "changed"
    assert domain.calls == [("vda", LIVE)]


@pytest.mark.parametrize(
    ("live", "config", "calls"), [({}, None, [("vdc", LIVE)]), (None, {}, [("vdc", CONFIG)])], ids=["live", "config"]
)
def test_a_disk_that_was_plugged_by_half(
    domain: FakeDomain, live: dict[str, int] | None, config: dict[str, int] | None, calls: list[tuple[str, int]]
) -> None:
    domain.disks.append(FakeDisk("vdc", live=live, config=config))
    done = only(run(domain, {"disks": [{"disk": "vdc", "total_iops_sec": 9}]}))
    wanted = {"total_iops_sec": 9}
    assert done["now"] == {"live": None if live is None else wanted, "config": None if config is None else wanted}
    assert domain.calls == calls


def test_a_disk_is_found_by_the_id_of_its_volume(domain: FakeDomain) -> None:
    assert only(run(domain, {"disks": [{"disk": VOLUME, "total_iops_sec": 9}]}))["disk"] == "vdb"
    with pytest.raises(OperatorError, match="disk vdb is listed twice"):
        run(domain, {"disks": [{"disk": one, "total_iops_sec": 9} for one in (VOLUME, "vdb")]})


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"disks": [{"disk": "vdz", "total_iops_sec": 9}]}, f"no such disk; its disks are vda, vdb ({VOLUME})."),
        ({"disks": [{"disk": "hda", "total_iops_sec": 9}]}, "no such disk"),
        ({"cpu": {"shares": 10001}}, "control groups (cgroup v2) take at most 10000."),
    ],
    ids=str,
)
def test_what_this_host_has_not_is_refused_before_anything_changes(
    domain: FakeDomain, request_: dict[str, t.Any], sentence: str
) -> None:
    before = copy.deepcopy(domain)
    with pytest.raises(OperatorError) as error:
        run(domain, {"disks": [BURST]}, request_)
    assert sentence in str(error.value)
    assert domain == before


def test_as_many_shares_as_the_first_hierarchy_takes(domain: FakeDomain) -> None:
    domain.active = False
    assert only(run(domain, {"cpu": {"shares": 262144}}, unified=False))["done"] == "changed"


def test_an_instance_that_is_not_here(domain: FakeDomain) -> None:
    one = only(run(domain, {"domain": "instance-000000ff", "cpu": CPU}))
    assert one["done"] == "gone"
    assert one["reason"] == (
        "instance-000000ff: is not on this host, whose domains are instance-00000001, instance-0000002a."
    )


def test_disks_that_are_throttled_together_are_left_alone(domain: FakeDomain) -> None:
    domain.disks[0].group = domain.disks[1].group = "both"
    before = copy.deepcopy(domain)
    outcome = run(domain, {"disks": [BURST]})
    assert (only(outcome)["done"], outcome.changed, domain) == ("refused", False, before)
    assert "instance-0000002a, disk vda: is throttled together with vdb" in only(outcome)["reason"]
    assert only(run(domain, {"disks": [ABSENT]}))["done"] == "unchanged"


def test_a_group_of_its_own_is_no_matter(domain: FakeDomain) -> None:
    domain.disks[0].group = "alone"
    assert only(run(domain, {"disks": [BURST]}))["done"] == "created"


@pytest.mark.parametrize("flag", [LIVE, CONFIG])
def test_half_of_it_fails(domain: FakeDomain, flag: int) -> None:
    domain.fails["set", flag] = LibvirtError("internal error: no\n monitor.")
    outcome = run(domain, {"disks": [BURST]})
    one = only(outcome)
    assert (one["done"], outcome.changed) == ("failed", flag == CONFIG)
    assert one["reason"] == "instance-0000002a, disk vda: libvirt couldn't do it (internal error: no monitor)."
    assert one["now"]["config"] == {}


def test_what_libvirt_can_not_tell_is_not_taken_for_nothing(domain: FakeDomain) -> None:
    domain.fails["tell", LIVE] = LibvirtError("cgroup CPU controller is not mounted", 55)
    outcome = run(domain, {"cpu": {"state": "absent"}}, {"domain": "instance-00000001", "cpu": CPU})
    first, second = outcome.plans
    assert (first.done, second.done, domain.calls) == ("failed", "changed", [])
    assert "can't tell what is set there (cgroup CPU controller is not mounted). Nothing was changed." in first.reason


def test_a_domain_that_goes_away_meanwhile(domain: FakeDomain) -> None:
    domain.fails["tell", LIVE] = LibvirtError("Domain not found", NO_DOMAIN)
    assert only(run(domain, {"cpu": CPU}))["done"] == "gone"


def test_a_success_that_is_none_is_told(domain: FakeDomain) -> None:
    domain.forgets = True
    one = only(run(domain, {"cpu": CPU}))
    assert one["done"] == "failed"
    assert "still differs" in one["reason"]


def test_the_numbers_are_libvirts() -> None:
    assert set(NUMBERS) == set(fake_tunable.NUMBERS)


def test_what_was_done_is_told_in_lines(domain: FakeDomain) -> None:
    cpu, disk = run(domain, {"cpu": CPU, "disks": [BURST]}).plans
    assert cpu.text == f"{cpu.called}: changed; now shares 50, vcpu_quota 20000, vcpu_period 50000"
    numbers = "total_bytes_sec 1 MiB, total_bytes_sec_max 2 MiB, total_bytes_sec_max_length 7"
    assert disk.text == f"{disk.called}: created; now {numbers}"
    (none,) = run(domain, {"disks": [ABSENT]}).plans
    assert none.text == f"{none.called}: removed; now without any of it"
