# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes, file systems, sizes and plans. Pure: opens nothing, imports nothing from Ansible. All sizes are bytes."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from fractions import Fraction

from .._common import OperatorError, shown, size_text

_UNITS = {"b": 1, "s": 512, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50, "e": 2**60}
_SIZE = re.compile(r"([+-]?)(\d{1,20}(?:\.\d{1,9})?)([bskmgtpe])\Z", re.IGNORECASE | re.ASCII)
_PERCENT = re.compile(r"([+-]?)(\d{1,3}(?:\.\d{1,9})?)%(VG|FREE|PVS)\Z", re.ASCII)

#: What a chunk of the safety copy is; free runs are written past it where they hold whole chunks.
CHUNK = 16 * 2**10
#: Shorter free runs aren't worth a line in a device-mapper table, and a table has to stay within reason.
RUN_MIN = 2**18
RUNS_MAX = 4096


#: How the snapshot is called in which a shrink happens, and how it is told from somebody else's.
COPY = "-day2shrink"
TAG = "openstack_ops.day2"


def exact(size: int) -> str:
    """A size as the option takes it, not rounded."""
    for unit in "gmk":
        if size % _UNITS[unit] == 0:
            return f"{size // _UNITS[unit]}{unit}"
    return f"{size}b"


def mapper_name(vg: str, lv: str) -> str:
    """How LVM calls a volume in the device mapper: hyphens of the names are doubled."""
    return f"{vg.replace('-', '--')}-{lv.replace('-', '--')}"


@dataclass(frozen=True)
class Volume:
    """A logical volume and what of its group concerns it. attr is LVM's own string of letters."""

    vg: str
    lv: str
    size: int
    extent: int
    vg_size: int
    vg_free: int
    layout: str = "linear"
    roles: tuple[str, ...] = ("public",)
    attr: str = "-wi-a-----"
    vg_attr: str = "wz--n-"
    snapshots: tuple[str, ...] = ()
    leftover: bool = False  # a safety copy of ours is there, or what an ended run had of it
    pools: tuple[tuple[str, int, int], ...] = ()  # thin pools of the group: name, size, and what their volumes promise

    @property
    def name(self) -> str:
        return f"{self.vg}/{self.lv}"

    @property
    def device(self) -> str:
        return f"/dev/{self.vg}/{self.lv}"

    @property
    def copy(self) -> str:
        """The name of the snapshot in which a shrink happens."""
        return self.lv + COPY

    @property
    def beneath(self) -> str:
        """The device below a volume that has a snapshot. What is written there isn't copied to the snapshot first."""
        return f"/dev/mapper/{self.mapped}-real"

    @property
    def mapped(self) -> str:
        """The volume's name in the device mapper."""
        return mapper_name(self.vg, self.lv)

    @property
    def copy_mapped(self) -> str:
        return mapper_name(self.vg, self.copy)

    @property
    def merging(self) -> bool:
        return self.attr.startswith("O")


