# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes, plans and what tools print (recorded on Debian 12), as tables."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm import parse, volumes
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.volumes import (
    CHUNK,
    FileSystem,
    Layout,
    ResizePlan,
    Volume,
    check_disk,
    check_instance_name,
    check_name,
    check_unit,
    check_volume,
    direct_runs,
    overlay_table,
    parse_size,
)

MIB = 2**20
FIXTURES = Path(__file__).parent / "fixtures"
VOLUME = Volume("vg0", "instances", 2272 * MIB, 4 * MIB, vg_size=8000 * MIB, vg_free=1002 * MIB)

SIZES = [
    pytest.param("1.5g", 1536 * MIB, id="absolute"),
    pytest.param("1.5G", 1536 * MIB, id="capital letters mean the same, as in LVM"),
    pytest.param("2.22g", 2276 * MIB, id="rounded up to extents"),
    pytest.param("1b", 4 * MIB, id="one byte is an extent"),
    pytest.param("3145729s", 1540 * MIB, id="sectors of 512 bytes"),
    pytest.param("+500m", 2772 * MIB, id="more"),
    pytest.param("+501m", 2776 * MIB, id="more, rounded up"),
    pytest.param("-500m", 1772 * MIB, id="less"),
    pytest.param("-501m", 1772 * MIB, id="less, rounded up: never less than asked for"),
    pytest.param("50%VG", 4000 * MIB, id="share of the group"),
    pytest.param("33%VG", 2640 * MIB, id="a share that is whole extents"),
    pytest.param("33.33%VG", 2664 * MIB, id="shares are rounded down"),
    pytest.param("+100%FREE", 3272 * MIB, id="all that is free, in whole extents"),
    pytest.param("+100%PVS", 2372 * MIB, id="all that is free on some disks"),
    pytest.param(" 1.5g ", 1536 * MIB, id="with blanks"),
]


@pytest.mark.parametrize(("written", "size"), SIZES)
def test_sizes(written: str, size: int) -> None:
    assert parse_size(written).target(VOLUME, 100 * MIB) == size


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("0", "not a size (the unit is missing)"), ("100", "not a size (the unit is missing)"), ("0g", "a size of 0"),
        ("0%VG", "a size of 0"), ("", "not a size"), ("1.5x", "not a size"), ("1,5g", "not a size"), ("--5g", "not a size"),
        ("101%VG", "more than 100 %"), ("50%ORIGIN", "not a size"), ("1g; reboot", "not a size"), ("1e9g", "not a size"),
        ("nan", "not a size"), ("+g", "not a size"), ("\u0661g", "not a size"), ("1g\n", None),
    ],
)  # fmt: skip
def test_nonsense_is_refused_in_a_sentence(written: str, sentence: str | None) -> None:
    if sentence is None:
        assert parse_size(written).text == written.strip()
        return
    with pytest.raises(OperatorError) as caught:
        parse_size(written)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("name", ["", "-a", "a/b", "..", "a b", "a;b", "$x", "a" * 128, "a\n"])
def test_names_that_lvm_does_not_give(name: str) -> None:
    with pytest.raises(OperatorError, match="is not a name that LVM gives"):
        check_name(name, "vg")


def test_the_shrunk_file_system_is_smaller_than_its_volume() -> None:
    for mib in range(40, 2272, 4):
        plan = ResizePlan(VOLUME, FileSystem("ext4", 2272 * MIB), None, mib * MIB)
        assert plan.fs_target < plan.target
        assert plan.shrinks_fs
        assert plan.fills


def test_a_plan_that_has_come_true_wants_nothing_more() -> None:
    plan = ResizePlan(VOLUME, FileSystem("ext4", VOLUME.size), None, VOLUME.size)
    assert not plan.changed


@pytest.mark.parametrize(
    ("size", "fills"),
    [(2272 * MIB, True), (2272 * MIB - 4096, False), (2176 * MIB, False), (2268 * MIB, False)],
)
def test_whether_a_file_system_fills_its_volume(size: int, fills: bool) -> None:
    assert FileSystem("ext4", size, group=32768, tail=900).fills(2272 * MIB) is fills


def test_a_last_group_that_would_be_too_small_is_not_missed() -> None:
    # resize2fs makes no group that has no room for more than its own tables.
    assert FileSystem("ext4", 2176 * MIB, group=32768, tail=900).fills(2176 * MIB + 899 * 4096)
    assert not FileSystem("ext4", 2176 * MIB, group=32768, tail=900).fills(2176 * MIB + 900 * 4096)


