# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role and its playbooks, from nothing to the proof, on three computes; and no key where anybody looks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.ceph_openstack.conftest import NODES
from tests.integration.ceph_openstack.play import Watch, play, write_inventory


@pytest.fixture(scope="module")
def inventory(ceph: Ceph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inventory(ceph, tmp_path_factory.mktemp("inventory"), {"nova_computes": (NODES, {})}, {})


def test_from_nothing_to_the_proof_on_every_compute(ceph: Ceph, inventory: Path, watch: Watch) -> None:
    texts = []
    rc, out, counts = play(ceph, inventory, "connect_ceph", "--check")
    texts.append(out)
    assert rc == 0, out
    predicted = {host: count["changed"] for host, count in counts.items()}
    assert "client.cinder" not in ceph.clients()

    rc, out, counts = play(ceph, inventory, "connect_ceph")
    texts.append(out)
    assert rc == 0, out
    assert {host: count["changed"] for host, count in counts.items()} == predicted
    fsid = ceph.ask("fsid")["fsid"]
    for node in NODES:
        assert fsid in ceph.secrets(node)
        assert counts[node]["changed"] >= 1

    before = ceph.state()
    rc, out, counts = play(ceph, inventory, "connect_ceph")
    texts.append(out)
    assert rc == 0, out
    assert [count["changed"] for count in counts.values()] == [0] * len(counts)
    assert ceph.state() == before

    # One compute loses its secret: the proof over the fleet tells which.
    ceph.lab("on", NODES[1], "virsh", "--connect", "qemu:///system", "secret-undefine", fsid)
    rc, out, counts = play(ceph, inventory, "verify_ceph")
    texts.append(out)
    assert rc == 2
    # Others of the inventory stand in the recap as well, because all variables are checked first.
    assert {host: counts[host]["failed"] for host in NODES} == {NODES[0]: 0, NODES[1]: 1, NODES[2]: 0}
    assert sum(count["failed"] for count in counts.values()) == 1
    assert f"libvirt has no secret {fsid} for client.cinder" in out

    lines = watch.end()
    for client in ("client.cinder", "client.glance", "client.cinder-backup", "client.admin"):
        key = ceph.key(client)
        assert [text[:200] for text in texts if key in text] == []
        assert key.encode() not in lines


def test_keys_of_a_vault_do_without_the_administrator(ceph: Ceph, tmp_path: Path) -> None:
    key, mon_host = ceph.key("client.cinder"), "127.0.77.2"
    inventory = write_inventory(ceph, tmp_path, {"nova_computes": (NODES[:1], {})}, {"ceph_openstack_admin_host": ""})
    given = {"ceph_openstack_fsid": ceph.ask("fsid")["fsid"], "ceph_openstack_mon_host": mon_host}
    vault = tmp_path / "vault.json"
    vault.write_text(json.dumps({**given, "ceph_openstack_keys": {"cinder": key}}))
    ceph.lab("on", NODES[0], "virsh", "--connect", "qemu:///system", "secret-undefine", given["ceph_openstack_fsid"])
    texts = []
    for words, changes in ((("--check",), True), ((), True), ((), False)):
        rc, out, counts = play(ceph, inventory, "connect_ceph", "-e", f"@{vault}", *words)
        texts.append(out)
        assert rc == 0, out
        assert bool(counts[NODES[0]]["changed"]) is changes
    rc, out, _counts = play(ceph, inventory, "verify_ceph", "-e", f"@{vault}")
    texts.append(out)
    assert (rc, "proven" in out) == (0, True)
    vault.write_text(json.dumps({**given, "ceph_openstack_keys": {"glance": key}}))
    for playbook, error in (
        ("connect_ceph", "ceph_openstack_keys has no key of client.cinder, which this host gets."),
        ("retire_ceph_client", "With ceph_openstack_keys the cluster isn't asked, so it is unknown"),
    ):
        rc, out, _counts = play(ceph, inventory, playbook, "-e", f"@{vault}")
        texts.append(out)
        assert (rc, error in out) == (2, True), out
    assert [text[:200] for text in texts if key in text] == []
