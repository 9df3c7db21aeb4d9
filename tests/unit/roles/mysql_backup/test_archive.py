# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of gpg's keys, those that count for a backup are told before they expire; what a killed process has left goes, and nothing else."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from roles.mysql_backup.files.mysql_backup import archive

NOW, DAY = 1_780_000_000, 86400
SOON, LATER = str(NOW + 29 * DAY), str(NOW + 31 * DAY)


def listing(whole: str, encrypts: str, signs: str = "") -> str:
    """As gpg --with-colons --show-keys prints a key with two subkeys; with when each expires."""
    rows = [
        f"pub:-:3072:1:DA02:1:{whole}::-:::scESC::::::23::0:",
        "fpr:::::::::AAAA:",
        "uid:-::::1::2C05::b@example.com::::::::::0:",
    ]
    rows += [f"sub:-:3072:1:82E8:1:{encrypts}:::::e::::::23:", "fpr:::::::::BBBB:"]
    rows += [f"sub:-:3072:1:82E9:1:{signs}:::::s::::::23:", "fpr:::::::::CCCC:"]
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        (listing("", ""), []),
        (listing(LATER, LATER), []),
        (listing(SOON, ""), ["AAAA"]),
        (listing(LATER, SOON), ["BBBB"]),
        (listing("", "", SOON), []),  # nothing is encrypted with it
        (listing(SOON, SOON) + "\n" + listing("", SOON), ["AAAA", "BBBB", "BBBB"]),
        ("", []),
        ("pub\nfpr\nsub:x", []),
        ("pub:-:3072:1:DA02:1:20260101T000000::-:::e\nfpr:::::::::AAAA:", []),
    ],
)
def test_keys_that_expire_soon_are_told(shown: str, told: list[str]) -> None:
    warnings = archive._expiring(shown, NOW)
    assert [one.split()[3] for one in warnings] == told
    assert all("expires on 2026-06-26; renew it" in one for one in warnings)


def test_folders_of_processes_that_are_gone_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = subprocess.Popen(["true"])
    os.waitid(os.P_PID, gone.pid, os.WEXITED | os.WNOWAIT)  # dead, and still in the table of processes
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(archive, "_MEMORY", str(tmp_path))
    with archive.workplace() as alive:
        for name in (f"work.{gone.pid}.a", f"key.{gone.pid}.b", f"work.{gone.pid}.others", f"other.{gone.pid}.c"):
            (tmp_path / f"mysql-backup-{name}").mkdir()
        os.mkfifo(tmp_path / f"mysql-backup-work.{gone.pid}.a" / "binlog.000001")
        os.chown(tmp_path / f"mysql-backup-work.{gone.pid}.others", 65534, 65534)
        (tmp_path / "theirs").mkdir()
        (tmp_path / f"mysql-backup-work.{gone.pid}.link").symlink_to(tmp_path / "theirs")
        archive.remove_left()
        assert {one.name for one in tmp_path.iterdir()} == {
            Path(alive).name,
            f"mysql-backup-work.{gone.pid}.others",
            f"mysql-backup-other.{gone.pid}.c",
            f"mysql-backup-work.{gone.pid}.link",
            "theirs",
        }
    assert not Path(alive).exists()
    gone.wait(60)
