# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's secrets and keyring files on this host."""

from __future__ import annotations

import contextlib
import hashlib
import os
import typing as t
from dataclasses import dataclass

from .._files import ids, owner_of, replacing
from .model import CephError
from .secret import Actual, Keyring, Plan, Secret, Wish, check, keyring_text, names_secret, plan, read_secret

try:
    import libvirt
except ImportError:
    libvirt = None

#: Fingerprints of the values of private secrets, which libvirt shows nobody. A Ceph key is random: nobody guesses it from these.
FOLDER = "/var/lib/openstack_ops.day2/ceph_client_secret"


@dataclass(frozen=True)
class Outcome:
    """What was found, done (or would be) and left for all clients."""

    steps: list[str]
    before: list[dict[str, t.Any]]
    after: list[dict[str, t.Any]]


class Host:
    """This host. Commands and files; decides nothing."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._connection: t.Any = None

    def open(self) -> None:
        if libvirt is None:
            raise CephError(
                "libvirt's Python bindings are missing for the interpreter that Ansible uses here; install python3-libvirt, "
                "or set ansible_python_interpreter to the distribution's."
            )
        libvirt.registerErrorHandler(lambda _context, _error: None, None)  # or it prints to stderr by itself
        try:
            self._connection = libvirt.open(self._uri)
        except libvirt.libvirtError as exc:
            raise CephError(
                f"libvirt doesn't answer on {self._uri}: {exc}. Is libvirtd (or virtsecretd) running here?"
            ) from None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    # ---------------------------------------------------------------- look
    def secrets(self) -> dict[str, Secret]:
        if self._connection is None:
            return {}
        found = [read_secret(one.XMLDesc()) for one in self._connection.listAllSecrets()]
        return {one.uuid: one for one in found}

    def actual(self, wish: Wish, secrets: t.Mapping[str, Secret]) -> Actual:
        value, readable = None, True
        if wish.secret and wish.secret.uuid in secrets:
            value, readable = self.value(wish.secret.uuid)
        keyring, text = _keyring(wish.keyring.path) if wish.keyring else (None, None)
        guests = () if wish.present or not wish.secret else self._guests(wish.secret.uuid)
        return Actual(secrets, value, readable, self._fingerprint(wish), keyring, text, guests)

    def _guests(self, uuid: str) -> tuple[str, ...]:
        """Guests whose disks name a secret, running or not."""
        found = []
        for guest in self._connection.listAllDomains():
            with contextlib.suppress(libvirt.libvirtError):  # it has gone meanwhile
                if names_secret(guest.XMLDesc(), uuid):
                    found.append(guest.name())
        return tuple(sorted(found))

    def value(self, uuid: str) -> tuple[t.Optional[bytes], bool]:
        """A secret's value, and whether libvirt tells it."""
        try:
            return t.cast(bytes, self._connection.secretLookupByUUIDString(uuid).value()), True
        except libvirt.libvirtError as exc:
            if exc.get_error_code() == libvirt.VIR_ERR_NO_SECRET:
                return None, True
            if exc.get_error_code() == libvirt.VIR_ERR_INVALID_SECRET:
                return None, False
            raise CephError(f"libvirt doesn't tell the value of secret {uuid}: {exc}") from None

    def _fingerprint(self, wish: Wish) -> str:
        if not (wish.secret and wish.secret.private):
            return ""
        try:
            with open(os.path.join(FOLDER, wish.secret.uuid), encoding="ascii") as lines:
                return lines.read().strip()
        except FileNotFoundError:
            return ""

    # ----------------------------------------------------------------- act
    def apply(self, made: Plan) -> None:
        wish = made.wish
        try:
            for one in made.undefine:
                self._connection.secretLookupByUUIDString(one.uuid).undefine()
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(os.path.join(FOLDER, one.uuid))
            if made.define and wish.secret:
                self._connection.secretDefineXML(wish.secret.xml())
            if made.set_value and wish.secret and wish.key is not None:
                self._connection.secretLookupByUUIDString(wish.secret.uuid).setValue(wish.key)
        except libvirt.libvirtError as exc:
            raise CephError(f"libvirt refused a secret of {wish.client}: {exc}") from None
        if made.set_value and wish.secret and wish.secret.private and wish.key is not None:
            _write(os.path.join(FOLDER, wish.secret.uuid), digest(wish.key) + "\n", 0, 0, 0o600)
        if made.write_keyring and wish.keyring and wish.key is not None:
            owner, group = _ids(wish.keyring)
            _write(wish.keyring.path, keyring_text(wish.client, wish.key), owner, group, wish.keyring.mode)
        if made.remove_keyring and wish.keyring:
            os.unlink(wish.keyring.path)


