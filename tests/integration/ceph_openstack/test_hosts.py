# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys in libvirt's secrets and keyring files, and the proof that they work, on computes with a real libvirtd."""

from __future__ import annotations

import base64
import os
import shutil
import stat
import typing as t

import pytest

from tests.integration.ceph_openstack import storage
from tests.integration.ceph_openstack.cluster import Ceph

UUID = "457eb676-33da-42ec-9a8c-9293d545c337"
OTHER = "11111111-2222-4333-8444-555555555555"
NODE = "ceph-n1"
CAPS = {"mon": "profile rbd", "osd": "profile rbd pool=h-volumes, profile rbd-read-only pool=h-images"}
HERE: dict[str, t.Any] = {"client": "h-cinder", "secret": True, "keyring": "/etc/ceph/ceph.client.h-cinder.keyring"}
CLAIM: dict[str, t.Any] = {"client": "h-cinder", "secret": True, "write": ["h-volumes"], "read": ["h-images"]}


@pytest.fixture(scope="module")
def known(ceph: Ceph) -> Ceph:
    """Pools and clients are there."""
    ceph.objects(
        pools=[{"name": "h-volumes"}, {"name": "h-images"}, {"name": "h-backups"}],
        clients=[{"name": "h-cinder", "caps": CAPS}, {"name": "h-other", "caps": CAPS}],
    )
    return ceph


@pytest.fixture
def node(known: Ceph) -> Ceph:
    """A compute without secrets and keyrings."""
    for line in known.secrets(NODE).splitlines():
        known.lab("on", NODE, "virsh", "--connect", "qemu:///system", "--quiet", "secret-undefine", line.split()[0])
    (known.folder / "nodes" / NODE / "ceph" / "ceph.client.h-cinder.keyring").unlink(missing_ok=True)
    known.give_conf(NODE)
    return known


def secret(node: Ceph, *, check: bool = False, key: str | None = None, uuid: str = UUID, **changes: t.Any) -> t.Any:
    keys = {"client.h-cinder": node.key("client.h-cinder") if key is None else key}
    return node.module(
        "ceph_client_secret", {"clients": [{**HERE, **changes}], "keys": keys, "uuid": uuid}, on=NODE, check=check
    )


def proof(node: Ceph, **changes: t.Any) -> t.Any:
    return node.module("ceph_client_proof", {"clients": [CLAIM], "uuid": UUID, "timeout": 2, **changes}, on=NODE)


def value(node: Ceph, uuid: str = UUID) -> str:
    return node.lab("on", NODE, "virsh", "--connect", "qemu:///system", "--quiet", "secret-get-value", uuid).strip()


def test_from_nothing_to_the_proof_predicted_done_and_done_once(node: Ceph) -> None:
    predicted = secret(node, check=True)
    assert node.secrets(NODE).strip() == ""
    made = secret(node)
    assert made["steps"] == [
        f"define secret {UUID} (client.h-cinder secret)",
        "set its value to the key of client.h-cinder",
        "write /etc/ceph/ceph.client.h-cinder.keyring",
    ]
    assert (predicted["steps"], predicted["clients"]) == (made["steps"], made["clients"])
    assert predicted["diff"] == made["diff"]
    assert value(node) == node.key("client.h-cinder")
    again = secret(node)
    assert (again["changed"], again["steps"]) == (False, [])
    found = proof(node)
    assert found["proven"]
    assert found["clients"][0]["checked"] == [
        f"secret {UUID} holds a key",
        f"the cluster lets client.h-cinder in with the key in secret {UUID}",
        "client.h-cinder reads h-images and can't write it",
        "client.h-cinder reads and writes h-volumes",
        "client.h-cinder may take over locks of hosts that have died",
    ]


def test_check_mode_knows_what_a_client_that_is_not_made_yet_will_need(node: Ceph) -> None:
    assert secret(node, check=True, key="")["steps"] == secret(node, check=True)["steps"]
    assert "client.h-cinder is to be present, but no key is given" in secret(node, key="")["msg"]


