# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of this host as the kernel, udev and LVM have them."""

from __future__ import annotations

import os
import re
import stat
import typing as t
from dataclasses import dataclass, replace
from functools import partial

from .._ceph.children import Job, run_all
from .._common import OperatorError, Run
from .._host import lvm_report, mounts, processes
from .._text import on_one_line
from . import parse
from .model import Disk, Osd, Part, serial_of, usable_names
from .probe import probe_all

#: Devices of /sys/block that are no disks of this host: memory, files, optical drives, and what is on top of disks or comes over a network.
_NO_DISK = re.compile(r"(loop|ram|zram|sr|fd|dm-|md|nbd|rbd|zd|drbd|bcache|mtdblock)[0-9]")
_PASSING = ("systemd-udevd", "(udev-worker)")

Probe = t.Callable[[t.Sequence[t.Sequence[str]], float], t.List[t.Dict[str, t.Any]]]


@dataclass(frozen=True)
class Host:
    """Where to look. Tests put trees of their own in the place of the kernel's."""

    run: Run
    seconds: float = 60
    sys: str = "/sys"
    dev: str = "/dev"
    proc: str = "/proc"
    probe: Probe = probe_all
    spaces: t.Callable[[], t.Mapping[str, t.Sequence[mounts.Mounted]]] = processes.spaces

    def disks(self) -> list[Disk]:
        """All disks, by their kernel names. Whatever couldn't be found out is in `unknown` of each disk that it may concern."""
        found = [self._hardware(name) for name in self._names()]
        unknown: list[str] = []
        groups, osds = self._lvm(unknown)
        usage = self._usage(unknown)
        probed = self.probe([self._paths(disk) for disk in found], self.seconds) if found else []
        return [
            _whole(disk, one, groups, osds, usage, unknown, self.dev) for disk, one in zip(found, probed)
        ]  # fmt: skip

    # ------------------------------------------------------------ kernel
    def _names(self) -> list[str]:
        names = []
        for name in os.listdir(f"{self.sys}/block"):
            multipath = self._read(f"block/{name}/dm/uuid").startswith("mpath-")
            if multipath or not (_NO_DISK.match(name) or self._read(f"block/{name}/hidden") == "1"):
                names.append(name)
        return sorted(names, key=lambda name: (len(name), name))

    def _hardware(self, name: str) -> Disk:
        folder = f"block/{name}"
        unknown = []
        size = self._read(f"{folder}/size")
        number = self._read(f"{folder}/dev")
        parts: dict[str, Part] = {}
        try:
            self._climb(f"{self.sys}/block/{name}", parts)
        except OSError as exc:
            unknown.append(f"{exc.filename}: {exc.strerror}")
        if not size.isdigit() or not re.match(r"[0-9]+:[0-9]+\Z", number):
            unknown.append(f"{self.sys}/{folder} doesn't tell size and number")
        multipath = self._read(f"{folder}/dm/uuid").startswith("mpath-")
        serial, model = self._identity(name)
        return Disk(
            kernel=name,
            number=number,
            size=int(size) * 512 if size.isdigit() else 0,
            serial=serial,
            model=model,
            names=self._links(name),
            rotational=self._read(f"{folder}/queue/rotational") == "1",
            # What doesn't say that it can be written isn't taken for it.
            read_only=self._read(f"{folder}/ro") != "0",
            removable=self._read(f"{folder}/removable") == "1",
            multipath=multipath,
            parts=tuple(parts.values()),
            unknown=tuple(unknown),
        )

    def _climb(self, folder: str, parts: dict[str, Part]) -> None:
        """Partitions, and all that is on top of a device or of these, however high."""
        for entry in sorted(os.listdir(folder)):
            if os.path.exists(f"{folder}/{entry}/partition") and entry not in parts:
                parts[entry] = Part(entry, entry, self._text(f"{folder}/{entry}/dev"), "partition")
                self._climb(f"{folder}/{entry}", parts)
        holders = f"{folder}/holders"
        for entry in sorted(os.listdir(holders)) if os.path.isdir(holders) else []:
            if entry not in parts:
                above = f"{self.sys}/class/block/{entry}"
                uuid = self._text(f"{above}/dm/uuid")
                kinds = {"LVM": "lvm", "CRYPT": "crypt", "mpath": "multipath"}
                kind = "raid" if re.match(r"md[0-9_]", entry) else kinds.get(uuid.partition("-")[0], "device")
                parts[entry] = Part(entry, self._text(f"{above}/dm/name") or entry, self._text(f"{above}/dev"), kind)
                self._climb(above, parts)

    def _identity(self, name: str) -> tuple[str, str]:
        """Serial and model: what the kernel says, else what udev has asked the disk for."""
        folder = f"block/{name}"
        texts = [self._read(f"{folder}/device/serial"), self._read(f"{folder}/serial"), self._unit_serial(name)]
        model = self._read(f"{folder}/device/model")
        if not any(map(serial_of, texts)) or not model:
            asked = self._udev(name)
            texts += [asked.get(key, "") for key in ("ID_SCSI_SERIAL", "ID_SERIAL_SHORT", "DM_SERIAL")]
            model = model or asked.get("ID_MODEL", "")
        return next(filter(None, map(serial_of, texts)), ""), on_one_line(model)

    def _unit_serial(self, name: str) -> str:
        """The unit serial of a SCSI or SATA disk (VPD page 80: four bytes, and then the text)."""
        try:
            with open(f"{self.sys}/block/{name}/device/vpd_pg80", "rb") as page:
                return page.read(256)[4:].decode("ascii", "replace").strip("\0 ")
        except OSError:
            return ""

    def _udev(self, name: str) -> dict[str, str]:
        try:
            rc, out, _err = self.run(["udevadm", "info", "--query=property", f"--path=/block/{name}"], "")
        except FileNotFoundError:
            return {}
        return parse.properties(out) if rc == 0 else {}

    def _links(self, name: str) -> tuple[str, ...]:
        folder = f"{self.dev}/disk/by-id"
        try:
            entries = os.listdir(folder)
        except OSError:
            return ()
        device = os.path.realpath(f"{self.dev}/{name}")
        return usable_names(
            entry for entry in entries if entry.isprintable() and os.path.realpath(f"{folder}/{entry}") == device
        )

    def _paths(self, disk: Disk) -> list[str]:
        return [
            f"{self.dev}/{name}" for name in [disk.kernel, *(p.kernel for p in disk.parts if p.kind == "partition")]
        ]

    # --------------------------------------------------------------- LVM
    def _lvm(self, unknown: list[str]) -> tuple[dict[str, str], list[tuple[Osd, tuple[str, ...]]]]:
        """Groups and OSDs by kernel names of devices; what LVM wouldn't say is added to unknown."""
        try:
            groups = {
                self._kernel(path): group for path, group in parse.groups_of(self._report("pvs", parse.PVS)).items()
            }
            found = []
            for osd, below in parse.osds_of(self._report("lvs", parse.LVS)):
                group = osd.volume.partition("/")[0]
                devices = {self._kernel(path) for path in below if path.startswith("/")}
                # A volume on other volumes (cached, mirrored) is on the disks of its group, as far as LVM tells here.
                devices |= (
                    {name for name, one in groups.items() if one == group} if len(devices) < len(below) else set()
                )
                found.append((osd, tuple(sorted(devices))))
        except OperatorError as exc:
            unknown.append(str(exc))
            return {}, []
        return groups, found

    def _report(self, program: str, fields: str) -> str:
        every = ["-a"] if program == "lvs" else []
        command = partial(self.run, [program, *every, *lvm_report.OPTIONS, "-o", fields], "")
        (ended,) = run_all(
            [Job(partial(_installed, command))], self.seconds
        )  # it reads from disks, and one may have died
        if not ended.in_time:
            raise OperatorError(f"{program} of LVM didn't answer within {self.seconds:g} s")
        if ended.error:
            raise OperatorError(f"{program} of LVM: {ended.error}")
        rc, out, err = ended.value
        if rc:
            raise OperatorError(f"{program} of LVM said: {' '.join(err.split())[-200:] or f'error {rc}'}")
        return str(out)

    def _kernel(self, path: str) -> str:
        return os.path.basename(os.path.realpath(path))

    # ------------------------------------------------------------- users
    def _usage(self, unknown: list[str]) -> dict[str, tuple[list[str], list[str]]]:
        """By MAJOR:MINOR: where a device is mounted or swapped to, in any mount namespace, and which processes have it open."""
        found: dict[str, tuple[list[str], list[str]]] = {}
        try:
            own = mounts.mounts(self._text(f"{self.proc}/self/mountinfo"))
            if not own:
                raise OperatorError(f"{self.proc}/self/mountinfo tells nothing")
            for space in [own, *self.spaces().values()]:
                for one in space:
                    points = found.setdefault(one.number, ([], []))[0]
                    if one.point not in points:
                        points.append(one.point)
            for line in self._text(f"{self.proc}/swaps").splitlines()[1:]:
                path = mounts.unescaped(line.split()[0])
                if os.path.exists(path) and stat.S_ISBLK(os.stat(path).st_mode):
                    found.setdefault(_number(os.stat(path).st_rdev), ([], []))[0].append("swap")
        except (OperatorError, OSError) as exc:
            unknown.append(f"what is mounted: {exc}")
        for number, user in self._open():
            users = found.setdefault(number, ([], []))[1]
            if user not in users:
                users.append(user)
        return found

    def _open(self) -> t.Iterator[tuple[str, str]]:
        """Block devices that processes have open, each with the process."""
        for pid in os.listdir(self.proc):
            folder = f"{self.proc}/{pid}/fd"
            try:
                handles = os.listdir(folder) if pid.isdigit() and int(pid) != os.getpid() else []
            except OSError:
                continue  # it has ended
            for handle in handles:
                try:
                    device = os.stat(f"{folder}/{handle}")
                    if not stat.S_ISBLK(device.st_mode):
                        continue
                    name = self._text(f"{self.proc}/{pid}/comm")
                except OSError:
                    continue
                if name not in _PASSING:
                    yield _number(device.st_rdev), f"{on_one_line(name) or '?'} (process {pid})"

    # ------------------------------------------------------------- files
    def _read(self, path: str) -> str:
        """A file of sysfs, or empty where it isn't there."""
        try:
            return self._text(f"{self.sys}/{path}")
        except OSError:
            return ""

    @staticmethod
    def _text(path: str) -> str:
        """A file's text without the blanks around it; empty where it isn't there. Raises OSError for one that can't be read."""
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read().strip()
        except FileNotFoundError:
            return ""


