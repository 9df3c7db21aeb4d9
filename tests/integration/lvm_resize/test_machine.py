# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module on a machine with a kernel of its own: the usual case, other file systems, refusals, a second run, its death."""

from __future__ import annotations

import shlex
import subprocess
import typing as t

import pytest

from tests.integration.lvm_resize.machines import DEVICE, MOUNT, Machine
from tests.waiting import until_in_shell

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
    prepared.run(f"lvextend -qq -L 800m {DEVICE}")  # "df still shows 1.5G"
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
    facts = prepared.facts()
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


def test_reports_are_read_whatever_lvm_conf_says_of_them(prepared: Machine) -> None:
    prepared.run("""
        cp /etc/lvm/lvmlocal.conf /root/
        cat >>/etc/lvm/lvmlocal.conf <<'END'
        report { prefixes=1 headings=0 quoted=0 columns_as_rows=1 compact_output=1 binary_values_as_numeric=1 list_item_separator=";" }
        log { report_command_log=1 }
END
        """)
    result = prepared.module(check=True, size="320m", allow_shrink=True)
    prepared.run("cp /root/lvmlocal.conf /etc/lvm/")
    assert result["before"]["size"] == 640 * _MIB


REFUSALS: list[tuple[str, dict[str, t.Any], str]] = [
    ("below the used size", {"size": "60m", "allow_shrink": True}, "its files take"),
    ("shrink without leave", {"size": "320m"}, "allow_shrink"),
    ("group full", {"size": "9g"}, "lacks"),
    ("size 0", {"size": "0g"}, "a size of 0"),
    ("nonsense", {"size": "1.5 apples"}, "is not a size"),
    ("unknown group", {"vg": "vg9", "size": "1g"}, "There is no volume group vg9"),
]


def test_refusals_touch_nothing(prepared: Machine) -> None:
    minimum = _minimum(prepared)
    facts, tree = prepared.facts(), prepared.tree()
    least = "resize2fs takes its file system to no less than"
    cases = [*REFUSALS, ("below resize2fs -P", {"size": f"{minimum}b", "allow_shrink": True, "margin": 0}, least)]
    for name, wanted, sentence in cases:
        for check in (True, False):
            result = prepared.module(check=check, **wanted)
            assert result.get("failed"), name
            assert sentence in result["msg"], name
    assert (prepared.facts(), prepared.tree()) == (facts, tree)


def _minimum(machine: Machine) -> int:
    """Bytes that resize2fs -P tells of once it is unmounted."""
    return 4096 * int(
        machine.run(f"""
        umount {MOUNT}; resize2fs -P {DEVICE} 2>/dev/null | awk '{{ print $NF }}'; mount -o nosuid,noatime {DEVICE} {MOUNT}
        """)
    )


def test_the_smallest_size_is_right_while_it_is_mounted(prepared: Machine) -> None:
    """resize2fs -P of a mounted file system knows nothing of what was written or removed since."""
    stale = f"resize2fs -P {DEVICE} 2>/dev/null | awk '{{ print $NF }}'"
    seen = set()
    for change in (
        'mkdir many; cd many; python3 -c \'for n in range(28000): open(str(n), "w").write("x")\'',
        "rm -rf many",
    ):
        prepared.run(f"cd {MOUNT}; {change}")
        stale_blocks = int(prepared.run(stale))
        message = prepared.module(check=True, size="40m", allow_shrink=True, margin=0)["msg"]
        smallest = int(message.split("The smallest size is ")[1].split("m;")[0]) * _MIB
        minimum = _minimum(prepared)
        assert minimum <= smallest <= minimum + 8 * _MIB, message
        seen.add(stale_blocks * 4096 == minimum)
    assert False in seen, "it isn't stale on this kernel"
    tree = prepared.tree()
    prepared.module(size=f"{smallest}b", allow_shrink=True, margin=0)
    assert (prepared.sizes(), prepared.tree()) == ((smallest, smallest), tree)


def test_links_by_uuid_lead_to_the_volume_all_the_time(prepared: Machine) -> None:
    prepared.run(f"""
        udevadm trigger --action change --settle --name-match {DEVICE}
        link=/dev/disk/by-uuid/$(blkid -p -s UUID -o value {DEVICE}); ls -l $link
        echo "while :; do readlink -f $link; done >/root/seen" >/root/watch
        systemd-run -q --unit=watch sh /root/watch
        """)
    done = prepared.module(size="320m", allow_shrink=True)
    seen = prepared.run("""
        systemctl stop watch
        for one in $(sort -u /root/seen); do dmsetup info -c --noheadings -o name $one || echo "gone: $one"; done
        """)
    assert done["changed"]
    assert seen.split() == ["vg0-instances"]


