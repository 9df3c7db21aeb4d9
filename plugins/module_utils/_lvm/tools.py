# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tools of LVM, ext4, xfs, systemd and libvirt. Knows their commands and output, decides nothing."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import signal
import time
import typing as t

from .._common import OperatorError, Run, shown, size_text
from .._host import files, holders, lvm_report, processes
from . import parse
from .minimum import Room
from .volumes import TAG, FileSystem, Layout, Mount, Volume, overlay_table

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ENVIRONMENT = {"LC_ALL": "C", "LVM_SUPPRESS_FD_WARNINGS": "1"}
_MNT_EXPIRE = 4
_BLKFLSBUF = 0x1261
_LOCKS = "/run/lock/lvm"
_UDEV = "/run/udev"
_OVERLAY = "day2shrink-"
_HIDDEN = (
    "# Written by openstack_ops.day2.lvm_resize\n"
    f'SUBSYSTEM=="block", ATTR{{dm/name}}=="{_OVERLAY}*", ENV{{DM_UDEV_DISABLE_DISK_RULES_FLAG}}="1", ENV{{DM_UDEV_DISABLE_OTHER_RULES_FLAG}}="1"\n'
)
_CHILDREN_END = 60  # seconds


def require_root() -> None:
    """Raise OperatorError for another account than root."""
    if os.geteuid() != 0:
        raise OperatorError(
            "Resizing a volume needs root on the host, and so does looking at one; set become: true for this task."
        )


class Proc:
    """What the kernel tells without a command."""

    def mounts(self, device: str) -> list[Mount]:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            return parse.mounts(lines.read(), self.number(device))

    def users(self, device: str) -> list[processes.User]:
        return processes.find(self.number(device))

    def holders(self, device: str, point: str) -> list[str]:
        """What besides processes holds it, or the mount at a point (empty for none)."""
        return holders.find(point, self.number(device))

    def busy(self, point: str) -> bool:
        """Whether anything at all keeps the mount from being unmounted (umount2(2), MNT_EXPIRE); it stays mounted.

        Raises OSError where the kernel refuses to tell, OperatorError where the mount was about to expire, and is unmounted by that.
        """
        unmount = ctypes.CDLL(None, use_errno=True).umount2
        if unmount(os.fsencode(point), _MNT_EXPIRE) == 0:
            raise OperatorError(f"{point} was marked to expire by somebody else, and is unmounted now; mount it again.")
        code = ctypes.get_errno()
        if code not in (errno.EAGAIN, errno.EBUSY):
            raise OSError(code, os.strerror(code), point)
        return code == errno.EBUSY

    @contextlib.contextmanager
    def claimed(self, volume: Volume) -> Iterator[None]:
        """Nobody can mount the device meanwhile, or has it mounted in whatever namespace. What was read from it is forgotten at the end.

        Raises OperatorError where somebody has it mounted.
        """
        try:
            handle = os.open(volume.device, os.O_RDONLY | os.O_EXCL | os.O_CLOEXEC)
        except OSError as exc:
            if exc.errno != errno.EBUSY:
                raise
            raise OperatorError(
                f"{volume.name} is not mounted here any more, but somebody else has it mounted, or has mounted it again: a container, "
                "an overlay, an automount? Find it (lsns -t mnt, findmnt, systemctl list-units -t automount) and end it first."
            ) from None
        try:
            yield
            fcntl.ioctl(handle, _BLKFLSBUF)
        finally:
            os.close(handle)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """SIGHUP, SIGTERM and SIGINT end what is under way by an OperatorError, once: what was stopped can then be started again.

        A check or a shrink of the copy is ended, too; other commands are short, and get through.
        """

        def end(number: int, _frame: t.Any) -> None:
            for one in caught:
                signal.signal(one, signal.SIG_IGN)
            _end_children()
            raise OperatorError(
                f"{signal.Signals(number).name} ended this run (a lost connection, or somebody); what it stopped is started again."
            )

        caught = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)
        before = [signal.signal(one, end) for one in caught]
        try:
            yield
        finally:
            for one, handler in zip(caught, before):
                signal.signal(one, handler)

    def systemd(self) -> bool:
        """Whether systemd runs this host (sd_booted(3))."""
        return os.path.isdir("/run/systemd/system")

    def room(self, point: str) -> Room:
        """What a mounted file system has in use, as df counts it, once what was written to it has got its blocks. Raises OSError."""
        handle = os.open(point, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if ctypes.CDLL(None, use_errno=True).syncfs(handle):
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code), point)
            found = os.fstatvfs(handle)
        finally:
            os.close(handle)
        return Room((found.f_blocks - found.f_bfree) * found.f_frsize, found.f_bfree, found.f_files - found.f_ffree)

    def hide_from_udev(self) -> bool:
        """Have udev pass by the device in which resize2fs works: its links by UUID and label would lead there. Whether udev has to read that."""
        if not os.path.isdir(_UDEV):
            return False
        os.makedirs(f"{_UDEV}/rules.d", exist_ok=True)
        path = f"{_UDEV}/rules.d/11-openstack_ops.day2.lvm_resize.rules"
        found = files.read(path)
        if found and found.text == _HIDDEN:
            return False
        files.replace(path, _HIDDEN)
        return True

    def ext_size(self, device: str) -> int:
        """Bytes of the ext4 on a volume. dumpe2fs tells the same, later: as a command it costs what a mount does."""
        with open(device, "rb", buffering=0) as volume:
            return parse.ext_size(os.pread(volume.fileno(), 1024, 1024))

    def number(self, device: str) -> str:
        """Major and minor number of a device, as in mountinfo. Raises OperatorError if it isn't there."""
        try:
            found = os.stat(device).st_rdev
        except FileNotFoundError:
            raise OperatorError(
                f"There is no device {device}; is the volume active? lvchange -ay activates it."
            ) from None
        return f"{os.major(found)}:{os.minor(found)}"


