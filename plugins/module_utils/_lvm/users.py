# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who uses a mounted file system, from /proc."""

from __future__ import annotations

import os
import re
import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class User:
    """A process that has something open on the file system. unit and instance are empty where it belongs to none."""

    pid: int
    name: str
    what: str
    unit: str = ""
    instance: str = ""

    def __str__(self) -> str:
        if self.instance:
            return f"instance {self.instance} (process {self.pid})"
        return f"{self.unit or self.name} (process {self.pid}: {self.what})"


def find(number: str) -> list[User]:
    """The processes that use the file system on device MAJOR:MINOR, one entry each."""
    major, minor = (int(part) for part in number.split(":"))
    device = os.makedev(major, minor)
    holders = held(number)
    users = []
    for name in _processes():
        folder = f"/proc/{name}"
        what = next(_uses(folder, device, f"{major:02x}:{minor:02x}"), "")
        if not what and name in holders:
            what = "has it mounted in a mount namespace of its own"
        if what:
            command = _read(folder + "/cmdline").replace("\0", " ")
            guest = re.search(r"\bguest=([^ ,]+)", command)
            unit = re.search(r"/([^/\n]+)\.service$", _read(folder + "/cgroup"), re.MULTILINE)
            users.append(
                User(
                    pid=int(name),
                    name=_read(folder + "/comm").strip(),
                    what=what,
                    unit=unit.group(1) if unit else "",
                    instance=guest.group(1) if guest else "",
                )
            )
    return users


def held(number: str) -> list[str]:
    """One process of each other mount namespace, such as a container's, that keeps the device mounted."""
    seen = {_link("/proc/self/ns/mnt"), ""}
    found = []
    for name in _processes():
        space = _link(f"/proc/{name}/ns/mnt")
        if space not in seen:
            seen.add(space)
            if any(_keeps(line.split(), number) for line in _read(f"/proc/{name}/mountinfo").splitlines()):
                found.append(name)
    return found


def _processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _uses(folder: str, device: int, mapped: str) -> Iterator[str]:
    for kind in ("cwd", "root", "exe"):
        if _device(f"{folder}/{kind}") == device:
            yield f"{kind} {_link(f'{folder}/{kind}')}"
    try:
        handles = os.listdir(folder + "/fd")
    except OSError:
        handles = []
    for handle in handles:
        if _device(f"{folder}/fd/{handle}") == device:
            yield _link(f"{folder}/fd/{handle}")
    for line in _read(folder + "/maps").splitlines():
        fields = line.split(None, 5)
        if len(fields) > 5 and fields[3] == mapped:
            yield fields[5]


def _keeps(fields: list[str], number: str) -> bool:
    """Whether a line of mountinfo is a mount of the device that stays when the host unmounts it.

    Namespaces of systemd's services follow the host (master:N or shared:N); those of a container often don't.
    """
    return fields[2:3] == [number] and not any(one.startswith(("master:", "shared:")) for one in fields[6:])


def _device(path: str) -> int:
    try:
        return os.stat(path).st_dev
    except OSError:
        return -1


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return lines.read()
    except OSError:
        return ""
