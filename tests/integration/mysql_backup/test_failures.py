# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever goes wrong: the last good backup stays, somebody is told, and the next run works again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

from tests.integration.mysql_backup.host import Database, Host, Ran, descendants, read_only, small_disk
from tests.waiting import until


@pytest.fixture
def good(host: Host) -> str:
    """The name of last night's backup."""
    host.settings["retention"] = {"count": 1}
    return host.backup()


def told(host: Host, done: Ran, good: str, error: str) -> None:
    """A run failed, said why everywhere, and left the last good backup and nothing else."""
    assert done.code == 1
    assert error in done.said, done.said
    assert error in host.status()["run"]["message"]
    assert host.status()["good"]["backup"] == good
    assert (host.metric("run_success"), host.metric("good_backups")) == (0, 1)
    assert host.names() == [good]
    assert host.run("restore", good, "--plan").code == 0


def test_the_disk_is_full(host: Host, database: Database, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    host.settings.update(directory=str(disk), retention={"count": 1})
    host.backups = disk
    with small_disk(disk, "8M"):
        good = host.backup()
        free = os.statvfs(disk).f_bavail
        database.ask(
            "INSERT INTO nova.instances (uuid, user_data, info)"
            " SELECT UUID(), RANDOM_BYTES(1000), HEX(RANDOM_BYTES(1000)) FROM nova.instances, nova.seq_1_to_4"
        )
        told(host, host.run("run"), good, "No space left on device")
        assert host.left_behind() == []
        assert os.statvfs(disk).f_bavail == free
        database.ask("DELETE FROM nova.instances WHERE id > 2047")
        assert host.backup() != good


def test_the_server_dies_during_the_dump(host: Host, large: Database, good: str) -> None:
    run = host.start("run")
    dumping(run)
    large.stop(signal.SIGKILL)
    out, said = run.communicate(timeout=300)
    large.start()
    told(host, Ran(run.returncode, out, said), good, "mariadb-dump failed with exit code")
    assert host.left_behind() == []
    assert host.backup() != good


def test_the_server_is_not_there(host: Host, database: Database, good: str) -> None:
    database.stop()
    done = host.run("run")
    database.start()
    told(host, done, good, "Can't connect to local server")


def test_the_password_is_wrong(host: Host, database: Database, good: str) -> None:
    database.ask("CREATE OR REPLACE USER other@localhost IDENTIFIED BY 'right'")
    host.log_in(user="other", password="wrong-Pa55word")
    done = host.run("run")
    told(host, done, good, "Access denied for user 'other'")
    assert "Pa55" not in done.said + done.out


def test_an_account_that_would_leave_out_triggers_is_refused(host: Host, database: Database, good: str) -> None:
    database.ask(
        "CREATE OR REPLACE USER other@localhost IDENTIFIED BY 'x'; GRANT SELECT, EVENT, SHOW VIEW ON *.* TO other@localhost"
    )
    host.log_in(user="other", password="x")
    told(host, host.run("run"), good, "The account other@localhost lacks TRIGGER ON *.*")


def test_the_folder_is_missing(host: Host, good: str) -> None:
    host.backups.rename(host.folder / "elsewhere")
    done = host.run("run")
    assert done.code == 1
    assert f"The backup directory {host.backups} does not exist. Is its file system mounted?" in done.said
    assert not host.backups.exists(), "a run on an absent mount must not fill the root file system"
    assert host.metric("run_success") == 0
    (host.folder / "elsewhere").rename(host.backups)
    assert host.names() == [good]


def test_the_folder_is_read_only(host: Host, good: str) -> None:
    with read_only(host.backups):
        told(host, host.run("run"), good, f"{host.backups}")


def test_a_database_that_was_asked_for_is_not_there(host: Host, good: str) -> None:
    host.settings["databases"] = ["nova", "cinder"]
    told(host, host.run("run"), good, "Database cinder should be backed up, but the server doesn't have it.")


def test_a_broken_view_is_left_out_and_told(host: Host, database: Database) -> None:
    database.ask(
        "CREATE TABLE nova.gone (a INT); CREATE VIEW nova.broken AS SELECT a FROM nova.gone; DROP TABLE nova.gone"
    )
    done = host.run("run")
    assert done.code == 0
    assert "View nova.broken is left out, its text is in the manifest" in done.said, "cron makes a mail of it"
    assert host.metric("run_warnings") == 1
    (left_out,) = host.manifest(host.names()[0])["left_out"]
    assert "select `nova`.`gone`.`a`" in left_out["text"]
    before = database.state()
    database.wipe()
    done = host.run("restore")
    assert done.code == 0, done.said
    assert json.loads(done.out)["left_out"] == ["nova.broken"]
    assert database.state() == before


def worker_of(run: subprocess.Popen[str]) -> int:
    """The process below the supervisor, once there is one."""

    def workers() -> list[int]:
        return [pid for name, pid in descendants(run.pid).items() if name.startswith("python")]

    return int(until("a worker", workers, process=run, seen=lambda: descendants(run.pid), every=0)[0])


def dumping(run: subprocess.Popen[str]) -> None:
    """Until mariadb-dump runs, which may be short."""
    until(
        "mariadb-dump runs", lambda: "mariadb-dump" in descendants(run.pid), process=run,
        seen=lambda: descendants(run.pid), every=0,
    )  # fmt: skip


def kill(run: subprocess.Popen[str], worker: int, victim: str) -> None:
    """One SIGKILL, to whom it is meant."""
    with contextlib.suppress(ProcessLookupError):
        if victim == "everything":
            os.killpg(worker, signal.SIGKILL)
            os.kill(run.pid, signal.SIGKILL)
        elif victim == "supervisor":
            os.kill(run.pid, signal.SIGKILL)
        else:
            os.kill(descendants(run.pid).get(victim, worker), signal.SIGKILL)


@pytest.mark.parametrize("moment", range(10))
def test_kill_at_ten_moments(host: Host, large: Database, good: str, moment: int) -> None:
    usual = host.backup()
    length = host.manifest(usual)["seconds"]
    victim = ("worker", "everything", "mariadb-dump", "supervisor", "zstd")[moment % 5]

    run = host.start("run")
    worker = worker_of(run)
    time.sleep(length * moment / 9)
    kill(run, worker, victim)
    said = run.communicate(timeout=300)[1]
    lock = host.state / "lock"
    free = ["flock", "-n", str(lock), "true"]
    until(  # a worker without its supervisor goes on and finishes
        "nobody has the lock", lambda: not lock.exists() or not subprocess.run(free, check=False).returncode,
        seen=host.status, every=0.05,
    )  # fmt: skip

    names = host.names()
    assert host.status()["good"]["backup"] in names
    assert all(host.intact(name) for name in names)
    finished = host.status()["run"]["state"] == "good" and host.status()["good"]["backup"] != usual
    if victim == "everything" and not finished:
        assert host.status()["run"]["state"] in ("running", "good")
    elif not finished:
        assert run.returncode == (-signal.SIGKILL if victim == "supervisor" else 1)
        assert victim == "supervisor" or "killed by signal 9" in said
        assert host.status()["run"]["state"] == "failed"
        assert host.metric("run_success") == 0
        assert host.left_behind() == []

    dead = host.status()["run"]["state"] == "running"
    again = host.run("run")
    assert again.code == 0, again.said
    assert ("ended without a result" in again.said) == dead
    assert host.left_behind() == []


def test_sigterm_ends_a_run_tidily(host: Host, large: Database, good: str) -> None:
    run = host.start("run")
    dumping(run)
    run.terminate()
    out, said = run.communicate(timeout=300)
    told(host, Ran(run.returncode, out, said), good, "The run was stopped by signal 15.")
    assert host.left_behind() == []


def test_a_run_that_takes_too_long_is_stopped(host: Host, database: Database, good: str) -> None:
    host.settings["timeout"] = 2
    holding = subprocess.Popen(
        [
            "mariadb",
            "--no-defaults",
            f"--socket={database.socket}",
            "-e",
            "LOCK TABLES nova.quotas WRITE; DO SLEEP(3600)",
        ]
    )
    try:
        asked = "SELECT info FROM information_schema.processlist WHERE state = 'User sleep'"
        until(
            "somebody holds the table", lambda: "SLEEP" in database.ask(asked), process=holding,
            seen=lambda: database.ask("SHOW FULL PROCESSLIST"),
        )  # fmt: skip
        told(host, host.run("run"), good, "The run was stopped after 0.0 hours.")
        assert holding.poll() is None, "it didn't wait for the table"
    finally:
        holding.kill()
        holding.wait()
        database.ask(
            "SELECT CONCAT('KILL ', id) INTO @kill FROM information_schema.processlist WHERE state = 'User sleep'; EXECUTE IMMEDIATE @kill"
        )


def test_two_runs_at_once(host: Host, large: Database) -> None:
    host.settings["compression"] = "gzip"
    first = host.start("run")
    dumping(first)
    second = host.run("run")
    assert second.code == 75
    assert "Another run is active" in second.said
    assert host.status()["run"]["state"] == "running", "the second says nothing about the first"
    first.communicate(timeout=300)
    assert first.returncode == 0
    assert len(host.names()) == 1
    assert host.left_behind() == []


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1000)


