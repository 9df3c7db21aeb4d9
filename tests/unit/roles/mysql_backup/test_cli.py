# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves when it's killed, and who waits for its lock."""

from __future__ import annotations

import argparse
import threading
import typing as t
from pathlib import Path

import pytest

from roles.mysql_backup.files.mysql_backup import backup, cli
from roles.mysql_backup.files.mysql_backup.catalog import Backup, Catalog
from roles.mysql_backup.files.mysql_backup.failure import Busy
from roles.mysql_backup.files.mysql_backup.locks import lock
from roles.mysql_backup.files.mysql_backup.manifest import Manifest
from roles.mysql_backup.files.mysql_backup.report import Reporter
from roles.mysql_backup.files.mysql_backup.retention import Policy
from roles.mysql_backup.files.mysql_backup.settings import Settings


class Killed(BaseException):
    """Stands for SIGKILL: nothing of the program looks after it."""


def without_a_server(monkeypatch: pytest.MonkeyPatch, take: t.Callable[[], Backup]) -> None:
    def here(work: t.Callable[[], int], *_arguments: object) -> int:
        return work()

    monkeypatch.setattr(cli, "supervised", here)
    monkeypatch.setattr(cli, "_be_modest", lambda _settings: None)
    monkeypatch.setattr(cli, "Server", lambda _file: None)
    monkeypatch.setattr(backup, "resync", lambda _settings, _server: None)
    monkeypatch.setattr(backup, "take", lambda _settings, _server: backup.Taken(take(), [], []))


def test_the_status_names_the_new_backup_before_the_old_one_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(str(tmp_path), state=str(tmp_path), name="db1")
    Reporter(settings).update(good={"backup": "mysql-db1-20261130T011715Z"})
    made = Manifest("mysql-db1-20261130T011717Z", "db1", 2, "2026-11-30T01:17:17Z", ["nova"], "zstd", "none", "11.8", 0)

    def prune(_settings: Settings) -> None:
        raise Killed

    without_a_server(monkeypatch, lambda: Backup(str(tmp_path), made, {}, ""))
    monkeypatch.setattr(backup, "prune", prune)

    with pytest.raises(Killed):
        cli.run(settings, argparse.Namespace())

    assert Reporter(settings).read()["good"]["backup"] == made.name


def test_good_backups_are_counted_once_and_those_that_go_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("backups", "state"):
        (tmp_path / name).mkdir(mode=0o700)
    settings = Settings(
        str(tmp_path / "backups"), state=str(tmp_path / "state"), name="db1", retention=Policy(count=3, safety=1)
    )
    lists = 0

    def take(month: int, **other: t.Any) -> Backup:
        taken = f"2026-{month:02}-01T02:00:00Z"
        growing = Catalog(settings).begin(
            Manifest("", "db1", 0, taken, ["nova"], "zstd", "none", "10.11.6-MariaDB", 0, **other)
        )
        return growing.complete(growing.manifest, {"rows nova.instances": {"rows": 1, "bytes": 9}})

    def counted(catalog: Catalog) -> list[Backup]:
        nonlocal lists
        lists += 1
        return real(catalog)

    for month in range(1, 6):
        take(month)
        take(month, safety=True)
    without_a_server(monkeypatch, lambda: take(6))
    real = Catalog.backups
    monkeypatch.setattr(Catalog, "backups", counted)
    assert cli.run(settings, argparse.Namespace()) == 0
    left = [one.manifest for one in real(Catalog(settings))]
    assert [one.safety for one in left].count(True) == 1
    # A list each for what a new backup begins with, the count and the retention.
    assert (Reporter(settings).read()["good"]["number"], len(left), lists) == (3, 4, 3)


def test_who_cleans_up_waits_until_the_dead_run_has_let_its_lock_go(tmp_path: Path) -> None:
    settings = Settings(str(tmp_path), state=str(tmp_path))
    dying = lock(settings, "lock")
    dying.__enter__()
    with pytest.raises(Busy), lock(settings, "lock"):
        pass
    release = threading.Timer(0.3, dying.__exit__, (None, None, None))
    release.start()
    with lock(settings, "lock", patience=600):
        pass
    release.join()