def test_no_key_in_results_and_only_its_group_reads_the_file(node: Ceph) -> None:
    made = secret(node, group="daemon")
    assert node.key("client.h-cinder") not in str(made)
    path = node.folder / "nodes" / NODE / "ceph" / "ceph.client.h-cinder.keyring"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(one.name for one in path.parent.iterdir()) == ["ceph.client.h-cinder.keyring", "ceph.conf"]
    os.chmod(path, 0o644)
    assert secret(node, group="daemon")["steps"] == [
        "set owner and mode (root:daemon 0640) of /etc/ceph/ceph.client.h-cinder.keyring"
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_rotated_key_replaces_the_old_one(node: Ceph) -> None:
    secret(node, key=node.key("client.h-other"))
    made = secret(node)
    assert made["steps"] == [
        "set its value to the key of client.h-cinder (it holds another key)",
        "write /etc/ceph/ceph.client.h-cinder.keyring (it holds another key)",
    ]
    assert value(node) == node.key("client.h-cinder")


def test_only_its_own_entry_of_a_keyring_is_changed(node: Ceph) -> None:
    path = node.folder / "nodes" / NODE / "ceph" / "ceph.client.h-cinder.keyring"
    others = '[client.somebody]\n\tkey = AQ==\n\tcaps mon = "allow r"\n'
    path.write_text(others)
    path.chmod(0o600)
    alone: dict[str, t.Any] = {"secret": False, "mode": "0600"}
    assert (
        "also holds keys of client.somebody, which others could read with root:root 0640"
        in secret(node, secret=False)["msg"]
    )
    assert secret(node, **alone)["steps"] == [
        "set the key of client.h-cinder in /etc/ceph/ceph.client.h-cinder.keyring"
    ]
    assert path.read_text() == f"{others}[client.h-cinder]\n\tkey = {node.key('client.h-cinder')}\n"
    (path.parent / f".{path.name}.0123456789abcdef").touch(mode=0o600)
    made = secret(node, state="absent", **alone)
    assert made["steps"] == [
        "remove /etc/ceph/.ceph.client.h-cinder.keyring.0123456789abcdef, left by a killed run",
        "remove client.h-cinder from /etc/ceph/ceph.client.h-cinder.keyring",
    ]
    assert path.read_text() == others
    path.unlink()


def test_owners_are_known_by_number_and_links_stay(node: Ceph) -> None:
    folder = node.folder / "nodes" / NODE / "ceph"
    (folder / "shared").mkdir(exist_ok=True)
    (folder / "ceph.client.h-cinder.keyring").symlink_to("shared/keyring")
    made = secret(node, owner="42407", group="42407", keyring="/etc/ceph/ceph.client.h-cinder.keyring")
    assert made["changed"]
    assert (folder / "ceph.client.h-cinder.keyring").is_symlink()
    assert (folder / "shared" / "keyring").stat().st_uid == 42407
    assert not secret(node, owner="42407", group="42407")["changed"]
    assert secret(node, owner="0", group="0")["steps"] == [
        "set owner and mode (root:root 0640) of /etc/ceph/ceph.client.h-cinder.keyring"
    ]
    shutil.rmtree(folder / "shared")


def test_a_key_that_is_given_as_a_text_is_not_repeated(node: Ceph) -> None:
    key = node.key("client.h-cinder")
    told = node.module("ceph_client_secret", {"clients": [HERE], "keys": key, "uuid": UUID}, on=NODE)
    assert "keys is a text or a list" in told["msg"]
    assert key.rstrip("=") not in str(told)


def test_killed_between_define_and_value_the_next_run_completes(node: Ceph) -> None:
    _define(node, UUID, "client.h-cinder secret")
    assert "is defined but has no value" in proof(node)["msg"]
    assert secret(node, keyring=None)["steps"] == ["set its value to the key of client.h-cinder"]
    assert proof(node)["proven"]


def test_a_private_one_is_compared_by_what_was_set_last(node: Ceph) -> None:
    assert secret(node, private=True)["changed"]
    assert not secret(node, private=True)["changed"]
    assert secret(node, private=True, key=node.key("client.h-other"))["steps"][0].startswith("set its value")
    assert "is private, so it can't be checked" in proof(node)["msg"]
    assert "libvirt can't make it public again" in secret(node)["msg"]
    assert secret(node, replace=True)["steps"][0] == f"undefine secret {UUID} (client.h-cinder secret)"
    assert value(node) == node.key("client.h-cinder")


def test_what_is_in_the_way_is_told_and_replaced_only_if_wanted(node: Ceph) -> None:
    _define(node, OTHER, "client.h-cinder secret")
    before = node.secrets(NODE)
    assert f"The usage 'client.h-cinder secret' already belongs to secret {OTHER}, not {UUID}" in secret(node)["msg"]
    assert node.secrets(NODE) == before
    assert secret(node, replace=True, check=True)["steps"] == secret(node, replace=True)["steps"]
    assert node.secrets(NODE).split()[0] == UUID
    assert "libvirt can't rename it" in secret(node, usage="another")["msg"]
    assert secret(node, usage="another", replace=True)["changed"]
    assert not secret(node, usage="another")["changed"]


def test_absent_takes_both_away(node: Ceph) -> None:
    secret(node)
    assert secret(node, state="absent", check=True)["steps"] == secret(node, state="absent")["steps"]
    assert node.secrets(NODE).strip() == ""
    assert not secret(node, state="absent")["changed"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"uuid": "457eb676"}, "uuid '457eb676' is not a UUID"),
        ({"key": "not base64!"}, "isn't a Ceph key: it isn't base64"),
        ({"key": base64.b64encode(b"something else, too").decode()}, "isn't a Ceph key (19 bytes)"),
        ({"mode": "0644"}, "would be readable by everyone; use 0640 or 0600"),
        ({"mode": "rw"}, "mode 'rw' of client.h-cinder isn't octal"),
        ({"group": "nobodys-group"}, "which this host doesn't have; install its service first"),
        ({"keyring": "/nowhere/x"}, "The directory of /nowhere/x doesn't exist"),
        ({"usage": "<name>"}, "use only letters, digits"),
        ({"secret": False, "keyring": None}, "has neither secret: true nor a keyring"),
    ],
)
def test_bad_input_gets_its_error_and_nothing_is_changed(node: Ceph, changes: dict[str, t.Any], error: str) -> None:
    printed = secret(node, **changes)
    assert printed["failed"]
    assert error in printed["msg"]
    assert node.key("client.h-cinder") not in str(printed)
    assert node.secrets(NODE).strip() == ""


