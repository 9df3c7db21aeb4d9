# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of backups where somebody else writes to it (NFS, a copy that came back): one odd thing in it costs nobody else anything."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

from roles.mysql_backup.files.mysql_backup.catalog import Backup, Catalog
from roles.mysql_backup.files.mysql_backup.failure import BackupError
from roles.mysql_backup.files.mysql_backup.manifest import Manifest
from roles.mysql_backup.files.mysql_backup.settings import Settings


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    for name in ("backups", "state"):
        (tmp_path / name).mkdir(mode=0o700)
    return Catalog(Settings(str(tmp_path / "backups"), state=str(tmp_path / "state"), name="db1"))


def made(catalog: Catalog, month: int = 1) -> Backup:
    """A backup of one database, without archives."""
    growing = catalog.begin(
        Manifest("", "db1", 0, f"2026-0{month}-01T02:00:00Z", ["nova"], "zstd", "none", "10.11.6-MariaDB", 0)
    )
    return growing.complete(growing.manifest, {"rows nova.instances": {"rows": 1, "bytes": 9}})


def planted(catalog: Catalog, **change: t.Any) -> Path:
    """A folder like a backup of ours, whose manifest somebody else has written."""
    honest = made(catalog, 2)
    folder = Path(honest.path)
    manifest = {**json.loads((folder / "manifest.json").read_text()), **change}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def whole(catalog: Catalog, name: str) -> dict[str, t.Any]:
    catalog.find(name).trusted()
    return catalog.find(name).contents()


def names(catalog: Catalog) -> list[str]:
    return [one.manifest.name for one in catalog.backups()]


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": "9"}, {"sequence": None}, {"sequence": -1}, {"sequence": 10**400}, {"sequence": True}, {"sequence": 1 << 60},
        {"taken": "yesterday"}, {"taken": "2026-02-31T02:00:00Z"}, {"taken": 5}, {"taken": "2026-2-1T2:0:0Z"},
        {"databases": "nova"}, {"databases": [5]}, {"databases": None}, {"half_restored": {"a": 1}}, {"half_restored": 1},
        {"left_out": [{"database": "nova"}]}, {"left_out": ["nova"]}, {"engines": [[]]}, {"definers": {"database": "nova"}},
        {"compression": ["zstd"]}, {"encryption": {}}, {"longest_statement": "9"}, {"seconds": float("nan")}, {"safety": "no"},
        {"parts": [{"file": "a.sql.zst", "what": "tables", "databases": "nova"}]}, {"parts": [5]}, {"parts": {"file": 1}}, {"other": 1},
        {"parts": [{"file": "../a.sql.zst", "what": "tables", "databases": []}]}, {"parts": [{"file": "a.sql.zst\n", "what": "", "databases": []}]},
        {"host": 5}, {"server_version": 10}, {"contents_sha256": None},
    ],
)  # fmt: skip
def test_a_manifest_of_another_shape_is_none(catalog: Catalog, change: dict[str, t.Any]) -> None:
    good = made(catalog).manifest
    planted(catalog, **change)
    assert names(catalog) == [good.name]
    assert catalog.find("latest").manifest.name == good.name
    assert made(catalog, 3).candidate().sequence == good.sequence + 1


def test_a_number_out_of_reach_is_not_counted_on_from(catalog: Catalog) -> None:
    planted(catalog, sequence=(1 << 53) - 1)
    good = made(catalog, 3)
    assert good.manifest.sequence == 1
    assert catalog.find("latest").manifest.name == good.manifest.name


@pytest.mark.parametrize("file", ["manifest.json", "manifest.hmac", "verified.json", "contents.json"])
@pytest.mark.parametrize("kind", ["fifo", "link", "folder", "nested", "other text"])
def test_what_stands_in_a_files_place_is_not_waited_for(catalog: Catalog, tmp_path: Path, file: str, kind: str) -> None:
    good, other = made(catalog), Path(made(catalog, 2).path)
    (other / file).unlink(missing_ok=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("{}")
    puts: dict[str, t.Callable[[], object]] = {
        "fifo": lambda: os.mkfifo(other / file),
        "link": lambda: (other / file).symlink_to(elsewhere),
        "folder": (other / file).mkdir,
        "nested": lambda: (other / file).write_text("[" * 100_000),
        "other text": lambda: (other / file).write_bytes(b"\xff\0"),
    }
    puts[kind]()
    assert good.manifest.name in names(catalog)
    if file == "contents.json":
        with pytest.raises(BackupError):
            whole(catalog, other.name)
    elif file != "verified.json":
        assert catalog.find("latest").manifest.name == good.manifest.name


def test_a_link_in_a_backups_place_leads_nowhere(catalog: Catalog, tmp_path: Path) -> None:
    good = made(catalog)
    away = tmp_path / "away"
    Path(good.path).rename(away)
    Path(good.path).symlink_to(away)
    partial = Path(catalog.directory) / f".{good.manifest.name}.partial"
    partial.symlink_to(away)
    assert names(catalog) == []
    assert "it is no folder" in catalog.discard_partials()[0]
    assert sorted(one.name for one in away.iterdir()) == ["contents.json", "manifest.hmac", "manifest.json"]


def test_a_backup_that_vanishes_before_it_is_removed_is_a_complaint(catalog: Catalog) -> None:
    good = made(catalog)
    Path(good.path).rename(f"{good.path}.elsewhere")
    assert "can't be removed" in catalog.remove(good)[0]


def test_who_can_change_the_way_to_a_backup_can_change_the_backup(catalog: Catalog, tmp_path: Path) -> None:
    good = made(catalog)
    good.trusted()
    tmp_path.chmod(0o777)
    with pytest.raises(BackupError, match=f"{tmp_path} can be changed by others"):
        catalog.find("latest").trusted()
    with pytest.raises(BackupError, match="can be changed by others"):
        catalog.sign(good.manifest.name)
    tmp_path.chmod(0o1777)  # in a sticky folder nobody else can rename what is root's
    catalog.find("latest").trusted()
