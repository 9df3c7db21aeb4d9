# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at this host for an audit: libvirt, LVM, the instances path, nova.conf, limits, Nova's RBD pool. Changes nothing.

What can't be looked at is named in `unknown` with its reason, and is null: unknown is another thing than nothing there.
"""

from __future__ import annotations

import contextlib
import glob
import os
import socket
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply as tc

from .._common import OperatorError, Run
from .._host import libvirt as host_libvirt
from .._host import lvm_report
from .._host.mounts import Mounted, mount_of, mounts
from .._oslo_conf.cinder import rbd_backends
from .._oslo_conf.precedence import ConfigFiles, effective
from .._oslo_conf.processes import start_of_services
from . import parse, rbd
from .places import Places

try:
    import libvirt
except ImportError:
    libvirt = None

if t.TYPE_CHECKING:
    from .facts import (
        CinderConf,
        Disk,
        Entry,
        Facts,
        Instances,
        Libvirt,
        Lvm,
        Memory,
        NovaConf,
        Secret,
    )

Part = t.TypeVar("Part")
ENVIRONMENT = {"LC_ALL": "C", "LVM_SUPPRESS_FD_WARNINGS": "1"}


class Look:
    """One look at this host."""

    def __init__(
        self,
        run: Run,
        *,
        places: Places,
        host: str,
    ) -> None:
        self._run = run
        self._places = places
        self._host = host
        self.unknown: dict[str, str] = {}

    def look(self, wanted: t.Container[str]) -> Facts:
        """The wanted parts; the others are null."""
        conf = self._part("nova_conf", self._nova_conf)
        path = os.path.realpath(
            self._places.instances
            or (conf or {}).get("instances_path")
            or os.path.join((conf or {}).get("state_path") or "/var/lib/nova", "instances")
        )
        mounted = mounts(_read("/proc/self/mountinfo"))

        def part(name: str, look: t.Callable[[], t.Optional[Part]]) -> t.Optional[Part]:
            return self._part(name, look) if name in wanted else None

        return {
            "host": self._host or (conf or {}).get("host") or socket.gethostname(),
            "commands": self._places.commands,
            "nova_conf": conf,
            "cpus": os.cpu_count() or 0,
            "memory": part("memory", self._memory),
            "instances": part("instances", lambda: self._instances(path, mounted)),
            "lvm": part("lvm", lambda: self._lvm(path, mounted)),
            "libvirt": part("libvirt", self._libvirt),
            "limits": part("limits", self._limits),
            "rbd": part("rbd", lambda: self._rbd(conf, rbd.use)),
            "rbd_images": part("rbd_images", lambda: self._rbd(conf, rbd.images)),
            "cinder": part("cinder", self._cinder_conf),
            "unknown": self.unknown,
        }

    def _part(self, name: str, look: t.Callable[[], t.Optional[Part]]) -> t.Optional[Part]:
        try:
            if name in self._places.unknown:
                raise OperatorError(self._places.unknown[name])
            return look()
        except OperatorError as exc:
            self.unknown[name] = str(exc)
        except OSError as exc:
            self.unknown[name] = f"{exc.filename or 'The host'} can't be read: {exc.strerror or exc}."
        return None

    # ------------------------------------------------------------ nova.conf
    def _nova_conf(self) -> NovaConf:
        files = _configuration(self._places.conf or (), "nova_conf")
        found, problems = parse.nova_conf(effective(files, start_of_services(["nova-compute"])))
        if problems:
            self.unknown["nova_conf"] = " ".join(problems)
        found["files"] = [*files.own, *files.folders]
        return found

    def _cinder_conf(self) -> CinderConf:
        files = _configuration(self._places.cinder_conf or (), "cinder_conf")
        found = effective(files, start_of_services(["cinder-volume"]))
        return {"files": [*files.own, *files.folders], "backends": rbd_backends(found.sections)}

    # ------------------------------------------------------------------ rbd
    @staticmethod
    def _rbd(conf: t.Optional[NovaConf], look: t.Callable[[rbd.Place], Part]) -> t.Optional[Part]:
        if not conf or str(conf.get("images_type", "")).lower() != "rbd":
            return None
        place = rbd.Place(
            conf=conf.get("images_rbd_ceph_conf") or "/etc/ceph/ceph.conf",
            pool=conf.get("images_rbd_pool") or "rbd",
            user=conf.get("rbd_user") or "admin",
        )
        return look(place)

    # --------------------------------------------------------------- memory
    @staticmethod
    def _memory() -> Memory:
        lines = (line.split() for line in _read("/proc/meminfo").splitlines())
        kib = {words[0].rstrip(":"): int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
        return {"total": kib["MemTotal"] * 1024, "available": kib.get("MemAvailable", kib["MemFree"]) * 1024}

    # -------------------------------------------------------- instances path
    @staticmethod
    def _instances(path: str, mounted: t.Sequence[Mounted]) -> Instances:
        if not os.path.isdir(path):
            raise OperatorError(f"There is no folder {path} on this host; name it with instances_path.")
        room, mount = os.statvfs(path), mount_of(mounted, path)
        entries: list[Entry] = []
        for one in sorted(os.scandir(path), key=lambda entry: entry.name):
            kind, instance, suffix = parse.entry(one.name)
            entries.append(
                {
                    # A name may hold bytes that are no text.
                    "name": one.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
                    "kind": kind,
                    "instance": instance,
                    "suffix": suffix,
                    "size": _size(one.path),
                    "folder": one.is_dir(follow_symlinks=False),
                }
            )
        return {
            "path": path,
            "mount": mount.point if mount else "/",
            "kind": mount.kind if mount else "",
            "shared": mount is not None and mount.kind in parse.SHARED,
            "total": room.f_blocks * room.f_frsize,
            "used": (room.f_blocks - room.f_bfree) * room.f_frsize,
            # Of what is free, some is for root alone, and QEMU doesn't run as root.
            "free": room.f_bavail * room.f_frsize,
            "entries": entries,
        }

    # ------------------------------------------------------------------ lvm
    def _lvm(self, path: str, mounted: t.Sequence[Mounted]) -> Lvm:
        groups = [parse.group(row) for row in self._rows("vgs", parse.VGS_FIELDS, "vg")]
        swaps = {_number(line.split()[0]) for line in _read("/proc/swaps").splitlines()[1:]}
        volumes = []
        for row in self._rows("lvs", parse.LVS_FIELDS, "lv") if groups else []:
            number = _number(row["lv_path"]) if row["lv_path"] else ""
            points = [one.point for one in mounted if number and one.number == number]
            volumes.append(parse.volume(row, points, bool(number) and number in swaps, path))
        return {"groups": groups, "volumes": volumes}

    def _rows(self, command: str, fields: str, kind: str) -> list[dict[str, str]]:
        line = [command, "--reportformat", "json", "--units", "b", "--nosuffix", "-o", fields]
        try:
            rc, out, err = self._run(line, "")
        except OSError:
            raise OperatorError(f"There is no {command} on this host; install lvm2.") from None
        if rc:
            raise OperatorError(f"`{' '.join(line)}` ended with {rc}: {' '.join(err.split())[-300:]}")
        return lvm_report.rows(out, kind, fields)

    # -------------------------------------------------------------- libvirt
    def _libvirt(self) -> Libvirt:
        connection = host_libvirt.connect(self._places.uri, read_only=True)
        try:
            node = connection.getInfo()
            sizes = self._sizes(connection)
            domains = []
            for one in connection.listAllDomains():
                try:
                    found = parse.domain(one.XMLDesc(), one.state()[0])
                except libvirt.libvirtError as exc:
                    if exc.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN:  # gone since the list was made
                        continue
                    raise
                for disk in found["disks"]:
                    disk["source"] = self._places.here(disk["source"])
                    disk["virtual"] = sizes.get((found["uuid"], disk["target"]))
                    disk["actual"] = _actual(disk)
                domains.append(found)
            return {
                "hostname": connection.getHostname(),
                "cpus": node[2],
                "memory": node[1] << 20,
                "domains": sorted(domains, key=lambda found: str(found["name"])),
                "secrets": self._secrets(connection),
            }
        except libvirt.libvirtError as exc:
            raise OperatorError(f"libvirt on {self._places.uri} refuses an answer: {exc}") from None
        finally:
            connection.close()

    def _secrets(self, connection: t.Any) -> t.Optional[list[Secret]]:
        try:
            return [parse.secret(one.XMLDesc()) for one in connection.listAllSecrets()]
        except libvirt.libvirtError as exc:
            self.unknown["secrets"] = f"libvirt doesn't list its secrets: {exc}"
            return None

    @staticmethod
    def _sizes(connection: t.Any) -> dict[tuple[str, str], int]:
        """The virtual sizes of all disks in one call; a guest that is busy with something else is not waited for."""
        found = {}
        try:
            everything = connection.getAllDomainStats(
                libvirt.VIR_DOMAIN_STATS_BLOCK, getattr(libvirt, "VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT", 0)
            )
        except libvirt.libvirtError:
            return {}
        for one, said in everything:
            for number in range(int(said.get("block.count", 0))):
                if f"block.{number}.capacity" in said:
                    key = (one.UUIDString(), str(said.get(f"block.{number}.name")))
                    found[key] = int(said[f"block.{number}.capacity"])
        return found

    # --------------------------------------------------------------- limits
    @staticmethod
    def _limits() -> list[dict[str, t.Any]]:
        ports, _problems = tc.survey([])
        return [port.public() for port in ports]


def _configuration(paths: t.Sequence[str], option: str) -> ConfigFiles:
    """The text of each of these files, and of those in these folders, that is there. Raises OperatorError if none is."""
    own: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in paths:
        into, names = own, [path]
        if os.path.isdir(path):
            into = folders
            names = sorted(glob.glob(os.path.join(glob.escape(path), "*.conf")))
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                into[name] = _read(name)
    files = [path for path in paths if path.endswith(".conf") and not path.endswith(".conf.d")]
    if folders and files and not own:
        # Snippets that this collection, or a package, has put beside a file that is somewhere else, in a container's image for example.
        raise OperatorError(
            f"Of {option}, only files in folders are on this host ({', '.join(sorted(folders)[:3])}), and none of {', '.join(files)}: what the "
            f"service reads is somewhere else. Name its files with {option}."
        )
    if not own and not folders:
        raise OperatorError(f"None of {', '.join(paths)} is on this host; name its files with {option}.")
    return ConfigFiles(own, folders)


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as lines:
        return lines.read()


def _number(path: str) -> str:
    try:
        found = os.stat(path).st_rdev
    except OSError:
        return ""
    return f"{os.major(found)}:{os.minor(found)}"


def _size(path: str) -> int:
    """Bytes that are taken on the disk, of a file or of all below a folder on the same file system. Links are not followed."""
    try:
        top = os.lstat(path)
    except OSError:
        return 0
    size, folders = top.st_blocks * 512, [path]
    seen = set()
    while folders:
        folder = folders.pop()
        if not os.path.isdir(folder) or os.path.islink(folder):
            continue
        try:
            entries = list(os.scandir(folder))
        except OSError:  # removed meanwhile
            continue
        for one in entries:
            try:
                found = one.stat(follow_symlinks=False)
            except OSError:
                continue
            if found.st_dev != top.st_dev or (
                found.st_nlink > 1 and not one.is_dir(follow_symlinks=False) and found.st_ino in seen
            ):
                continue
            seen.add(found.st_ino)
            size += found.st_blocks * 512
            if one.is_dir(follow_symlinks=False):
                folders.append(one.path)
    return size


def _actual(disk: Disk) -> t.Optional[int]:
    """Bytes that a disk takes on this host; None where it doesn't lie here."""
    if disk["kind"] == "file" and disk["source"]:
        with contextlib.suppress(OSError):
            return os.stat(disk["source"]).st_blocks * 512
    if disk["kind"] == "block" and disk["source"]:
        with contextlib.suppress(OSError):
            handle = os.open(disk["source"], os.O_RDONLY)
            try:
                return os.lseek(handle, 0, os.SEEK_END)
            finally:
                os.close(handle)
    return None
