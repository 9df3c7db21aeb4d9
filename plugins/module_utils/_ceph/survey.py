# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host holds of Ceph already: secrets, keyrings, ceph.conf and services' files. Reads only; keys leave as fingerprints."""

from __future__ import annotations

import base64
import binascii
import glob
import os
import typing as t

from .._common import OperatorError
from .._host import files
from .._oslo_conf import ceph_conf
from .._oslo_conf.ceph_uses import FILES
from .client_secrets import looks_like_a_key
from .keyrings import entries, key_in
from .proof import read_uses, same_file
from .secrets_apply import SecretHost, digest


def fingerprint(key: t.Optional[str]) -> str:
    """What tells a key, as text, from another, and nothing of it; empty for what is no key."""
    try:
        value = base64.b64decode(key or "", validate=True)
    except (binascii.Error, ValueError):
        return ""
    return digest(value) if looks_like_a_key(value) else ""


def secrets(uri: str) -> list[dict[str, t.Any]]:
    """Ceph's secrets of libvirt; a private one has no fingerprint. Raises OperatorError where libvirt doesn't answer."""
    host = SecretHost(uri)
    try:
        host.open()
        found = []
        for one in host.secrets().values():
            if one.kind == "ceph":
                value, _readable = host.value(one.uuid)
                found.append({**one.public(), "fingerprint": digest(value) if value else ""})
        return sorted(found, key=lambda row: str(row["uuid"]))
    finally:
        host.close()


def keyrings(pattern: str, unknown: dict[str, str]) -> list[dict[str, t.Any]]:
    """The keyring files, with each client's fingerprint; why one couldn't be read goes to unknown."""
    found = []
    for path in sorted(glob.glob(pattern)):
        if os.path.isdir(path):
            continue
        try:
            file = files.read(path)
        except (OperatorError, OSError) as exc:
            unknown[path] = str(exc)
            continue
        if file:
            clients = {name: fingerprint(key_in(file.text, name)) for name in entries(file.text)}
            owned = file.owned
            found.append(
                {
                    "path": path,
                    "owner": owned.owner,
                    "group": owned.group,
                    "mode": f"{owned.mode:04o}",
                    "clients": clients,
                }
            )
    return found


def conf(path: str) -> dict[str, t.Any]:
    """What a ceph.conf says of the cluster; empty where it isn't there."""
    found = files.read(path)
    if found is None:
        return {}
    there = ceph_conf.read(found.text)
    return {
        "path": path,
        "fsid": ceph_conf.value_of(there, "global", "fsid") or "",
        "mon_host": ceph_conf.value_of(there, "global", "mon host") or "",
        "data_pools": _data_pools(there),
    }


def _data_pools(there: t.Mapping[str, t.Mapping[str, str]]) -> dict[str, str]:
    """The data pools of new images by section, for clients that have none of their own in `client`."""
    option = "rbd default data pool"
    found = {name: ceph_conf.value_of(there, name, option) for name in there if name.startswith("client.")}
    found["client"] = ceph_conf.value_of(there, "client.", option)
    return {name: pool for name, pool in found.items() if pool}


def uses(paths: t.Mapping[str, str], conf: str, unknown: dict[str, str]) -> list[dict[str, t.Any]]:
    """What services' files say, and whether that is about the cluster of conf; why one couldn't be read goes to unknown."""
    found: list[dict[str, t.Any]] = []
    for service in FILES:
        try:
            found += [
                {**use.public(), "same_conf": same_file(use.conf, conf)}
                for use in read_uses(service, paths.get(service, ""))
            ]
        except (OperatorError, OSError) as exc:
            unknown[service] = str(exc)
    return found
