# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole calls against a libvirt that keeps state: what is done, predicted, refused, cleaned up."""

from __future__ import annotations

import copy
import sys
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import Class, Qdisc
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface import apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.apply import InterfacesOutcome, Libvirt
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.limits import parse_interfaces
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.plan import Surroundings
from tests.unit.plugins.module_utils._virt_interface.fake_libvirt import (
    MAC,
    PORT,
    SWITCHED_MAC,
    SWITCHED_PORT,
    TAP,
    UUID,
    FakeCompute,
    FakeDomain,
)

BOTH: dict[str, t.Any] = {
    "inbound": {"average": 250, "peak": 500, "burst": 64},
    "outbound": {"average": 125, "burst": 64},
}
ABSENT = {"state": "absent"}


@pytest.fixture
def compute() -> FakeCompute:
    return FakeCompute()


def run(compute: FakeCompute, *requests: dict[str, t.Any], check: bool = False) -> InterfacesOutcome:
    act = apply.check if check else apply.apply
    return act(parse_interfaces(requests), Libvirt(compute.libvirt, compute.libvirt), compute.look)


def only(outcome: InterfacesOutcome) -> dict[str, t.Any]:
    (one,) = outcome.plans
    return one.public()


def limits(inbound: tuple[int, int, int] | None, outbound: tuple[int, int, int] | None) -> dict[str, t.Any]:
    words = ("average", "peak", "burst")
    both = {"inbound": inbound, "outbound": outbound}
    return {word: dict(zip(words, rate, strict=True)) if rate else None for word, rate in both.items()}


TRANSITIONS: dict[str, tuple[list[dict[str, t.Any]], str]] = {
    "a new limit": ([BOTH], "created"),
    "another rate": ([BOTH, {**BOTH, "inbound": {"average": 300}}], "changed"),
    "only one direction any more": ([BOTH, {"outbound": {"average": 125}}], "changed"),
    "no limit any more": ([BOTH, ABSENT], "removed"),
    "nothing there and nothing wanted": ([ABSENT], "unchanged"),
    "the same again": ([BOTH, BOTH], "unchanged"),
}


@pytest.mark.parametrize(("requests", "done"), TRANSITIONS.values(), ids=TRANSITIONS)
def test_transitions(compute: FakeCompute, requests: list[dict[str, t.Any]], done: str) -> None:
    for what in requests:
        desired = {"domain": UUID, "mac": MAC, **what}
        before = copy.deepcopy(compute.domain)
        predicted = run(compute, desired, check=True)
        assert compute.domain == before
        last = run(compute, desired)
        assert (last.changed, only(last)) == (predicted.changed, only(predicted))
        assert not run(compute, desired).changed
    assert only(last)["done"] == done


def test_both_directions_get_to_the_running_domain_and_its_configuration(compute: FakeCompute) -> None:
    done = run(compute, {"domain": "instance-0000002a", "nic": 1, **BOTH})
    wanted = limits((250, 500, 64), (125, 0, 64))
    assert only(done) == {
        "domain": "instance-0000002a", "uuid": UUID, "nic": 1, "mac": MAC, "device": TAP, "port_id": "", "why": "",
        "found": {"live": limits(None, None), "config": limits(None, None)},
        "done": "created", "reason": "", "now": {"live": wanted, "config": wanted},
    }  # fmt: skip
    assert compute.domain.nics[0].live == compute.domain.nics[0].config
    assert compute.devices[TAP].hook is not None
    called = f"instance-0000002a, NIC 1 ({TAP})"
    assert done.diff == {"before": {called: only(done)["found"]}, "after": {called: only(done)["now"]}}


@pytest.mark.parametrize(
    "name",
    [
        {"domain": UUID.upper(), "mac": MAC.upper()},
        {"domain": UUID, "nic": 1},
        {"domain": UUID, "port_id": PORT},
        {"port_id": PORT},
        {"mac": MAC},
    ],
    ids=str,
)
def test_a_nic_has_many_names(compute: FakeCompute, name: dict[str, t.Any]) -> None:
    assert only(run(compute, {**name, "inbound": {"average": 1}}))["mac"] == MAC


def test_a_port_of_open_vswitch_is_found_by_its_own_id(compute: FakeCompute) -> None:
    assert only(run(compute, {"port_id": SWITCHED_PORT, "inbound": {"average": 1}}))["mac"] == SWITCHED_MAC


