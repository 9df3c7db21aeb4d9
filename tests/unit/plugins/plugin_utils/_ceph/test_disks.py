# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of disks."""

from __future__ import annotations

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph.disks import disk_table

DISK = {
    "device": "/dev/sdb", "name": "scsi-S1", "serial": "S1", "size": 16000900661248, "rotational": True, "free": True, "why": [],
}  # fmt: skip


def test_each_disk_has_a_line_and_free_ones_are_listed() -> None:
    used = {
        **DISK,
        "device": "/dev/sda",
        "name": "",
        "serial": "",
        "size": 512,
        "rotational": False,
        "free": False,
        "why": ["a", "b"],
    }
    assert disk_table({"osd1": {"disks": [used, DISK]}}) == {
        "text": [
            "host  device    name in /dev/disk/by-id  serial       size  kind  for Ceph",
            "osd1  /dev/sda  -                        -           512 B  SSD   a; b",
            "osd1  /dev/sdb  scsi-S1                  S1      14.55 TiB  HDD   free",
        ],
        "free": {"osd1": ["scsi-S1"]},
        "unread": [],
    }


def test_a_host_without_an_answer_is_no_host_without_disks() -> None:
    found = disk_table({"osd1": {"disks": []}, "osd2": None, "osd3": {"failed": True, "msg": "no sudo"}})
    assert found["unread"] == ["osd2", "osd3"]
    assert found["free"] == {"osd1": []}
    assert found["text"][1:] == ["osd2: it was unreachable, or the run ended before.", "osd3: no sudo"]


def test_of_many_hosts_each_has_a_line() -> None:
    unknown = {**DISK, "device": "/dev/sdc", "free": False, "why": ["unknown: it hangs"]}
    taken = {**DISK, "device": "/dev/sda", "free": False, "why": ["in use"]}
    hosts = {"osd1": {"disks": [taken, DISK, unknown]}, "osd2": {"disks": [taken]}, "osd3": None}
    found = disk_table(hosts, most=2)
    assert found["text"] == [
        "host  disks  free  in use  unknown  free disks",
        "osd1      3     1       1        1  /dev/sdb",
        "osd2      1     0       1        0",
        "osd3: it was unreachable, or the run ended before.",
    ]
    assert found["free"] == disk_table(hosts)["free"] == {"osd1": ["scsi-S1"], "osd2": []}
    assert len(disk_table(hosts, most=3)["text"]) == 1 + 4 + 1
