# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which clusters a run has, what each is told, and hosts that disagree about theirs."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.ceph_clusters import ceph_clusters
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph.clusters import same_cluster

A = {"ceph_openstack_admin_host": "mon1"}
B = {"ceph_openstack_admin_host": "mon2", "ceph_openstack_pools": [{"name": "ssd"}]}
SECRET = [{"client": "cinder", "secret": True}]


def made(hostvars: dict[str, dict[str, t.Any]], own: dict[str, t.Any] | None = None) -> list[dict[str, t.Any]]:
    return ceph_clusters(hostvars, hostvars, own)


def test_each_cluster_has_its_hosts_and_is_told_their_variables() -> None:
    keys = {"ceph_openstack_keys": {"cinder": "AQ"}}
    volume = {**B, "ceph_openstack_here": [{"client": "client.backup"}]}
    one, other = made({"a1": A, "b1": B, "a2": A, "b2": volume, "vault": keys})
    assert (one["name"], one["hosts"], other["name"], other["hosts"]) == ("mon1", ["a1", "a2"], "mon2", ["b1", "b2"])
    assert [row["name"] for row in one["pools"]] == ["images", "volumes", "backups", "vms"]
    assert other["pools"] == other["settings"]["pools"] == [{"name": "ssd"}]
    assert (one["clients"], other["clients"]) == (["cinder"], ["cinder", "backup"])
    assert other["admin"] == {
        "host": "mon2", "conf": "/etc/ceph/ceph.conf", "name": "client.admin", "keyring": "", "command": "", "timeout": 5,
    }  # fmt: skip


def test_two_clusters_on_one_host_are_told_apart() -> None:
    found = made({"a": A, "b": {**A, "ceph_openstack_admin_conf": "/etc/ceph/b.conf"}})
    assert [one["name"] for one in found] == ["mon1 /etc/ceph/ceph.conf", "mon1 /etc/ceph/b.conf"]


@pytest.mark.parametrize(
    ("option", "other"),
    [("name", "client.operator"), ("keyring", "/root/keyring"), ("command", "podman exec ceph-mon-b")],
)
def test_two_ways_on_one_host_are_told_apart_and_refused_where_they_lead_to_one_cluster(
    option: str, other: str
) -> None:
    found = made({"a": A, "b": {**A, f"ceph_openstack_admin_{option}": other}})
    assert [one["name"].startswith("mon1") for one in found] == [True, True]
    assert found[1]["name"] == f"mon1 {other}" != found[0]["name"]
    told = same_cluster([{"item": one, "fsid": "f"} for one in found])
    assert f"{found[0]['name']} and mon1 {other} administer the same cluster (f)." in told


def test_each_host_s_variables_are_made_once() -> None:
    class Counted(dict[str, t.Any]):
        looks = 0

        def __getitem__(self, host: str) -> t.Any:
            Counted.looks += 1
            return super().__getitem__(host)

    ceph_clusters(["a", "b"], Counted(a=A, b=A))
    assert Counted.looks == 2


def test_what_a_play_sets_counts_for_all_hosts() -> None:
    defaults = {"ceph_openstack_timeout": 5, "ceph_openstack_pools": [{"name": "of-the-play"}]}
    (one,) = made({"a": A, "b": A}, {**A, **defaults})
    assert one["pools"] == [{"name": "of-the-play"}]
    several = {"a": A, "b": {"ceph_openstack_admin_host": "mon2"}}
    assert [one["name"] for one in made(several, {**A, **defaults})] == ["mon1", "mon2"]
    assert [one["name"] for one in made(several, {"ceph_openstack_admin_host": "mon3"})] == ["mon3"]


def test_options_of_services_files_are_in_no_item_that_ansible_shows() -> None:
    cinder = {
        "backends": [{"name": "rbd", "options": {"password": "hidden"}}],
        "options": {"DEFAULT": {"password": "hidden"}},
    }
    (one,) = made({"a": {**A, "ceph_openstack_cinder": cinder}})
    assert one["settings"]["cinder"] == {"backends": [{"name": "rbd"}]}
    assert "hidden" not in str(one)


def test_the_successors_of_a_cluster_are_read_with_it() -> None:
    (one,) = made({"a": {**A, "ceph_openstack_current": {"cinder": "client.cinder-2"}}})
    assert one["clients"] == ["cinder", "cinder-2"]


@pytest.mark.parametrize(
    ("changes", "about"),
    [
        ({"ceph_openstack_pools": []}, "but disagree about ceph_openstack_pools"),
        ({"ceph_openstack_clients": []}, "but disagree about ceph_openstack_clients"),
        (
            {"ceph_openstack_current": {"cinder": "c2"}},
            "but disagree about ceph_openstack_current",
        ),
        ({"ceph_openstack_retire": {"cinder": "c2"}}, "but disagree about ceph_openstack_retire"),
        ({"ceph_openstack_take_away": ["client.cinder"]}, "but disagree about ceph_openstack_take_away"),
        ({"ceph_openstack_secret_uuid": "5-6"}, "client.cinder in secrets with different UUIDs (5-6, the fsid)"),
        ({"ceph_openstack_nova": {"uuid": "5-6"}}, "client.cinder in secrets with different UUIDs (5-6, the fsid)"),
    ],
)
def test_hosts_of_a_cluster_that_disagree_are_refused(changes: dict[str, t.Any], about: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        made({"a": A, "b": B, "c": {**A, **changes}})
    assert (
        f"c and a have the same cluster (administered on mon1), {'but are to have the key of ' if 'UUID' in about else ''}{about}"
        in str(caught.value)
    )
    assert len(made({"a": A, "b": {**B, **changes}})) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"ceph_openstack_take_away": ["lvm in enabled_backends of /etc/cinder/cinder.conf"]},
        {"ceph_openstack_secret_uuid": "5-6", "ceph_openstack_here": [{"client": "cinder", "keyring": "/k"}]},
        {"ceph_openstack_here": [{"client": "cinder", "secret": True, "uuid": "5-6"}]},
    ],
    ids=["files of its own", "no secret", "a secret that was there"],
)
def test_what_is_a_host_s_own_matter_is_not_compared(changes: dict[str, t.Any]) -> None:
    assert len(made({"a": A, "b": {**A, **changes}})) == 1


def test_hosts_with_keys_of_one_cluster_have_one_uuid() -> None:
    keys = {"ceph_openstack_keys": {"cinder": "AQ"}, "ceph_openstack_fsid": "F"}
    assert made({"a": keys, "b": {**keys, "ceph_openstack_fsid": "G", "ceph_openstack_secret_uuid": "1"}}) == []
    with pytest.raises(AnsibleFilterError, match=r"b and a have the same cluster \(fsid f\)"):
        made({"a": keys, "b": {**keys, "ceph_openstack_fsid": "f", "ceph_openstack_secret_uuid": "1"}})


def test_two_ways_to_one_cluster_are_refused() -> None:
    answers: list[dict[str, t.Any]] = [
        {"item": {"name": "mon1"}, "fsid": "f"},
        {"item": {"name": "mon2"}},
        {"item": {"name": "mon3"}, "fsid": "g"},
    ]
    assert same_cluster(answers) == ""
    assert same_cluster([*answers, {"item": {"name": "mon4"}, "fsid": "f"}]).startswith(
        "mon1 and mon4 administer the same cluster (f)."
    )