@pytest.mark.parametrize(
    ("damage", "error"),
    [(flip, "is damaged: its SHA-256 is"), (truncate, "the manifest says"), (Path.unlink, "No such file")],
)
@pytest.mark.parametrize("file", ["004-odd-name.sql.zst", "003-nova.sql.zst"])
def test_a_damaged_archive_is_refused_before_anything_is_dropped(
    host: Host, database: Database, damage: t.Callable[[Path], None], error: str, file: str
) -> None:
    older = host.backup()
    newer = host.backup()
    path = host.backups / newer / file
    if damage is truncate and path.stat().st_size < 2000:
        os.truncate(path, 10)
    else:
        damage(path)
    database.ask("UPDATE nova.quotas SET cores = 7")
    before = database.state()

    done = host.run("restore", newer)

    assert done.code == 1
    assert str(path) in done.said
    assert error in done.said
    assert database.state() == before
    assert host.names() == [older, newer], "not even a safety dump was made"
    assert host.run("verify", newer).code == 1
    assert host.metric("verified_success") == 0
    assert json.loads(host.run("restore", "--plan").out)["backup"] == older, "latest is the newest that is good"
    assert host.run("restore", "latest").code == 0


def test_retention_counts_only_what_is_good(host: Host) -> None:
    host.settings["retention"] = {"count": 2}
    names = [host.backup() for _number in range(3)]
    assert host.names() == names[1:]
    truncate(host.backups / names[2] / "003-nova.sql.zst")
    assert host.run("verify").code == 1
    fourth = host.backup()
    assert host.names() == [names[1], names[2], fourth], "two good ones, and the bad one for somebody to look at"