def test_a_busy_mount_is_refused_with_who_uses_it(prepared: Machine) -> None:
    facts = prepared.facts()
    prepared.run(f"systemd-run -q --unit=user -p WorkingDirectory={MOUNT} sleep infinity\n{_USER_RUNS}")
    result = prepared.module(size="320m", allow_shrink=True)
    assert "is in use by user (process" in result["msg"]
    prepared.run("systemctl stop user")
    runs = until_in_shell("the guest runs", "pgrep -f '^qemu -name guest'", seen="ps -eo args")
    guest = "exec -a 'qemu -name guest=instance-00000007,debug' sleep infinity"
    prepared.run(f'cd {MOUNT}; (bash -c "{guest}" <1/disk >/dev/null 2>&1 &)\n{runs}')
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


#: A disk that a guest has trimmed: two blocks of five are holes, and those between two leaves of its extent tree are written again.
#: e2fsprogs before 1.47.3 writes an extent tree of another shape when it moves such a file (e2fsprogs#146).
TRIMMED = """
import ctypes, os
block, size = 4096, 200 * 2**20
allocate = ctypes.CDLL(None).fallocate
allocate.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
disk = os.open("trimmed", os.O_RDWR | os.O_CREAT)
for at in range(0, size, 5 * block):
    os.pwrite(disk, os.urandom(5 * block), at)
os.fsync(disk)
for at in range(3 * block, size, 5 * block):
    assert allocate(disk, 3, at, 2 * block) == 0
os.fsync(disk)
for at in range(1700 * block, size, 3400 * block):
    os.pwrite(disk, os.urandom(2 * block), at - 2 * block)
os.fsync(disk)
"""


def test_files_that_resize2fs_damages_are_whole_afterwards(prepared: Machine) -> None:
    """The copy that resize2fs damaged is thrown away: the old file system stays."""
    prepared.run(f"""
        umount {MOUNT}; mkfs.ext4 -q -F {DEVICE}; mount -o nosuid,noatime {DEVICE} {MOUNT}
        cd {MOUNT}; fallocate -l 340M fill; python3 -c '{TRIMMED}'; rm fill; sync
        """)
    tree = prepared.tree()
    result = prepared.module(size="320m", allow_shrink=True)
    assert "resize2fs damaged the copy of vg0/instances" in result.get("msg", ""), result
    assert prepared.sizes() == (640 * _MIB, 640 * _MIB)
    assert "rw,nosuid,noatime" in prepared.facts()
    assert "day2shrink" not in prepared.facts()
    assert "json" not in prepared.facts()
    assert prepared.tree() == tree
    assert prepared.damage() == ""


#: After systemd-run --unit=user: what it starts is there when systemd-run ends, but may not have come to its last program yet.
_USER_RUNS = until_in_shell(
    "the unit user sleeps",
    'grep -qx sleep "/proc/$(systemctl show -P MainPID user)/comm"',
    seen="systemctl status --no-pager user",
)

#: What holds the mount though no process is in it, or the device though nothing is mounted: how it comes, what names it, how it goes.
HOLDERS = [
    (
        f"dd if=/dev/zero of={MOUNT}/swap bs=1M count=8 2>/dev/null; chmod 600 {MOUNT}/swap; mkswap -q {MOUNT}/swap; swapon {MOUNT}/swap",
        f"the swap file {MOUNT}/swap",
        f"swapoff {MOUNT}/swap; rm {MOUNT}/swap",
    ),
    (f"losetup /dev/loop7 {MOUNT}/1/disk", f"loop7 with {MOUNT}/1/disk behind it", "losetup -d /dev/loop7"),
    (f"mount -t tmpfs none {MOUNT}/3", f"a mount below it, {MOUNT}/3", f"umount {MOUNT}/3"),
    (
        f"mount -t tmpfs none /mnt; mkdir /mnt/u /mnt/w /mnt/m; mount -t overlay -o lowerdir={MOUNT}/3,upperdir=/mnt/u,workdir=/mnt/w o /mnt/m",
        "the overlay /mnt/m",
        "umount /mnt/m /mnt",
    ),
    (
        f"systemd-run -q --unit=user sh -c 'exec sleep infinity <{DEVICE}'",
        "in use by user (process",
        "systemctl stop user",
    ),
    # A container with -v DIR:DIR:shared; the marks of the mount say "shared", but its parent doesn't follow the host.
    (
        f"systemd-run -q --unit=user unshare -m --propagation private sh -c 'mount --bind {MOUNT} /mnt; mount --make-shared /mnt; cd /; exec sleep infinity'",
        "mount namespace of its own",
        "systemctl stop user",
    ),
]


