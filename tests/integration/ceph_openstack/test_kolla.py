# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role on a compute of kolla-ansible, made by kolla-ansible's own templates: no variable names a path, and what it did is there after a start.

The compute's libvirtd and the lab's cluster are real. Init scripts stand in for the containers' units, and what kolla's set_configs copies as
nova_libvirt starts is copied before libvirtd does.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.ceph_openstack.play import play, write_inventory
from tests.integration.files import kolla

NODE = "ceph-k1"
UNITS = ("kolla-nova_compute-container", "kolla-nova_libvirt-container")
POOLS = [{"name": "k-vms"}]
CLIENTS = [{"name": "k-cinder", "caps": {"mon": "profile rbd", "osd": "profile rbd pool=k-vms"}}]
HERE = {"client": "k-cinder", "secret": True, "write": ["k-vms"]}
VARIABLES: dict[str, t.Any] = {
    "ceph_openstack_pools": POOLS,
    "ceph_openstack_clients": CLIENTS,
    "ceph_openstack_here": [HERE],
    "ceph_openstack_nova": {"client": "k-cinder", "pool": "k-vms"},
}
SCRIPT = "#!/bin/sh\n[ $1 = status ] || echo $1 >>/etc/nova/called\n"


class Compute(t.NamedTuple):
    ceph: Ceph
    etc: Path
    nova: Path

    def start_libvirt(self) -> None:
        """As kolla's nova_libvirt does: /etc/libvirt/secrets is the image's, with what the host has for it."""
        self.ceph.lab(
            "on", NODE, "sh", "-c", "rm -rf /etc/libvirt/secrets; cp -a /etc/kolla/nova-libvirt/secrets /etc/libvirt"
        )
        self.ceph.lab("restart", NODE)

    def called(self) -> list[str]:
        log = self.nova / "called"
        return log.read_text().split() if log.exists() else []

    def text(self, path: str) -> str:
        return (self.etc / path).read_text()


@pytest.fixture(scope="module")
def compute(ceph: Ceph, tmp_path_factory: pytest.TempPathFactory) -> Compute:
    root = tmp_path_factory.mktemp("kolla")
    kolla.make("2025.2", "podman", root, nova_cell_ceph_backend={"cluster": "ceph", "vms": {"user": "k-cinder"}})
    etc = root / "etc/kolla"
    for service in {path.name for path in etc.iterdir()} - {"nova-compute", "nova-libvirt"}:
        (etc / service / "config.json").unlink()
    (etc / "nova-compute/nova.conf").write_text("[DEFAULT]\nstate_path = /var/lib/nova\n[libvirt]\nvirt_type = kvm\n")
    (etc / "nova-compute/nova.conf").chmod(0o660)
    (etc / "nova-libvirt/secrets").mkdir(mode=0o770)
    ceph.lab("node", NODE)
    ceph.give_conf(NODE)
    conf = (ceph.folder / "nodes" / NODE / "ceph" / "ceph.conf").read_text()
    for service in ("nova-compute", "nova-libvirt"):
        (etc / service / "ceph.conf").write_text(conf)
    for unit in UNITS:
        script = ceph.folder / "nodes" / NODE / "init.d" / unit
        script.write_text(SCRIPT)
        script.chmod(0o755)
    ceph.lab("on", NODE, "mount", "--bind", str(etc), "/etc/kolla")
    return Compute(ceph, etc, ceph.folder / "nodes" / NODE / "nova")


def test_from_nothing_to_the_proof_and_the_same_after_a_start(compute: Compute, tmp_path: Path) -> None:
    ceph = compute.ceph
    inventory = write_inventory(ceph, tmp_path, {"nova_computes": ((NODE,), {})}, VARIABLES)

    def run(playbook: str, *words: str) -> tuple[str, int]:
        rc, out, counts = play(ceph, inventory, playbook, *words)
        assert rc == 0, out
        return out, counts[NODE]["changed"]

    _out, predicted = run("connect_ceph", "--check")
    assert (compute.called(), list((compute.etc / "nova-libvirt/secrets").iterdir())) == ([], [])
    out, changed = run("connect_ceph")
    assert changed == predicted
    fsid = ceph.ask("fsid")["fsid"]
    nova = compute.text("nova-compute/nova.conf")
    assert f"rbd_secret_uuid = {fsid}\n" in nova
    assert "images_rbd_ceph_conf = /etc/ceph/ceph.conf" in nova or "images_rbd_ceph_conf" not in nova
    assert ceph.key("client.k-cinder") in compute.text("nova-compute/ceph.client.k-cinder.keyring")
    assert compute.called() == ["restart"]
    assert sorted(path.name for path in (ceph.folder / "nodes" / NODE / "ceph").iterdir()) == ["ceph.conf"]
    said = " ".join(out.split())
    assert "`images_rbd_pool = k-vms`" in said
    assert "put these options into config/nova/nova-compute.conf there: `[libvirt]`" in said
    assert "into config/nova/ceph.client.k-cinder.keyring there." in said
    assert ceph.key("client.k-cinder") not in out

    _out, changed = run("connect_ceph")
    assert (changed, compute.called()) == (0, ["restart"])

    compute.start_libvirt()
    assert fsid in ceph.secrets(NODE)
    _out, changed = run("connect_ceph")
    assert changed == 0
    out, _changed = run("verify_ceph")
    assert "proven" in out
    assert f"Nova names secret {fsid}" in out

    # A key that was changed on the cluster is in all places, and nova-compute's container starts with it.
    ceph.ask({"prefix": "auth del", "entity": "client.k-cinder"})
    _out, predicted = run("connect_ceph", "--check")
    _out, changed = run("connect_ceph")
    assert changed == predicted
    assert compute.called() == ["restart", "restart"]
    compute.start_libvirt()
    assert ceph.lab(
        "on", NODE, "virsh", "--connect", "qemu:///system", "--quiet", "secret-get-value", fsid
    ).strip() == ceph.key("client.k-cinder")
    out, _changed = run("verify_ceph")
    assert "proven" in out


def test_a_client_whose_keyring_no_container_copies_is_refused_before_anything_changes(
    compute: Compute, tmp_path: Path
) -> None:
    here = [{**HERE, "client": "k-other"}]
    given = {**VARIABLES, "ceph_openstack_here": here, "ceph_openstack_nova": {"pool": "k-vms", "client": "k-other"}}
    inventory = write_inventory(compute.ceph, tmp_path, {"nova_computes": ((NODE,), {})}, given)
    before = compute.ceph.state()
    rc, out, _counts = play(
        compute.ceph,
        inventory,
        "connect_ceph",
        "-e",
        '{"ceph_openstack_clients": [{"name": "k-other", "caps": {"mon": "profile rbd"}}]}',
    )
    said = " ".join(out.split())
    assert rc == 2
    assert (
        "Nobody on this host would read /etc/ceph/ceph.client.k-other.keyring: no container of kolla-ansible copies it (nova-compute)."
        in said
    )
    assert compute.ceph.state() == before