# ------------------------------------------------------ the classic mistakes
def test_proof_finds_another_clients_key(node: Ceph) -> None:
    secret(node, key=node.key("client.h-other"))
    assert "it doesn't know that client, or the key is wrong" in proof(node)["msg"]


def test_proof_finds_a_client_that_the_cluster_does_not_know(node: Ceph) -> None:
    node.objects(clients=[{"name": "h-gone", "caps": CAPS}])
    key = node.key("client.h-gone")
    node.objects(clients=[{"name": "h-gone", "state": "absent"}])
    node.module("ceph_client_secret", {"clients": [{"client": "h-gone", "secret": True}], "keys": {"client.h-gone": key},
                                       "uuid": UUID}, on=NODE)  # fmt: skip
    found = proof(node, clients=[{**CLAIM, "client": "h-gone"}])
    assert "denies access to client.h-gone: it doesn't know that client" in found["msg"]


def test_proof_finds_a_value_that_is_encoded_twice(node: Ceph) -> None:
    secret(node)
    twice = base64.b64encode(node.key("client.h-cinder").encode()).decode()
    node.lab("on", NODE, "virsh", "--connect", "qemu:///system", "secret-set-value", UUID, "--base64", twice)
    assert f"The value of secret {UUID} is encoded twice" in proof(node)["msg"]
    assert secret(node)["changed"]
    assert proof(node)["proven"]


def test_proof_finds_caps_on_the_wrong_pool(node: Ceph) -> None:
    secret(node)
    told = proof(node, clients=[{**CLAIM, "write": ["h-backups"], "read": []}])["msg"]
    assert "client.h-cinder may not read the pool h-backups; its osd caps need `profile rbd pool=h-backups`." in told
    assert "client.h-cinder may write the pool h-volumes, which it shouldn't" in told
    assert "The cluster has no pool nowhere" in proof(node, clients=[{**CLAIM, "read": ["nowhere"]}])["msg"]


