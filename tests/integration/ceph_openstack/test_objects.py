# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ceph_objects against a real cluster."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.integration.ceph_openstack.cluster import Ceph

POOLS: list[dict[str, t.Any]] = [
    {"name": "o-images", "target_size_ratio": 0.2, "size": 2},
    {"name": "o-volumes", "pg_num": 16, "quota_max_bytes": "1G", "quota_max_objects": 1000},
]
CLIENTS: list[dict[str, t.Any]] = [
    {"name": "o-glance", "caps": {"mon": "profile rbd", "osd": "profile rbd pool=o-images"}},
    {"name": "client.o-cinder", "caps": {"mon": "profile rbd",
                                         "osd": "profile rbd pool=o-volumes, profile rbd-read-only pool=o-images"}},
]  # fmt: skip

CODED: dict[str, t.Any] = {
    "name": "o-coded",
    "erasure_profile": "o-21",
    "erasure_settings": {"k": 2, "m": 1, "crush-failure-domain": "osd"},
    "pg_num": 8,
}

both_ways = pytest.mark.parametrize("rados", [True, False], ids=["bindings", "ceph command"])


@pytest.fixture
def clean(ceph: Ceph) -> Ceph:
    ceph.objects(
        pools=[{"name": one["name"], "state": "absent", "delete_really": one["name"]} for one in [*POOLS, CODED]],
        clients=[{"name": one["name"], "state": "absent"} for one in CLIENTS],
    )
    ceph.ask({"prefix": "osd erasure-code-profile rm", "name": "o-21"})
    return ceph


@both_ways
def test_a_data_pool_is_made_once_with_its_profile_and_the_clients_may_use_it(clean: Ceph, rados: bool) -> None:
    desired: dict[str, t.Any] = {"pools": [POOLS[0], CODED, {**POOLS[1], "data_pool": "o-coded"}], "clients": CLIENTS}
    before = clean.state()
    predicted = clean.objects(**desired, check=True, rados=rados)
    assert clean.state() == before
    made = clean.objects(**desired, rados=rados)
    assert predicted["steps"] == made["steps"]
    assert [step for step in made["steps"] if "o-21" in step or "o-coded" in step] == [
        "create erasure-code profile o-21 (k=2 m=1 crush-failure-domain=osd)",
        "create pool o-coded, erasure-coded with the profile o-21",
        "set pg_autoscale_mode of pool o-coded to off",
        "set allow_ec_overwrites of pool o-coded to true",
        "enable the application rbd on pool o-coded",
    ]
    (row,) = [row for row in made["pools"] if row["name"] == "o-coded"]
    assert (row["erasure_profile"], row["allow_ec_overwrites"], row["size"]) == ("o-21", True, 3)
    caps = clean.clients()["client.o-cinder"]["caps"]["osd"]
    assert caps == "profile rbd pool=o-volumes, profile rbd-read-only pool=o-images, profile rbd pool=o-coded"
    assert "o-coded" not in clean.clients()["client.o-glance"]["caps"]["osd"]
    settled = clean.state()
    assert clean.objects(**desired, rados=rados)["steps"] == []
    assert clean.state() == settled


def test_a_client_that_is_there_is_told_what_its_data_pool_adds(clean: Ceph) -> None:
    clean.objects(pools=[*POOLS, CODED], clients=CLIENTS)
    made = clean.objects(pools=[{"name": "o-volumes", "data_pool": "o-coded"}], clients=CLIENTS)
    assert made["steps"] == ["set the caps of client.o-cinder, which adds osd profile rbd pool=o-coded"]