class Tools:
    """The commands, one method each."""

    def __init__(self, run: Run, sleep: Callable[[float], None] = time.sleep) -> None:
        self._run = run
        self.sleep = sleep

    def _call(self, *args: str, data: str = "", fine: Sequence[int] = (0,)) -> tuple[int, str]:
        rc, out, err = self._run(list(args), data)
        if rc not in fine:
            said = " ".join((err.strip() or out.strip()).split())[-600:] or "without a word"
            raise OperatorError(f"`{' '.join(args)}` ended with {rc}: {said}")
        return rc, out

    # ---------------------------------------------------------------- reads
    def volume(self, vg: str, lv: str) -> Volume:
        """The volume as LVM has it. Raises OperatorError if there is no such group or volume, or LVM can't read it."""
        rc, out, err = self._run(["lvs", "--all", *lvm_report.OPTIONS, "-o", parse.FIELDS, vg], "")
        if rc:
            if "not found" in err:
                raise OperatorError(
                    f"There is no volume group {vg} on this host that LVM sees; vgs lists those there are. If it is in use, LVM is told "
                    "to pass by its disks: look at lvmdevices, and at devices/filter in lvm.conf."
                )
            raise OperatorError(f"lvs can't read group {vg}: {' '.join(err.split())[-300:]}")
        return parse.volume(out, vg, lv)

    def pvs_free(self, vg: str, pvs: Sequence[str]) -> int:
        """Bytes that LVM may allocate on these disks; without names, on all of the group. Raises OperatorError for a disk of another group."""
        which = list(pvs) or ["--select", f"vg_name={vg}"]
        _rc, out = self._call("pvs", *lvm_report.OPTIONS, "-o", parse.PV_FIELDS, *which)
        free = 0
        for row in lvm_report.rows(out, "pv", parse.PV_FIELDS):
            if row["vg_name"] != vg:
                raise OperatorError(f"{row['pv_name']} belongs to group {row['vg_name'] or '(none)'}, not to {vg}.")
            if row["pv_attr"].startswith("a") and "m" not in row["pv_attr"]:
                free += lvm_report.number(row, "pv_free")
        return free

    def activates(self, volume: Volume) -> bool:
        """Whether lvm.conf lets LVM activate the safety copy beside the volume (volume_list). True where tags decide."""
        rc, out = self._call("lvmconfig", "activation/volume_list", fine=(0, 5))
        return rc != 0 or parse.activates(out, volume)

    def container_name(self, short: str) -> str:
        """What the engine calls a container, by the beginning of its id; empty where no engine here knows it."""
        for engine in ("docker", "podman"):
            with contextlib.suppress(FileNotFoundError):
                rc, out, _err = self._run(
                    [engine, "inspect", "--type", "container", "--format", "{{.Name}}", short], ""
                )
                if rc == 0 and out.strip():
                    return out.strip().lstrip("/")
        return ""

    def file_system(self, device: str) -> FileSystem:
        rc, out = self._call("blkid", "-p", "-o", "export", device, fine=(0, 2))
        kind = parse.blkid(out) if rc == 0 else ""
        if kind in ("ext3", "ext4"):
            return parse.ext(kind, self._call("dumpe2fs", "-h", device)[1])
        if kind == "xfs":
            return parse.xfs(self._call("xfs_info", device)[1])
        return FileSystem(kind)

    def ext(self, device: str) -> FileSystem:
        return parse.ext("ext4", self._call("dumpe2fs", "-h", device)[1])

    def layout(self, device: str, fs: FileSystem) -> Layout:
        return parse.layout(self._call("dumpe2fs", device)[1], fs)

    def minimum(self, device: str, fs: FileSystem) -> int:
        return parse.minimum(self._call("resize2fs", "-P", device)[1], fs.block)

    # --------------------------------------------------------------- volume
    def backup_group(self, vg: str, path: str) -> None:
        self._call("vgcfgbackup", "-f", path, vg)

    def resize(self, volume: Volume, target: int, pvs: Sequence[str] = ()) -> None:
        """Never with -r: whether the file system fits is asked before, and LVM 2.03.22 misreads its size (lvm2#128)."""
        if target < volume.size:
            self._call("lvreduce", "--yes", "-l", str(target // volume.extent), volume.name)
        else:
            self._call("lvextend", "--yes", "-l", str(target // volume.extent), volume.name, *pvs)

    def make_copy(self, volume: Volume, size: int) -> None:
        self._call(
            "lvcreate", "--yes", "--snapshot", "--monitor", "n", "--addtag", TAG, "--chunksize", "16k",
            "-l", str(size // volume.extent), "-n", volume.copy, volume.name,
        )  # fmt: skip

    def drop_copy(self, volume: Volume) -> None:
        self._call("lvremove", "--yes", f"{volume.vg}/{volume.copy}")

    def merge_copy(self, volume: Volume) -> None:
        """From here on the volume is what the copy is, whatever happens: LVM finishes it, also after a power cut."""
        self._call("lvconvert", "--yes", "--background", "--merge", f"{volume.vg}/{volume.copy}")

    def go_on_merging(self, volume: Volume) -> None:
        self._call("lvchange", "--poll", "y", volume.name)

    def take_back(self, volume: Volume, folder: str) -> None:
        """Undo the commit of a merge that hasn't begun. What others have changed in the group meanwhile stays."""
        files.make_folder(folder, 0o700)
        path = os.path.join(folder, f"{volume.vg}-take-back.vg")
        self._call("dmsetup", "clear", volume.mapped, volume.copy_mapped)
        with _group_locked(volume.vg):
            self._call("vgcfgbackup", "--nolocking", "-f", path, volume.vg)
            found = files.read(path)
            files.replace(path, parse.unmerged(found.text if found else "", volume.copy))
            self._call("vgcfgrestore", "--nolocking", "--yes", "-f", path, volume.vg)
        files.remove(path)

    def left_to_merge(self, volume: Volume) -> str:
        """How much of the safety copy isn't merged yet, in words."""
        said = self._call("dmsetup", "status", volume.mapped, fine=(0, 1))[1]
        found = re.search(r" snapshot-merge (\d+)/\d+ (\d+)", said)
        if not found:
            return "how much is left isn't known"
        return f"{size_text(max(0, int(found.group(1)) - int(found.group(2))) * 512)} left"

    def merge_begun(self, volume: Volume) -> bool:
        """Whether the kernel merges; otherwise LVM waits until the volume is activated the next time."""
        return " snapshot-origin " not in self._call("dmsetup", "table", volume.mapped)[1]

    def prepare_switch(self, volume: Volume) -> None:
        """Load what LVM would load if it began to merge now; switch() makes that live. Raises OperatorError where the copy is no snapshot."""
        table = self._call("dmsetup", "table", volume.copy_mapped)[1].strip()
        if not re.match(r"0 \d+ snapshot \S+ \S+ P \d+\Z", table):
            raise OperatorError(
                f"The safety copy of {volume.name} has the table {shown(table)}, not that of a snapshot."
            )
        self._call("dmsetup", "load", volume.mapped, data=table.replace(" snapshot ", " snapshot-merge ") + "\n")
        self._call("dmsetup", "load", volume.copy_mapped, data=f"0 {table.split()[1]} error\n")

    def opened(self, volume: Volume) -> int:
        """How often the device is open. Raises OperatorError where dmsetup doesn't tell."""
        said = self._call("dmsetup", "info", "--columns", "--noheadings", "-o", "open", volume.mapped)[1].strip()
        if not said.isdigit():
            raise OperatorError(f"dmsetup told {shown(said)} where it should tell how often {volume.device} is open.")
        return int(said)

    def switch(self, volume: Volume) -> None:
        self._call("dmsetup", "suspend", "--nolockfs", volume.copy_mapped, volume.mapped)
        self._call("dmsetup", "resume", "--noudevsync", volume.mapped, volume.copy_mapped)

    def finish_switch(self, volume: Volume) -> None:
        """Resume what a killed run has left suspended. Where the volume itself was, nobody can have mounted it since: it is switched."""
        if self._suspended(volume.mapped):
            self._call("dmsetup", "resume", volume.mapped, volume.copy_mapped)
        elif self._suspended(volume.copy_mapped):
            self._call("dmsetup", "clear", volume.mapped, volume.copy_mapped)
            self._call("dmsetup", "resume", volume.copy_mapped)

    def _suspended(self, name: str) -> bool:
        """Also false for a device that isn't there any more, since the merge is through."""
        said = self._call("dmsetup", "info", "--columns", "--noheadings", "-o", "suspended", name, fine=(0, 1))[1]
        return said.strip() == "Suspended"

    def reopen(self, volume: Volume) -> None:
        """A merge begins only when nobody has the volume open; udev may have had, for a moment."""
        self._call("lvchange", "--activate", "n", volume.name)
        self._call("lvchange", "--activate", "y", volume.name)

    def make_overlay(self, volume: Volume, runs: Sequence[tuple[int, int]]) -> str:
        table = overlay_table(volume.size, runs, volume.beneath, f"/dev/{volume.vg}/{volume.copy}")
        self._call("dmsetup", "create", _overlay(volume), data=table)
        return "/dev/mapper/" + _overlay(volume)

    def reload_udev(self) -> None:
        self._call("udevadm", "control", "--reload")

    def drop_overlay(self, volume: Volume) -> None:
        self._call("dmsetup", "remove", "--retry", _overlay(volume))

    def has_overlay(self, volume: Volume) -> bool:
        return self._call("dmsetup", "info", _overlay(volume), fine=(0, 1))[0] == 0

    # ---------------------------------------------------------- file system
    def check(self, device: str) -> str:
        """What e2fsck has to complain about; empty for a clean file system."""
        rc, out = self._call("e2fsck", "-f", "-p", device, fine=(0, 1, 4))
        return "" if rc == 0 else " ".join(out.split())[-400:]

    def look_for_damage(self, device: str) -> str:
        """What e2fsck finds where it may only read; empty for a file system that is whole."""
        rc, out = self._call("e2fsck", "-f", "-n", device, fine=(0, 4))
        return "" if rc == 0 else " ".join(out.split())[-400:]

    def shrink_ext(self, device: str, size: int, volume: Volume) -> None:
        """Shrink an unmounted ext4 to this many bytes. Raises OperatorError where resize2fs fails, or the safety copy has got full."""
        try:
            self._call("resize2fs", device, f"{size // 1024}K")
        except OperatorError:
            # A copy that is full is void; resize2fs sees an input/output error.
            if re.search(r" snapshot (Invalid|Overflow)", self._call("dmsetup", "status", volume.copy_mapped)[1]):
                raise OperatorError(
                    f"The safety copy of {volume.name} was full before resize2fs was through; nothing is changed. Its free room "
                    f"may be in pieces too small: choose a larger size, so that less has to move, or delete files in {volume.name}."
                ) from None
            raise

    def fill(self, volume: Volume, fs: FileSystem, point: str) -> None:
        """Grow a mounted file system to its volume's size: the kernel does it, in transactions of its journal."""
        if fs.kind == "xfs":
            self._call("xfs_growfs", "-d", point)
        else:
            self._call("resize2fs", volume.device)

    def mount(self, device: str, mount: Mount) -> None:
        self._call("mount", "-o", mount.options, device, mount.point)

    def remount(self, mount: Mount) -> None:
        self._call("mount", "-o", "remount," + mount.options, mount.point)

    def unmount(self, point: str) -> None:
        self._call("umount", point)

    # --------------------------------------------------- services, instances
    def active(self, service: str) -> bool:
        return self._call("systemctl", "is-active", "--quiet", "--", service, fine=(0, 1, 3, 4))[0] == 0

    def check_service(self, service: str) -> None:
        """Raise OperatorError for a unit that systemd doesn't know."""
        if self._call("systemctl", "show", "--property=LoadState", "--", service)[1].strip() == "LoadState=not-found":
            similar = self._call("systemctl", "list-unit-files", "--no-legend", "--", "*nova*.service")[1]
            names = ", ".join(sorted(line.split()[0] for line in similar.splitlines() if line.strip()))
            raise OperatorError(
                f"stop_services names {service}, but this host has no such unit; systemctl list-units tells those it has"
                + (f", of Nova {names}." if names else ".")
            )

    def check_instance(self, instance: str) -> None:
        """Raise OperatorError for an instance that libvirt doesn't know, or that can't shut down as it is."""
        rc, out, err = self._run(["virsh", "domstate", "--", instance], "")
        if rc:
            raise OperatorError(
                f"stop_instances names {instance}, but libvirt on this host doesn't tell its state: "
                f"{' '.join(err.split())[-300:]} `virsh list --all` tells those it knows; name one of them."
            )
        if out.strip() in ("paused", "pmsuspended"):
            raise OperatorError(
                f"{instance}: paused or suspended, so unable to shut down, and what is in memory would be lost. "
                "Resume or stop it first (openstack server unpause, resume or stop)."
            )

    def bound_units(self, point: str) -> list[str]:
        """Units that are active and that systemd stops when the mount goes (BindsTo=)."""
        bound = self._call("systemctl", "show", "--property=BoundBy", "--value", "--", point)[1].split()
        return [one for one in bound if self.active(one)]

    def stop_service(self, service: str) -> None:
        self._call("systemctl", "stop", "--", service)

    def start_service(self, service: str) -> None:
        self._call("systemctl", "start", "--", service)

    def running(self, instance: str) -> bool:
        return self._state(instance) in ("running", "idle", "in shutdown")

    def _state(self, instance: str) -> str:
        return self._call("virsh", "domstate", "--", instance)[1].strip()

    def shut_down(self, instance: str) -> None:
        self._call("virsh", "shutdown", "--", instance)

    def switch_off(self, instance: str) -> None:
        self._call("virsh", "destroy", "--", instance)

    def start_instance(self, instance: str) -> None:
        self._call("virsh", "start", "--", instance)


def _end_children() -> None:
    """End those that may take long, and wait for all."""
    own = str(os.getpid())
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as line:
                front, _bracket, rest = line.read().rpartition(")")
            if rest.split()[1] == own and front.partition("(")[2] in ("e2fsck", "resize2fs"):
                os.kill(int(name), signal.SIGTERM)
    deadline = time.monotonic() + _CHILDREN_END
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.05)


@contextlib.contextmanager
def _group_locked(vg: str) -> Iterator[None]:
    """Hold LVM's own lock on a group (of the type file), for commands with --nolocking."""
    os.makedirs(_LOCKS, mode=0o700, exist_ok=True)
    path = os.path.join(_LOCKS, f"V_{vg}")
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            # LVM removes the file when it unlocks; a lock on one that is gone is none.
            if os.path.exists(path) and os.path.samestat(os.fstat(handle), os.stat(path)):
                yield
                return
        finally:
            os.close(handle)


def _overlay(volume: Volume) -> str:
    return f"{_OVERLAY}{volume.vg}-{volume.lv}"
