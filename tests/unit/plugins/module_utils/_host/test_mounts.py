# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel tells of mounts, and what is made of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host.mounts import Mounted, mount_of, mounts, staying

RECORDED = (Path(__file__).parent / "fixtures/mountinfo-6.1.txt").read_text()
LINE = "127 16 254:0 / /mnt/a\\040b rw,noatime shared:53 - ext4 /dev/mapper/vg0-instances rw,seclabel\n"


def _point(path: str) -> str:
    mount = mount_of(mounts(RECORDED), path)
    assert mount
    return mount.point


def test_the_mount_of_a_path_is_the_innermost() -> None:
    assert _point("/var/lib/nova/instances") == "/"
    assert _point("/proc/1") == "/proc"
    assert _point("/process") == "/"


def test_of_two_mounts_at_one_point_the_last_one_counts() -> None:
    over = mounts(LINE + LINE.replace("254:0", "254:9"))
    mount = mount_of(over, "/mnt/a b/c")
    assert mount
    assert mount.number == "254:9"
    assert mount_of(over, "/mnt") is None


def test_a_line_is_read_with_all_that_it_tells() -> None:
    assert mounts(LINE) == [
        Mounted("254:0", "/mnt/a b", ("rw", "noatime"), "ext4", ("rw", "seclabel"), ("shared:53",), "127", "16", "/")
    ]


@pytest.mark.parametrize("odd", ["\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\xa0", " - "])
def test_a_mount_point_may_hold_what_only_python_takes_for_white_space(odd: str) -> None:
    written = odd.replace(" ", "\\040")
    (mount,) = mounts(LINE.replace("a\\040b", f"a{written}b"))
    assert (mount.point, mount.number, mount.kind) == (f"/mnt/a{odd}b", "254:0", "ext4")


def test_an_empty_source_does_not_shift_the_options() -> None:
    (mount,) = mounts("5 1 0:40 / /x rw - tmpfs  rw,size=4k\n")
    assert (mount.kind, mount.fs_options, mount.peers) == ("tmpfs", ("rw", "size=4k"), ())


def test_a_line_cut_at_any_place_is_an_error_or_tells_the_same_mount() -> None:
    for end in range(1, len(LINE) - 1):
        try:
            (mount,) = mounts(LINE[:end])
        except OperatorError:
            continue
        assert (mount.number, mount.point, mount.kind) == ("254:0", "/mnt/a b", "ext4")


def _line(number: int, parent: int, device: str, point: str, peers: str, root: str = "/") -> str:
    return f"{number} {parent} {device} {root} {point} rw {peers + ' ' if peers else ''}- ext4 x rw\n"


HOST = _line(1, 0, "8:1", "/", "shared:1") + _line(2, 1, "254:0", "/srv", "shared:2")


@pytest.mark.parametrize(
    ("space", "stays"),
    [
        pytest.param(
            _line(10, 9, "8:1", "/", "master:1") + _line(11, 10, "254:0", "/srv", "master:2"),
            False,
            id="a service of systemd",
        ),
        pytest.param(
            _line(10, 9, "8:1", "/", "shared:1") + _line(11, 10, "254:0", "/srv", "shared:2"), False, id="a peer"
        ),
        pytest.param(_line(10, 9, "8:1", "/", "") + _line(11, 10, "254:0", "/srv", ""), True, id="private"),
        pytest.param(
            _line(10, 9, "0:50", "/", "") + _line(11, 10, "254:0", "/srv", "shared:2"),
            True,
            id="a container with :shared",
        ),
        pytest.param(
            _line(10, 9, "0:50", "/", "") + _line(11, 10, "254:0", "/srv", "master:2"),
            True,
            id="a container with :rslave",
        ),
        pytest.param(
            _line(10, 9, "0:50", "/", "")
            + _line(11, 10, "8:1", "/host", "master:1")
            + _line(12, 11, "254:0", "/host/srv", "master:2"),
            False,
            id="a container with the host's root and :rslave",
        ),
        pytest.param(
            _line(10, 9, "8:1", "/", "master:1") + _line(11, 10, "254:0", "/other", "master:2"), True, id="elsewhere"
        ),
        pytest.param(_line(10, 9, "8:1", "/", "master:1"), False, id="not mounted there"),
    ],
)
def test_a_mount_stays_where_its_parent_does_not_follow(space: str, stays: bool) -> None:
    assert staying(mounts(HOST), {"7": mounts(space)}, "254:0") == (["7"] if stays else [])


def test_slaves_of_slaves_follow() -> None:
    middle = mounts(_line(10, 9, "8:1", "/", "shared:5 master:1") + _line(11, 10, "254:0", "/srv", "shared:6 master:2"))
    last = mounts(_line(20, 19, "8:1", "/", "master:5") + _line(21, 20, "254:0", "/srv", "master:6"))
    assert staying(mounts(HOST), {"8": last, "7": middle}, "254:0") == []
    assert staying(mounts(HOST), {"8": last}, "254:0") == ["8"]
