# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of packets per second, from what people write to the kernel and back."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import modules
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import ROOT, Filter, Police, Stats
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, batch, metrics, state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.limits import change
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ownership import LIMITED
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.plan import survey_ports
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Shape, parse_ports
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import (
    UnitError,
    format_packets,
    parse_packets,
)
from tests.unit.plugins.module_utils._tc.test_plan import IFB, PORT, QVB, TAP, hybrid, native, plan, run

PACKETS = {"pkts_rate": "5k", "pkts_burst": 500}
RATE = {"rate": "20mbit"}
Limit = t.Optional[dict[str, t.Any]]


def both(plug: str, egress: Limit, ingress: Limit) -> dict[str, t.Any]:
    return {"plug": plug, "egress": egress, "ingress": ingress, "exempt": ["10.0.0.0/8"]}


@pytest.mark.parametrize(
    ("text", "packets"),
    [
        ("1", 1),
        (5000, 5000),
        ("5k", 5000),
        ("1.5k", 1500),
        ("5 kpps", 5000),
        ("5K/s", 5000),
        ("2m", 2000000),
        ("1000m", 10**9),
    ],
)
def test_numbers_of_packets(text: object, packets: int) -> None:
    assert parse_packets(text) == packets
    assert parse_packets(format_packets(packets)) == packets


@pytest.mark.parametrize("text", ["0", "0.5", "1.0001k", "5g", "5kbit", "20mbit", "-1", "", None, True, "1001m", "5kp"])
def test_what_is_no_number_of_packets(text: object) -> None:
    with pytest.raises(UnitError):
        parse_packets(text)


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ({}, "egress has neither rate nor pkts_rate; a limit needs one"),
        ({"ceil": "20mbit", **PACKETS}, "egress.ceil is given without rate; give rate, or leave ceil out"),
        ({"pkts_burst": 500, **RATE}, "egress.pkts_burst is given without pkts_rate"),
        (
            {"pkts_rate": "5mbit"},
            "egress.pkts_rate: '5mbit' is not a number of packets; write it like 50000, 50k or 50kpps",
        ),
        ({"pkts_rate": 9, "pkts_burst": 1}, "egress.pkts_burst 1 doesn't fit a pkts_rate of 9"),
        ({"pkts_rate": 9, "pkts_burst": "1m"}, "give 2 to 2466, or leave it out for a tenth of a second"),
    ],
)
def test_errors_name_what_was_found_and_the_way_out(limit: dict[str, t.Any], error: str) -> None:
    with pytest.raises(OperatorError) as caught:
        parse_ports([{"port_id": PORT, "plug": "ovs", "egress": limit}], "sfq")
    assert error in str(caught.value)


CHANGES: dict[str, tuple[list[tuple[Limit, Limit]], str]] = {
    "packets alone": ([(PACKETS, PACKETS)], "created"),
    "packets in one direction": ([(PACKETS, None)], "created"),
    "packets and a rate": ([({**RATE, **PACKETS}, RATE)], "created"),
    "packets beside a rate": ([(RATE, RATE), ({**RATE, **PACKETS}, {**RATE, **PACKETS})], "changed"),
    "a rate beside packets": ([(PACKETS, PACKETS), ({**RATE, **PACKETS}, PACKETS)], "changed"),
    "other packets": ([(PACKETS, PACKETS), ({"pkts_rate": "6k"}, {"pkts_rate": "5k"})], "changed"),
    "no packets any more": ([({**RATE, **PACKETS}, {**RATE, **PACKETS}), (RATE, RATE)], "changed"),
    "a rate instead": ([(PACKETS, PACKETS), (RATE, RATE)], "changed"),
    "packets instead of a rate": ([(RATE, RATE), (PACKETS, PACKETS)], "changed"),
    "nothing any more": ([(PACKETS, PACKETS), (None, None)], "removed"),
}


@pytest.mark.parametrize(("plug", "kernel_of"), [("ovs_hybrid", hybrid), ("ovs", native)])
@pytest.mark.parametrize(("states", "done"), CHANGES.values(), ids=CHANGES)
def test_transitions(plug: str, kernel_of: t.Any, states: list[tuple[Limit, Limit]], done: str) -> None:
    kernel = kernel_of()
    for egress, ingress in states:
        gone = {"state": "absent"} if egress is None and ingress is None else {}
        last = run(kernel, {**both(plug, egress, ingress), **gone})
    assert last.done == done


