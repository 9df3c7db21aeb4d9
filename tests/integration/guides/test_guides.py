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

import pytest

from tests.integration.page import Newcomer, Page
from tests.places import CACHE, ROOT

PREFIX = "guides-"
LAB = {**os.environ, "DAY2_PREFIX": PREFIX, "CONTAINERS_CONF": str(CACHE / "containers.conf"), "DAY2_CACHE": str(CACHE)}
Walk = t.Callable[[str, dict[str, str]], str]
_INVENTORY = "plugin: openstack_ops.day2.nova_computes\n"


def on(host: str, script: str) -> None:
    subprocess.run(
        ["podman", "exec", "-i", f"{PREFIX}{host}", "sh", "-e"],
        input=script, text=True, check=True, env=LAB, timeout=600, capture_output=True,
    )  # fmt: skip


@pytest.fixture(scope="module")
def servers() -> t.Iterator[list[dict[str, t.Any]]]:
    """The lab's computes, and what runs there."""
    computes = str(ROOT / "tests/lab/computes")
    try:
        subprocess.run([computes, "up"], env=LAB, check=True, timeout=600, capture_output=True)
        listed = subprocess.run([computes, "list"], env=LAB, check=True, timeout=600, capture_output=True, text=True)
        yield json.loads(listed.stdout)
    finally:
        subprocess.run([computes, "down"], env=LAB, check=True, timeout=600, capture_output=True)


@pytest.fixture
def walk(servers: list[dict[str, t.Any]], newcomer: Newcomer) -> Walk:
    """Walks through a guide; what in it is the reader's own is given as its replacement. Returns all that was said."""
    # The operator's own: how Ansible reaches the computes, which queue this kernel has.
    newcomer.write(
        "group_vars/all.yml",
        {
            "ansible_connection": "community.docker.nsenter",
            "ansible_nsenter_pid": f"{{{{ lookup('file', '{CACHE}/pids/{PREFIX}' ~ (container | default(inventory_hostname))) }}}}",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_user": "root",
            "instance_qos_leaf": "pfifo",
        },
    )
    inventory = Page("inventory").blocks
    newcomer.write("nova_computes.yml", next(body for _kind, body in inventory if body.startswith(_INVENTORY)))
    newcomer.write("controllers.yml", {"controllers": {"hosts": {"ctl01": {"container": "cmp03"}}}})
    newcomer.copy(Page("qos"))

    def through(guide: str, own: dict[str, str]) -> str:
        page = Page(guide, own)
        newcomer.copy(page)
        return newcomer.walk(page.steps)

    return through


def on_cmp01(servers: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    return next(one for one in servers if one["host"] == "cmp01")


def test_the_inventory(walk: Walk, servers: list[dict[str, t.Any]]) -> None:
    said = walk("inventory", {})
    assert "@az_az1:" in said
    assert on_cmp01(servers)["port_id"] in said


def test_limits(walk: Walk, servers: list[dict[str, t.Any]]) -> None:
    server = on_cmp01(servers)["server_id"]
    said = walk("qos", {"480cb82d-9bc5-4034-a14d-8799e33aad97": server, "flavor set m1.gold": "flavor set gold"})
    # One of the three has a QoS policy of Neutron, for its upload alone.
    assert re.search(r"cmp01 +3 +3", said), said[-3000:]
    assert re.search(r"rule 2 'gold' +upload \S+, download \S+", said), said[-3000:]
    on("cmp01", "! tc qdisc show | grep -q htb")  # the last command removes all


def test_the_audit(walk: Walk) -> None:
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
    said = walk("audit", {})
    assert "reserved_host_disk_mb = 61440" in said
