# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instances' own disks in Ceph: `connect_ceph` brings pool, client, secret and nova.conf to computes with Nova's libvirt driver, Nova makes
and moves guests with that, and the audit finds nothing that isn't there."""

from __future__ import annotations

import datetime
import re
import tempfile
import typing as t
from pathlib import Path

import pytest
from openstack.connection import Connection

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.fetch import fetch
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query
from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.ceph_openstack.play import play, write_inventory
from tests.integration.compute_nodes.node import Node
from tests.places import CACHE
from tests.waiting import until


class Site(t.NamedTuple):
    ceph: Ceph
    nodes: list[Node]
    inventory: Path


@pytest.fixture(scope="module")
def site(cloud: Connection) -> t.Iterator[Site]:
    """A cluster, and computes that know nothing of it yet."""
    with tempfile.TemporaryDirectory(prefix="audit-", dir=CACHE) as name:
        folder = Path(name)
        nodes = [Node(folder, cloud, host) for host in ("audit04", "audit05")]
        ceph = Ceph(folder / "nodes", folder)
        try:
            nodes[0].lab("up")
            Node.up(nodes)
            groups = {"nova_computes": ([node.host for node in nodes], {"ceph_openstack_nova": {"pool": "vms"}})}
            yield Site(ceph, nodes, write_inventory(ceph, folder, groups, {}))
            Node.down(nodes)
        finally:
            nodes[0].lab("down")


@pytest.fixture(scope="module")
def connected(site: Site) -> Site:
    rc, said, _counts = play(site.ceph, site.inventory, "connect_ceph")
    assert rc == 0, said[-5000:]
    return site


@pytest.fixture(scope="module")
def server(connected: Site) -> str:
    return connected.nodes[0].instance()


def test_a_second_run_changes_nothing(connected: Site) -> None:
    rc, said, counts = play(connected.ceph, connected.inventory, "connect_ceph")
    assert rc == 0, said[-5000:]
    assert sum(of["changed"] for of in counts.values()) == 0, said[-5000:]


def test_nova_makes_the_disk_in_the_pool(connected: Site, server: str) -> None:
    node = connected.nodes[0]
    assert connected.ceph.rbd("ls", "vms").split() == [f"{server}_disk"]
    assert node.state(server) == "running"
    assert re.search(rf"protocol='rbd' name='vms/{server}_disk'", node.ssh(f"virsh dumpxml {server}"))


def test_the_audit_finds_nothing(connected: Site, server: str) -> None:
    report = connected.nodes[0].audit("-e", "compute_audit_everything=true")
    assert [one for one in report["findings"] if one["host"] in ("audit04", "vms")] == []


def _after(seconds: int) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_guest_moves_to_another_compute(connected: Site, server: str) -> None:
    node, other = connected.nodes
    compute: t.Any = node.cloud.compute
    before = _after(0)
    migration = node.migrate(server, other.host)
    assert compute.get_server(server).compute_host == other.host
    assert other.state(server) == "running"
    # Nova gives back what a migration held a moment after it has ended; an audit that began meanwhile knows it as well as one that begins now.
    assert migration in {one["uuid"] for one in fetch(Query(cloud="mini"), before).cloud["migrations"]}
    assert migration in {one["uuid"] for one in fetch(Query(cloud="mini"), _after(1)).cloud["ended"]}
    assert node.found() == set()
    assert other.found() == set()


def test_an_image_that_nova_has_left_behind_is_found(connected: Site, server: str) -> None:
    node = connected.nodes[1]
    compute: t.Any = node.cloud.compute
    connected.ceph.rbd("snap", "create", f"vms/{server}_disk@somebody-s")
    connected.ceph.rbd("snap", "protect", f"vms/{server}_disk@somebody-s")
    compute.delete_server(server, force=True)
    compute.wait_for_delete(compute.get_server(server), interval=0.5, wait=300)
    # Nova gives back what a server held a moment after it is gone, and this audit leaves no such moment out (its margin is 0).
    findings: list[t.Any] = []

    def one_is_left() -> bool:
        findings[:] = node.audit()["findings"]
        return len(findings) == 1

    until("the audit finds one thing", one_is_left, seen=lambda: findings, every=2)
    assert [(one["kind"], one["subject"]) for one in findings] == [("leftover_image", f"vms/{server}_disk")], findings
