# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host of kolla-ansible as kolla-ansible itself makes it: its own templates and defaults from PyPI, rendered by Ansible."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import string
import subprocess
import sys
import typing as t
import zipfile
from dataclasses import dataclass
from pathlib import Path

#: Wheels of PyPI: OpenStack's release -> version and SHA-256.
RELEASES = {
    "2024.1": ("18.8.0", "c38896fa7cc8b9bd3edfefbe0f82e1b29a709c441e78357dd2c59623ffc27ebf"),
    "2025.2": ("22.2.0", "010e077c95d172e152f253bba4c0af43b537c987439d1c4601e9edc6adaeac34"),
}

#: Role -> the variable with its services, and the folders of /etc/kolla that are looked at here.
SERVICES = {
    "nova-cell": ("nova_cell_services", ("nova-compute", "nova-libvirt", "nova-conductor")),
    "glance": ("glance_services", ("glance-api",)),
    "cinder": ("cinder_services", ("cinder-volume", "cinder-backup")),
    "mariadb": ("mariadb_services", ("mariadb",)),
    "rabbitmq": ("rabbitmq_services", ("rabbitmq",)),
    "openvswitch": ("openvswitch_services", ("openvswitch-vswitchd",)),
}

#: What kolla-ansible would know from inventory, facts and globals.yml.
GLOBALS: dict[str, t.Any] = {
    "kolla_base_distro": "debian",
    "kolla_internal_vip_address": "192.0.2.1",
    "network_interface": "lo",
    "nova_backend_ceph": True,
    "nova_backend": "rbd",
    "cinder_backend_ceph": True,
    "glance_backend_ceph": True,
    "wsrep_notify_stat": {"stat": {"exists": False}},
    "project_name": "rabbitmq",  # each role is called with its own; only this one's names a container
    "nova_cell_ceph_backend": {"cluster": "ceph", "vms": {"user": "cinder"}},
}


@dataclass(frozen=True)
class Container:
    name: str
    mounts: list[tuple[str, str]]
    """On the host (or a volume's name), and inside."""


def ansible_folder(release: str) -> Path:
    """kolla-ansible's own files; fetched once and checked."""
    version, digest = RELEASES[release]
    cache = Path(os.environ.get("DAY2_CACHE") or Path.home() / ".cache/openstack_ops.day2") / "kolla-ansible"
    place = cache / version
    if not place.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        command = ["download", "--quiet", "--no-deps", "--dest", str(cache), f"kolla-ansible=={version}"]
        subprocess.run([*_pip(), *command], check=True)
        wheel = cache / f"kolla_ansible-{version}-py3-none-any.whl"
        assert hashlib.sha256(wheel.read_bytes()).hexdigest() == digest, f"{wheel} isn't the one that was tested"
        part = place.with_suffix(".part")
        with zipfile.ZipFile(wheel) as files:
            files.extractall(part)
        part.rename(place)
    return place / f"kolla_ansible-{version}.data/data/share/kolla-ansible/ansible"


def _pip() -> list[str]:
    """The pip of the Python that .venv was made of: .venv has none."""
    return [str(Path(sys.base_prefix) / "bin/python3"), "-m", "pip", "--disable-pip-version-check"]


def make(release: str, engine: str, root: Path, **changes: t.Any) -> dict[str, Container]:
    """Make /etc/kolla and the units below root, with changes to GLOBALS; returns the containers by their folder of /etc/kolla."""
    source = ansible_folder(release)
    variables = {**GLOBALS, **changes, "ansible_python_interpreter": sys.executable, "kolla_container_engine": engine}
    everything = source / "group_vars/all"
    root.mkdir(exist_ok=True)
    files = sorted(everything.glob("*.yml")) if everything.is_dir() else [everything.with_suffix(".yml")]
    told = {
        name: _told(source / f"roles/{role}/templates/{name}.json.j2", f"{services}['{name}']")
        for role, (services, names) in SERVICES.items()
        for name in names
    }
    facts = {"os_family": "Debian", "distribution": "Debian", "cacheable": True}
    copy = {"content": "{{ told | to_json }}", "dest": str(root / "told.json")}
    play = {
        "hosts": "localhost",
        "gather_facts": False,
        "vars_files": [*map(str, files), *(str(source / f"roles/{role}/defaults/main.yml") for role in SERVICES)],
        "tasks": [
            {"ansible.builtin.set_fact": facts},
            {"ansible.builtin.copy": copy, "vars": {"told": told}},
        ],
    }
    playbook = root / "play.yml"
    playbook.write_text(json.dumps([play]))
    environment = {
        **os.environ,
        "ANSIBLE_FILTER_PLUGINS": str(source / "filter_plugins"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
    }
    environment["PYTHONPATH"] = str(source.parents[4])
    line = ["ansible-playbook", "-i", "localhost,", "-c", "local", "-e", json.dumps(variables), str(playbook)]
    done = subprocess.run(line, check=False, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-500:]
    containers = {}
    for name, found in json.loads((root / "told.json").read_text()).items():
        place = root / f"etc/kolla/{name}/config.json"
        place.parent.mkdir(parents=True)
        place.write_text(found["config"] if isinstance(found["config"], str) else json.dumps(found["config"]))
        containers[name] = _container(found)
        _unit(source, engine, containers[name].name, root)
    return containers


def _told(template: Path, service: str) -> dict[str, str]:
    """What Ansible is to make of a service: the text of its config.json, its container's name, and its volumes."""
    return {
        "config": f"{{{{ lookup('ansible.builtin.template', '{template}', convert_data=False) }}}}",
        "name": f"{{{{ {service}.container_name }}}}",
        "volumes": f"{{{{ {service}.volumes }}}}",
    }


def _container(told: dict[str, t.Any]) -> Container:
    volumes = [line.split(":") for line in told["volumes"] if line]
    return Container(told["name"], [(parts[0], parts[1]) for parts in volumes])


def _unit(source: Path, engine: str, name: str, root: Path) -> None:
    """The unit, of kolla's own template."""
    code = ast.parse((source / "module_utils/kolla_systemd_worker.py").read_text())
    (template,) = [
        ast.literal_eval(node.value)
        for node in code.body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TEMPLATE"
    ]
    values = dict(
        name=name, service_name=f"kolla-{name}-container.service", engine=engine, deps="network-online.target", graceful_timeout=60,
        restart_policy="always", restart_timeout=120, restart_retries=10, restart_duration=11,
    )  # fmt: skip
    place = root / f"etc/systemd/system/kolla-{name}-container.service"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(string.Template(template).substitute(values))
