# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster that is administered by a ceph command in namespaces of its own, as a container has them."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

import pytest

from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.ceph_openstack.conftest import NODES
from tests.integration.ceph_openstack.play import play, write_inventory
from tests.places import ROOT

INSIDE = NODES[0]
POOLS = [{"name": "w-volumes"}]
CLIENTS = [{"name": "w-cinder", "caps": {"mon": "profile rbd", "osd": "profile rbd pool=w-volumes"}}]


@pytest.fixture
def shell(ceph: Ceph, tmp_path: Path) -> t.Iterator[Path]:
    """What leads there. Only there are a ceph.conf and the administrator's key in /etc/ceph."""
    etc = ceph.folder / "nodes" / INSIDE / "ceph"
    ceph.give_conf(INSIDE)
    shutil.copy(ceph.folder / "ceph.client.admin.keyring", etc)
    path = tmp_path / "enter"
    path.write_text(f'#!/bin/sh\nDAY2_CEPH={ceph.folder} exec {ROOT}/tests/lab/ceph on {INSIDE} "$@"\n')
    path.chmod(0o755)
    yield path
    (etc / "ceph.client.admin.keyring").unlink()


def test_the_modules_get_in(ceph: Ceph, shell: Path) -> None:
    way: dict[str, t.Any] = {"conf": "/etc/ceph/ceph.conf", "command": str(shell)}
    predicted = ceph.objects(pools=POOLS, clients=CLIENTS, check=True, **way)
    made = ceph.objects(pools=POOLS, clients=CLIENTS, **way)
    assert predicted["steps"] == made["steps"]
    assert "initialize pool w-volumes for RBD" in made["steps"]
    assert ceph.clients()["client.w-cinder"]["caps"] == CLIENTS[0]["caps"]
    assert ceph.objects(pools=POOLS, clients=CLIENTS, **way)["steps"] == []
    assert ceph.key("client.w-cinder") not in json.dumps(made)
    told = ceph.objects(pools=POOLS, conf="/etc/ceph/ceph.conf", command="/nowhere/cephadm shell --")["msg"]
    assert "`/nowhere/cephadm shell --` doesn't lead to a ceph command on this host" in told


def test_the_role_gets_in(ceph: Ceph, shell: Path, tmp_path: Path) -> None:
    here = [{"client": "w-cinder", "keyring": "/etc/ceph/ceph.client.w-cinder.keyring", "write": ["w-volumes"]}]
    variables = {
        "ceph_openstack_admin_conf": "/etc/ceph/ceph.conf",
        "ceph_openstack_admin_command": str(shell),
        "ceph_openstack_pools": POOLS,
        "ceph_openstack_clients": CLIENTS,
        "ceph_openstack_here": here,
    }
    inventory = write_inventory(ceph, tmp_path, {"nova_computes": (NODES[1:2], {})}, variables)
    rc, out, _counts = play(ceph, inventory, "connect_ceph")
    assert rc == 0, out
    rc, out, counts = play(ceph, inventory, "verify_ceph")
    assert (rc, counts[NODES[1]]["failed"]) == (0, 0), out
    rc, out, _counts = play(ceph, inventory, "show_pools")
    assert (rc, "w-volumes" in out) == (0, True), out
    (ceph.folder / "nodes" / NODES[1] / "ceph" / "ceph.client.w-cinder.keyring").unlink()
