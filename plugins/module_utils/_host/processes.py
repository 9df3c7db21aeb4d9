# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that use a mounted file system, from /proc. PRIVATE to the collection."""

from __future__ import annotations

import os
import re
import stat
import typing as t
from dataclasses import dataclass

from . import mounts

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: In the name of a control group: docker-ID.scope, libpod-ID.scope, cri-containerd-ID.scope, /docker/ID, kubepods/.../ID.
_CONTAINER = re.compile(r"/(?:[a-z-]+-)?([0-9a-f]{64})(?:\.scope)?(?:/|$)", re.MULTILINE)


@dataclass(frozen=True)
class User:
    """A process that has something open on the file system, or its device.

    unit (of systemd), instance and container (the beginning of its id) are empty where it belongs to none.
    """

    pid: int
    name: str
    what: str
    unit: str = ""
    instance: str = ""
    container: str = ""

    def __str__(self) -> str:
        if self.instance:
            return f"instance {self.instance} (process {self.pid})"
        who = f"{self.name} of container {self.container}" if self.container else self.unit or self.name
        return f"{who} (process {self.pid}: {self.what})"


#: They look at each device that changes, for a moment.
_PASSING = ("systemd-udevd", "(udev-worker)")


def find(number: str) -> list[User]:
    """The processes that use the file system on device MAJOR:MINOR, one entry each. Raises OperatorError as mounts() does."""
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
            users.append(_user(name, what))
    return [one for one in users if one.name not in _PASSING]


def _user(pid: str, what: str) -> User:
    folder = f"/proc/{pid}"
    guest = re.search(r"\bguest=([^ ,]+)", read(folder + "/cmdline").replace("\0", " "))
    cgroup = read(folder + "/cgroup")
    units = re.findall(r"/([^/\n]+)\.service(?=/|$)", cgroup, re.MULTILINE)
    container = re.search(_CONTAINER, cgroup)
    return User(
        pid=int(pid),
        name=read(folder + "/comm").strip(),
        what=what,
        unit=units[-1] if units else "",
        instance=guest.group(1) if guest else "",
        container=container.group(1)[:12] if container else "",
    )


def held(number: str) -> list[str]:
    """One process of each other mount namespace, such as a container's, in which the device stays mounted. Raises as find()."""
    return mounts.staying(mounts.mounts(read("/proc/self/mountinfo")), spaces(), number)


def spaces() -> dict[str, list[mounts.Mounted]]:
    """What is mounted in each other mount namespace, by the id of a process in it. Raises as find()."""
    seen = {_link("/proc/self/ns/mnt"), ""}
    found = {}
    for name in _processes():
        space = _link(f"/proc/{name}/ns/mnt")
        if space not in seen:
            seen.add(space)
            found[name] = mounts.mounts(read(f"/proc/{name}/mountinfo"))
    return found


def _processes() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]


def _uses(folder: str, device: int, mapped: str) -> Iterator[str]:
    for kind in ("cwd", "root", "exe"):
        if device in _devices(f"{folder}/{kind}"):
            yield f"{kind} {_link(f'{folder}/{kind}')}"
    try:
        handles = os.listdir(folder + "/fd")
    except OSError:
        handles = []
    for handle in handles:
        if device in _devices(f"{folder}/fd/{handle}"):
            yield _link(f"{folder}/fd/{handle}")
    for line in read(folder + "/maps").splitlines():
        fields = line.split(None, 5)
        if len(fields) > 5 and fields[3] == mapped:
            yield fields[5]


def _devices(path: str) -> tuple[int, ...]:
    """The device that a file lies on, and the one that it is."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return (found.st_dev, found.st_rdev) if stat.S_ISBLK(found.st_mode) else (found.st_dev,)


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def read(path: str) -> str:
    """The text of a file of /proc; empty where its process has ended."""
    try:
        with open(path, encoding="utf-8", errors="replace") as lines:
            return lines.read()
    except OSError:
        return ""
