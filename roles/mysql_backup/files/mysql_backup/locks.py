# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between the runs of this program on one host."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
import typing as t

from .failure import Busy
from .settings import Settings

#: Seconds in which the kernel releases the lock of a process that was killed, on a busy machine.
RELEASE = 60.0


@contextlib.contextmanager
def lock(settings: Settings, name: str, patience: float = 0) -> t.Iterator[None]:
    """Hold a lock, which the kernel releases when the process ends. Raises Busy if another process holds it for `patience` seconds."""
    path = os.path.join(settings.state, name)
    until = time.monotonic() + patience
    with open(path, "a+", encoding="utf-8") as stream:
        while True:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() < until:
                    time.sleep(0.05)
                    continue
                stream.seek(0)
                raise Busy(f"Another run is active (process {stream.read().strip()}); nothing was done.") from None
        stream.truncate(0)
        stream.write(f"{os.getpid()}\n")
        stream.flush()
        yield