def test_what_holds_the_mount_or_the_device_is_named(prepared: Machine) -> None:
    for begin, sentence, end in HOLDERS:
        prepared.run(f"{begin}\n{_USER_RUNS if 'unit=user' in begin else ''}")
        result = prepared.module(check=True, size="320m", allow_shrink=True)
        prepared.run(end)
        assert sentence in result.get("msg", ""), result
    # One that follows the host is in nobody's way.
    prepared.run(f"systemd-run -q --unit=user unshare -m --propagation slave sleep infinity\n{_USER_RUNS}")
    result = prepared.module(check=True, size="320m", allow_shrink=True)
    prepared.run("systemctl stop user")
    assert result.get("changed"), result


def test_an_automount_is_named(prepared: Machine) -> None:
    prepared.run(f"""
        umount {MOUNT}; echo '{DEVICE} {MOUNT} ext4 nosuid,noatime,noauto,x-systemd.automount 0 2' >>/etc/fstab
        systemctl daemon-reload; systemctl start "$(systemd-escape -p --suffix=automount {MOUNT})"; ls {MOUNT} >/dev/null
        """)
    result = prepared.module(size="320m", allow_shrink=True)
    prepared.run(f"""
        systemctl stop "$(systemd-escape -p --suffix=automount {MOUNT})"; sed -i '\\#{MOUNT}#d' /etc/fstab; systemctl daemon-reload
        mountpoint -q {MOUNT} || mount -o nosuid,noatime {DEVICE} {MOUNT}
        """)
    assert "an automount, which would mount it again" in result.get("msg", ""), result


def test_a_shrink_that_fails_after_its_commit_is_taken_back(prepared: Machine) -> None:
    """Somebody opens the device in the last moment. What is written afterwards is there after the next activation."""
    prepared.run(f"""
        rm -f /etc/lvm/backup/vg0
        systemd-run -q --unit=user bash -c 'until grep -qs merging_store /etc/lvm/backup/vg0; do sleep 0.01; done; exec sleep infinity <{DEVICE}'
        lvcreate -qq -y -Wy -L 40m -n other vg0
        """)
    tree = prepared.tree()
    result = prepared.module(size="320m", allow_shrink=True)
    prepared.ssh("systemctl stop user")
    assert f"Something has {DEVICE} open" in result.get("msg", ""), result
    assert "day2shrink" not in prepared.facts()
    assert prepared.sizes() == (640 * _MIB, 640 * _MIB)
    assert prepared.tree() == tree
    prepared.run(f"""
        head -c 20M /dev/urandom >{MOUNT}/new; sync; sha256sum {MOUNT}/new >/root/new
        umount {MOUNT}; lvchange -an vg0/instances; lvchange -ay vg0/instances; mount -o nosuid,noatime {DEVICE} {MOUNT}
        sha256sum -c /root/new; lvs vg0/other
        """)
    assert prepared.damage() == ""


#: Kills the module, or waits for somebody to cut the power, when a command has ended that has these words.
_WRAPPER = """
rm -f /run/reached
mkdir -p /opt/wrapped
for name in lvconvert lvcreate dmsetup umount resize2fs systemctl; do
  cat >/opt/wrapped/$name <<'END'
#!/bin/bash
name=${0##*/}
PATH=${PATH#*:} $name "$@"
rc=$?
if [[ "$name $*" == *$AT* ]]; then touch /run/reached; case $HOW in kill) kill -9 $PPID ;; *) sleep infinity ;; esac; fi
exit $rc
END
  chmod +x /opt/wrapped/$name
done
"""


_REACHED = until_in_shell("the command that stops the module", "[ -e /run/reached ]", seen="ps -eo args")


def _stopped(machine: Machine, at: str, how: str, **wanted: t.Any) -> str:
    """A command line that runs the module, and ends it when a command with these words has ended."""
    return f"export AT={shlex.quote(at)} HOW={how} PATH=/opt/wrapped:$PATH; {machine.command(**wanted)}"


KILLED = [
    "lvcreate --yes --snapshot",
    "resize2fs /dev/mapper",
    "lvconvert",
    "dmsetup load vg0-instances--day2shrink",
    "umount",
    "dmsetup suspend",
    "dmsetup resume",
]