def test_a_domain_that_does_not_run_is_configured(compute: FakeCompute) -> None:
    compute.domain.active = False
    one = only(run(compute, {"domain": UUID, "nic": 1, **BOTH}))
    assert (one["done"], one["now"]["live"], one["now"]["config"]["inbound"]["average"]) == ("created", None, 250)
    assert compute.domain.nics[0].live == {}


def test_a_transient_domain_has_no_configuration(compute: FakeCompute) -> None:
    compute.domain.persistent = False
    one = only(run(compute, {"domain": UUID, "nic": 1, **BOTH}))
    assert (one["done"], one["now"]["config"]) == ("created", None)


def test_what_is_not_here_is_told(compute: FakeCompute) -> None:
    outcome = run(compute, {"domain": "instance-0000ffff", "nic": 1, **BOTH}, {"mac": "fa:16:3e:ff:ff:ff", **ABSENT})
    assert [one.done for one in outcome.plans] == ["gone", "gone"]
    assert outcome.plans[0].reason == "instance-0000ffff, NIC 1: is not on this host."
    assert not outcome.changed


def test_kept_is_left_as_it_is(compute: FakeCompute) -> None:
    run(compute, {"mac": MAC, **BOTH})
    outcome = run(compute, {"mac": MAC, "state": "kept"}, {"mac": "fa:16:3e:ff:ff:ff", "state": "kept"})
    assert [one.done for one in outcome.plans] == ["kept", "kept"]
    assert only(run(compute, {"mac": MAC, **BOTH}))["done"] == "unchanged"


# ---------------------------------------------------------------- half-way
def test_what_libvirt_leaves_half_done_is_cleaned_up_and_told(compute: FakeCompute) -> None:
    compute.domain.police_fails = True
    outcome = run(compute, {"mac": MAC, **BOTH})
    one = only(outcome)
    assert (one["done"], one["now"], outcome.changed) == ("failed", one["found"], False)
    assert one["reason"] == (
        f"instance-0000002a, NIC 1 ({TAP}): libvirt couldn't do it (Child process (tc filter add dev {TAP} ... police) "
        "unexpected exit status 2:), and had left half of it on the device; that was cleaned up."
    )
    assert (compute.devices[TAP].bare, compute.devices[TAP].hook) == (True, None)
    assert compute.domain.nics[0].config == {}


def test_half_of_the_second_direction_alone_is_cleaned_up_too(compute: FakeCompute) -> None:
    compute.domain.police_fails = True
    one = only(run(compute, {"mac": MAC, "outbound": {"average": 125}}))
    assert one["done"] == "failed"
    assert "that was cleaned up" in one["reason"]
    assert compute.devices[TAP].hook is None


def test_a_failed_change_ends_with_the_limit_of_before(compute: FakeCompute) -> None:
    before = {"mac": MAC, "inbound": {"average": 250}}
    run(compute, before)
    compute.domain.police_fails = True
    one = only(run(compute, {"mac": MAC, **BOTH}))
    assert (one["done"], one["now"]) == ("failed", one["found"])
    assert compute.devices[TAP].classes[0x10001].rate == 2_000_000
    assert compute.devices[TAP].hook is None
    assert only(run(compute, before))["done"] == "unchanged"


def test_the_others_are_done_where_one_fails(compute: FakeCompute) -> None:
    compute.domain.police_fails = True
    outcome = run(compute, {"mac": MAC, **BOTH}, {"mac": SWITCHED_MAC, "inbound": {"average": 250}})
    assert [one.done for one in outcome.plans] == ["failed", "created"]


@pytest.mark.parametrize(("desired", "done"), [(ABSENT, "removed"), (BOTH, "created")], ids=["absent", "present"])
def test_what_somebody_else_s_failure_left_is_found(compute: FakeCompute, desired: dict[str, t.Any], done: str) -> None:
    compute.domain.police_fails = True
    with pytest.raises(Exception, match="police"):
        compute.domain.setInterfaceParameters(MAC, parse_interfaces([{"mac": MAC, **BOTH}])[0].limits.parameters(), 1)
    compute.domain.police_fails = False
    one = only(run(compute, {"mac": MAC, **desired}))
    assert (one["done"], one["reason"]) == (
        done, f"instance-0000002a, NIC 1 ({TAP}): libvirt reported no limit, but had left a qdisc on the device."
    )  # fmt: skip
    assert not run(compute, {"mac": MAC, **desired}).changed


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_a_limit_that_only_libvirt_believes_in_is_made_again(compute: FakeCompute, direction: str) -> None:
    run(compute, {"mac": MAC, **BOTH})
    if direction == "inbound":
        compute.devices[TAP].root = Qdisc("noqueue", 0x80020000)
    else:
        compute.devices[TAP].hook = None
    assert run(compute, {"mac": MAC, **BOTH}, check=True).changed
    one = only(run(compute, {"mac": MAC, **BOTH}))
    assert one["done"] == "changed"
    assert f"libvirt reported a limit for {direction} that the kernel no longer had" in one["reason"]
    assert not run(compute, {"mac": MAC, **BOTH}).changed


