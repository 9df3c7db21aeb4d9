# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prove that the secret, key, caps and configuration of a Ceph client match, before a guest fails to start. Changes nothing.

Each check is a process of its own with a time limit, because libvirt and librados can hang if something is broken.
"""

from __future__ import annotations

import base64
import glob
import grp
import os
import pwd
import typing as t
from dataclasses import dataclass, field

from .._common import OperatorError
from .._host.files import read
from .._oslo_conf.ceph_uses import FILES, Use
from .._oslo_conf.precedence import ConfigFiles, companions, effective
from .._oslo_conf.processes import start_of_services
from .children import Ended, Job, run_all
from .client_secrets import is_encoded, looks_like_a_key
from .durable import lost_at_restart
from .keyrings import default_keyring
from .monitors import Access, connect
from .probe import probe

if t.TYPE_CHECKING:
    from .secrets_apply import SecretHost

#: Options of modules that read a host's Ceph configuration; documented in the fragment ceph_host.
HOST_SPEC: dict[str, t.Any] = dict(
    conf=dict(type="path", default="/etc/ceph/ceph.conf"),
    uri=dict(type="str", default="qemu:///system"),
    **{f"{service}_conf": dict(type="path") for service in FILES},
)
#: Seconds that libvirt has to answer.
_LIBVIRT = 3.0


@dataclass(frozen=True)
class Claim:
    """What to prove about a client on this host.

    uuid is its secret's; secret says whether libvirt must hold it on this host. user is the user of the service that reads the keyring.
    data_pools are pairs of a pool in which it makes images with the keyring, and the pool where their data should go.
    """

    client: str
    uuid: str = ""
    secret: bool = False
    keyring: str = ""
    user: str = ""
    write: tuple[str, ...] = ()
    read: tuple[str, ...] = ()
    data_pools: tuple[tuple[str, str], ...] = ()


@dataclass
class Verdict:
    """Messages about a client: passed checks, and problems."""

    client: str
    checked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    fsid: str = ""

    def public(self) -> dict[str, t.Any]:
        return {"client": self.client, "checked": self.checked, "problems": list(dict.fromkeys(self.problems))}


@dataclass(frozen=True)
class _Look:
    """A check of a claim, and its name in messages."""

    claim: Claim
    job: Job
    which: str


def prove(
    open_host: t.Callable[[], SecretHost],
    claims: t.Sequence[Claim],
    conf: str,
    timeout: int,
    uses: t.Sequence[Use],
    conf_as: str = "",
) -> list[Verdict]:
    """Check all claims, each as far as possible. conf_as is what services call the file conf, if they have it elsewhere."""
    verdicts = {claim.client: Verdict(claim.client) for claim in claims}
    keys = _secret_keys(open_host, [claim for claim in claims if claim.secret], verdicts)
    # One of a client's keyrings makes images: all looks are at the same time, and the images have its name.
    makes = {claim.client: claim for claim in reversed(claims) if claim.keyring and claim.data_pools}
    looks = [
        look
        for claim in claims
        for look in _looks(claim, keys.get(claim, ""), conf, timeout, uses, makes.get(claim.client) is claim)
    ]
    for look, ended in zip(looks, run_all([look.job for look in looks], timeout + 4)):
        _note(verdicts[look.claim.client], look, ended, timeout + 4)
    compare(claims, conf_as or conf, uses, verdicts)
    return list(verdicts.values())


def _secret_keys(
    open_host: t.Callable[[], SecretHost], claims: t.Sequence[Claim], verdicts: t.Mapping[str, Verdict]
) -> dict[Claim, str]:
    """The keys that libvirt holds, by claim: a client may have several secrets."""
    if not claims:
        return {}

    def look() -> list[tuple[str, str]]:
        host = open_host()
        return [_key_of_secret(host, claim) for claim in claims]

    (ended,) = run_all([Job(look)], _LIBVIRT)
    error = ended.error or (
        "" if ended.in_time else f"libvirt doesn't answer within {_LIBVIRT:g} s; guests can't start."
    )
    keys = {}
    for number, claim in enumerate(claims):
        key, problem = ("", error) if error else ended.value[number]
        verdict = verdicts[claim.client]
        if problem:
            verdict.problems.append(problem)
            continue
        keys[claim] = key
        verdict.checked.append(f"secret {claim.uuid} holds a key")
        lost = lost_at_restart(claim.uuid, key)
        if lost:
            verdict.problems.append(lost)
    return keys


def _key_of_secret(host: SecretHost, claim: Claim) -> tuple[str, str]:
    """The key in a client's secret, or the reason why there is no usable one."""
    if claim.uuid not in host.secrets():
        return "", (
            f"libvirt has no secret {claim.uuid} for {claim.client}; guests would fail to start. If it existed, it was ephemeral "
            "and libvirtd has restarted. Run connect_ceph.yml."
        )
    value, readable = host.value(claim.uuid)
    problem = ""
    if not readable:
        problem = f"Secret {claim.uuid} is private, so it can't be checked whether it holds the key of {claim.client}."
    elif value is None:
        problem = f"Secret {claim.uuid} is defined but has no value, because the run that defined it was interrupted. Run connect_ceph.yml."
    elif is_encoded(value):
        problem = (
            f"The value of secret {claim.uuid} is encoded twice (virsh secret-set-value --interactive does that), so guests that use "
            f"{claim.client} would hang at start. Run connect_ceph.yml."
        )
    elif not looks_like_a_key(value):
        problem = f"The value of secret {claim.uuid} ({len(value)} bytes) isn't a Ceph key. Run connect_ceph.yml."
    return ("", problem) if problem else (base64.b64encode(value or b"").decode(), "")


