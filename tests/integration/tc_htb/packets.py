# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of packets per second against a kernel that polices; test_packets.py boots one for these tests.

Packets are counted, and the clock only bounds how many tokens there can have been.
"""

from __future__ import annotations

import itertools
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, batch, restorer, state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import parse_ports
from tests.integration.tc_htb.frames import ARP, ethernet, ipv4, send
from tests.integration.tc_htb.namespace import PORT, Plug, kernel_text, shell

KEY = PORT[:11]
RATE, BURST = 1000, 200
PACKETS = {"pkts_rate": "1k", "pkts_burst": BURST}
EXEMPT = "192.168.111.0/24"
OUTSIDE, INSIDE = ipv4("198.51.100.1", "203.0.113.1"), ipv4("192.168.111.1", "192.168.111.2")
PLUGS = pytest.mark.parametrize("kind", ["ovs_hybrid", "ovs"])


def desired(kind: str, egress: dict[str, t.Any] | None, ingress: dict[str, t.Any] | None) -> dict[str, t.Any]:
    return {"port_id": PORT, "plug": kind, "egress": egress, "ingress": ingress, "exempt": [EXEMPT]}


def limit(
    *wanted: dict[str, t.Any], check: bool = False, purge: bool = False, persist: bool = False
) -> apply.PortsOutcome:
    """What the module does, without Ansible around it: processes take their time in such a machine."""
    request = apply.Request(parse_ports(list(wanted), "pfifo"), purge=purge, persist=persist)
    tools = batch.Batch(restorer._run, "tc", "ip")
    outcome = apply.check(request, None, tools) if check else apply.apply(request, tools)
    assert not outcome.reasons(strict=True), outcome.reasons(strict=True)
    return outcome


def plug_in(plug: Plug, kind: str) -> None:
    plug.hybrid() if kind == "ovs_hybrid" else plug.native()


def sides(kind: str) -> dict[str, str]:
    """The device on which a direction's packets are sent."""
    return {"ingress": "tap" + KEY, "egress": "qvb" + KEY if kind == "ovs_hybrid" else "vm-" + KEY}


def counted(direction: str) -> dict[str, int]:
    [port], _problems = apply.survey([PORT])
    found = port.public()[direction]
    return {name: int(found.get(name, 0)) for name in ("packets", "drops", "pkts_drops", "exempt_bytes")}


def flood(kind: str, direction: str, rounds: int, each: int, frame: bytes = OUTSIDE) -> tuple[dict[str, int], float]:
    """Send bursts after a pause in which the bucket fills, which is empty when it is made; what was counted, and the seconds from before until after."""
    before, began = counted(direction), time.monotonic()
    for _round in range(rounds):
        time.sleep(BURST / RATE)
        send(sides(kind)[direction], frame, each)
    took = time.monotonic() - began
    after = counted(direction)
    return {name: after[name] - before[name] for name in after}, took


@PLUGS
@pytest.mark.parametrize("also", [{}, {"rate": "1gbit"}])
def test_no_more_packets_pass_than_there_are_tokens(plug: Plug, kind: str, also: dict[str, str]) -> None:
    plug_in(plug, kind)
    both = {**PACKETS, **also}
    limit(desired(kind, both, both))
    for direction in ("egress", "ingress"):
        rounds, each = 3, 2 * BURST
        told, seconds = flood(kind, direction, rounds, each)
        assert told["packets"] + told["drops"] == rounds * each
        assert told["pkts_drops"] == told["drops"]
        assert rounds * BURST <= told["packets"] <= BURST + RATE * seconds, (direction, told, seconds)


@PLUGS
def test_neither_exempt_networks_nor_arp_are_counted(plug: Plug, kind: str) -> None:
    plug_in(plug, kind)
    limit(desired(kind, PACKETS, PACKETS))
    for direction in ("egress", "ingress"):
        for frame in (INSIDE, ethernet(ARP, b"\0\x01\x08\0\x06\x04\0\x01")):
            told, _seconds = flood(kind, direction, 1, 2 * BURST, frame)
            assert (told["packets"], told["drops"]) == (0, 0)
            assert told["exempt_bytes"] >= 2 * BURST * len(frame)
        assert flood(kind, direction, 1, BURST)[0]["packets"] == BURST  # they took none of the tokens


