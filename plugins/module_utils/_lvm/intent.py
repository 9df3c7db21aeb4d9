# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has begun, written down before it begins: the next run knows what a power cut left undone. And the lock."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import typing as t
from dataclasses import asdict, dataclass

from .model import LvmError, Mount

if t.TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "/var/lib/openstack_ops.day2/lvm_resize"
LOCKS = "/run"
#: Where a file system is mounted that isn't mounted otherwise, as long as the kernel grows it.
PRIVATE = "/run/openstack_ops.day2.lvm_resize"
_FORMAT = 1


@dataclass(frozen=True)
class Intent:
    """A resize under way: the wish as written, the size it meant then, and what has to be as before at the end."""

    wish: str
    target: int
    mount: t.Optional[Mount]
    services: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()


class Journal:
    """The file with the intent of one volume. Replaced as a whole, and on the disk before anything else happens."""

    def __init__(self, folder: str, vg: str, lv: str) -> None:
        self._folder = folder
        # No group's or volume's name has a slash or begins with a hyphen.
        self.path = os.path.join(folder, f"{vg}+{lv}.json")

    def load(self) -> t.Optional[Intent]:
        try:
            with open(self.path, encoding="utf-8") as lines:
                found = json.load(lines)
            if found["format"] != _FORMAT:
                raise ValueError(f"format {found['format']}")
            return Intent(
                wish=found["wish"],
                target=int(found["target"]),
                mount=Mount(**found["mount"]) if found["mount"] else None,
                services=tuple(found["services"]),
                instances=tuple(found["instances"]),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as exc:
            raise LvmError(
                f"{self.path} tells of an earlier run, but can't be read ({exc}); another version may have written it. "
                "Look at the volume by hand (lvs -a, mount), then remove the file."
            ) from None

    def store(self, intent: Intent) -> None:
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as out:
            json.dump({"format": _FORMAT, **asdict(intent)}, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(self.path + ".new", self.path)
        self._settle()

    def clear(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
            self._settle()

    def _settle(self) -> None:
        """Have the folder's entries on the disk, and the folder itself."""
        for folder in (self._folder, os.path.dirname(self._folder), os.path.dirname(os.path.dirname(self._folder))):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


@contextlib.contextmanager
def locked(folder: str, name: str) -> Iterator[int]:
    """Hold the lock on a volume; yields its descriptor, for commands to inherit.

    A command that outlives a killed run goes on holding it: resize2fs has to end before another run may begin.
    """
    path = os.path.join(folder, "openstack_ops.day2.lvm_resize." + name.replace("/", "+") + ".lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            if exc.errno not in (errno.EAGAIN, errno.EACCES):
                raise
            raise LvmError(
                f"Another run, or a command that a killed run left behind, is working on {name} (it holds {path}; "
                "lsof tells which process). Wait until it has ended."
            ) from None
        yield handle
    finally:
        os.close(handle)
