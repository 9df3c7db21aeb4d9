# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The proof that secret, key, caps and configuration of a Ceph client belong together, before a guest finds out. Changes nothing."""

from __future__ import annotations

import base64
import contextlib
import glob
import os
import typing as t
from dataclasses import dataclass

from .._conf.cinder import rbd_backends
from .._conf.model import merged
from .cluster import Access, connect
from .model import CephError
from .secret import is_encoded, looks_like_a_key

try:
    import rados
except ImportError:
    rados = None

if t.TYPE_CHECKING:
    from .node import Host

#: Removing what isn't there changes nothing, and asks the OSD for leave to write first.
_NOBODY = "openstack_ops.day2.this-object-is-never-there"


@dataclass(frozen=True)
class Claim:
    """What is to be proved of a client on this host."""

    client: str
    uuid: str = ""
    keyring: str = ""
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What was looked at, and what is wrong, in sentences."""

    client: str
    checked: tuple[str, ...]
    problems: tuple[str, ...]

    def public(self) -> dict[str, t.Any]:
        return {"client": self.client, "checked": list(self.checked), "problems": list(self.problems)}


def prove(host: Host, claim: Claim, conf: str, timeout: int, cinder: t.Mapping[str, t.Mapping[str, str]]) -> Verdict:
    """All of a client's claims, as far as each can be looked at."""
    checked: list[str] = []
    problems: list[str] = []
    fsid = ""
    if claim.uuid:
        try:
            key = _key_of_secret(host, claim)
            checked.append(f"secret {claim.uuid} holds a key")
            fsid = _try_key(
                claim,
                Access(conf, claim.client, "", timeout),
                key,
                f"the key in secret {claim.uuid}",
                checked,
                problems,
            )
        except CephError as exc:
            problems.append(str(exc))
    if claim.keyring:
        try:
            fsid = (
                _try_key(
                    claim, Access(conf, claim.client, claim.keyring, timeout), "", claim.keyring, checked, problems
                )
                or fsid
            )
        except CephError as exc:
            problems.append(str(exc))
    _compare_cinder(claim, cinder, fsid, checked, problems)
    return Verdict(claim.client, tuple(checked), tuple(dict.fromkeys(problems)))


def _key_of_secret(host: Host, claim: Claim) -> str:
    secret = host.secrets().get(claim.uuid)
    if secret is None:
        raise CephError(
            f"libvirt has no secret {claim.uuid} for {claim.client}; a guest's start would fail. If it was there, it was an ephemeral "
            "one and libvirtd has restarted. Run connect_ceph.yml."
        )
    value, readable = host.value(claim.uuid)
    if not readable:
        raise CephError(
            f"Secret {claim.uuid} is private, so nobody can look whether it holds the key of {claim.client}."
        )
    if value is None:
        raise CephError(
            f"Secret {claim.uuid} is defined, but has no value: the run that defined it didn't end. Run connect_ceph.yml."
        )
    if is_encoded(value):
        raise CephError(
            f"The value of secret {claim.uuid} is encoded twice (virsh secret-set-value --interactive does that), so guests of "
            f"{claim.client} would hang at start. Run connect_ceph.yml."
        )
    if not looks_like_a_key(value):
        raise CephError(
            f"The value of secret {claim.uuid} ({len(value)} bytes) is not a key of Ceph's. Run connect_ceph.yml."
        )
    return base64.b64encode(value).decode()


def _try_key(claim: Claim, access: Access, key: str, which: str, checked: list[str], problems: list[str]) -> str:
    """Use the pools with a key as a guest's disk would; return the cluster's fsid."""
    if rados is None:
        raise CephError(
            "librados' Python bindings are missing on this host, so the key can't be tried; install ceph-common."
        )
    try:
        cluster = connect(access, key)
    except CephError as exc:
        raise CephError(f"With {which}: {exc}") from None
    try:
        checked.append(f"the cluster lets {claim.client} in with {which}")
        pools = cluster.list_pools()
        for pool in (*claim.write, *claim.read):
            if pool not in pools:
                problems.append(
                    f"The cluster has no pool {pool}, which {claim.client} should use; it has {', '.join(sorted(pools)) or 'none'}."
                )
        for pool in sorted(pools):
            _try_pool(claim, cluster, pool, checked, problems)
        return t.cast(str, cluster.get_fsid())
    finally:
        cluster.shutdown()


def _try_pool(claim: Claim, cluster: t.Any, pool: str, checked: list[str], problems: list[str]) -> None:
    with contextlib.closing(cluster.open_ioctx(pool)) as ioctx:
        readable = _may(lambda: ioctx.stat("rbd_directory"))
        writable = _may(lambda: ioctx.remove_object(_NOBODY))
    if pool in claim.write:
        if readable and writable:
            checked.append(f"{claim.client} reads and writes {pool}")
        else:
            problems.append(
                f"{claim.client} may not {'write' if readable else 'read'} the pool {pool}; its osd caps need `profile rbd pool={pool}`."
            )
    elif pool in claim.read and not readable:
        problems.append(
            f"{claim.client} may not read the pool {pool}; its osd caps need `profile rbd-read-only pool={pool}`."
        )
    elif writable:
        problems.append(f"{claim.client} may write the pool {pool}, which it shouldn't; its osd caps are too wide.")
    elif pool in claim.read:
        checked.append(f"{claim.client} reads {pool} and can't write it")


def _may(what: t.Callable[[], t.Any]) -> bool:
    """Whether the OSDs let us; whether there is something is another question."""
    try:
        what()
    except rados.ObjectNotFound:
        return True
    except rados.PermissionError:
        return False
    except rados.Error as exc:
        if isinstance(exc, rados.OSError) and exc.errno in (1, 13):
            return False
        raise CephError(f"The OSDs don't answer: {exc}") from None
    return True


# -------------------------------------------------------------------- Cinder
def read_cinder(path: str) -> dict[str, dict[str, str]]:
    """The RBD backends of a cinder.conf and the folder beside it."""
    texts = []
    for part in (
        path,
        *sorted(glob.glob(os.path.join(path + ".d", "*.conf"))),
    ):  # oslo.config reads these after it, in this order
        try:
            with open(part, encoding="utf-8", errors="replace") as lines:
                texts.append(lines.read())
        except FileNotFoundError:
            raise CephError(
                f"There is no {part} on this host; leave cinder_conf out where Cinder doesn't run."
            ) from None
    return rbd_backends(merged(texts))


def _compare_cinder(
    claim: Claim, cinder: t.Mapping[str, t.Mapping[str, str]], fsid: str, checked: list[str], problems: list[str]
) -> None:
    for name, backend in cinder.items():
        if "client." + backend["rbd_user"] != claim.client:
            continue
        # Without rbd_secret_uuid, Cinder hands out the cluster's fsid.
        told = (backend["rbd_secret_uuid"] or fsid).lower()
        if not claim.uuid:
            continue
        if told and told != claim.uuid:
            where = "rbd_secret_uuid" if backend["rbd_secret_uuid"] else "no rbd_secret_uuid, so the cluster's fsid"
            problems.append(
                f"Cinder's backend {name} tells guests the secret {told} ({where}), but the key of {claim.client} is in {claim.uuid}; "
                "guests with its volumes would not start. Make the two the same."
            )
        elif told:
            checked.append(f"Cinder's backend {name} names secret {claim.uuid}")
