# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of long jobs: a file that is written every few seconds and read by `mysql-backup status`."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from .dumptext import Section
from .durable import read_json, write_json
from .failure import BackupError
from .settings import Settings

FILE = "progress.json"
#: A verification has a lock of its own, so it may run beside a backup.
VERIFYING = "verifying.json"
_EVERY = 2.0  # seconds


class Progress:
    """The progress of a job. `total` is the expected number of bytes of SQL, 0 if unknown; `file` is FILE or VERIFYING."""

    def __init__(self, settings: Settings, what: str, total: int = 0, file: str = FILE) -> None:
        self._path = os.path.join(settings.state, file)
        self._what = what
        self._total = total
        self._bytes = 0
        self._began = time.time()
        self._told = 0.0

    def add(self, size: int, section: Section) -> None:
        """Add this number of bytes, which belong to an object."""
        self._bytes += size
        now = time.monotonic()
        if now - self._told < _EVERY:
            return
        self._told = now
        content = {
            "what": self._what,
            "pid": os.getpid(),
            "began": self._began,
            "at": time.time(),
            "bytes": self._bytes,
            "total": self._total,
            "database": section.database,
            "object": section.name,
        }
        with contextlib.suppress(BackupError):  # the job itself reports a full disk
            write_json(self._path, content, 0o644)

    def end(self) -> None:
        """Remove the file when the job has ended."""
        with contextlib.suppress(OSError):
            os.unlink(self._path)


def read(settings: Settings, file: str = FILE) -> dict[str, t.Any]:
    """The progress of the running job; {} if there is none, or if it has just begun."""
    try:
        content = read_json(os.path.join(settings.state, file))
        return content if os.path.exists(f"/proc/{int(content['pid'])}") else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def line(content: t.Mapping[str, t.Any]) -> str:
    """The progress as a line of text."""
    done, total = content["bytes"], content["total"]
    spent = max(content["at"] - content["began"], 0.1)
    rate = done / spent
    said = f"{content['what']}: {done >> 20} MiB of SQL"
    if total:
        said += f" of about {total >> 20} ({min(100, 100 * done // total)} %)"
    said += f", {rate / (1 << 20):.1f} MiB/s"
    if total > done and rate:
        said += f", about {int((total - done) / rate) // 60 + 1} min left"
    return said + f", at {content['database']}{'.' if content['object'] else ''}{content['object']}"
