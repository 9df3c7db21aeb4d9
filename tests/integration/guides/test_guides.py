# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A newcomer's walk: what guides show is copied from the page, file by file and command by command, in an empty home with the installed
package, against the lab's cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`) and its computes.

These are the guides whose commands want a cloud and its computes. What the others tell is done on machines of their own, by the
scenarios in molecule/ and the tests beside this one.
"""

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

CACHE = Path(
    os.environ.get("DAY2_CACHE")
    or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "openstack_ops.day2"
)
CLOUD = CACHE / "cloud"
PREFIX = "guides-"
LAB = {**os.environ, "DAY2_PREFIX": PREFIX, "CONTAINERS_CONF": str(CACHE / "containers.conf"), "DAY2_CACHE": str(CACHE)}
_BLOCK = re.compile(r"^\.\. code-block:: (console|yaml)\n\n((?:(?: {3,}.*)?\n)+)", re.MULTILINE)
_INVENTORY = "plugin: openstack_ops.day2.nova_computes\n"


def blocks(guide: str) -> list[tuple[str, str]]:
    text = (ROOT / f"docs/docsite/rst/guide_{guide}.rst").read_text()
    return [(kind, re.sub(r"^ {3,4}", "", body, flags=re.MULTILINE)) for kind, body in _BLOCK.findall(text)]


def commands(guide: str) -> list[str]:
    """What stands behind `$` on a page, lines that go on taken together."""
    shown = "\n".join(body for kind, body in blocks(guide) if kind == "console")
    return [line.removeprefix("$ ") for line in shown.replace("\\\n", " ").splitlines() if line.startswith("$ ")]


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
def newcomer(
    servers: list[dict[str, t.Any]], tmp_path_factory: pytest.TempPathFactory
) -> t.Callable[[str, dict[str, str]], str]:
    """Walks through a guide; what in it is the reader's own is given as its replacement. Returns all that was said."""
    package = Elsewhere(tmp_path_factory.mktemp("build")).build()

    def walk(guide: str, own: dict[str, str]) -> str:
        there = Elsewhere(
            tmp_path_factory.mktemp(guide),
            others=True,
            CONTAINERS_CONF=str(CACHE / "containers.conf"),
            PATH=f"{os.environ['PATH']}:{CLOUD / 'venv/bin'}",
            no_proxy="*",
        )
        there.install(package)
        # The operator's own: how to log in, how Ansible reaches the computes, which queue this kernel has.
        cloud = yaml.safe_load((CLOUD / "clouds.yaml").read_text())["clouds"]["mini"]
        (there.home / "clouds.yaml").write_text(yaml.dump({"clouds": {"production": cloud, "mycloud": cloud}}))
        (there.home / "group_vars").mkdir()
        (there.home / "group_vars/all.yml").write_text(
            yaml.dump(
                {
                    "ansible_connection": "containers.podman.podman",
                    "ansible_host": f"{PREFIX}{{{{ inventory_hostname }}}}",
                    "ansible_python_interpreter": "/usr/bin/python3",
                    "ansible_user": "root",
                    "instance_qos_leaf": "pfifo",
                }
            )
        )
        shown = [body for kind, body in blocks("inventory") if kind == "yaml" and body.startswith(_INVENTORY)]
        (there.home / "nova_computes.yml").write_text(shown[0])
        (there.home / "controllers.yml").write_text("controllers: {hosts: {ctl01: {ansible_host: guides-cmp03}}}\n")
        for kind, body in blocks("qos") + blocks(guide):
            name = re.match(r"# ([a-z_]+\.yml)\n", body)
            if kind == "yaml" and name:
                (there.home / name.group(1)).write_text(body)
        script = "\n".join(commands(guide))
        for example, real in own.items():
            assert example in script, f"guide_{guide} doesn't show {example} any more"
            script = script.replace(example, real)
        if "export OS_CLOUD=" not in script:
            script = f"export OS_CLOUD=production\n{script}"
        return there.run("bash", "-exc", script)

    return walk


def on_cmp01(servers: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    return next(one for one in servers if one["host"] == "cmp01")


Walk = t.Callable[[str, dict[str, str]], str]


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
