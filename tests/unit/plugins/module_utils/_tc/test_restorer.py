# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which events make the restorer look at a port, and which don't. The kernel's part is played by messages made here; nothing needs root."""

from __future__ import annotations

import contextlib
import socket
import time
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import netlink
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import restorer, state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.plan import PortPlan
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Phase, Port, Shape, parse_port
from tests.unit.plugins.module_utils._kernel.test_netlink import attribute, message

ONE, OTHER = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"


def port(port_id: str) -> Port:
    return parse_port({"port_id": port_id, "plug": "ovs_hybrid", "egress": {"rate": "20mbit"}}, "sfq", "here")


def link(kind: int, index: int, name: str) -> bytes:
    head = index.to_bytes(4, "little").rjust(8, b"\0").ljust(16, b"\0")
    return message(kind, head + attribute(3, name.encode() + b"\0"))


def qdisc(kind: int, index: int) -> bytes:
    return message(kind, b"\0" * 4 + index.to_bytes(4, "little") + b"\0" * 12)


class Bench:
    """A restorer with two saved ports, a clock that is turned by hand, and a kernel that does what it is told."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self.path = folder / "limits.jsonl"
        self.restored: list[list[str]] = []
        self.done, self.reason = "restored", ""
        self.said: list[str] = []
        self.devices = [(7, port(ONE).device("tap")), (8, port(OTHER).device("tap")), (9, "eth0")]
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(socket, "if_nameindex", lambda: self.devices)
        monkeypatch.setattr(state, "locked", lambda _seconds: contextlib.nullcontext(3))
        monkeypatch.setattr(restorer, "restore", self._restore)
        monkeypatch.setattr(restorer, "_say", self.said.append)
        self.save(ONE, OTHER)
        self.restorer = restorer.Restorer(t.cast("t.Any", None), str(self.path))
        self.settle()
        self.restored.clear()
        self.said.clear()

    def save(self, *port_ids: str) -> None:
        saved = state.Saved({one: port(one) for one in port_ids})
        self.path.write_text(state.render(saved))

    def _restore(self, ports: t.Sequence[Port], _batch: object, acted: t.Callable[[list[str]], None]) -> list[PortPlan]:
        if ports:
            self.restored.append([one.port_id for one in ports])
        plans = []
        for one in ports:
            plan = PortPlan(one, {}, {})
            plan.done, plan.reason = self.done, self.reason
            plans.append(plan)
        acted([one.port_id for one in ports])
        return plans

    def settle(self, seconds: float = 10) -> list[list[str]]:
        self.now += seconds
        before = len(self.restored)
        self.restorer.settle(lambda: None)
        return self.restored[before:]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(tmp_path, monkeypatch)


def test_a_limit_that_ends_makes_its_port_due_alone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment itself, after a clock that was set, and after a file that was read anew."""
    clock = 1_000_000.0
    monkeypatch.setattr(time, "time", lambda: clock)
    given: list[int] = []
    plain = bench._restore

    def restore(ports: t.Sequence[Port], *rest: t.Any) -> list[PortPlan]:
        given.extend(one.egress.rate for one in ports if one.egress)
        return plain(ports, *rest)

    monkeypatch.setattr(restorer, "restore", restore)
    first, second = (Phase(Shape.of(rate), until=end) for rate, end in ((2_000_000, 1_000_100), (1_000_000, None)))
    ending = replace(port(ONE), until=1_000_020, afterwards=(first, second))
    bench.path.write_text(state.render(state.Saved({ONE: ending, OTHER: port(OTHER)})))
    assert bench.settle() == [[ONE, OTHER]]
    assert bench.restorer.wait == 20
    assert bench.settle() == []
    clock += 19.5
    assert bench.settle() == []
    assert bench.restorer.wait == 0.5
    clock += 0.5
    assert bench.settle() == [[ONE]]
    assert given[-1] == 2_000_000
    assert bench.settle() == []
    assert bench.restorer.wait == 30
    clock += 10**6  # somebody has set it
    assert bench.settle() == [[ONE]]
    assert given[-1] == 1_000_000
    clock -= 10**6  # and back
    assert bench.settle() == [[ONE]]
    assert given[-1] == 2_000_000
    assert bench.settle() == []
    clock += 10**6
    assert bench.settle() == [[ONE]]
    # Another restorer begins with what counts by now.
    bench.restorer = restorer.Restorer(t.cast("t.Any", None), str(bench.path))
    assert bench.settle() == [[ONE, OTHER]]
    assert given[-2:] == [1_000_000, 20_000_000]


def test_nothing_is_done_where_nothing_has_happened(bench: Bench) -> None:
    assert bench.settle() == []
    assert bench.restorer.wait == 30