def _looks(
    claim: Claim, key: str, conf: str, timeout: int, uses: t.Sequence[Use], makes_images: bool
) -> t.Iterator[_Look]:
    def look(access: Access, key: str, which: str) -> _Look:
        data = claim.data_pools if makes_images and not key else ()
        return _Look(claim, Job(lambda: probe(claim.client, access, key, claim.write, claim.read, which, data)), which)

    if key:
        yield look(Access(conf, claim.client, "", timeout), key, f"the key in secret {claim.uuid}")
    if claim.keyring:
        yield look(Access(conf, claim.client, claim.keyring, timeout), "", claim.keyring)
        for user in _readers(claim, uses):
            yield _Look(
                claim,
                Job(lambda user=user: _as_service(claim, conf, timeout, user), user, _group(user)),  # type: ignore[misc]
                f"{claim.keyring}, as {user}",
            )


def _readers(claim: Claim, uses: t.Sequence[Use]) -> list[str]:
    """The users of services that need a client's keyring: the named one, and those of services whose configuration names the client."""
    services = [use.service for use in uses if f"client.{use.client}" == claim.client]
    return sorted(
        {user for user in services if _exists(user)}
        | ({claim.user} if claim.user and claim.user not in ("root", "0") else set())
    )


def _exists(user: str) -> bool:
    try:
        return bool(pwd.getpwnam(user))
    except KeyError:
        return False


def _group(name: str) -> t.Optional[int]:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _as_service(claim: Claim, conf: str, timeout: int, user: str) -> dict[str, t.Any]:
    """Whether a service finds the keyring and may read it. Runs in a process with the service's user."""
    try:
        with open(claim.keyring, encoding="utf-8"):
            pass
    except PermissionError:
        raise OperatorError(
            f"{claim.keyring} can't be read by {user}, whose service needs it; give the keyring its group (group: {user})."
        ) from None
    try:
        connect(Access(conf, claim.client, "", timeout))
    except OperatorError:
        raise OperatorError(
            f"The service of {user} doesn't find the key of {claim.client}, which is in {claim.keyring}. Rename the keyring to "
            f"{default_keyring(conf, claim.client)}, or set keyring in [{claim.client}] of {conf}."
        ) from None
    return {"checked": [f"{user} finds and reads the key of {claim.client}"], "problems": [], "fsid": ""}


