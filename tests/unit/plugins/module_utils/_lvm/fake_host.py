# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that keeps state: a group, a volume with a file system, a mount, services, instances. As strict as the real tools."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host.processes import User
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.minimum import Room
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.tools import Proc
from ansible_collections.openstack_ops.day2.plugins.module_utils._lvm.volumes import Mount, Volume

MIB = 2**20
EXTENT = 4 * MIB
BLOCK = 4096
DEVICE = "/dev/vg0/instances"
COPY = "/dev/vg0/instances-day2shrink"
MAPPED = ("vg0-instances", "vg0-instances--day2shrink")
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
    merging: bool = False  # in LVM's metadata
    begun: bool = False  # in the kernel, too
    loaded: bool = False
    suspended: tuple[str, ...] = ()
    claims: bool = False
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
    full: bool = False  # the copy is
    damages: bool = False  # resize2fs does
    open_files: list[User] = field(default_factory=list)
    minimum: int = 7168 * BLOCK  # what resize2fs -P says, which is stale while it is mounted
    in_use: int = 480 * MIB
    free_blocks: int = 420_000
    inodes: int = 28_000
    closed: int = 0  # free room that LVM doesn't allocate
    volume_list: str = ""
    pool: tuple[int, int] | None = None  # a thin pool's size, and that of its volume
    containers: dict[str, str] = field(default_factory=dict)  # names by id
    held_open: int = 0  # merges that don't begin, because something has the volume open
    held: tuple[str, ...] = ()
    is_busy: bool = False
    feature: str = ""
    mounted_elsewhere: bool = False
    readers: int = 0  # of the device
    written: bool = False  # to the old file system, after the copy was made
    hidden: bool = False  # from udev, the overlay
    broken: tuple[str, ...] = ()  # what doesn't start
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
            if one[0] in (*self.MUTATE, "vgcfgbackup", "vgcfgrestore")
            or (one[0], one[1]) in (("systemctl", "stop"), ("systemctl", "start"))
            or (one[0] == "dmsetup" and one[1] not in ("info", "table", "status"))
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
        self.suspended, self.loaded, self.claims = (), False, False
        if self.merging:
            self._merge()
        self.mount = Mount("/var/lib/nova/instances", "rw,nosuid,noatime")
        self.services = {"nova-compute": True, "idle": False}
        self.instances = dict.fromkeys(self.instances, False)

    @property
    def free(self) -> int:
        return self.group - self.size - self.others - (200 * MIB if self.copy else 0)

    def _lvs(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert "--config" in args, "lvm.conf may say that reports look otherwise"
        if args[-1] != "vg0":
            return 5, "", f'  Volume group "{args[-1]}" not found'
        attr = ("O" if self.merging else "o" if self.copy else "-") + "wi-a" + ("o" if self.mount else "-") + "----"
        row = {
            "lv_name": "instances", "vg_name": "vg0", "lv_size": str(self.size), "lv_layout": self.layout, "lv_attr": attr,
            "lv_role": self.role + (",origin,thickorigin" if self.copy else ""), "origin": "", "lv_tags": "",
            "vg_extent_size": str(EXTENT), "vg_size": str(self.group), "vg_free": str(self.free), "vg_attr": "wz--n-", "pool_lv": "",
        }  # fmt: skip
        found = [row]
        if self.pool:
            for name, size, layout, pool in (
                ("pool", self.pool[0], "thin,pool", ""),
                ("thin", self.pool[1], "thin,sparse", "pool"),
            ):
                found.append({**row, "lv_name": name, "lv_size": str(size), "lv_layout": layout, "pool_lv": pool})
        if self.copy:
            name = "instances-day2shrink"
            found.append({**row, "lv_name": f"[{name}]" if self.merging else name, "lv_role": "public,snapshot,thicksnapshot",
                          "origin": "instances", "lv_attr": "swi-a-s---", "lv_tags": "openstack_ops.day2"})  # fmt: skip
            if self.merging and self.begun:
                self._merge()
        return 0, json.dumps({"report": [{"lv": found}]}), ""

    def _blkid(self, args: list[str], _data: str) -> tuple[int, str, str]:
        return (0, f"DEVNAME={args[-1]}\nTYPE={self.kind}\n", "") if self.kind else (2, "", "")

    def _seen(self, device: str) -> Ext:
        if device == DEVICE:
            return self.copy if self.begun and self.copy else self.fs
        assert device in (COPY, OVERLAY), device
        assert self.copy is not None
        assert device == COPY or self.overlay
        return self.copy

    def _dumpe2fs(self, args: list[str], _data: str) -> tuple[int, str, str]:
        fs = self._seen(args[-1])
        blocks = fs.size // BLOCK
        head = (
            f"Filesystem features:      has_journal resize_inode extent 64bit flex_bg{self.feature}\nFilesystem state:         clean\n"
            f"Block count:              {blocks}\nFirst block:              0\nBlock size:               {BLOCK}\n"
            f"Blocks per group:         32768\nInodes per group:         8192\nInode blocks per group:   512\n"
            f"Inode size:\t          256\nFlex block group size:    16\nReserved GDT blocks:      100\nGroup descriptor size:    64\n"
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
        named = [name for name in args if name.startswith("/dev")]
        rows = [{"pv_name": name, "vg_name": "vg0" if name == "/dev/sdb" else "vg9", "pv_free": str(100 * MIB), "pv_attr": "a--"}
                for name in named]  # fmt: skip
        if not named:
            assert args[-2:] == ["--select", "vg_name=vg0"]
            rows = [{"pv_name": "/dev/sda", "vg_name": "vg0", "pv_free": str(self.free - self.closed), "pv_attr": "a--"},
                    {"pv_name": "/dev/sdc", "vg_name": "vg0", "pv_free": str(self.closed), "pv_attr": "u--"}]  # fmt: skip
        return 0, json.dumps({"report": [{"pv": rows}]}), ""

    def _lvmconfig(self, _args: list[str], _data: str) -> tuple[int, str, str]:
        return (0, f"volume_list={self.volume_list}\n", "") if self.volume_list else (5, "", "not found")

    def _udevadm(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert args == ["control", "--reload"]
        self.hidden = True
        return 0, "", ""

    def _docker(self, args: list[str], _data: str) -> tuple[int, str, str]:
        raise FileNotFoundError(2, "No such file", "docker")

    def _podman(self, args: list[str], _data: str) -> tuple[int, str, str]:
        return (
            (0, self.containers[args[-1]] + "\n", "") if args[-1] in self.containers else (125, "", "no such container")
        )

    def _vgcfgbackup(self, args: list[str], _data: str) -> tuple[int, str, str]:
        store, visible = ("merging", "") if self.merging else ("cow", ', "VISIBLE"')
        if self.copy:
            Path(args[args.index("-f") + 1]).write_text(
                f'vg0 {{\n\tlogical_volumes {{\n\n\t\tinstances-day2shrink {{\n\t\t\tid = "x"\n\t\t\tstatus = ["READ", "WRITE"{visible}]\n'
                f'\t\t}}\n\t\tsnapshot0 {{\n\t\t\t\t{store}_store = "instances-day2shrink"\n\t\t}}\n\t}}\n}}\n'
            )
        return 0, "", ""

    def _vgcfgrestore(self, args: list[str], _data: str) -> tuple[int, str, str]:
        text = Path(args[args.index("-f") + 1]).read_text()
        assert 'status = ["READ", "WRITE", "VISIBLE"]' in text
        assert 'cow_store = "instances-day2shrink"' in text
        assert self.merging
        assert not self.begun, "the kernel merges already"
        assert not self.loaded, "the next resume would begin it"
        self.merging = False
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
        assert self.copy.whole
        self.merging = True
        self.begun = self.mount is None and not self.held_open
        return 0, "", ""

    def _merge(self) -> None:
        assert self.copy
        assert not self.written, "what was written is lost"
        self.fs, self.copy, self.merging, self.begun = replace(self.copy, checked=False), None, False, False

    def _lvchange(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.mount is None or "--poll" in args
        if args[:2] == ["--activate", "y"]:
            self.held_open = max(0, self.held_open - 1)
            self.begun = self.begun or (self.merging and not self.held_open)
        return 0, "", ""

    def _dmsetup(self, args: list[str], data: str) -> tuple[int, str, str]:
        if args == ["status", MAPPED[0]]:
            return 0, "0 4653056 snapshot-merge 4240/163840 32\n", ""
        if args[0] == "status":
            return 0, "0 4653056 snapshot " + ("Invalid" if self.full else "4240/163840 32"), ""
        if args[:5] == ["info", "--columns", "--noheadings", "-o", "suspended"]:
            return 0, "Suspended\n" if args[5] in self.suspended else "Active\n", ""
        if args[:5] == ["info", "--columns", "--noheadings", "-o", "open"]:
            return 0, f"{self.claims + self.readers + bool(self.mount)}\n", ""
        if args[0] == "info":
            return (0 if self.overlay else 1), "", ""
        if args == ["table", MAPPED[0]]:
            kind = "snapshot-merge" if self.begun else "snapshot-origin" if self.copy else "linear"
            return 0, f"0 4653056 {kind} 254:1\n", ""
        if args == ["table", MAPPED[1]]:
            assert self.copy
            return 0, "0 4653056 snapshot 254:1 254:2 P 32\n", ""
        if args[0] in ("load", "clear"):
            assert self.merging
            assert args[0] == "clear" or data in (
                "0 4653056 snapshot-merge 254:1 254:2 P 32\n",
                "0 4653056 error\n",
            )
            self.loaded = args[0] == "load"
            return 0, "", ""
        if args[0] == "suspend":
            assert self.mount is None
            assert self.claims, "an automount could mount it meanwhile"
            assert tuple(args[-2:]) == (MAPPED[1], MAPPED[0])
            self.suspended = MAPPED
            return 0, "", ""
        if args[0] == "resume":
            assert self.mount is None or MAPPED[0] not in args
            assert self.claims or MAPPED[0] not in args or MAPPED[0] in self.suspended
            self.begun, self.loaded = self.begun or (MAPPED[0] in args and self.loaded), False
            self.suspended = ()
            return 0, "", ""
        if args[0] == "create":
            assert self.copy
            assert self.hidden, "links by UUID would lead to it"
            ends = 0
            for line in data.splitlines():
                start, length, kind, _device, offset = line.split()
                assert (int(start), kind, int(offset)) == (ends, "linear", ends)
                ends += int(length)
            assert ends * 512 == self.size
        self.overlay = args[0] == "create"
        return 0, "", ""

    def _e2fsck(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.copy
        if "-n" in args:
            assert args[-1] == OVERLAY
            return (0, "", "") if self.copy.whole else (4, "Inode 13, end of extent exceeds allowed value", "")
        assert args[-1] == COPY, "only the copy is checked"
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
        if self.full:
            return 1, "", "resize2fs: Input/output error while trying to resize"
        self.copy = replace(self.copy, size=int(args[1][:-1]) * 1024, whole=self.copy.whole and not self.damages)
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
        assert not self.suspended, "it hangs"
        if self.merging and not self.begun:
            self.fs = replace(self.fs, whole=False)  # two truths from now on
        self.mount = Mount(args[-1], options)
        return 0, "", ""

    def _umount(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert self.mount
        assert args == [self.mount.point]
        self.mount = None
        if "monitor.service" in self.services:  # bound to the mount
            self.services["monitor.service"] = False
        return 0, "", ""

    def _systemctl(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert args[-2] == "--", "a name that begins with a hyphen would be an option"
        name = args[-1]
        if args[:2] == ["show", "--property=BoundBy"]:
            return 0, "monitor.service\n" if "monitor.service" in self.services else "\n", ""
        if args[0] == "list-unit-files":
            return 0, "openstack-nova-compute.service enabled\n", ""
        if args[0] == "start" and name in self.broken:
            return 1, "", f"Job for {name} failed"
        if args[0] == "show":
            return 0, "LoadState=loaded\n" if name in self.services else "LoadState=not-found\n", ""
        if args[0] == "is-active":
            return (0 if self.services[name] else 3), "", ""
        self.services[name] = args[0] == "start"
        return 0, "", ""

    def _virsh(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert args[1] == "--", "a name that begins with a hyphen would be an option"
        args = [args[0], args[2]]
        if args[1] not in self.instances:
            return 1, "", f"error: failed to get domain '{args[1]}'"
        if args[0] == "domstate" and args[1] in self.paused:
            return 0, "paused\n", ""
        if args[0] == "domstate":
            return 0, "running\n" if self.instances[args[1]] else "shut off\n", ""
        if args[0] == "start" and args[1] in self.broken:
            return 1, "", "error: Cannot get interface MTU"
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

    def room(self, point: str) -> Room:
        return Room(self.in_use, self.free_blocks, self.inodes)

    def hide_from_udev(self) -> bool:
        return True

    def holders(self, device: str, point: str) -> list[str]:
        return list(self.held)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        yield

    def systemd(self) -> bool:
        return True

    def busy(self, point: str) -> bool:
        assert self.mount
        assert self.mount.point == point
        assert self.mount.read_only
        return self.is_busy

    @contextlib.contextmanager
    def claimed(self, volume: Volume) -> Iterator[None]:
        assert self.mount is None
        if self.mounted_elsewhere:
            raise OperatorError("somebody else has it mounted")
        self.claims = True
        yield
        self.claims = False
