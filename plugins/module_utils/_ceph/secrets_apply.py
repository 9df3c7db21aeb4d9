# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The libvirt secrets and keyring files of this host."""

from __future__ import annotations

import hashlib
import os
import typing as t
from dataclasses import dataclass, replace

from .._common import OperatorError, changed_meanwhile
from .._host import files, lock
from .._host import libvirt as host_libvirt
from .._oslo_conf.apply import note, pending
from .client_secrets import (
    ActualClient,
    DesiredClient,
    Keyring,
    Secret,
    SecretPlan,
    Stored,
    check_clients,
    key_text,
    plan,
    read_secret,
)
from .durable import forget, leftovers, lost_at_restart, store, stored
from .guests import Guest, read_guest
from .keyrings import key_in

try:
    import libvirt
except ImportError:
    libvirt = None

#: Fingerprints of private secrets' values, which libvirt doesn't return. Ceph keys are random, so a fingerprint doesn't give one away.
FOLDER = "/var/lib/openstack_ops.day2/ceph_client_secret"
#: How long a run waits for another one on the same host.
LOCK_SECONDS = 60.0


@dataclass(frozen=True)
class SecretsOutcome:
    """The steps taken (or predicted), and the state of all clients before and after."""

    steps: list[str]
    before: list[dict[str, t.Any]]
    after: list[dict[str, t.Any]]
    restart: list[str]
    changed: frozenset[str] = frozenset()
    """The clients that change."""


class SecretHost:
    """Reads and writes this host's secrets and keyrings; decides nothing."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._connection: t.Any = None

    def open(self) -> None:
        """Connect to libvirt. Raises OperatorError if libvirt-python is missing or libvirt doesn't answer."""
        self._connection = host_libvirt.connect(self._uri)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()

    # ---------------------------------------------------------------- look
    def secrets(self) -> dict[str, Secret]:
        if self._connection is None:
            return {}
        found = [read_secret(one.XMLDesc()) for one in self._connection.listAllSecrets()]
        return {one.uuid: one for one in found}

    def actual(self, desired: DesiredClient, secrets: t.Mapping[str, Secret]) -> ActualClient:
        value, readable = None, True
        if desired.secret and desired.secret.uuid in secrets:
            value, readable = self.value(desired.secret.uuid)
        keyring, text = _keyring(desired.keyring.path) if desired.keyring else (None, None)
        left = files.leftovers(desired.keyring.path) if desired.keyring else ()
        guests = () if desired.present or not desired.secret else self._guests(desired.secret.uuid)
        there = None
        if desired.secret and desired.stored_in:
            there = stored(desired.stored_in, desired.secret.uuid)
            left += leftovers(desired.stored_in, desired.secret.uuid)
        return ActualClient(secrets, value, readable, self._fingerprint(desired), keyring, text, guests, left, there)

    def _guests(self, uuid: str) -> tuple[Guest, ...]:
        """Guests with disks that use a secret, running or not."""
        found = []
        for guest in self._connection.listAllDomains():
            try:
                one = read_guest(guest.name(), guest.XMLDesc(), uuid)
            except libvirt.libvirtError as exc:
                if exc.get_error_code() != libvirt.VIR_ERR_NO_DOMAIN:  # removed in the meantime
                    raise OperatorError(
                        f"libvirt doesn't tell the disks of {guest.name()}, so it is unknown whether it uses secret {uuid}: {exc}"
                    ) from None
                continue
            if one:
                found.append(one)
        return tuple(sorted(found, key=lambda one: one.name))

    def value(self, uuid: str) -> tuple[t.Optional[bytes], bool]:
        """A secret's value, and whether libvirt returns it. Raises OperatorError where libvirt fails otherwise."""
        try:
            return t.cast(bytes, self._connection.secretLookupByUUIDString(uuid).value()), True
        except libvirt.libvirtError as exc:
            if exc.get_error_code() == libvirt.VIR_ERR_NO_SECRET:
                return None, True
            if exc.get_error_code() == libvirt.VIR_ERR_INVALID_SECRET:
                return None, False
            raise OperatorError(f"libvirt doesn't return the value of secret {uuid}: {exc}") from None

    def _fingerprint(self, desired: DesiredClient) -> str:
        if not (desired.secret and desired.secret.private):
            return ""
        found = files.read(os.path.join(FOLDER, desired.secret.uuid))
        return found.text.strip() if found else ""

    # ----------------------------------------------------------------- act
    def apply(self, made: SecretPlan) -> None:
        """Carry out one client's plan: its secret, then its keyring. Raises OperatorError where libvirt rejects it, OSError where the host does."""
        desired = made.desired
        try:
            for one in made.undefine:
                # First: after a run that is killed in between, only libvirt can tell which secret is in the way.
                if desired.stored_in:
                    forget(desired.stored_in, one.uuid)
                self._connection.secretLookupByUUIDString(one.uuid).undefine()
                files.remove(os.path.join(FOLDER, one.uuid))
            if made.define and desired.secret:
                self._connection.secretDefineXML(desired.secret.xml())
            if made.set_value and desired.secret and desired.key is not None:
                self._connection.secretLookupByUUIDString(desired.secret.uuid).setValue(desired.key)
        except libvirt.libvirtError as exc:
            raise OperatorError(f"libvirt rejected the secret of {desired.client}: {exc}") from None
        if made.set_value and desired.secret and desired.secret.private and desired.key is not None:
            files.make_folder(FOLDER, 0o700)
            files.replace(os.path.join(FOLDER, desired.secret.uuid), digest(desired.key) + "\n")
        if made.store and desired.secret and desired.key is not None:
            store(desired.stored_in, desired.secret, desired.key)
        elif made.store is False and desired.secret:
            forget(desired.stored_in, desired.secret.uuid)
        for path in made.leftovers:
            files.remove(path)
        keyring = desired.keyring
        if keyring and made.keyring_text:
            # A keyring that other clients share keeps its owner, group and mode.
            owned = files.Owned(keyring.owner, keyring.group, keyring.mode) if desired.present else None
            files.replace(keyring.path, made.keyring_text, owned)
        elif keyring and made.keyring_text is not None:
            files.remove(keyring.path)


