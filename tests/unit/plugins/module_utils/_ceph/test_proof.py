# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Verdicts on pools and services' files, and looks that hang."""

from __future__ import annotations

import os
import struct
import time
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import probe, proof
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.children import Job, run_all
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.proof import read_uses
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.ceph_uses import (
    cinder_uses,
    glance_uses,
    nova_uses,
)

UUID = "457eb676-33da-42ec-9a8c-9293d545c337"
KINDS = ("reads", "reads with RBD's methods", "writes", "writes with RBD's methods")


def _fails() -> None:
    raise OperatorError("An error.")


def test_nothing_that_hangs_holds_up_the_rest() -> None:
    jobs = [
        Job(lambda: time.sleep(600)),
        Job(lambda: {"a": 1}),
        Job(_fails),
        Job(lambda: os.kill(os.getpid(), 9)),
        Job(lambda: 1 / 0),
    ]
    hung, fine, failed, killed, broken = run_all(jobs, 2)
    assert not hung.in_time
    assert (fine.value, fine.error, fine.in_time) == ({"a": 1}, "", True)
    assert failed.error == "An error."
    assert "without a result" in killed.error
    assert "ZeroDivisionError" in broken.error


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take others' rights")
def test_a_look_has_the_rights_of_the_user(tmp_path: Path) -> None:
    (found, group) = run_all(
        [Job(lambda: [os.geteuid(), os.getgroups()], "daemon"), Job(os.getgid, "no-such-user", 7)], 5
    )
    assert found.value == [1, [1]]
    assert group.value == 7


@pytest.mark.parametrize(
    ("found", "claimed", "problem"),
    [
        (probe.Found(dict.fromkeys(KINDS, -2)), "write", ""),
        (probe.Found({**dict.fromkeys(KINDS, -2), KINDS[2]: -1, KINDS[3]: -1}), "read", ""),
        (probe.Found({**dict.fromkeys(KINDS, -2), KINDS[2]: -1, KINDS[3]: -1}), "write", "may not write the pool p;"),
        (probe.Found({**dict.fromkeys(KINDS, -2), KINDS[1]: -1, KINDS[3]: -1}), "write", "may not call RBD's methods"),
        (probe.Found(dict.fromkeys(KINDS, -2)), "read", "may write the pool p, which it shouldn't"),
        (probe.Found(dict.fromkeys(KINDS, -2), erasure=True), "", "It is erasure-coded: name the data pool"),
        (probe.Found(dict.fromkeys(KINDS, -2), "hashpspool,full,full_quota", quota="3 objects"), "write", "is at its quota (3 objects)"),
        (probe.Found(dict.fromkeys(KINDS, -2), "full"), "write", "The pool p is full, so writes"),
        (probe.Found({}), "write", "The OSDs don't answer c for the pool p within 4 s"),
        (probe.Found({}), "", ""),
    ],
)  # fmt: skip
def test_each_pool_has_its_verdict(found: probe.Found, claimed: str, problem: str) -> None:
    report = probe.Report()
    probe.judge("c", "p", found, ["p"] if claimed == "write" else [], ["p"] if claimed == "read" else [], report, 5)
    assert bool(problem) == bool(report.problems)
    assert problem in "".join(report.problems)


def test_what_services_say_of_ceph() -> None:
    rbd = {"volume_driver": "cinder.volume.drivers.rbd.RBDDriver"}
    sections: dict[str, t.Any] = {
        "DEFAULT": {
            "enabled_backends": "lvm, fast,slow",
            "backup_driver": "cinder.backup.drivers.ceph.CephBackupDriver",
        },
        "backend_defaults": {**rbd, "rbd_user": "cinder", "rbd_secret_uuid": UUID.upper()},
        "fast": {"rbd_pool": "ssd"},
        "slow": {"rbd_pool": "hdd", "rbd_ceph_conf": "/etc/ceph/b.conf"},
        "lvm": {"volume_driver": "LVM"},
    }
    fast, slow, backup = cinder_uses(sections)
    assert (fast.client, fast.pool, fast.uuid, fast.conf) == ("cinder", "ssd", UUID, "/etc/ceph/ceph.conf")
    assert (slow.pool, slow.conf) == ("hdd", "/etc/ceph/b.conf")
    assert (backup.client, backup.pool, backup.uuid) == ("cinder", "backups", None)
    (store,) = glance_uses({"DEFAULT": {"enabled_backends": "http:http, a:rbd"}, "a": {"rbd_store_user": "glance"}})
    assert (store.name, store.client, store.pool) == ("Glance's store a", "glance", "images")
    assert nova_uses({"libvirt": {"rbd_user": "cinder"}}) == []
    (nova,) = nova_uses({"libvirt": {"images_type": "rbd", "rbd_user": "cinder"}})
    assert (nova.pool, nova.uuid) == ("rbd", "")


