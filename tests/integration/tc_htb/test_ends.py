# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A boost ends on the host at its time, without a run: with the restorer running, killed at that moment, or the host off over it."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, batch, restorer
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import parse_ports
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.times import format_time
from tests.integration.tc_htb.namespace import PORT, Plug, shell, tc_htb
from tests.restorer_program import unpack
from tests.waiting import until

_BATCH = batch.Batch(restorer._run, "tc", "ip")
BOOST, USUAL = 100_000_000, 20_000_000


def entry(plug: str, rate: int, **more: t.Any) -> dict[str, t.Any]:
    shape = {"rate": f"{rate}bit"}
    return {"port_id": PORT, "plug": plug, "egress": shape, "ingress": shape, "exempt": ["192.168.111.0/24"], **more}


def boost(plug: str, end: int, *, usual: bool = True) -> dict[str, t.Any]:
    following = entry(plug, USUAL)
    phases = [{key: following[key] for key in ("egress", "ingress", "exempt")}] if usual else []
    return entry(plug, BOOST, until=format_time(end), afterwards=phases)


def request(one: dict[str, t.Any]) -> apply.Request:
    return apply.Request(parse_ports([one], "pfifo"), persist=True)


def rates() -> set[int]:
    """The rates of both directions; 0 where there is no limit."""
    [[port], _problems] = apply.survey([PORT])
    return {counted.limit.shape.rate if counted else 0 for counted in port.limits.values()}


