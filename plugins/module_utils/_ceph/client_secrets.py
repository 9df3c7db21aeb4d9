# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceph keys in libvirt secrets and keyring files: desired and actual state, and the plan from one to the other. Pure.

Keys are only compared here; no message or step ever contains one.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import typing as t
from dataclasses import dataclass, field
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .._common import UUID, OperatorError
from .guests import Guest, ways_off
from .keyrings import entries, key_in, with_key, without

_USAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.,:@/+-]{0,199}\Z")


def check_uuid(text: str) -> str:
    """Return a UUID in libvirt's spelling. Raises OperatorError if it isn't one."""
    uuid = text.strip().lower()
    if not UUID.match(uuid):
        raise OperatorError(
            f"uuid {text[:60]!r} is not a UUID; generate one with `uuidgen`, or use the cluster's fsid as Cinder does."
        )
    return uuid


def decode_key(text: str, whose: str) -> bytes:
    """Return a key's bytes. Raises OperatorError, which doesn't quote the text, if it isn't a key."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise OperatorError(
            f"The key given for {whose} isn't a Ceph key: it isn't base64. `ceph auth print-key {whose}` prints the key."
        ) from None
    if not looks_like_a_key(key):
        twice = " It is encoded twice; give it as `ceph auth print-key` prints it." if is_encoded(key) else ""
        raise OperatorError(f"The key given for {whose} isn't a Ceph key ({len(key)} bytes).{twice}")
    return key


def looks_like_a_key(key: bytes) -> bool:
    """Whether this is a key: type (1 for aes, 2 for aes256k), creation time, length, and as many bytes (Ceph: CryptoKey::encode)."""
    return (
        len(key) > 12
        and struct.unpack_from("<H", key)[0] >= 1
        and struct.unpack_from("<H", key, 10)[0] == len(key) - 12
    )


def is_encoded(value: bytes) -> bool:
    """Whether a value is the key's base64 text instead of its bytes, as `virsh secret-set-value --interactive` stores it."""
    try:
        return looks_like_a_key(base64.b64decode(value.strip(), validate=True))
    except (binascii.Error, ValueError):
        return False


@dataclass(frozen=True)
class Secret:
    """A libvirt secret, without its value."""

    uuid: str
    usage: str
    private: bool = False
    ephemeral: bool = False
    kind: str = "ceph"

    def xml(self) -> str:
        yes = {True: "yes", False: "no"}
        return (
            f"<secret ephemeral='{yes[self.ephemeral]}' private='{yes[self.private]}'><uuid>{self.uuid}</uuid>"
            f"<usage type='ceph'><name>{escape(self.usage)}</name></usage></secret>"
        )

    def public(self) -> dict[str, t.Any]:
        return dict(vars(self))


def read_secret(xml: str) -> Secret:
    """Parse libvirt's XML of a secret. (libvirt wrote it itself, so it is trusted.)"""
    root = ElementTree.fromstring(xml)
    usage = root.find("usage")
    name = ""
    if usage is not None:
        name = next((child.text or "" for child in usage), "")
    return Secret(
        uuid=(root.findtext("uuid") or "").lower(),
        usage=name,
        private=root.get("private") == "yes",
        ephemeral=root.get("ephemeral") == "yes",
        kind=usage.get("type", "") if usage is not None else "",
    )


@dataclass(frozen=True)
class Stored:
    """A secret as files that libvirt loads when it starts; None for one that isn't there, or can't be understood."""

    secret: t.Optional[Secret]
    key: t.Optional[bytes] = field(repr=False)


@dataclass(frozen=True)
class Keyring:
    """A client's keyring file; owner and group are names, mode is the number from stat."""

    path: str
    owner: str
    group: str
    mode: int

    def public(self) -> dict[str, t.Any]:
        return {"path": self.path, "owner": self.owner, "group": self.group, "mode": f"{self.mode:04o}"}


def key_text(key: bytes) -> str:
    """A key in base64, as in keyrings and `ceph auth print-key`."""
    return base64.b64encode(key).decode()


@dataclass(frozen=True)
class DesiredClient:
    """The desired state of a client on this host. key is None in check mode if it hasn't been created yet.

    stored_in is the folder of files that libvirt's secrets are made of when it starts; empty where libvirt keeps them itself.
    """

    client: str
    secret: t.Optional[Secret] = None
    key: t.Optional[bytes] = None
    keyring: t.Optional[Keyring] = None
    present: bool = True
    replace: bool = False
    stored_in: str = ""
    services: tuple[str, ...] = ()  # those that have the keyring from this file only when they start