def test_an_erasure_coded_pool_of_others_is_taken_as_it_is_or_refused(clean: Ceph) -> None:
    settings = ["k=2", "m=1", "crush-failure-domain=osd"]
    clean.ask(
        {"prefix": "osd erasure-code-profile set", "name": "o-21", "profile": settings},
        {"prefix": "osd pool create", "pool": "o-coded", "pool_type": "erasure", "erasure_code_profile": "o-21"},
        {"prefix": "osd pool create", "pool": "o-volumes", "pg_num": 8},
    )
    clean.until_counted({"o-volumes": 0})  # until then, somebody might have used it
    before = clean.state()
    for pool, error in (
        ({"name": "o-coded", "erasure_profile": "o-42"}, "is erasure-coded with the profile o-21, not erasure-coded with the profile o-42"),
        ({"name": "o-volumes", "erasure_profile": "o-21"}, "Pool o-volumes is replicated, not erasure-coded with the profile o-21"),
        ({**CODED, "erasure_settings": {"k": 4, "m": 2}}, "The erasure-code profile o-21 exists with k=2 m=1, not k=4 m=2."),
        ({"name": "o-volumes", "data_pool": "o-coded"}, "Pool o-coded is the data pool of o-volumes, but doesn't allow overwrites; list it"),
        ({"name": "o-coded", "data_pool": "o-volumes"}, "Pool o-coded is erasure-coded, so it can't hold images"),
        ({"name": "o-coded", "size": 2}, "size 2 is given, but it is erasure-coded"),
    ):  # fmt: skip
        assert error in clean.objects(pools=[pool])["msg"]
    assert clean.state() == before
    made = clean.objects(pools=[{"name": "o-coded"}, {"name": "o-volumes", "data_pool": "o-coded"}])
    assert made["steps"] == [
        "set allow_ec_overwrites of pool o-coded to true",
        "enable the application rbd on pool o-coded",
        "enable the application rbd on pool o-volumes",
        "initialize pool o-volumes for RBD",
    ]


@both_ways
def test_from_nothing_to_all_predicted_done_and_done_once(clean: Ceph, rados: bool) -> None:
    before = clean.state()
    predicted = clean.objects(pools=POOLS, clients=CLIENTS, check=True, rados=rados)
    assert clean.state() == before
    made = clean.objects(pools=POOLS, clients=CLIENTS, rados=rados)
    assert made["changed"]
    assert (predicted["changed"], predicted["steps"], predicted["clients"]) == (True, made["steps"], made["clients"])
    # What nobody asked for is Ceph's to choose, so it can't be predicted; all that was asked for is.
    for row, foreseen in zip(made["pools"], predicted["pools"], strict=True):
        assert foreseen.items() <= row.items()

    pools = clean.pools()
    assert pools["o-images"]["pg_autoscale_mode"] == "on"
    assert pools["o-images"]["options"]["target_size_ratio"] == pytest.approx(0.2)
    assert list(pools["o-images"]["application_metadata"]) == ["rbd"]
    assert (pools["o-volumes"]["pg_num_target"], pools["o-volumes"]["pg_autoscale_mode"]) == (16, "off")
    assert (pools["o-volumes"]["quota_max_bytes"], pools["o-volumes"]["quota_max_objects"]) == (2**30, 1000)
    assert clean.clients()["client.o-cinder"]["caps"] == CLIENTS[1]["caps"]
    assert made["steps"][-2:] == ["initialize pool o-images for RBD", "initialize pool o-volumes for RBD"]
    assert clean.rados_object("o-volumes", "rbd_info") == "overwrite validated"

    settled = clean.state()
    again = clean.objects(pools=POOLS, clients=CLIENTS, rados=rados)
    assert (again["changed"], again["steps"]) == (False, [])
    assert clean.state() == settled


@both_ways
def test_drift_is_mended_and_the_key_stays(clean: Ceph, rados: bool) -> None:
    clean.objects(pools=POOLS, clients=CLIENTS)
    key = clean.key("client.o-cinder")
    clean.ask(
        {"prefix": "auth caps", "entity": "client.o-cinder", "caps": ["mon", "allow *", "osd", "allow *"]},
        {"prefix": "osd pool set-quota", "pool": "o-volumes", "field": "max_objects", "val": "7"},
        {"prefix": "osd pool set", "pool": "o-images", "var": "target_size_ratio", "val": "0.5"},
    )
    refused = clean.objects(pools=POOLS, clients=CLIENTS, rados=rados)
    assert "client.o-cinder has caps that the new ones don't cover: mon allow *; osd allow *." in refused["msg"]
    made = clean.objects(pools=POOLS, clients=CLIENTS, take_away=["client.o-cinder"], rados=rados)
    assert made["steps"] == [
        "set target_size_ratio of pool o-images to 0.2, was 0.5",
        "set the quota max_objects of pool o-volumes to 1000, was 7",
        "set the caps of client.o-cinder, which takes away mon allow *; osd allow *",
    ]
    assert made["diff"]["before"]["clients"][0]["caps"] != made["diff"]["after"]["clients"][0]["caps"]
    assert clean.key("client.o-cinder") == key
    assert not clean.objects(pools=POOLS, clients=CLIENTS)["changed"]


