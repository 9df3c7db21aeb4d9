# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guide_deployments: on a host of kolla-ansible, whose files and units its own templates made, no variable tells where anything is.

A script that waits stands in for the container engine.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import yaml

from tests.integration.files import kolla
from tests.integration.guides_hosts import test_logs
from tests.integration.guides_hosts.containers import Containers
from tests.integration.page import Newcomer, Page, Step
from tests.places import ROOT

HOST = "cmp01"
CONF = "/etc/kolla/nova-compute/nova.conf"
INSTANCES = "/srv/nova/instances"
#: As kolla-ansible links it (roles/logs/tasks/main.yml).
LOGS = "/var/lib/containers/storage/volumes/kolla_logs/_data"
UNIT = "kolla-nova_compute-container"
ENGINE = """#!/bin/sh
case $1 in
  start) exec sleep infinity ;;
  inspect) echo asked >>/run/asked; echo '[{"Mounts": [{"Source": "/srv/nova", "Destination": "/var/lib/nova"}]}]' ;;
esac
"""


def deploy(newcomer: Newcomer, containers: Containers, folder: Path) -> None:
    """Make a compute of kolla-ansible of the container, and an inventory of it."""
    kolla.make("2025.2", "podman", folder)
    shutil.copytree(folder / "etc", containers.folder / "etc")
    (containers.folder / "podman").write_text(ENGINE)
    containers.on(
        HOST,
        f"""
        cp -r {containers.folder}/etc/. /etc/
        install {containers.folder}/podman /usr/bin/podman
        install -m 0660 /dev/null {CONF}
        printf '[DEFAULT]\\nstate_path = /var/lib/nova\\n' >{CONF}
        install -d {INSTANCES}/_base
        install -d -o 42436 -g 42436 {LOGS}/nova
        ln -s {LOGS} /var/log/kolla
        systemctl daemon-reload; systemctl start {UNIT}
        """,
    )
    newcomer.write("nova_computes.yml", {"nova_computes": {"hosts": {HOST: None}}})


def step(page: Page, word: str) -> Step:
    (found,) = (one for one in page.steps if word in one.command)
    return found


def process(containers: Containers) -> str:
    return containers.on(HOST, f"systemctl show --property=MainPID --value {UNIT}").strip()


def test_a_compute_of_kolla_ansible(newcomer: Newcomer, containers: Containers, tmp_path: Path) -> None:
    containers.start("base", HOST)
    deploy(newcomer, containers, tmp_path / "kolla")
    page = Page("deployments")
    assert '"deployer": "kolla-ansible"' in newcomer.walk([step(page, "deployment_info")])

    reserve = step(page, "reserve_disk")
    before = process(containers)
    containers.on(HOST, ": >/run/asked")
    assert "changed=1" in newcomer.walk([reserve])
    assert "reserved_host_disk_mb = 51200" in containers.on(HOST, f"cat {CONF}; ! [ -e /etc/nova ]")
    assert process(containers) not in (before, "0")
    assert containers.on(HOST, "cat /run/asked") == "asked\n"
    assert "changed=0" in newcomer.walk([reserve])

    looked = newcomer.walk([Step("$", step(page, "deployment_info").command.replace("deployment", "compute_audit"))])
    found = json.loads(looked.partition(" => ")[2])["found"]
    assert found["nova_conf"]["files"] == [CONF]
    assert (found["instances"]["path"], [one["name"] for one in found["instances"]["entries"]]) == (
        INSTANCES,
        ["_base"],
    )

    # What another deployer has left behind is one error, and what the inventory carries settles it.
    containers.on(HOST, "mkdir /var/lib/openstack-helm")
    said = newcomer.walk([Step("$", f"! {reserve.command} 2>&1")])
    assert (said.count("fatal: "), "several deployers had made it" in said) == (1, True), said
    compute = {"write": CONF, "unit": UNIT}
    told = {"deployer": "kolla-ansible", "services": {"nova-compute": compute}}
    newcomer.write("group_vars/nova_computes.yml", {"day2_deployment": told})
    assert "changed=0" in newcomer.walk([reserve])


def test_logs_of_its_services(newcomer: Newcomer, containers: Containers, tmp_path: Path) -> None:
    subprocess.run([str(ROOT / "tools/need"), "openssl"], check=True, timeout=600, capture_output=True)
    containers.start("rsyslog", test_logs.SERVER, HOST)
    test_logs.connect(containers, HOST)
    test_logs.certificates(newcomer.home / "pki", test_logs.SERVER, HOST)
    deploy(newcomer, containers, tmp_path / "kolla")
    page = Page("logs")
    newcomer.copy(page)
    variables = yaml.safe_load(page.files["logs.yml"])
    del variables["central_logs_services"]  # of packages
    newcomer.write("logs.yml", variables)

    *_dry, bring = page.steps_before("grep")
    log = "/var/log/kolla/nova/nova-compute.log"
    line = "2026-11-29 01:02:03.456 7 ERROR nova.compute.manager [req-6a1f2c - - - - -]"
    containers.on(HOST, f"echo '{line} Before' >{log}; chown 42436:42436 {log}; chmod 0640 {log}")
    newcomer.walk([bring])
    containers.on(HOST, f"echo '{line} No disk' >>{log}")
    test_logs.arrives(containers, "No disk")
    assert "No disk" in containers.on(test_logs.SERVER, f"cat /var/log/central/{HOST}/nova-compute.log")
    again = newcomer.walk([bring])
    assert again.count("changed=0 ") == 2, again