def test_a_class_with_another_rate_is_no_limit_of_libvirt_s(compute: FakeCompute) -> None:
    run(compute, {"mac": MAC, **BOTH})
    compute.devices[TAP].classes[0x10001] = Class(True, 10**9, 10**9, 1, 1, 1514)
    assert only(run(compute, {"mac": MAC, **BOTH}))["done"] == "changed"
    assert compute.devices[TAP].classes[0x10001].rate == 2_000_000


# ------------------------------------------------------------------ owners
def _htb_of_ours(compute: FakeCompute) -> None:
    shape = Class(True, 10**6, 10**6, 1, 1, 1600)
    compute.devices["qvbfc618310-b9"].root = Qdisc("htb", 0x10000, 0x100)
    compute.devices["qvbfc618310-b9"].classes = {0x10100: shape, 0x10001: shape}


def _saved(compute: FakeCompute) -> None:
    compute.rest = Surroundings(saved={PORT[:11]})


def _neutron(compute: FakeCompute) -> None:
    shape = Class(True, 10**6, 10**6, 1, 1, 1600)
    compute.devices[TAP].root = Qdisc("htb", 0x10000, 1)
    compute.devices[TAP].classes = {0x1FFFE: shape}


def _policed(compute: FakeCompute) -> None:
    compute.rest = Surroundings(policed={TAP})
    compute.devices[TAP].hook = Qdisc("ingress", 0xFFFF0000)


def _by_hand(compute: FakeCompute) -> None:
    compute.devices[TAP].root = Qdisc("tbf", 0x80110000)


def _hooked(compute: FakeCompute) -> None:
    compute.devices[TAP].hook = Qdisc("clsact", 0xFFFF0000)


def _unknown(compute: FakeCompute) -> None:
    compute.devices[TAP].hook = Qdisc("ingress", 0xFFFF0000)


OWNERS: dict[str, tuple[t.Callable[[FakeCompute], None], str]] = {
    "tc_htb": (_htb_of_ours, "qvbfc618310-b9 has a limit of tc_htb"),
    "tc_htb's restorer": (_saved, "tc_htb keeps a limit for this port"),
    "Neutron's ingress": (_neutron, f"{TAP} has Open vSwitch's linux-htb, as a Neutron QoS policy sets it"),
    "Neutron's egress": (_policed, f"{TAP} has Open vSwitch's policing, as a Neutron QoS policy sets it"),
    "a qdisc by hand": (_by_hand, f"{TAP} has a tbf qdisc 8011: made by hand or by another tool"),
    "filters at clsact": (_hooked, f"{TAP} has filters at its clsact hooks"),
    "an ingress qdisc": (_unknown, f"{TAP} has an ingress qdisc that libvirt knows nothing of"),
}


@pytest.mark.parametrize(("make", "message"), OWNERS.values(), ids=OWNERS)
def test_what_others_shape_is_refused_and_left_alone(
    compute: FakeCompute, make: t.Callable[[FakeCompute], None], message: str
) -> None:
    make(compute)
    before = copy.deepcopy(compute.devices)
    outcome = run(compute, {"mac": MAC, **BOTH})
    assert outcome.plans[0].done == "refused"
    assert message in outcome.plans[0].reason
    assert not outcome.changed
    assert run(compute, {"mac": MAC, **ABSENT}).plans[0].done == "unchanged"
    assert (compute.devices, compute.domain.calls) == (before, [])


def test_a_limit_of_tc_htb_is_not_wiped_by_taking_libvirt_s_away(compute: FakeCompute) -> None:
    run(compute, {"mac": MAC, "inbound": {"average": 250}})
    _htb_of_ours(compute)
    assert run(compute, {"mac": MAC, **ABSENT}).plans[0].done == "refused"


