# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that keeps state: a group, a volume with a file system, a mount, services, instances. As strict as the real tools."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.cli import Proc
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.model import Mount
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.users import User

MIB = 2**20
EXTENT = 4 * MIB
BLOCK = 4096
DEVICE = "/dev/vg0/instances"
COPY = "/dev/vg0/instances-day2shrink"
OVERLAY = "/dev/mapper/day2shrink-vg0-instances"


class PowerCut(BaseException):
    """Not an Exception: nobody may catch it and carry on."""


@dataclass(frozen=True)
class Ext:
    """A file system: its size, whether its files are whole, whether resize2fs was in the middle of it."""

    size: int
    whole: bool = True
    torn: bool = False
    checked: bool = False


@dataclass
class FakeHost(Proc):
    size: int = 2272 * MIB
    kind: str = "ext4"
    fs: Ext = field(default_factory=lambda: Ext(2272 * MIB))
    copy: Ext | None = None
    overlay: bool = False
    merging: bool = False
    group: int = 4092 * MIB
    others: int = 0
    layout: str = "linear"
    role: str = "public"
    mount: Mount | None = field(default_factory=lambda: Mount("/var/lib/nova/instances", "rw,nosuid,noatime"))
    services: dict[str, bool] = field(default_factory=lambda: {"nova-compute": True, "idle": False})
    instances: dict[str, bool] = field(default_factory=lambda: {"i-1": True, "i-2": True, "i-off": False})
    paused: tuple[str, ...] = ()
    stubborn: bool = False
    damaged: bool = False
    open_files: list[User] = field(default_factory=list)
    minimum: int = 600 * MIB
    in_use: int = 480 * MIB
    held_open: int = 0  # merges that don't begin, because something has the volume open
    private: str = "/run/private"
    runs: list[list[str]] = field(default_factory=list)
    fails: str = ""
    cut_after: int = -1

    MUTATE = ("lvextend", "lvreduce", "lvcreate", "lvremove", "lvconvert", "lvchange", "mount", "umount", "xfs_growfs")

    # ---------------------------------------------------- what cli.Tools runs
    def __call__(self, args: list[str], data: str) -> tuple[int, str, str]:
        assert isinstance(args, list)
        assert all(isinstance(one, str) for one in args)
        self.runs.append(args)
        if self.cut_after == 0:
            raise PowerCut
        self.cut_after -= 1
        if self.fails and self.fails in " ".join(args):
            return 5, "", "it was made to fail"
        return getattr(self, "_" + args[0].replace("-", "_"))(args[1:], data)

    @property
    def mutations(self) -> list[str]:
        """Commands that changed something."""
        return [
            " ".join(one)
            for one in self.runs
            if one[0] in (*self.MUTATE, "vgcfgbackup")
            or one[:2] in (["systemctl", "stop"], ["systemctl", "start"], ["dmsetup", "create"], ["dmsetup", "remove"])
            or (one[0] == "virsh" and one[1] != "domstate")
            or (one[0] == "resize2fs" and "-P" not in one)
            or one[0] == "e2fsck"
        ]

    def power_on(self) -> None:
        """What a boot does: LVM activates (and merges what is to be merged), fstab mounts, systemd starts services."""
        assert not self.fs.torn, "the file system itself was cut in the middle"
        assert self.fs.whole
        assert self.fs.size <= self.size
        self.cut_after, self.overlay, self.open_files = -1, False, []
        if self.merging:
            self._merge()
        self.mount = Mount("/var/lib/nova/instances", "rw,nosuid,noatime")
        self.services = {"nova-compute": True, "idle": False}
        self.instances = dict.fromkeys(self.instances, False)

    @property
    def free(self) -> int:
        return self.group - self.size - self.others - (200 * MIB if self.copy else 0)

    def _lvs(self, args: list[str], _data: str) -> tuple[int, str, str]:
        if args[-1] != "vg0":
            return 5, "", f'  Volume group "{args[-1]}" not found'
        attr = ("O" if self.merging else "o" if self.copy else "-") + "wi-a" + ("o" if self.mount else "-") + "----"
        row = {
            "lv_name": "instances", "vg_name": "vg0", "lv_size": str(self.size), "lv_layout": self.layout, "lv_attr": attr,
            "lv_role": self.role + (",origin,thickorigin" if self.copy else ""), "origin": "", "lv_tags": "",
            "vg_extent_size": str(EXTENT), "vg_size": str(self.group), "vg_free": str(self.free), "vg_attr": "wz--n-",
        }  # fmt: skip
        found = [row]
        if self.copy:
            name = "instances-day2shrink"
            found.append({**row, "lv_name": f"[{name}]" if self.merging else name, "lv_role": "public,snapshot,thicksnapshot",
                          "origin": "instances", "lv_attr": "swi-a-s---", "lv_tags": "openstack_ops.day2"})  # fmt: skip
            if self.merging and not self.held_open:
                self._merge()
        return 0, json.dumps({"report": [{"lv": found}]}), ""

    def _blkid(self, args: list[str], _data: str) -> tuple[int, str, str]:
        return (0, f"DEVNAME={args[-1]}\nTYPE={self.kind}\n", "") if self.kind else (2, "", "")

    def _seen(self, device: str) -> Ext:
        if device == DEVICE:
            return self.copy if self.merging and self.copy and not self.held_open else self.fs
        assert device in (COPY, OVERLAY), device
        assert self.copy is not None
        assert device == COPY or self.overlay
        return self.copy

    def _dumpe2fs(self, args: list[str], _data: str) -> tuple[int, str, str]:
        fs = self._seen(args[-1])
        blocks = fs.size // BLOCK
        head = (
            f"Filesystem features:      has_journal extent 64bit flex_bg\nFilesystem state:         clean\n"
            f"Block count:              {blocks}\nFirst block:              0\nBlock size:               {BLOCK}\n"
            f"Blocks per group:         32768\nInodes per group:         8192\nInode blocks per group:   512\n"
            f"Inode size:\t          256\nReserved GDT blocks:      100\nGroup descriptor size:    64\n"
        )
        if args[0] == "-h":
            return 0, head, ""
        groups = "".join(
            f"Group {n}: (Blocks {n * 32768}-{(n + 1) * 32768 - 1}) [ITABLE_ZEROED]\n"
            f"  16384 free blocks, 8000 free inodes, 2 directories, 7900 unused inodes\n"
            f"  Free blocks: {n * 32768 + 16384}-{(n + 1) * 32768 - 1}\n"
            for n in range(-(-blocks // 32768))
        )
        return 0, head + "\n" + groups, ""

    def _xfs_info(self, _args: list[str], _data: str) -> tuple[int, str, str]:
        return (
            0,
            f"meta-data=x agcount=4, agsize=25600 blks\ndata     =   bsize=4096   blocks={self.fs.size // 4096}, x",
            "",
        )

    def _pvs(self, args: list[str], _data: str) -> tuple[int, str, str]:
        rows = [{"pv_name": name, "vg_name": "vg0" if name == "/dev/sdb" else "vg9", "pv_free": str(100 * MIB)} for name in args
                if name.startswith("/dev")]  # fmt: skip
        return 0, json.dumps({"report": [{"pv": rows}]}), ""

    def _vgcfgbackup(self, _args: list[str], _data: str) -> tuple[int, str, str]:
        return 0, "", ""

    def _resize(self, args: list[str]) -> tuple[int, str, str]:
        target = int(args[args.index("-l") + 1]) * EXTENT
        assert args[args.index("-l") + 2] == "vg0/instances"
        assert not self.copy, "LVM resizes no origin of a snapshot"
        if target - self.size > self.free:
            return 5, "", "Insufficient free space"
        self.size = target
        if self.fs.size > target:
            self.fs = replace(self.fs, whole=False)
        return 0, "", ""

    def _lvextend(self, args: list[str], _data: str) -> tuple[int, str, str]:
        return self._resize(args)

    def _lvreduce(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert "--yes" in args
        return self._resize(args)

    def _lvcreate(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.mount is None or self.mount.read_only, "somebody could write past the copy"
        assert not self.copy
        self.copy = replace(self.fs)
        return 0, "", ""

    def _lvremove(self, _args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.copy
        assert not self.overlay, "Logical volume is in use"
        self.copy, self.merging = None, False
        return 0, "", ""

    def _lvconvert(self, _args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.copy
        assert not self.overlay
        self.merging = True
        return 0, "", ""

    def _merge(self) -> None:
        assert self.copy
        self.fs, self.copy, self.merging = replace(self.copy, checked=False), None, False

    def _lvchange(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.mount is None or "--poll" in args
        if args[:2] == ["--activate", "y"]:
            self.held_open = max(0, self.held_open - 1)
        return 0, "", ""

    def _dmsetup(self, args: list[str], data: str) -> tuple[int, str, str]:
        if args[0] == "info":
            return (0 if self.overlay else 1), "", ""
        if args[0] == "create":
            assert self.copy
            ends = 0
            for line in data.splitlines():
                start, length, kind, _device, offset = line.split()
                assert (int(start), kind, int(offset)) == (ends, "linear", ends)
                ends += int(length)
            assert ends * 512 == self.size
        self.overlay = args[0] == "create"
        return 0, "", ""

    def _e2fsck(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert args[-1] == COPY, "only the copy is checked"
        assert self.copy
        if self.damaged:
            return 4, "Inode 12 has illegal blocks. UNEXPECTED INCONSISTENCY", ""
        self.copy = replace(self.copy, checked=True)
        return 0, "", ""

    def _resize2fs(self, args: list[str], _data: str) -> tuple[int, str, str]:
        if args[0] == "-P":
            return 0, f"Estimated minimum size of the filesystem: {self.minimum // BLOCK}\n", ""
        if args[0] == DEVICE:
            assert len(args) == 1
            assert self.mount, "offline, a power cut would tear it"
            assert not self.mount.read_only
            self.fs = replace(self.fs, size=self.size)
            return 0, "", ""
        assert args[0] == OVERLAY
        assert self.copy
        assert self.copy.checked, "Please run e2fsck -f first"
        self.copy = replace(self.copy, size=int(args[1][:-1]) * 1024)
        return 0, "", ""

    def _xfs_growfs(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.mount
        assert args[-1] == self.mount.point
        self.fs = replace(self.fs, size=self.size)
        return 0, "", ""

    def _mount(self, args: list[str], _data: str) -> tuple[int, str, str]:
        options = args[1]
        if options.startswith("remount,"):
            assert self.mount
            self.mount = Mount(args[-1], options[len("remount,") :])
            return 0, "", ""
        assert self.mount is None
        if self.merging and self.held_open:
            self.fs = replace(self.fs, whole=False)  # two truths from now on
        self.mount = Mount(args[-1], options)
        return 0, "", ""

    def _umount(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.mount
        assert args == [self.mount.point]
        self.mount = None
        return 0, "", ""

    def _systemctl(self, args: list[str], _data: str) -> tuple[int, str, str]:
        if args[0] == "is-active":
            return (0 if self.services[args[-1]] else 3), "", ""
        self.services[args[1]] = args[0] == "start"
        return 0, "", ""

    def _virsh(self, args: list[str], _data: str) -> tuple[int, str, str]:
        if args[0] == "domstate" and args[1] in self.paused:
            return 0, "paused\n", ""
        if args[0] == "domstate":
            return 0, "running\n" if self.instances[args[1]] else "shut off\n", ""
        if args[0] == "start":
            assert not self.instances[args[1]], "domain is already running"
            assert self.mount, "no disk"
        if args[0] == "shutdown" and args[1] in self.paused:
            return 1, "", "error: Requested operation is not valid: domain is not running"
        if args[0] != "shutdown" or not self.stubborn:
            self.instances[args[1]] = args[0] == "start"
        return 0, "", ""

    # ------------------------------------------------------- what cli.Proc asks
    def mounts(self, device: str) -> list[Mount]:
        assert device == DEVICE
        return [self.mount] if self.mount else []

    def users(self, device: str) -> list[User]:
        return (
            [User(100, "qemu", "disk", instance=name) for name, on in self.instances.items() if on]
            + ([User(200, "nova-compute", "cwd", unit="nova-compute")] if self.services["nova-compute"] else [])
            + self.open_files
        )

    def ext_size(self, device: str) -> int:
        return self._seen(device).size

    def used(self, point: str) -> int:
        return self.in_use

    def mounted_elsewhere(self, device: str) -> bool:
        return False
