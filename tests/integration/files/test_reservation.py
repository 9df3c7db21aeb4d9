# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""reserve_disk finds by itself where nova-compute reads and what restarts it: on hosts with systemd, with a program that only waits for it.

kolla-ansible's files and unit are those of its own templates; a script that waits stands in for its container engine.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.integration.files import kolla
from tests.places import CACHE, ROOT

NAME = f"day2-reservation-{os.getpid()}"
ENGINE = """#!/bin/sh
case $1 in
  start) exec sleep infinity ;;
  inspect) echo '[{"Mounts": [{"Source": "/srv/nova", "Destination": "/var/lib/nova"}]}]' ;;
esac
"""


class Ran(t.NamedTuple):
    code: int
    said: str


@pytest.fixture(scope="module")
def container() -> t.Iterator[str]:
    os.environ["CONTAINERS_CONF"] = str(CACHE / "containers.conf")
    subprocess.run([str(ROOT / "tests/lab/image"), "base"], check=True, capture_output=True)
    podman(
        "run",
        "--detach",
        "--rm",
        "--name",
        NAME,
        "--systemd",
        "always",
        "--network",
        "none",
        "localhost/day2-base",
        "/sbin/init",
    )
    subprocess.run(
        ["podman", "exec", NAME, "systemctl", "is-system-running", "--wait"], capture_output=True, check=False
    )
    yield NAME
    podman("rm", "--force", "--time", "1", NAME)


def podman(*words: str, data: str = "") -> str:
    return subprocess.run(["podman", *words], input=data, check=True, capture_output=True, text=True).stdout


def inside(command: str, data: str = "") -> str:
    return podman("exec", "-i", NAME, "sh", "-c", command, data=data)


def put(path: str, text: str, mode: str = "0644") -> None:
    inside(f"mkdir -p $(dirname {path}); cat > {path}; chmod {mode} {path}", text)


def process(unit: str) -> str:
    return inside(f"systemctl show --property=MainPID --value {unit}").strip()


def reserve(container: str, folder: Path, *arguments: str, **variables: t.Any) -> Ran:
    pid = podman("inspect", "--format", "{{.State.Pid}}", container).strip()
    connection = {"ansible_connection": "community.docker.nsenter", "ansible_nsenter_pid": pid, "ansible_user": "root"}
    connection["ansible_python_interpreter"] = "/usr/bin/python3"
    hosts = folder / "hosts.yml"
    hosts.write_text(json.dumps({"nova_computes": {"hosts": {"cmp01": connection}}}))
    line = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        str(hosts),
        "openstack_ops.day2.reserve_disk",
        *arguments,
    ]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "true", "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv/collections")}
    extra = ["-e", json.dumps({"nova_disk_reservation_mb": 51200, **variables})]
    done = subprocess.run([*line, *extra], capture_output=True, text=True, env=environment, check=False)
    return Ran(done.returncode, " ".join((done.stdout + done.stderr).split()))


def test_where_no_deployer_is_recognised_nothing_is_written(container: str, tmp_path: Path) -> None:
    refused = reserve(container, tmp_path)
    assert refused.code != 0
    assert "Nothing on this host tells which deployer made it. Looked for kolla-ansible:" in refused.said
    assert inside("ls -d /etc/nova 2>&1; true").startswith("ls: cannot access")


def test_a_nova_conf_that_nothing_reads_is_left_alone(container: str, tmp_path: Path) -> None:
    put("/etc/nova/nova.conf", "[DEFAULT]\n")
    refused = reserve(container, tmp_path)
    assert "Nothing on this host could make nova-compute read /etc/nova/nova.conf: neither systemd" in refused.said
    assert (refused.code != 0, inside("cat /etc/nova/nova.conf")) == (True, "[DEFAULT]\n")


def test_packages(container: str, tmp_path: Path) -> None:
    put("/etc/systemd/system/nova-compute.service", "[Service]\nExecStart=/bin/sleep infinity\n")
    inside("systemctl daemon-reload; systemctl start nova-compute")
    before = process("nova-compute")
    predicted = reserve(container, tmp_path, "--check")
    assert (predicted.code, process("nova-compute")) == (0, before), predicted.said
    done = reserve(container, tmp_path)
    after = process("nova-compute")
    assert done.code == 0, done.said
    assert inside("cat /etc/nova/nova.conf") == "[DEFAULT]\nreserved_host_disk_mb = 51200\n"
    assert after not in (before, "0")
    again = reserve(container, tmp_path)
    assert ("changed=0" in again.said, process("nova-compute")) == (True, after), again.said
    inside(
        "systemctl stop nova-compute; rm -r /etc/nova /etc/systemd/system/nova-compute.service; systemctl daemon-reload"
    )


def test_kolla_ansible_keeps_it_until_its_next_run_and_is_told(container: str, tmp_path: Path) -> None:
    kolla.make("2025.2", "podman", tmp_path / "kolla")
    for name in ("etc/kolla/nova-compute/config.json", "etc/systemd/system/kolla-nova_compute-container.service"):
        put(f"/{name}", (tmp_path / "kolla" / name).read_text())
    conf = "/etc/kolla/nova-compute/nova.conf"
    put(conf, "[DEFAULT]\nstate_path = /var/lib/nova\n", "0660")
    put("/usr/bin/podman", ENGINE, "0755")
    inside("systemctl daemon-reload; systemctl start kolla-nova_compute-container")
    before = process("kolla-nova_compute-container")
    done = reserve(container, tmp_path)
    assert done.code == 0, done.said
    assert "reserved_host_disk_mb = 51200" in inside(f"cat {conf}")
    assert inside(f"stat -c %a {conf}").strip() == "660"
    assert process("kolla-nova_compute-container") not in (before, "0")
    assert "put `[DEFAULT]` and `reserved_host_disk_mb = 51200` into config/nova/HOST/nova-compute.conf" in done.said
    again = reserve(container, tmp_path)
    assert "changed=0" in again.said, again.said
    assert inside("ls -d /etc/nova 2>&1; true").startswith("ls: cannot access")
