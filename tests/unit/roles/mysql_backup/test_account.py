# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The account's password reaches its own file alone, whatever has taken that file's place before."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from roles.mysql_backup.files.mysql_backup import account
from roles.mysql_backup.files.mysql_backup.failure import BackupError
from roles.mysql_backup.files.mysql_backup.server import Server
from roles.mysql_backup.files.mysql_backup.settings import Settings


class Admin:
    """A server that does what it is told."""

    def galera(self) -> bool:
        return False

    def validates_passwords(self) -> bool:
        return False

    def query(self, _sql: str) -> list[list[str]]:
        return []


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[[], Path]:
    """Make the account; returns its file."""

    def no_account(_server: Server) -> set[str]:
        raise BackupError("Access denied")

    def make() -> Path:
        settings = Settings(str(tmp_path / "backups"), defaults_file=str(tmp_path / "client.cnf"), name="db1")
        assert account.ensure(settings, t.cast("Server", Admin()), check=False)
        return tmp_path / account.FILE

    monkeypatch.setattr(Server, "privileges", no_account)
    return make


@pytest.mark.parametrize("place", [os.symlink, os.link])
def test_a_file_of_another_in_place_of_ours_gets_no_password(
    made: t.Callable[[], Path], tmp_path: Path, place: t.Callable[[Path, Path], None]
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("theirs\n")
    place(theirs, tmp_path / f"{account.FILE}.new")
    file = made()
    assert theirs.read_text() == "theirs\n"
    assert "password=" in file.read_text()
    assert not file.is_symlink()


def test_what_a_killed_run_left_is_no_hole_and_no_hindrance(made: t.Callable[[], Path], tmp_path: Path) -> None:
    left = tmp_path / f"{account.FILE}.new"
    left.write_text("left")
    left.chmod(0o644)
    file = made()
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.iterdir()) == [account.FILE]
