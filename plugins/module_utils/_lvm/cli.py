# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tools of LVM, ext4, xfs, systemd and libvirt. Knows their commands and output, decides nothing."""

from __future__ import annotations

import os
import time
import typing as t

from . import text, users
from .model import TAG, FileSystem, Layout, LvmError, Mount, Volume, overlay_table

if t.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ENVIRONMENT = {"LC_ALL": "C", "LVM_SUPPRESS_FD_WARNINGS": "1"}


# Runs a command with text on its standard input; returns (rc, stdout, stderr). (Python 3.7 has no Protocol.)
Run = t.Callable[[t.List[str], str], t.Tuple[int, str, str]]


def require_root() -> None:
    if os.geteuid() != 0:
        raise LvmError(
            "Resizing a volume needs root on the host, and so does looking at one; set become: true for this task."
        )


class Proc:
    """What the kernel tells without a command."""

    def mounts(self, device: str) -> list[Mount]:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            return text.mounts(lines.read(), self.number(device))

    def users(self, device: str) -> list[users.User]:
        return users.find(self.number(device))

    def mounted_elsewhere(self, device: str) -> bool:
        """Whether a mount namespace besides ours has it mounted still."""
        return bool(users.held(self.number(device)))

    def used(self, point: str) -> int:
        """Bytes in use in a mounted file system, as df counts them."""
        found = os.statvfs(point)
        return (found.f_blocks - found.f_bfree) * found.f_frsize

    def ext_size(self, device: str) -> int:
        """Bytes of the ext4 on a volume. dumpe2fs tells the same, later: as a command it costs what a mount does."""
        with open(device, "rb", buffering=0) as volume:
            return text.ext_size(os.pread(volume.fileno(), 1024, 1024))

    def number(self, device: str) -> str:
        try:
            found = os.stat(device).st_rdev
        except FileNotFoundError:
            raise LvmError(f"There is no device {device}; is the volume active? lvchange -ay activates it.") from None
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
            raise LvmError(f"`{' '.join(args)}` ended with {rc}: {said}")
        return rc, out

    # ---------------------------------------------------------------- reads
    def volume(self, vg: str, lv: str) -> Volume:
        rc, out, err = self._run(
            ["lvs", "--all", "--reportformat", "json", "--units", "b", "--nosuffix", "-o", text.FIELDS, vg], ""
        )
        if rc:
            if "not found" in err:
                raise LvmError(f"There is no volume group {vg} on this host; vgs lists those there are.")
            raise LvmError(f"lvs can't read group {vg}: {' '.join(err.split())[-300:]}")
        return text.volume(out, vg, lv)

    def pvs_free(self, vg: str, pvs: Sequence[str]) -> int:
        _rc, out = self._call(
            "pvs", "--reportformat", "json", "--units", "b", "--nosuffix", "-o", "pv_name,vg_name,pv_free", *pvs
        )
        free = 0
        for row in text.rows(out, "pv"):
            if row["vg_name"] != vg:
                raise LvmError(f"{row['pv_name']} belongs to group {row['vg_name'] or '(none)'}, not to {vg}.")
            free += int(row["pv_free"])
        return free

    def file_system(self, device: str) -> FileSystem:
        rc, out = self._call("blkid", "-p", "-o", "export", device, fine=(0, 2))
        kind = text.blkid(out) if rc == 0 else ""
        if kind in ("ext3", "ext4"):
            return text.ext(kind, self._call("dumpe2fs", "-h", device)[1])
        if kind == "xfs":
            return text.xfs(self._call("xfs_info", device)[1])
        return FileSystem(kind)

    def ext(self, device: str) -> FileSystem:
        return text.ext("ext4", self._call("dumpe2fs", "-h", device)[1])

    def layout(self, device: str, fs: FileSystem) -> Layout:
        return text.layout(self._call("dumpe2fs", device)[1], fs)

    def minimum(self, device: str, fs: FileSystem) -> int:
        return text.minimum(self._call("resize2fs", "-P", device)[1], fs.block)

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

    def reopen(self, volume: Volume) -> None:
        """A merge begins only when nobody has the volume open; udev may have had, for a moment."""
        self._call("lvchange", "--activate", "n", volume.name)
        self._call("lvchange", "--activate", "y", volume.name)

    def make_overlay(self, volume: Volume, runs: Sequence[tuple[int, int]]) -> str:
        table = overlay_table(volume.size, runs, volume.beneath, f"/dev/{volume.vg}/{volume.copy}")
        self._call("dmsetup", "create", _overlay(volume), data=table)
        return "/dev/mapper/" + _overlay(volume)

    def drop_overlay(self, volume: Volume) -> None:
        self._call("dmsetup", "remove", "--retry", _overlay(volume))

    def has_overlay(self, volume: Volume) -> bool:
        return self._call("dmsetup", "info", _overlay(volume), fine=(0, 1))[0] == 0

    # ---------------------------------------------------------- file system
    def check(self, device: str) -> str:
        """What e2fsck has to complain about; empty for a clean file system."""
        rc, out = self._call("e2fsck", "-f", "-p", device, fine=(0, 1, 4))
        return "" if rc == 0 else " ".join(out.split())[-400:]

    def shrink_ext(self, device: str, size: int) -> None:
        self._call("resize2fs", device, f"{size // 1024}K")

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
        return self._call("systemctl", "is-active", "--quiet", service, fine=(0, 1, 3, 4))[0] == 0

    def stop_service(self, service: str) -> None:
        self._call("systemctl", "stop", service)

    def start_service(self, service: str) -> None:
        self._call("systemctl", "start", service)

    def running(self, instance: str) -> bool:
        return self._state(instance) in ("running", "idle", "in shutdown")

    def suspended(self, instance: str) -> bool:
        return self._state(instance) in ("paused", "pmsuspended")

    def _state(self, instance: str) -> str:
        return self._call("virsh", "domstate", instance)[1].strip()

    def shut_down(self, instance: str) -> None:
        self._call("virsh", "shutdown", instance)

    def switch_off(self, instance: str) -> None:
        self._call("virsh", "destroy", instance)

    def start_instance(self, instance: str) -> None:
        self._call("virsh", "start", instance)


def _overlay(volume: Volume) -> str:
    return f"day2shrink-{volume.vg}-{volume.lv}"