def test_a_peak_that_would_hold_for_ever_is_refused(compute: FakeCompute) -> None:
    desired: dict[str, t.Any] = {"mac": SWITCHED_MAC, "inbound": {"average": 250, "peak": 500}}
    refused = run(compute, desired).plans[0]
    assert refused.done == "refused"
    assert "lets it run permanently at the peak" in refused.reason
    desired["inbound"]["peak"] = 250
    assert run(compute, desired).plans[0].done == "created"


def test_without_a_peak_open_vswitch_would_have_no_limit(compute: FakeCompute) -> None:
    desired: dict[str, t.Any] = {"mac": SWITCHED_MAC, "inbound": {"average": 250, "burst": 64}}
    assert only(run(compute, desired))["now"]["live"] == limits((250, 250, 64), None)
    assert compute.domain.nics[1].config == {"inbound": (250, 250, 64)}
    assert not run(compute, desired).changed


# -------------------------------------------------------- before anything
def test_mistakes_in_the_names_are_found_before_anything_changes(compute: FakeCompute) -> None:
    first = {"mac": MAC, **BOTH}
    twin = FakeDomain(compute.devices, copy.deepcopy(compute.domain.nics), "instance-0000002b", UUID[:-1] + "8")
    for requests, message in (
        ([first, {"domain": UUID, "nic": 3, **BOTH}], f"{UUID}, NIC 3: the domain has 2 NIC(s); 1 is the first."),
        (
            [first, {"port_id": PORT, **ABSENT}],
            f"instance-0000002a, NIC 1 ({TAP}) is listed twice; merge the two entries.",
        ),
    ):
        with pytest.raises(OperatorError) as error:
            run(compute, *requests)
        assert str(error.value) == message
    compute.libvirt.domains.append(twin)
    with pytest.raises(OperatorError, match="is in instance-0000002a, instance-0000002b; name the domain"):
        run(compute, first)
    compute.domain.nics[1].mac = MAC
    with pytest.raises(OperatorError, match="2 of its NICs have the MAC"):
        run(compute, {"domain": UUID, "nic": 1, **BOTH})
    assert compute.domain.calls == []


def test_a_domain_that_goes_away_meanwhile_is_gone(compute: FakeCompute) -> None:
    looks = []

    def look(nics: t.Sequence[t.Any]) -> Surroundings:
        looks.append(nics)
        compute.libvirt.domains.clear()
        return compute.look(nics)

    outcome = apply.apply(parse_interfaces([{"mac": MAC, **BOTH}]), Libvirt(compute.libvirt, compute.libvirt), look)
    assert (outcome.plans[0].done, len(looks)) == ("gone", 1)


def test_a_limit_that_open_vswitch_believes_in_is_made_again(compute: FakeCompute) -> None:
    desired: dict[str, t.Any] = {"mac": SWITCHED_MAC, "inbound": {"average": 250}}
    run(compute, desired)
    compute.devices["tapccccccc3-00"].root = Qdisc("noqueue", 0x80020000)
    assert only(run(compute, desired))["done"] == "changed"
    assert compute.devices["tapccccccc3-00"].root == Qdisc("htb", 0x10000, 1)


def test_open_vswitch_may_take_its_time(compute: FakeCompute) -> None:
    before = copy.deepcopy(compute.devices)
    looks: list[int] = []

    def look(nics: t.Sequence[t.Any]) -> Surroundings:
        looks.append(len(nics))
        return Surroundings(before) if len(looks) < 4 else compute.look(nics)

    desired = {"mac": SWITCHED_MAC, "inbound": {"average": 250}}
    outcome = apply.apply(parse_interfaces([desired]), Libvirt(compute.libvirt, compute.libvirt), look)
    assert (outcome.plans[0].done, len(looks)) == ("created", 4)


def test_a_host_without_the_binding_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    with pytest.raises(OperatorError, match="install python3-libvirt"):
        apply.Libvirt.open("qemu:///system")


def test_what_was_done_is_told_in_a_line(compute: FakeCompute) -> None:
    (one,) = run(compute, {"port_id": PORT, **BOTH}).plans
    limits = "inbound 2mbit (peak 4mbit, burst 64kb), outbound 1mbit (burst 64kb)"
    assert one.text == f"{one.called}: created; now {limits}"
    one.now["config"] = {"inbound": None, "outbound": None}
    one.reason = "why"
    assert one.text == (
        f"{one.called}: created; running {limits}; configured inbound not limited, outbound not limited; why"
    )
    (gone,) = run(compute, {"domain": "instance-ffffffff", "nic": 1, **BOTH}).plans
    assert gone.reason
    assert gone.text == f"{gone.called}: gone; {gone.reason}"
