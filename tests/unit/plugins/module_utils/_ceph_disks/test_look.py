# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's disks from a tree as sysfs has it, with tools that answer, fail, and hang."""

from __future__ import annotations

import json
import typing as t
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph_disks.look import Host
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph_disks.model import Verdict, judge

FIXTURES = Path(__file__).parent / "fixtures"
BLANK = {"signatures": [], "osds": [], "blank": True, "exclusive": True, "unknown": []}
FSID = "3f70aa7d-3603-4f1e-a54a-79b2d3d274e2"


class Tree:
    """Folders for /sys, /dev and /proc, and answers of tools."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.number = 0
        self.answers: dict[str, t.Any] = {"pvs": _report("pv"), "lvs": _report("lv")}
        self.probed: dict[str, dict[str, t.Any]] = {}
        self.write("proc/self/mountinfo", "20 1 0:5 / / rw - tmpfs tmpfs rw\n")
        self.write("proc/swaps", "Filename\n")
        (home / "dev/disk/by-id").mkdir(parents=True)

    def write(self, path: str, text: str) -> None:
        file = self.home / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def disk(self, name: str, serial: str = "S1", **files: str) -> None:
        self.number += 1
        given = {
            "size": str((10 << 30) // 512),
            "ro": "0",
            "removable": "0",
            "queue/rotational": "1",
            "dev": f"8:{self.number * 16}",
        }
        for file, text in {**given, "device/serial": serial, "device/model": "HGST X", **files}.items():
            self.write(f"sys/block/{name}/{file}", text + "\n")
        (self.home / f"sys/block/{name}/holders").mkdir()
        self.write(f"dev/{name}", "")
        (self.home / f"dev/disk/by-id/scsi-{serial or name}").symlink_to(f"../../{name}")

    def on_top(self, below: str, name: str, **files: str) -> None:
        """A device of the device mapper or of RAID on top of a disk or partition (its path below sys/block)."""
        (self.home / f"sys/block/{below}/holders/{name}").mkdir(parents=True)
        for file, text in {"dev": f"254:{len(name)}", **files}.items():
            self.write(f"sys/class/block/{name}/{file}", text)
        (self.home / f"sys/class/block/{name}/holders").mkdir(exist_ok=True)

    def run(self, args: list[str], data: str) -> tuple[int, str, str]:
        assert isinstance(args, list)
        answer = self.answers.get(args[0], (1, "", "no such device"))
        if answer is None:
            raise FileNotFoundError(2, "No such file", args[0])
        return t.cast("tuple[int, str, str]", answer)

    def look(self) -> dict[str, Verdict]:
        def probe(devices: t.Sequence[t.Sequence[str]], seconds: float) -> list[dict[str, t.Any]]:
            return [self.probed.get(Path(paths[0]).name, BLANK) for paths in devices]

        places = {name: str(self.home / name) for name in ("sys", "dev", "proc")}
        host = Host(run=self.run, seconds=30, probe=probe, spaces=dict, **places)
        return {verdict.disk.kernel: verdict for verdict in judge(host.disks())}


def _report(kind: str, *rows: dict[str, str]) -> tuple[int, str, str]:
    return 0, json.dumps({"report": [{kind: list(rows)}]}), ""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    made = Tree(tmp_path)
    made.disk("sda")
    return made


def test_a_disk_with_nothing_on_it_is_free(tree: Tree) -> None:
    found = tree.look()["sda"].public()
    assert found == {
        "device": "/dev/sda", "name": "scsi-S1", "names": ["scsi-S1"], "serial": "S1", "model": "HGST X", "size": 10 << 30,
        "rotational": True, "partitions": [], "on_top": [], "signatures": [], "volume_groups": [], "mounts": [], "osds": [],
        "free": True, "why": [],
    }  # fmt: skip


def test_what_is_no_disk_of_the_host_is_not_listed(tree: Tree) -> None:
    for name in ("loop0", "ram0", "zram0", "sr0", "dm-0", "md127", "nbd0", "rbd0", "zd0", "drbd1"):
        tree.disk(name, name)
    tree.disk("nvme0c0n1", "x", hidden="1")
    tree.disk("nvme0n1", "y")
    assert list(tree.look()) == ["sda", "nvme0n1"]


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"ro": "1"}, "read-only"),
        ({"ro": ""}, "read-only"),
        ({"removable": "1"}, "removable"),
        ({"size": "10485759"}, "smaller than 5 GiB"),
        ({"device/serial": ""}, "tells no serial"),
    ],
)
def test_an_unsuitable_disk_is_not_free(tree: Tree, files: dict[str, str], why: str) -> None:
    tree.disk("sdb", "S2", **files)
    assert tree.look()["sdb"].reasons == (why,)


def test_a_size_that_isnt_told_is_unknown(tree: Tree) -> None:
    tree.disk("sdb", "S2", size="?")
    assert tree.look()["sdb"].reasons[0].startswith("unknown: ")


def test_two_disks_with_one_serial_are_not_free(tree: Tree) -> None:
    tree.disk("sdb", "S2")
    tree.disk("sdc", "S2 ", **{"device/serial": "S2"})
    found = tree.look()
    assert (found["sdb"].reasons, found["sdc"].reasons) == (("sdc has the same serial",), ("sdb has the same serial",))
    assert found["sda"].reasons == ()


@pytest.mark.parametrize("tool", ["lvs", "pvs"])
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "it isn't installed on this host; install lvm2"),
        ((5, "", "WARNING: lock failed\n"), "said: WARNING: lock failed"),
        ((0, "{}", ""), "LVM reported no report"),
        ((0, "", ""), "instead of JSON"),
    ],
)
def test_where_lvm_doesnt_tell_no_disk_is_free(tree: Tree, tool: str, answer: object, words: str) -> None:
    tree.answers[tool] = answer
    (why,) = tree.look()["sda"].reasons
    assert why.startswith("unknown: ")
    assert words in why


@pytest.mark.parametrize(
    ("probed", "why"),
    [
        ({"unknown": ["/dev/sda didn't answer within 60 s"]}, "unknown: /dev/sda didn't answer within 60 s"),
        ({}, "unknown: it couldn't be opened and read"),
        ({"exclusive": None}, "unknown: it couldn't be opened and read"),
        ({"blank": None}, "unknown: it couldn't be opened and read"),
        ({"exclusive": False}, "the kernel has it in use"),
        ({"blank": False}, "has no known signature, but data in its first MiB"),
        ({"blank": False, "signatures": [["TREE/sda", "zfs_member"]]}, "has a signature of zfs_member"),
    ],
)
def test_what_reading_it_shows(tree: Tree, probed: dict[str, t.Any], why: str) -> None:
    whole = {} if probed == {} or "unknown" in probed else BLANK
    tree.probed["sda"] = {**whole, **probed}
    assert tree.look()["sda"].reasons == (why,)


def test_an_osd_is_told_once_and_with_all_that_is_known(tree: Tree) -> None:
    group = "ceph-1"
    tags = f"ceph.osd_id=3,ceph.osd_fsid={FSID},ceph.type=block"
    device = str(tree.home / "dev/sda")
    tree.answers["pvs"] = _report("pv", {"pv_name": device, "vg_name": group})
    tree.answers["lvs"] = _report(
        "lv", {"vg_name": group, "lv_name": "osd", "lv_tags": tags, "devices": f"{device}(0)"}
    )
    tree.on_top("sda", "dm-0", **{"dm/name": "ceph--1-osd", "dm/uuid": "LVM-abc"})
    found = tree.look()["sda"]
    assert found.reasons == ("it has osd.3", "in volume group ceph-1")
    assert [(osd.id, osd.volume) for osd in found.disk.osds] == [(3, "ceph-1/osd")]
    assert found.public()["on_top"] == ["ceph--1-osd"]


def test_an_osd_on_volumes_is_on_all_disks_of_its_group(tree: Tree) -> None:
    tree.disk("sdb", "S2")
    tree.answers["pvs"] = _report(
        "pv", *({"pv_name": str(tree.home / "dev" / name), "vg_name": "vg"} for name in ("sda", "sdb"))
    )
    row = {"vg_name": "vg", "lv_name": "osd", "lv_tags": "ceph.osd_id=3,ceph.type=block", "devices": "cache_cdata(0)"}
    tree.answers["lvs"] = _report("lv", row)
    assert {name: verdict.reasons[0] for name, verdict in tree.look().items()} == {
        "sda": "it has osd.3", "sdb": "it has osd.3",
    }  # fmt: skip


def test_what_is_high_above_a_disk_counts(tree: Tree) -> None:
    """A file system on a volume in a group on a RAID on a partition."""
    tree.write("sys/block/sda/sda1/partition", "1")
    tree.write("sys/block/sda/sda1/dev", "8:17")
    tree.on_top("sda/sda1", "md0")
    (tree.home / "sys/class/block/md0/holders/dm-1").mkdir()
    tree.write("sys/class/block/dm-1/dev", "254:99")
    tree.write("sys/class/block/dm-1/dm/uuid", "LVM-x")
    tree.write("sys/class/block/dm-1/dm/name", "vg-lv")
    (tree.home / "sys/class/block/dm-1/holders").mkdir()
    tree.write("proc/self/mountinfo", "30 1 254:99 / /srv\\040x rw - ext4 /dev/mapper/vg-lv rw\n")
    found = tree.look()["sda"]
    assert found.reasons == ("mounted or swapped to: '/srv x'", "in RAID md0", "has partitions: sda1", "under vg-lv")


@pytest.mark.parametrize("text", ["nonsense\n", ""])
def test_mounts_that_cant_be_read_are_unknown(tree: Tree, text: str) -> None:
    tree.write("proc/self/mountinfo", text)
    (why,) = tree.look()["sda"].reasons
    assert why.startswith("unknown: what is mounted: ")


def test_serials_of_scsi_and_of_udev(tree: Tree) -> None:
    tree.disk("sdb", "", **{"device/serial": "", "device/vpd_pg80": "\0\0\0\x14  ZR5EXAMPLE"})
    tree.disk("sdc", "(null)")
    assert {name: verdict.disk.serial for name, verdict in tree.look().items()} == {
        "sda": "S1",
        "sdb": "ZR5EXAMPLE",
        "sdc": "",
    }
    tree.answers["udevadm"] = (0, "DEVNAME=/dev/sdc\nID_SERIAL_SHORT=UDEV1\n", "")
    assert tree.look()["sdc"].disk.serial == "UDEV1"


def test_a_multipath_device_and_its_paths_are_not_free(tree: Tree) -> None:
    tree.on_top("sda", "dm-7", **{"dm/name": "mpatha", "dm/uuid": "mpath-3500"})
    tree.disk("dm-7", "S7", **{"dm/uuid": "mpath-3500", "dm/name": "mpatha"})
    found = tree.look()
    assert found["sda"].reasons == ("a path of mpatha",)
    assert found["dm-7"].reasons == ("a multipath device, which isn't taken here",)


def test_reasons_name_what_somebody_else_wrote_in_quotes(tree: Tree) -> None:
    tree.disk("sdb", "S2")
    disk = replace(tree.look()["sdb"].disk, mounts=("/x\x1b[2J",))
    assert judge([disk])[0].reasons == ("mounted or swapped to: '/x\\x1b[2J'",)
