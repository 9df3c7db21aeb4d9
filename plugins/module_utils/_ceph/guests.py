# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests whose disks name a secret, and how each gets another one. Pure.

Nova makes a guest's own disks anew, with the client of nova.conf, whenever it makes the guest anew: at a hard reboot, but not at a live migration,
which changes Cinder's volumes alone. Of a volume, Nova keeps what Cinder once told it (connection_info), and asks again only for a migration and an
unshelving; a hard reboot, or a stop and a start, don't ask (nova: compute/manager.py, refresh_conn_info; virt/libvirt/migration.py).
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from xml.etree import ElementTree

from .._common import listed, shown

#: How many guests of a kind are named.
_MOST = 100
_NAME = re.compile(r"[A-Za-z0-9._-]{1,80}\Z")


@dataclass(frozen=True)
class Guest:
    """A guest that names a secret: in disks of Nova's own (instances' disks in Ceph), and in those of Cinder's volumes or others."""

    name: str
    uuid: str
    own: bool = False
    volumes: bool = False


def read_guest(name: str, xml: str, secret: str) -> t.Optional[Guest]:
    """What libvirt's XML of a guest says of a secret; None if it doesn't name it."""
    root = ElementTree.fromstring(xml)
    everywhere = _count(root, secret)
    if not everywhere:
        return None
    uuid = (root.findtext("uuid") or "").lower()
    own = sum(_count(disk, secret) for disk in root.iter("disk") if _is_own(disk, uuid))
    return Guest(name, uuid, bool(own), everywhere > own)


def _count(where: ElementTree.Element, secret: str) -> int:
    return sum((one.get("uuid") or "").lower() == secret for one in where.iter("secret"))


def _is_own(disk: ElementTree.Element, uuid: str) -> bool:
    """Whether Nova made the disk: it names the image by the guest, UUID_disk, and gives it no serial number."""
    source = disk.find("source")
    image = (source.get("name") or "").rpartition("/")[2] if source is not None else ""
    return image.lower().startswith(f"{uuid}_") and not disk.findtext("serial")


def ways_off(guests: t.Sequence[Guest]) -> str:
    """The guests and, for each kind, how they get the current secret."""
    kinds = (
        (
            [one for one in guests if one.own and not one.volumes],
            "Nova's own disks: reboot hard; a live migration keeps it",
        ),
        (
            [one for one in guests if one.volumes and not one.own],
            "Cinder's volumes: migrate, live or cold, or shelve and unshelve; a hard reboot keeps it",
        ),
        (
            [one for one in guests if one.volumes and one.own],
            "both: migrate cold, or migrate live and then reboot hard",
        ),
    )
    return "; ".join(f"{_names(some)} ({way})" for some, way in kinds if some)


def _names(guests: t.Sequence[Guest]) -> str:
    return listed(
        [f"{one.name if _NAME.match(one.name) else shown(one.name)} {one.uuid}".strip() for one in guests], _MOST
    )
