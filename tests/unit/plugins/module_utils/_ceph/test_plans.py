# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools, clients and keys as plans: what it takes, and that nothing is left to do afterwards."""

from __future__ import annotations

import base64
import struct
import typing as t
from dataclasses import replace
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import (
    client_secrets,
    guests,
    keyrings,
    monitors,
    pools,
    secrets_apply,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.caps import (
    caps_text,
    check_caps,
    doubts,
    pools_of,
    taken_away,
    with_data_pools,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.objects import (
    Client,
    Cluster,
    DesiredObjects,
    Pool,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.pools import differences
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.usage import read_usage, size_of, usage_text
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError

CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=volumes"}
VOLUMES = Pool("volumes", "rbd", 3, 2, 32, "on", None, 0, 0, "replicated_rule")
CODED = Pool("coded", "rbd", 3, 2, 32, "on", None, 0, 0, "coded", "ec21", False)
EC21 = {"k": "2", "m": "1", "plugin": "jerasure", "crush-failure-domain": "host"}
ACTUAL = Cluster(
    {"volumes": VOLUMES, "coded": CODED},
    {"client.cinder": Client("client.cinder", CAPS)},
    ("replicated_rule",),
    profiles={"ec21": EC21},
)


@pytest.mark.parametrize(
    ("desired", "steps"),
    [
        pytest.param(DesiredObjects(), [], id="nothing wanted is nothing done"),
        pytest.param(
            DesiredObjects((Pool("volumes", "rbd"),), (Client("client.cinder", CAPS),)), [], id="all is there"
        ),
        pytest.param(
            DesiredObjects((Pool("volumes", target_size_ratio=0.2),)),
            ["set target_size_ratio of pool volumes to 0.2"],
            id="a setting that was not there",
        ),
        pytest.param(
            DesiredObjects((Pool("volumes", pg_num=64),)),
            ["set pg_autoscale_mode of pool volumes to off, was on", "set pg_num of pool volumes to 64, was 32"],
            id="a fixed pg_num takes the autoscaler's hands off, first",
        ),
        pytest.param(
            DesiredObjects((Pool("volumes", min_size=3, size=5),)),
            ["set size of pool volumes to 5, was 3", "set min_size of pool volumes to 3, was 2"],
            id="size comes before min_size",
        ),
        pytest.param(
            DesiredObjects((Pool("new", "rbd", pg_num=8),)),
            [
                "create pool new",
                "set pg_autoscale_mode of pool new to off",
                "enable the application rbd on pool new",
                "initialize pool new for RBD",
            ],
            id="a new pool",
        ),
        pytest.param(
            DesiredObjects((Pool("new", "cephfs"),), (Client("client.a", {"mon": "allow r"}),)),
            ["create pool new", "enable the application cephfs on pool new", "create client.a"],
            id="a new pool for something else isn't initialized",
        ),
        pytest.param(
            DesiredObjects(clients=(Client("client.cinder", {"mon": "profile rbd"}, narrow=True),)),
            ["set the caps of client.cinder, which takes away osd profile rbd pool=volumes"],
            id="caps that go are named",
        ),
        pytest.param(
            DesiredObjects(clients=(Client("client.cinder", {**CAPS, "mgr": "profile rbd"}),)),
            ["set the caps of client.cinder, which adds mgr profile rbd"],
            id="more caps take nothing away",
        ),
        pytest.param(
            DesiredObjects(
                (
                    Pool("data", "rbd", pg_num=8, erasure_profile="ec42", allow_ec_overwrites=True),
                    Pool("volumes", "rbd"),
                ),
                profiles={"ec42": {"crush-failure-domain": "host", "m": "2", "k": "4"}},
                data_pools={"volumes": "data"},
            ),
            [
                "create erasure-code profile ec42 (k=4 m=2 crush-failure-domain=host)",
                "create pool data, erasure-coded with the profile ec42",
                "set pg_autoscale_mode of pool data to off",
                "set allow_ec_overwrites of pool data to true",
                "enable the application rbd on pool data",
            ],
            id="a data pool with a profile of its own isn't initialized",
        ),
        pytest.param(
            DesiredObjects((Pool("coded", "rbd", allow_ec_overwrites=True),), data_pools={"volumes": "coded"}),
            ["set allow_ec_overwrites of pool coded to true"],
            id="an existing data pool",
        ),
        pytest.param(
            DesiredObjects((Pool("volumes", "rbd", allow_ec_overwrites=True),)),
            [],
            id="a replicated one needs no leave",
        ),
        pytest.param(DesiredObjects((Pool("volumes", target_size_ratio=0),)), [], id="no ratio is a ratio of 0"),
        pytest.param(
            DesiredObjects(absent_pools=("volumes", "gone"), absent_clients=("client.cinder", "client.gone")),
            ["remove client.cinder", "delete pool volumes and everything in it"],
            id="what is gone already needs nothing",
        ),
    ],
)
def test_a_plan_and_nothing_left_to_do_after_it(desired: DesiredObjects, steps: list[str]) -> None:
    made = pools.plan(desired, ACTUAL)
    assert [step.text for step in made.steps] == steps
    assert made.changed == bool(steps)
    assert differences(made.after, desired) == []
    assert not pools.plan(desired, made.after).changed
    if steps:
        assert differences(ACTUAL, desired) != []


@pytest.mark.parametrize(
    ("row", "objects", "steps"),
    [
        pytest.param({}, 0, ["initialize pool volumes for RBD"], id="made, but never used"),
        pytest.param(
            {"flags_names": "hashpspool,selfmanaged_snaps"}, 0, [], id="initialized, though nothing is counted yet"
        ),
        pytest.param({}, 7, [], id="in use since a release that didn't initialize"),
        pytest.param({}, None, [], id="not counted yet"),
        pytest.param({"type": 3}, 0, [], id="erasure-coded"),
        pytest.param({"pool_name": "other"}, 0, None, id="not named"),
    ],
)
def test_only_a_pool_that_was_never_used_is_initialized(
    row: dict[str, t.Any], objects: int | None, steps: list[str] | None
) -> None:
    rows = [
        {
            "pool_name": "volumes", "type": 1, "flags_names": "hashpspool", "size": 3, "min_size": 2, "pg_num": 32, "crush_rule": 0,
            "application_metadata": {"rbd": {}}, "options": {}, "pg_autoscale_mode": "on", **row,
        }
    ]  # fmt: skip
    stats = {} if objects is None else {"objects": objects}
    unused = pools.empty(pools.uninitialized(rows, ["volumes"]), {"pools": [{"name": "volumes", "stats": stats}]})
    found = pools.read_cluster(rows, [], {"auth_dump": []}, unused)
    desired = DesiredObjects((Pool("volumes", "rbd"),))
    if steps is None:
        assert unused == set()
        return
    made = pools.plan(desired, found)
    assert [step.text for step in made.steps] == steps
    assert bool(differences(found, desired)) == bool(steps)
    assert differences(made.after, desired) == []


@pytest.mark.parametrize(
    ("rc", "error"),
    [(0, ""), (124, "initialize pool new for RBD within 120 s"), (1, "as client.admin said: denied. Run")],
)
def test_a_pool_is_initialized_by_rbd_and_in_time(rc: int, error: str) -> None:
    lines: list[list[str]] = []

    def run(words: list[str], _data: str) -> tuple[int, str, str]:
        lines.append(words)
        return rc, "", "denied\n" if rc else ""

    (step,) = [
        step for step in pools.plan(DesiredObjects((Pool("new", "rbd"),)), ACTUAL).steps if step.program == "rbd"
    ]
    found = monitors.Monitors(monitors.Access("/c.conf", "client.admin", "/k"), run)
    if error:
        with pytest.raises(OperatorError, match=error):
            found._do(step)
    else:
        found._do(step)
    assert lines == [
        ["timeout", "--kill-after=5", "120", "rbd", "--conf", "/c.conf", "--name", "client.admin", "--keyring", "/k", "pool", "init", "new"]
    ]  # fmt: skip


def _refusal(desired: DesiredObjects, actual: Cluster = ACTUAL) -> str:
    with pytest.raises(OperatorError) as caught:
        pools.plan(desired, actual)
    return str(caught.value)


def test_rights_of_a_client_are_taken_away_only_with_a_yes() -> None:
    there = {**CAPS, "osd": "profile rbd pool=volumes, profile rbd pool=volumes namespace=ssd, allow rwx pool=old"}
    actual = replace(ACTUAL, clients={"client.cinder": Client("client.cinder", there)})
    told = _refusal(DesiredObjects(clients=(Client("client.cinder", CAPS),)), actual)
    assert "caps that the new ones don't cover: osd allow rwx pool=old. Guests may use them." in told
    assert "list client.cinder in take_away" in told


@pytest.mark.parametrize(
    ("there", "wanted", "lost"),
    [
        ("profile rbd pool=a, profile rbd pool=b", "profile rbd pool=b, profile rbd pool=a", []),
        ("allow class-read object_prefix rbd_children, allow rwx pool=a, allow rx pool=b",
         "profile rbd pool=a, profile rbd-read-only pool=b", []),
        ("allow pool a rwx", "profile rbd pool=a", []),
        ("profile rbd-read-only pool=a", "profile rbd pool=a", []),
        ("profile rbd pool=a", "profile rbd-read-only pool=a", ["osd profile rbd pool=a"]),
        ("profile rbd", "profile rbd pool=a", ["osd profile rbd"]),
        ("profile rbd pool=a", "profile rbd pool=a namespace=n", ["osd profile rbd pool=a"]),
        ("allow *", "profile rbd pool=a", ["osd allow *"]),
        ("profile rbd pool=a", "allow *", []),
        ("allow rw tag cephfs data=cephfs", "profile rbd pool=a", ["osd allow rw tag cephfs data=cephfs"]),
        ("allow rwx pool=ssd", "allow r pool=ssd", ["osd allow rwx pool=ssd"]),
    ],
)  # fmt: skip
def test_what_new_caps_take_away(there: str, wanted: str, lost: list[str]) -> None:
    assert taken_away({"osd": there}, {"osd": wanted}) == lost


def test_what_monitors_and_managers_grant_counts_too() -> None:
    assert taken_away({"mon": 'allow r, allow command "osd blacklist"'}, {"mon": "profile rbd"}) == []
    assert taken_away({"mgr": "profile rbd", "mds": "allow rw"}, {"mon": "profile rbd"}) == [
        "mds allow rw",
        "mgr profile rbd",
    ]


def test_somebody_elses_client_is_no_successor() -> None:
    manila = Client("client.manila", {"mon": "allow r", "mds": "allow rw"})
    actual = replace(ACTUAL, clients={**ACTUAL.clients, "client.manila": manila})
    told = _refusal(DesiredObjects(clients=(Client("client.manila", CAPS, "client.cinder", narrow=True),)), actual)
    assert "client.manila can't become the successor of client.cinder: it already exists with other caps" in told
    mine = DesiredObjects(clients=(Client("client.cinder", CAPS, "client.old"),))
    assert pools.plan(mine, ACTUAL).steps == ()  # brought by a run before


def test_only_a_predecessor_that_nobody_uses_goes() -> None:
    manila = Client("client.manila", {"mon": "allow r", "mds": "allow rw"})
    actual = replace(ACTUAL, clients={**ACTUAL.clients, "client.manila": manila, "client.2": Client("client.2", CAPS)})
    desired = DesiredObjects(absent_clients=("client.manila",), successors={"client.manila": "client.cinder"})
    assert "so client.manila isn't the predecessor of client.cinder" in _refusal(desired, actual)
    gone = DesiredObjects(absent_clients=("client.cinder",), successors={"client.cinder": "client.3"})
    assert "but its successor client.3 doesn't exist" in _refusal(gone, actual)
    desired = DesiredObjects(absent_clients=("client.cinder",), successors={"client.cinder": "client.2"})
    assert [step.text for step in pools.plan(desired, actual).steps] == ["remove client.cinder"]
    used = replace(actual, connected={"client.cinder": ("192.0.2.7",)})
    assert "client.cinder is connected to the cluster from 192.0.2.7; guests or services" in _refusal(desired, used)


@pytest.mark.parametrize(
    ("pool", "changes", "error"),
    [
        (Pool("volumes", erasure_profile="ec21"), {}, "Pool volumes is replicated, not erasure-coded with the profile ec21"),
        (Pool("coded", erasure_profile="ec42"), {}, "is erasure-coded with the profile ec21, not erasure-coded with the profile ec42"),
        (Pool("coded", size=3), {}, "size 3 is given, but it is erasure-coded"),
        (Pool("new", erasure_profile="ec42"), {}, "there is no erasure-code profile 'ec42'. Give erasure_settings"),
        (Pool("new", erasure_profile="ec21"), {"profiles": {"ec21": {"k": "4", "m": "1"}}}, "ec21 exists with k=2, not k=4."),
        (Pool("new", erasure_profile="e"), {"profiles": {"e": {"k": "4"}}}, "m is ''; give a number of at least 1"),
        (Pool("new", erasure_profile="e"), {"profiles": {"e": {"k": "1", "m": "1"}}}, "k is '1'; give a number of at least 2"),
        (
            Pool("new", erasure_profile="e"),
            {"profiles": {"e": {"k": "4", "m": "2", "crush_failure_domain": "host"}}},
            "no setting 'crush_failure_domain'; did you mean 'crush-failure-domain'?",
        ),
        (Pool("volumes"), {"data_pools": {"volumes": "volumes"}}, "is its own data pool"),
        (Pool("volumes"), {"data_pools": {"volumes": "nowhere"}}, "has the data pool nowhere, which neither exists"),
        (Pool("volumes"), {"data_pools": {"volumes": "coded"}}, "but doesn't allow overwrites; list it in pools"),
        (Pool("coded"), {"data_pools": {"coded": "volumes"}}, "Pool coded is erasure-coded, so it can't hold images"),
        (Pool("data", "rgw"), {"data_pools": {"volumes": "data"}}, "so its application must be rbd"),
    ],
)  # fmt: skip
def test_erasure_coding_that_cannot_be_is_refused(pool: Pool, changes: dict[str, t.Any], error: str) -> None:
    assert error in _refusal(DesiredObjects((pool,), **changes))


def test_a_data_pool_of_something_else_is_refused() -> None:
    actual = replace(ACTUAL, pools={"volumes": VOLUMES, "data": replace(VOLUMES, name="data", application="rgw")})
    assert "isn't for the application rbd" in _refusal(DesiredObjects(data_pools={"volumes": "data"}), actual)


@pytest.mark.parametrize(
    ("caps", "found"),
    [
        ("profile rbd pool=a", "profile rbd pool=a, profile rbd pool=data"),
        ("profile rbd pool=ab, allow rwx pool a", "profile rbd pool=ab, allow rwx pool a, allow rwx pool data"),
        ('profile rbd pool="a" namespace=n', 'profile rbd pool="a" namespace=n, profile rbd pool="data" namespace=n'),
        ("profile rbd pool=a, profile rbd  pool=data", "profile rbd pool=a, profile rbd  pool=data"),
        ("profile rbd-read-only pool=a, profile rbd pool=data", "profile rbd-read-only pool=a, profile rbd pool=data"),
        ("profile rbd pool=a, profile rbd-read-only pool=data",
         "profile rbd pool=a, profile rbd-read-only pool=data, profile rbd pool=data"),
        ("profile rbd", "profile rbd"),
        ("allow * pool=b", "allow * pool=b"),
    ],
)  # fmt: skip
def test_caps_on_a_pool_cover_its_data_pool(caps: str, found: str) -> None:
    assert with_data_pools(caps, {"a": "data"}) == found
    assert with_data_pools(found, {"a": "data"}) == found


def test_what_ceph_keeps_of_a_ratio_is_no_difference() -> None:
    actual = replace(ACTUAL, pools={"volumes": replace(VOLUMES, target_size_ratio=0.20000000298023224)})
    assert not pools.plan(DesiredObjects((Pool("volumes", target_size_ratio=0.2),)), actual).changed


def test_a_pool_keeps_the_other_applications_that_it_has() -> None:
    actual = replace(ACTUAL, pools={"volumes": replace(VOLUMES, application="rbd,rgw")})
    desired = DesiredObjects((Pool("volumes", "rbd"),))
    assert not pools.plan(desired, actual).changed
    assert differences(actual, desired) == []


@pytest.mark.parametrize(
    ("caps", "error"),
    [
        ("profile rdb", "there is no profile 'rdb'; did you mean 'rbd'?"),
        ("profile", "there is no profile ''"),
        ("allow", "with some of r, w, x"),
        ("allow rwz", "'z' isn't valid here"),
        ("profile rbd pool=volums", "neither exists nor is going to be created; did you mean 'volumes'?"),
        (
            "profile rbd, profile rbd-readonly pool=volumes",
            "there is no profile 'rbd-readonly'; did you mean 'rbd-read-only'?",
        ),
        (
            "allow rwx pool volums",
            "name the pool 'volums', which neither exists nor is going to be created; did you mean 'volumes'?",
        ),
        ("profile rbd-mirrors", "there is no profile 'rbd-mirrors'; did you mean 'rbd-mirror'? Ceph"),
        ("allow class", "with some of r, w, x"),
        (" , ", "are empty"),
    ],
)
def test_caps_that_ceph_would_store_and_that_grant_nothing(caps: str, error: str) -> None:
    with pytest.raises(OperatorError) as caught:
        check_caps("client.x", {"osd": caps}, ["volumes"])
    assert error in str(caught.value)


@pytest.mark.parametrize(
    "caps",
    [
        "profile rbd",
        "profile rbd pool=volumes, profile rbd-read-only pool=volumes namespace=a",
        "allow *",
        "allow rwx pool=volumes",
        "allow class-read object_prefix rbd_children, allow rwx pool=volumes",
        'allow command "osd blocklist"',
        "allow rw tag cephfs data=cephfs",
        "allow profile rbd",
        "allow rwps",
        "allow pool=volumes rwx",
        "allow class rbd metadata_list r pool=volumes",
        "allow auid 1 rwx",
        "profile cephfs-mirror",
        "profile of-next-year",
    ],
)
def test_caps_that_are_fine(caps: str) -> None:
    check_caps("client.x", {"osd": caps}, ["volumes"])
    assert caps_text(caps_text(caps)) == caps_text(caps)


@pytest.mark.parametrize(
    ("mon", "osd", "doubt"),
    [
        ("profile rbd", "profile rbd pool=a", ""),
        ("allow r", "profile rbd pool=a", "mon caps don't let it blocklist others"),
        ("allow r", "allow rwx pool=a", "mon caps don't let it blocklist others"),
        ('allow r, allow command "osd blacklist"', "allow rwx pool=a", ""),
        ("allow rw", "allow rwx pool=a", ""),
        ("allow *", "allow *", ""),
        ("allow r", "profile rbd-read-only pool=a", ""),
        ("allow r", "allow rwx tag cephfs data=a", ""),
        ("profile of-next-year", "allow r", "the profile 'of-next-year' of its mon caps isn't known here"),
    ],
)
def test_caps_that_may_not_do_what_was_meant_are_warned_of(mon: str, osd: str, doubt: str) -> None:
    found = doubts("client.x", {"mon": mon, "osd": osd})
    assert bool(found) == bool(doubt)
    assert doubt in "".join(found)


def test_caps_that_are_there_may_name_a_pool_that_is_gone() -> None:
    caps = {**CAPS, "osd": "profile rbd pool=volumes, allow rwx pool gone"}
    actual = replace(ACTUAL, clients={"client.cinder": Client("client.cinder", caps)})
    assert not pools.plan(DesiredObjects(clients=(Client("client.cinder", caps),)), actual).changed
    assert "the pool 'gone'" in _refusal(DesiredObjects(clients=(Client("client.new", caps),)), actual)


@pytest.mark.parametrize(
    ("caps", "write", "read"),
    [
        ("profile rbd pool=a, profile rbd-read-only pool=b", {"a"}, {"b"}),
        ("allow class-read object_prefix rbd_children, allow rwx pool=a, allow rx pool=b", {"a"}, {"b"}),
        ("allow pool b r, allow pool a rwx; allow r pool=a", {"a"}, {"b"}),
        ("allow pool=b class-read r", set(), {"b"}),
    ],
)
def test_pools_are_found_in_caps_of_any_age(caps: str, write: set[str], read: set[str]) -> None:
    assert pools_of(caps) == (write, read)


@pytest.mark.parametrize(
    ("text", "size"),
    [("500", 500), ("500G", 500 * 2**30), ("500GiB", 500 * 2**30), ("1.5 tib", 3 * 2**39), ("0", 0), ("10 boxes", None), ("-1", None)],
)  # fmt: skip
def test_sizes_are_in_powers_of_1024(text: str, size: int | None) -> None:
    assert size_of(text) == size


def test_a_pool_at_its_quota_is_full() -> None:
    stats = {"stored": 300, "bytes_used": 900, "objects": 3, "max_avail": 4000, "percent_used": 0.01}
    rows = [
        {"name": "free", "stats": stats},
        {"name": "bytes", "stats": {**stats, "quota_bytes": 400}},
        {"name": "objects", "stats": {**stats, "quota_objects": 3}},
    ]
    found = read_usage({"pools": rows})
    assert [(one.name, one.fits, one.percent_full) for one in found] == [
        ("objects", 0, 100.0),
        ("bytes", 100, 75.0),
        ("free", 4000, 1.0),
    ]
    assert "100.0 %" in usage_text(found)[1]
    assert {one.copies for one in found} == {""}


def test_what_a_pool_keeps_of_each_object() -> None:
    stats = {"stored": 1, "bytes_used": 3, "objects": 3, "max_avail": 4000, "percent_used": 0.01}
    rows = [{"name": name, "stats": stats} for name in ("coded", "layers", "old", "three", "unknown")]
    made = [
        {"pool_name": "three", "type": 1, "size": 3, "erasure_code_profile": ""},
        {"pool_name": "old", "type": 1, "size": 3, "erasure_code_profile": "ec42"},
        {"pool_name": "coded", "type": 3, "size": 6, "erasure_code_profile": "ec42"},
        {"pool_name": "layers", "type": 3, "size": 8, "erasure_code_profile": "lrc"},
        {"pool_name": "unknown", "type": 3, "size": 6, "erasure_code_profile": "gone"},
    ]
    lrc = {"plugin": "lrc", "mapping": "__DD__DD", "layers": '[["_cDD_cDD", ""]]'}
    found = read_usage({"pools": rows}, made, {"ec42": {"k": "4", "m": "2"}, "lrc": lrc})
    assert [(one.name, one.copies, one.erasure_profile) for one in found] == [
        ("coded", "4+2", "ec42"), ("layers", "8", "lrc"), ("old", "3", ""), ("three", "3", ""), ("unknown", "6", "gone"),
    ]  # fmt: skip


def test_a_setting_of_a_profile_is_one_word_and_no_option() -> None:
    settings = {"k": "4", "m": "2", "crush-root": "default --force", "layers": '[ [ "DDc", "" ] ]'}
    wanted = Pool("new", erasure_profile="e")
    step = pools.plan(DesiredObjects((wanted,), profiles={"e": settings}), ACTUAL).steps[0]
    words = ["k=4", "m=2", "crush-root=default --force", 'layers=[ [ "DDc", "" ] ]']
    assert (list(step.cli[4:]), step.arguments["profile"]) == (words, words)
    assert "'--force' isn't the name of a setting" in _refusal(
        DesiredObjects((wanted,), profiles={"e": {"k": "4", "m": "2", "--force": "true"}})
    )


def test_an_empty_setting_is_one_that_a_profile_leaves_out() -> None:
    desired = DesiredObjects(
        (Pool("coded", erasure_profile="ec21"),), profiles={"ec21": {"k": "2", "m": "1", "crush-device-class": ""}}
    )
    actual = replace(ACTUAL, profiles={"ec21": {"k": "2", "m": "1"}})
    assert not pools.plan(desired, actual).changed


# ---------------------------------------------------------------------- keys
def _key(fill: bytes) -> bytes:
    return struct.pack("<HIIH", 1, 1, 0, 16) + fill * 16


KEY, OTHER = _key(b"a"), _key(b"b")
SECRET = client_secrets.Secret("457eb676-33da-42ec-9a8c-9293d545c337", "client.cinder secret")
KEYRING = client_secrets.Keyring("/etc/ceph/ceph.client.cinder.keyring", "root", "nova", 0o640)
DESIRED = client_secrets.DesiredClient("client.cinder", SECRET, KEY, KEYRING)
TEXT = keyrings.with_key("", "client.cinder", client_secrets.key_text(KEY))


def test_what_a_key_is() -> None:
    assert client_secrets.decode_key(base64.b64encode(KEY).decode() + "\n", "client.x") == KEY
    twice = base64.b64encode(base64.b64encode(KEY))
    assert client_secrets.is_encoded(base64.b64encode(KEY))
    assert not client_secrets.is_encoded(KEY)
    with pytest.raises(OperatorError, match="encoded twice") as caught:
        client_secrets.decode_key(twice.decode(), "client.x")
    assert twice.decode() not in str(caught.value)


@pytest.mark.parametrize(
    ("desired", "actual", "steps"),
    [
        pytest.param(
            DESIRED,
            client_secrets.ActualClient({SECRET.uuid: SECRET}, KEY, True, "", KEYRING, TEXT),
            0,
            id="all is there",
        ),
        pytest.param(DESIRED, client_secrets.ActualClient({}), 3, id="nothing is there"),
        pytest.param(
            DESIRED,
            client_secrets.ActualClient({SECRET.uuid: SECRET}, OTHER, True, "", KEYRING, TEXT),
            1,
            id="another key",
        ),
        pytest.param(
            DESIRED,
            client_secrets.ActualClient({SECRET.uuid: SECRET}, None, True, "", KEYRING, TEXT),
            1,
            id="no value yet",
        ),
        pytest.param(
            DESIRED,
            client_secrets.ActualClient({SECRET.uuid: SECRET}, KEY, True, "", replace(KEYRING, mode=0o644), TEXT),
            1,
            id="a file that others can read",
        ),
        pytest.param(
            replace(DESIRED, secret=replace(SECRET, private=True)),
            client_secrets.ActualClient(
                {SECRET.uuid: replace(SECRET, private=True)}, None, False, repr(KEY), KEYRING, TEXT
            ),
            0,
            id="a private one is known by its fingerprint",
        ),
        pytest.param(
            replace(DESIRED, secret=replace(SECRET, private=True)),
            client_secrets.ActualClient(
                {SECRET.uuid: replace(SECRET, private=True)}, None, False, repr(OTHER), KEYRING, TEXT
            ),
            1,
            id="a private one with another fingerprint",
        ),
        pytest.param(
            replace(DESIRED, key=None),
            client_secrets.ActualClient({}),
            3,
            id="in check mode, a key that isn't made yet",
        ),
    ],
)
def test_what_a_client_on_a_host_takes(
    desired: client_secrets.DesiredClient, actual: client_secrets.ActualClient, steps: int
) -> None:
    made = client_secrets.plan(desired, actual, repr)
    assert len(made.steps) == steps
    assert made.changed == bool(steps)
    assert not any(base64.b64encode(key).decode() in step for step in made.steps for key in (KEY, OTHER))


@pytest.mark.parametrize(
    ("there", "error"),
    [
        (replace(SECRET, uuid="0" * 8 + SECRET.uuid[8:]), "belongs to secret 00000000-"),
        (replace(SECRET, usage="other"), "libvirt can't rename it"),
        (replace(SECRET, private=True), "libvirt can't make it public again"),
        (replace(SECRET, kind="volume"), "choose another uuid"),
    ],
)
def test_conflicts_are_explained(there: client_secrets.Secret, error: str) -> None:
    actual = client_secrets.ActualClient({there.uuid: there})
    with pytest.raises(OperatorError, match=error):
        client_secrets.plan(DESIRED, actual, repr)
    if there.kind == "ceph":
        assert client_secrets.plan(replace(DESIRED, replace=True), actual, repr).undefine == (there,)


ADMIN = '[client.admin]\n\tkey = AQ-admin\n\tcaps mon = "allow *"\n'


def test_a_keyring_is_edited_by_entry() -> None:
    both = keyrings.with_key(ADMIN, "client.cinder", "AQ-old")
    assert both.startswith(ADMIN)
    assert keyrings.entries(both) == ("client.admin", "client.cinder")
    changed = keyrings.with_key(both + '\tcaps mon = "allow r"\n', "client.cinder", "AQ-new")
    assert keyrings.key_in(changed, "client.cinder") == "AQ-new"
    assert keyrings.key_in(changed, "client.admin") == "AQ-admin"
    assert 'caps mon = "allow r"' in changed
    assert "AQ-old" not in changed
    assert keyrings.without(both, "client.cinder") == ADMIN
    assert keyrings.without(ADMIN, "client.admin") == ""
    assert keyrings.key_in("; nothing", "client.admin") is None
    assert keyrings.key_in('[client.a]\nkey = "AQ=="\n', "client.a") == "AQ=="
    assert keyrings.key_in("[client.a]\nkey=AQ==;old\n", "client.a") == "AQ=="


def test_where_librados_looks_for_a_keyring() -> None:
    for conf, path in (("ceph", "ceph"), ("az2", "az2"), ("ceph.conf.old/x", "ceph"), ("", "ceph")):
        name = f"/etc/ceph/{conf}.conf" if conf and "/" not in conf else conf
        assert keyrings.default_keyring(name, "client.nova") == f"/etc/ceph/{path}.client.nova.keyring"


def _keyring_plan(text: str, keyring: client_secrets.Keyring = KEYRING, **changes: t.Any) -> client_secrets.SecretPlan:
    actual = client_secrets.ActualClient({}, keyring=keyring, text=text)
    return client_secrets.plan(replace(DESIRED, secret=None, **changes), actual, repr)


def test_a_keyring_as_ceph_writes_it_is_right() -> None:
    assert not _keyring_plan(TEXT + '\tcaps mon = "profile rbd"\n').changed


def test_keys_of_others_in_a_keyring_stay_theirs() -> None:
    made = _keyring_plan(ADMIN)
    assert made.steps == (f"set the key of client.cinder in {KEYRING.path}",)
    assert made.keyring_text == ADMIN + TEXT
    assert _keyring_plan(ADMIN + TEXT, present=False).keyring_text == ADMIN
    assert not _keyring_plan(ADMIN, present=False).changed
    with pytest.raises(
        OperatorError, match="also holds keys of client.admin, which others could read with root:nova 0640"
    ):
        _keyring_plan(ADMIN, replace(KEYRING, group="root", mode=0o600))


def test_newer_keys_are_keys() -> None:
    new = struct.pack("<HIIH", 2, 1, 0, 32) + b"a" * 32
    assert client_secrets.decode_key(base64.b64encode(new).decode(), "client.x") == new


def test_a_secret_survives_being_written_and_read() -> None:
    for one in (SECRET, replace(SECRET, private=True, ephemeral=True, usage="a & b <c>")):
        assert client_secrets.read_secret(one.xml()) == one


def _disk(image: str, secret: str = SECRET.uuid, serial: str = "") -> str:
    return (
        f"<disk><source protocol='rbd' name='pool/{image}'><auth username='c'><secret type='ceph' uuid='{secret}'/></auth></source>"
        + (f"<serial>{serial}</serial>" if serial else "")
        + "</disk>"
    )


GUEST = "1d7a2152-ddb2-40e5-b183-a4c15cbaa804"
OWN, VOLUME = _disk(f"{GUEST}_disk"), _disk("volume-1", serial="1")


@pytest.mark.parametrize(
    ("disks", "way"),
    [
        (OWN, "Nova's own disks: reboot hard; a live migration keeps it"),
        (OWN + _disk(f"{GUEST}_disk.config"), "Nova's own disks"),
        (VOLUME, "a hard reboot keeps it"),
        (_disk(f"{GUEST}_disk", serial="1"), "a hard reboot keeps it"),
        (_disk("anything"), "a hard reboot keeps it"),
        (OWN + VOLUME, "both: migrate cold"),
        (OWN + _disk("volume-1", "0" * 8 + SECRET.uuid[8:], "1"), "Nova's own disks"),
    ],
)
def test_each_guest_is_told_its_way_off_a_secret(disks: str, way: str) -> None:
    xml = f"<domain><name>i-1</name><uuid>{GUEST}</uuid><devices>{disks}</devices></domain>"
    found = guests.read_guest("i-1", xml, SECRET.uuid)
    assert found is not None
    actual = client_secrets.ActualClient({SECRET.uuid: SECRET}, guests=(found,))
    with pytest.raises(OperatorError) as caught:
        client_secrets.plan(replace(DESIRED, present=False), actual, repr)
    assert f"is used by disks of i-1 {GUEST} (" in str(caught.value)
    assert way in str(caught.value)


def test_a_guest_without_the_secret_is_no_user_of_it() -> None:
    xml = f"<domain><uuid>{GUEST}</uuid><devices>{OWN}</devices></domain>"
    assert guests.read_guest("i-1", xml, GUEST) is None


class _LibvirtError(Exception):
    def get_error_code(self) -> int:
        return int(self.args[0])


@pytest.mark.parametrize(("code", "unknown"), [(42, False), (38, True)])
def test_a_guest_that_libvirt_does_not_show_is_not_taken_for_one_without_the_secret(
    monkeypatch: pytest.MonkeyPatch, code: int, unknown: bool
) -> None:
    def xml() -> str:
        raise _LibvirtError(code)

    guest = SimpleNamespace(name=lambda: "instance-1", XMLDesc=xml)
    fake: t.Any = SimpleNamespace(libvirtError=_LibvirtError, VIR_ERR_NO_DOMAIN=42)
    monkeypatch.setattr(secrets_apply, "libvirt", fake)
    host = secrets_apply.SecretHost("")
    monkeypatch.setattr(host, "_connection", SimpleNamespace(listAllDomains=lambda: [guest]))
    desired = replace(DESIRED, present=False, keyring=None)
    if unknown:
        with pytest.raises(OperatorError, match="so it is unknown whether it uses secret"):
            host.actual(desired, {})
    else:
        assert host.actual(desired, {}).guests == ()


def test_the_same_twice_is_refused() -> None:
    twin: dict[str, t.Any] = {"client": "client.other"}
    with pytest.raises(OperatorError, match="is listed twice"):
        client_secrets.check_clients([DESIRED, replace(DESIRED, **twin)])
