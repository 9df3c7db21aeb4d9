# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unchanged means unchanged, for every legal rate, burst, network and leaf: asked of the kernel, not of a parser."""

from __future__ import annotations

import typing as t

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import modules
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, batch, restorer
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import (
    LEAVES,
    MAX_BURST_SECONDS,
    Port,
    parse_ports,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import MAX_RATE, MAX_SIZE
from tests.integration.tc_htb.namespace import PORT, Plug

_BATCH = batch.Batch(restorer._run, "tc", "ip")
_RUNS = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

_rates = st.one_of(
    st.integers(8, MAX_RATE),
    st.integers(5, 53).flatmap(lambda bits: st.integers(2 ** (bits - 1) + 7, 2**bits)),
    st.sampled_from([8, 1234567, 34_359_738_360, 34_359_738_368, 40 * 10**9, 10**11]),
)


@st.composite
def _limits(draw: st.DrawFn) -> dict[str, str]:
    rate = draw(_rates)
    limit = {"rate": f"{rate}bit"}
    if draw(st.booleans()):
        limit["ceil"] = f"{draw(st.integers(rate, MAX_RATE))}bit"
    if draw(st.booleans()):
        kept = rate // 8 * 8
        limit["burst"] = f"{draw(st.integers(1, max(1, min(MAX_SIZE, kept * MAX_BURST_SECONDS // 8))))}b"
    return limit


_networks = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(
        lambda pair: f"{_dotted(pair[0] >> (32 - pair[1]) << (32 - pair[1]))}/{pair[1]}"
    ),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
        lambda pair: f"{_coloned(pair[0] >> (128 - pair[1]) << (128 - pair[1]))}/{pair[1]}"
    ),
)


def _dotted(number: int) -> str:
    return ".".join(str(byte) for byte in number.to_bytes(4, "big"))


def _coloned(number: int) -> str:
    return ":".join(f"{number >> shift & 0xFFFF:x}" for shift in range(112, -1, -16))


@st.composite
def _wishes(draw: st.DrawFn, port_id: str, plug: str) -> dict[str, t.Any]:
    entry: dict[str, t.Any] = {"port_id": port_id, "plug": plug, "exempt": draw(st.lists(_networks, max_size=6))}
    directions = draw(st.sampled_from([("egress",), ("ingress",), ("egress", "ingress")]))
    return {**entry, **{direction: draw(_limits()) for direction in directions}}


_leaves = st.sampled_from(modules.available(LEAVES))
_PORTS = [(f"{n:08x}" + PORT[8:], "ovs" if n % 3 == 0 else "ovs_hybrid") for n in range(12)]
_hosts = st.tuples(_leaves, *(_wishes(port_id, plug) for port_id, plug in _PORTS)).map(
    lambda drawn: parse_ports(drawn[1:], drawn[0])
)


def _apply(ports: list[Port]) -> apply.PortsOutcome:
    return apply.apply(apply.Request(ports), _BATCH)


@_RUNS
@given(first=_hosts, second=_hosts)
def test_any_limit_is_reached_from_any_other_and_then_unchanged(
    plug: Plug, first: list[Port], second: list[Port]
) -> None:
    if not apply.survey([PORT[:11]])[0][0].devices:
        for port_id, kind in [*_PORTS, (PORT, "ovs_hybrid")]:
            plug.hybrid(port_id) if kind == "ovs_hybrid" else plug.native(port_id)
    apply.apply(apply.Request([], purge=True), _BATCH)
    assert _apply(first).counts["created"] == len(_PORTS)
    assert not _apply(first).changed
    predicted = apply.check(apply.Request(second))
    outcome = _apply(second)
    assert [plan.public() for plan in outcome.plans] == [plan.public() for plan in predicted.plans]
    for plan, before in zip(outcome.plans, first, strict=True):
        assert plan.done in ("changed", "unchanged")
        for direction, device in (("ingress", "tap"), ("egress", "qvb" if plan.port.plug == "ovs_hybrid" else "ifb")):
            if getattr(plan.port, direction) and getattr(before, direction):
                root = f"dev {plan.port.device(device)} root"
                assert not [one for one in plan.statements if root in one], "went by way of no limit"
    assert not _apply(second).changed
