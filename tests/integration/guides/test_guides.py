# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides whose commands want a cloud, walked through against the lab's (`tests/lab/cloud up`, `tests/lab/cloud seed`) and its computes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.integration.elsewhere import ROOT, Elsewhere
from tests.integration.page import Newcomer, Page

CACHE = Path(
    os.environ.get("DAY2_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openstack_ops.day2"
)
CLOUD = CACHE / "cloud"
PREFIX = "guides-"
LAB = {**os.environ, "DAY2_PREFIX": PREFIX, "CONTAINERS_CONF": str(CACHE / "containers.conf"), "DAY2_CACHE": str(CACHE)}
Walk = t.Callable[[str, dict[str, str]], str]
_INVENTORY = "plugin: openstack_ops.day2.nova_computes\n"


def on(host: str, script: str) -> None:
    subprocess.run(
        ["podman", "exec", "-i", f"{PREFIX}{host}", "sh", "-e"],
        input=script, text=True, check=True, env=LAB, timeout=60, capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def servers() -> t.Iterator[list[dict[str, t.Any]]]:
    """The lab's computes, and what runs there."""
    computes = str(ROOT / "tests/lab/computes")
    try:
        subprocess.run([computes, "up"], env=LAB, check=True, timeout=300, capture_output=True)
        listed = subprocess.run([computes, "list"], env=LAB, check=True, timeout=60, capture_output=True, text=True)
        yield json.loads(listed.stdout)
    finally:
        subprocess.run([computes, "down"], env=LAB, check=True, timeout=120, capture_output=True)


@pytest.fixture(scope="module")
def newcomer(servers: list[dict[str, t.Any]], tmp_path_factory: pytest.TempPathFactory) -> Walk:
    """Walks through a guide; what in it is the reader's own is given as its replacement. Returns all that was said."""
    package = Elsewhere(tmp_path_factory.mktemp("build")).build()

    def walk(guide: str, own: dict[str, str]) -> str:
        there = Newcomer(
            tmp_path_factory.mktemp(guide),
            package,
            CONTAINERS_CONF=str(CACHE / "containers.conf"),
            OS_CLOUD="production",
            PATH=f"{os.environ['PATH']}:{CLOUD / 'venv/bin'}",
            no_proxy="*",
        )
        # The operator's own: how to log in, how Ansible reaches the computes, which queue this kernel has.
        cloud = yaml.safe_load((CLOUD / "clouds.yaml").read_text())["clouds"]["mini"]
        there.write("clouds.yaml", {"clouds": {"production": cloud, "mycloud": cloud}})
        there.write(
            "group_vars/all.yml",
            {
                "ansible_connection": "containers.podman.podman",
                "ansible_host": f"{PREFIX}{{{{ inventory_hostname }}}}",
                "ansible_python_interpreter": "/usr/bin/python3",
                "ansible_user": "root",
                "instance_qos_leaf": "pfifo",
            },
        )
        inventory = Page("inventory").blocks
        there.write("nova_computes.yml", next(body for _kind, body in inventory if body.startswith(_INVENTORY)))
        there.write("controllers.yml", {"controllers": {"hosts": {"ctl01": {"ansible_host": f"{PREFIX}cmp03"}}}})
        page = Page(guide, own)
        there.copy(Page("qos"))
        there.copy(page)
        return there.walk(page.steps)

    return walk


def on_cmp01(servers: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    return next(one for one in servers if one["host"] == "cmp01")


def test_the_inventory(newcomer: Walk, servers: list[dict[str, t.Any]]) -> None:
    said = newcomer("inventory", {})
    assert "@az_az1:" in said
    assert on_cmp01(servers)["port_id"] in said


def test_limits(newcomer: Walk, servers: list[dict[str, t.Any]]) -> None:
    server = on_cmp01(servers)["server_id"]
    said = newcomer("qos", {"480cb82d-9bc5-4034-a14d-8799e33aad97": server, "flavor set m1.gold": "flavor set gold"})
    assert re.search(r"cmp01 +2 +2", said), said[-3000:]
    on("cmp01", "! tc qdisc show | grep -q htb")  # the last command removes all


def test_the_audit(newcomer: Walk) -> None:
    for host in ("cmp01", "cmp03"):
        on(
            host,
            "install -d /etc/nova /etc/cinder; printf '[DEFAULT]\\nhost = %s\\n' " + host + " >/etc/nova/nova.conf",
        )
    on("cmp03", "printf '[DEFAULT]\\nenabled_backends =\\n' >/etc/cinder/cinder.conf")
    on(
        "cmp01",
        "printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/nova-compute.service; systemctl start nova-compute",
    )
    said = newcomer("audit", {})
    assert "reserved_host_disk_mb = 61440" in said
