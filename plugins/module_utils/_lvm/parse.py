# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what LVM, e2fsprogs, xfsprogs and the kernel print. Pure."""

from __future__ import annotations

import re
import struct
import typing as t

from .._common import OperatorError, shown
from .._host import lvm_report
from .._host import mounts as mountinfo
from .volumes import COPY, TAG, FileSystem, Layout, Mount, Volume

FIELDS = (
    "lv_name,vg_name,lv_size,lv_layout,lv_role,lv_attr,origin,vg_extent_size,vg_size,vg_free,vg_attr,lv_tags,pool_lv"
)
PV_FIELDS = "pv_name,vg_name,pv_free,pv_attr"

_INCOMPAT_64BIT = 0x80
_MERGING_STATUS = ('["READ", "WRITE"]',)

#: Seen in mountinfo, but not taken by mount.
_NOT_OPTIONS = ("seclabel",)


def volume(text: str, vg: str, lv: str) -> Volume:
    """Find a volume in what lvs says of its whole group. Raises OperatorError if the group has none of this name."""
    names = []
    snapshots = []
    pools: dict[str, int] = {}
    promised: dict[str, int] = {}
    leftover = False
    found: t.Optional[dict[str, str]] = None
    for row in lvm_report.rows(text, "lv", FIELDS):
        name = row["lv_name"].strip("[]")
        if not row["lv_name"].startswith("["):
            names.append(name)
        if name == lv:
            found = row
        leftover = leftover or (name == lv + COPY and TAG in row["lv_tags"].split(","))
        if "pool" in row["lv_layout"].split(",") and "thin" in row["lv_layout"].split(","):
            pools[name] = lvm_report.number(row, "lv_size")
        elif row["pool_lv"]:
            pool = row["pool_lv"].strip("[]")
            promised[pool] = promised.get(pool, 0) + lvm_report.number(row, "lv_size")
        if row["origin"].strip("[]") == lv and "snapshot" in row["lv_role"]:
            snapshots.append(name)
    if found is None:
        raise OperatorError(
            f"Group {vg} has no volume {lv}; it has {', '.join(sorted(names)) or 'none'}. Name one of them."
        )
    return Volume(
        vg=vg,
        lv=lv,
        size=lvm_report.number(found, "lv_size"),
        extent=lvm_report.number(found, "vg_extent_size"),
        vg_size=lvm_report.number(found, "vg_size"),
        vg_free=lvm_report.number(found, "vg_free"),
        layout=found["lv_layout"],
        roles=tuple(found["lv_role"].split(",")),
        attr=found["lv_attr"],
        vg_attr=found["vg_attr"],
        snapshots=tuple(snapshots),
        leftover=leftover,
        pools=tuple((name, size, promised.get(name, 0)) for name, size in pools.items()),
    )


def blkid(text: str) -> str:
    """The kind of what is on a device, from blkid -p -o export. Raises OperatorError if it found something and doesn't tell what."""
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if found.get("TYPE"):
        return found["TYPE"]
    if found.get("PTTYPE"):
        return f"a partition table ({found['PTTYPE']})"
    if any(name != "DEVNAME" and not name.startswith("PART_ENTRY_") for name in found):
        raise _unreadable("blkid", "no TYPE")
    return ""


def ext_size(superblock: bytes) -> int:
    """Bytes of the file system that an ext2, 3 or 4 superblock tells of (fs/ext4/ext4.h: s_blocks_count_lo, _hi, s_log_block_size).

    Raises OperatorError for anything that is no whole superblock.
    """
    if len(superblock) < 1024:
        raise OperatorError(f"Only {len(superblock)} bytes of a superblock could be read; is the volume whole?")
    low, log_block, incompat = (struct.unpack_from("<I", superblock, at)[0] for at in (0x04, 0x18, 0x60))
    high = struct.unpack_from("<I", superblock, 0x150)[0] if incompat & _INCOMPAT_64BIT else 0
    if superblock[0x38:0x3A] != b"\x53\xef" or log_block > 6:
        raise OperatorError("There is no superblock of an ext4 where one was a moment ago.")
    return int((high << 32 | low) << (10 + log_block))


