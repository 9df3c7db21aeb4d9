# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as they lie on a host: whose they are, and replacing one as a whole."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import tempfile
import typing as t


def owner_of(found: os.stat_result) -> tuple[str, str, int]:
    """Names of owner and group, or their numbers where this host has no names for them, and the mode."""
    owner, group = _name(pwd.getpwuid, found.st_uid), _name(grp.getgrgid, found.st_gid)
    return owner, group, stat.S_IMODE(found.st_mode)


def _name(look_up: t.Callable[[int], t.Any], number: int) -> str:
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def ids(path: str, owner: str, group: str, error: t.Callable[[str], Exception]) -> tuple[int, int]:
    """Numbers of owner and group; the given error, with a sentence, for those that this host doesn't have."""
    try:
        number = pwd.getpwnam(owner).pw_uid
    except KeyError:
        raise error(
            f"{path} shall belong to the user {owner!r}, whom this host doesn't have; install its service first."
        ) from None
    try:
        return number, grp.getgrnam(group).gr_gid
    except KeyError:
        raise error(
            f"{path} shall belong to the group {group!r}, which this host doesn't have; install its service first."
        ) from None


@contextlib.contextmanager
def replacing(path: str) -> t.Iterator[t.IO[str]]:
    """A new file, open to its owner alone, that takes the place of another as a whole, and only if nothing went wrong."""
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path), prefix="." + os.path.basename(path) + ".")
    os.close(handle)
    try:
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
