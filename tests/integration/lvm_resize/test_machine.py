# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on a machine with a kernel of its own: the notes' case, other file systems, refusals, a second run, its death."""

from __future__ import annotations

import random
import subprocess
import time
import typing as t

import pytest

from tests.integration.lvm_resize.machines import DEVICE, MOUNT, Machine

_MIB = 2**20


@pytest.fixture
def prepared(machine: Machine) -> Machine:
    machine.fill()
    return machine


def test_the_notes_own_case(machine: Machine) -> None:
    """2.22 GiB, to 1.5 GiB, and half a gigabyte more; a service that uses the volume runs again."""
    machine.fill("2.22g", 180)
    machine.run(f"""
        printf '[Service]\\nWorkingDirectory={MOUNT}\\nExecStart=/bin/sleep infinity\\n' >/run/systemd/system/nova-compute.service
        systemctl daemon-reload; systemctl start nova-compute
        """)
    # The kernel shows mb_optimize_scan where a small file system has grown: its own choice, nobody's option.
    how = f"grep ' {MOUNT} ' /proc/self/mountinfo | cut -d' ' -f3-6,8- | sed s/,mb_optimize_scan=0//"
    tree, mounted = machine.tree(), machine.run(how)
    shrink: dict[str, t.Any] = {"size": "1.5g", "allow_shrink": True, "stop_services": ["nova-compute"]}
    predicted = machine.module(check=True, **shrink)
    done = machine.module(**shrink)
    assert done["changed"]
    assert (done["steps"], done["after"]) == (predicted["steps"], predicted["after"])
    assert machine.sizes() == (1536 * _MIB, 1536 * _MIB)
    assert machine.tree() == tree
    assert machine.run("systemctl is-active nova-compute").strip() == "active"
    assert not machine.module(**shrink)["changed"]
    grown = machine.module(size="+500m")
    assert grown["downtime"] == 0
    assert machine.sizes() == (2036 * _MIB, 2036 * _MIB)
    assert machine.tree() == tree
    assert machine.run(how) == mounted
    machine.run("systemctl stop nova-compute")
    assert machine.damage() == ""


def test_a_file_system_that_does_not_fill_its_volume(prepared: Machine) -> None:
    tree = prepared.tree()
    prepared.run(f"lvextend -qq -L 800m {DEVICE}")  # the notes: "df still shows 1.5G"
    assert prepared.module(size="800m")["steps"] == ["grow the ext4 to fill vg0/instances"]
    assert prepared.sizes() == (800 * _MIB, 800 * _MIB)
    assert prepared.tree() == tree


def test_others_in_the_group_are_left_alone_and_refused(prepared: Machine) -> None:
    prepared.run("""
        lvcreate -qq -y -Wy -L 400m -n x vg0; mkfs.xfs -q -f /dev/vg0/x; mkdir -p /mnt/x; mount /dev/vg0/x /mnt/x
        head -c 50M /dev/urandom >/mnt/x/disk; sha256sum /mnt/x/disk >/root/x
        lvcreate -qq -y --type thin-pool -L 400m -n pool vg0; lvcreate -qq -y -V 300m -T vg0/pool -n thin
        lvcreate -qq -y -Wy -L 40m -n luks vg0; echo secret | cryptsetup -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 luksFormat /dev/vg0/luks
        lvcreate -qq -y -Wy -L 40m -n base vg0; lvcreate -qq -y -s -L 8m -n snap vg0/base
        lvcreate -qq -y -Wy -L 40m -n bare vg0
        """)  # fmt: skip
    for lv, size, sentence in (
        ("x", "200m", "holds xfs, which can't be shrunk"),
        ("thin", "400m", "of the kind 'thin,sparse'"),
        ("pool", "500m", "of the kind 'thin,pool'"),
        ("luks", "80m", "holds crypto_LUKS"),
        ("base", "80m", "has snapshots (snap)"),
        ("snap", "80m", "is a snapshot"),
        ("bare", "20m", "no file system that blkid knows"),
        ("nothing", "20m", "Group vg0 has no volume nothing"),
    ):
        facts = prepared.facts()
        result = prepared.module(lv=lv, size=size, allow_shrink=True)
        assert sentence in result.get("msg", result), lv
        assert prepared.facts() == facts
    grown = prepared.module(lv="x", size="500m")
    assert grown["after"]["fs_size"] == 500 * _MIB
    assert prepared.module(lv="bare", size="80m")["changed"]
    rest = prepared.run(
        "lvs --noheadings --separator : -o lv_name,lv_size vg0 | grep -v -e instances: -e ' x:' -e bare:"
    )
    taken = prepared.module(size="+100%FREE")
    assert taken["after"]["vg_free"] == 0
    assert (
        prepared.run("lvs --noheadings --separator : -o lv_name,lv_size vg0 | grep -v -e instances: -e ' x:' -e bare:")
        == rest
    )
    prepared.run("sha256sum -c /root/x; umount /mnt/x")


