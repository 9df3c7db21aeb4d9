# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts as their deployers leave them, as far as it matters here; each written after its deployer's own source, which it names.

The tree of kolla-ansible that its own templates make is in tests/integration/files.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

PASSWD = "root:x:0:0::/root:/bin/sh\nnova:x:64060:64061::/var/lib/nova:/bin/sh\nmysql:x:110:111::/:/bin/false\n"

Tree = dict[str, t.Optional[str]]
"""Path -> text; None is an empty folder, and a text that begins with -> is a link."""


def make(root: Path, tree: Tree) -> str:
    for path, text in tree.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            place.mkdir()
        elif text.startswith("->"):
            place.symlink_to(text[2:])
        else:
            place.write_text(text)
    return str(root)


def _config(*files: tuple[str, str]) -> str:
    rows = [{"source": f"/var/lib/kolla/config_files/{name}", "dest": dest, "owner": "x"} for name, dest in files]
    return json.dumps({"command": "x", "config_files": rows})


def _unit(engine: str, container: str) -> str:
    """kolla-ansible: ansible/module_utils/kolla_systemd_worker.py, TEMPLATE."""
    return f"[Service]\nExecStart=/usr/bin/{engine} start -a {container}\nExecStop=/usr/bin/{engine} stop {container} -t 60\n"


def kolla(engine: str = "podman") -> Tree:
    """kolla-ansible: roles/*/templates/*.json.j2 and */defaults/main.yml."""
    units = ("nova_compute", "nova_libvirt", "mariadb", "openvswitch_vswitchd")
    return {
        "/etc/kolla/nova-compute/config.json": _config(
            ("nova.conf", "/etc/nova/nova.conf"),
            ("compute_id", "/var/lib/nova/compute_id"),
            ("ceph.conf", "/etc/ceph/ceph.conf"),
        ),
        "/etc/kolla/nova-compute/nova.conf": "[DEFAULT]\nstate_path = /var/lib/nova\n",
        "/etc/kolla/nova-libvirt/config.json": _config(
            ("libvirtd.conf", "/etc/libvirt/libvirtd.conf"), ("secrets", "/etc/libvirt/secrets")
        ),
        "/etc/kolla/mariadb/config.json": _config(("galera.cnf", "/etc/mysql/my.cnf")),
        "/etc/kolla/openvswitch-vswitchd/config.json": _config(),
        # Left over: the service was moved to other hosts.
        "/etc/kolla/glance-api/config.json": _config(
            ("glance-api.conf", "/etc/glance/glance-api.conf"), ("x", "/etc/glance/glance-api-uwsgi.ini")
        ),
        **{f"/etc/systemd/system/kolla-{name}-container.service": _unit(engine, name) for name in units},
        "/run/systemd/system": None,
        "/run/openvswitch/db.sock": "",
        # Of the host's own packages there may be some, too.
        "/usr/lib/systemd/system/openvswitch-switch.service": "",
    }


def kolla_with_ceph() -> Tree:
    """The same with nova_backend: rbd, cinder_backend_ceph and glance_backend_ceph, all services on one host (cinder-volume.json.j2 and others)."""
    tree = kolla()
    keyring = "ceph.client.cinder.keyring"
    tree["/etc/kolla/nova-compute/config.json"] = _config(
        ("nova.conf", "/etc/nova/nova.conf"), ("ceph.conf", "/etc/ceph/ceph.conf"), (keyring, f"/etc/ceph/{keyring}")
    )
    tree["/etc/kolla/nova-libvirt/config.json"] = _config(
        ("libvirtd.conf", "/etc/libvirt/libvirtd.conf"),
        ("secrets", "/etc/libvirt/secrets"),
        ("ceph.conf", "/etc/ceph/ceph.conf"),
    )
    for service, conf in (
        ("glance-api", "glance/glance-api.conf"),
        ("cinder-volume", "cinder/cinder.conf"),
        ("cinder-backup", "cinder/cinder.conf"),
    ):
        name = conf.rpartition("/")[2]
        tree[f"/etc/kolla/{service}/config.json"] = _config((name, f"/etc/{conf}"), ("ceph", "/etc/ceph"))
        container = service.replace("-", "_")
        tree[f"/etc/systemd/system/kolla-{container}-container.service"] = _unit("podman", container)
    return tree