def test_packets_are_policed_behind_what_is_exempt_and_into_the_limited_class() -> None:
    kernel = native()
    run(kernel, both("ovs", PACKETS, {**RATE, **PACKETS}))
    for name in (TAP, IFB):
        found = kernel.devices[name].root_filters
        [policed] = [one for one in found if one.police]
        assert (policed.police, policed.target) == (Police(5000, 1562500), LIMITED)
        assert all(one.prio < policed.prio for one in found if one is not policed)


def test_packets_are_limited_before_the_rate_that_they_replace_goes() -> None:
    kernel = hybrid()
    run(kernel, both("ovs_hybrid", RATE, RATE))
    changed = plan(kernel, both("ovs_hybrid", PACKETS, RATE))
    assert [one.split()[:4] for one in changed.statements] == [
        ["filter", "add", "dev", QVB],
        ["class", "change", "dev", QVB],
    ]


def test_another_number_is_added_before_the_old_one_goes() -> None:
    kernel = hybrid()
    run(kernel, both("ovs_hybrid", PACKETS, PACKETS))
    changed = plan(kernel, both("ovs_hybrid", {"pkts_rate": "6k"}, PACKETS))
    assert [one.split()[:4] for one in changed.statements] == [
        ["filter", "add", "dev", QVB],
        ["filter", "del", "dev", QVB],
    ]
    assert "pkts_rate 6000 pkts_burst 600 conform-exceed drop/pass" in changed.statements[0]


@pytest.mark.parametrize(
    "other",
    [
        {"redirect": -1, "police": None},
        {"police": Police(5000, 7)},
        {"police": Police(1, 1562500)},
        {"target": 0x10001},
        {"keys": ((b"\xff\0\0\0", b"\1\0\0\0", 0, 0),)},
        {},
    ],
    ids=[
        "an action of another kind",
        "another burst",
        "another rate",
        "to the exempt class",
        "of some packets",
        "twice",
    ],
)
def test_police_of_other_hands_is_set_right(other: dict[str, t.Any]) -> None:
    kernel = hybrid()
    desired = both("ovs_hybrid", PACKETS, None)
    run(kernel, desired)
    [policed] = [one for one in kernel.devices[QVB].root_filters if one.police]
    kernel.devices[QVB].filters.insert(0, dataclasses.replace(policed, **{"handle": policed.handle + 1, **other}))
    run(kernel, desired)
    [left] = [one for one in kernel.devices[QVB].root_filters if one.prio == 5]
    assert dataclasses.replace(left, handle=policed.handle) == policed


def test_police_of_another_priority_goes_after_what_replaces_it() -> None:
    kernel = hybrid()
    desired = both("ovs_hybrid", PACKETS, None)
    run(kernel, desired)
    device = kernel.devices[QVB]
    device.filters = [dataclasses.replace(one, prio=4) if one.police else one for one in device.filters]
    assert [one.split()[:2] + one.split()[7:10:2] for one in plan(kernel, desired).statements] == [
        ["filter", "add", "all", "5"],
        ["filter", "del", "all", "4"],
    ]
    run(kernel, desired)
    assert [one.prio for one in device.root_filters if one.police] == [5]


def test_police_on_an_exempt_network_is_removed() -> None:
    kernel = hybrid()
    desired = both("ovs_hybrid", PACKETS, None)
    run(kernel, desired)
    device = kernel.devices[QVB]
    device.filters = [dataclasses.replace(one, police=Police(1, 1)) if one.prio == 1 else one for one in device.filters]
    run(kernel, desired)
    assert not any(one.police for one in device.root_filters if one.prio == 1)


def test_what_is_saved_is_read_again_and_anything_else_is_damage() -> None:
    [port] = parse_ports([{"port_id": PORT, **both("ovs", PACKETS, {**RATE, **PACKETS})}], "sfq")
    assert state.decode(state.encode(port)).ports == {PORT: port}
    for shape in (
        Shape(0, 0, 0),
        Shape(0, 0, 0, 0, 500),
        Shape(0, 0, 0, 5000, 0),
        Shape(0, 0, 0, 5000, 10**9),
        Shape(0, 0, 0, 10**10, 10**8),
    ):
        line = state.encode(dataclasses.replace(port, egress=shape))
        assert not state.decode(line).ports, shape
        assert "doesn't describe a port" in state.decode(line).problems[0]


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        (Shape(0, 0, 0, 100, 32), Shape(0, 0, 0, 101, 32), "loosened"),
        (Shape(8, 8, 1, 100, 32), Shape(8, 8, 1), "loosened"),
        (Shape(8, 8, 1, 100, 32), Shape(0, 0, 0, 100, 32), "loosened"),
        (Shape(8, 8, 1), Shape(8, 8, 1, 100, 32), "changed"),
        (Shape(0, 0, 0, 100, 32), Shape(0, 0, 0, 100, 33), "changed"),
        (Shape(0, 0, 0, 100, 32), Shape(0, 0, 0, 99, 32), "changed"),
    ],
)
def test_a_higher_number_is_looser_and_none_is_the_highest(before: Shape, after: Shape, what: str) -> None:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.limits import Limit as OneLimit

    assert change({"egress": OneLimit(before, (), "sfq")}, {"egress": OneLimit(after, (), "sfq")}) == what