@dataclass(frozen=True)
class ActualClient:
    """The actual state of a client on this host. The value and the file's text are compared, never shown."""

    secrets: t.Mapping[str, Secret]
    value: t.Optional[bytes] = None  # None: no value, or a private one that libvirt doesn't return
    readable: bool = True
    fingerprint: str = ""  # of the last value set here, for private secrets
    keyring: t.Optional[Keyring] = None
    text: t.Optional[str] = field(default=None, repr=False)
    guests: tuple[Guest, ...] = ()  # guests with disks that use the secret
    leftovers: tuple[str, ...] = ()  # temporary files of a run that was killed while it wrote
    stored: t.Optional[Stored] = None


@dataclass(frozen=True)
class SecretPlan:
    """The steps from the actual to the desired state. The only place that decides what 'changed' means."""

    desired: DesiredClient
    undefine: tuple[Secret, ...] = ()
    define: bool = False
    set_value: bool = False
    keyring_text: t.Optional[str] = field(default=None, repr=False)  # to write; empty to remove the file
    leftovers: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    store: t.Optional[bool] = None  # write the files that libvirt loads, or remove them

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    @property
    def restart(self) -> tuple[str, ...]:
        """The services that have to be restarted after this; a keyring that goes needs none."""
        return self.desired.services if self.desired.present and self.keyring_text is not None else ()


