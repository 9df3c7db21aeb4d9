# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is mounted where, from /proc/PID/mountinfo. Pure. PRIVATE to the collection."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._common import OperatorError, shown


@dataclass(frozen=True)
class Mounted:
    """A line of mountinfo: MAJOR:MINOR of the device, mount point, options of the mount and of the file system, and its kind.

    peers is how mounts and unmounts spread: shared:N, master:N and the like. id and parent are numbers of mounts in their
    namespace, and root is the folder of the file system that is seen at the mount point.
    """

    number: str
    point: str
    options: tuple[str, ...]
    kind: str
    fs_options: tuple[str, ...]
    peers: tuple[str, ...]
    id: str = ""
    parent: str = ""
    root: str = "/"


def mounts(text: str) -> list[Mounted]:
    """Every mount, in the kernel's order. Raises OperatorError for a line of another shape than proc_pid_mountinfo(5) tells."""
    # The kernel escapes blanks and newlines, but no other character that Python takes for white space.
    return [_mounted(line) for line in text.split("\n") if line]


def _mounted(line: str) -> Mounted:
    front, dash, back = line.partition(" - ")
    fields, rear = front.split(" "), back.split(" ")
    if not dash or len(fields) < 6 or len(rear) < 3 or not re.match(r"\d+:\d+\Z", fields[2], re.ASCII):
        raise OperatorError(
            f"mountinfo has the line {shown(line)}, which isn't of the form that kernels write; "
            "look at /proc/self/mountinfo by hand."
        )
    return Mounted(
        number=fields[2],
        point=unescaped(fields[4]),
        options=tuple(fields[5].split(",")),
        kind=unescaped(rear[0]),
        fs_options=tuple(rear[2].split(",")),
        peers=tuple(fields[6:]),
        id=fields[0],
        parent=fields[1],
        root=unescaped(fields[3]),
    )


def unescaped(path: str) -> str:
    """A path as it is, from how the kernel writes it in lists: with \\040 for a blank, and so on."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), path)


def mount_of(found: t.Sequence[Mounted], path: str) -> t.Optional[Mounted]:
    """The mount that a path lies on, if any. Of those at one point the last one counts, because it covers the others."""
    best = None
    for one in found:
        if inside(path, one.point) and (best is None or len(one.point) >= len(best.point)):
            best = one
    return best


def staying(own: t.Sequence[Mounted], spaces: t.Mapping[str, t.Sequence[Mounted]], number: str) -> list[str]:
    """The mount namespaces, by their keys, in which the device stays mounted when it is unmounted in the own one.

    An unmount spreads by the parent of a mount (mount_namespaces(7)): to the parent's peers, their slaves, and the slaves of those.
    What the mount itself is, shared or a slave, doesn't matter.
    """
    parents = {one.id: one for one in own}
    here = [(one, parents[one.parent]) for one in own if one.number == number and one.parent in parents]
    places = {_place(one, parent) for one, parent in here}
    reached = {group for _one, parent in here for group in _groups(parent, "shared")}
    known = -1
    while len(reached) != known:
        known = len(reached)
        for found in spaces.values():
            for one in found:
                if reached & _groups(one, "master"):
                    reached |= _groups(one, "shared")
    keep = []
    for name, found in spaces.items():
        there = {one.id: one for one in found}
        for one in found:
            if one.number == number:
                above = there.get(one.parent)
                follows = above and reached & (_groups(above, "shared") | _groups(above, "master"))
                if not above or not follows or _place(one, above) not in places:
                    keep.append(name)
                    break
    return keep


def _groups(mount: Mounted, how: str) -> set[str]:
    return {peer[len(how) + 1 :] for peer in mount.peers if peer.startswith(how + ":")}


def _place(mount: Mounted, parent: Mounted) -> str:
    """Where a mount point lies in the file system that the parent shows a folder of."""
    return parent.root.rstrip("/") + "/" + mount.point[len(parent.point) :].lstrip("/")


def inside(path: str, folder: str) -> bool:
    """Whether a path is the folder or below it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
