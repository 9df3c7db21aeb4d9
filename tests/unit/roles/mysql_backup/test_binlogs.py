# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which archived logs stay, and which way leads to a moment: no gap is crossed, and no backup is begun with that was made after it."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import signal
import typing as t
from dataclasses import asdict, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from roles.mysql_backup.files.mysql_backup import binlogs, pointintime, restore
from roles.mysql_backup.files.mysql_backup.archive import Identity
from roles.mysql_backup.files.mysql_backup.binlog import Mark, Scanner
from roles.mysql_backup.files.mysql_backup.binlogs import Entry, _check_filters, fetched, first_needed, since
from roles.mysql_backup.files.mysql_backup.catalog import Backup
from roles.mysql_backup.files.mysql_backup.failure import BackupError
from roles.mysql_backup.files.mysql_backup.manifest import Manifest
from roles.mysql_backup.files.mysql_backup.server import SYSTEM, Server
from roles.mysql_backup.files.mysql_backup.settings import Settings
from tests.waiting import until

NIGHT = datetime(2026, 3, 1, 2, tzinfo=timezone.utc)
DAY = 86400


def at(day: float) -> int:
    return int(NIGHT.timestamp() + day * DAY)


def log(day: int) -> Entry:
    """The log of a day, with a transaction each quarter of it; 100 bytes each, behind 100 bytes of heading."""
    marks = [Mark(at(day + quarter / 4), 100 + 100 * quarter) for quarter in range(4)]
    begin, end = {"0-1": 4 * day}, {"0-1": 4 * day + 4}
    return Entry(
        day, f"{day:08d}", f"binlog.{day:06d}", 500, 1, "", "zstd", "none", begin, end, before=at(day), marks=marks
    )