@dataclass(frozen=True)
class FileSystem:
    """What is on a volume. kind is blkid's word for it, empty where blkid knows nothing."""

    kind: str
    size: int = 0
    block: int = 4096
    group: int = 0  # blocks of a whole group
    first: int = 0  # number of the first block
    tail: int = 0  # a last group of fewer blocks than this isn't made
    features: tuple[str, ...] = ()
    inodes_per_group: int = 0
    inode_size: int = 256
    inode_blocks: int = 0  # of the inode table of a group
    super_blocks: int = 0  # of a superblock, the group descriptors and those kept for more
    flex: int = 1  # groups whose metadata lie together
    state: str = "clean"

    @property
    def blocks(self) -> int:
        return self.size // self.block

    @property
    def ext(self) -> bool:
        return self.kind in ("ext3", "ext4")

    def fills(self, volume: int) -> bool:
        """Whether growing it on a volume of this size would change nothing."""
        gap = (volume - self.size) // self.block
        if gap <= 0:
            return True
        whole = self.group and (self.size // self.block - self.first) % self.group == 0
        return bool(whole and gap < self.tail)


@dataclass(frozen=True)
class Mount:
    """One place where a file system is mounted; options as mount -o takes them."""

    point: str
    options: str

    @property
    def read_only(self) -> bool:
        return "ro" in self.options.split(",")


#: The least and the most of what may be asked for: percent of what the files take, seconds.
BOUNDS: dict[str, tuple[int, t.Optional[int]]] = {"margin": (0, 1000), "shutdown_timeout": (0, None)}


def check_name(name: str, option: str) -> str:
    """Return a group's or volume's name; nothing else may get into commands and paths. Raises OperatorError if LVM couldn't have it."""
    if not re.match(r"[A-Za-z0-9_+.][A-Za-z0-9_+.-]{0,126}\Z", name) or name in (".", ".."):
        raise OperatorError(f"{option} {name[:60]!r} is not a name that LVM gives; write it as vgs and lvs show it.")
    return name


def check_unit(name: str) -> str:
    """Return the name of a unit of systemd; nothing else may get into a command, least of all an option or a pattern.

    Raises OperatorError for anything that is no such name.
    """
    if not re.match(r"[A-Za-z0-9:_.\\@][A-Za-z0-9:_.\\@-]{0,254}\Z", name):
        raise OperatorError(
            f"stop_services: {shown(name)} isn't the name of a unit; write it as systemctl list-units shows it."
        )
    return name


def check_disk(path: str) -> str:
    """Return a disk's path; LVM would take a hyphen at its beginning for an option. Raises OperatorError for anything that is no path."""
    if not path.startswith("/") or not path.isprintable():
        raise OperatorError(f"pvs: {shown(path)} isn't a disk; give its path, such as /dev/sdb.")
    return path


def check_instance_name(name: str) -> str:
    """Return an instance's name. virsh would take a number for an id, and a hyphen for an option.

    Raises OperatorError for what libvirt couldn't have as a name.
    """
    if not name or name.startswith("-") or name.isdigit() or "/" in name or not name.isprintable():
        raise OperatorError(
            f"stop_instances: {shown(name)} isn't the name of an instance; write it as virsh list --all --name shows it."
        )
    return name


@dataclass(frozen=True)
class Size:
    """What an operator wants, as written: a size or a share, absolute or relative to the volume's."""

    text: str
    sign: str
    amount: Fraction
    of: str  # "" for bytes, else VG, FREE or PVS

    def target(self, volume: Volume, pvs_free: int = 0) -> int:
        """The volume's size then, in whole extents: as LVM does, sizes are rounded up, shares down. Raises OperatorError if nothing would be left."""
        if self.of:
            total = {"VG": volume.vg_size, "FREE": volume.vg_free, "PVS": pvs_free}[self.of]
            amount = int(self.amount / 100 * (total // volume.extent)) * volume.extent
        else:
            amount = int(self.amount)
        wanted = {"+": volume.size + amount, "-": volume.size - amount}.get(self.sign, amount)
        target = -(-wanted // volume.extent) * volume.extent
        if target <= 0:
            raise OperatorError(
                f"{self.text} would leave {volume.name} with nothing of its {size_text(volume.size)}; "
                "to remove a volume is lvremove's business, here give a size above 0."
            )
        return target


def parse_size(text: str) -> Size:
    """A size as lvresize takes it. Raises OperatorError for text without unit, for a size of 0, and for more than 100 %."""
    written = text.strip()
    match = _SIZE.match(written)
    if match:
        amount = Fraction(match.group(2)) * _UNITS[match.group(3).lower()]
        of = ""
    else:
        match = _PERCENT.match(written)
        if not match:
            hint = " (the unit is missing)" if re.match(r"[+-]?\d+(\.\d+)?\Z", written) else ""
            raise OperatorError(
                f"size {text[:40]!r} is not a size{hint}; write 1.5g, +500m, -2g, 50%VG, +100%FREE or +100%PVS. "
                "As in LVM, k, m, g and t are powers of 1024."
            )
        amount, of = Fraction(match.group(2)), match.group(3)
        if amount > 100:
            raise OperatorError(f"size {text[:40]!r} is more than 100 %; choose at most 100 %.")
    if amount == 0:
        raise OperatorError(f"size {text[:40]!r} is a size of 0; give the size that the volume is to have.")
    return Size(written, match.group(1), amount, of)


@dataclass(frozen=True)
class ResizePlan:
    """From what is to what is wanted. The only place that decides what has to be done."""

    volume: Volume
    fs: FileSystem
    mount: t.Optional[Mount]
    target: int

    @property
    def fs_target(self) -> int:
        """What the file system is shrunk to: an extent less than its volume, so that rounding can't make it larger."""
        return (self.target - self.volume.extent) // self.fs.block * self.fs.block

    @property
    def shrinks_fs(self) -> bool:
        return bool(self.fs.kind) and self.fs.size > self.target

    @property
    def resizes(self) -> bool:
        return self.target != self.volume.size

    @property
    def fills(self) -> bool:
        """Whether the file system has to grow at the end."""
        return bool(self.fs.kind) and (self.shrinks_fs or not self.fs.fills(self.target))

    @property
    def changed(self) -> bool:
        return self.shrinks_fs or self.resizes or self.fills


def check_volume(volume: Volume) -> None:
    """Raise OperatorError for what is not resized here, whatever the size."""
    if volume.vg_attr[:1] != "w" or volume.vg_attr[2:3] == "x" or volume.vg_attr[3:4] == "p":
        raise OperatorError(
            f"Group {volume.vg} is read-only, exported or lacks a disk (attributes {volume.vg_attr}); "
            "make it whole and writable first."
        )
    if "snapshot" in volume.roles or volume.layout != "linear" or "private" in volume.roles:
        what = "a snapshot" if "snapshot" in volume.roles else f"of the kind '{volume.layout}'"
        raise OperatorError(
            f"{volume.name} is {what}; only plain (linear) volumes are resized here. "
            "Use lvresize by hand where you know what it does to this one."
        )
    foreign = [name for name in volume.snapshots if name != volume.copy]
    if foreign or (volume.merging and volume.copy not in volume.snapshots):
        raise OperatorError(
            f"{volume.name} has snapshots ({', '.join(foreign) or 'one that is being merged'}); they would fill up or be "
            f"void after a resize. Remove them (lvremove {volume.vg}/NAME) or wait for their merge."
        )
    if volume.attr[4:5] != "a":
        raise OperatorError(
            f"{volume.name} is not active (attributes {volume.attr}); activate it: lvchange -ay {volume.name}."
        )


def check_fs(plan: ResizePlan) -> None:
    """Raise OperatorError for a file system that can't be taken to the target, or that isn't ours to judge."""
    volume, fs = plan.volume, plan.fs
    if not fs.kind:
        if plan.target < volume.size:
            raise OperatorError(
                f"{volume.name} has no file system that blkid knows, so nobody can tell what a shrink from "
                f"{size_text(volume.size)} to {size_text(plan.target)} would cut off. Only growing it is done here."
            )
        return
    if fs.kind not in ("ext3", "ext4", "xfs"):
        out = "Open it and resize by hand, innermost first." if fs.kind == "crypto_LUKS" else "Resize it by hand."
        if plan.target < volume.size and fs.kind != "crypto_LUKS":
            out = _copied(plan)
        raise OperatorError(f"{volume.name} holds {fs.kind}; only ext4, ext3 and xfs are resized here. {out}")
    if fs.size > volume.size:
        raise OperatorError(
            f"The file system on {volume.name} has {fs.size} bytes, but the volume only {volume.size}: somebody cut it. "
            "Give the volume its size back at once (lvextend without -r, see /etc/lvm/archive) and check the data."
        )
    if fs.ext and ("has_journal" not in fs.features or "bigalloc" in fs.features):
        raise OperatorError(
            f"The {fs.kind} on {volume.name} has no journal, or has clusters (bigalloc); a power cut while it is resized "
            "could cost it, so this is refused."
        )
    if fs.ext and "error" in fs.state:
        raise OperatorError(
            f"The {fs.kind} on {volume.name} is marked '{fs.state}'; unmount it and run e2fsck -f {volume.device}."
        )
    if plan.shrinks_fs and "sparse_super2" in fs.features:
        raise OperatorError(
            f"The {fs.kind} on {volume.name} has the feature sparse_super2, with which the kernel can't grow it to fill its volume "
            f"after a shrink, so this is refused. {_copied(plan)}"
        )
    if plan.shrinks_fs and fs.kind == "xfs":
        raise OperatorError(
            f"{volume.name} holds xfs, which can't be shrunk (now {size_text(fs.size)}, wanted {size_text(plan.target)}). "
            f"{_copied(plan)}"
        )


def _copied(plan: ResizePlan) -> str:
    """The way out where a file system can't be shrunk."""
    free, target = plan.volume.vg_free, plan.target
    first = "" if free >= target else f"add a disk to the group first (vgextend {plan.volume.vg} DEVICE), then "
    make = f"make a smaller volume beside it (lvcreate -L {exact(target)}; {size_text(free)} is free), copy the files "
    text = (
        first
        + make
        + ("(rsync -aHAXS, once while all runs and once with the instances stopped), and swap the two in fstab.")
    )
    return text[0].upper() + text[1:]


def check_growth(plan: ResizePlan, free: int, pvs: t.Sequence[str]) -> None:
    """Raise OperatorError where a grow lacks extents; free is what LVM may allocate, on these disks or on all of the group."""
    volume = plan.volume
    growth = plan.target - volume.size
    if growth <= free:
        return
    where = f"{', '.join(pvs)} of group {volume.vg} have" if pvs else f"group {volume.vg} has"
    closed = volume.vg_free - free
    hint = (
        f" {size_text(closed)} more are on disks that LVM doesn't allocate from (pvs; pvchange -x y)."
        if closed > 0 and not pvs
        else ""
    )
    raise OperatorError(
        f"{volume.name} lacks {size_text(growth)} to be {size_text(plan.target)}, but {where} only "
        f"{size_text(free)} free.{hint} Choose a smaller size, or add a disk: vgextend {volume.vg} DEVICE."
    )


def pools_at_risk(plan: ResizePlan) -> list[str]:
    """What a grow takes from thin pools of the group that may need it, one text for each."""
    volume = plan.volume
    left = volume.vg_free - (plan.target - volume.size)
    return [
        f"Group {volume.vg} keeps {size_text(left)} free after this grow, but the volumes of its thin pool {name} ({size_text(size)}) may come to "
        f"{size_text(promised)}. A thin pool that is full fails all of them: keep {size_text(promised - size)} free for it, or watch how full it is (lvs)."
        for name, size, promised in volume.pools
        if plan.target > volume.size and promised - size > left
    ]


def check_space(plan: ResizePlan, minimum: int, used: int, margin: int, copy: int, free: int) -> None:
    """Raise OperatorError where a shrink lacks room in the new size or for its safety copy; free is what LVM may allocate."""
    volume = plan.volume
    if not plan.shrinks_fs:
        return
    needed = max(used + margin, minimum)
    if plan.fs_target < needed:
        reason = (
            f"its files take {size_text(used)}, and {size_text(margin)} is to stay free"
            if plan.fs_target < used + margin
            else f"resize2fs takes its file system to no less than {size_text(minimum)}, for its files and inodes"
        )
        smallest = (-(-needed // volume.extent) + 1) * volume.extent
        hint = (
            f"The smallest size is {exact(smallest)}; choose a larger size, or delete files."
            if smallest < volume.size
            else f"It can't be smaller than its {size_text(volume.size)}; delete files first."
        )
        raise OperatorError(f"{volume.name} can't be {size_text(plan.target)}: {reason}. {hint}")
    if copy > free:
        raise OperatorError(
            f"Shrinking {volume.name} needs {size_text(copy)} free in group {volume.vg} for as long as it takes, so that a "
            f"power cut can't hurt it; {size_text(free)} is free. Add a disk for the time (vgextend {volume.vg} DEVICE, "
            "afterwards vgreduce)."
        )


@dataclass(frozen=True)
class Layout:
    """Where an ext4's blocks lie: free runs [first, last] in ascending order, and what its groups have in use."""

    runs: tuple[tuple[int, int], ...]
    groups: int
    inodes_touched: int


def direct_runs(layout: Layout, block: int, size: int) -> list[tuple[int, int]]:
    """Free runs as [begin, end) in bytes, of whole chunks: what is written there hurts nobody.

    resize2fs copies files' blocks from the end of the file system into free blocks. They need no safety copy.
    """
    runs = []
    for first, last in layout.runs:
        begin = -(-first * block // CHUNK) * CHUNK
        end = min((last + 1) * block, size) // CHUNK * CHUNK
        if end - begin >= RUN_MIN:
            runs.append((begin, end))
    return sorted(sorted(runs, key=lambda run: run[0] - run[1])[:RUNS_MAX])


def to_move(layout: Layout, fs: FileSystem, new_size: int) -> int:
    """Bytes in use beyond the new size."""
    blocks, limit = fs.size // fs.block, new_size // fs.block
    free = sum(max(0, last - max(first, limit) + 1) for first, last in layout.runs)
    return (blocks - limit - free) * fs.block


def copy_size(layout: Layout, fs: FileSystem, new_size: int, extent: int) -> int:
    """How large the safety copy has to be: metadata in use, and what moves into free runs too short to be direct.

    Too small would be no danger, only a shrink that is given up: so an estimate will do, on the large side.
    """
    direct = sum(end - begin for begin, end in direct_runs(layout, fs.block, new_size))
    free, chunks, counted = 0, 0, -1
    for first, last in layout.runs:
        begin, end = first * fs.block, min((last + 1) * fs.block, new_size)
        if begin < end:
            free += end - begin
            chunks += (end - 1) // CHUNK - max(begin // CHUNK, counted + 1) + 1
            counted = (end - 1) // CHUNK
    scattered = min(to_move(layout, fs, new_size), free - direct)
    # A block written there takes a whole chunk of the copy, at worst one for each.
    scattered = min(scattered * (CHUNK // min(fs.block, CHUNK)), chunks * CHUNK - direct)
    metadata = layout.inodes_touched * fs.inode_size + layout.groups * (2 * fs.block + 3 * CHUNK + 64)
    need = (metadata + scattered) * 5 // 4 + fs.size // 200 + 16 * 2**20
    return -(-need // extent) * extent


def overlay_table(size: int, runs: t.Sequence[tuple[int, int]], origin: str, copy: str) -> str:
    """A device-mapper table: free runs go to the volume itself, all else to the safety copy."""
    lines, at = [], 0
    for begin, end in [*runs, (size, size)]:
        for start, stop, device in ((at, begin, copy), (begin, end, origin)):
            if stop > start:
                lines.append(f"{start // 512} {(stop - start) // 512} linear {device} {start // 512}")
        at = end
    return "\n".join(lines) + "\n"