def digest(key: bytes) -> str:
    return hashlib.sha256(b"openstack_ops.day2\0" + key).hexdigest()


def _keyring(path: str) -> tuple[t.Optional[Keyring], t.Optional[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            found, text = os.fstat(lines.fileno()), lines.read()
    except FileNotFoundError:
        return None, None
    return Keyring(path, *owner_of(found)), text


def _ids(keyring: Keyring) -> tuple[int, int]:
    return ids(keyring.path, keyring.owner, keyring.group, CephError)


def _write(path: str, text: str, owner: int, group: int, mode: int) -> None:
    """Replace a file as a whole; at no moment is the new one open to others."""
    folder = os.path.dirname(path)
    if folder == FOLDER:
        os.makedirs(folder, mode=0o700, exist_ok=True)
    with replacing(path) as out:
        out.write(text)
        os.fchown(out.fileno(), owner, group)
        os.fchmod(out.fileno(), mode)


def bring_about(host: Host, wishes: t.Sequence[Wish], *, check_mode: bool) -> Outcome:
    """Read, plan all, refuse or do, look again."""
    check(wishes)
    for wish in wishes:
        if wish.keyring and wish.present:
            _ids(wish.keyring)
            if not os.path.isdir(os.path.dirname(wish.keyring.path)):
                raise CephError(f"There is no folder for {wish.keyring.path} on this host; install ceph-common first.")
    secrets = host.secrets()
    plans = []
    for wish in wishes:
        made = plan(wish, host.actual(wish, secrets), digest)
        plans.append(made)
        # The next one finds what this one leaves.
        secrets = {uuid: one for uuid, one in secrets.items() if one not in made.undefine}
        if made.define and wish.secret:
            secrets[wish.secret.uuid] = wish.secret
    before = [_public(wish, host.actual(wish, host.secrets()), host.secrets()) for wish in wishes]
    steps = [step for made in plans for step in made.steps]
    if check_mode:
        return Outcome(steps, before, [_wanted(wish) for wish in wishes])
    for made in plans:
        host.apply(made)
    found = host.secrets()
    after = [_public(wish, host.actual(wish, found), found) for wish in wishes]
    for wish, left in zip(wishes, after):
        if left != _wanted(wish) or plan(wish, host.actual(wish, found), digest).changed:
            raise CephError(
                f"{wish.client} is not as asked for on this host after all was done; somebody else may be changing it. Run again."
            )
    return Outcome(steps, before, after)


def _public(wish: Wish, actual: Actual, secrets: t.Mapping[str, Secret]) -> dict[str, t.Any]:
    secret = secrets.get(wish.secret.uuid) if wish.secret else None
    has_key = actual.keyring is not None and actual.text == (keyring_text(wish.client, wish.key) if wish.key else "")
    holds = (
        actual.value == wish.key if actual.readable else actual.fingerprint == (digest(wish.key) if wish.key else "")
    )
    return {
        "client": wish.client,
        "secret": secret.public() if secret else None,
        "secret_holds_the_key": bool(secret and wish.key and holds),
        "keyring": actual.keyring.public() if actual.keyring else None,
        "keyring_holds_the_key": bool(has_key),
    }


def _wanted(wish: Wish) -> dict[str, t.Any]:
    secret = wish.secret if wish.present else None
    keyring = wish.keyring if wish.present else None
    return {
        "client": wish.client,
        "secret": secret.public() if secret else None,
        "secret_holds_the_key": bool(secret),
        "keyring": keyring.public() if keyring else None,
        "keyring_holds_the_key": bool(keyring),
    }