def test_caps_differ_by_what_they_say_not_by_white_space(clean: Ceph) -> None:
    clean.objects(pools=POOLS, clients=CLIENTS)
    caps = {"mon": " profile  rbd", "osd": "profile rbd pool=o-volumes;profile rbd-read-only  pool=o-images"}
    assert not clean.objects(clients=[{"name": "o-cinder", "caps": caps}])["changed"]


@both_ways
def test_a_client_that_is_connected_or_nobodys_predecessor_stays(clean: Ceph, rados: bool) -> None:
    clean.objects(pools=POOLS, clients=CLIENTS)
    leaving = {"name": "o-cinder", "state": "absent"}
    told = clean.objects(clients=[{**leaving, "successor": "o-glance"}], rados=rados)["msg"]
    assert "so client.o-cinder isn't the predecessor of" in told
    with clean.connected("client.o-cinder"):
        told = clean.objects(clients=[leaving], rados=rados)["msg"]
        assert "client.o-cinder is connected to the cluster from 127.0." in told
        assert "client.o-cinder" in clean.clients()
    assert clean.objects(clients=[leaving], rados=rados)["steps"] == ["remove client.o-cinder"]


def test_a_pool_of_a_killed_run_is_initialized_and_one_in_use_is_left_alone(clean: Ceph) -> None:
    clean.ask(*({"prefix": "osd pool create", "pool": one["name"], "pg_num": 8} for one in POOLS))
    clean.rados_object("o-images", "an-image-of-old", "data")
    clean.until_counted({"o-images": 1, "o-volumes": 0})
    desired = [{"name": one["name"]} for one in POOLS]
    predicted = clean.objects(pools=desired, check=True)
    made = clean.objects(pools=desired)
    assert (
        predicted["steps"]
        == made["steps"]
        == [
            "enable the application rbd on pool o-images",
            "enable the application rbd on pool o-volumes",
            "initialize pool o-volumes for RBD",
        ]
    )
    assert clean.objects(pools=desired)["steps"] == []


def test_a_ratio_of_0_is_none(clean: Ceph) -> None:
    clean.objects(pools=POOLS)
    desired = [{"name": "o-images", "target_size_ratio": 0}]
    assert clean.objects(pools=desired)["steps"] == ["set target_size_ratio of pool o-images to 0, was 0.2"]
    assert clean.objects(pools=desired)["steps"] == []


def test_no_key_in_what_is_shown(clean: Ceph) -> None:
    shown = json.dumps([clean.objects(pools=POOLS, clients=CLIENTS), clean.objects(clients=CLIENTS, rados=False)])
    for client in ("client.o-glance", "client.o-cinder", "client.admin"):
        assert clean.key(client) not in shown


@both_ways
def test_a_pool_goes_only_when_named_twice_and_the_guard_is_up_again(clean: Ceph, rados: bool) -> None:
    clean.objects(pools=POOLS)
    before = clean.state()
    refused = clean.objects(pools=[{"name": "o-images", "state": "absent", "delete_really": "images"}], rados=rados)
    assert "Pool o-images would be deleted with all that is in it, but delete_really is 'images'" in refused["msg"]
    assert clean.state() == before
    made = clean.objects(pools=[{"name": "o-images", "state": "absent", "delete_really": "o-images"}], rados=rados)
    assert made["steps"] == ["delete pool o-images and everything in it"]
    assert "o-images" not in clean.pools()
    assert [row for row in clean.ask("config dump") if row["name"] == "mon_allow_pool_delete"] == []
    assert not clean.objects(pools=[{"name": "o-images", "state": "absent", "delete_really": "o-images"}])["changed"]


