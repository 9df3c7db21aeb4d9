# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run killed at any moment is finished by the next, and what the restorer keeps it keeps."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import typing as t
import zlib
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, batch, restorer, state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Port, parse_ports
from tests.integration.tc_htb.namespace import PORT, Plug, shell
from tests.restorer_program import unpack
from tests.waiting import PATIENCE, until

_BATCH = batch.Batch(restorer._run, "tc", "ip")


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
    request = apply.Request(_ports("20mbit", plug=plug_type), persist=True)
    port = request.ports[0]
    plug.hybrid(port.port_id) if plug_type == "ovs_hybrid" else plug.native(port.port_id)
    whole = [(tool, one) for tool, part in (("ip", "links_before"), ("tc", "statements"))
             for one in getattr(apply.check(request).plans[0], part)]  # fmt: skip
    assert len(whole) > 10
    for cut in range(len(whole)):
        for tool, statement in whole[:cut]:
            shell(f"{tool} {statement}")
        apply.apply(request, _BATCH)
        assert not apply.check(request).changed, f"after a kill behind {whole[:cut][-1:]}"
        apply.apply(apply.Request([], purge=True), _BATCH)
        assert not apply.check(apply.Request([], purge=True)).changed


#: What the child does: it says when it begins, so that the parent can kill it at work and not while Python starts.
_CHILD = """
import json, sys
sys.path.insert(0, sys.argv[1])
from day2._tc import apply, batch, ports, restorer
runner = batch.Batch(restorer._run, "tc", "ip")
request = apply.Request(ports.parse_ports(json.loads(sys.argv[2]), "pfifo"), persist=True)
print("begun", flush=True)
apply.apply(request, runner)
"""


class _Child:
    """A process of its own that limits ports, and has begun to."""

    def __init__(self, folder: Path, wanted: list[dict[str, t.Any]]) -> None:
        self._before = _saved()
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _CHILD, str(folder), json.dumps(wanted)],
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "begun\n":
            raise AssertionError(f"the child never began: {self._process.communicate()[1]}")

    def wait_until_saved(self) -> None:
        """Wait until the state file is another one than before: from then on the kernel is being changed."""
        until("the child saves its state", lambda: _saved() != self._before, seen=_saved, every=0)

    def kill(self) -> None:
        """Kill it and the tc it runs; it may have ended by then, but not by a failure."""
        os.killpg(self._process.pid, signal.SIGKILL)
        error = self._process.communicate()[1]
        assert self._process.returncode in (0, -signal.SIGKILL), error

    def wait(self) -> None:
        error = self._process.communicate(timeout=PATIENCE)[1]
        assert self._process.returncode == 0, error


def _saved() -> object:
    try:
        found = os.stat(state.STATE_FILE)
    except FileNotFoundError:
        return None
    return (found.st_ino, found.st_mtime_ns)


def test_kill_9_of_the_process_at_random_moments(plug: Plug, tmp_path: Path) -> None:
    folder = unpack(tmp_path)
    ports = _ports("20mbit", count=40)
    for port in ports:
        plug.hybrid(port.port_id)

    def wanted(mbit: int) -> list[dict[str, t.Any]]:
        shape = {"rate": f"{mbit}mbit"}
        return [{"port_id": port.port_id, "plug": "ovs_hybrid", "egress": shape, "ingress": shape} for port in ports]

    child = _Child(folder, wanted(100))
    begun = time.monotonic()
    child.wait_until_saved()
    saved = time.monotonic()
    child.wait()
    whole, second_half = time.monotonic() - begun, time.monotonic() - saved

    moments = random.Random(7)
    at_work = 0
    for round_ in range(12):
        if round_ % 2:  # from nothing, which is most of the work
            apply.apply(apply.Request([], purge=True), _BATCH)
        child = _Child(folder, wanted(round_ + 1))
        if round_ % 4:
            child.wait_until_saved()
        time.sleep(moments.uniform(0, second_half / 2 if round_ % 4 else whole))
        child.kill()
        request = apply.Request(parse_ports(wanted(round_ + 1), "pfifo"), persist=True)
        # It had saved its state, and hadn't done everything: it was at work when it was killed.
        at_work += state.load().ports == {port.port_id: port for port in request.ports} and apply.check(request).changed
        apply.apply(request, _BATCH)
        assert not apply.check(request).changed
        assert set(state.load().ports) == {port.port_id for port in ports}
    assert at_work > 0, "no kill hit a child at work, so nothing was tested"


#: Seconds. The restorer also looks every 30 s; what is back sooner is back because the kernel told of it.
_BY_EVENT = 20


@pytest.fixture
def running_restorer(tmp_path: Path) -> t.Iterator[t.Callable[[], str]]:
    """The restorer as its service runs it, from the shipped files alone; returns what it has said so far."""
    log = Path("/run/restorer.log")
    folder = unpack(tmp_path)
    with log.open("w") as out:
        process = subprocess.Popen([sys.executable, "-I", str(folder)], stdout=out, stderr=out)
    yield log.read_text
    assert process.poll() is None, log.read_text()
    process.kill()
    process.wait()


def _until(what: str, true: t.Callable[[], bool], restorer: t.Callable[[], str]) -> float:
    """Wait for it, and return how long that took."""
    began = time.monotonic()

    def seen() -> str:
        return f"{shell('tc qdisc show')}\nThe restorer: {restorer()}"

    until(what, true, seen=seen, every=0.01)
    return time.monotonic() - began


