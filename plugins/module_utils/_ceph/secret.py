# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ceph's keys in libvirt's secrets and in keyring files: what is, what is wanted, what it takes. Pure.

A key is told from another by comparing the two here; no text that is made of it ever holds it.
"""

from __future__ import annotations

import base64
import binascii
import re
import struct
import typing as t
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from .model import CephError

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_USAGE = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.,:@/+-]{0,199}\Z")


def check_uuid(text: str) -> str:
    """Return a UUID as libvirt writes it."""
    uuid = text.strip().lower()
    if not _UUID.match(uuid):
        raise CephError(
            f"uuid {text[:60]!r} is not a UUID; `uuidgen` makes one, or take the cluster's fsid as Cinder does."
        )
    return uuid


def decode_key(text: str, whose: str) -> bytes:
    """Return a key's bytes; CephError without the text itself for what is none."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise CephError(
            f"The key given for {whose} is not one that Ceph makes: it isn't base64. `ceph auth print-key {whose}` prints it."
        ) from None
    if not looks_like_a_key(key):
        twice = " It is encoded twice: give it as `ceph auth print-key` prints it." if is_encoded(key) else ""
        raise CephError(f"The key given for {whose} is not one that Ceph makes ({len(key)} bytes).{twice}")
    return key


def looks_like_a_key(key: bytes) -> bool:
    """Type 1 (AES), when it was made, its length, and as many bytes (Ceph: CryptoKey::encode)."""
    return (
        len(key) > 12
        and struct.unpack_from("<H", key)[0] == 1
        and struct.unpack_from("<H", key, 10)[0] == len(key) - 12
    )


def is_encoded(value: bytes) -> bool:
    """Whether a value is a key as text, where its bytes should be: what `virsh secret-set-value --interactive` makes of one."""
    try:
        return looks_like_a_key(base64.b64decode(value.strip(), validate=True))
    except (binascii.Error, ValueError):
        return False


@dataclass(frozen=True)
class Secret:
    """A secret of libvirt's, without its value."""

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
    """From what libvirt tells of a secret. (It wrote that itself.)"""
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


def names_secret(xml: str, uuid: str) -> bool:
    """Whether a guest, as libvirt describes it, has a disk whose key is in this secret."""
    return any((one.get("uuid") or "").lower() == uuid for one in ElementTree.fromstring(xml).iter("secret"))


@dataclass(frozen=True)
class Keyring:
    """A client's keyring file; owner and group are names, mode is as stat tells it."""

    path: str
    owner: str
    group: str
    mode: int

    def public(self) -> dict[str, t.Any]:
        return {"path": self.path, "owner": self.owner, "group": self.group, "mode": f"{self.mode:04o}"}


def keyring_text(client: str, key: bytes) -> str:
    return f"[{client}]\n\tkey = {base64.b64encode(key).decode()}\n"


@dataclass(frozen=True)
class Wish:
    """One client on this host. key is None in check mode, where it hasn't been made yet."""

    client: str
    secret: t.Optional[Secret] = None
    key: t.Optional[bytes] = None
    keyring: t.Optional[Keyring] = None
    present: bool = True
    replace: bool = False


@dataclass(frozen=True)
class Actual:
    """What of a client is on this host. value and the file's text are compared, never shown."""

    secrets: t.Mapping[str, Secret]
    value: t.Optional[bytes] = None  # None: no value, or a private one that libvirt tells nobody
    readable: bool = True
    fingerprint: str = ""  # of the value that was last set here, for private ones
    keyring: t.Optional[Keyring] = None
    text: t.Optional[str] = None
    guests: tuple[str, ...] = ()  # whose disks name the secret


@dataclass(frozen=True)
class Plan:
    """From what is to what is wanted. The only place that decides what 'changed' means."""

    wish: Wish
    undefine: tuple[Secret, ...] = ()
    define: bool = False
    set_value: bool = False
    write_keyring: bool = False
    remove_keyring: bool = False
    steps: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.steps)