def test_the_guard_is_put_back_after_a_run_was_killed(clean: Ceph) -> None:
    # What a run leaves that is killed in between.
    clean.ask(
        {"prefix": "config-key set", "key": "openstack_ops.day2/mon_allow_pool_delete", "val": "false"},
        {"prefix": "config set", "who": "mon", "name": "mon_allow_pool_delete", "value": "true"},
    )
    steps = ["restore mon_allow_pool_delete, which a killed run left on"]
    assert clean.objects(check=True)["steps"] == steps
    assert clean.objects()["steps"] == steps
    assert [row["value"] for row in clean.ask("config dump") if row["name"] == "mon_allow_pool_delete"] == ["false"]
    assert clean.objects()["steps"] == []
    clean.ask({"prefix": "config rm", "who": "mon", "name": "mon_allow_pool_delete"})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"clients": [{"name": "x", "caps": {"mon": "profile rdb"}}]}, "there is no profile 'rdb'; did you mean 'rbd'?"),
        ({"clients": [{"name": "x", "caps": {"osd": "profile rbd pool=o-volums"}}]}, "did you mean 'o-volumes'?"),
        ({"clients": [{"name": "x", "caps": {"mno": "profile rbd"}}]}, "has caps for 'mno'; there are mon, osd, mgr, mds"),
        ({"clients": [{"name": "x", "caps": {"osd": "allowed rwx"}}]}, "write `profile NAME …` or `allow …`"),
        ({"clients": [{"name": "x", "caps": {"osd": "profile rbd poool=o-volumes"}}]}, "'poool=o-volumes' isn't valid here"),
        ({"clients": [{"name": "x", "caps": {}}]}, "client.x has no caps"),
        ({"clients": [{"name": "admin", "caps": {"mon": "profile rbd"}}]}, "client.admin is the cluster's administrator"),
        ({"clients": [{"name": "a b", "caps": {}}]}, "isn't a valid name"),
        ({"pools": [{"name": "new", "size": 1, "min_size": 2}]}, "min_size 2 is more than its size 1"),
        ({"pools": [{"name": "new", "pg_num": 8, "pg_autoscale_mode": "on"}]}, "then the autoscaler sets pg_num"),
        ({"pools": [{"name": "new", "crush_rule": "ssd"}]}, "there is no crush rule 'ssd'; there are "),
        ({"pools": [{"name": "new", "quota_max_bytes": "lots"}]}, "quota_max_bytes 'lots' is no size"),
        ({"pools": [{"name": "o-volumes", "application": "cephfs"}]}, "belongs to the application 'rbd', not to 'cephfs'"),
        ({"pools": [{"name": "new"}, {"name": "new"}]}, "Pool new is listed twice"),
        ({"conf": "/nowhere/ceph.conf"}, "There is no /nowhere/ceph.conf on this host"),
        ({"name": "client.nobody"}, "client.nobody"),
    ],
)  # fmt: skip
def test_bad_input_gets_its_error_and_nothing_is_changed(ceph: Ceph, arguments: dict[str, t.Any], error: str) -> None:
    ceph.objects(pools=POOLS)
    before = ceph.state()
    # The good request before the bad one must not be carried out.
    pools = [{"name": "o-never"}, *arguments.get("pools", [])]
    printed = ceph.objects(**{**arguments, "pools": pools})
    assert printed["failed"]
    assert error in printed["msg"]
    assert ceph.state() == before


@both_ways
def test_an_unreachable_monitor_is_told_in_time(ceph: Ceph, rados: bool, tmp_path: t.Any) -> None:
    conf = tmp_path / "ceph.conf"
    conf.write_text("[global]\nmon host = 127.0.77.99\n")
    keyring = str(ceph.folder / "ceph.client.admin.keyring")
    printed = ceph.objects(conf=str(conf), keyring=keyring, timeout=2, rados=rados)
    assert "No monitor of" in printed["msg"]
    assert "answered client.admin within 2 s" in printed["msg"]
