# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a secret survives a restart of libvirt, which it doesn't in a container that keeps secrets in its own layer.

kolla's container copies them from files of the host as it starts; these are read and written here.
"""

from __future__ import annotations

import base64
import contextlib
import os
import typing as t
from xml.etree import ElementTree

from .._common import OperatorError
from .._host import files
from .client_secrets import Secret, Stored, key_text, read_secret

_DAEMONS = ("libvirtd", "virtsecretd")
_SECRETS = "/etc/libvirt/secrets"
#: File systems of container layers, which are removed with the container.
_LAYERS = ("overlay", "aufs", "fuse-overlayfs", "tmpfs")
#: kolla-ansible's container copies secrets from here at each start.
KOLLA = "/etc/kolla/nova-libvirt/secrets"


def stored(folder: str, uuid: str) -> t.Optional[Stored]:
    """The files of a secret that libvirt loads from a folder; None where there are none. Raises OperatorError and OSError as files.read() does."""
    xml, value = (files.read(path) for path in _paths(folder, uuid))
    if xml is None and value is None:
        return None
    secret = key = None
    with contextlib.suppress(ElementTree.ParseError, ValueError):
        secret = read_secret(xml.text) if xml else None
    with contextlib.suppress(ValueError):
        key = base64.b64decode(value.text.strip(), validate=True) if value else None
    return Stored(secret, key)


def store(folder: str, secret: Secret, key: bytes) -> None:
    """Write a secret as libvirt loads it. Files that are there keep their owner and mode."""
    files.make_folder(folder, 0o700)
    xml, value = _paths(folder, secret.uuid)
    files.replace(value, key_text(key))  # first: libvirt ignores a value without its secret
    files.replace(xml, secret.xml() + "\n")


def forget(folder: str, uuid: str) -> None:
    """Remove a secret's files, if they are there."""
    for path in _paths(folder, uuid):
        files.remove(path)


def leftovers(folder: str, uuid: str) -> tuple[str, ...]:
    """What killed runs have left beside a secret's files, as paths; a key may be in them."""
    return tuple(left for path in _paths(folder, uuid) for left in files.leftovers(path))


def _paths(folder: str, uuid: str) -> tuple[str, str]:
    return os.path.join(folder, f"{uuid}.xml"), os.path.join(folder, f"{uuid}.base64")


def lost_at_restart(uuid: str, key: str = "", proc: str = "/proc", kolla: str = KOLLA) -> str:
    """An error message if the secret, or its key where one is given, would be lost at libvirt's next start, or if its files can't be read.

    Empty if it is kept, or if that is unknown.
    """
    ours = _namespace(os.path.join(proc, "self"))
    daemons = list(_daemons(proc))
    if not daemons or not ours or any(_namespace(daemon) in (ours, None) for daemon in daemons):
        return ""  # libvirt runs on the host
    try:
        kept = stored(kolla, uuid)
    except (OperatorError, OSError) as exc:
        return f"It isn't known whether secret {uuid} is there after libvirt's next start: {exc}"
    if kept and kept.secret:
        held = key_text(kept.key) if kept.key else "none"
        if key and held != key:
            return f"{kolla} holds another key in secret {uuid} than libvirt, so guests won't start once its container has restarted. Run connect_ceph.yml."
        return ""
    if not any(_in_layer(daemon) for daemon in daemons):
        return ""
    return (
        f"libvirt runs in a container and keeps {_SECRETS} in the container's own layer, so secret {uuid} is lost when the container is "
        f"recreated, and guests won't start. With kolla-ansible, set nova_backend: rbd or cinder_backend_ceph, so that it copies {_SECRETS} from "
        f"{KOLLA}, which stored_in of ceph_client_secret then names; elsewhere mount {_SECRETS} as a volume."
    )


def _daemons(proc: str) -> t.Iterator[str]:
    for number in filter(str.isdigit, os.listdir(proc)):
        with contextlib.suppress(OSError), open(os.path.join(proc, number, "comm"), encoding="utf-8") as name:
            if name.read().strip() in _DAEMONS:
                yield os.path.join(proc, number)


def _namespace(process: str) -> t.Optional[str]:
    try:
        return os.readlink(os.path.join(process, "ns", "mnt"))
    except OSError:
        return None


def _in_layer(process: str) -> bool:
    """Whether the mount that holds the secrets is a layer of the process's container."""
    best, layer = "", False
    with contextlib.suppress(OSError), open(os.path.join(process, "mountinfo"), encoding="utf-8") as lines:
        for line in lines:
            fields, _dash, rest = line.partition(" - ")
            point = fields.split()[4]
            if (_SECRETS + "/").startswith(point.rstrip("/") + "/") and len(point) >= len(best):
                best, layer = point, rest.split()[0] in _LAYERS
    return layer
