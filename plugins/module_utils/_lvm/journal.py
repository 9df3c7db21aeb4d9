# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run has begun, written down before it begins: the next run knows what a power cut left undone. And the lock."""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import asdict, dataclass

from .._common import OperatorError
from .._host import files, lock
from .volumes import Mount

FOLDER = "/var/lib/openstack_ops.day2/lvm_resize"
#: Where a file system is mounted that isn't mounted otherwise, as long as the kernel grows it.
PRIVATE = "/run/openstack_ops.day2.lvm_resize"
_FORMAT = 2


@dataclass(frozen=True)
class Intent:
    """A resize under way: the size as written, the size it meant then, and what has to be as before at the end.

    bound are units that systemd stops when the mount goes (BindsTo=).
    """

    size: str
    target: int
    mount: t.Optional[Mount]
    services: tuple[str, ...] = ()
    instances: tuple[str, ...] = ()
    bound: tuple[str, ...] = ()


class Journal:
    """The file with the intent of one volume. Replaced as a whole, and on the disk before anything else happens."""

    def __init__(self, folder: str, vg: str, lv: str) -> None:
        self._folder = folder
        # No group's or volume's name has a slash or begins with a hyphen.
        self.path = os.path.join(folder, f"{vg}+{lv}.json")

    def load(self) -> t.Optional[Intent]:
        """What an earlier run began, if it didn't end. Raises OperatorError for a file that can't be read."""
        written = files.read(self.path)
        if written is None:
            return None
        try:
            found = json.loads(written.text)
            if found["format"] != _FORMAT:
                raise ValueError(f"format {found['format']}")
            return Intent(
                size=found["size"],
                target=int(found["target"]),
                mount=Mount(**found["mount"]) if found["mount"] else None,
                services=tuple(found["services"]),
                instances=tuple(found["instances"]),
                bound=tuple(found.get("bound", ())),
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise OperatorError(
                f"{self.path} tells of an earlier run, but can't be read ({exc}); another version may have written it. "
                "Look at the volume by hand (lvs -a, mount), then remove the file."
            ) from None

    def store(self, intent: Intent) -> None:
        """Have the intent on the disk. Raises OSError where the host can't write it."""
        files.make_folder(self._folder, 0o700)
        files.replace(self.path, json.dumps({"format": _FORMAT, **asdict(intent)}))

    def clear(self) -> None:
        """Forget the intent; none is no error."""
        files.remove(self.path)


def locked(vg: str, lv: str, folder: str = lock.FOLDER) -> t.ContextManager[int]:
    """Hold the lock on a volume; yields its descriptor, for commands to inherit. Raises OperatorError if it is held.

    A command that outlives a killed run goes on holding it: resize2fs has to end before another run may begin.
    """
    return lock.locked(f"lvm_resize.{vg}+{lv}", 0, folder)