def check_clients(clients: t.Sequence[DesiredClient]) -> None:
    """Raise OperatorError for clients that are invalid or contradict each other."""
    for what, names in (
        ("uuid", [desired.secret.uuid for desired in clients if desired.secret]),
        ("usage", [desired.secret.usage for desired in clients if desired.secret and desired.present]),
        ("keyring", [desired.keyring.path for desired in clients if desired.keyring]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise OperatorError(
                f"{what} {twice[0]!r} is listed twice; each secret and each keyring holds one client's key."
            )
    for desired in clients:
        if desired.secret and desired.present and not _USAGE.match(desired.secret.usage):
            raise OperatorError(
                f"usage {desired.secret.usage[:60]!r} of {desired.client}: use only letters, digits, spaces and _.,:@/+-."
            )
        if desired.keyring and desired.keyring.mode & 0o007:
            raise OperatorError(
                f"keyring {desired.keyring.path} of {desired.client} with mode {desired.keyring.mode:04o} would be readable by everyone; use 0640 or 0600."
            )


def plan(desired: DesiredClient, actual: ActualClient, digest: t.Callable[[bytes], str]) -> SecretPlan:
    """Plan the steps. Raises OperatorError for conflicts, before anything has changed."""
    return _plan_present(desired, actual, digest) if desired.present else _plan_absent(desired, actual)


def _plan_absent(desired: DesiredClient, actual: ActualClient) -> SecretPlan:
    steps = []
    there = actual.secrets.get(desired.secret.uuid) if desired.secret else None
    if there and there.kind != "ceph":
        raise OperatorError(
            f"Secret {there.uuid} has the usage type {there.kind!r}, not 'ceph'; this module doesn't remove it."
        )
    if desired.secret and (there or actual.stored) and actual.guests and not desired.replace:
        name = f"{desired.secret.uuid} ({there.usage if there else f'in {desired.stored_in}'})"
        raise OperatorError(
            f"Secret {name} is used by disks of {ways_off(actual.guests)}. They couldn't start without it. Give them the "
            f"current secret, as said for each, or set replace: true for {desired.client} to remove this one anyway."
        )
    if there:
        steps.append(f"undefine secret {there.uuid} ({there.usage})")
    if actual.stored:
        steps.append(f"remove it from {desired.stored_in}")
    text = None
    if desired.keyring and actual.text is not None and desired.client in entries(actual.text):
        text = without(actual.text, desired.client)
        steps.append(
            f"remove {desired.client} from {desired.keyring.path}" if text else f"remove {desired.keyring.path}"
        )
    return SecretPlan(
        desired,
        (there,) if there else (),
        keyring_text=text,
        leftovers=actual.leftovers,
        steps=(*_leftover_steps(actual), *steps),
        store=False if actual.stored else None,
    )


def _leftover_steps(actual: ActualClient) -> tuple[str, ...]:
    return tuple(f"remove {path}, left by a killed run" for path in actual.leftovers)


def _plan_present(desired: DesiredClient, actual: ActualClient, digest: t.Callable[[bytes], str]) -> SecretPlan:
    steps: list[str] = []
    undefine: list[Secret] = []
    define = set_value = False
    if desired.secret:
        there = actual.secrets.get(desired.secret.uuid)
        undefine = _conflicts(desired, desired.secret, actual)
        steps += [f"undefine secret {one.uuid} ({one.usage})" for one in undefine]
        define = there is None or there in undefine or there != desired.secret
        if define:
            steps.append(f"define secret {desired.secret.uuid} ({desired.secret.usage})")
        if desired.key is None or there is None or there in undefine:
            set_value = True
        elif actual.readable:
            set_value = actual.value != desired.key
        else:
            set_value = actual.fingerprint != digest(desired.key)
        if set_value:
            kept = (
                there is not None and there not in undefine and (actual.value is not None or bool(actual.fingerprint))
            )
            steps.append(f"set its value to the key of {desired.client}" + (" (it holds another key)" if kept else ""))
    store, step = _plan_stored(desired, desired.secret, actual, undefine) if desired.secret else (None, "")
    steps += [step] if step else []
    text, step = _plan_keyring(desired, desired.keyring, actual) if desired.keyring else (None, "")
    if step:
        steps.append(step)
    steps = [*_leftover_steps(actual), *steps]
    return SecretPlan(desired, tuple(undefine), define, set_value, text, actual.leftovers, tuple(steps), store)


def _plan_stored(
    desired: DesiredClient, secret: Secret, actual: ActualClient, undefine: t.Collection[Secret]
) -> tuple[t.Optional[bool], str]:
    """Whether to write the files that libvirt loads (or to remove them), and the step; None and empty if nothing is to do."""
    there = None if secret.uuid in [one.uuid for one in undefine] else actual.stored
    if secret.ephemeral or not desired.stored_in:
        return (False, f"remove it from {desired.stored_in}") if there else (None, "")
    if desired.key is not None and there == Stored(secret, desired.key):
        return None, ""
    return True, f"store it in {desired.stored_in}, from where libvirt has it after its next start"


def _plan_keyring(desired: DesiredClient, keyring: Keyring, actual: ActualClient) -> tuple[t.Optional[str], str]:
    """The desired text of the keyring file, and the step; None and empty if nothing is to do."""
    there = actual.text or ""
    found = key_in(there, desired.client)
    others = [name for name in entries(there) if name != desired.client]
    same_key = desired.key is not None and found == key_text(desired.key)
    if same_key and actual.keyring == keyring:
        return None, ""
    if others and actual.keyring != keyring:
        raise OperatorError(
            f"{keyring.path} also holds keys of {', '.join(others[:5])}, which others could read with {keyring.owner}:{keyring.group} "
            f"{keyring.mode:04o}. Give {desired.client} a keyring of its own, or keep the file's owner, group and mode."
        )
    text = there if desired.key is None else with_key(there, desired.client, key_text(desired.key))
    if same_key:
        return text, f"set owner and mode ({keyring.owner}:{keyring.group} {keyring.mode:04o}) of {keyring.path}"
    what = f"set the key of {desired.client} in" if others else "write"
    return text, f"{what} {keyring.path}" + (" (it holds another key)" if found else "")


def _conflicts(desired: DesiredClient, secret: Secret, actual: ActualClient) -> list[Secret]:
    """The conflicting secrets that the operator allowed to replace. Raises OperatorError for the others."""
    found = []
    there = actual.secrets.get(secret.uuid)
    if there and (there.kind != "ceph" or there.usage != secret.usage):
        if there.kind != "ceph":
            raise OperatorError(
                f"Secret {secret.uuid} already exists with the usage type {there.kind!r} for {there.usage!r}; "
                f"choose another uuid for {desired.client}."
            )
        if not desired.replace:
            raise OperatorError(
                f"Secret {secret.uuid} already exists with the usage {there.usage!r}, not {secret.usage!r}, and libvirt can't rename it. "
                f"Set usage to {there.usage!r}, or set replace: true for {desired.client} to undefine the secret first."
            )
        found.append(there)
    elif there and there.private and not secret.private:
        if not desired.replace:
            raise OperatorError(
                f"Secret {secret.uuid} ({secret.usage}) is private, and libvirt can't make it public again. Set private: true, "
                f"or set replace: true for {desired.client} to undefine it first."
            )
        found.append(there)
    for other in actual.secrets.values():
        if other.uuid != secret.uuid and other.kind == "ceph" and other.usage == secret.usage:
            if not desired.replace:
                raise OperatorError(
                    f"The usage {secret.usage!r} already belongs to secret {other.uuid}, not {secret.uuid}, and running guests use that one. "
                    f"Set uuid to {other.uuid}, or set replace: true for {desired.client} to undefine {other.uuid} first."
                )
            found.append(other)
    return found