def night(day: int, **other: t.Any) -> Backup:
    """The backup of a night, after the day's first transaction."""
    made = Manifest(
        f"mysql-db1-{day}", "db1", day, (NIGHT + timedelta(days=day, hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), ["nova"], "zstd", "none",
        "10.11", 0, binlog_file=f"binlog.{day:06d}", binlog_position=200, gtid=f"0-1-{4 * day + 1}",
    )  # fmt: skip
    return Backup("", replace(made, **other), {})


LOGS = [log(day) for day in range(10)]
NIGHTS = [night(day) for day in range(10)]


@pytest.mark.parametrize(
    ("backups", "days", "first"),
    [
        (NIGHTS, 7, 3),
        (NIGHTS, 1, 9),
        (NIGHTS, 0, 0),
        (NIGHTS[4:], 7, 4),
        (NIGHTS[:3], 7, 0),
        ([], 7, 0),
        ([night(5), night(8, safety=True), night(9, half_restored=["nova"])], 1, 5),
        ([night(5, gtid="0-1-999"), night(7)], 7, 7),  # before a RESET MASTER
        ([night(5, gtid="0-1-21,3-9-9"), night(7)], 7, 7),  # of a domain that these logs do not have
        ([night(2, binlog_file="other.000002")], 7, 0),
        ([night(5, gtid="NULL"), night(7)], 7, 7),  # the server had removed the log
    ],
)
def test_logs_stay_from_the_oldest_backup_that_counts(backups: list[Backup], days: int, first: int) -> None:
    assert first_needed(LOGS, backups, days) == first


def test_a_gap_ends_what_every_moment_means() -> None:
    assert since(LOGS, NIGHTS[2:]) == (int(NIGHTS[2].manifest.moment.timestamp()), 0)
    assert since(LOGS[:5] + LOGS[6:], NIGHTS) == (int(NIGHTS[6].manifest.moment.timestamp()), 1)
    assert since(LOGS[:8] + LOGS[9:], NIGHTS[:8]) == (0, 1)


def way(monkeypatch: pytest.MonkeyPatch, logs: list[Entry], backups: list[Backup], day: float) -> pointintime.Route:
    class Known:
        def __init__(self, _settings: Settings) -> None:
            pass

        def entries(self) -> list[Entry]:
            return logs

        def covered(self) -> int:
            return at(10)

        def backups(self) -> list[Backup]:
            return backups

    monkeypatch.setattr(pointintime, "Store", Known)
    monkeypatch.setattr(pointintime, "Catalog", Known)
    return pointintime.route(Settings(str(Path("/"))), at(day))


@pytest.mark.parametrize(
    ("day", "base", "days", "stop"),
    [
        (4.5, 4, [4], 300),
        (4.5001, 4, [4], 400),
        (4.9, 4, [4, 5], 100),
        (5.001, 4, [4, 5], 200),  # the backup of night 5 came an hour later
        (10, 9, [9], 500),
    ],
)
def test_the_newest_backup_before_the_moment_and_the_logs_from_there(
    monkeypatch: pytest.MonkeyPatch, day: float, base: int, days: list[int], stop: int
) -> None:
    found = way(monkeypatch, LOGS, NIGHTS, day)
    assert (found.base, list(found.logs), found.start, found.stop) == (
        NIGHTS[base],
        [LOGS[one] for one in days],
        200,
        stop,
    )


def test_a_backup_whose_snapshot_is_after_the_moment_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    # It began before, but its place in the log is behind a transaction of this moment.
    late = night(4, taken=NIGHTS[4].manifest.taken.replace("T03:", "T01:"), binlog_position=300, gtid="0-1-18")
    assert way(monkeypatch, LOGS, [NIGHTS[3], late], 4.1).base == NIGHTS[3]
    # The same, and the log was closed between the moment and the snapshot.
    later = night(5, taken="2026-03-05T19:00:00Z", binlog_position=100, gtid="0-1-20")
    assert way(monkeypatch, LOGS, [NIGHTS[3], later], 4.72).base == NIGHTS[3]
    assert way(monkeypatch, LOGS, [NIGHTS[3], later], 4.78).base == later


class Filtering(Server):
    """A server that writes its binary log as these answers say."""

    def __init__(self, updates: str, replica: bool, member: bool, only: str, ignored: str) -> None:
        self._said = {"SHOW MASTER": ["binlog.000001", "4", only, ignored], "SHOW ALL": ["", "Connecting"]}
        self._updates, self._replica, self._member = updates, replica, member

    def variables(self, *_wanted: str) -> dict[str, str]:
        return {"log_slave_updates": self._updates}

    def galera(self) -> dict[str, str]:
        return {"wsrep_ready": "ON"} if self._member else {}

    def query(self, sql: str) -> list[list[str]]:
        if sql == "SHOW ALL SLAVES STATUS" and not self._replica:
            return []
        return [self._said[" ".join(sql.split()[:2])]]

    def databases(self) -> list[str]:
        return ["cinder", "nova"]


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (Filtering("OFF", False, False, "", "mysql,zabbix"), ""),
        (Filtering("ON", True, True, "", ""), ""),
        (Filtering("OFF", True, False, "", ""), "leaves out what comes from other servers"),
        (Filtering("OFF", False, True, "", ""), "leaves out what comes from other servers"),
        (Filtering("OFF", False, False, "", "mysql,nova"), "leaves out database nova"),
        (Filtering("OFF", False, False, "nova", ""), "leaves out database cinder"),
        (Filtering("OFF", False, False, "nova,cinder", ""), ""),
    ],
)
def test_logs_that_lack_changes_are_refused(server: Filtering, said: str) -> None:
    with pytest.raises(BackupError, match=said) if said else contextlib.nullcontext():
        _check_filters(Settings("/"), server)
    if "database" in said:
        _check_filters(Settings("/", exclude=[said.split()[-1]]), server)


