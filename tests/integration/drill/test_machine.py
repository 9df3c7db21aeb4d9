# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drills on machines with systemd and a kernel of their own: the guide, a controller that is killed, and a power cut in the middle."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
import textwrap
import typing as t
from pathlib import Path

import pytest

from tests.integration.lvm_resize.machines import Machine
from tests.integration.page import Newcomer, Page
from tests.places import CACHE
from tests.waiting import PATIENCE, until, until_in_shell

FOLDER = "/var/lib/openstack_ops.day2/drill"
UNIT = "openstack-ops-drill-undo"
PLAYBOOK = "ansible-playbook -i hosts.yml openstack_ops.day2.run_drill -e @drill.yml"

#: apache2 is a server that says hello; nothing but the drill's own undo starts it when the machine boots.
_PREPARE = """
    mkdir -p /srv/v3; echo hello >/srv/v3/index.html
    cat >/etc/systemd/system/apache2.service <<'END'
    [Service]
    ExecStart=/usr/bin/python3 -m http.server --directory /srv 5000
    END
    cat >/etc/systemd/system/stopped.service <<'END'
    [Service]
    ExecStart=/bin/sleep infinity
    END
    systemctl daemon-reload; systemctl start apache2 ovs-vswitchd
    answers() { python3 -c "import urllib.request as u; u.urlopen('http://127.0.0.1:5000/v3/')" 2>/dev/null; }
    """ + until_in_shell("apache2 answers", "answers", seen="systemctl status --no-pager apache2", every=0.5)


@pytest.fixture(scope="module")
def machines() -> t.Iterator[tuple[Machine, Machine]]:
    assert os.geteuid() == 0, "these tests make machines: run them as root"
    with tempfile.TemporaryDirectory(prefix="drill-", dir=CACHE) as folder:
        made = Machine("ctl1", Path(folder) / "vm"), Machine("ctl2", Path(folder) / "vm")
        try:
            made[0].lab("up", "ctl1", "ctl2")
            for one in made:
                one.run(textwrap.dedent(_PREPARE))
            yield made
        finally:
            made[0].lab("down", "ctl1", "ctl2")


@pytest.fixture(scope="module")
def ctl1(machines: tuple[Machine, Machine]) -> Machine:
    return machines[0]