def test_direct_runs_are_whole_chunks_that_are_free() -> None:
    layout = Layout(((1, 100), (103, 110), (1000, 5000)), 1, 0)
    runs = direct_runs(layout, 4096, 4000 * 4096)
    assert runs == [(CHUNK, 101 * 4096 // CHUNK * CHUNK), (1000 * 4096, 4000 * 4096 // CHUNK * CHUNK)]
    for begin, end in runs:
        assert any(first * 4096 <= begin and end <= (last + 1) * 4096 for first, last in layout.runs)


def test_the_overlay_has_every_sector_once() -> None:
    at = 0
    for line in overlay_table(MIB, [(65536, 131072), (262144, MIB)], "/o", "/c").splitlines():
        start, length, kind, device, offset = line.split()
        assert (int(start), kind, int(offset)) == (at, "linear", at)
        assert device == ("/o" if 128 <= at < 256 or at >= 512 else "/c")
        at += int(length)
    assert at * 512 == MIB


def _read(name: str) -> str:
    return (FIXTURES / name).read_text()


@pytest.mark.parametrize(
    ("lv", "sentence"),
    [
        ("thin", "of the kind 'thin,sparse'"), ("pool", "of the kind 'thin,pool'"), ("other", "is a snapshot"),
        ("x", "has snapshots (other)"), ("instances", None), ("plain", None), ("lvol0_pmspare", "of the kind 'linear'"),
    ],
)  # fmt: skip
def test_what_kind_of_volume_lvs_shows(lv: str, sentence: str | None) -> None:
    volume = parse.volume(_read("lvs-2.03.16.json"), "vg0", lv)
    if sentence is None:
        check_volume(volume)
        return
    with pytest.raises(OperatorError) as caught:
        check_volume(volume)
    assert sentence in str(caught.value)


def test_our_own_copy_is_known_by_its_name_and_tag() -> None:
    volume = parse.volume(_read("lvs-2.03.16.json"), "vg0", "instances")
    assert (volume.size, volume.extent, volume.snapshots, volume.leftover) == (
        2386558976,
        4 * MIB,
        ("instances-day2shrink",),
        True,
    )
    assert not parse.volume(_read("lvs-2.03.16.json"), "vg0", "plain").leftover
    assert not parse.volume(
        _read("lvs-2.03.16.json").replace("openstack_ops.day2", "mine"), "vg0", "instances"
    ).leftover


def test_a_volume_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(
        OperatorError, match="Group vg0 has no volume instance; it has instances, instances-day2shrink, other, plain"
    ):
        parse.volume(_read("lvs-2.03.16.json"), "vg0", "instance")


def test_what_dumpe2fs_shows() -> None:
    fs = parse.ext("ext4", _read("dumpe2fs-1.47.0.txt"))
    assert (fs.size, fs.block, fs.group, fs.state, fs.inode_size) == (2386558976, 4096, 32768, "clean", 256)
    assert {"has_journal", "extent"} <= set(fs.features)
    assert fs.fills(2386558976)
    layout = parse.layout(_read("dumpe2fs-1.47.0.txt"), fs)
    free = int(_read("dumpe2fs-1.47.0.txt").split("Free blocks:")[1].split()[0])
    assert sum(last - first + 1 for first, last in layout.runs) == free
    assert layout.groups == 18
    assert volumes.to_move(layout, fs, fs.size) == 0


def test_what_a_superblock_tells() -> None:
    superblock = bytes.fromhex(_read("superblock-ext4-1.47.0.hex"))
    assert parse.ext_size(superblock) == 2272 * MIB
    beyond_16_tib = superblock[:0x150] + b"\1\0\0\0" + superblock[0x154:]
    assert parse.ext_size(beyond_16_tib) == 2272 * MIB + 16 * 2**40
    without_64bit = bytearray(beyond_16_tib)
    without_64bit[0x60] &= 0x7F
    assert parse.ext_size(bytes(without_64bit)) == 2272 * MIB
    with pytest.raises(OperatorError, match="no superblock of an ext4"):
        parse.ext_size(bytes(1024))


def test_what_xfs_info_shows() -> None:
    fs = parse.xfs(_read("xfs_info-6.1.0.txt"))
    assert (fs.kind, fs.size, fs.block, fs.group) == ("xfs", 400 * MIB, 4096, 25600)
    assert fs.fills(400 * MIB + 63 * 4096)
    assert not fs.fills(404 * MIB)


def test_what_mountinfo_shows() -> None:
    (mount,) = parse.mounts(_read("mountinfo-6.1.txt"), "254:0")
    assert (mount.point, mount.options) == ("/mnt/a b", "rw,nosuid,noatime")
    assert parse.mounts(_read("mountinfo-6.1.txt"), "254:1") == []
    assert parse.blkid(_read("blkid-2.38.1.txt")) == "ext4"


@pytest.mark.parametrize("name", ["", "-x", "--now", "a b", "a\n", "a\nb", "nova-*", "a[b]", "x" * 256, "a/b", "a\x00"])
def test_what_is_not_a_unit_is_refused(name: str) -> None:
    with pytest.raises(OperatorError, match="isn't the name of a unit"):
        check_unit(name)


@pytest.mark.parametrize("name", ["", "-x", "--domain", "7", "a/b", "a\n", "a\nb", "\x1b[2J"])
def test_what_is_not_an_instance_is_refused(name: str) -> None:
    with pytest.raises(OperatorError, match="isn't the name of an instance"):
        check_instance_name(name)


@pytest.mark.parametrize("path", ["", "sdb", "--config=x", "/dev/sdb\n"])
def test_what_is_not_a_disk_is_refused(path: str) -> None:
    with pytest.raises(OperatorError, match="isn't a disk"):
        check_disk(path)


def test_names_that_hosts_have_are_taken() -> None:
    for name in ("nova-compute", "nova-compute.service", "user@1000.service", "dev-disk-by\\x2dlabel.swap"):
        assert check_unit(name) == name
    for name in ("instance-0000002a", "my guest", "m\u00fcller"):
        assert check_instance_name(name) == name


def _read_all(text: str) -> tuple[FileSystem, Layout]:
    fs = parse.ext("ext4", text)
    return fs, parse.layout(text, fs)


def test_a_line_of_dumpe2fs_that_is_absent_is_an_error_or_was_not_needed() -> None:
    lines = _read("dumpe2fs-1.47.0.txt").splitlines(keepends=True)
    whole = _read_all("".join(lines))
    refused = 0
    for number in range(len(lines)):
        try:
            found = _read_all("".join(lines[:number] + lines[number + 1 :]))
        except OperatorError:
            refused += 1
            continue
        assert found == whole, lines[number]
    assert refused >= 11 + 3 * whole[1].groups


@pytest.mark.parametrize("name", ["dumpe2fs-1.47.0.txt", "xfs_info-6.1.0.txt", "blkid-2.38.1.txt"])
@pytest.mark.parametrize("value", ["", "0", "x", "-1"])
def test_a_number_that_is_none_is_no_traceback(name: str, value: str) -> None:
    text = _read(name)
    for match in re.finditer(r"\d+", text):
        changed = text[: match.start()] + value + text[match.end() :]
        with contextlib.suppress(OperatorError):
            if name.startswith("dumpe2fs"):
                _read_all(changed)
            elif name.startswith("xfs"):
                parse.xfs(changed)
            else:
                parse.blkid(changed)


def test_a_line_of_xfs_info_or_blkid_that_is_absent_is_an_error_or_was_not_needed() -> None:
    for name, read in (("xfs_info-6.1.0.txt", parse.xfs), ("blkid-2.38.1.txt", parse.blkid)):
        lines = _read(name).splitlines(keepends=True)
        whole = read("".join(lines))
        refused = 0
        for number in range(len(lines)):
            try:
                found = read("".join(lines[:number] + lines[number + 1 :]))
            except OperatorError:
                refused += 1
                continue
            assert found == whole, lines[number]
        assert refused > 0


def test_lvs_without_a_field_is_an_error() -> None:
    for field in parse.FIELDS.split(","):
        with pytest.raises(OperatorError, match=field):
            parse.volume(_read("lvs-2.03.16.json").replace(f'"{field}":', '"other":'), "vg0", "instances")


def test_half_a_superblock_is_an_error() -> None:
    superblock = bytes.fromhex(_read("superblock-ext4-1.47.0.hex"))
    for length in (0, 4, 0x60, 0x150, 1023):
        with pytest.raises(OperatorError):
            parse.ext_size(superblock[:length])
