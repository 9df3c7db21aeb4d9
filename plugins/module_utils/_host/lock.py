# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lock for everyone who reads, changes and writes the same thing on a host."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
import typing as t

from .._common import OperatorError

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: On a file system that a reboot empties. Only root can write to it.
FOLDER = "/run/openstack_ops.day2"


@contextlib.contextmanager
def locked(name: str, seconds: float, folder: str = FOLDER) -> Iterator[int]:
    """Hold the lock of this name, and yield its descriptor; it is released when the process ends, however it ends.

    Raises OperatorError if another process holds it for longer than the given seconds.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise OperatorError(f"{folder} isn't a folder that only this account can change; remove it and run again.")
    path = os.path.join(folder, name.replace("/", "-") + ".lock")
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _wait_for(handle, path, seconds)
        yield handle
    finally:
        os.close(handle)


def _wait_for(handle: int, path: str, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except OSError as exc:
            if exc.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if time.monotonic() > deadline:
            raise OperatorError(
                f"Another run has held {path} for more than {seconds:.0f} s, or a command has that it left behind; "
                "`lsof` of that file tells which process. Wait until it has ended, then run again."
            )
        time.sleep(0.01)
