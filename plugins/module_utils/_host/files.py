# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files as they lie on a host, read and replaced by descriptor.

A service's account often owns the folder of its configuration, and can put anything under any name in it at any moment. So the
folder is opened once, without following links; the new file is written, given its owner and mode, and synced through its own
descriptor; names are used only relative to the folder's descriptor, and only to create exclusively and to rename.

The path is walked folder by folder, each by descriptor. Links are followed only as long as no account but root (and ourselves) could have
put them there. Below the first folder that another account can change, every link is refused, so that a write stays in the tree
which that account can change anyway.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import re
import secrets
import stat
import typing as t
from dataclasses import dataclass

from .._common import OperatorError

if t.TYPE_CHECKING:
    from collections.abc import Iterator

#: Copied to the file that takes another's place. Never security.capability: a file's owner could have set what root then grants.
_KEPT_XATTRS = ("security.selinux", "system.posix_acl_access")
#: To walk through a folder takes no right to list it, which an account other than root may lack (macOS has no such flag).
_WALKED = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_MOST_LINKS = 8


@dataclass(frozen=True)
class Owned:
    """Whose a file is: names of owner and group (numbers as text where the host has no name), mode as stat tells it."""

    owner: str
    group: str
    mode: int


@dataclass(frozen=True)
class Found:
    """A file that is there: its text, and whose it is. Bytes that aren't UTF-8 are kept as surrogates."""

    text: str
    owned: Owned


def ours(mode: int) -> Owned:
    """A file of the account that this runs as."""
    return Owned(*names(os.geteuid(), os.getegid()), mode)


def owned_by(found: os.stat_result) -> Owned:
    """Whose the file is that this was told of."""
    return Owned(*names(found.st_uid, found.st_gid), stat.S_IMODE(found.st_mode))


def _name(look_up: t.Callable[[int], t.Any], number: int) -> str:
    try:
        return str(look_up(number)[0])
    except KeyError:
        return str(number)


def names(uid: int, gid: int) -> tuple[str, str]:
    """Names of an owner and a group; numbers as text where the host has no name."""
    return _name(pwd.getpwuid, uid), _name(grp.getgrgid, gid)


def ids(path: str, owner: str, group: str) -> tuple[int, int]:
    """Numbers of an owner and a group, given by name or number. Raises OperatorError for a name that this host doesn't have."""
    return _number(path, owner, "user", lambda name: pwd.getpwnam(name).pw_uid), _number(
        path, group, "group", lambda name: grp.getgrnam(name).gr_gid
    )


def _number(path: str, name: str, what: str, look_up: t.Callable[[str], int]) -> int:
    try:
        return look_up(name)
    except KeyError:
        if name.isdigit():
            return int(name)
        raise OperatorError(
            f"{path} should belong to the {what} {name!r}, which this host doesn't have; install its service first."
        ) from None


def read(path: str) -> t.Optional[Found]:
    """A file's text and owner; None only if it isn't there. Raises OperatorError where the path can't be trusted, OSError otherwise."""
    try:
        with _folder_of(path) as place, _opened(*place, path) as lines:
            return Found(lines.read(), owned_by(os.fstat(lines.fileno())))
    except FileNotFoundError:
        return None


def replace(path: str, text: str, owned: t.Optional[Owned] = None) -> None:
    """Put a whole new file in the place of another, or where there is none.

    Readers see the old file or the new one, also after a power cut. Without owned, the file keeps owner, mode (never set-user-ID and
    the like), label and ACL of the one it replaces; where there is none, it is root's with mode 0600.
    Raises OperatorError where another account could redirect the write, OSError where the host refuses.
    """
    with _to_replace(path) as (folder, name, before):
        _replace(folder, name, text, before, (*ids(path, owned.owner, owned.group), owned.mode) if owned else None)


def check(path: str) -> None:
    """Raise OperatorError or OSError for a path that `replace` would refuse before it writes, for whoever has to know that earlier."""
    with _to_replace(path):
        pass


@contextlib.contextmanager
def _to_replace(path: str) -> Iterator[tuple[int, str, t.Optional[int]]]:
    """The folder of a file as a descriptor, the file's name in it, and the file that is there, if any, as a descriptor."""
    with _folder_of(path) as (folder, name):
        before = None
        with contextlib.suppress(FileNotFoundError):
            before = _open(folder, name, path)
        try:
            yield folder, name, before
        finally:
            if before is not None:
                os.close(before)


def _replace(
    folder: int, name: str, text: str, before: t.Optional[int], owner: t.Optional[tuple[int, int, int]]
) -> None:
    temporary = f".{name}.{secrets.token_hex(8)}"
    handle = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
    )
    try:
        with open(handle, "w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            out.write(text)
            out.flush()
            _dress(handle, before, owner)
            os.fsync(handle)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        raise


def _dress(handle: int, before: t.Optional[int], owner: t.Optional[tuple[int, int, int]]) -> None:
    """Give a new file its owner, mode, label and ACL, by descriptor."""
    if before is not None:
        found = os.fstat(before)
        owner = owner or (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode) & 0o777)
        for name in _KEPT_XATTRS if hasattr(os, "setxattr") else ():
            kept = _xattr(before, name)
            # A label that the folder has given it already takes no right to set.
            if kept is not None and kept != _xattr(handle, name):
                os.setxattr(handle, name, kept)
    if owner is not None:
        os.fchown(handle, owner[0], owner[1])
        os.fchmod(handle, owner[2] & 0o777)


