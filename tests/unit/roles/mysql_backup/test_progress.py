# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress of a backup, a restore and a verification, which may run at the same time."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from roles.mysql_backup.files.mysql_backup import cli, progress
from roles.mysql_backup.files.mysql_backup.dumptext import Section
from roles.mysql_backup.files.mysql_backup.progress import VERIFYING, Progress
from roles.mysql_backup.files.mysql_backup.settings import Settings

MIB = 1 << 20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(str(tmp_path), state=str(tmp_path), name="db1")


def test_the_status_tells_a_verification_beside_a_backup(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    backup = Progress(settings, "backup", 40 * MIB)
    verification = Progress(settings, "verify mysql-db1-1", 20 * MIB, VERIFYING)
    backup.add(10 * MIB, Section("rows", "nova", "instances"))
    verification.add(15 * MIB, Section("rows", "glance", "images"))

    assert cli.status_(settings, argparse.Namespace(json=False)) == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("backup: 10 MiB of SQL of about 40 (25 %)")
    assert first.endswith("at nova.instances")
    assert second.startswith("verify mysql-db1-1: 15 MiB of SQL of about 20 (75 %)")
    assert second.endswith("at glance.images")

    verification.end()
    cli.status_(settings, argparse.Namespace(json=True))
    told = json.loads(capsys.readouterr().out)
    assert (told["progress"]["bytes"], told["verifying"]) == (10 * MIB, {})


def test_a_dead_job_has_no_progress(settings: Settings, tmp_path: Path) -> None:
    Progress(settings, "verify mysql-db1-1", 0, VERIFYING).add(MIB, Section("rows", "glance", "images"))
    left = tmp_path / VERIFYING
    left.write_text(json.dumps({**json.loads(left.read_text()), "pid": 4194305}))  # above the kernel's highest number
    assert progress.read(settings, VERIFYING) == {}
