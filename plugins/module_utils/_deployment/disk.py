# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of a host, below a root that tests choose. Reads only."""

from __future__ import annotations

import glob
import os
import pwd
import typing as t

from .._oslo_conf.precedence import Start
from .._oslo_conf.processes import start_of_services

#: Where systemd looks for units, in its order, and where quadlets lie that it makes units of.
_UNITS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
_QUADLETS = ("/etc/containers/systemd", "/usr/share/containers/systemd")


class Disk:
    """The files of a host; root is / but in tests."""

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")

    def _at(self, path: str) -> str:
        return self._root + path

    def exists(self, path: str) -> bool:
        """Whether there is something, a link that leads nowhere included."""
        return os.path.lexists(self._at(path))

    def is_folder(self, path: str) -> bool:
        return os.path.isdir(self._at(path))

    def is_file(self, path: str) -> bool:
        return os.path.isfile(self._at(path))

    def link(self, path: str) -> str:
        """Where a link leads, as an absolute path of this host; empty for what is none."""
        try:
            target = os.readlink(self._at(path))
        except OSError:
            return ""
        return os.path.normpath(os.path.join(os.path.dirname(path), target))

    def names(self, pattern: str) -> list[str]:
        """The paths that match a shell's pattern, in order."""
        return sorted(found[len(self._root) :] for found in glob.glob(glob.escape(self._root) + pattern))

    def text(self, path: str) -> str:
        """A file's text; empty where there is none."""
        try:
            with open(self._at(path), encoding="utf-8", errors="replace") as lines:
                return lines.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return ""

    def owner(self, path: str) -> t.Optional[tuple[int, int]]:
        """Numbers of owner and group; None where there is nothing."""
        try:
            found = os.stat(self._at(path))
        except OSError:
            return None
        return found.st_uid, found.st_gid

    def account(self, name: str) -> t.Optional[tuple[int, int]]:
        """Numbers of an account of this host and its group; None where it has no such."""
        if not self._root:
            try:  # it may come from a directory service
                found = pwd.getpwnam(name)
            except KeyError:
                return None
            return found.pw_uid, found.pw_gid
        for line in self.text("/etc/passwd").splitlines():
            fields = line.split(":")
            if len(fields) > 3 and fields[0] == name and fields[2].isdigit() and fields[3].isdigit():
                return int(fields[2]), int(fields[3])
        return None

    def start_of(self, service: str) -> t.Optional[Start]:
        """How the running service was started; None where it doesn't run, or in several ways."""
        return start_of_services([service], self._at("/proc")) if self.is_folder("/proc") else None

    def unit(self, *names: str) -> t.Optional[str]:
        """The first of these services for which there is a unit, a quadlet or an init script; None where there is none."""
        for name in names:
            places = [f"{folder}/{name}.service" for folder in _UNITS] + [
                f"{folder}/{name}.container" for folder in _QUADLETS
            ]
            if any(self.exists(place) for place in [*places, f"/etc/init.d/{name}"]):
                return name
        return None

    def unit_text(self, name: str) -> str:
        """What the unit of this service says; empty where there is none."""
        return next(filter(None, (self.text(f"{folder}/{name}.service") for folder in _UNITS)), "")