def test_a_run_that_is_killed_after_any_step_is_finished_by_the_next(prepared: Machine) -> None:
    prepared.run(_WRAPPER)
    tree = prepared.tree()
    size = 640
    for at in KILLED:
        size -= 20
        wanted: dict[str, t.Any] = {"size": f"{size}m", "allow_shrink": True}
        prepared.ssh(f"rm -f /run/reached; {_stopped(prepared, at, 'kill', **wanted)}")
        assert prepared.ssh("test -e /run/reached").returncode == 0, f"{at}: not reached"
        result = prepared.module(**wanted)
        assert not result.get("failed"), (at, result)
        assert result["resumed"], at
        assert prepared.sizes() == (size * _MIB,) * 2
    assert prepared.tree() == tree
    assert "rw,nosuid,noatime" in prepared.facts()
    assert prepared.damage() == ""


def test_a_second_run_at_the_same_time_is_refused(prepared: Machine) -> None:
    """Also where the first one is dead, and what it has begun isn't."""
    prepared.run(_WRAPPER)
    wanted: dict[str, t.Any] = {"size": "320m", "allow_shrink": True}
    stopped = _stopped(prepared, "resize2fs /dev/mapper", "wait", **wanted)
    with subprocess.Popen(["ssh", "-F", str(prepared.folder / "ssh_config"), prepared.name, stopped],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):  # fmt: skip
        prepared.run(f"{_REACHED}; rm /run/reached")
        assert "Another run" in prepared.module(**wanted).get("msg", "")
        prepared.run("pkill -KILL -f '^python3 /opt/day2/start.py'")
    assert "Another run" in prepared.module(**wanted).get("msg", "")
    prepared.run("pkill -KILL -f '^sleep infinity'")
    assert not prepared.module(**wanted).get("failed")
    assert prepared.sizes() == (320 * _MIB,) * 2


@pytest.mark.parametrize("signal", ["HUP", "TERM"])
def test_a_signal_brings_back_what_was_stopped(prepared: Machine, signal: str) -> None:
    prepared.run(f"""{_WRAPPER}
        printf '[Service]\\nWorkingDirectory={MOUNT}\\nExecStart=/bin/sleep infinity\\n' >/run/systemd/system/nova-compute.service
        systemctl daemon-reload; systemctl start nova-compute
        """)
    wanted: dict[str, t.Any] = {"size": "320m", "allow_shrink": True, "stop_services": ["nova-compute"]}
    stopped = _stopped(prepared, "resize2fs /dev/mapper", "wait", **wanted)
    with subprocess.Popen(["ssh", "-F", str(prepared.folder / "ssh_config"), prepared.name, stopped],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as run:  # fmt: skip
        prepared.run(f"{_REACHED}; rm /run/reached")
        prepared.run(f"pkill -{signal} -f '^python3 /opt/day2/start.py'")
        said = run.communicate(timeout=600)[0]
    assert f"SIG{signal}" in said, said
    assert prepared.run("systemctl is-active nova-compute").strip() == "active"
    assert "day2shrink" not in prepared.facts()
    assert "json" not in prepared.facts()
    assert "rw,nosuid,noatime" in prepared.facts()
    prepared.run("systemctl stop nova-compute; pkill -KILL -f '^sleep infinity'")  # of the wrapper: it holds the lock


def test_it_is_finished_after_a_real_power_cut_and_boot(prepared: Machine) -> None:
    tree = prepared.tree()
    prepared.run(
        f"{_WRAPPER}sed -i '\\#{MOUNT}#d' /etc/fstab; echo '{DEVICE} {MOUNT} ext4 nosuid,noatime,nofail 0 2' >>/etc/fstab; sync"
    )
    wanted: dict[str, t.Any] = {"size": "320m", "allow_shrink": True}
    with subprocess.Popen(["ssh", "-F", str(prepared.folder / "ssh_config"), prepared.name,
                           _stopped(prepared, "dmsetup suspend", "wait", **wanted)],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):  # fmt: skip
        prepared.run(_REACHED)
        prepared.lab("power-cut", prepared.name)
    prepared.lab("start", prepared.name)
    # ssh answers before the volume is active
    prepared.run(
        until_in_shell(
            f"{MOUNT} is mounted", f"mountpoint -q {MOUNT}", seen="lvs; systemctl --failed --no-pager", every=0.5
        )
    )
    result = prepared.module(**wanted)
    assert result.get("resumed"), result
    assert prepared.sizes() == (320 * _MIB,) * 2
    assert prepared.tree() == tree
    assert prepared.damage() == ""
    prepared.run(f"sed -i '\\#{MOUNT}#d' /etc/fstab")
