# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An existing setup as the role's variables, with which the role has nothing to change; and contradictions."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import yaml

from ansible_collections.openstack_ops.day2.plugins.filter.ceph_adopt import ceph_adopt
from ansible_collections.openstack_ops.day2.plugins.filter.ceph_plan import ceph_plan
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import survey

FSID = "2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e"
UUID = "457eb676-33da-42ec-9a8c-9293d545c337"
CAPS = {"mon": "allow r", "osd": "allow rwx pool=volumes-ssd, allow rx pool=images"}
CLUSTER: dict[str, t.Any] = {
    "fsid": FSID,
    "mon_host": "",
    "pools": [
        {"name": "images", "application": "rbd"},
        {"name": "volumes-ssd", "application": "rbd"},
        {"name": "other"},
    ],
    "clients": [
        {"name": "client.admin", "caps": {"mon": "allow *"}, "fingerprint": "root"},
        {"name": "client.volumes", "caps": CAPS, "fingerprint": "v"},
        {"name": "client.manila", "caps": {"mon": "allow r"}, "fingerprint": "m"},
    ],
}
CONF = {"path": "/etc/ceph/ceph.conf", "fsid": FSID, "mon_host": ""}


def compute(uuid: str = UUID, fingerprint: str = "v") -> dict[str, t.Any]:
    secret = {
        "uuid": uuid,
        "usage": "ceph-persistent-cinder",
        "private": False,
        "ephemeral": False,
        "fingerprint": fingerprint,
    }
    return {"conf": CONF, "secrets": [secret], "keyrings": [], "uses": [], "unknown": {}}


def volume(told: str = UUID, **changes: t.Any) -> dict[str, t.Any]:
    keyring = {"path": "/etc/ceph/ceph.client.volumes.keyring", "owner": "42407", "group": "cinder", "mode": "0640"}
    use = {
        "service": "cinder",
        "name": "Cinder's backend rbd-1",
        "client": "volumes",
        "pool": "volumes-ssd",
        "uuid": told,
        "more": "rbd-1",
    }
    return {
        "conf": CONF, "secrets": [], "uses": [use], "unknown": {},
        "keyrings": [{**keyring, "clients": {"client.volumes": "v", "client.admin": "root"}}], **changes,
    }  # fmt: skip


def test_what_is_there_becomes_the_variables() -> None:
    found = ceph_adopt(CLUSTER, {"cmp01": compute(), "cmp02": compute(), "vol1": volume()})
    assert found["contradictions"] == []
    assert found["common"] == {
        "ceph_openstack_pools": [{"name": "images"}, {"name": "volumes-ssd"}],
        "ceph_openstack_clients": [{"name": "volumes", "caps": CAPS}],
    }
    (row,) = found["hosts"]["cmp01"]["ceph_openstack_here"]
    assert row == {
        "client": "volumes", "secret": True, "uuid": UUID, "usage": "ceph-persistent-cinder",
        "write": ["volumes-ssd"], "read": ["images"],
    }  # fmt: skip
    there = found["hosts"]["vol1"]
    assert there["ceph_openstack_here"][0]["owner"] == "42407"
    assert there["ceph_openstack_cinder"] == {
        "backends": [{"name": "rbd-1", "client": "volumes", "pool": "volumes-ssd", "uuid": UUID}]
    }
    assert "# for cmp01, cmp02" in found["text"]
    every = list(yaml.safe_load_all("\n".join(found["text"]).replace("\n\n", "\n---\n")))
    assert every[0] == found["common"]

    # The role finds the names and the UUID that are there.
    settings = {
        "clients": found["common"]["ceph_openstack_clients"], "here": there["ceph_openstack_here"],
        "cinder": there["ceph_openstack_cinder"], "conf": "/etc/ceph/ceph.conf",
    }  # fmt: skip
    made = ceph_plan(settings, FSID)
    assert made["files"][0]["sections"]["rbd-1"]["rbd_secret_uuid"] == UUID
    assert made["here"][0]["uuid"] == UUID