def ext(kind: str, text: str) -> FileSystem:
    """From the head that dumpe2fs prints. Raises OperatorError where a line is absent that dumpe2fs prints for such a file system."""
    found = dict(re.findall(r"^([A-Z][A-Za-z0-9 ]+):[ \t]+(.*?)\s*$", text, re.MULTILINE))

    def word(name: str) -> str:
        if not found.get(name):
            raise _unreadable("dumpe2fs", f"no line '{name}'")
        return str(found[name])

    def number(name: str, least: int = 0) -> int:
        if not re.match(r"\d+\Z", word(name), re.ASCII) or int(word(name)) < least:
            raise _unreadable("dumpe2fs", f"{name} {shown(word(name))}")
        return int(word(name))

    features = tuple(word("Filesystem features").split())
    block, group = number("Block size", 1024), number("Blocks per group", 1)
    blocks = number("Block count", 1)
    # Printed only where the file system has them.
    reserved = number("Reserved GDT blocks") if "resize_inode" in features else 0
    descriptor = number("Group descriptor size", 32) if "64bit" in features else 32
    groups = -(-(blocks - number("First block")) // group)
    descriptors = -(-groups * descriptor // block)
    # resize2fs: overhead = 2 bitmaps + inode table (+ superblock, descriptors, reserved ones); 50 blocks have to be left.
    inode_blocks = number("Inode blocks per group", 1)
    super_blocks = 1 + descriptors + reserved
    tail = 2 + inode_blocks + super_blocks + 1 + 50
    return FileSystem(
        kind=kind,
        size=blocks * block,
        block=block,
        group=group,
        first=number("First block"),
        tail=tail,
        features=features,
        inodes_per_group=number("Inodes per group", 1),
        inode_size=number("Inode size", 128),
        inode_blocks=inode_blocks,
        super_blocks=super_blocks,
        flex=number("Flex block group size", 1) if "flex_bg" in features else 1,
        state=word("Filesystem state"),
    )


def xfs(text: str) -> FileSystem:
    """From what xfs_info prints. A last group of fewer than 64 blocks isn't made. Raises OperatorError for anything else."""
    block = re.search(r"^data\s+=\s+bsize=([1-9]\d*)\s+blocks=([1-9]\d*)", text, re.MULTILINE)
    group = re.search(r"\bagsize=([1-9]\d*) blks", text)
    if not block or not group:
        raise _unreadable("xfs_info", "no bsize, blocks and agsize")
    size = int(block.group(1))
    return FileSystem("xfs", size * int(block.group(2)), size, int(group.group(1)), tail=64)


def _unreadable(program: str, what: str) -> OperatorError:
    return OperatorError(
        f"{program} printed {what} where the geometry of a file system was expected, so nothing is resized; run it by hand on "
        "the volume, and check that it is the distribution's own."
    )


def activates(text: str, volume: Volume) -> bool:
    """Whether activation/volume_list, as lvmconfig prints it, lets LVM activate the safety copy of a volume. True where tags may decide."""
    names = re.findall(r'"([^"]*)"', text)
    return any(one in (volume.vg, f"{volume.vg}/{volume.copy}") or one.startswith("@") for one in names)


def minimum(text: str, block: int) -> int:
    """Bytes, from resize2fs -P. Raises OperatorError where it told none."""
    match = re.search(r"minimum size of the filesystem: (\d+)", text)
    if not match:
        raise OperatorError(f"resize2fs -P told no size but: {text.strip()[-200:]}")
    return int(match.group(1)) * block


def layout(text: str, fs: FileSystem) -> Layout:
    """Free runs and inodes in use, from all that dumpe2fs prints. Raises OperatorError if that lacks a part of a group."""
    runs: list[tuple[int, int]] = []
    groups = inodes = counted = 0
    named = 1
    _head, _line, body = text.partition("\nGroup 0:")
    for line in map(str.strip, body.splitlines()):
        if line.startswith("Free blocks:"):
            groups += 1
            for part in line[len("Free blocks:") :].split(","):
                if not part.strip():
                    continue
                first, _dash, last = part.strip().partition("-")
                try:
                    begin, end = int(first), int(last or first)
                except ValueError:
                    raise _unreadable("dumpe2fs", f"free blocks {shown(part)}") from None
                if runs and runs[-1][1] + 1 == begin:
                    runs[-1] = (runs[-1][0], end)
                else:
                    runs.append((begin, end))
        elif line.startswith("Group "):
            named += 1
        elif "free inodes" in line:
            counted += 1
            unused = re.search(r"(\d+) unused inodes", line)
            inodes += fs.inodes_per_group - (int(unused.group(1)) if unused else 0)
    expected = -(-(fs.size // fs.block - fs.first) // fs.group)
    if {groups, named, counted} != {expected}:
        raise _unreadable("dumpe2fs", f"{named} groups, free blocks of {groups} and free inodes of {counted}")
    return Layout(tuple(runs), groups, inodes)


def mounts(text: str, number: str) -> list[Mount]:
    """Where the device MAJOR:MINOR is mounted, from mountinfo. Raises OperatorError for lines that kernels don't write."""
    found = []
    for one in mountinfo.mounts(text):
        if one.number == number:
            unique = dict.fromkeys(option for option in (*one.options, *one.fs_options) if option not in _NOT_OPTIONS)
            found.append(Mount(one.point, ",".join(unique)))
    return found


def unmerged(text: str, copy: str) -> str:
    """The metadata of a group, from vgcfgbackup, without the merge that it has for this snapshot. Raises OperatorError if it has none."""
    merging = f'merging_store = "{copy}"'
    section = re.search(rf"^\t+{re.escape(copy)} \{{\n(?:.*\n)*?\t+status = (\[.*\])$", text, re.MULTILINE)
    if text.count(merging) != 1 or not section or section.group(1) not in _MERGING_STATUS:
        raise OperatorError(
            f"The metadata of the group doesn't tell of the merge of {copy} as LVM writes it, so it isn't taken back. "
            "`lvchange -an` and `-ay` of the volume, with nothing mounted, would complete it."
        )
    begin, end = section.span(1)
    visible = section.group(1).replace('"]', '", "VISIBLE"]')
    changed = text[:begin] + visible + text[end:]
    return changed.replace(merging, f'cow_store = "{copy}"')