def test_what_a_client_wrote_just_before_it_ended_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Server):
        def __init__(self) -> None:
            pass

        def binlog_command(self, log: str, prefix: str) -> list[str]:
            return ["sh", "-c", f"read go < {tmp_path}/go; echo all > {prefix}{log}"]

    def nothing_yet(*_asked: t.Any) -> tuple[list[int], list[int], list[int]]:
        """The time is up, and only then the client writes and ends."""
        monkeypatch.setattr("select.select", real)
        with open(tmp_path / "go", "w", encoding="ascii") as go:
            go.write("now\n")
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        return [], [], []

    real = select.select
    os.mkfifo(tmp_path / "go")
    monkeypatch.setattr("select.select", nothing_yet)
    assert b"".join(fetched(Late(), "binlog.000001", str(tmp_path))) == b"all\n"


def test_a_client_that_waits_for_a_reader_dies_with_the_pass(tmp_path: Path) -> None:
    class Waiting(Server):
        def __init__(self) -> None:
            pass

        def binlog_command(self, log: str, prefix: str) -> list[str]:
            # In open(): nobody reads this FIFO.
            return [
                "sh",
                "-c",
                f"echo $$ > {tmp_path}/fresh; mv {tmp_path}/fresh {tmp_path}/client; exec 9> {tmp_path}/nobody",
            ]

    os.mkfifo(tmp_path / "nobody")
    supervisor = os.fork()
    if supervisor == 0:
        try:
            list(fetched(Waiting(), "binlog.000001", str(tmp_path)))
        finally:
            os._exit(1)
    until("the client runs", (tmp_path / "client").exists)
    client = Path("/proc") / (tmp_path / "client").read_text().strip()
    assert client.exists()
    os.kill(supervisor, signal.SIGKILL)
    os.waitpid(supervisor, 0)
    until(
        "the client is gone, or a zombie of whoever inherited it",
        lambda: not client.exists() or " Z " in (client / "stat").read_text(),
    )


@pytest.mark.parametrize(
    ("form", "statements", "unrepeatable", "refused"),
    [
        ("ROW", False, False, False),
        ("ROW", True, False, True),
        ("MIXED", True, False, False),
        ("MIXED", True, True, True),
        ("STATEMENT", False, False, True),
    ],
)
def test_statements_are_refused_unless_the_server_chose_them_because_they_repeat(
    form: str, statements: bool, unrepeatable: bool, refused: bool
) -> None:
    scanner = Scanner("binlog.000001", 1)
    scanner.statements, scanner.unrepeatable = statements, unrepeatable
    assert binlogs.Facts(1, {}, {}, form).unrepeatable(scanner) is refused


def stopped(error: str, statement: str) -> str:
    """What a replica says then."""
    return f"Error '{error}' on query. Default database: 'zabbix'. Query: '{statement}'"


@pytest.mark.parametrize(
    ("error", "lacks"),
    [
        ("Unknown database 'z'", "z"),
        ("Unknown database 'it's'", "it's"),
        ("Table 'z.t' doesn't exist", ""),
        ("PROCEDURE z.p does not exist", ""),
    ],
)
def test_a_database_that_a_stopped_replica_lacks(error: str, lacks: str) -> None:
    assert pointintime.unknown(stopped(error, "CREATE DEFINER=`a`@`b` PROCEDURE `p`()\nSELECT 1")) == lacks


@pytest.mark.parametrize(
    ("statement", "database"),
    [
        ("DROP PROCEDURE p", "zabbix"),
        ("drop function if exists z.f", "z"),
        ("CREATE DEFINER=`a b`@`%` PROCEDURE `no``va`.`p`()\nSELECT 1", "no`va"),
        ("CREATE OR REPLACE DEFINER=root@localhost AGGREGATE FUNCTION f(a INT)", "zabbix"),
        ("CREATE PACKAGE BODY z.k AS END", "z"),
        ("ALTER DEFINER = `x`@`%` EVENT nova . e DISABLE", "nova"),
        ('DROP EVENT "no""va"."e"', 'no"va'),
        ("DROP EVENT `a.b`/* c */.e", ""),
        ("DROP EVENT nova /* c */ . e", ""),
        ("DROP PROCEDURE IF EXISTS p;", "zabbix"),
        ("UPDATE nova.t SET a = z.f()", ""),
        ("SELECT `z`.`f`()", ""),
        ("CREATE TABLE procedure_ (a INT)", ""),
        ("DROP TABLE t", ""),
        ("ALTER EVENT é.e DISABLE", "é"),
        ("DROP PROCEDURE z-1.p", ""),
    ],
)
def test_the_database_of_a_routine_at_which_a_replica_stopped(statement: str, database: str) -> None:
    assert pointintime.routine_of(stopped("PROCEDURE z.p does not exist", statement)) == database


