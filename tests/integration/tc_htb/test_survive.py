# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run killed at any moment is finished by the next, and what the keeper keeps it keeps."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils import _tc
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import cli, host, keeper, state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.model import Port, TcError, parse_ports
from tests.integration.tc_htb.namespace import PORT, Plug, shell
from tests.places import ROOT

_BATCH = cli.Batch(keeper._run, "tc", "ip")


def _ports(rate: str, count: int = 1, plug: str = "ovs_hybrid") -> list[Port]:
    return parse_ports(
        [
            {
                "port_id": f"{n:08x}" + PORT[8:],
                "plug": plug,
                "egress": {"rate": rate},
                "ingress": {"rate": rate},
                "exempt": ["192.168.111.0/24", "fd00:1::/64"],
            }
            for n in range(count)
        ],
        "pfifo",
    )


@pytest.mark.parametrize("plug_type", ["ovs_hybrid", "ovs"])
def test_a_run_killed_at_any_moment_is_finished_by_the_next(plug: Plug, plug_type: str) -> None:
    """Cuts tc's and ip's batches at every statement, which is what a kill -9 leaves behind."""
    wish = host.Wish(_ports("20mbit", plug=plug_type), persist=True)
    port = wish.ports[0]
    plug.hybrid(port.port_id) if plug_type == "ovs_hybrid" else plug.native(port.port_id)
    whole = [(tool, one) for tool, part in (("ip", "links_before"), ("tc", "statements"))
             for one in getattr(host.check(wish).plans[0], part)]  # fmt: skip
    assert len(whole) > 10
    for cut in range(len(whole)):
        for tool, statement in whole[:cut]:
            shell(f"{tool} {statement}")
        host.apply(wish, _BATCH)
        assert not host.check(wish).changed, f"after a kill behind {whole[:cut][-1:]}"
        host.apply(host.Wish([], purge=True), _BATCH)
        assert not host.check(host.Wish([], purge=True)).changed


def test_kill_9_of_the_process_at_random_moments(plug: Plug) -> None:
    ports = _ports("20mbit", count=40)
    for port in ports:
        plug.hybrid(port.port_id)
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from _tc import cli, host, keeper, model;"
        "wish = json.loads(sys.argv[2]);"
        "host.apply(host.Wish(model.parse_ports(wish, 'pfifo'), persist=True), cli.Batch(keeper._run, 'tc', 'ip'))"
    )
    moments = random.Random(7)
    for round_ in range(12):
        rate = f"{round_ + 1}mbit"
        wish = [{"port_id": port.port_id, "plug": "ovs_hybrid", "egress": {"rate": rate}, "ingress": {"rate": rate}}
                for port in ports]  # fmt: skip
        folder = str(Path(_tc.__path__[0]).parent)
        run = subprocess.Popen(
            [sys.executable, "-c", program, folder, json.dumps(wish)], start_new_session=True, stderr=subprocess.DEVNULL
        )
        time.sleep(moments.uniform(0.05, 0.5))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        host.apply(host.Wish(parse_ports(wish, "pfifo"), persist=True), _BATCH)
        assert not host.check(host.Wish(parse_ports(wish, "pfifo"), persist=True)).changed
        assert set(state.load().ports) == {port.port_id for port in ports}


@pytest.fixture
def running_keeper() -> t.Iterator[t.Callable[[], str]]:
    """The keeper as its service runs it, from the package alone; returns what it has said so far."""
    log = Path("/run/keeper.log")
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "from _tc.keeper import main; main()"],
            cwd=ROOT / "plugins" / "module_utils", stdout=out, stderr=out,
        )  # fmt: skip
    yield log.read_text
    assert process.poll() is None, log.read_text()
    process.kill()
    process.wait()


def _until(true: t.Callable[[], bool], seconds: float = 3) -> float:
    """Wait for it, and return how long that took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "waited in vain"
        time.sleep(0.01)
    return time.monotonic() - began


@pytest.mark.parametrize("plug_type", ["ovs_hybrid", "ovs"])
def test_the_keeper_restores_what_is_removed_or_made_again(
    plug: Plug, running_keeper: t.Callable[[], str], plug_type: str
) -> None:
    wish = host.Wish(_ports("20mbit", plug=plug_type), persist=True)
    port = wish.ports[0]
    make = plug.hybrid if plug_type == "ovs_hybrid" else plug.native

    def whole() -> bool:
        return host.check(wish).counts["unchanged"] == 1

    assert host.apply(wish, _BATCH).counts["gone"] == 1
    make(port.port_id)  # the state file was written before: the limit waits for its device, as after a live migration
    _until(lambda: host.check(wish).counts["unchanged"] == 1, 35)

    plug.remove(port.device("tap"))
    if plug_type == "ovs_hybrid":
        plug.remove(port.device("qvb"))
    make(port.port_id)
    assert _until(whole) < 1

    removals = [f"tc qdisc del dev {port.device('tap')} root"]
    if plug_type == "ovs_hybrid":
        removals += [f"tc qdisc del dev {port.device('qvb')} root"]
    else:
        removals += [f"tc qdisc del dev {port.device('tap')} clsact", f"ip link del {port.device('ifb')}"]
    for removal in removals:
        shell(removal)
        assert _until(whole) < 1, removal

    # What somebody else puts there is left alone, and said once.
    shell(f"tc qdisc del dev {port.device('tap')} root; tc qdisc replace dev {port.device('tap')} root handle 7: pfifo")
    shell(f"tc qdisc replace dev {port.device('tap')} root handle 7: pfifo limit 9")
    _until(lambda: "a pfifo qdisc 7: made by hand" in running_keeper())
    assert "pfifo 7:" in shell(f"tc qdisc show dev {port.device('tap')}")

    # A limit that is taken away on purpose stays away.
    shell(f"tc qdisc del dev {port.device('tap')} root")
    _until(whole)
    host.apply(host.Wish([], purge=True), _BATCH)
    time.sleep(0.3)
    assert not host.check(host.Wish([], purge=True)).changed


def test_damaged_lines_cost_their_port_only(plug: Plug) -> None:
    ports = _ports("20mbit", count=3)
    host.apply(host.Wish(ports, persist=True), _BATCH)
    path = Path(state.STATE_FILE)
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("20mbit", "99mbit")
    lines[2] = "0 " + lines[2][2:]
    path.write_text("".join(lines))
    saved = state.load()
    assert [port.port_id for port in saved.ports.values()] == [ports[2].port_id]
    assert "line 2: the line is damaged" in saved.problems[0]
    assert "line 3: format '0' is not the format 1" in saved.problems[1]
    # A run that lists one port keeps what it can't read; one that lists all of them starts afresh.
    host.apply(host.Wish(ports[2:], persist=True), _BATCH)
    assert len(state.load().problems) == 2
    outcome = host.apply(host.Wish(ports, persist=True, purge=True), _BATCH)
    assert len(outcome.problems) == 2
    assert len(state.load().ports) == 3
    assert not state.load().problems


def test_a_second_run_waits_for_the_first(plug: Plug) -> None:
    with state.locked(1), pytest.raises(TcError, match="Another run holds"), state.locked(0.1):
        pass
