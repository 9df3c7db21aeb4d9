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
    assert made["here"][0] == {**SETTINGS["here"][0], "uuid": GIVEN}
    assert made["here"][1] == {**SETTINGS["here"][1], "client": "glance", "uuid": FSID}
    glance, cinder, nova = made["files"]
    assert glance["sections"]["DEFAULT"] == {"workers": 2}
    assert glance["adds"] == {"DEFAULT": {"enabled_backends": "ceph:rbd"}}
    assert glance["defaults"] == {
        "DEFAULT": {"show_image_direct_url": True},
        "glance_store": {"default_backend": "ceph"},
    }
    assert glance["services"] == ["glance-api"]
    assert cinder["adds"]["DEFAULT"] == {"enabled_backends": "fast,slow"}
    assert cinder["was"]["fast"]["rbd_user"] == ["cinder"]
    assert cinder["was"]["fast"]["rbd_secret_uuid"] == []
    assert cinder["sections"]["fast"]["rbd_secret_uuid"] == GIVEN
    assert cinder["sections"]["slow"]["rbd_user"] == "other"
    assert (cinder["sections"]["slow"]["rbd_secret_uuid"], cinder["sections"]["slow"]["a"]) == (FSID, 1)
    whole = {**SETTINGS, "cinder": {**SETTINGS["cinder"], "enabled_backends": "lvm,fast,slow"}}
    assert ceph_plan(whole, FSID)["files"][1]["lists"]["DEFAULT"] == {"enabled_backends": "lvm,fast,slow"}
    assert (nova["services"], nova["sections"]["libvirt"]["rbd_user"]) == ([], "cinder")


def test_a_successor_takes_the_place_of_who_has_the_same_caps() -> None:
    settings = {**SETTINGS, "current": {"cinder": "cinder-3"}, "alike": {"client.cinder-3": ["client.cinder-2"]}}
    was = ceph_plan(settings, FSID)["files"][1]["was"]["fast"]
    assert was["rbd_user"] == ["cinder", "cinder-2"]
    assert "rbd_secret_uuid" not in was
    assert "successor_of" not in ceph_plan(settings, FSID)["clients"][0]
    made = ceph_plan({**settings, "rotating": True, "retire": {"cinder": "cinder-2"}})
    assert made["clients"][0]["successor_of"] == "cinder"
    assert made["retired"] == [{"name": "cinder-2", "state": "absent", "successor": "cinder-3"}]


def test_two_secrets_of_one_client_have_two_successors() -> None:
    rows = [{"client": "cinder", "secret": True, "uuid": uuid} for uuid in (GIVEN, GIVEN.replace("4", "5"))]
    settings = {**SETTINGS, "here": rows, "current": {"cinder": "cinder-2"}}
    made = ceph_plan({**settings, "nova": {"uuid": rows[1]["uuid"]}}, FSID)
    assert len({row["uuid"] for row in made["here"]} - {GIVEN}) == 2
    assert made["files"][1]["sections"]["fast"]["rbd_secret_uuid"] == made["here"][0]["uuid"]
    assert made["files"][2]["sections"]["libvirt"]["rbd_secret_uuid"] == made["here"][1]["uuid"]


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
    assert cinder["user"] == "nova"
    assert glance == {"client": "glance", "uuid": FSID}


def test_nova_compute_gets_one_keyring_whatever_the_rows_of_its_client() -> None:
    two = [{"client": "cinder", "secret": True, "uuid": uuid} for uuid in (GIVEN, FSID)]
    made = ceph_plan({"here": two, "nova": {"pool": "vms"}, "conf": "/etc/ceph/az2.conf"}, FSID)["here"]
    assert [row.get("keyring") for row in made] == ["/etc/ceph/az2.client.cinder.keyring", None]
    assert [row["secret"] for row in made] == [True, True]
    apart = [{"client": "cinder", "secret": True}, {"client": "cinder", "keyring": "/k/client.cinder.keyring"}]
    made = ceph_plan({"here": apart, "nova": {"pool": "vms"}, "conf": "/etc/ceph/ceph.conf"}, FSID)["here"]
    assert [row.get("secret") for row in made] == [True, None]
    assert [row.get("keyring") for row in made] == [None, "/k/client.cinder.keyring"]


def test_backups_have_a_client_of_their_own() -> None:
    made = ceph_plan({"cinder": {"backup": {}}, "conf": "/c"}, FSID)["files"][0]
    assert made["services"] == ["cinder-backup"]
    assert made["sections"]["DEFAULT"]["backup_ceph_user"] == "cinder-backup"


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ({"current": {"cinder": "twin", "glance": "twin"}}, "two clients are renamed to twin"),
        ({"current": {"cinder": "glance", "glance": "g2"}}, "cinder is renamed to glance, but glance is renamed as well"),
        ({"here": [{"client": "a", "keyring": "/etc/x.keyring"}], "nova": {}, "current": {"a": "b"}}, "rename it to CLUSTER.client.a.keyring"),
        ({"here": [{"client": "glance"}], "nova": {"client": "cinder"}}, "which ceph_openstack_here doesn't list; add {client: cinder"),
        ({"current": {"cindr": "cinder-2"}}, "ceph_openstack_current names cindr, which isn't a client in your variables; did you mean cinder"),
        ({"current": {"cinder": "glance"}}, "cinder is renamed to glance, but glance is another client in your variables"),
        (
            {"retire": {"manila": "manila"}},
            "ceph_openstack_retire names manila, which isn't a client in your variables; your clients are cinder, glance, other",
        ),
        ({"retire": {"cinder": "glance"}}, "ceph_openstack_retire names glance, but that is the current name of glance"),
        ({"retire": {"cinder": "cinder"}}, "ceph_openstack_retire names cinder, but that is the current name of cinder"),
        ({"cinder": {"services": []}}, "has neither backends nor backup"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(settings: dict[str, t.Any], error: str) -> None:
    with pytest.raises(AnsibleFilterError, match=error):
        ceph_plan({**SETTINGS, **settings}, FSID)
