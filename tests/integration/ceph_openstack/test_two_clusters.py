# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run for the hosts of two clusters: each gets its own cluster's configuration, keys and secrets."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest

from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.ceph_openstack.conftest import NODES
from tests.integration.ceph_openstack.play import changed, play
from tests.places import CACHE

ONE, OTHER = NODES[0], "ceph-z1"


@pytest.fixture(scope="module")
def second(ceph: Ceph) -> t.Iterator[Ceph]:
    """Another cluster beside the first one."""
    found = Ceph(CACHE / "ceph-test-2", ceph.packages, "127.0.77.3")
    try:
        found.lab("up")
        found.lab("node", OTHER)
        found.give_conf(OTHER)
        yield found
    finally:
        found.lab("down")


def pools(name: str) -> dict[str, t.Any]:
    client = {"name": "z-cinder", "caps": {"mon": "profile rbd", "osd": f"profile rbd pool={name}"}}
    here = [{"client": "z-cinder", "secret": True, "write": [name]}]
    return {"ceph_openstack_pools": [{"name": name}], "ceph_openstack_clients": [client], "ceph_openstack_here": here}


@pytest.fixture
def inventory(ceph: Ceph, second: Ceph, tmp_path: Path) -> Path:
    def group(cluster: Ceph, admin: str, node: str, pool: str) -> dict[str, t.Any]:
        python = str(cluster.folder / "nodes" / node / "python3")
        where = {"ceph_openstack_admin_host": admin, "ceph_openstack_admin_conf": cluster.conf}
        return {"hosts": {node: {"ansible_python_interpreter": python}}, "vars": {**where, **pools(pool)}}

    for line in ceph.secrets(ONE).splitlines():
        ceph.lab("on", ONE, "virsh", "--connect", "qemu:///system", "--quiet", "secret-undefine", line.split()[0])
    ceph.give_conf(ONE)
    zones = {"az1": group(ceph, "mon1", ONE, "z-one"), "az2": group(second, "mon2", OTHER, "z-two")}
    admins = {name: {"ansible_python_interpreter": "/usr/bin/python3"} for name in ("mon1", "mon2")}
    path = tmp_path / "hosts.json"
    common = {"ansible_connection": "local", "ansible_become": False}
    whole = {"hosts": admins, "children": {"nova_computes": {"children": zones}}, "vars": common}
    path.write_text(json.dumps({"all": whole}))
    return path


def test_each_host_gets_its_own_cluster(ceph: Ceph, second: Ceph, inventory: Path) -> None:
    before = ceph.state(), second.state()
    rc, out, counts = play(ceph, inventory, "connect_ceph", "--check")
    assert rc == 0, out
    assert (ceph.state(), second.state()) == before
    predicted = changed(counts)
    rc, out, counts = play(ceph, inventory, "connect_ceph")
    assert rc == 0, out
    assert changed(counts) == predicted
    for cluster, node, pool, not_its in ((ceph, ONE, "z-one", "z-two"), (second, OTHER, "z-two", "z-one")):
        fsid = cluster.ask("fsid")["fsid"]
        assert cluster.secrets(node).split()[:1] == [fsid]
        value = cluster.lab("on", node, "virsh", "--connect", "qemu:///system", "--quiet", "secret-get-value", fsid)
        assert value.strip() == cluster.key("client.z-cinder")
        assert f"fsid = {fsid}" in (cluster.folder / "nodes" / node / "ceph" / "ceph.conf").read_text()
        assert (pool in cluster.pools(), not_its in cluster.pools()) == (True, False)
    rc, out, counts = play(ceph, inventory, "connect_ceph")
    assert (rc, set(changed(counts).values())) == (0, {0}), out

    rc, out, _counts = play(ceph, inventory, "verify_ceph")
    assert (rc, "can't migrate" in out) == (0, False), out
    rc, out, _counts = play(ceph, inventory, "show_pools")
    assert (rc, "z-one" in out, "z-two" in out) == (0, True, True), out
    rc, out, counts = play(ceph, inventory, "adopt_ceph")
    assert (rc, set(changed(counts).values())) == (0, {0}), out
    assert re.search(rf"# for {ONE}.*z-one.*# for {OTHER}.*z-two", out, re.DOTALL), out

    current = json.dumps({"ceph_openstack_current": {"z-cinder": "z-cinder-2"}})
    rc, out, _counts = play(ceph, inventory, "rotate_ceph_keys", "-e", current)
    assert rc == 0, out
    assert "client.z-cinder-2" in ceph.clients()
    assert "client.z-cinder-2" in second.clients()
    retire = json.dumps({"ceph_openstack_retire": {"z-cinder": "z-cinder"}})
    rc, out, _counts = play(ceph, inventory, "retire_ceph_client", "-e", current, "-e", retire)
    assert rc == 0, out
    assert "client.z-cinder" not in ceph.clients().keys() | second.clients().keys()


def test_hosts_that_disagree_and_two_ways_to_one_cluster_are_refused(ceph: Ceph, second: Ceph, inventory: Path) -> None:
    before = ceph.state(), second.state()
    given = json.loads(inventory.read_text())
    zones = given["all"]["children"]["nova_computes"]["children"]
    zones["az2"]["vars"]["ceph_openstack_admin_conf"] = ceph.conf
    inventory.write_text(json.dumps(given))
    rc, out, _counts = play(ceph, inventory, "connect_ceph")
    assert rc == 2
    assert "mon1 and mon2 administer the same cluster" in out
    zones["az2"]["vars"]["ceph_openstack_admin_host"] = "mon1"
    inventory.write_text(json.dumps(given))
    rc, out, _counts = play(ceph, inventory, "connect_ceph")
    assert rc == 2
    assert (
        f"{OTHER} and {ONE} have the same cluster (administered on mon1), but disagree about ceph_openstack_pools"
        in out
    )
    assert (ceph.state(), second.state()) == before


def test_a_cluster_that_does_not_answer_leaves_the_other_s_hosts_verified(
    ceph: Ceph, second: Ceph, inventory: Path, tmp_path: Path
) -> None:
    rc, out, _counts = play(ceph, inventory, "connect_ceph")
    assert rc == 0, out
    given = json.loads(inventory.read_text())
    conf = tmp_path / "nowhere.conf"
    conf.write_text("[global]\nmon host = 127.0.77.99\n")
    zones = given["all"]["children"]["nova_computes"]["children"]
    more = {
        "ceph_openstack_admin_conf": str(conf),
        "ceph_openstack_admin_keyring": f"{second.folder}/ceph.client.admin.keyring",
    }
    zones["az2"]["vars"].update(more, ceph_openstack_timeout=2)
    inventory.write_text(json.dumps(given))
    rc, out, counts = play(ceph, inventory, "verify_ceph")
    assert rc == 2
    assert (counts[ONE]["failed"], counts[OTHER]["failed"]) == (0, 1), out
    assert "No monitor of" in out
