# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that a container of libvirt has only from files of its host: after its next start, it has them again."""

from __future__ import annotations

import base64
import struct
import typing as t
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import secrets_apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.client_secrets import (
    DesiredClient,
    Keyring,
    Secret,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.durable import KOLLA, lost_at_restart
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.guests import Guest
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import lock
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import apply as apply_conf
from tests.places import ROOT

UUID = "457eb676-33da-42ec-9a8c-9293d545c337"
OTHER = "11111111-2222-4333-8444-555555555555"
KEYS = [struct.pack("<HIIH", 1, number, 0, 16) + bytes(16) for number in (1, 2)]


class LibvirtError(Exception):
    def get_error_code(self) -> int:
        return 60


class Libvirt:
    """Keeps secrets as libvirt's container of kolla does: a start makes them of the files, and nothing else is kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._secrets: dict[str, tuple[str, bytes | None]] = {}

    def start(self) -> None:
        self._secrets = {}
        for path in sorted(self._folder.glob("*.xml")):
            value = path.with_suffix(".base64")
            assert ElementTree.fromstring(path.read_text()).findtext("uuid") == path.stem
            key = base64.b64decode(value.read_text()) if value.exists() else None
            self._secrets[path.stem] = (path.read_text(), key)

    @property
    def found(self) -> dict[str, bytes | None]:
        return {uuid: key for uuid, (_xml, key) in self._secrets.items()}

    def listAllSecrets(self) -> list[t.Any]:  # noqa: N802
        return [self._of(uuid) for uuid in self._secrets]

    def listAllDomains(self) -> list[t.Any]:  # noqa: N802
        return []

    def secretDefineXML(self, xml: str) -> None:  # noqa: N802
        uuid = ElementTree.fromstring(xml).findtext("uuid") or ""
        self._secrets[uuid] = (xml, self.found.get(uuid))

    def secretLookupByUUIDString(self, uuid: str) -> t.Any:  # noqa: N802
        if uuid not in self._secrets:
            raise LibvirtError
        return self._of(uuid)

    def _of(self, uuid: str) -> t.Any:
        def set_value(key: bytes) -> None:
            self._secrets[uuid] = (self._secrets[uuid][0], key)

        return SimpleNamespace(
            XMLDesc=lambda: self._secrets[uuid][0],
            value=lambda: self._secrets[uuid][1],
            setValue=set_value,
            undefine=lambda: self._secrets.pop(uuid),
        )


class Compute(t.NamedTuple):
    folder: Path
    libvirt: Libvirt
    host: secrets_apply.SecretHost


@pytest.fixture
def compute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compute:
    folder = tmp_path / "secrets"
    folder.mkdir(mode=0o770)
    libvirt, host = Libvirt(folder), secrets_apply.SecretHost("")
    errors = {"VIR_ERR_NO_SECRET": 60, "VIR_ERR_INVALID_SECRET": 65}
    monkeypatch.setattr(secrets_apply, "libvirt", SimpleNamespace(libvirtError=LibvirtError, **errors))
    locked = partial(lock.locked, folder=str(tmp_path / "lock"))
    monkeypatch.setattr(secrets_apply, "lock", SimpleNamespace(locked=locked))
    monkeypatch.setattr(host, "_connection", libvirt)
    return Compute(folder, libvirt, host)


def desired(compute: Compute, key: bytes = KEYS[0], **changes: t.Any) -> list[DesiredClient]:
    secret = Secret(UUID, "client.cinder secret")
    return [DesiredClient("client.cinder", secret, key, **{"stored_in": str(compute.folder), **changes})]


def apply(compute: Compute, clients: list[DesiredClient]) -> list[str]:
    """The steps; predicted and done are the same, and the second time there are none."""
    before = dict(compute.libvirt.found), sorted(path.name for path in compute.folder.iterdir())
    predicted = secrets_apply.check(compute.host, clients)
    assert (dict(compute.libvirt.found), sorted(path.name for path in compute.folder.iterdir())) == before
    done = secrets_apply.apply(compute.host, clients)
    assert (done.steps, done.before, done.after) == (predicted.steps, predicted.before, predicted.after)
    assert secrets_apply.apply(compute.host, clients).steps == []
    return done.steps


def test_a_secret_is_there_after_the_next_start(compute: Compute) -> None:
    assert apply(compute, desired(compute)) == [
        f"define secret {UUID} (client.cinder secret)",
        "set its value to the key of client.cinder",
        f"store it in {compute.folder}, from where libvirt has it after its next start",
    ]
    assert {path.stat().st_mode & 0o777 for path in compute.folder.iterdir()} == {0o600}
    compute.libvirt.start()
    assert compute.libvirt.found == {UUID: KEYS[0]}
    assert secrets_apply.check(compute.host, desired(compute)).steps == []


def test_who_copies_a_keyring_at_its_start_has_to_be_restarted(
    compute: Compute, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_conf, "PENDING", str(tmp_path / "restart"))
    keyring = Keyring(str(tmp_path / "ceph.client.cinder.keyring"), "root", "root", 0o660)
    clients = desired(compute, keyring=keyring, services=("kolla-nova_compute-container",))
    assert secrets_apply.check(compute.host, clients).restart == ["kolla-nova_compute-container"]
    assert not (tmp_path / "restart").exists()
    assert secrets_apply.apply(compute.host, clients).restart == ["kolla-nova_compute-container"]
    assert [path.name for path in (tmp_path / "restart").iterdir()] == ["kolla-nova_compute-container"]
    # A run that is killed before service_conf has restarted it leaves that to the next one.
    for act in (secrets_apply.check, secrets_apply.apply):
        again = act(compute.host, clients)
        assert (again.steps, again.restart) == ([], ["kolla-nova_compute-container"])
    (tmp_path / "restart" / "kolla-nova_compute-container").unlink()
    assert secrets_apply.apply(compute.host, clients).restart == []
    gone = [replace(one, present=False) for one in clients]
    assert secrets_apply.apply(compute.host, gone).restart == []


def test_one_that_only_libvirt_has_is_stored_too(compute: Compute) -> None:
    compute.libvirt.secretDefineXML(Secret(UUID, "client.cinder secret").xml())
    compute.libvirt.secretLookupByUUIDString(UUID).setValue(KEYS[0])
    (step,) = apply(compute, desired(compute))
    assert step.startswith("store it in ")


def test_the_deployer_s_own_files_stay_as_they_are_until_the_key_is_another(compute: Compute) -> None:
    """As kolla-ansible's templates make them (nova-cell/templates/secret.xml.j2, libvirt-secret.j2 of 2025.2)."""
    text = (
        f"<secret ephemeral='no' private='no'>\n  <uuid>{UUID}</uuid>\n  <description>Ceph Client Secret</description>\n"
        "  <usage type='ceph'>\n    <name>client.cinder secret</name>\n  </usage>\n</secret>\n"
    )
    (compute.folder / f"{UUID}.xml").write_text(text)
    (compute.folder / f"{UUID}.base64").write_text(base64.b64encode(KEYS[0]).decode() + "\n")
    compute.libvirt.start()
    assert apply(compute, desired(compute)) == []
    assert (compute.folder / f"{UUID}.xml").read_text() == text
    assert len(apply(compute, desired(compute, KEYS[1]))) == 2
    compute.libvirt.start()
    assert compute.libvirt.found == {UUID: KEYS[1]}


@pytest.mark.parametrize("text", [b"<secret", b"<secret>\xff</secret>"])
@pytest.mark.parametrize("damaged", ["xml", "base64"])
def test_files_that_libvirt_could_not_load_are_written_anew(compute: Compute, damaged: str, text: bytes) -> None:
    apply(compute, desired(compute))
    (compute.folder / f"{UUID}.{damaged}").write_bytes(text)
    (step,) = apply(compute, desired(compute))
    assert step.startswith("store it in ")


@pytest.mark.parametrize("present", [True, False])
def test_a_key_that_a_killed_run_left_goes(compute: Compute, present: bool) -> None:
    left = compute.folder / f".{UUID}.base64.{'a' * 16}"
    left.write_bytes(base64.b64encode(KEYS[1]))
    steps = apply(compute, [replace(one, present=present) for one in desired(compute)])
    assert steps[0] == f"remove {left}, left by a killed run"
    assert not left.exists()


@pytest.mark.parametrize("gone", [{"present": False}, {"secret": Secret(UUID, "client.cinder secret", ephemeral=True)}])
def test_what_is_to_go_does_not_come_back(compute: Compute, gone: dict[str, t.Any]) -> None:
    apply(compute, desired(compute))
    steps = apply(compute, [replace(one, **gone) for one in desired(compute)])
    assert f"remove it from {compute.folder}" in steps
    compute.libvirt.start()
    assert compute.libvirt.found == {}


def test_a_secret_in_the_way_does_not_come_back_either(compute: Compute) -> None:
    apply(compute, [replace(one, secret=Secret(OTHER, "client.cinder secret")) for one in desired(compute)])
    with pytest.raises(OperatorError, match="already belongs to secret"):
        secrets_apply.check(compute.host, desired(compute))
    apply(compute, desired(compute, replace=True))
    compute.libvirt.start()
    assert compute.libvirt.found == {UUID: KEYS[0]}


def test_a_secret_in_the_way_does_not_come_back_after_a_killed_run(
    compute: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(compute, [replace(one, secret=Secret(OTHER, "client.cinder secret")) for one in desired(compute)])

    def killed(_folder: str, _uuid: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(secrets_apply, "forget", killed)
        with pytest.raises(KeyboardInterrupt):
            secrets_apply.apply(compute.host, desired(compute, replace=True))
    apply(compute, desired(compute, replace=True))
    compute.libvirt.start()
    assert compute.libvirt.found == {UUID: KEYS[0]}


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Processes of a host whose libvirt runs in a container, with a layer."""
    for number, comm, namespace in (("self", "python3", "mnt:[1]"), ("7", "libvirtd", "mnt:[2]")):
        folder = tmp_path / "proc" / number
        (folder / "ns").mkdir(parents=True)
        (folder / "ns" / "mnt").symlink_to(namespace)
        (folder / "comm").write_text(comm + "\n")
        (folder / "mountinfo").write_text("1 0 0:1 / / rw - overlay overlay rw\n")
    return tmp_path / "proc"


def test_secrets_in_a_container_are_told_of(proc: Path, tmp_path: Path) -> None:
    look: t.Any = lambda: lost_at_restart(UUID, "", str(proc), str(tmp_path))  # noqa: E731
    assert "is lost when the container is recreated" in look()
    assert "stored_in" in look()
    with (proc / "7" / "mountinfo").open("a") as mounts:
        mounts.write("2 1 8:1 /x /etc/libvirt rw - ext4 /dev/vda1 rw\n")
    assert look() == ""
    (proc / "7" / "mountinfo").write_text("1 0 0:1 / / rw - overlay overlay rw\n")
    (proc / "7" / "comm").write_text("qemu\n")
    assert look() == ""


def test_a_key_that_the_next_start_changes_is_told_of(compute: Compute, proc: Path) -> None:
    apply(compute, desired(compute))
    keys = [base64.b64encode(key).decode() for key in KEYS]
    assert [bool(lost_at_restart(UUID, key, str(proc), str(compute.folder))) for key in keys] == [False, True]
    assert "holds another key in secret" in lost_at_restart(UUID, keys[1], str(proc), str(compute.folder))
    (compute.folder / f"{UUID}.base64").unlink()
    assert "holds another key in secret" in lost_at_restart(UUID, keys[0], str(proc), str(compute.folder))


def test_files_that_cannot_be_read_are_one_client_s_problem(compute: Compute, proc: Path) -> None:
    (compute.folder / f"{UUID}.xml").mkdir()
    said = lost_at_restart(UUID, "", str(proc), str(compute.folder))
    assert said.startswith(f"It isn't known whether secret {UUID} is there after libvirt's next start: ")


def test_what_guests_use_is_not_removed_where_only_its_files_are_there(
    compute: Compute, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(compute, desired(compute))
    compute.libvirt._secrets.clear()
    guest = Guest("instance-00000001", OTHER, own=True)
    monkeypatch.setattr(compute.host, "_guests", lambda _uuid: (guest,))
    leaving = desired(compute, present=False)
    for act in (secrets_apply.check, secrets_apply.apply):
        with pytest.raises(OperatorError, match=f"Secret {UUID} .in {compute.folder}. is used by disks of "):
            act(compute.host, leaving)
    assert len(list(compute.folder.iterdir())) == 2
    secrets_apply.apply(compute.host, [replace(leaving[0], replace=True)])
    assert list(compute.folder.iterdir()) == []


def test_the_place_is_that_of_kolla_ansible() -> None:
    assert KOLLA in (ROOT / "plugins/modules/ceph_client_secret.py").read_text()
