# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are replaced as a whole, and that a power cut doesn't take."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
import typing as t

from .failure import BackupError


def read_json(path: str) -> dict[str, t.Any]:
    """The object in a file; OSError or ValueError when there is none."""
    with open(path, encoding="utf-8") as stream:
        return t.cast("dict[str, t.Any]", json.load(stream))


def read_regular(path: str, limit: int) -> bytes:
    """The bytes of a regular file in a folder that others may write to: never of a link, a FIFO or a device, nor more than `limit`.

    OSError or ValueError when there is no such file.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(handle, "rb") as stream:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} isn't a regular file")
        content = stream.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{path} has more than {limit >> 20} MiB")
    return content


def write_json(path: str, content: t.Any, mode: int = 0o600) -> None:
    """Replace a file as a whole."""
    write(path, json.dumps(content, indent=1, sort_keys=True) + "\n", mode)


def write(path: str, text: str, mode: int = 0o600) -> None:
    """Replace a file as a whole; it is on disk when this returns. Several processes may do so at once. Raises BackupError."""
    fresh = f"{path}.{os.getpid()}.new"
    try:
        write_new(fresh, text, mode)
        os.rename(fresh, path)
        sync_folder(os.path.dirname(path))
    except OSError as exc:
        raise BackupError(f"{path} can't be written: {exc.strerror}.") from exc


def write_text(path: str, text: str) -> None:
    """Replace a world-readable file atomically, since node_exporter may read it at any time."""
    # The directory may belong to another account (as Debian's /var/lib/prometheus does), which can create links in it at any time. So names
    # in it are used only to create a file exclusively and to rename it, and the mode is set by descriptor.
    folder = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    fresh = f".{os.path.basename(path)}.{secrets.token_hex(8)}"
    try:
        handle = os.open(
            fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
        )
        try:
            with open(handle, "w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fchmod(handle, 0o644)
                os.fsync(handle)
            os.rename(fresh, os.path.basename(path), src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh, dir_fd=folder)
            raise
    finally:
        os.close(folder)


def write_new(path: str, text: str, mode: int = 0o600) -> None:
    """Make a file to be renamed later; it is on disk when this returns. What has its name already goes, and isn't followed. OSError if it can't be."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(handle, "w", encoding="utf-8", errors="surrogateescape") as stream:
        stream.write(text)
        stream.flush()
        os.fchmod(handle, mode)
        os.fsync(handle)


def sync_folder(path: str) -> None:
    """A rename survives a power cut only once its folder is on disk."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