@pytest.fixture(scope="module")
def port(ctl1: Machine) -> t.Iterator[int]:
    """A port here that leads to Keystone of ctl1."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = int(free.getsockname()[1])
    tunnel = subprocess.Popen(
        ["ssh", "-F", str(ctl1.folder / "ssh_config"), "-o", "ControlPath=none", "-o", "ExitOnForwardFailure=yes",
         "-N", "-L", f"127.0.0.1:{number}:127.0.0.1:5000", "ctl1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def leads() -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", number)) == 0

    try:
        until("the tunnel is open", leads, process=tunnel)
        yield number
    finally:
        tunnel.kill()
        tunnel.wait()


@pytest.fixture(scope="module")
def page(port: int) -> Page:
    own = {
        "http://cloud.example.com:5000/v3": f"http://127.0.0.1:{port}/v3/",
        "days: [tue, wed, thu]": "days: [mon, tue, wed, thu, fri, sat, sun]",
        '"10:00"': '"00:00"',
        '"16:00"': '"24:00"',
        "Europe/Berlin": "UTC",
        "allowed: 15": "allowed: 900",
        "failure_drill_seconds: 10": "failure_drill_seconds: 3",
        "failure_drill_faults=3": "failure_drill_faults=2",
        "=monday": "=c",
    }
    return Page("drill", own)


@pytest.fixture(scope="module")
def operator(
    package: Path, tmp_path_factory: pytest.TempPathFactory, machines: tuple[Machine, Machine], page: Page
) -> Newcomer:
    there = Newcomer(tmp_path_factory.mktemp("home"), package, PATH=os.environ["PATH"], ANSIBLE_PIPELINING="true")
    there.copy(page)
    own = {
        "ansible_user": "root",
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_common_args": f"-F {machines[0].folder}/ssh_config",
    }
    there.write("hosts.yml", {"drill": {"hosts": {"ctl1": None, "ctl2": None}, "vars": own}})
    return there


def left_behind(machine: Machine) -> str:
    return machine.run(f"ls -d {FOLDER} /etc/systemd/system/{UNIT}* /run/systemd/transient/{UNIT}* 2>/dev/null || true")


def state(machine: Machine, unit: str = "apache2") -> str:
    return machine.ssh(f"systemctl is-active {unit}").stdout.strip()


def undo_of(machine: Machine) -> str:
    """What the machine says of its undo, for a wait that is in vain."""
    return machine.ssh(f"systemctl status --no-pager apache2 {UNIT}.timer {UNIT}; cat {FOLDER}/fault.json").stdout


def report(operator: Newcomer) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((operator.home / "drill.json").read_text()))


def refused(operator: Newcomer, command: str) -> str:
    return " ".join(operator.run("sh", "-c", f"{command} 2>&1 && exit 1 || true").split())


def test_the_guide(operator: Newcomer, machines: tuple[Machine, Machine], page: Page) -> None:
    before = [one.run("systemctl show -p MainPID apache2 ovs-vswitchd") for one in machines]
    said = operator.walk(page.steps_before("failure_drill_json"))
    assert "the unit" in said
    assert [one.run("systemctl show -p MainPID apache2 ovs-vswitchd") for one in machines] == before

    chosen, several, undo = page.steps_from("failure_drill_json")
    operator.walk([chosen])
    seen = report(operator)
    assert seen["verdict"] == "held"
    (fault,) = seen["faults"]
    assert (fault["component"], fault["host"], fault["undone"]["known"]) == ("keystone", "ctl2", True)
    assert fault["undone"]["seconds"] > 2, "the host undid it by its timer, not at once"
    assert (fault["probes"][0]["failed"], fault["probes"][0]["samples"] > 2) == (0, True)
    assert machines[1].run("systemctl show -p MainPID apache2") not in before[1]
    assert "keystone on ctl2" in (operator.home / "drill.html").read_text()

    # Open vSwitch of ctl1 hangs, which nobody notices, and then Keystone of ctl1 is stopped, which the probe asks.
    operator.walk([several])
    hangs, stops = report(operator)["faults"]
    assert [hangs["component"], stops["component"], stops["host"]] == ["open vswitch", "keystone", "ctl1"]
    assert [one["undone"]["known"] for one in (hangs, stops)] == [True, True]
    assert machines[0].run("systemctl show -p MainPID ovs-vswitchd") in before[0], "it hung, and wasn't started anew"
    (probe,) = stops["probes"]
    assert probe["failed"] > 0
    assert all(one["from"] < one["to"] for one in probe["outages"])
    assert hangs["probes"][0]["failed"] == 0
    assert [state(one) for one in machines] == ["active", "active"]
    assert [left_behind(one) for one in machines] == ["", ""]
    assert "changed=0 " in operator.walk([undo])


def kill_all(operator: Newcomer) -> None:
    """End all of Ansible at once: its workers have sessions of their own."""
    own = f"HOME={operator.home}".encode()
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and own in Path("/proc", entry, "environ").read_bytes().split(b"\0"):
                os.kill(int(entry), signal.SIGKILL)


def test_the_host_undoes_what_a_killed_controller_left(operator: Newcomer, ctl1: Machine) -> None:
    command = PLAYBOOK + """ -e failure_drill_seconds=20 -e '{"failure_drill_chosen": ["keystone@ctl1"]}'"""
    log = operator.home / "killed.log"
    with log.open("w") as out:
        run = subprocess.Popen(
            ["sh", "-c", command], cwd=operator.home, env=operator.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
            start_new_session=True,
        )  # fmt: skip
    until(
        "Keystone is down",
        lambda: state(ctl1) != "active",
        process=run,
        seen=lambda: log.read_text()[-4000:],
        every=0.3,
    )
    kill_all(operator)
    run.wait(PATIENCE)
    until("the host started Keystone again", lambda: state(ctl1) == "active", seen=lambda: undo_of(ctl1), every=0.3)
    until(
        "the host noted that",
        lambda: ctl1.ssh(f"ls {FOLDER}/fault.json").returncode != 0,
        seen=lambda: undo_of(ctl1),
        every=0.3,
    )
    assert "changed=1 " in operator.run("sh", "-c", f"{PLAYBOOK} -e failure_drill_undo=true")
    assert left_behind(ctl1) == ""


def test_what_must_not_be_broken_is_refused(operator: Newcomer, ctl1: Machine) -> None:
    names = ("no-such", "stopped", "apache2")
    given: dict[str, t.Any] = {
        "failure_drill_components": [{"name": name, "unit": name, "hosts": "ctl1"} for name in names]
    }
    client = ctl1.run("echo $SSH_CONNECTION").split()[0]
    network = {"name": "network", "kind": "network", "peers": [client], "hosts": "ctl1"}
    given["failure_drill_components"].append(network)
    operator.write("more.json", json.dumps(given))
    told = refused(operator, f"{PLAYBOOK} -e @more.json")
    assert "no-such on ctl1 is absent: this host has no unit no-such.service" in told
    assert "stopped on ctl1 is down: stopped.service is inactive" in told
    assert f"network on ctl1 is refused: Ansible comes in from {client}" in told
    assert "apache2 on ctl1 is" not in told
    assert state(ctl1) == "active"
    assert left_behind(ctl1) == ""


def test_a_host_undoes_it_after_a_power_cut(operator: Newcomer, ctl1: Machine) -> None:
    given = {"state": "broken", "seconds": 3600, "components": [{"name": "keystone", "unit": "apache2"}]}
    operator.run(
        "ansible", "-i", "hosts.yml", "ctl1", "-m", "openstack_ops.day2.failure_drill_host", "-a", json.dumps(given)
    )
    assert state(ctl1) == "inactive"
    told = refused(operator, PLAYBOOK)
    assert "ctl1 still has the fault 'keystone' of a drill" in told
    assert state(ctl1) == "inactive", "a run that refuses leaves it"

    ctl1.lab("power-cut", "ctl1")
    ctl1.lab("start", "ctl1")
    until("the host started Keystone again", lambda: state(ctl1) == "active", seen=lambda: undo_of(ctl1), every=0.3)
    until(
        "the host noted that",
        lambda: ctl1.ssh(f"ls {FOLDER}/fault.json").returncode != 0,
        seen=lambda: undo_of(ctl1),
        every=0.3,
    )
    operator.run("sh", "-c", f"{PLAYBOOK} -e failure_drill_undo=true")
    assert left_behind(ctl1) == ""