class _Secrets:
    """A libvirt with these values of secrets."""

    def __init__(self, values: dict[str, bytes | None]) -> None:
        self._values = values

    def secrets(self) -> dict[str, bytes | None]:
        return self._values

    def value(self, uuid: str) -> tuple[bytes | None, bool]:
        return self._values[uuid], True


def test_one_of_a_client_s_keyrings_makes_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """The looks are at the same time, and the image has the client's name."""
    data = (("volumes", "coded"),)
    claims = [
        proof.Claim(client, keyring=path, write=("volumes",), data_pools=data)
        for client, path in (("client.a", "/one"), ("client.a", "/two"), ("client.b", "/three"))
    ]
    monkeypatch.setattr(
        proof, "probe", lambda *given: {"checked": [f"{given[5]} {len(given[6])}"], "problems": [], "fsid": ""}
    )
    made = proof.prove(lambda: t.cast(t.Any, None), claims, "/etc/ceph/ceph.conf", 1, ())
    assert [one.checked for one in made] == [["/one 1", "/two 0"], ["/three 1"]]


def test_each_of_several_secrets_of_a_client_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """kolla-ansible makes one for Cinder's volumes and one for Nova's disks."""
    other = UUID.replace("4", "5")
    key = struct.pack("<HIIH", 1, 1, 0, 16) + b"a" * 16
    claims = [proof.Claim("client.cinder", uuid, secret=True, write=("volumes", "vms")) for uuid in (UUID, other)]
    monkeypatch.setattr(proof, "probe", lambda *given: {"checked": [given[5]], "problems": [], "fsid": ""})
    uses = [
        *cinder_uses(
            {
                "DEFAULT": {"enabled_backends": "rbd"},
                "rbd": {"volume_driver": "rbd", "rbd_user": "cinder", "rbd_pool": "volumes", "rbd_secret_uuid": UUID},
            }
        ),
        *nova_uses(
            {
                "libvirt": {
                    "images_type": "rbd",
                    "rbd_user": "cinder",
                    "images_rbd_pool": "vms",
                    "rbd_secret_uuid": other,
                }
            }
        ),
    ]

    def verdict(values: dict[str, bytes | None]) -> proof.Verdict:
        open_host: t.Any = lambda: _Secrets(values)  # noqa: E731
        (one,) = proof.prove(open_host, claims, "/etc/ceph/ceph.conf", 1, uses)
        return one

    fine = verdict({UUID: key, other: key})
    assert fine.problems == []
    assert {f"the key in secret {uuid}" for uuid in (UUID, other)} <= set(fine.checked)
    assert f"Nova names secret {other}" in fine.checked
    for empty, held in ((UUID, other), (other, UUID)):
        (problem,) = verdict({empty: None, held: key}).problems
        assert f"Secret {empty} is defined but has no value" in problem
    uses[1] = nova_uses({"libvirt": {"images_type": "rbd", "rbd_user": "cinder", "images_rbd_pool": "vms"}})[0]
    uses[1] = replace(uses[1], uuid="0" * 8 + UUID[8:])
    assert f"the key of client.cinder is in {UUID} and {other}" in verdict({UUID: key, other: key}).problems[0]


def test_a_use_without_its_client_is_a_problem() -> None:
    (use,) = nova_uses({"libvirt": {"images_type": "rbd", "rbd_user": "other"}})
    verdicts = {"client.cinder": proof.Verdict("client.cinder")}
    proof.compare([proof.Claim("client.cinder")], "/etc/ceph/ceph.conf", [use], verdicts)
    assert "Nova uses client.other, which isn't among the clients of this host" in verdicts["client.cinder"].problems[0]


def test_cinder_volume_reads_its_own_file_after_cinders(tmp_path: Path) -> None:
    (tmp_path / "cinder.conf").write_text(
        "[DEFAULT]\nenabled_backends = rbd\n[rbd]\nvolume_driver = cinder.volume.drivers.rbd.RBDDriver\nrbd_pool = one\n"
    )
    path = str(tmp_path / "cinder.conf")
    assert [use.pool for use in read_uses("cinder", path)] == ["one"]
    (tmp_path / "cinder-volume.conf").write_text("[rbd]\nrbd_pool = two\n")
    assert [use.pool for use in read_uses("cinder", path)] == ["two"]
