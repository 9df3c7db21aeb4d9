# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What resize2fs 1.47.0 printed with -P for images that mke2fs made, of files and free room of all sizes."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.minimum import minimum
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.volumes import FileSystem

FLEX = "extent flex_bg sparse_super"

# MiB, block, first block, features, inodes of a group, blocks of its inode table, blocks of a superblock with descriptors,
# free blocks, inodes in use, and the minimum in blocks.
SEEN = [
    (640, 4096, 0, FLEX, 8192, 512, 81, 154000, 3011, 10148),
    (200, 1024, 1, FLEX, 2048, 512, 259, 139156, 24, 111131),
    (3000, 1024, 1, FLEX, 512, 128, 281, 2056994, 24, 1113846),
    (64, 1024, 1, FLEX, 2048, 512, 258, 56023, 11, 13694),
    (200, 1024, 1, FLEX, 160, 40, 259, 172052, 3012, 147914),
    (1500, 4096, 0, FLEX, 336, 21, 189, 289165, 3014, 263844),
    (64, 1024, 1, FLEX, 2048, 512, 2, 47034, 24, 27287),
    (3000, 4096, 0, FLEX, 8000, 500, 376, 560916, 24, 368353),
    (640, 4096, 0, FLEX, 8192, 512, 81, 118013, 14, 46549),
    (200, 1024, 1, FLEX, 2048, 512, 259, 170900, 22, 46665),
]


@pytest.mark.parametrize("seen", SEEN)
def test_it_is_what_resize2fs_reckons(seen: tuple[int, int, int, str, int, int, int, int, int, int]) -> None:
    mib, block, first, features, inodes, table, supers, free, used, blocks = seen
    fs = FileSystem(
        "ext4",
        mib * 2**20,
        block,
        8 * block,
        first,
        features=tuple(features.split()),
        inodes_per_group=inodes,
        inode_blocks=table,
        super_blocks=supers,
        flex=16,
    )
    assert minimum(fs, free, used) == blocks * block


def test_inodes_alone_may_need_it_and_it_is_never_more_than_there_is() -> None:
    fs = FileSystem("ext4", 640 * 2**20, 4096, 32768, features=tuple(FLEX.split()), inodes_per_group=8192, inode_blocks=512,
                    super_blocks=81, flex=16)  # fmt: skip
    assert minimum(fs, 150_000, 12) < minimum(fs, 150_000, 30_000)
    assert minimum(fs, 0, 40_960) == fs.size
