# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits with an end: which ends are taken, and what a run counts as lost by them."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.apply import PortsOutcome
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.plan import PortPlan, plan_ports
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Port, Shape, parse_ports

from .fake_kernel import FakeKernel

PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
SOON, LATER = "2026-12-24T18:00+01:00", "2026-12-25T18:00+01:00"


def rate(mbit: int) -> dict[str, t.Any]:
    return {"egress": {"rate": f"{mbit}mbit"}}


def port(**entry: t.Any) -> Port:
    (one,) = parse_ports([{"port_id": PORT, "plug": "ovs_hybrid", **entry}], "sfq")
    return one


def test_behind_the_last_end_there_is_no_limit() -> None:
    one = port(**rate(20), until=SOON)
    assert one.until == 1798131600
    after = one.at(1798131600)
    assert (after.limited, after.lasting, after.why) == (False, False, "not limited since 2026-12-24T17:00:00Z")
    assert one.at(1798131599) is one
    assert one.at(1798131599.9) is one


def test_phases_follow_each_other() -> None:
    one = port(**rate(20), until=SOON, afterwards=[{**rate(10), "until": LATER}, rate(5)])
    assert [one.at(when).egress for when in (0, 1798131600, 1798131600 + 86400)] == [
        Shape.of(20 * 10**6), Shape.of(10 * 10**6), Shape.of(5 * 10**6),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({**rate(20), "until": "2026-12-24T18:00"}, "until: '2026-12-24T18:00' has no zone"),
        ({**rate(20), "afterwards": [rate(10)]}, "until is missing; say when the limits end that afterwards[1] follows"),
        ({**rate(20), "until": SOON, "afterwards": [rate(10), rate(5)]}, "afterwards[1].until is missing"),
        ({**rate(20), "until": LATER, "afterwards": [{**rate(10), "until": SOON}]}, "afterwards[1].until isn't after the until before it"),
        ({**rate(20), "until": SOON, "afterwards": [{"egress": {"rate": "5"}}]}, "afterwards[1].egress.rate: '5' is not a rate"),
        ({**rate(20), "until": SOON, "afterwards": [{"exempt": ["192.0.2.1"]}]}, "afterwards[1].exempt: "),
        ({"until": SOON, "afterwards": [{}]}, "neither egress nor ingress is given"),
    ],
)  # fmt: skip
def test_error_ends_out_of_order(entry: dict[str, t.Any], message: str) -> None:
    with pytest.raises(OperatorError) as raised:
        port(**entry)
    assert message in str(raised.value)


def planned(now: Port, before: Port | None, *, saved: bool = True) -> PortPlan:
    kernel = FakeKernel(*(prefix + PORT[:11] for prefix in ("tap", "qvb", "qvo")))
    if before:
        assert kernel("tc", plan_ports([before], kernel.devices)[0].statements) == {}
    (plan,) = plan_ports([now], kernel.devices)
    plan.saved = before if saved else None
    return plan


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (None, {**rate(100), "until": SOON, "afterwards": [rate(20)]}, "created"),
        (rate(20), {**rate(100), "until": SOON, "afterwards": [rate(20)]}, "loosened"),
        (rate(20), {**rate(10), "until": SOON, "afterwards": [rate(20)]}, "changed"),
        (rate(20), {**rate(20), "until": SOON}, "removed"),
        (rate(20), {**rate(20), "until": SOON, "afterwards": [rate(100)]}, "loosened"),
        (rate(20), {**rate(20), "until": SOON, "afterwards": [rate(10)]}, "unchanged"),
    ],
)
def test_what_an_end_takes_away_counts_once(before: t.Any, now: dict[str, t.Any], change: str) -> None:
    wanted = port(**now)
    assert planned(wanted, port(**before) if before else None).change == change
    again = planned(wanted, wanted)
    assert (again.change, again.acts, again.rescheduled) == ("unchanged", False, False)


def test_an_end_alone_is_in_the_diff() -> None:
    plan = planned(port(**rate(20), until=SOON), port(**rate(20)))
    assert not plan.acts
    told = PortsOutcome([plan]).diff
    assert "until" not in told["before"][PORT]
    assert told["after"][PORT]["until"] == plan.public()["until"] == "2026-12-24T17:00:00Z"