@pytest.mark.parametrize("plug_type", ["ovs_hybrid", "ovs"])
def test_the_restorer_restores_what_is_removed_or_made_again(
    plug: Plug, running_restorer: t.Callable[[], str], plug_type: str
) -> None:
    request = apply.Request(_ports("20mbit", plug=plug_type), persist=True)
    port = request.ports[0]
    make = plug.hybrid if plug_type == "ovs_hybrid" else plug.native

    def whole() -> bool:
        return apply.check(request).counts["unchanged"] == 1

    assert apply.apply(request, _BATCH).counts["gone"] == 1
    make(port.port_id)  # the state file was written before: the limit waits for its device, as after a live migration
    _until("the limit that waited for its device", whole, running_restorer)

    plug.remove(port.device("tap"))
    if plug_type == "ovs_hybrid":
        plug.remove(port.device("qvb"))
    make(port.port_id)
    assert _until("the limits of devices made again", whole, running_restorer) < _BY_EVENT

    removals = [f"tc qdisc del dev {port.device('tap')} root"]
    if plug_type == "ovs_hybrid":
        removals += [f"tc qdisc del dev {port.device('qvb')} root"]
    else:
        removals += [f"tc qdisc del dev {port.device('tap')} clsact", f"ip link del {port.device('ifb')}"]
    for removal in removals:
        shell(removal)
        assert _until(f"the limit after {removal}", whole, running_restorer) < _BY_EVENT, removal

    # What somebody else puts there is left alone, and said once.
    shell(f"tc qdisc del dev {port.device('tap')} root; tc qdisc replace dev {port.device('tap')} root handle 7: pfifo")
    shell(f"tc qdisc replace dev {port.device('tap')} root handle 7: pfifo limit 9")
    said = "a pfifo qdisc 7: made by hand"
    _until(f"the restorer says {said}", lambda: said in running_restorer(), running_restorer)
    assert "pfifo 7:" in shell(f"tc qdisc show dev {port.device('tap')}")

    # A limit that is taken away on purpose stays away.
    shell(f"tc qdisc del dev {port.device('tap')} root")
    _until("the limit after somebody else's went", whole, running_restorer)
    apply.apply(apply.Request([], purge=True), _BATCH)
    time.sleep(0.3)
    assert not apply.check(apply.Request([], purge=True)).changed


def _old_form(port: Port) -> str:
    """A line of the state file as it was before it had numbers."""
    assert port.egress is not None
    shape = port.egress.public()
    entry = {
        "port_id": port.port_id, "plug": port.plug, "leaf": port.leaf, "egress": shape, "ingress": shape,
        "exempt": [str(network) for network in port.exempt],
    }  # fmt: skip
    text = json.dumps(entry, sort_keys=True)
    return f"1 {zlib.crc32(text.encode()):08x} {text}\n"


def test_what_an_older_version_saved_is_restored(plug: Plug, running_restorer: t.Callable[[], str]) -> None:
    request = apply.Request(_ports("20mbit"), persist=True)
    path = Path(state.STATE_FILE)
    path.parent.mkdir(parents=True)
    path.write_text(_old_form(request.ports[0]))
    plug.hybrid(request.ports[0].port_id)
    _until("the limit", lambda: apply.check(request).counts["unchanged"] == 1, running_restorer)
    assert not apply.check(request).changed, "the form alone is no change"


def test_the_restorer_is_renewed_before_the_form_of_its_file_is(plug: Plug) -> None:
    """Killed in between, a run leaves a restorer that reads what is there, in whichever form."""
    ports = _ports("20mbit")
    path = Path(state.STATE_FILE)
    path.parent.mkdir(parents=True)
    path.write_text(_old_form(ports[0]))
    seen: list[str] = []

    def service(wanted: bool | None) -> tuple[bool, str]:
        seen.append(path.read_text())
        return True, "running" if wanted else "absent"

    outcome = apply.apply(apply.Request(_ports("30mbit"), persist=True), _BATCH, service)
    assert seen == [_old_form(ports[0])]
    assert (outcome.service, outcome.service_changed) == ("running", True)
    # What is saved for the first time is there before the restorer is: the unit wants its folder.
    path.unlink()
    apply.apply(apply.Request(ports, persist=True), _BATCH, service)
    assert seen[1].count(PORT[8:]) == 1


def test_damaged_lines_cost_their_port_only(plug: Plug) -> None:
    ports = _ports("20mbit", count=3)
    apply.apply(apply.Request(ports, persist=True), _BATCH)
    path = Path(state.STATE_FILE)
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1].replace("20000000", "99000000")
    lines[2] = "0 " + lines[2][2:]
    path.write_text("".join(lines))
    saved = state.load()
    assert [port.port_id for port in saved.ports.values()] == [ports[2].port_id]
    assert "line 2: the line is damaged" in saved.problems[0]
    assert "line 3: format '0' is neither 1 nor 2" in saved.problems[1]
    # A run that lists one port keeps what it can't read; one that lists all of them starts afresh.
    apply.apply(apply.Request(ports[2:], persist=True), _BATCH)
    assert len(state.load().problems) == 2
    outcome = apply.apply(apply.Request(ports, persist=True, purge=True), _BATCH)
    assert len(outcome.problems) == 2
    assert len(state.load().ports) == 3
    assert not state.load().problems


def test_a_second_run_waits_for_the_first(plug: Plug) -> None:
    with state.locked(1), pytest.raises(OperatorError, match="Another run has held"), state.locked(0.1):
        pass
