# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest size that resize2fs takes an ext4 to, from what the kernel counts. Pure.

`resize2fs -P` reads what is on the disk, and of a mounted file system that isn't what is in it: the kernel writes the superblock's numbers
when it unmounts.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from .volumes import FileSystem

_LAST_GROUP = 50  # blocks that a last group has to have beside its metadata
_EXTENT = 12  # bytes


@dataclass(frozen=True)
class Room:
    """What a mounted file system has, as statvfs(3) tells it: bytes in use, free blocks (of fs.block), and inodes in use."""

    used: int
    free: int
    inodes: int


def minimum(fs: FileSystem, free: int, inodes: int) -> int:
    """Bytes that an ext4 needs, with so many free blocks and so many inodes in use.

    It is reckoned as resize2fs does (calculate_minimum_resize_size), which is on the large side in places, because it refuses less than that.
    """
    all_groups = -(-(fs.blocks - fs.first) // fs.group)
    data = fs.blocks - free - sum(_overhead(fs, one) for one in range(all_groups))
    groups = max(1, -(-inodes // fs.inodes_per_group))
    flexed = _flexed(fs, groups, all_groups)
    room = max(0, groups * fs.group - sum(_overhead(fs, one) for one in range(flexed)))
    before = sum(fs.group - _overhead(fs, one) for one in range(min(flexed, groups - 1)))
    while data > room and groups < all_groups:
        before += fs.group - _overhead(fs, groups - 1)
        more = -(-(data - room) // fs.group)
        groups += more
        room += more * fs.group
        first, flexed = flexed, max(flexed, _flexed(fs, groups, all_groups))
        for one in range(first, flexed):
            room -= _overhead(fs, one)
            before += fs.group - _overhead(fs, one) if one < groups - 1 else 0
    last = 0 if "flex_bg" in fs.features and groups <= fs.flex else groups - 1
    needed = (groups - 1) * fs.group + sum(_overhead(fs, one) for one in range(last, flexed))
    needed += max(_LAST_GROUP, data - before) + fs.first
    # The inode tables of a flex group lie at its beginning.
    begin = (groups - 1) // fs.flex * fs.flex
    needed = max(needed, begin * fs.group + fs.super_blocks + (groups - begin) * (2 + fs.inode_blocks))
    if needed < fs.blocks and "extent" in fs.features:
        extents = -(-data // (fs.block // _EXTENT - 1))
        needed += min((fs.blocks - needed) // 500, max(extents, inodes))
    return min(needed, fs.blocks) * fs.block


def _flexed(fs: FileSystem, groups: int, all_groups: int) -> int:
    """So many groups and the rest of the last one's flex group, so that resize2fs has room to move the inode tables."""
    return min(groups + fs.flex - groups % fs.flex, all_groups) if "flex_bg" in fs.features else groups


def _overhead(fs: FileSystem, group: int) -> int:
    return fs.inode_blocks + 2 + (fs.super_blocks if _has_super(fs, group) else 0)


def _has_super(fs: FileSystem, group: int) -> bool:
    """Whether a group has a copy of the superblock and of the descriptors: the first two, and the powers of 3, 5 and 7."""
    if group < 2 or "sparse_super" not in fs.features:
        return True
    return any(_is_power(group, base) for base in (3, 5, 7))


def _is_power(number: int, base: int) -> bool:
    while number % base == 0:
        number //= base
    return number == 1
