# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pools, clients and keys as plans: what it takes, and that nothing is left to do afterwards."""

from __future__ import annotations

import base64
import struct
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import model, secret
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.model import (
    CephError,
    Client,
    Cluster,
    Pool,
    Wish,
    caps_text,
    check_caps,
    differences,
)

CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=volumes"}
VOLUMES = Pool("volumes", "rbd", 3, 2, 32, "on", None, 0, 0, "replicated_rule")
ACTUAL = Cluster({"volumes": VOLUMES}, {"client.cinder": Client("client.cinder", CAPS)}, ("replicated_rule",))


@pytest.mark.parametrize(
    ("wish", "steps"),
    [
        pytest.param(Wish(), [], id="nothing wanted is nothing done"),
        pytest.param(Wish((Pool("volumes", "rbd"),), (Client("client.cinder", CAPS),)), [], id="all is there"),
        pytest.param(
            Wish((Pool("volumes", target_size_ratio=0.2),)),
            ["set target_size_ratio of pool volumes to 0.2"],
            id="a setting that was not there",
        ),
        pytest.param(
            Wish((Pool("volumes", pg_num=64),)),
            ["set pg_autoscale_mode of pool volumes to off, was on", "set pg_num of pool volumes to 64, was 32"],
            id="a fixed pg_num takes the autoscaler's hands off, first",
        ),
        pytest.param(
            Wish((Pool("volumes", min_size=3, size=5),)),
            ["set size of pool volumes to 5, was 3", "set min_size of pool volumes to 3, was 2"],
            id="size comes before min_size",
        ),
        pytest.param(
            Wish((Pool("new", "rbd", pg_num=8),)),
            ["create pool new", "set pg_autoscale_mode of pool new to off", "enable the application rbd on pool new"],
            id="a new pool",
        ),
        pytest.param(
            Wish(clients=(Client("client.cinder", {"mon": "profile rbd"}),)),
            ["set the caps of client.cinder"],
            id="caps are replaced as a whole",
        ),
        pytest.param(
            Wish(absent_pools=("volumes", "gone"), absent_clients=("client.cinder", "client.gone")),
            ["remove client.cinder", "delete pool volumes and all that is in it"],
            id="what is gone already needs nothing",
        ),
    ],
)
def test_a_plan_and_nothing_left_to_do_after_it(wish: Wish, steps: list[str]) -> None:
    made = model.plan(wish, ACTUAL)
    assert [step.text for step in made.steps] == steps
    assert made.changed == bool(steps)
    assert differences(made.after, wish) == []
    assert not model.plan(wish, made.after).changed
    if steps:
        assert differences(ACTUAL, wish) != []


def test_what_ceph_keeps_of_a_ratio_is_no_difference() -> None:
    actual = replace(ACTUAL, pools={"volumes": replace(VOLUMES, target_size_ratio=0.20000000298023224)})
    assert not model.plan(Wish((Pool("volumes", target_size_ratio=0.2),)), actual).changed


def test_a_pool_keeps_the_other_applications_that_it_has() -> None:
    actual = replace(ACTUAL, pools={"volumes": replace(VOLUMES, application="rbd,rgw")})
    wish = Wish((Pool("volumes", "rbd"),))
    assert not model.plan(wish, actual).changed
    assert differences(actual, wish) == []


@pytest.mark.parametrize(
    ("caps", "sentence"),
    [
        ("profile rdb", "there is no profile 'rdb'; is 'rbd' meant?"),
        ("profile", "there is no profile ''"),
        ("allow", "with some of r, w, x"),
        ("allow rwz", "'z' is not understood"),
        ("profile rbd pool=volums", "neither there nor among the pools wanted; is 'volumes' meant?"),
        (
            "profile rbd, profile rbd-readonly pool=volumes",
            "there is no profile 'rbd-readonly'; is 'rbd-read-only' meant?",
        ),
        (" , ", "are empty"),
    ],
)
def test_caps_that_ceph_would_store_and_that_grant_nothing(caps: str, sentence: str) -> None:
    with pytest.raises(CephError) as caught:
        check_caps("client.x", {"osd": caps}, ["volumes"])
    assert sentence in str(caught.value)


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
    ],
)
def test_caps_that_are_fine(caps: str) -> None:
    check_caps("client.x", {"osd": caps}, ["volumes"])
    assert caps_text(caps_text(caps)) == caps_text(caps)


