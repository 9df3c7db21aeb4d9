# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How files are replaced, that for node_exporter in a folder that belongs to another account among them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.roles.mysql_backup.files.mysql_backup.durable import write, write_text


def test_a_link_that_was_put_in_the_way_is_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "shadow"
    secret.write_text("root:x")
    secret.chmod(0o600)
    folder = tmp_path / "textfile"
    folder.mkdir()
    target = folder / "mysql_backup.prom"
    for name in ("mysql_backup.prom", "mysql_backup.prom.new"):
        (folder / name).symlink_to(secret)
    write_text(str(target), "up 1\n")
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == ("root:x", 0o600)
    assert (target.is_symlink(), target.read_text(), target.stat().st_mode & 0o777) == (False, "up 1\n", 0o644)
    assert sorted(path.name for path in folder.iterdir()) == ["mysql_backup.prom", "mysql_backup.prom.new"]


def test_what_was_written_is_on_disk_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    for replace in (write, write_text):
        synced.clear()
        replace(str(tmp_path / "a"), "text\n")
        assert synced[0].startswith(f"{tmp_path}/"), "first what it says"
        assert synced[-1] == str(tmp_path), "then that it is there"