def _xattr(handle: int, name: str) -> t.Optional[bytes]:
    try:
        return os.getxattr(handle, name)
    except OSError as exc:
        if exc.errno in (errno.ENODATA, errno.EOPNOTSUPP):
            return None
        raise


def remove(path: str) -> None:
    """Remove a file, and have that on the disk. One that isn't there is no error."""
    try:
        with _folder_of(path) as (folder, name):
            os.unlink(name, dir_fd=folder)
            os.fsync(folder)
    except FileNotFoundError:
        pass


def leftovers(path: str) -> tuple[str, ...]:
    """What runs have left that were killed while they replaced this file, as paths. Only who holds the lock on the file may remove them."""
    try:
        with _folder_of(path) as (folder, name):
            mine = re.compile(re.escape(f".{name}.") + r"[0-9a-f]{16}\Z")
            found = sorted(one for one in os.listdir(folder) if mine.match(one) and _is_file(folder, one))
    except FileNotFoundError:
        return ()
    return tuple(os.path.join(os.path.dirname(path), one) for one in found)


def _is_file(folder: int, name: str) -> bool:
    """Whether it is a file, as ours are; the folder's owner may have put anything under such a name."""
    try:
        return stat.S_ISREG(os.lstat(name, dir_fd=folder).st_mode)
    except FileNotFoundError:
        return False


def make_folder(path: str, mode: int = 0o755) -> None:
    """Make a folder and those above it, root's, each synced into the one above; those that are there stay as they are.

    Raises OperatorError where another account could have it made elsewhere, OSError where the host refuses.
    """
    if not os.path.isdir(path):
        make_folder(os.path.dirname(path), mode)
        with _folder_of(path) as (folder, name):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, mode, dir_fd=folder)
            os.fsync(folder)


def sync_folder(path: str) -> None:
    """Have a folder's names on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _folder_of(path: str) -> Iterator[tuple[int, str]]:
    """The folder of a file as a descriptor, and the file's name in it; links of root in root's folders are followed."""
    if not path.startswith("/") or os.path.basename(path) in ("", ".", ".."):
        raise OperatorError(f"{path!r} isn't the absolute path of a file; give it from / on.")
    try:
        folder, name = _walk(path, path, _MOST_LINKS)
        try:
            yield folder, name
        finally:
            os.close(folder)
    except OSError as exc:
        # Names are relative to descriptors here; an operator needs the whole path.
        raise OSError(exc.errno, exc.strerror, path) from exc


def _walk(path: str, asked: str, links: int) -> tuple[int, str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise OperatorError(f"{asked!r} has .. in it; give the path without.")
    folder = os.open("/", _WALKED)
    ours = True  # whether only trusted accounts can change what the path has led through up to here
    try:
        for position, part in enumerate(parts):
            safe = ours and not _others_write(os.fstat(folder))
            target = _link(folder, part)
            if target is not None:
                _check_link(folder, part, asked, links, safe)
                above = "/" + "/".join(parts[:position])
                rest = parts[position + 1 :]
                return _walk(os.path.normpath(os.path.join(above, target, *rest)), asked, links - 1)
            if position == len(parts) - 1:
                return os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=folder), part
            below = os.open(part, _WALKED | os.O_NOFOLLOW, dir_fd=folder)
            # In a sticky folder such as /tmp, nobody else can replace a folder of root's.
            ours = safe or (ours and _sticky(os.fstat(folder)) and os.fstat(below).st_uid in _trusted())
            os.close(folder)
            folder = below
    finally:
        os.close(folder)
    raise OperatorError(f"{asked!r} isn't the path of a file.")


def _link(folder: int, name: str) -> t.Optional[str]:
    try:
        return os.readlink(name, dir_fd=folder)
    except OSError as exc:
        if exc.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def _check_link(folder: int, name: str, asked: str, links: int, safe: bool) -> None:
    if not links:
        raise OperatorError(f"{asked} leads through more than {_MOST_LINKS} links; give the file itself.")
    if not safe or os.lstat(name, dir_fd=folder).st_uid not in _trusted():
        raise OperatorError(
            f"{asked}: {name} is a link that another account can change, so it could lead anywhere; give the file itself."
        )


def _sticky(found: os.stat_result) -> bool:
    return found.st_uid in _trusted() and bool(found.st_mode & stat.S_ISVTX)


def _others_write(found: os.stat_result) -> bool:
    return found.st_uid not in _trusted() or bool(found.st_mode & 0o022)


def _trusted() -> tuple[int, ...]:
    return (0, os.geteuid())


def _open(folder: int, name: str, path: str) -> int:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and (found.st_nlink == 1 or not _others_write(os.fstat(folder))):
        return handle
    os.close(handle)
    kind = "has a second name (a hard link)" if stat.S_ISREG(found.st_mode) else "isn't a regular file"
    raise OperatorError(f"{path} {kind}; put a file of its own there.")


@contextlib.contextmanager
def _opened(folder: int, name: str, path: str) -> Iterator[t.IO[str]]:
    with open(_open(folder, name, path), encoding="utf-8", errors="surrogateescape", newline="") as lines:
        yield lines