def _note(verdict: Verdict, look: _Look, ended: Ended, seconds: int) -> None:
    if ended.error:
        verdict.problems.append(ended.error)
    elif not ended.in_time:
        verdict.problems.append(
            f"With {look.which}: {look.claim.client} could not connect to the cluster within {seconds} s."
        )
    else:
        verdict.checked += ended.value["checked"]
        verdict.problems += ended.value["problems"]
        verdict.fsid = ended.value["fsid"] or verdict.fsid


# ------------------------------------------------------- services' configuration
def paths_of(params: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The services' files that HOST_SPEC's options name; empty for a service's default path."""
    return {service: params[f"{service}_conf"] or "" for service in FILES}


def read_uses(service: str, path: str = "") -> list[Use]:
    """How a service uses Ceph, by its configuration file and the directories beside it, in the service's order of precedence.

    Without a path, the distribution's default is read if it exists. Raises OperatorError if a given path doesn't exist.
    """
    default, find, daemons = FILES[service]
    if not path and not os.path.exists(default):
        return []
    path = path or default
    own, folders = companions(path, daemons)
    files = ConfigFiles(
        {name: _text(name, service) for name in own if name == path or os.path.exists(name)},
        {
            name: _text(name, service)
            for folder in folders
            for name in sorted(glob.glob(os.path.join(glob.escape(folder), "*.conf")))
        },
    )
    return find(effective(files, start_of_services(daemons)).sections)


def _text(path: str, service: str) -> str:
    found = read(path)
    if found is None:
        raise OperatorError(
            f"There is no {path} on this host; leave {service}_conf out if {service.capitalize()} doesn't run here."
        )
    return found.text


def compare(claims: t.Sequence[Claim], conf: str, uses: t.Sequence[Use], verdicts: t.Mapping[str, Verdict]) -> None:
    """Compare the claims with the services' files: the client, its secret's UUID, its pool."""
    fsid = next((verdict.fsid for verdict in verdicts.values() if verdict.fsid), "")
    for use in uses:
        if not same_file(use.conf, conf):
            continue  # another cluster's
        mine = [claim for claim in claims if claim.client == f"client.{use.client}"]
        if not mine:
            last = verdicts[claims[-1].client] if claims else None
            if last:
                last.problems.append(
                    f"{use.name} uses client.{use.client or '(none)'}, which isn't among the clients of this host, so its key and caps weren't checked; "
                    "add it to ceph_openstack_here."
                )
            continue
        _compare_one(mine, use, fsid, verdicts[mine[0].client])


def same_file(one: str, other: str) -> bool:
    """Whether two paths lead to the same file."""
    return os.path.realpath(one) == os.path.realpath(other)


def _compare_one(claims: t.Sequence[Claim], use: Use, fsid: str, verdict: Verdict) -> None:
    """Compare a use with all claims of its client."""
    client = claims[0].client
    write = list(dict.fromkeys(pool for claim in claims for pool in claim.write))
    if use.pool not in write:
        verdict.problems.append(
            f"{use.name} uses the pool {use.pool}, which isn't among the pools that {client} writes on this host ({', '.join(write) or 'none'}); "
            "make the two match."
        )
    uuids = [claim.uuid for claim in claims if claim.uuid]
    if use.uuid is None or not uuids:
        return
    # Without rbd_secret_uuid, Cinder uses the cluster's fsid.
    told = use.uuid or fsid.lower()
    if told and told not in uuids:
        where = "rbd_secret_uuid" if use.uuid else "no rbd_secret_uuid, so the cluster's fsid"
        verdict.problems.append(
            f"{use.name} gives guests the secret {told} ({where}), but the key of {client} is in {' and '.join(uuids)}; "
            "guests with its volumes wouldn't start. Make the two match."
        )
    elif told:
        verdict.checked.append(f"{use.name} names secret {told}")
