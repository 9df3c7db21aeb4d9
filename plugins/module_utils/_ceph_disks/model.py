# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk, what is on it, and why Ceph may not take it. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .._common import listed, shown
from .._text import on_one_line

#: ceph-volume takes nothing smaller.
SMALLEST = 5 << 30

#: How names in /dev/disk/by-id begin that come from what is on a disk. The next one to write there gets them.
_OF_CONTENT = ("lvm-pv-uuid-", "dm-name-", "dm-uuid-", "md-name-", "md-uuid-")
#: Those that no label on a disk shows come last.
_NUMBERS = ("wwn-", "nvme-eui.", "nvme-uuid.", "nvme-nvme.", "scsi-0", "scsi-2", "scsi-3", "scsi-8")


#: What firmware and drivers write where there is no serial.
_NO_SERIAL = re.compile(
    r"(\(?null\)?|none|unknown|n/?a|default string|to be filled by o\.e\.m\.|(.)\2*)\Z", re.IGNORECASE
)


@dataclass(frozen=True)
class Osd:
    """A part of an OSD: its block, db or wal. The id is -1 and fsids are empty where nothing on the disk says them."""

    id: int
    fsid: str
    cluster: str
    part: str
    volume: str = ""  # GROUP/VOLUME of LVM, or the device
    encrypted: bool = False

    @property
    def name(self) -> str:
        who = f"osd.{self.id}" if self.id >= 0 else f"OSD {self.fsid or '?'}"
        return who if self.part == "block" else f"{who} ({self.part})"


@dataclass(frozen=True)
class Part:
    """A partition of a disk, or a device on top of it: its kernel's name, its own name (GROUP-VOLUME, md0), MAJOR:MINOR and kind."""

    kernel: str
    name: str
    number: str
    kind: str  # partition, lvm, raid, crypt, multipath or device


@dataclass(frozen=True)
class Disk:
    """A disk as it was found. Sizes in bytes; paths and names are as the host has them, whoever chose them.

    blank is whether its first MiB is zeros, and None if nobody looked. unknown says what couldn't be read: nothing may be concluded then.
    """

    kernel: str
    number: str
    size: int
    serial: str = ""
    model: str = ""
    names: tuple[str, ...] = ()
    rotational: bool = False
    read_only: bool = False
    removable: bool = False
    multipath: bool = False
    parts: tuple[Part, ...] = ()
    signatures: tuple[tuple[str, str], ...] = ()  # kernel's name of the disk or its partition, type
    groups: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    osds: tuple[Osd, ...] = ()
    blank: t.Optional[bool] = None
    exclusive: t.Optional[bool] = None
    unknown: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"/dev/{self.kernel}"

    @property
    def name(self) -> str:
        """The name in /dev/disk/by-id to call it by, or empty."""
        return self.names[0] if self.names else ""


@dataclass(frozen=True)
class Verdict:
    """A disk, and why Ceph may not take it; none means that it may."""

    disk: Disk
    reasons: tuple[str, ...] = field(default=())

    def public(self) -> dict[str, t.Any]:
        disk = self.disk
        return dict(
            device=disk.path,
            name=disk.name,
            names=list(disk.names),
            serial=disk.serial,
            model=disk.model,
            size=disk.size,
            rotational=disk.rotational,
            partitions=[part.kernel for part in disk.parts if part.kind == "partition"],
            on_top=[part.name for part in disk.parts if part.kind != "partition"],
            signatures=[kind if where == disk.kernel else f"{kind} on {where}" for where, kind in disk.signatures],
            volume_groups=list(disk.groups),
            mounts=list(disk.mounts),
            osds=[
                dict(
                    id=osd.id,
                    fsid=osd.fsid,
                    cluster=osd.cluster,
                    part=osd.part,
                    volume=osd.volume,
                    encrypted=osd.encrypted,
                )
                for osd in disk.osds
            ],
            free=not self.reasons,
            why=list(self.reasons),
        )


def usable_names(links: t.Iterable[str]) -> tuple[str, ...]:
    """Names of /dev/disk/by-id that belong to the disk itself, those first that its label shows."""
    kept = [link for link in links if link.startswith("dm-uuid-mpath-") or not link.startswith(_OF_CONTENT)]
    return tuple(sorted(kept, key=lambda link: (link.startswith(_NUMBERS), link.startswith("dm-"), link)))


def judge(disks: t.Sequence[Disk]) -> list[Verdict]:
    """A verdict on each disk, in order. Two disks with one serial are told from each other by nobody, so neither is free."""
    serials: dict[str, list[Disk]] = {}
    for disk in disks:
        if disk.serial:
            serials.setdefault(disk.serial, []).append(disk)
    return [
        Verdict(disk, tuple(_reasons(disk, [one.kernel for one in serials.get(disk.serial, []) if one is not disk])))
        for disk in disks
    ]


def _reasons(disk: Disk, twins: t.Sequence[str]) -> t.Iterator[str]:
    for why in disk.unknown:
        yield f"unknown: {why}"
    if disk.osds:
        yield f"it has {listed(sorted({osd.name for osd in disk.osds}))}"
    if disk.mounts:
        yield f"mounted or swapped to: {listed([shown(mount) for mount in disk.mounts])}"
    if disk.groups:
        yield f"in volume group {listed(disk.groups)}"
    for kind, words in (("raid", "in RAID"), ("crypt", "opened by dm-crypt as"), ("multipath", "a path of")):
        names = [part.name for part in disk.parts if part.kind == kind]
        if names:
            yield f"{words} {listed(names)}"
    partitions = [part.kernel for part in disk.parts if part.kind == "partition"]
    if partitions:
        yield f"has partitions: {listed(partitions)}"
    kinds = sorted({kind for _where, kind in disk.signatures})
    if kinds:
        yield f"has a signature of {listed(kinds)}"
    others = [part.name for part in disk.parts if part.kind in ("lvm", "device")]
    if others and not disk.groups:
        yield f"under {listed(others)}"
    if disk.users:
        yield f"open in {listed(disk.users)}"
    if not (disk.mounts or disk.parts or disk.users) and disk.exclusive is False:
        yield "the kernel has it in use"
    yield from _unsuitable(disk, twins, bool(kinds or disk.osds))


def _unsuitable(disk: Disk, twins: t.Sequence[str], content: bool) -> t.Iterator[str]:
    if disk.read_only:
        yield "read-only"
    if disk.removable:
        yield "removable"
    if disk.multipath:
        yield "a multipath device, which isn't taken here"
    if disk.size < SMALLEST:
        yield f"smaller than {SMALLEST >> 30} GiB"
    if not disk.names:
        yield "has no name in /dev/disk/by-id"
    if not disk.serial:
        yield "tells no serial"
    if twins:
        yield f"{listed(twins)} has the same serial"
    if disk.blank is False and not content:
        yield "has no known signature, but data in its first MiB"


def serial_of(text: str) -> str:
    """A serial as on_one_line() makes it, or empty where the text says that there is none."""
    found = on_one_line(text)
    return "" if _NO_SERIAL.match(found) else found