def test_proof_finds_an_ephemeral_secret_gone_after_a_restart(node: Ceph) -> None:
    secret(node, ephemeral=True)
    assert proof(node)["proven"]
    node.lab("restart", NODE)
    assert f"libvirt has no secret {UUID} for client.h-cinder" in proof(node)["msg"]


def test_proof_finds_that_cinder_names_another_secret(node: Ceph) -> None:
    secret(node)
    path = node.folder / "nodes" / NODE / "cinder" / "cinder.conf"
    backend = "[DEFAULT]\nenabled_backends = rbd1\n[rbd1]\nvolume_driver = cinder.volume.drivers.rbd.RBDDriver\nrbd_user = h-cinder\nrbd_pool = h-volumes\n"
    path.write_text(f"{backend}rbd_secret_uuid = {UUID}\n")
    assert (
        f"Cinder's backend rbd1 names secret {UUID}"
        in proof(node, cinder_conf="/etc/cinder/cinder.conf")["clients"][0]["checked"]
    )
    path.write_text(f"{backend}rbd_secret_uuid = {OTHER}\n")
    assert (
        f"Cinder's backend rbd1 gives guests the secret {OTHER}"
        in proof(node, cinder_conf="/etc/cinder/cinder.conf")["msg"]
    )
    path.write_text(backend)
    told = proof(node, cinder_conf="/etc/cinder/cinder.conf")["msg"]
    assert f"gives guests the secret {node.ask('fsid')['fsid']} (no rbd_secret_uuid, so the cluster's fsid)" in told
    # The same where Cinder runs, with a keyring instead of a secret; and by its own default path.
    keyring = "/etc/ceph/ceph.client.h-cinder.keyring"
    there = {"client": "h-cinder", "keyring": keyring, "write": ["h-volumes"], "read": ["h-images"]}
    told = proof(node, clients=[there])["msg"]
    assert "Cinder's backend rbd1 gives guests the secret" in told
    path.write_text(backend.replace("h-cinder", "h-other") + f"rbd_secret_uuid = {UUID}\n")
    assert "Cinder's backend rbd1 uses client.h-other, which isn't among the clients of this host" in proof(node)["msg"]
    path.write_text(backend.replace("h-volumes", "h-backups") + f"rbd_secret_uuid = {UUID}\n")
    assert "Cinder's backend rbd1 uses the pool h-backups, which isn't among the pools that" in proof(node)["msg"]
    path.unlink()
    nova = node.folder / "nodes" / NODE / "nova" / "nova.conf"
    nova.write_text(
        f"[libvirt]\nimages_type = rbd\nrbd_user = h-cinder\nimages_rbd_pool = h-volumes\nrbd_secret_uuid = {OTHER}\n"
    )
    assert f"Nova gives guests the secret {OTHER} (rbd_secret_uuid)" in proof(node)["msg"]
    nova.unlink()


@pytest.mark.parametrize(
    ("caps", "error"),
    [
        ({"osd": "allow rw pool=h-volumes, allow r pool=h-images"},
         "client.h-caps may not call RBD's methods (class-read, x) in the pool h-volumes; librbd can't open an image there"),
        ({"mon": "allow r", "osd": "allow rwx pool=h-volumes, allow rx pool=h-images"},
         "client.h-caps may not blocklist others"),
    ],
    ids=["without class calls", "without blocklisting"],
)  # fmt: skip
def test_proof_finds_caps_that_librbd_cannot_use(node: Ceph, caps: dict[str, str], error: str) -> None:
    node.objects(clients=[{"name": "h-caps", "caps": {**CAPS, **caps}}], take_away=["client.h-caps"])
    desired = {
        "clients": [{"client": "h-caps", "secret": True}],
        "keys": {"client.h-caps": node.key("client.h-caps")},
        "uuid": UUID,
    }
    assert node.module("ceph_client_secret", desired, on=NODE)["changed"]
    assert error in proof(node, clients=[{**CLAIM, "client": "h-caps"}])["msg"]


