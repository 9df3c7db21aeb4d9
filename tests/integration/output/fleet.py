# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs our playbooks on any number of made-up hosts, with Ansible's default output."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

from tests.places import ROOT

NAME = Path("ansible_collections/openstack_ops/day2")
PORTS = 11
BRIEF = {"ANSIBLE_DISPLAY_OK_HOSTS": "false", "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false"}
ANSWERED = (
    "tc_htb", "tc_htb_info", "ceph_objects", "ceph_client_keys", "ceph_client_secret", "ceph_client_proof", "service_conf",
    "preflight_host", "nova_reserved_disk", "ceph_disks", "compute_audit_info", "compute_audit", "cloud_report_info",
)  # fmt: skip


def port(host: int, number: int) -> dict[str, t.Any]:
    """As the inventory nova_computes tells it."""
    return {
        "port_id": f"{host:04x}{number:04x}-b936-4247-a5e4-2389a9d8c50e",
        "mac": f"fa:16:3e:00:{host % 256:02x}:{number:02x}",
        "status": "ACTIVE",
        "plug": "ovs_hybrid",
        "vif_type": "ovs",
        "vnic_type": "normal",
        "unsupported_reason": None,
        "network_id": "989c47d5-61a4-4faf-ab2d-b7c539556d55",
        "network_name": "tenant",
        "fixed_ips": [
            {"ip": f"192.168.111.{number + 1}", "subnet_id": "s", "cidr": "192.168.111.0/24", "ip_version": 4, "gateway_ip": None}
        ],
        "other_subnets": [],
        "own_network": True,
        "claims": None,
        "floating_ips": [],
        "qos_policy": None,
        "project_id": "3e2957cc29844e4aaabb952cef82afcf",
        "instance": {
            "id": f"480cb82d-9bc5-4034-a14d-{host:06x}{number:06x}",
            "name": f"server-{host}-{number}",
            "libvirt_name": f"instance-{host:04x}{number:04x}",
            "project_id": "3e2957cc29844e4aaabb952cef82afcf",
            "status": "ACTIVE",
            "flavor": {"name": "m1.tiny", "extra_specs": {}},
        },
    }  # fmt: skip


def tree(folder: Path) -> Path:
    """A collection like ours, in which stand-ins answer for modules that need a real host. Returns where Ansible finds it."""
    top = folder / NAME
    (top / "plugins").mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.name in ("galaxy.yml", "meta", "roles", "playbooks"):
            (top / path.name).symlink_to(path)
    for path in (ROOT / "plugins").iterdir():
        if path.name != "action":
            (top / "plugins" / path.name).symlink_to(path)
    shutil.copytree(ROOT / "plugins/action", top / "plugins/action")
    for name in ANSWERED:
        shutil.copy(Path(__file__).with_name("stand_in.py"), top / "plugins/action" / f"{name}.py")
    return folder


def run(
    collections: Path,
    playbook: str,
    hosts: int,
    *words: str,
    variables: t.Mapping[str, t.Any],
    brief: bool = False,
) -> str:
    """What a playbook prints on so many hosts; brief without what Ansible tells of hosts where nothing changed."""
    folder = collections / f"{playbook}-{hosts}"
    folder.mkdir(exist_ok=True)
    named = {
        f"cmp{host:04d}": {
            "compute": {"host": f"cmp{host:04d}", "region": "RegionOne"},
            "instance_ports": [port(host, number) for number in range(PORTS)],
        }
        for host in range(1, hosts + 1)
    }
    common = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    inventory = {
        "all": {"vars": common},
        "nova_computes": {"hosts": named},
        "ceph_nodes": {"children": {"nova_computes": {}}},
    }
    (folder / "hosts.yml").write_text(json.dumps(inventory))
    (folder / "variables.yml").write_text(json.dumps(dict(variables)))
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "OS_"))}
    done = subprocess.run(
        ["ansible-playbook", "-i", "hosts.yml", f"openstack_ops.day2.{playbook}", "-e", "@variables.yml", *words],
        cwd=folder,
        env={
            **clean,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_FORKS": "8",
            "ANSIBLE_HOME": str(folder / "home"),
            "COLUMNS": "160",
            **(BRIEF if brief else {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    (folder / "said").write_text(done.stdout + done.stderr)
    return done.stdout