def test_drops_are_told_with_the_limit_and_in_metrics() -> None:
    kernel = hybrid()
    run(kernel, both("ovs_hybrid", PACKETS, RATE))
    for device in (kernel.devices[QVB], kernel.devices[TAP]):
        device.classes[LIMITED] = dataclasses.replace(device.classes[LIMITED], stats=Stats(7, 6, 5, 4, 3))
        device.filters = [
            dataclasses.replace(one, police=dataclasses.replace(one.police, drops=11)) if one.police else one
            for one in device.filters
        ]
    [port] = survey_ports((), {}, kernel.devices)
    told = port.public()
    assert {name: told["egress"][name] for name in ("rate", "ceil", "burst", "pkts_rate", "pkts_burst", "drops", "pkts_drops")} == {
        "rate": "none", "ceil": "none", "burst": "none", "pkts_rate": "5k", "pkts_burst": "500", "drops": 16, "pkts_drops": 11,
    }  # fmt: skip
    assert not {"pkts_rate", "pkts_burst", "pkts_drops"} & set(told["ingress"])
    text = metrics.render(metrics.Settings("/d", "cmp01"), metrics.Found([port]))
    samples = [
        line.split("{")[0] + " " + line.split()[-1] for line in text.splitlines() if 'direction="egress"' in line
    ]
    assert {"instance_qos_drops_total 16", "instance_qos_pkts_drops_total 11", "instance_qos_pkts_rate 5000"} <= set(
        samples
    )
    assert not [line for line in samples if "rate_bits" in line or "ceil_bits" in line]
    assert not [line for line in text.splitlines() if 'direction="ingress"' in line and "pkts_" in line]


class _Tc:
    """A batch whose tc is of before 5.13, or not."""

    def __init__(self, usage: str) -> None:
        self.usage = usage
        self.asked: list[list[str]] = []

    def __call__(self, args: list[str], data: str = "") -> tuple[int, str, str]:
        self.asked.append(args)
        return 255, "", self.usage


@pytest.mark.parametrize(
    ("lacks", "usage", "reason"),
    [
        ({"police"}, "pkts_rate", "this kernel has no act_police; load or install the kernel modules that provide it."),
        (
            {"pkts_rate"},
            "pkts_rate",
            "this kernel can't limit packets per second, as Linux can since 5.13; leave out pkts_rate here.",
        ),
        (
            set(),
            "police rate BPS burst BYTES",
            "tc can't limit packets per second on this host, as iproute2 can since 5.13; leave",
        ),
    ],
    ids=["no police", "an old kernel", "an old tc"],
)
def test_a_host_that_cannot_is_told_for_each_port_that_asks(
    monkeypatch: pytest.MonkeyPatch, lacks: set[str], usage: str, reason: str
) -> None:
    kernel = native()
    monkeypatch.setattr(apply, "_read", lambda request: kernel.devices)
    monkeypatch.setattr(apply, "_load", lambda: (state.Saved(), ""))
    monkeypatch.setattr(modules, "kernel_lacks", lambda needs: sorted(lacks & set(needs)))
    tc = _Tc(usage)
    tools = batch.Batch(tc, "tc", "ip")
    for limit, done in ((PACKETS, "refused"), (RATE, "created")):
        ports = parse_ports([{"port_id": PORT, **both("bridge", limit, RATE)}], "sfq")
        [planned] = apply.check(apply.Request(ports), None, tools).plans
        assert planned.done == done
        assert (not planned.acts and reason in planned.reason) == (done == "refused")
    assert tc.asked == [["tc", "actions", "add", "action", "police", "help"]]  # by the port that asks for it


def test_a_filter_without_police_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = hybrid()
    run(kernel, both("ovs_hybrid", RATE, None))
    kernel.devices[QVB].filters.append(Filter(ROOT, 5, 3, 0x80000800, "u32", ((b"\0" * 4, b"\0" * 4, 0, 0),), LIMITED))
    run(kernel, both("ovs_hybrid", RATE, None))
    assert not [one for one in kernel.devices[QVB].root_filters if one.prio == 4]