def check(wishes: t.Sequence[Wish]) -> None:
    """Raise CephError for wishes that can't be or that contradict each other."""
    for what, names in (
        ("uuid", [wish.secret.uuid for wish in wishes if wish.secret]),
        ("usage", [wish.secret.usage for wish in wishes if wish.secret and wish.present]),
        ("keyring", [wish.keyring.path for wish in wishes if wish.keyring]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise CephError(
                f"{what} {twice[0]!r} is listed twice; each secret and each keyring holds one client's key."
            )
    for wish in wishes:
        if wish.secret and wish.present and not _USAGE.match(wish.secret.usage):
            raise CephError(
                f"usage {wish.secret.usage[:60]!r} of {wish.client}: write it with letters, digits, blanks and _.,:@/+- only."
            )
        if wish.keyring and wish.keyring.mode & 0o007:
            raise CephError(
                f"keyring {wish.keyring.path} of {wish.client} with mode {wish.keyring.mode:04o} could be read by everybody; give 0640 or 0600."
            )


def plan(wish: Wish, actual: Actual, digest: t.Callable[[bytes], str]) -> Plan:
    """What it takes. Raises CephError for conflicts, before anything has changed."""
    return _plan_present(wish, actual, digest) if wish.present else _plan_absent(wish, actual)


def _plan_absent(wish: Wish, actual: Actual) -> Plan:
    steps = []
    there = actual.secrets.get(wish.secret.uuid) if wish.secret else None
    if there:
        if there.kind != "ceph":
            raise CephError(f"Secret {there.uuid} is of the kind {there.kind!r}, not Ceph's; it isn't removed here.")
        if actual.guests and not wish.replace:
            more = f" and {len(actual.guests) - 5} more" if len(actual.guests) > 5 else ""
            raise CephError(
                f"Secret {there.uuid} ({there.usage}) is named by disks of {', '.join(actual.guests[:5])}{more}, which could not be started "
                f"without it. A hard reboot or a migration has Nova name the current one; replace: true for {wish.client} removes it all the same."
            )
        steps.append(f"undefine secret {there.uuid} ({there.usage})")
    if wish.keyring and actual.keyring:
        steps.append(f"remove {wish.keyring.path}")
    return Plan(
        wish, (there,) if there else (), remove_keyring=bool(wish.keyring and actual.keyring), steps=tuple(steps)
    )


def _plan_present(wish: Wish, actual: Actual, digest: t.Callable[[bytes], str]) -> Plan:
    steps: list[str] = []
    undefine: list[Secret] = []
    define = set_value = False
    if wish.secret:
        there = actual.secrets.get(wish.secret.uuid)
        undefine = _conflicts(wish, wish.secret, actual)
        steps += [f"undefine secret {one.uuid} ({one.usage})" for one in undefine]
        define = there is None or there in undefine or there != wish.secret
        if define:
            steps.append(f"define secret {wish.secret.uuid} ({wish.secret.usage})")
        if wish.key is None or there is None or there in undefine:
            set_value = True
        elif actual.readable:
            set_value = actual.value != wish.key
        else:
            set_value = actual.fingerprint != digest(wish.key)
        if set_value:
            kept = (
                there is not None and there not in undefine and (actual.value is not None or bool(actual.fingerprint))
            )
            steps.append(f"set its value to the key of {wish.client}" + (", it holds another" if kept else ""))
    write = False
    if wish.keyring:
        rewrite = wish.key is None or actual.text != keyring_text(wish.client, wish.key)
        write = rewrite or actual.keyring != wish.keyring
        if write:
            there_ = actual.keyring
            what = (
                "write"
                if rewrite
                else f"set owner and mode ({wish.keyring.owner}:{wish.keyring.group} {wish.keyring.mode:04o}) of"
            )
            steps.append(f"{what} {wish.keyring.path}" + (", it holds another key" if rewrite and there_ else ""))
    return Plan(wish, tuple(undefine), define, set_value, write, steps=tuple(steps))


def _conflicts(wish: Wish, secret: Secret, actual: Actual) -> list[Secret]:
    """The secrets that are in the way, where the operator let them be replaced."""
    found = []
    there = actual.secrets.get(secret.uuid)
    if there and (there.kind != "ceph" or there.usage != secret.usage):
        if there.kind != "ceph":
            raise CephError(
                f"Secret {secret.uuid} is there already, of the kind {there.kind!r} for {there.usage!r}; "
                f"choose another uuid for {wish.client}."
            )
        if not wish.replace:
            raise CephError(
                f"Secret {secret.uuid} is there already with the usage {there.usage!r}, wanted is {secret.usage!r}; libvirt doesn't "
                f"rename. Give that usage, or set replace: true for {wish.client} to have it undefined first."
            )
        found.append(there)
    elif there and there.private and not secret.private:
        if not wish.replace:
            raise CephError(
                f"Secret {secret.uuid} ({secret.usage}) is private, and libvirt doesn't make it public again; set private: true, "
                f"or replace: true for {wish.client} to have it undefined first."
            )
        found.append(there)
    for other in actual.secrets.values():
        if other.uuid != secret.uuid and other.kind == "ceph" and other.usage == secret.usage:
            if not wish.replace:
                raise CephError(
                    f"The usage {secret.usage!r} belongs to secret {other.uuid} already, wanted is {secret.uuid}. Guests that run name "
                    f"the old one. Give that uuid, or set replace: true for {wish.client} to have {other.uuid} undefined first."
                )
            found.append(other)
    return found