REFUSALS: list[tuple[str, dict[str, t.Any], str]] = [
    ("below the used size", {"size": "60m", "allow_shrink": True}, "its files take"),
    ("shrink without leave", {"size": "320m"}, "allow_shrink"),
    ("group full", {"size": "9g"}, "lacks"),
    ("size 0", {"size": "0g"}, "a size of 0"),
    ("nonsense", {"size": "1.5 apples"}, "is not a size"),
    ("unknown group", {"vg": "vg9", "size": "1g"}, "There is no volume group vg9"),
]


def test_refusals_touch_nothing(prepared: Machine) -> None:
    facts, tree = prepared.facts(), prepared.tree()
    minimum = int(prepared.run(f"resize2fs -P {DEVICE} 2>/dev/null").split()[-1]) * 4096
    cases = [
        *REFUSALS,
        ("below resize2fs -P", {"size": f"{minimum}b", "allow_shrink": True, "margin": 0}, "resize2fs -P says"),
    ]
    for name, wish, sentence in cases:
        for check in (True, False):
            result = prepared.module(check=check, **wish)
            assert result.get("failed"), name
            assert sentence in result["msg"], name
    assert (prepared.facts(), prepared.tree()) == (facts, tree)


def test_a_busy_mount_is_refused_with_who_uses_it(prepared: Machine) -> None:
    facts = prepared.facts()
    prepared.run(f"systemd-run -q --unit=user -p WorkingDirectory={MOUNT} sleep infinity")
    result = prepared.module(size="320m", allow_shrink=True)
    assert "is in use by user (process" in result["msg"]
    prepared.run("systemctl stop user")
    guest = "exec -a 'qemu -name guest=instance-00000007,debug' sleep infinity"
    prepared.run(f'cd {MOUNT}; (bash -c "{guest}" <1/disk >/dev/null 2>&1 &) ; sleep 0.5')
    result = prepared.module(size="320m", allow_shrink=True)
    assert "is in use by instance instance-00000007 (process" in result["msg"]
    prepared.run("pkill -f '^qemu -name guest=instance-00000007'")
    assert prepared.facts() == facts


def test_damage_is_refused_and_left_for_somebody_to_look_at(prepared: Machine) -> None:
    prepared.run(
        f"umount {MOUNT}; debugfs -w -R 'clri 1/file1' {DEVICE} 2>/dev/null; mount -o nosuid,noatime {DEVICE} {MOUNT}"
    )
    sizes = prepared.sizes()
    result = prepared.module(size="320m", allow_shrink=True)
    assert "e2fsck found damage on vg0/instances, so it is left as it is" in result["msg"]
    assert prepared.sizes() == sizes
    assert "rw,nosuid,noatime" in prepared.facts()
    assert "day2shrink" not in prepared.facts()


def test_a_second_run_at_the_same_time_and_the_death_of_the_first(prepared: Machine) -> None:
    """kill -9 at random moments; what resize2fs does meanwhile keeps others out until it has ended."""
    tree = prepared.tree()
    chance = random.Random(4)
    locked = 0
    for size in ("320m", "640m", "300m", "600m", "320m", "640m"):
        wish: dict[str, t.Any] = {"size": size, "allow_shrink": True}
        with subprocess.Popen(["ssh", "-F", str(prepared.folder / "ssh_config"), prepared.name, prepared.command(**wish)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):  # fmt: skip
            time.sleep(1.5)
            locked += "Another run" in prepared.module(**wish).get("msg", "")
            time.sleep(chance.random() * 3)
            prepared.ssh("pkill -KILL -f /opt/day2/start.py")
        deadline = time.monotonic() + 60
        while "Another run" in (result := prepared.module(**wish)).get("msg", ""):
            assert time.monotonic() < deadline, result
            time.sleep(0.5)
        assert not result.get("failed"), result
        assert prepared.sizes() == (int(size[:-1]) * _MIB,) * 2
        assert prepared.tree() == tree
    assert locked > 0
    assert prepared.damage() == ""
    assert "rw,nosuid,noatime" in prepared.facts()


def test_it_is_finished_after_a_real_power_cut_and_boot(prepared: Machine) -> None:
    tree = prepared.tree()
    prepared.run(
        f"sed -i '\\#{MOUNT}#d' /etc/fstab; echo '{DEVICE} {MOUNT} ext4 nosuid,noatime,nofail 0 2' >>/etc/fstab; sync"
    )
    chance = random.Random(5)
    for size in ("320m", "640m", "320m"):
        wish: dict[str, t.Any] = {"size": size, "allow_shrink": True}
        with subprocess.Popen(["ssh", "-F", str(prepared.folder / "ssh_config"), prepared.name, prepared.command(**wish)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):  # fmt: skip
            time.sleep(1 + chance.random() * 5)
            prepared.lab("power-cut", prepared.name)
        prepared.lab("start", prepared.name)
        prepared.run(
            f"until mountpoint -q {MOUNT}; do sleep 0.5; done", timeout=90
        )  # ssh answers before the volume is active
        result = prepared.module(**wish)
        assert not result.get("failed"), result
        assert prepared.sizes() == (int(size[:-1]) * _MIB,) * 2
        assert prepared.tree() == tree
    assert prepared.damage() == ""
    prepared.run(f"sed -i '\\#{MOUNT}#d' /etc/fstab")
