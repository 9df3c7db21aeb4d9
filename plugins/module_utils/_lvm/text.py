# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what LVM, e2fsprogs, xfsprogs and the kernel print. Pure."""

from __future__ import annotations

import json
import re
import struct
import typing as t

from .model import COPY, TAG, FileSystem, Layout, LvmError, Mount, Volume

FIELDS = "lv_name,vg_name,lv_size,lv_layout,lv_role,lv_attr,origin,vg_extent_size,vg_size,vg_free,vg_attr,lv_tags"

_INCOMPAT_64BIT = 0x80

#: Seen in mountinfo, but not taken by mount.
_NOT_OPTIONS = ("seclabel",)


def rows(text: str, kind: str) -> list[dict[str, str]]:
    report = json.loads(text)["report"]
    return t.cast("list[dict[str, str]]", [row for part in report for row in part.get(kind, [])])


def volume(text: str, vg: str, lv: str) -> Volume:
    """Find a volume in what lvs says of its whole group."""
    names = []
    snapshots = []
    leftover = False
    found: t.Optional[dict[str, str]] = None
    for row in rows(text, "lv"):
        name = row["lv_name"].strip("[]")
        if not row["lv_name"].startswith("["):
            names.append(name)
        if name == lv:
            found = row
        leftover = leftover or (name == lv + COPY and TAG in row["lv_tags"].split(","))
        if row["origin"].strip("[]") == lv and "snapshot" in row["lv_role"]:
            snapshots.append(name)
    if found is None:
        raise LvmError(f"Group {vg} has no volume {lv}; it has {', '.join(sorted(names)) or 'none'}. Name one of them.")
    return Volume(
        vg=vg,
        lv=lv,
        size=int(found["lv_size"]),
        extent=int(found["vg_extent_size"]),
        vg_size=int(found["vg_size"]),
        vg_free=int(found["vg_free"]),
        layout=found["lv_layout"],
        roles=tuple(found["lv_role"].split(",")),
        attr=found["lv_attr"],
        vg_attr=found["vg_attr"],
        snapshots=tuple(snapshots),
        leftover=leftover,
    )


def blkid(text: str) -> str:
    """The kind of what is on a device, from blkid -p -o export."""
    found = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return found.get("TYPE") or (f"a partition table ({found['PTTYPE']})" if "PTTYPE" in found else "")


def ext_size(superblock: bytes) -> int:
    """Bytes of the file system that an ext2, 3 or 4 superblock tells of (fs/ext4/ext4.h: s_blocks_count_lo, _hi, s_log_block_size)."""
    low, log_block, incompat = (struct.unpack_from("<I", superblock, at)[0] for at in (0x04, 0x18, 0x60))
    high = struct.unpack_from("<I", superblock, 0x150)[0] if incompat & _INCOMPAT_64BIT else 0
    if superblock[0x38:0x3A] != b"\x53\xef":
        raise LvmError("There is no superblock of an ext4 where one was a moment ago.")
    return int((high << 32 | low) << (10 + log_block))


def ext(kind: str, text: str) -> FileSystem:
    """From the head that dumpe2fs prints."""
    said = dict(re.findall(r"^([A-Z][A-Za-z0-9 ]+):[ \t]+(.*?)\s*$", text, re.MULTILINE))

    def number(name: str, default: str = "0") -> int:
        return int(said.get(name, default))

    block, group = number("Block size"), number("Blocks per group")
    blocks = number("Block count")
    groups = -(-(blocks - number("First block")) // group)
    descriptors = -(-groups * number("Group descriptor size", "32") // block)
    # resize2fs: overhead = 2 bitmaps + inode table (+ superblock, descriptors, reserved ones); 50 blocks have to be left.
    tail = 2 + number("Inode blocks per group") + 1 + descriptors + 1 + number("Reserved GDT blocks") + 50
    return FileSystem(
        kind=kind,
        size=blocks * block,
        block=block,
        group=group,
        first=number("First block"),
        tail=tail,
        features=tuple(said.get("Filesystem features", "").split()),
        inodes_per_group=number("Inodes per group"),
        inode_size=number("Inode size", "128"),
        state=said.get("Filesystem state", "clean"),
    )


def xfs(text: str) -> FileSystem:
    """From what xfs_info prints. A last group of fewer than 64 blocks isn't made."""
    block = re.search(r"^data\s+=\s+bsize=(\d+)\s+blocks=(\d+)", text, re.MULTILINE)
    group = re.search(r"\bagsize=(\d+) blks", text)
    if not block or not group:
        raise LvmError("xfs_info printed something else than a file system's geometry; look at it by hand.")
    size = int(block.group(1))
    return FileSystem("xfs", size * int(block.group(2)), size, int(group.group(1)), tail=64)


def minimum(text: str, block: int) -> int:
    """Bytes, from resize2fs -P."""
    match = re.search(r"minimum size of the filesystem: (\d+)", text)
    if not match:
        raise LvmError(f"resize2fs -P told no size but: {text.strip()[-200:]}")
    return int(match.group(1)) * block


def layout(text: str, fs: FileSystem) -> Layout:
    """Free runs and inodes in use, from all that dumpe2fs prints."""
    runs: list[tuple[int, int]] = []
    groups = inodes = 0
    _head, _line, body = text.partition("\nGroup 0:")
    for line in map(str.strip, body.splitlines()):
        if line.startswith("Free blocks:"):
            groups += 1
            for part in line[len("Free blocks:") :].split(","):
                if not part.strip():
                    continue
                first, _dash, last = part.strip().partition("-")
                begin, end = int(first), int(last or first)
                if runs and runs[-1][1] + 1 == begin:
                    runs[-1] = (runs[-1][0], end)
                else:
                    runs.append((begin, end))
        elif "free inodes" in line:
            unused = re.search(r"(\d+) unused inodes", line)
            inodes += fs.inodes_per_group - (int(unused.group(1)) if unused else 0)
    return Layout(tuple(runs), groups, inodes)


def mounts(text: str, number: str) -> list[Mount]:
    """Where the device MAJOR:MINOR is mounted, from mountinfo."""
    found = []
    for line in text.splitlines():
        front, _dash, back = line.partition(" - ")
        fields, rear = front.split(), back.split()
        if len(fields) > 5 and fields[2] == number:
            options = fields[5].split(",") + (rear[2].split(",") if len(rear) > 2 else [])
            unique = dict.fromkeys(one for one in options if one not in _NOT_OPTIONS)
            found.append(Mount(_unescaped(fields[4]), ",".join(unique)))
    return found


def _unescaped(path: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), path)
