# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Binary logs are archived whole or not at all, and a gap between them is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import typing as t
from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.mysql_backup.host import Database, Host, descendants
from tests.integration.mysql_backup.test_account import Watcher
from tests.integration.mysql_backup.test_stopped import kill_all
from tests.waiting import until


def archived(host: Host) -> list[dict[str, t.Any]]:
    folder = host.backups / "mysql-db1-binlogs"
    return [json.loads(one.read_text()) for one in sorted(folder.glob("0*.json"))]


def write(database: Database, number: int = 1) -> None:
    database.ask(f"UPDATE keystone.serial SET number = number + {number}")


def test_what_was_committed_is_archived_as_the_server_wrote_it(host: Host, database: Database) -> None:
    host.backup()
    for _pass in range(3):
        write(database)
        done = host.run("archive-binlogs")
        assert done.code == 0, done.said
    logs = archived(host)
    for one in logs:
        plain = subprocess.run(
            ["zstd", "-dc", str(host.backups / "mysql-db1-binlogs" / one["file"])], check=True, capture_output=True
        ).stdout
        assert plain == (database.folder / "data" / one["log"]).read_bytes()
    assert [one["begin"] for one in logs[1:]] == [one["end"] for one in logs[:-1]]
    assert not any(one["gap"] for one in logs)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (host.backups / "mysql-db1-binlogs").iterdir())

    newest = database.ask("SHOW MASTER STATUS").split()[0]
    assert host.run("archive-binlogs").code == 0
    assert database.ask("SHOW MASTER STATUS").split()[0] == newest, "nothing was written, so no log is closed for it"
    assert archived(host) == logs
    told = host.status()["binlogs"]
    assert (told["state"], told["gaps"], host.metric("binlogs_success")) == ("good", 0, 1)
    assert told["since"] <= told["covered"] == host.metric("binlogs_covered_timestamp_seconds")


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("PURGE BINARY LOGS TO '{newest}'", "were removed before they were archived"),
        ("RESET MASTER", "were removed before they were archived"),
        ("RESET MASTER; {writes}", "although the server has both"),
    ],
)
def test_a_gap_is_told_until_a_new_backup_closes_it(
    host: Host, database: Database, statement: str, reason: str
) -> None:
    host.backup()
    write(database)
    assert host.run("archive-binlogs").code == 0
    write(database)
    database.ask("FLUSH BINARY LOGS")
    last = archived(host)[-1]["log"]
    newest = database.ask("SHOW MASTER STATUS").split()[0]
    again = "UPDATE keystone.serial SET number = number + 1; FLUSH BINARY LOGS; " * int(last.rsplit(".")[-1])

    def gone() -> bool:
        database.ask(statement.format(newest=newest, writes=again))
        there = {line.split()[0] for line in database.ask("SHOW BINARY LOGS").splitlines()}
        return not any(last <= one < newest for one in there) or "{writes}" in statement

    until(
        "the logs are gone, those that aren't archived, too: the server keeps those that its engine may need after a crash",
        gone,
    )
    write(database)

    done = host.run("archive-binlogs")
    assert done.code == 1
    assert f"{last}" in done.said
    assert reason in done.said
    assert "No moment can be restored yet" in done.said
    assert (
        host.metric("binlogs_success"),
        host.metric("binlogs_gaps"),
        host.metric("binlogs_since_timestamp_seconds"),
    ) == (0, 1, 0)

    host.backup()
    write(database)
    done = host.run("archive-binlogs")
    assert done.code == 0, done.said
    assert host.status()["binlogs"]["since"] > 0
    assert host.status()["binlogs"]["state"] == "gap", "it is still there, before the new backup"


def fetching(host: Host) -> subprocess.Popen[str]:
    """A pass that is compressing a log."""
    run = host.start("archive-binlogs")
    folder = host.backups / "mysql-db1-binlogs"

    def begun() -> bool:
        # What a pass before has left is gone when this one compresses.
        return "zstd" in descendants(run.pid) and any(folder.glob("*.partial"))

    until("a log is being fetched", begun, process=run, every=0)
    return run


