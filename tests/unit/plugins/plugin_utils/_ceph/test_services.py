# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's variables as files, secrets and names, with and without successors."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.ceph_plan import ceph_plan

FSID = "2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e"
GIVEN = "457eb676-33da-42ec-9a8c-9293d545c337"
SETTINGS: dict[str, t.Any] = {
    "clients": [{"name": "client.cinder", "caps": {"mon": "profile rbd"}}, {"name": "glance"}],
    "here": [
        {"client": "cinder", "secret": True, "keyring": "/etc/ceph/ceph.client.cinder.keyring", "write": ["volumes"]},
        {"client": "client.glance", "keyring": "/etc/ceph/ceph.client.glance.keyring"},
    ],
    "cinder": {"backends": [{"name": "fast", "uuid": GIVEN}, {"name": "slow", "client": "other", "options": {"a": 1}}]},
    "glance": {"options": {"DEFAULT": {"workers": 2}}},
    "nova": {"services": []},
    "conf": "/etc/ceph/ceph.conf",
}


def test_without_successors_all_is_as_said() -> None:
    made = ceph_plan(SETTINGS, FSID)
    assert [row["name"] for row in made["clients"]] == ["cinder", "glance"]
    assert made["here"][0] == {**SETTINGS["here"][0], "uuid": FSID}
    assert made["here"][1] == {**SETTINGS["here"][1], "client": "glance"}
    glance, cinder, nova = made["files"]
    assert glance["sections"]["DEFAULT"] == {
        "enabled_backends": "ceph:rbd",
        "show_image_direct_url": True,
        "workers": 2,
    }
    assert glance["services"] == ["glance-api"]
    assert cinder["sections"]["DEFAULT"] == {"enabled_backends": "fast,slow"}
    assert cinder["sections"]["fast"]["rbd_secret_uuid"] == GIVEN
    assert cinder["sections"]["slow"]["rbd_user"] == "other"
    assert (cinder["sections"]["slow"]["rbd_secret_uuid"], cinder["sections"]["slow"]["a"]) == (FSID, 1)
    assert (nova["services"], nova["sections"]["libvirt"]["rbd_user"]) == ([], "cinder")


def test_a_successor_has_another_key_in_another_place_everywhere() -> None:
    made = ceph_plan({**SETTINGS, "current": {"client.cinder": "cinder-2"}}, FSID, GIVEN)
    assert [row["name"] for row in made["clients"]] == ["cinder-2", "glance"]
    row = made["here"][0]
    assert (row["client"], row["keyring"]) == ("cinder-2", "/etc/ceph/ceph.client.cinder-2.keyring")
    assert row["uuid"] not in (FSID, GIVEN)
    _glance, cinder, nova = made["files"]
    for section in (cinder["sections"]["fast"], nova["sections"]["libvirt"]):
        assert (section["rbd_user"], section["rbd_secret_uuid"]) == ("cinder-2", row["uuid"])
    assert cinder["sections"]["slow"]["rbd_secret_uuid"] == GIVEN


def test_nova_compute_gets_a_keyring_beside_the_secret() -> None:
    settings = {"here": [{"client": "client.cinder"}, {"client": "glance"}], "nova": {"pool": "vms"}}
    cinder, glance = ceph_plan({**settings, "conf": "/etc/ceph/ceph.conf", "current": {"cinder": "c2"}}, FSID)["here"]
    assert cinder["keyring"] == "/etc/ceph/ceph.client.c2.keyring"
    assert (cinder["group"], cinder["secret"], bool(cinder["uuid"])) == ("nova", True, True)
    assert glance == {"client": "glance"}


def test_backups_have_a_client_of_their_own() -> None:
    made = ceph_plan({"cinder": {"backup": {}}, "conf": "/c"}, FSID)["files"][0]
    assert made["services"] == ["cinder-backup"]
    assert made["sections"]["DEFAULT"]["backup_ceph_user"] == "cinder-backup"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"current": {"cinder": "other", "glance": "other"}}, "two clients are called other"),
        ({"current": {"cinder": "glance", "glance": "g2"}}, "cinder is called glance, and glance something else again"),
        ({"here": [{"client": "a", "keyring": "/etc/x.keyring"}], "nova": {}, "current": {"a": "b"}}, "call it CLUSTER.client.a.keyring"),
        ({"here": [{"client": "glance"}], "nova": {"client": "cinder"}}, "ceph_openstack_here doesn't name it; add {client: cinder"),
        ({"cinder": {"services": []}}, "has neither backends nor backup"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(settings: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(AnsibleFilterError, match=sentence):
        ceph_plan({**SETTINGS, **settings}, FSID)
