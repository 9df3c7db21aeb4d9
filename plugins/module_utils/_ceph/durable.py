# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a secret survives a restart of libvirt, which it doesn't in a container that keeps secrets in its own layer."""

from __future__ import annotations

import contextlib
import os
import typing as t

_DAEMONS = ("libvirtd", "virtsecretd")
_SECRETS = "/etc/libvirt/secrets"
#: File systems of container layers, which are removed with the container.
_LAYERS = ("overlay", "aufs", "fuse-overlayfs", "tmpfs")
#: kolla-ansible's container copies secrets from here at each start.
KOLLA = "/etc/kolla/nova-libvirt/secrets"


def lost_at_restart(uuid: str, proc: str = "/proc", kolla: str = KOLLA) -> str:
    """An error message if the secret would be lost at libvirt's next start; empty if it is kept or if that is unknown."""
    ours = _namespace(os.path.join(proc, "self"))
    daemons = list(_daemons(proc))
    if not daemons or not ours or any(_namespace(daemon) in (ours, None) for daemon in daemons):
        return ""  # libvirt runs on the host
    if os.path.exists(os.path.join(kolla, f"{uuid}.xml")):
        return ""
    if not any(_in_layer(daemon) for daemon in daemons):
        return ""
    return (
        f"libvirt runs in a container and keeps {_SECRETS} in the container's own layer, so secret {uuid} is lost when the container is "
        "recreated, and guests won't start. Put the secret where the deployment keeps secrets "
        f"(kolla-ansible: {KOLLA}, through its own configuration), or mount {_SECRETS} as a volume."
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