class Restorer:
    """The restorer from the shipped files alone, killed and started again."""

    def __init__(self, folder: Path) -> None:
        self._folder = unpack(folder)
        self._log = Path("/run/restorer.log")
        self._log.write_text("")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("a") as out:
            self._process = subprocess.Popen([sys.executable, "-I", str(self._folder)], stdout=out, stderr=out)

    def kill(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text()
        self._process.kill()
        self._process.wait()
        self._process = None

    def gets(self, wanted: set[int]) -> None:
        until(
            f"rates of {wanted}",
            lambda: rates() == wanted,
            seen=lambda: (
                f"{rates()} at {time.time()}, {shell('tc class show dev tap' + PORT[:11])} {self._log.read_text()}"
            ),
            every=0.02,
        )

    def stop(self) -> None:
        if self._process is not None:
            self.kill()


@pytest.fixture
def keeper(tmp_path: Path) -> t.Iterator[Restorer]:
    made = Restorer(tmp_path)
    yield made
    made.stop()


def make(plug: Plug, kind: str) -> None:
    plug.hybrid() if kind == "ovs_hybrid" else plug.native()


@pytest.mark.parametrize("kind", ["ovs_hybrid", "ovs"])
@pytest.mark.parametrize("usual", [True, False])
def test_a_boost_ends_without_a_run(plug: Plug, keeper: Restorer, kind: str, usual: bool) -> None:
    make(plug, kind)
    keeper.start()
    end = int(time.time()) + 15
    wanted = request(boost(kind, end, usual=usual))
    assert apply.apply(wanted, _BATCH).changed
    before = apply.check(wanted)
    assert time.time() < end, "this machine is too slow for the test"
    assert (rates(), before.changed) == ({BOOST}, False)
    keeper.gets({USUAL if usual else 0})
    assert time.time() >= end
    # The same rules again, from a controller whose clock is behind; and as it sees them after the end.
    # A native plug's upload is free before its ifb has gone.
    until("the restorer has done all of it", lambda: not apply.check(wanted).changed, seen=rates)
    assert not apply.apply(wanted, _BATCH).changed
    later = entry(kind, USUAL) if usual else {"port_id": PORT, "plug": kind, "state": "absent"}
    assert not apply.check(request(later)).changed


def test_a_restorer_that_is_killed_around_the_end_still_ends_it(plug: Plug, keeper: Restorer) -> None:
    plug.hybrid()
    moments = random.Random(7)
    for _round in range(8):
        end = int(time.time()) + 3
        apply.apply(request(boost("ovs_hybrid", end)), _BATCH)
        keeper.start()
        moment = end + moments.uniform(-0.3, 0.3)
        until("the moment to kill it", lambda: time.time() >= moment, seen=time.time, every=0.01)  # noqa: B023
        keeper.kill()
        keeper.start()
        keeper.gets({USUAL})
        assert time.time() >= end
        keeper.kill()


@pytest.mark.parametrize("usual", [True, False])
@pytest.mark.parametrize("rebooted", [True, False])
def test_a_boost_that_ended_while_nobody_was_there_has_ended(
    plug: Plug, keeper: Restorer, usual: bool, rebooted: bool
) -> None:
    plug.hybrid()
    end = int(time.time()) + 3
    apply.apply(request(boost("ovs_hybrid", end, usual=usual)), _BATCH)
    until("the end is over", lambda: time.time() > end, seen=time.time, every=0.05)
    assert rates() == {BOOST}
    if rebooted:
        plug.remove("tap" + PORT[:11])
        plug.remove("qvb" + PORT[:11])
    keeper.start()
    if rebooted:
        plug.hybrid()
    keeper.gets({USUAL if usual else 0})


@pytest.mark.parametrize(("port_id", "asked"), [(PORT.replace("f", "a"), "absent"), (PORT, "kept")])
def test_a_run_for_other_ports_ends_what_nobody_has_ended(
    plug: Plug, monkeypatch: pytest.MonkeyPatch, port_id: str, asked: str
) -> None:
    """Or for none, as this one is kept. It takes the line out of the file, so the restorer, which was dead or waits for this run, wouldn't find it any more."""
    plug.hybrid()
    end = 4_000_000_000
    apply.apply(request(boost("ovs_hybrid", end, usual=False)), _BATCH)
    others = request({"port_id": port_id, "plug": "ovs_hybrid", "state": asked})
    assert not apply.apply(others, _BATCH).changed
    monkeypatch.setattr(time, "time", lambda: float(end))
    assert rates() == {BOOST}
    assert apply.check(others).counts["removed"] == 1
    assert apply.apply(others, _BATCH).counts["removed"] == 1
    assert rates() == {0}
    assert not apply.check(others).changed
    assert not apply.apply(others, _BATCH).changed


def test_the_module_around_an_end(plug: Plug, systemd: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Check mode, the run and the diff tell the same, before and after it."""
    plug.hybrid()
    usual, end = entry("ovs_hybrid", USUAL), 4_000_000_000
    boosted = boost("ovs_hybrid", end)
    assert tc_htb(boosted)["msg"] == "A port has until, which needs persist: true, since the restorer ends its limits."
    tc_htb(usual, persist=True)
    checked, done = tc_htb(boosted, persist=True, check=True), tc_htb(boosted, persist=True)
    assert checked["ports"] == done["ports"]
    assert checked["diff"] == done["diff"]
    assert (done["ports"][0]["change"], done["ports"][0]["until"]) == ("loosened", "2096-10-02T07:06:40Z")
    assert done["diff"]["after"][PORT]["until"] == "2096-10-02T07:06:40Z"
    assert not tc_htb(boosted, persist=True, check=True)["changed"]
    assert not tc_htb(boosted, persist=True)["changed"]
    # What a run before the end doesn't know any more stays: another end is a change, though the kernel has the limit already.
    sooner = tc_htb(boost("ovs_hybrid", end - 60), persist=True)
    assert (sooner["changed"], sooner["counts"]["unchanged"], sooner["ports"][0]["change"]) == (True, 1, "unchanged")
    assert sooner["diff"]["before"][PORT]["until"] != sooner["diff"]["after"][PORT]["until"]

    monkeypatch.setattr(time, "time", lambda: float(end))
    assert tc_htb(boosted, persist=True, check=True)["ports"][0]["change"] == "changed"  # no restorer runs here
    assert tc_htb(boosted, persist=True)["counts"]["changed"] == 1
    for again in (boosted, usual):
        assert not tc_htb(again, persist=True, check=True)["changed"]
        assert not tc_htb(again, persist=True)["changed"]
    assert rates() == {USUAL}