# ---------------------------------------------------------------------- keys
def _key(fill: bytes) -> bytes:
    return struct.pack("<HIIH", 1, 1, 0, 16) + fill * 16


KEY, OTHER = _key(b"a"), _key(b"b")
SECRET = secret.Secret("457eb676-33da-42ec-9a8c-9293d545c337", "client.cinder secret")
KEYRING = secret.Keyring("/etc/ceph/ceph.client.cinder.keyring", "root", "nova", 0o640)
WISH = secret.Wish("client.cinder", SECRET, KEY, KEYRING)
TEXT = secret.keyring_text("client.cinder", KEY)


def test_what_a_key_is() -> None:
    assert secret.decode_key(base64.b64encode(KEY).decode() + "\n", "client.x") == KEY
    twice = base64.b64encode(base64.b64encode(KEY))
    assert secret.is_encoded(base64.b64encode(KEY))
    assert not secret.is_encoded(KEY)
    with pytest.raises(CephError, match="encoded twice") as caught:
        secret.decode_key(twice.decode(), "client.x")
    assert twice.decode() not in str(caught.value)


@pytest.mark.parametrize(
    ("wish", "actual", "steps"),
    [
        pytest.param(WISH, secret.Actual({SECRET.uuid: SECRET}, KEY, True, "", KEYRING, TEXT), 0, id="all is there"),
        pytest.param(WISH, secret.Actual({}), 3, id="nothing is there"),
        pytest.param(WISH, secret.Actual({SECRET.uuid: SECRET}, OTHER, True, "", KEYRING, TEXT), 1, id="another key"),
        pytest.param(WISH, secret.Actual({SECRET.uuid: SECRET}, None, True, "", KEYRING, TEXT), 1, id="no value yet"),
        pytest.param(
            WISH,
            secret.Actual({SECRET.uuid: SECRET}, KEY, True, "", replace(KEYRING, mode=0o644), TEXT),
            1,
            id="a file that others can read",
        ),
        pytest.param(
            replace(WISH, secret=replace(SECRET, private=True)),
            secret.Actual({SECRET.uuid: replace(SECRET, private=True)}, None, False, repr(KEY), KEYRING, TEXT),
            0,
            id="a private one is known by its fingerprint",
        ),
        pytest.param(
            replace(WISH, secret=replace(SECRET, private=True)),
            secret.Actual({SECRET.uuid: replace(SECRET, private=True)}, None, False, repr(OTHER), KEYRING, TEXT),
            1,
            id="a private one with another fingerprint",
        ),
        pytest.param(replace(WISH, key=None), secret.Actual({}), 3, id="in check mode, a key that isn't made yet"),
    ],
)
def test_what_a_client_on_a_host_takes(wish: secret.Wish, actual: secret.Actual, steps: int) -> None:
    made = secret.plan(wish, actual, repr)
    assert len(made.steps) == steps
    assert made.changed == bool(steps)
    assert not any(base64.b64encode(key).decode() in step for step in made.steps for key in (KEY, OTHER))


@pytest.mark.parametrize(
    ("there", "sentence"),
    [
        (replace(SECRET, uuid="0" * 8 + SECRET.uuid[8:]), "belongs to secret 00000000-"),
        (replace(SECRET, usage="other"), "libvirt doesn't rename"),
        (replace(SECRET, private=True), "doesn't make it public again"),
        (replace(SECRET, kind="volume"), "choose another uuid"),
    ],
)
def test_conflicts_are_explained(there: secret.Secret, sentence: str) -> None:
    actual = secret.Actual({there.uuid: there})
    with pytest.raises(CephError, match=sentence):
        secret.plan(WISH, actual, repr)
    if there.kind == "ceph":
        assert secret.plan(replace(WISH, replace=True), actual, repr).undefine == (there,)


def test_a_secret_survives_being_written_and_read() -> None:
    for one in (SECRET, replace(SECRET, private=True, ephemeral=True, usage="a & b <c>")):
        assert secret.read_secret(one.xml()) == one


def test_the_same_twice_is_refused() -> None:
    twin: dict[str, t.Any] = {"client": "client.other"}
    with pytest.raises(CephError, match="is listed twice"):
        secret.check([WISH, replace(WISH, **twin)])