def test_a_clock_set_back_a_day(host: Host) -> None:
    host.settings["retention"] = {"days": 1, "count": 2}
    today = [host.backup(), host.backup()]
    done = host.run("run", before=["faketime", "-f", "-1d"])
    assert done.code == 0, done.said
    yesterday = host.names()[-1]
    assert yesterday < today[0]
    assert host.names() == [*today, yesterday]
    assert json.loads(host.run("restore", "--plan").out)["backup"] == yesterday, "the latest is what was made last"
    assert host.backup() == host.names()[-1]
    assert host.names()[:2] == today, "of the same day as the newest"


def test_a_clock_set_ahead_does_not_empty_the_folder(host: Host) -> None:
    host.settings["retention"] = {"days": 7, "count": 3}
    for _number in range(3):
        host.backup()
    assert host.run("run", before=["faketime", "-f", "+400d"]).code == 0
    assert len(host.names()) == 4, "as many as days, however old they seem"


def test_nothing_that_is_not_ours_is_touched(host: Host) -> None:
    host.settings["retention"] = {"count": 1}
    first = host.backup()
    foreign = [
        host.backups / "mysql-db1-20200101T000000Z.sql.gz",  # of a script that was there before
        host.backups / "mysql-db1-20200101T000000Z" / "dump.sql",
        host.backups / ".mysql-db1-20200101T000000Z.partial" / "somebodys.sql",
        host.backups / first / "README",
    ]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine\n")
    done = host.run("run")
    assert done.code == 0, done.said
    assert "README in it isn't part of the backup" in done.said
    assert [path.read_text() for path in foreign] == ["mine\n"] * 4
    assert first in host.names()


def test_removing_a_backup_can_be_interrupted(host: Host) -> None:
    # What is half removed no longer has the name of a backup.
    first, second = host.backup(), host.backup()
    (host.backups / first).rename(host.backups / f".{first}.partial")
    (host.backups / f".{first}.partial" / "003-nova.sql.zst").unlink()
    assert host.names() == [second]
    host.backup()
    assert host.left_behind() == []


def test_settings_that_can_not_be_used(host: Host) -> None:
    for settings, error in (
        ({"retention": {"dayz": 7}}, "unexpected keyword argument 'dayz'"),
        ({"level": "3"}, "level should be of type int"),
        ({"directroy": "/"}, "unexpected keyword argument 'directroy'"),
    ):
        host.settings, before = {**host.settings, **t.cast("dict[str, t.Any]", settings)}, host.settings
        done = host.run("run")
        host.settings = before
        assert done.code == 1
        assert error in done.said


def test_copies_are_made_and_a_copy_that_fails_is_told(host: Host, tmp_path: Path) -> None:
    away = tmp_path / "away"
    away.mkdir()
    host.settings.update(copy_to=f"{away}/db1/", retention={"count": 1})
    first, second = host.backup(), host.backup()
    assert host.names() == [second]
    assert sorted(os.listdir(away / "db1")) == [first, second], "what is away stays away"
    host.settings["copy_to"] = f"{away}/missing/deeper/"
    done = host.run("run")
    assert done.code == 1
    assert "The backup is good, but it could not be copied" in done.said
    assert host.metric("run_success") == 0
    assert host.status()["good"]["backup"] == host.names()[-1] != second