def test_a_pass_that_is_killed_leaves_nothing_and_the_next_one_goes_on(
    host: Host, large: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    host.backup()
    write(large)
    assert host.run("archive-binlogs").code == 0
    folder = host.backups / "mysql-db1-binlogs"
    large.ask("UPDATE nova.instances SET info = REVERSE(info)")
    host.settings["level"] = 19
    for _kill in range(3):
        kill_all(fetching(host))
        assert list(folder.glob("*.partial"))
        assert len(list(tmp_path.glob("mysql-backup-*"))) == 1, "the one before is gone"
    host.settings["level"] = 1
    (folder / "00000099-binlog.000099.zst").write_bytes(b"without a description")
    (folder / "of-somebody").write_text("stays")
    run = host.start("archive-binlogs")
    said = run.communicate(timeout=300)[1]
    assert run.returncode == 0, said
    logs = archived(host)
    assert [one["begin"] for one in logs[1:]] == [one["end"] for one in logs[:-1]]
    names = {one["file"] for one in logs}
    assert {one.name for one in folder.iterdir()} == names | {f"{one}.json" for one in names} | {
        "covered.json",
        "of-somebody",
    }
    assert list(tmp_path.glob("mysql-backup-*")) == []


@pytest.fixture
def replica(database: Database) -> t.Iterator[Database]:
    """One that doesn't run."""
    database.ask("CHANGE MASTER 'old' TO MASTER_HOST = '192.0.2.1', MASTER_USER = 'x'")
    yield database
    database.ask("RESET SLAVE 'old' ALL", check=False)


def test_a_replica_that_is_stopped_during_the_pass_is_noticed(host: Host, replica: Database) -> None:
    host.options.write_text(host.options.read_text().replace("user=root\n", "", 1))
    host.settings["binlogs"] = True
    assert host.run("account").code == 0
    host.backup()
    refused = host.run("archive-binlogs")
    assert refused.code == 1
    assert "leaves out what comes from other servers" in refused.said
    replica.ask("RESET SLAVE 'old' ALL")
    done = host.run("archive-binlogs")
    assert done.code == 0, done.said
    replica.ask("DROP USER mysql_backup_db1@localhost")


def test_a_server_that_crashed_goes_on_in_the_archive_without_a_gap(host: Host, database: Database) -> None:
    host.backup()
    database.ask("SET GLOBAL innodb_flush_log_at_trx_commit = 1")
    write(database)
    assert host.run("archive-binlogs").code == 0
    write(database)
    database.stop(signal.SIGKILL)
    refused = host.run("archive-binlogs")
    assert refused.code == 1
    covered = host.metric("binlogs_covered_timestamp_seconds")
    assert host.metric("binlogs_success") == 0
    database.start()
    write(database)
    done = host.run("archive-binlogs")
    assert done.code == 0, done.said
    assert (host.metric("binlogs_gaps"), host.metric("binlogs_success")) == (0, 1)
    assert host.metric("binlogs_covered_timestamp_seconds") >= covered


def test_as_many_writes_after_a_reset_are_not_taken_for_the_archived_ones(host: Host, database: Database) -> None:
    host.backup()
    write(database)
    assert host.run("archive-binlogs").code == 0
    state = database.ask("SELECT @@gtid_binlog_state")
    database.ask("RESET MASTER; " + "UPDATE keystone.serial SET number = number + 1; " * int(state.split("-")[-1]))
    assert database.ask("SELECT @@gtid_binlog_state") == state
    done = host.run("archive-binlogs")
    assert done.code == 1
    assert "doesn't continue" in done.said


def test_a_log_whose_end_was_lost_in_a_crash_is_a_gap_and_no_obstacle(host: Host, database: Database) -> None:
    host.backup()
    write(database)
    assert host.run("archive-binlogs").code == 0
    write(database)
    write(database)
    cut = database.folder / "data" / database.ask("SHOW MASTER STATUS").split()[0]
    database.stop(signal.SIGKILL)
    # sync_binlog is 0 by default. Not the 40 bytes of a checkpoint, which the server may have written behind the last transaction.
    os.truncate(cut, cut.stat().st_size - 41)
    database.start()
    write(database)

    done = host.run("archive-binlogs")
    assert done.code == 1
    assert f": {cut.name} ends in the middle of an event" in done.said
    host.backup()
    write(database)
    done = host.run("archive-binlogs")
    assert done.code == 0, done.said
    assert (host.metric("binlogs_gaps"), host.metric("binlogs_success")) == (1, 1)
    assert host.status()["binlogs"]["since"] > 0


def test_logs_stay_as_long_as_a_kept_backup_needs_them(host: Host, database: Database) -> None:
    host.settings["retention"] = {"count": 2}
    for _night in range(4):
        oldest = host.manifest(host.backup() if not host.names() else host.names()[0])
        write(database)
        done = host.run("archive-binlogs")
        assert done.code == 0, done.said
        logs = archived(host)
        assert logs[0]["log"] == oldest["binlog_file"]
        assert host.status()["binlogs"]["since"] == datetime.fromisoformat(oldest["taken"]).timestamp()
        host.backup()
    assert int(logs[0]["file"][:8]) > 1, "those before it are gone"
    assert not any(one["gap"] for one in logs)


def test_the_account_of_the_role_can_do_it_and_its_password_is_in_no_command_line(host: Host, large: Database) -> None:
    host.options.write_text(host.options.read_text().replace("user=root\n", "", 1))
    assert host.run("account").code == 0
    refused = host.run("archive-binlogs")
    assert refused.code == 1
    assert "lacks BINLOG MONITOR, RELOAD, REPLICATION SLAVE, SLAVE MONITOR ON *.*" in refused.said
    host.settings["binlogs"] = True
    assert json.loads(host.run("account").out)["changed"] is True
    password = (host.folder / "account.cnf").read_text().split("password=")[1].strip()
    large.ask("UPDATE nova.instances SET info = REVERSE(info)")
    with Watcher(password) as watcher:
        done = host.run("archive-binlogs")
    assert done.code == 0, done.said
    assert watcher.seen == []
    assert "mariadb-binlog" in watcher.programs
    large.ask("DROP USER mysql_backup_db1@localhost")
