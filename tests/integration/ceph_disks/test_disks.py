# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What disks are, on a kernel with device mapper and RAID: each kind of use is told, and none of it is free."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.ceph_disks.node import Node, disks_of
from tests.integration.elsewhere import Elsewhere
from tests.integration.page import Newcomer, Page
from tests.waiting import until_in_shell

_DISKS = {
    "c": "LAB-FREE", "d": "LAB-PARTITION", "e": "LAB-GROUP", "f": "LAB-RAID0", "g": "LAB-RAID1", "h": "LAB-EXT4", "i": "LAB-SMALL",
    "j": "LAB-TWIN", "k": "LAB-TWIN", "l": "LAB-DATA", "m": "LAB-CRYPT", "n": "LAB-ELSEWHERE", "o": "LAB-OPEN", "p": "LAB-SWAP",
}  # fmt: skip
_USE = """
parted -s /dev/ubdd mklabel gpt mkpart data 1MiB 1GiB
udevadm settle
mkfs.ext4 -q /dev/ubdd1
mkdir -p "/mnt/with blank"
mount /dev/ubdd1 "/mnt/with blank"
vgcreate -qq data /dev/ubde
lvcreate -qq -y -L 100m -n lv data
modprobe raid1
with-host mdadm --create /dev/md0 --run --assume-clean --level 1 --raid-devices 2 --metadata 1.2 /dev/ubdf /dev/ubdg
mkfs.ext4 -q /dev/ubdh 100m
dd if=/dev/urandom of=/dev/ubdl bs=4096 count=1 seek=100 status=none
modprobe dm-crypt
echo secret | cryptsetup open --type plain --cipher aes-cbc-essiv:sha256 --key-size 256 /dev/ubdm opened
mkfs.ext4 -q /dev/ubdn 100m
setsid unshare --mount --propagation private sh -c 'mount /dev/ubdn /mnt && exec sleep infinity' </dev/null >/dev/null 2>&1 &
setsid sh -c 'exec sleep infinity </dev/ubdo' >/dev/null 2>&1 &
mkswap -q /dev/ubdp
swapon /dev/ubdp
held() { grep -qs " /mnt " /proc/*/mountinfo && ls -l /proc/*/fd/0 2>/dev/null | grep -q /dev/ubdo; }
WAIT
udevadm settle
""".replace("WAIT", until_in_shell("both processes hold their disks", "held", seen="ps -eo args", every=0.2))
_WHY = {
    "b": ["smaller than 5 GiB", "has no name in /dev/disk/by-id", "tells no serial"],
    "c": [],
    "d": ["mounted or swapped to: '/mnt/with blank'", "has partitions: ubdd1", "has a signature of PMBR, ext4, gpt"],
    "e": ["in volume group data", "has a signature of LVM2_member"],
    "f": ["in RAID md0", "has a signature of linux_raid_member"],
    "g": ["in RAID md0", "has a signature of linux_raid_member"],
    "h": ["has a signature of ext4"],
    "i": ["smaller than 5 GiB"],
    "l": ["has no known signature, but data in its first MiB"],
    "m": ["opened by dm-crypt as opened"],
    "n": ["mounted or swapped to: '/mnt'", "has a signature of ext4"],
    "p": ["mounted or swapped to: 'swap'", "has a signature of swap"],
}


@pytest.fixture(scope="module")
def disks(node: Node, operator: Elsewhere) -> dict[str, dict[str, t.Any]]:
    node.give(_DISKS, i="1G")
    node.run(_USE)
    return disks_of(operator, node.name)


def test_each_use_is_told_and_only_what_has_none_is_free(disks: dict[str, dict[str, t.Any]]) -> None:
    assert {letter: disks[letter]["why"] for letter in _WHY} == _WHY
    assert [disk["device"] for disk in disks.values() if disk["free"]] == ["/dev/ubdc"]


def test_the_system_disk_twins_and_what_a_process_has_open_are_not_free(disks: dict[str, dict[str, t.Any]]) -> None:
    (why,) = disks["o"]["why"]
    assert why.startswith("open in sleep (process ")
    # The name in by-id belongs to one of the two, by chance.
    assert "ubdk has the same serial" in disks["j"]["why"]
    assert "ubdj has the same serial" in disks["k"]["why"]
    assert any(why.startswith("mounted or swapped to: '/'") for why in disks["a"]["why"])


def test_a_disk_is_named_by_id_and_serial(disks: dict[str, dict[str, t.Any]]) -> None:
    names = {letter: (disks[letter]["name"], disks[letter]["serial"]) for letter in "bcd"}
    assert names == {
        "b": ("", ""),
        "c": ("virtio-LAB-FREE", "LAB-FREE"),
        "d": ("virtio-LAB-PARTITION", "LAB-PARTITION"),
    }
    assert disks["c"]["size"] == 6 << 30
    assert disks["e"]["names"] == ["virtio-LAB-GROUP"]  # and not what LVM's label gave it


def test_the_guide(operator: Newcomer, node: Node, disks: dict[str, dict[str, t.Any]]) -> None:
    page = Page("ceph_nodes")
    assert node.name in page.files["hosts.yml"]
    said = operator.walk(page.steps)
    free = [line for line in said.splitlines() if "LAB-FREE" in line and "free" in line]
    assert any("/dev/ubdc" in line and "6 GiB" in line for line in free), said


def test_what_is_stopped_is_not_free_either(
    node: Node, operator: Elsewhere, disks: dict[str, dict[str, t.Any]]
) -> None:
    node.run("umount '/mnt/with blank'; vgchange -qq -an data; with-host mdadm --stop /dev/md0; swapoff /dev/ubdp")
    found = disks_of(operator, node.name)
    assert [disk["device"] for disk in found.values() if disk["free"]] == ["/dev/ubdc"]
    assert found["e"]["why"] == _WHY["e"]
    assert found["f"]["why"] == _WHY["f"][1:]
    assert found["p"]["why"] == _WHY["p"][1:]


def test_where_tools_are_missing_nothing_is_free(node: Node, operator: Elsewhere) -> None:
    node.run("mv /usr/sbin/wipefs /usr/sbin/lvs /root/")
    try:
        found = disks_of(operator, node.name)
    finally:
        node.run("mv /root/wipefs /root/lvs /usr/sbin/")
    assert [disk["device"] for disk in found.values() if disk["free"]] == []
    assert found["c"]["why"] == [
        "unknown: lvs of LVM: it isn't installed on this host; install lvm2",
        "unknown: /dev/ubdc: wipefs isn't installed on this host; install util-linux",
    ]