@pytest.mark.parametrize(
    ("settings", "filters"),
    [
        ({}, []),
        ({"exclude": ["nova", "zabbix_1"]}, [r"ignore-table=zabbix\_1.%"]),
        ({"databases": ["cinder"]}, ["do-table=cinder.%", "do-table=nova.%"]),
    ],
)
def test_what_is_in_the_backup_is_replayed_whatever_the_settings_say_now(
    tmp_path: Path, settings: dict[str, list[str]], filters: list[str]
) -> None:
    relay = pointintime._Relay(
        Settings("/", **t.cast(t.Any, settings)), pointintime.Route(0, night(1), [], 0, 0), Identity(b"")
    )
    options = relay.prepare(str(tmp_path), pwd.getpwuid(os.getuid()))
    wild = [one[len("--replicate-wild-") :] for one in options if one.startswith("--replicate-wild-")]
    assert wild[len(SYSTEM) :] == filters


def test_a_plan_tells_the_moment_that_a_backup_is_of() -> None:
    made = night(5, until="2026-03-05 12:00:00 +0000")
    assert restore.RestorePlan(made, ["nova"], {}, False, True).public()["taken"] == "2026-03-05 12:00:00 +0000"
    assert restore.RestorePlan(night(5), ["nova"], {}, False, True).public()["taken"] == "2026-03-06T03:00:00Z"


def test_the_description_of_the_largest_log_can_be_read() -> None:
    """One that is too large is as good as absent, and each pass would archive its log again."""
    one, two = (json.dumps({"marks": [Mark(4_000_000_000, 1 << 30)] * number}, indent=1) for number in (1, 2))
    smallest = 42 + 42 + 40 + 31  # bytes of a transaction: GTID, map of a table, a row, XID
    assert (len(two) - len(one)) * ((1 << 30) // smallest) < binlogs._LIMIT


def test_what_a_newer_version_has_written_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    store = binlogs.Store(Settings(name="db1", directory=str(tmp_path), state=str(tmp_path)))
    store.ready()
    store._write("00000001-binlog.000001.zst.json", asdict(log(1)))
    assert [one.log for one in store.entries()] == ["binlog.000001"]
    store._write("00000002-binlog.000002.zst.json", {**asdict(log(2)), "of_tomorrow": 1})
    with pytest.raises(BackupError, match="000002.zst.json is of a newer version of mysql-backup"):
        store.entries()


def test_a_gap_is_not_crossed(monkeypatch: pytest.MonkeyPatch) -> None:
    logs = LOGS[:5] + LOGS[6:]
    found = way(monkeypatch, logs, NIGHTS[:5], 4.9 + 1)  # the logs before day 6 have everything until then
    assert list(found.logs) == [LOGS[4]]
    with pytest.raises(
        BackupError,
        match=r"mysql-db1-4 leads only to 2026-03-0\d .*binlog.000004 and binlog.000006 don't follow each other",
    ):
        way(monkeypatch, logs, NIGHTS[:5], 6.5)
    with pytest.raises(BackupError, match="there is no good backup before it"):
        way(monkeypatch, LOGS, NIGHTS[3:], 2.5)
    with pytest.raises(
        BackupError, match="can't be restored. The archived binary logs cover every moment from 2026-03-01"
    ):
        way(monkeypatch, LOGS, NIGHTS, 11)