def digest(key: bytes) -> str:
    return hashlib.sha256(b"openstack_ops.day2\0" + key).hexdigest()


def _keyring(path: str) -> tuple[t.Optional[Keyring], t.Optional[str]]:
    found = files.read(path)
    if found is None:
        return None, None
    return Keyring(path, found.owned.owner, found.owned.group, found.owned.mode), found.text


def _named(desired: DesiredClient) -> DesiredClient:
    """Replace numeric owners and groups by the names that this host has for them."""
    if not (desired.keyring and desired.present):
        return desired
    owner, group = files.names(*files.ids(desired.keyring.path, desired.keyring.owner, desired.keyring.group))
    return replace(desired, keyring=replace(desired.keyring, owner=owner, group=group))


def check(host: SecretHost, clients: t.Sequence[DesiredClient]) -> SecretsOutcome:
    """Predict without touching anything. Raises OperatorError for conflicts and for missing directories."""
    clients = [_named(desired) for desired in clients]
    plans, before = _plans(host, clients)
    return _outcome(plans, before, [_expected(desired) for desired in clients])


def apply(host: SecretHost, clients: t.Sequence[DesiredClient]) -> SecretsOutcome:
    """Plan and apply all clients and read them again, under this host's lock. Raises OperatorError like check(), and if another run holds the lock."""
    with lock.locked("ceph_client_secret", LOCK_SECONDS):
        clients = [_named(desired) for desired in clients]
        plans, before = _plans(host, clients)
        note([service for made in plans for service in made.restart])
        for made in plans:
            host.apply(made)
        found = host.secrets()
        after = [_public(desired, host.actual(desired, found), found) for desired in clients]
        for desired, left in zip(clients, after):
            if left != _expected(desired) or plan(desired, host.actual(desired, found), digest).changed:
                raise changed_meanwhile(f"{desired.client} on this host")
    return _outcome(plans, before, after)


def _plans(host: SecretHost, clients: t.Sequence[DesiredClient]) -> tuple[list[SecretPlan], list[dict[str, t.Any]]]:
    """A plan for each client, and the current state of all."""
    check_clients(clients)
    for desired in clients:
        if desired.keyring and desired.present and not os.path.isdir(os.path.dirname(desired.keyring.path)):
            raise OperatorError(
                f"The directory of {desired.keyring.path} doesn't exist on this host; install ceph-common first."
            )
    found = host.secrets()
    before = [_public(desired, host.actual(desired, found), found) for desired in clients]
    secrets = dict(found)
    plans = []
    for desired in clients:
        made = plan(desired, host.actual(desired, secrets), digest)
        plans.append(made)
        lost = (
            lost_at_restart(desired.secret.uuid)
            if made.define and desired.secret and not desired.secret.ephemeral and not desired.stored_in
            else ""
        )
        if lost:
            raise OperatorError(lost)
        # The next client's plan builds on this one.
        secrets = {uuid: one for uuid, one in secrets.items() if one not in made.undefine}
        if made.define and desired.secret:
            secrets[desired.secret.uuid] = desired.secret
    return plans, before


def _outcome(
    plans: t.Sequence[SecretPlan], before: list[dict[str, t.Any]], after: list[dict[str, t.Any]]
) -> SecretsOutcome:
    steps = [step for made in plans for step in made.steps]
    waiting = pending() if any(made.desired.services for made in plans) else ()
    restart = dict.fromkeys(
        service
        for made in plans
        for service in made.desired.services
        if service in made.restart or (made.desired.present and service in waiting)
    )
    return SecretsOutcome(
        steps, before, after, list(restart), frozenset(made.desired.client for made in plans if made.changed)
    )


def _public(desired: DesiredClient, actual: ActualClient, secrets: t.Mapping[str, Secret]) -> dict[str, t.Any]:
    secret = secrets.get(desired.secret.uuid) if desired.secret else None
    entry = key_in(actual.text or "", desired.client)
    holds = (
        actual.value == desired.key
        if actual.readable
        else actual.fingerprint == (digest(desired.key) if desired.key else "")
    )
    return {
        "client": desired.client,
        "secret": secret.public() if secret else None,
        "secret_holds_the_key": bool(secret and desired.key and holds),
        **_kept(desired, actual.stored == Stored(secret, desired.key) if secret and actual.stored else False),
        "keyring": actual.keyring.public() if actual.keyring and entry else None,
        "keyring_holds_the_key": bool(entry and desired.key and entry == key_text(desired.key)),
    }


def _kept(desired: DesiredClient, stored: bool) -> dict[str, t.Any]:
    """Whether the files that libvirt loads hold the secret, where there are such files."""
    return {"secret_stored": stored} if desired.secret and desired.stored_in else {}


def _expected(desired: DesiredClient) -> dict[str, t.Any]:
    secret = desired.secret if desired.present else None
    keyring = desired.keyring if desired.present else None
    return {
        "client": desired.client,
        "secret": secret.public() if secret else None,
        "secret_holds_the_key": bool(secret),
        **_kept(desired, bool(secret and not secret.ephemeral)),
        "keyring": keyring.public() if keyring else None,
        "keyring_holds_the_key": bool(keyring),
    }
