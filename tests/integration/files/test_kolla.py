# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that kolla-ansible's own templates made is told as one, in the words that kolla-ansible and podman have for it."""

from __future__ import annotations

import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.disk import Disk
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.look import look
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.model import Deployment
from tests.integration.files import kolla

PREFIX = f"day2-kolla-{os.getpid()}-"
#: As kolla's own list of accounts has them (kolla/common/users.py).
ACCOUNTS = {
    "nova-compute": 42436,
    "glance-api": 42415,
    "cinder-volume": 42407,
    "cinder-backup": 42407,
    "mariadb": 42434,
    "rabbitmq": 42439,
    "libvirt": 0,
}


class Host(t.NamedTuple):
    deployment: Deployment
    containers: dict[str, kolla.Container]
    volume: Path
    engine: str


def podman(*words: str) -> str:
    return subprocess.run(["podman", *words], check=True, capture_output=True, text=True).stdout


def _container(one: kolla.Container, root: Path) -> Path:
    """A container of podman with these mounts, without an image, that is never started; returns the volume of the instances."""
    (root / "rootfs").mkdir()
    mounts = []
    for source, inside in one.mounts:
        if not source.startswith("/"):
            mounts += ["--volume", f"{PREFIX}{source}:{inside}"]
        elif Path(source).exists():
            mounts += ["--volume", f"{source}:{inside}"]
    podman("create", "--name", PREFIX + one.name, *mounts, "--rootfs", str(root / "rootfs"), "/bin/true")
    (volume,) = json.loads(podman("volume", "inspect", PREFIX + "nova_compute"))
    return Path(volume["Mountpoint"])


@pytest.fixture(scope="module", params=[("2025.2", "podman"), ("2024.1", "docker")], ids="-".join)
def host(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Host]:
    release, engine = request.param
    root = tmp_path_factory.mktemp("kolla")
    containers = kolla.make(release, engine, root)
    (root / "etc/kolla/nova-compute/nova.conf").write_text("[DEFAULT]\nstate_path = /var/lib/nova\n")
    try:
        volume = _container(containers["nova-compute"], root)

        def run(words: list[str], _data: str) -> tuple[int, str, str]:
            """Asks podman, whichever engine the host has: docker's answer to this has the same form."""
            done = subprocess.run(
                ["podman", *words[1:-1], PREFIX + words[-1]], capture_output=True, text=True, check=False
            )
            return done.returncode, done.stdout, done.stderr

        yield Host(look(run, Disk(str(root))), containers, volume, engine)
    finally:
        subprocess.run(["podman", "rm", "--force", PREFIX + "nova_compute"], capture_output=True, check=False)
        for name in podman("volume", "ls", "--quiet", "--filter", f"name={PREFIX}").split():
            podman("volume", "rm", name)


def test_it_is_kolla_s_host(host: Host) -> None:
    assert (host.deployment.deployer, host.deployment.engine) == ("kolla-ansible", host.engine)
    assert host.deployment.libvirt_uri == "qemu:///system"
    assert set(host.deployment.unknown) == set()


def test_each_service_is_where_kolla_ansible_put_it(host: Host) -> None:
    for name, one in host.deployment.services.items():
        folder = {"libvirt": "nova-libvirt", "ovs": "openvswitch-vswitchd"}.get(name, name)
        assert one.container == host.containers[folder].name
        assert one.unit == f"kolla-{one.container}-container"
        assert one.exec == (host.engine, "exec", "-i", one.container)
    assert set(host.deployment.services) == {*ACCOUNTS, "nova-conductor", "ovs"}
    assert {name: host.deployment.services[name].uid for name in ACCOUNTS} == ACCOUNTS


def test_the_configuration_is_the_one_that_the_container_copies(host: Host) -> None:
    found = {name: one.write for name, one in host.deployment.services.items()}
    assert found == {
        "nova-compute": "/etc/kolla/nova-compute/nova.conf",
        "nova-conductor": "/etc/kolla/nova-conductor/nova.conf",
        "libvirt": "/etc/kolla/nova-libvirt/libvirtd.conf",
        "glance-api": "/etc/kolla/glance-api/glance-api.conf",
        "cinder-volume": "/etc/kolla/cinder-volume/cinder.conf",
        "cinder-backup": "/etc/kolla/cinder-backup/cinder.conf",
        "mariadb": "/etc/kolla/mariadb/galera.cnf",
        "rabbitmq": "/etc/kolla/rabbitmq/rabbitmq.conf",
        "ovs": None,
    }


def test_ceph_s_files_and_libvirt_s_secrets_are_copied_from_the_host(host: Host) -> None:
    services = host.deployment.services
    key = "/etc/ceph/ceph.client.cinder.keyring"
    assert {name: one.source_of(key) for name, one in services.items() if one.source_of(key)} == {
        "nova-compute": "/etc/kolla/nova-compute/ceph.client.cinder.keyring",
        "glance-api": "/etc/kolla/glance-api/ceph/ceph.client.cinder.keyring",
        "cinder-volume": "/etc/kolla/cinder-volume/ceph/ceph.client.cinder.keyring",
        "cinder-backup": "/etc/kolla/cinder-backup/ceph/ceph.client.cinder.keyring",
    }
    assert services["nova-compute"].source_of("/etc/ceph/ceph.client.other.keyring") is None
    assert services["libvirt"].source_of("/etc/libvirt/secrets") == "/etc/kolla/nova-libvirt/secrets"


def test_the_instances_lie_in_the_volume_of_the_container(host: Host) -> None:
    assert host.deployment.inside == "/var/lib/nova/instances"
    assert host.deployment.instances == str(host.volume / "instances")