def test_contradictions_are_named() -> None:
    other = UUID.replace("4", "5")
    hosts = {
        "cmp01": compute(),
        "cmp02": compute(other),
        "cmp03": compute(fingerprint="unheard of"),
        "cmp04": {**compute(), "conf": {**CONF, "fsid": "another"}},
        "cmp05": {"secrets": None, "unknown": {"secrets": "libvirt doesn't answer."}},
        "cmp06": {},
        "vol1": volume(other, keyrings=[{"path": "/etc/ceph/k", "clients": {"client.volumes": "old"}}]),
    }
    told = "\n".join(ceph_adopt(CLUSTER, hosts)["contradictions"])
    assert f"cmp02: the key of client.volumes is in secret {other}, on cmp01 in {UUID}" in told
    assert (
        f"cmp03: the key in secret {UUID} (ceph-persistent-cinder) doesn't belong to any client of this cluster" in told
    )
    assert f"cmp04: /etc/ceph/ceph.conf belongs to the cluster another, not {FSID}" in told
    assert "cmp05: libvirt doesn't answer." in told
    assert "cmp06: nothing is known about it" in told
    assert "vol1: /etc/ceph/k has a different key of client.volumes than the cluster" in told
    assert f"vol1: rbd-1 gives guests the secret {other}, but cmp01 has the key" in told


def test_another_cluster_s_backends_and_further_stores_are_not_adopted() -> None:
    there = volume()
    (use,) = there["uses"]
    b = {**use, "name": "Cinder's backend b", "conf": "/etc/ceph/b.conf", "same_conf": False}
    stores = [{**use, "service": "glance", "name": f"Glance's store {name}", "uuid": None} for name in ("one", "two")]
    found = ceph_adopt(CLUSTER, {"vol1": {**there, "uses": [use, b, *stores]}})
    variables = found["hosts"]["vol1"]
    assert [row["name"] for row in variables["ceph_openstack_cinder"]["backends"]] == ["rbd-1"]
    assert variables["ceph_openstack_glance"]["store"] == "one"
    told = "\n".join(found["contradictions"])
    assert "vol1: Cinder's backend b uses the cluster of /etc/ceph/b.conf; it isn't adopted." in told
    assert "vol1: Glance's store two is one more store" in told


def test_what_cannot_be_read_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "keyrings").mkdir()
    os.mkfifo(tmp_path / "fifo.keyring")
    (tmp_path / "ceph.client.a.keyring").write_text("[client.a]\n\tkey = AQ==\n")
    unknown: dict[str, str] = {}
    (found,) = survey.keyrings(f"{tmp_path}/*keyring*", unknown)
    assert list(found["clients"]) == ["client.a"]
    assert list(unknown) == [f"{tmp_path}/fifo.keyring"]


def test_data_pools_are_found_where_images_are_made() -> None:
    pools = [*CLUSTER["pools"], {"name": "coded", "application": "rbd", "erasure_profile": "ec42"}]
    cluster = {**CLUSTER, "pools": pools}
    ours = {**volume(), "conf": {**CONF, "data_pools": {"client": "nothing", "client.volumes": "coded"}}}
    # A keyring whose client writes an erasure-coded pool, too: that one has no data pool.
    caps = {
        "mon": "profile rbd",
        "osd": "profile rbd pool=volumes-ssd, profile rbd pool=other-ec, profile rbd-read-only pool=images",
    }
    pools.append({"name": "other-ec", "application": "rbd", "erasure_profile": "ec42"})
    cluster["clients"] = [
        {**one, "caps": caps} if one["name"] == "client.volumes" else one for one in CLUSTER["clients"]
    ]
    keyrings = {**ours, "uses": []}
    made = ceph_adopt(cluster, {"a": {**keyrings, "conf": {**CONF, "data_pools": {"client": "coded"}}}})
    assert made["common"]["ceph_openstack_pools"] == [
        {"name": "images"},
        {"name": "volumes-ssd", "data_pool": "coded"},
        {"name": "coded", "erasure_profile": "ec42"},
        {"name": "other-ec", "erasure_profile": "ec42"},
    ]
    cluster = {**CLUSTER, "pools": pools[:-1]}
    found = ceph_adopt(cluster, {"a": ours, "b": compute()})
    assert found["common"]["ceph_openstack_pools"] == [
        {"name": "images"},
        {"name": "volumes-ssd", "data_pool": "coded"},
        {"name": "coded", "erasure_profile": "ec42"},
    ]
    assert found["contradictions"] == []
    found = ceph_adopt(
        cluster, {"a": ours, "b": {**volume(), "conf": {**CONF, "data_pools": {"client": "nothing"}}}, "c": volume()}
    )
    assert [one for one in found["contradictions"] if "data" in one] == [
        "b: ceph.conf names the data pool nothing for client.volumes, which the cluster doesn't have.",
        "c: images that client.volumes makes in volumes-ssd have their data in volumes-ssd, on a in coded.",
    ]
