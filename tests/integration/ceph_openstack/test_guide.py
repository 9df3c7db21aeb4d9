# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""guide_ceph, from nothing to a guest that boots from a volume; and from another one when the key has been changed."""

from __future__ import annotations

import shutil
import typing as t
from functools import partial
from pathlib import Path

import pytest

from tests.integration.ceph_openstack import storage
from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.page import Newcomer, Page

ADMIN = "mon1"
COMPUTES = ("cmp01", "cmp02")
GLANCE, CINDER = "ctl1", "vol1"


@pytest.fixture
def cloud(ceph: Ceph) -> t.Iterator[Ceph]:
    """The page's hosts, which know nothing of Ceph; but for the one where it is administered. The other tests find nothing of it."""
    ceph.lab("node", ADMIN, *COMPUTES, GLANCE, CINDER)
    ceph.lab("storage", GLANCE, "glance", timeout=600)
    ceph.lab("storage", CINDER, "cinder")
    etc = ceph.folder / "nodes" / ADMIN / "ceph"
    ceph.give_conf(ADMIN)
    shutil.copy(ceph.folder / "ceph.client.admin.keyring", etc)
    pools, clients = set(ceph.pools()), set(ceph.clients())
    yield ceph
    for service in ("glance-api", "cinder-volume", "cinder-backup"):
        ceph.lab("on", GLANCE if service == "glance-api" else CINDER, "service", service, "stop")
    ceph.ask({"prefix": "config set", "who": "mon", "name": "mon_allow_pool_delete", "value": "true"})
    for pool in set(ceph.pools()) - pools:
        sure = {"pool2": pool, "yes_i_really_really_mean_it": True}
        ceph.ask({"prefix": "osd pool delete", "pool": pool, **sure})
    ceph.ask({"prefix": "config rm", "who": "mon", "name": "mon_allow_pool_delete"})
    for client in set(ceph.clients()) - clients:
        ceph.ask({"prefix": "auth rm", "entity": client})


@pytest.fixture
def newcomer(cloud: Ceph, package: Path, tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    there = Newcomer(tmp_path_factory.mktemp("ceph"), package, DAY2_CEPH=str(cloud.folder))
    for name in (ADMIN, *COMPUTES, GLANCE, CINDER):
        python = str(cloud.folder / "nodes" / name / "python3")
        there.write(
            f"host_vars/{name}.yml",
            {"ansible_connection": "local", "ansible_python_interpreter": python, "ansible_become": False},
        )
    there.write("nova_computes.yml", {"nova_computes": {"hosts": dict.fromkeys(COMPUTES)}})
    return there


def boots(cloud: Ceph, image: str, node: str) -> str:
    """Have a guest boot from a new volume; which client Cinder has told it to use."""
    for restarted in (f"{storage.GLANCE}/info/stores", f"{storage.CINDER}/volumes"):
        storage.until(partial(storage.call, "GET", restarted))
    volume, told = storage.volume_of(storage.upload(image))
    assert f"volume-{volume}" in cloud.rbd("ls", "volumes")
    guest = storage.Guest(cloud, node, f"guest-{image}")
    guest.start(told)
    assert guest.boots()
    guest.end()
    return str(told["auth_username"])


def test_connecting_and_new_keys(cloud: Ceph, newcomer: Newcomer) -> None:
    page = Page("ceph")
    newcomer.copy(page)
    said = newcomer.walk(page.steps_before("rotate_ceph_keys"))
    assert cloud.pools()["volumes"]["quota_max_bytes"] == 20 << 40
    assert boots(cloud, "before", COMPUTES[0]) == "cinder"
    assert {"client.glance", "client.cinder-backup"} < set(cloud.clients())
    assert said.count("proven") >= len(COMPUTES), said[-3000:]

    rotate, *others = page.steps_from("rotate_ceph_keys")
    newcomer.walk([rotate])
    current = next(body for kind, body in page.blocks if kind == "yaml" and body.startswith("ceph_openstack_current"))
    newcomer.write("ceph.yml", page.files["ceph.yml"] + current)
    assert boots(cloud, "after", COMPUTES[1]) == "cinder-2027"
    said = newcomer.walk(others)
    assert "client.cinder" not in cloud.clients()
    assert "client.cinder-2027" in cloud.clients()
    assert "volumes" in said
