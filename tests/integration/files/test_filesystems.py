# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file system that refuses a write leaves the old file whole and nothing beside it, and what a file has beside its text is kept."""

from __future__ import annotations

import errno
import os
import stat
import struct
import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files

if t.TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = "[DEFAULT]\nold = 1\n", "[DEFAULT]\nnew = " + "x" * 100_000 + "\n"
ACL = "system.posix_acl_access"
#: u::rw-, u:65534:r--, g::r--, m::r--, o::---, as linux/posix_acl_xattr.h has it: version, then tag, permissions and id of each.
NOBODY_READS = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((1, 6, 0xFFFFFFFF), (2, 4, 65534), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF))
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, with room for the old file and not for the new one beside it."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "day2", tmp_path], check=True)
    (tmp_path / "nova.conf").write_text(OLD)
    yield tmp_path
    subprocess.run(["umount", "--recursive", tmp_path], check=True)


def _refused(path: Path, text: str) -> OSError:
    before = {name.name: name.read_text() for name in path.parent.iterdir()}
    with pytest.raises(OSError, match=str(path)) as refused:
        files.replace(str(path), text)
    assert {name.name: name.read_text() for name in path.parent.iterdir()} == before
    return refused.value


@pytest.mark.parametrize("name", ["nova.conf", "new.conf"])
def test_a_full_file_system(folder: Path, name: str) -> None:
    assert _refused(folder / name, NEW).errno == errno.ENOSPC
    files.replace(str(folder / "nova.conf"), OLD + "small = 1\n")
    assert (folder / "nova.conf").read_text() == OLD + "small = 1\n"


def test_a_file_system_that_became_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    assert _refused(folder / "nova.conf", OLD + "small = 1\n").errno == errno.EROFS


def test_a_file_that_is_mounted_by_itself_as_in_a_container(folder: Path) -> None:
    path = folder / "nova.conf"
    subprocess.run(["mount", "--bind", path, path], check=True)
    assert _refused(path, OLD + "small = 1\n").errno == errno.EBUSY


def test_an_acl_is_kept(folder: Path) -> None:
    path = folder / "nova.conf"
    path.chmod(0o640)
    os.setxattr(path, ACL, NOBODY_READS)
    allowed = stat.S_IMODE(path.stat().st_mode)
    files.replace(str(path), OLD + "small = 1\n")
    assert (os.getxattr(path, ACL), stat.S_IMODE(path.stat().st_mode)) == (NOBODY_READS, allowed)
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", "nova.conf"]
    assert subprocess.run(as_nobody, cwd=folder, capture_output=True, text=True, check=True).stdout.endswith(
        "small = 1\n"
    )


def test_a_file_whose_acl_cannot_be_kept_is_left_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.setxattr(folder / "nova.conf", ACL, NOBODY_READS)

    def full(*_given: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "setxattr", full)
    assert _refused(folder / "nova.conf", OLD + "small = 1\n").errno == errno.ENOSPC
