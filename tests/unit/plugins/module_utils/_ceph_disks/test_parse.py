# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools and labels say, from what they really printed, and from what they never should."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph_disks import parse
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph_disks.model import Osd, serial_of, usable_names
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError

FIXTURES = Path(__file__).parent / "fixtures"
FSID = "3f70aa7d-3603-4f1e-a54a-79b2d3d274e2"
CLUSTER = "d63aff7a-fe08-413b-849b-70d4768585c6"
GROUP = "ceph-36d4aa27-cb65-4f56-ac5b-fc9cce9a0deb"
LABEL = bytes.fromhex((FIXTURES / "label-bluestore-16.2.15.hex").read_text())


def test_osds_in_lvm_are_read_from_tags() -> None:
    text = (FIXTURES / "lvs-2.03.16.json").read_text()
    assert parse.osds_of(text) == [
        (Osd(id=0, fsid=FSID, cluster=CLUSTER, part="block", volume=f"{GROUP}/osd-block-{FSID}"), ("/dev/ubdb",))
    ]
    assert parse.groups_of((FIXTURES / "pvs-2.03.16.json").read_text()) == {"/dev/ubdb": GROUP}


@pytest.mark.parametrize(
    ("tags", "name"),
    [
        ("ceph.type=db,ceph.osd_id=7", "osd.7 (db)"),
        ("ceph.osd_id=7", "osd.7"),
        ("ceph.type=block,ceph.osd_id=seven", "OSD ?"),
        ("ceph.type=block,ceph.osd_id=-1", "OSD ?"),
        (f"mine,ceph.type=block,ceph.osd_fsid={FSID}", f"OSD {FSID}"),
    ],
)
def test_odd_tags_are_an_osd_all_the_same(tags: str, name: str) -> None:
    row = {"vg_name": "vg", "lv_name": "lv", "lv_tags": tags, "devices": "/dev/sda(0),/dev/sdb(12)"}
    ((osd, below),) = parse.osds_of(json.dumps({"report": [{"lv": [row]}]}))
    assert (osd.name, below) == (name, ("/dev/sda", "/dev/sdb"))


def test_volumes_without_tags_of_ceph_are_no_osds() -> None:
    row = {"vg_name": "vg", "lv_name": "lv", "lv_tags": "backup", "devices": "/dev/sda(0)"}
    assert parse.osds_of(json.dumps({"report": [{"lv": [row]}]})) == []


def test_a_label_of_bluestore_is_read() -> None:
    assert parse.label(LABEL.ljust(4096, b"\0"), "/dev/sdb") == Osd(0, FSID, CLUSTER, "block", "/dev/sdb")


def test_a_label_that_is_cut_is_an_osd_all_the_same() -> None:
    for length in range(len(LABEL)):
        found = parse.label(LABEL[:length], "/dev/sdb")
        assert (found is not None) is (length >= len("bluestore block device\n"))


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_an_osd(body: bytes) -> None:
    assert parse.label(b"bluestore block device\n" + body, "/dev/sdb") is not None


def test_anything_else_is_no_label() -> None:
    assert parse.label(bytes(4096), "/dev/sdb") is None


def test_signatures_are_types_each_once() -> None:
    said = "# offset,uuid,label,type\n0x218,FsA2v8-timx-k3iR-5Fxf-AAfh-qoFS-tWNUyG,,LVM2_member\n0x200,,,gpt\n0x17ffffe00,,,gpt\n0x1fe,,,PMBR\n"
    assert parse.signatures(said) == ["LVM2_member", "gpt", "PMBR"]
    assert parse.signatures("") == []


@pytest.mark.parametrize("line", ["0x0,,ext4", "ext4", "zero,,,ext4", "0x0,,,ext4,more", "0x0,,,"])
def test_a_line_of_another_shape_is_an_error_and_not_nothing(line: str) -> None:
    with pytest.raises(OperatorError, match="isn't of the form offset,uuid,label,type"):
        parse.signatures(line)


def test_names_of_content_are_no_names_and_labels_come_first() -> None:
    links = ["wwn-0x5000", "lvm-pv-uuid-x", "scsi-35000", "scsi-SHGST_1", "dm-name-x", "md-uuid-1", "dm-uuid-mpath-1"]
    assert usable_names(links) == ("scsi-SHGST_1", "dm-uuid-mpath-1", "scsi-35000", "wwn-0x5000")


@pytest.mark.parametrize("text", ["", "(null)", "None", "0000000000", "N/A", "Default string", " \0", "\u202e"])
def test_what_stands_for_no_serial_is_none(text: str) -> None:
    assert serial_of(text) == ""


def test_serials_are_one_printable_line() -> None:
    assert serial_of("  ZR5\n{{ x }}\x1b[0m ") == "ZR5 {{ x }}?[0m"