STATES: list[tuple[dict[str, t.Any] | None, dict[str, t.Any] | None]] = [
    (PACKETS, None),
    (PACKETS, {"rate": "20mbit", **PACKETS}),
    ({"rate": "20mbit"}, {"rate": "20mbit", "pkts_rate": 7777}),
    ({"pkts_rate": "1m"}, {"rate": "20mbit", "pkts_rate": "3kpps", "pkts_burst": 3}),
    ({"pkts_rate": 1}, {"pkts_rate": "1000m"}),
    ({"rate": "30mbit"}, {"rate": "20mbit"}),
]


@PLUGS
def test_check_predicts_each_change_and_the_second_run_changes_nothing(plug: Plug, kind: str) -> None:
    plug_in(plug, kind)
    bare = kernel_text()
    for limits in [*STATES, STATES[0]]:
        predicted, done = (limit(desired(kind, *limits), check=check) for check in (True, False))
        assert done.changed
        assert [plan.public() for plan in done.plans] == [plan.public() for plan in predicted.plans]
        again = limit(desired(kind, *limits))
        assert not again.changed, again.plans[0].statements
        assert again.plans[0].found == done.plans[0].now
    assert limit(purge=True).counts["removed"] == 1
    assert kernel_text() == bare


@PLUGS
def test_a_change_is_never_by_way_of_no_limit(plug: Plug, kind: str) -> None:
    """Each statement is done alone, and what follows it is held to the old limit or to the new."""
    plug_in(plug, kind)
    limit(desired(kind, PACKETS, PACKETS))
    slower = {"pkts_rate": 500, "pkts_burst": BURST}
    [planned] = limit(desired(kind, slower, slower), check=True).plans
    assert planned.statements
    for statement in planned.statements:
        shell(f"tc {statement}")
        for direction in ("egress", "ingress"):
            told, seconds = flood(kind, direction, 1, 2 * BURST)
            assert told["packets"] <= BURST + RATE * seconds


def test_police_of_other_hands_inside_our_qdisc_is_set_right(plug: Plug) -> None:
    plug.hybrid()
    limit(desired("ovs_hybrid", PACKETS, PACKETS))
    clean = kernel_text()
    add = f"tc filter add dev tap{KEY} parent 1: protocol all prio 5 u32 match u32 0 0 flowid 1:100 action police"
    for other in (
        "rate 1mbit burst 10k drop",
        "pkts_rate 1000 pkts_burst 200 conform-exceed pass/drop",
        "pkts_rate 9 pkts_burst 9 drop",
    ):
        shell(f"{add} {other}")
        assert limit(desired("ovs_hybrid", PACKETS, PACKETS)).counts["changed"] == 1
        assert kernel_text() == clean


def restored() -> None:
    """Have the restorer set what is saved of the one port, which differs."""
    tools = batch.Batch(restorer._run, "tc", "ip")
    [plan] = apply.restore(list(state.load().ports.values()), tools, lambda touched: None)
    assert plan.acts
    assert not plan.reason


@PLUGS
def test_the_restorer_sets_it_again(plug: Plug, kind: str) -> None:
    plug_in(plug, kind)
    both = desired(kind, PACKETS, {"rate": "20mbit", **PACKETS})
    limit(both, persist=True)
    ours = {name: Path(f"/sys/class/net/{name}").exists() for name in (f"ifb{KEY}", f"qvb{KEY}")}
    for name in itertools.compress(ours, ours.values()):
        shell(f"tc qdisc del dev {name} root")
    shell(f"tc qdisc del dev tap{KEY} root")
    restored()
    assert not limit(both, persist=True).changed
