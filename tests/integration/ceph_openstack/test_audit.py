# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit of a compute reads of Nova's pool, with Nova's user on a real cluster; and that its remedies work."""

from __future__ import annotations

import shlex
import typing as t
import uuid

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.audit import audit
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Cloud, Pool
from tests.integration.ceph_openstack.cluster import Ceph
from tests.waiting import until

NODE = "ceph-n1"
LIVING, GONE = (str(uuid.uuid4()) for _name in range(2))
CLOUD: Cloud = {
    "cloud": "lab", "region": "", "services": [], "hypervisors": [], "servers": [], "recent": [], "everybody": [{"id": LIVING}],
    "migrations": [], "ended": [], "evacuations": [], "providers": [], "absent": [GONE], "unanswered": {}, "lost_providers": [], "unreached": [],
    "flavors": [], "aggregates": [], "traits": {}, "unread": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def pool(ceph: Ceph) -> t.Iterator[Ceph]:
    """Nova's pool with the disks of an instance that lives and of one that is gone, and an image that isn't Nova's."""
    ceph.objects(
        pools=[{"name": "a-vms"}, {"name": "a-other"}],
        clients=[
            {"name": "a-nova", "caps": {"mon": "profile rbd", "osd": "profile rbd pool=a-vms"}},
            {"name": "a-wrong", "caps": {"mon": "profile rbd", "osd": "profile rbd pool=a-other"}},
        ],
    )
    folder = ceph.folder / "nodes" / NODE / "ceph"
    for client in ("a-nova", "a-wrong"):
        keyring = folder / f"ceph.client.{client}.keyring"
        keyring.touch(mode=0o600)
        keyring.write_text(f"[client.{client}]\n\tkey = {ceph.key('client.' + client)}\n")
    ceph.give_conf(NODE)
    for name in (f"{LIVING}_disk", f"{GONE}_disk", f"{GONE}_disk.config", f"volume-{GONE}"):
        ceph.rbd("create", "--size", "8M", f"a-vms/{name}")
    yield ceph
    for made in (*folder.glob("ceph.client.a-*"), folder / "nova.conf"):
        made.unlink(missing_ok=True)


def look(pool: Ceph, user: str, *parts: str, name: str = "a-vms") -> dict[str, t.Any]:
    conf = pool.folder / "nodes" / NODE / "ceph" / "nova.conf"
    conf.write_text(f"[libvirt]\nimages_type = rbd\nimages_rbd_pool = {name}\nrbd_user = {user}\n")
    answer = pool.module("compute_audit_info", {"nova_conf": ["/etc/ceph/nova.conf"], "parts": parts}, on=NODE)
    assert not answer["changed"]
    return t.cast("dict[str, t.Any]", answer["found"])


def test_how_full_the_pool_is(pool: Ceph) -> None:
    found: dict[str, t.Any] = {}

    def counted() -> bool:
        found.update(look(pool, "a-nova", "rbd"))
        if "rbd" in found["unknown"]:
            assert "hasn't counted yet" in found["unknown"]["rbd"]
        return "rbd" not in found["unknown"]

    until("the pool is counted", counted, seen=lambda: found["unknown"], every=1)
    (use,) = (one["stats"] for one in pool.ask("df")["pools"] if one["name"] == "a-vms")
    assert found["unknown"] == {}
    assert found["rbd"]["fsid"] == pool.ask("fsid")["fsid"]
    assert found["rbd"]["pool"] == "a-vms"
    assert found["rbd"]["free"] == pytest.approx(use["max_avail"], rel=0.1)
    assert found["rbd_images"] is None


def test_what_is_left_over_is_found_and_what_is_suggested_mends_it(pool: Ceph) -> None:
    def found() -> list[tuple[str, str]]:
        told = look(pool, "a-nova", "rbd_images")["rbd_images"]
        listed: Pool = {"host": "n1", "fsid": told["fsid"], "pool": told["pool"], "images": told["images"]}
        return [(one.subject, one.remedy) for one in audit(CLOUD, {}, pools=[listed], irreversible=True).findings]

    images = look(pool, "a-nova", "rbd_images")["rbd_images"]["images"]
    assert {one["instance"] for one in images} == {LIVING, GONE}
    left = found()
    assert [subject for subject, _mend in left] == [f"a-vms/{GONE}_disk", f"a-vms/{GONE}_disk.config"]
    for _subject, remedy in left:
        command, *words = shlex.split(remedy)
        assert command == "rbd"
        pool.rbd(*words)
    assert found() == []
    assert set(pool.rbd("ls", "a-vms").split()) == {f"{LIVING}_disk", f"volume-{GONE}"}


@pytest.mark.parametrize(
    ("user", "part", "name", "why"),
    [
        ("a-wrong", "rbd_images", "a-vms", "client.a-wrong can't list the images in the pool a-vms"),
        ("a-nova", "rbd", "nowhere", "The cluster has no pool nowhere, which images_rbd_pool of nova.conf names"),
        ("a-nova", "rbd_images", "nowhere", "client.a-nova can't list the images in the pool nowhere"),
        ("a-nobody", "rbd", "a-vms", "client.a-nobody"),
    ],
)
def test_what_cannot_be_looked_at_is_unknown(pool: Ceph, user: str, part: str, name: str, why: str) -> None:
    found = look(pool, user, part, name=name)
    assert found[part] is None
    assert why in found["unknown"][part]