def openstack_ansible() -> Tree:
    """openstack-ansible-os_nova: vars/main.yml (nova_conf_version_dir), handlers/main.yml; ansible-role-systemd_service."""
    return {
        "/openstack/venvs/nova-31.0.0/etc/nova/nova.conf": "[DEFAULT]\n",
        "/etc/nova": "->../openstack/venvs/nova-31.0.0/etc/nova",
        "/etc/systemd/system/nova-compute.service": "[Service]\nExecStart = /openstack/venvs/nova-31.0.0/bin/nova-compute\n",
        "/usr/lib/systemd/system/libvirtd.service": "",
        "/run/systemd/system": None,
        "/etc/openstack-release": 'DISTRIB_ID="OSA"\nDISTRIB_RELEASE="31.0.0"\n',
        "/etc/passwd": PASSWD,
    }


def charm() -> Tree:
    """charm-nova-compute: hooks/nova_compute_utils.py (NOVA_CONF, services of packages); Juju keeps its agents in /var/lib/juju/agents."""
    return {
        "/var/lib/juju/agents/unit-nova-compute-3": None,
        "/var/lib/juju/agents/unit-ovn-chassis-3": None,
        "/etc/nova/nova.conf": "[DEFAULT]\nstate_path=/var/lib/nova\n",
        "/usr/lib/systemd/system/nova-compute.service": "",
        "/usr/lib/systemd/system/libvirtd.service": "",
        "/run/systemd/system": None,
        "/etc/passwd": PASSWD,
    }


def snap() -> Tree:
    """snap-openstack-hypervisor: openstack_hypervisor/services.py, hooks.py (ovs_switch_path), templates/nova.conf.j2, libvirtd.conf.j2."""
    common = "/var/snap/openstack-hypervisor/common"
    return {
        # Sunbeam's own charm is there, too, and Kubernetes may be.
        "/var/lib/juju/agents/unit-openstack-hypervisor-0": None,
        "/var/lib/kubelet": None,
        f"{common}/etc/nova/nova.conf": f"[DEFAULT]\nstate_path = {common}/lib/nova\n",
        f"{common}/etc/nova/nova.conf.d": None,
        f"{common}/run/openvswitch/db.sock": "",
        "/etc/systemd/system/snap.openstack-hypervisor.nova-compute.service": "",
        "/etc/systemd/system/snap.openstack-hypervisor.libvirtd.service": "",
        "/etc/systemd/system/snap.openstack-hypervisor.ovs-vswitchd.service": "",
        "/run/systemd/system": None,
        "/etc/passwd": PASSWD,
    }


def edpm() -> Tree:
    """edpm-ansible: roles/edpm_nova/defaults/main.yml, tasks/configure.yml, templates/quadlet; edpm_libvirt, edpm_ovs."""
    return {
        "/var/lib/openstack/nova/01-nova.conf": "[DEFAULT]\n",
        "/var/lib/openstack/nova/02-nova-host-specific.conf": "[DEFAULT]\nhost = cmp01\n",
        "/var/lib/openstack/nova/nova-blank.conf": "",
        "/etc/containers/systemd/edpm_nova_compute.container": "[Container]\nContainerName=nova_compute\n",
        "/usr/lib/systemd/system/virtqemud.service": "",
        "/usr/lib/systemd/system/openvswitch.service": "",
        "/run/systemd/system": None,
    }


def helm() -> Tree:
    """openstack-helm: nova/templates/daemonset-compute.yaml (hostPath of etcceph, varlibnova), values.yaml (runAsUser)."""
    return {
        "/var/lib/openstack-helm/compute/nova": None,
        "/var/lib/nova/instances": None,
        "/var/lib/kubelet": None,
        "/run/systemd/system": None,
    }


def packages() -> Tree:
    """Debian's nova-compute, libvirt-daemon-system and mariadb-server; there is no systemd in a container, so init scripts count."""
    return {
        "/etc/nova/nova.conf": "[DEFAULT]\ninstances_path = $state_path/guests\nstate_path = /srv/nova\n",
        "/etc/init.d/nova-compute": "",
        "/lib/systemd/system/libvirtd.service": "",
        "/lib/systemd/system/mariadb.service": "",
        "/etc/mysql/my.cnf": "",
        "/etc/passwd": PASSWD,
    }