def _installed(command: t.Callable[[], tuple[int, str, str]]) -> tuple[int, str, str]:
    try:
        return command()
    except FileNotFoundError:
        raise OperatorError("it isn't installed on this host; install lvm2") from None


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


def _whole(
    disk: Disk,
    probed: t.Mapping[str, t.Any],
    groups: t.Mapping[str, str],
    osds: t.Sequence[tuple[Osd, tuple[str, ...]]],
    usage: t.Mapping[str, tuple[list[str], list[str]]],
    unknown: t.Sequence[str],
    dev: str,
) -> Disk:
    """A disk with everything that is known of it."""
    kernels = [disk.kernel, *(part.kernel for part in disk.parts)]
    numbers = [disk.number, *(part.number for part in disk.parts)]
    used = [usage[number] for number in numbers if number in usage]
    tagged = [osd for osd, below in osds if set(below) & set(kernels)]
    labels = [Osd(**one) for one in probed.get("osds", ())]
    return replace(
        disk,
        signatures=tuple((path[len(dev) + 1 :], kind) for path, kind in probed.get("signatures", ())),
        groups=tuple(sorted({groups[name] for name in kernels if groups.get(name)})),
        mounts=tuple(sorted({point for points, _users in used for point in points})),
        users=tuple(sorted({user for _points, users in used for user in users})),
        osds=(*tagged, *(one for one in labels if one.fsid not in {osd.fsid for osd in tagged})),
        blank=probed.get("blank"),
        exclusive=probed.get("exclusive"),
        unknown=(*disk.unknown, *unknown, *probed.get("unknown", ()), *_unanswered(probed)),
    )


def _unanswered(probed: t.Mapping[str, t.Any]) -> list[str]:
    if probed.get("unknown"):
        return []
    missing = [name for name in ("blank", "exclusive") if probed.get(name) is None]
    return ["it couldn't be opened and read"] if missing else []
