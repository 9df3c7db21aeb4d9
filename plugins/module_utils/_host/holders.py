# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What in the kernel keeps a mounted file system busy, though no process has it open. PRIVATE to the collection."""

from __future__ import annotations

import errno
import glob
import os
import re
import typing as t

from . import mounts, processes


def find(point: str, number: str) -> list[str]:
    """What holds the file system of device MAJOR:MINOR at a mount point, each with the way to end it.

    An empty point stands for a device that isn't mounted here. Raises as mounts() does, and OSError for a list that can't be read.
    """
    on_top = [f"the device {name} on top of it" for name in _on_top(number)]
    if not point:
        return on_top
    own = mounts.mounts(_text("/proc/self/mountinfo"))
    found = [f"a mount below it, {path} (umount)" for path in below(own, point)]
    for one in own:
        if one.kind == "autofs" and one.point == point:
            unit = f"$(systemd-escape -p --suffix=automount {point})"
            found.append(
                f'an automount, which would mount it again at once (systemctl stop "{unit}", then mount {point})'
            )
    for name, space in {"": own, **processes.spaces()}.items():
        whose = f" of process {name}" if name else ""
        found += [f"the overlay {path}{whose} (umount)" for path in overlays(space, point)]
    found += [f"the swap file {path} (swapoff)" for path in swaps(_read("/proc/swaps"), point)]
    for file in sorted(glob.glob("/sys/block/loop*/loop/backing_file")):
        path = _read(file).rstrip("\n")
        if mounts.inside(path, point):
            found.append(f"{file.split('/')[3]} with {path} behind it (losetup -d)")
    found += [f"the export of {path} by NFS (exportfs -u)" for path in exports(_read("/var/lib/nfs/etab"), point)]
    return list(dict.fromkeys(found + on_top))


def below(found: t.Sequence[mounts.Mounted], point: str) -> list[str]:
    """Mount points below a mount point."""
    return [one.point for one in found if one.point != point and mounts.inside(one.point, point)]


def overlays(found: t.Sequence[mounts.Mounted], point: str) -> list[str]:
    """Where overlays are mounted that have one of their layers there."""
    named = []
    for one in found:
        for option in one.fs_options if one.kind == "overlay" else ():
            name, _equals, value = option.partition("=")
            layers = re.split(r"(?<!\\):", mounts.unescaped(value)) if name.rstrip("+").endswith("dir") else ()
            if one.point not in named and any(mounts.inside(layer, point) for layer in layers):
                named.append(one.point)
    return named


def swaps(text: str, point: str) -> list[str]:
    """Files there that /proc/swaps tells of."""
    return _first_fields(text, point)


def exports(text: str, point: str) -> list[str]:
    """Folders there, and the mount itself, that /var/lib/nfs/etab tells of."""
    return _first_fields(text, point)


def _first_fields(text: str, point: str) -> list[str]:
    fields = [mounts.unescaped(re.split(r"[ \t]", line, maxsplit=1)[0]) for line in text.split("\n")]
    return list(dict.fromkeys(path for path in fields if mounts.inside(path, point)))


def _on_top(number: str) -> list[str]:
    names = []
    for folder in sorted(glob.glob(f"/sys/dev/block/{number}/holders/*")):
        names.append(_read(folder + "/dm/name").strip() or os.path.basename(folder))
    return names


def _read(path: str) -> str:
    """A file's text; empty for one that isn't there, or whose device has gone. Raises OSError for one that can't be read."""
    try:
        return _text(path)
    except FileNotFoundError:
        return ""
    except OSError as exc:
        if exc.errno == errno.ENODEV:
            return ""
        raise


def _text(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as lines:
        return lines.read()