def test_proof_ends_and_names_pools_that_are_full_or_do_not_answer(node: Ceph) -> None:
    pools = ("h-full", "h-inactive")
    node.ask(
        {"prefix": "osd crush add-bucket", "name": "h-nowhere", "type": "root"},
        {"prefix": "osd crush rule create-replicated", "name": "h-empty", "root": "h-nowhere", "type": "osd"},
    )
    node.objects(pools=[{"name": "h-full", "quota_max_objects": 3}])
    # By hand: the module would wait for OSDs to initialize it.
    inactive = {"pool": "h-inactive", "pg_num": 8, "pool_type": "replicated", "rule": "h-empty"}
    node.ask({"prefix": "osd pool create", **inactive})
    try:
        node.rbd("create", "--size", "8M", "h-full/image")
        caps = {**CAPS, "osd": CAPS["osd"] + "".join(f", profile rbd pool={pool}" for pool in pools)}
        node.objects(clients=[{"name": "h-caps", "caps": caps}], take_away=["client.h-caps"])
        desired = {
            "clients": [{"client": "h-caps", "secret": True}],
            "keys": {"client.h-caps": node.key("client.h-caps")},
            "uuid": UUID,
        }
        assert node.module("ceph_client_secret", desired, on=NODE)["changed"]
        storage.until(lambda: "full_quota" in node.pools()["h-full"]["flags_names"])
        found = proof(node, clients=[{**CLAIM, "client": "h-caps", "write": ["h-volumes", *pools]}])
        assert "client.h-caps reads and writes h-volumes" in found["clients"][0]["checked"]
        assert "The pool h-full is at its quota (3 objects), so writes of client.h-caps hang." in found["msg"]
        assert "The OSDs don't answer client.h-caps for the pool h-inactive within 2 s" in found["msg"]
        # Pools of others are nobody's business, and whoever may not use them isn't held up by them.
        secret(node, replace=True)
        assert proof(node)["proven"]
    finally:
        node.objects(pools=[{"name": pool, "state": "absent", "delete_really": pool} for pool in pools])
        node.ask({"prefix": "osd crush rule rm", "name": "h-empty"}, {"prefix": "osd crush rm", "name": "h-nowhere"})


def test_proof_has_the_rights_and_the_view_of_the_service(node: Ceph) -> None:
    path = node.folder / "nodes" / NODE / "ceph" / "ceph.client.h-cinder.keyring"
    there = {
        "client": "h-cinder",
        "keyring": "/etc/ceph/ceph.client.h-cinder.keyring",
        "write": ["h-volumes"],
        "read": ["h-images"],
    }
    secret(node, secret=False, group="daemon")
    found = proof(node, clients=[{**there, "user": "daemon"}])
    assert "daemon finds and reads the key of client.h-cinder" in found["clients"][0]["checked"]
    assert found["proven"]
    secret(node, secret=False)
    assert (
        "ceph.client.h-cinder.keyring can't be read by daemon"
        in proof(node, clients=[{**there, "user": "daemon"}])["msg"]
    )
    secret(node, secret=False, group="daemon", keyring="/etc/ceph/h-elsewhere")
    path.unlink()
    told = proof(node, clients=[{**there, "keyring": "/etc/ceph/h-elsewhere", "user": "daemon"}])["msg"]
    assert "The service of daemon doesn't find the key of client.h-cinder" in told
    (path.parent / "h-elsewhere").unlink()


def test_proof_finds_an_unreachable_monitor_in_time(node: Ceph) -> None:
    secret(node)
    (node.folder / "nodes" / NODE / "ceph" / "ceph.conf").write_text("[global]\nmon host = 127.0.77.99\n")
    assert "No monitor of /etc/ceph/ceph.conf answered client.h-cinder within 2 s" in proof(node)["msg"]


def _define(node: Ceph, uuid: str, usage: str) -> None:
    path = node.folder / "nodes" / NODE / "ceph" / "secret.xml"
    path.write_text(f"<secret><uuid>{uuid}</uuid><usage type='ceph'><name>{usage}</name></usage></secret>")
    node.lab("on", NODE, "virsh", "--connect", "qemu:///system", "secret-define", "/etc/ceph/secret.xml")
    path.unlink()