def test_a_file_that_cannot_be_read_leaves_the_limits_of_before(bench: Bench) -> None:
    """As where something else has come into its place: the restorer goes on, and says so once."""
    bench.path.unlink()
    bench.path.mkdir()
    assert bench.settle() == bench.settle() == []
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7))
    assert bench.settle() == [[ONE]]
    bench.restorer.notice_all()
    assert bench.settle() == [[ONE, OTHER]]
    assert bench.said == [
        f"{bench.path} can't be read ({bench.path} isn't a regular file; put a file of its own there); the limits that were read before stay."
    ]
    bench.path.rmdir()
    bench.save(OTHER)
    assert bench.settle() == [[OTHER]]


def test_a_qdisc_that_is_taken_away_concerns_its_port_alone(bench: Bench) -> None:
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7) + qdisc(netlink.RTM_DELQDISC, 9))
    assert bench.settle() == [[ONE]]
    assert bench.settle() == []


def test_what_happens_to_a_port_while_others_are_restored_is_not_forgotten(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ports that need Open vSwitch come after the others, which have been looked at again by then."""
    queue: list[bytes] = []

    def in_two_groups(ports: t.Sequence[Port], _batch: object, acted: t.Callable[[list[str]], None]) -> list[PortPlan]:
        for one in ports:
            queue.append(
                qdisc(netlink.RTM_DELQDISC, 7 if one.port_id == ONE else 8)
            )  # what the statements do themselves
            acted([one.port_id])
            bench.restored.append([one.port_id])
            queue.append(qdisc(netlink.RTM_DELQDISC, 7))  # after the last look at the first port
        return []

    def drain() -> None:
        while queue:
            bench.restorer.notice(queue.pop(0))

    monkeypatch.setattr(restorer, "restore", in_two_groups)
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7) + qdisc(netlink.RTM_DELQDISC, 8))
    bench.now += 10
    bench.restorer.settle(drain)
    assert bench.restored == [[ONE], [OTHER]]
    monkeypatch.setattr(restorer, "restore", bench._restore)
    assert bench.settle() == [[ONE]]


def test_a_qdisc_that_is_added_makes_nothing_due(bench: Bench) -> None:
    bench.restorer.notice(qdisc(netlink.RTM_NEWQDISC, 7))
    assert bench.settle() == []


def test_a_device_that_is_made_anew_is_known_by_its_name(bench: Bench) -> None:
    """A hard reboot: the same name with another index, by which everything that follows is told."""
    name = port(ONE).device("tap")
    bench.restorer.notice(link(netlink.RTM_DELLINK, 7, name))
    bench.restorer.notice(link(netlink.RTM_NEWLINK, 70, name))
    assert bench.settle() == [[ONE]]
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7))
    assert bench.settle() == []
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 70))
    assert bench.settle() == [[ONE]]


def test_a_tap_is_let_alone_until_it_rests_but_not_for_ever(bench: Bench) -> None:
    """libvirt makes it, clears its root and adds its own, a process each."""
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7))
    began = bench.now
    while bench.now - began < 2.5:
        assert bench.settle(0.25) == []
        bench.restorer.notice(qdisc(netlink.RTM_NEWQDISC, 7))
        assert bench.restorer.wait <= 0.3 + 1e-6
    assert bench.settle(1) == [[ONE]]


def test_lost_events_make_everything_due(bench: Bench) -> None:
    bench.restorer.notice_all()
    assert bench.settle() == [[ONE, OTHER]]


def test_a_port_that_is_no_longer_saved_is_left_alone(bench: Bench) -> None:
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7))
    bench.save(OTHER)
    assert bench.settle() == [[OTHER]]  # of a file that is read anew, all are due
    bench.path.unlink()
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 8))
    assert bench.settle() == []


def test_a_damaged_line_costs_its_port_alone_and_is_told(bench: Bench) -> None:
    first, second = state.render(state.Saved({one: port(one) for one in (ONE, OTHER)})).splitlines()[-2:]
    bench.path.write_text(f"{first.replace('20000000', '90000000')}\n{second}\n")
    assert bench.settle() == [[OTHER]]
    assert ["the line is damaged" in one for one in bench.said] == [True]


def test_trouble_is_told_once_and_again_when_it_returns(bench: Bench) -> None:
    bench.done, bench.reason = "refused", "somebody else's htb is there"
    for _round in range(3):
        bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7))
        bench.settle()
    assert bench.said == ["somebody else's htb is there"]
    bench.done, bench.reason = "unchanged", ""
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7))
    bench.settle()
    bench.done, bench.reason = "refused", "somebody else's htb is there"
    bench.restorer.notice(qdisc(netlink.RTM_DELQDISC, 7))
    bench.settle()
    assert bench.said == ["somebody else's htb is there"] * 2
