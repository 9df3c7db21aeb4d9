# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A restore to a moment between two backups: writers keep an invariant, and checksums are those that were recorded at the moment."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t

import pytest

from tests.integration.mysql_backup.host import Database, Host
from tests.integration.mysql_backup.test_restore import PAIRS, SERIALS, TOTAL, Writers
from tests.waiting import until


class Moment(t.NamedTuple):
    """When, and the checksum of each table then."""

    time: int
    state: list[str]

    def text(self) -> str:
        return stamp(self.time)

    def of(self, name: str) -> list[str]:
        return [line for line in self.state if line.startswith(f"{name}.")]


def stamp(moment: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(moment))


def now(database: Database) -> int:
    return int(database.ask("SELECT UNIX_TIMESTAMP()"))


def serial(database: Database) -> int:
    return int(database.ask("SELECT number FROM keystone.serial", check=False) or -1)


def write(database: Database, meanwhile: t.Callable[[], object] = lambda: None) -> tuple[int, int, int]:
    """Have the writers write before, while and after something is done; a time in between, and the serial numbers around it."""
    with Writers(database):
        begun = serial(database)
        until("the writers write", lambda: serial(database) > begun + 20, every=0)
        meanwhile()
        between = serial(database)
        moment = now(database) + 1
        until("they have written in this second and the next one", lambda: now(database) > moment, every=0.05)
        until("they go on", lambda: serial(database) > between + 20, every=0)
        return moment, between, serial(database)


def whole(database: Database) -> list[str]:
    """A checksum of each table, and the events."""
    events = database.ask(
        "SELECT CONCAT(event_schema, '.', event_name), definer, status, sql_mode, event_definition FROM information_schema.events ORDER BY 1"
    )
    return database.state().splitlines() + events.splitlines()


def moment(database: Database) -> Moment:
    """The state between two seconds in which nobody writes."""
    found = Moment(now(database) + 1, whole(database))
    until("the next second has come", lambda: now(database) >= found.time, every=0.05)
    return found


def done(host: Host, *arguments: str) -> str:
    ran = host.run(*arguments)
    assert ran.code == 0, ran.said
    return ran.out


def happenings(host: Host, database: Database) -> list[t.Callable[[], object]]:
    """What comes between two moments of a cloud's life."""

    def restart() -> None:
        database.stop()
        database.start()

    return [
        lambda: done(host, "archive-binlogs"),
        lambda: database.ask("FLUSH BINARY LOGS; DELETE FROM nova.instances WHERE id % 3 = 0"),
        lambda: database.ask(
            "CREATE DATABASE glance; CREATE TABLE glance.images (id INT PRIMARY KEY); INSERT INTO glance.images VALUES (1), (2)"
        ),
        host.backup,
        lambda: database.ask(
            "USE keystone; ALTER TABLE nova.quotas ADD COLUMN ram INT NOT NULL DEFAULT 7;"
            " INSERT INTO glance.images SELECT cores + 1000 FROM nova.quotas GROUP BY cores"
        ),
        lambda: database.ask(
            "CREATE USER x@'%' IDENTIFIED BY 'y'; GRANT ALL ON nova.* TO x@'%'; DROP USER x@'%'; SET time_zone = '+05:00';"
            " INSERT INTO neutron.ports (id, name) VALUES (NOW(), UUID())"
        ),
        restart,
        lambda: done(host, "archive-binlogs"),
        lambda: (
            host.backup(),
            database.ask(
                "DROP DATABASE glance; SET sql_mode = 'ANSI'; CREATE DEFINER = nova@'%' EVENT keystone.purge"
                " ON SCHEDULE EVERY 1 DAY DO DELETE FROM keystone.project WHERE id < 0"
            ),
        ),
        lambda: database.ask(
            "DELETE FROM keystone.project; DROP TABLE neutron.ports; SET binlog_format = STATEMENT; UPDATE nova.quotas SET cores = cores + 1, ram = 3"
        ),
    ]


def age_key(host: Host) -> dict[str, str]:
    made = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True)
    (host.folder / "key").write_text(made.stdout)
    public = next(line.split(": ")[1] for line in made.stdout.splitlines() if "public key" in line)
    (host.folder / "recipients").write_text(f"{public}\n")
    return {"recipients": str(host.folder / "recipients")}


def test_ten_moments_come_back_as_they_were(host: Host, database: Database) -> None:
    host.backup()
    moments = []
    for happening in happenings(host, database):
        write(database)
        happening()
        moments.append(moment(database))
    database.wipe()
    for number, wanted in enumerate(moments):
        arguments = ["--until", wanted.text(), "--no-safety"]
        if number % 3 == 1:
            database.ask("UPDATE keystone.serial SET number = -1")
            before = [line for line in whole(database) if not line.startswith("nova.")]
            made = json.loads(done(host, "restore", *arguments, "--databases", "nova"))
            after = whole(database)
            assert [line for line in after if line.startswith("nova.")] == wanted.of("nova"), made
            assert [line for line in after if not line.startswith("nova.")] == before
            continue
        made = json.loads(done(host, "restore", *arguments))
        if "glance.images" not in "".join(wanted.state):
            database.ask("DROP DATABASE IF EXISTS glance")  # it isn't in that backup, so it stays
        assert whole(database) == wanted.state, (number, made)


@pytest.fixture
def formats(database: Database) -> t.Iterator[Database]:
    yield database
    database.ask("SET GLOBAL binlog_format = MIXED")


def test_statements_that_a_session_chose_are_refused(host: Host, formats: Database) -> None:
    formats.ask("SET GLOBAL binlog_format = ROW; FLUSH BINARY LOGS")
    host.backup()
    formats.ask(
        "CREATE TABLE nova.made SELECT UUID() u; TRUNCATE nova.made; UPDATE nova.quotas SET cores = RAND(); DROP TABLE nova.made;"
        " FLUSH PRIVILEGES; ANALYZE TABLE nova.quotas; SELECT NEXTVAL(nova.numbers); BEGIN; SAVEPOINT a; UPDATE nova.quotas SET cores = 3;"
        " SAVEPOINT b; UPDATE nova.quotas SET cores = 4; ROLLBACK TO b; COMMIT"
    )
    for form, statement, refused in (
        ("ROW", "UPDATE nova.quotas SET cores = 1", False),
        ("MIXED", "UPDATE nova.quotas SET cores = 2; SET binlog_format = STATEMENT; UPDATE nova.quotas SET cores = 3", False),
        ("MIXED", "SET binlog_format = STATEMENT; UPDATE keystone.project SET name = UUID()", True),
        ("ROW", "SET binlog_format = STATEMENT; UPDATE nova.quotas SET cores = 4", True),
    ):  # fmt: skip
        formats.ask(f"SET GLOBAL binlog_format = {form}")
        name = host.backup()
        formats.ask(statement)
        after = moment(formats)  # before the logs are archived: a plan takes no moment of which they aren't
        done(host, "archive-binlogs")
        assert ("only with --force" in host.status()["binlogs"]["message"]) is refused
        plan = json.loads(done(host, "restore", "--until", after.text(), "--plan"))
        assert plan["base"] == name
        assert [one for one in plan["problems"] if "binlog_format = STATEMENT, at least by a session" in one] == plan[
            "problems"
        ]
        assert bool(plan["problems"]) is refused, statement


def test_an_excluded_database_with_a_routine_hinders_nobody(host: Host, database: Database) -> None:
    database.ask("CREATE DATABASE zabbix; CREATE TABLE zabbix.t (a INT)")
    host.settings["exclude"] = ["zabbix"]
    host.backup()
    database.ask(
        "USE zabbix; INSERT INTO t VALUES (1); CREATE PROCEDURE p() SELECT 1; CALL p(); CREATE VIEW v AS SELECT a FROM t"
    )
    name = done(host, "backup-at", moment(database).text()).strip()
    assert "zabbix" not in host.manifest(name)["databases"]


@pytest.mark.parametrize(
    "settings", [{"databases": ["keystone", "neutron", "nova"]}, {"exclude": ["zabbix", "zabbix_new"]}]
)
def test_what_happens_to_the_routines_of_other_databases_hinders_nobody(
    host: Host, database: Database, settings: dict[str, list[str]]
) -> None:
    database.ask(
        "CREATE DATABASE zabbix; USE zabbix; CREATE TABLE t (a INT); CREATE PROCEDURE p() SELECT 1; CREATE PROCEDURE q() SELECT 1;"
        " CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;"
        " CREATE EVENT g ON SCHEDULE EVERY 1 DAY DO SELECT 1; CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW SET NEW.a = 1"
    )
    host.settings.update(settings)
    host.backup()
    database.ask(
        "USE zabbix; DROP PROCEDURE p; DROP EVENT e; USE keystone; DROP PROCEDURE IF EXISTS zabbix.p; ALTER PROCEDURE zabbix.q COMMENT 'x';"
        " DROP FUNCTION zabbix.f; ALTER EVENT zabbix.g DISABLE; DROP EVENT `zabbix`.`g`; DROP TRIGGER zabbix.b; DROP TABLE zabbix.t;"
        " ALTER DATABASE zabbix CHARACTER SET latin1; CREATE DATABASE zabbix_new; CREATE PROCEDURE zabbix_new.p() SELECT 1; USE zabbix_new;"
        " CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1; DROP DATABASE zabbix;"
        " DROP DATABASE zabbix_new; CREATE DATABASE zabbix_new; CREATE DEFINER = `a b`@`%` PROCEDURE zabbix_new.p() SELECT 1; USE zabbix_new;"
        " CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1; CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO SELECT 1;"
        ' SET sql_mode = \'ANSI_QUOTES\'; DROP EVENT "zabbix_new"."e"; DROP PROCEDURE "p";'
        " CREATE PROCEDURE nova.last() SELECT 1; DROP PROCEDURE nova.count_instances; UPDATE keystone.serial SET number = 7"
    )
    at = moment(database)
    made = host.manifest(done(host, "backup-at", at.text()).strip())
    assert made["databases"] == [
        one for one in ("keystone", "neutron", "nova", "odd-name") if one in settings.get("databases", [one])
    ]
    done(host, "restore", made["name"], "--no-safety")
    assert database.ask("SELECT routine_name FROM information_schema.routines WHERE routine_schema = 'nova'") == "last"
    assert database.ask("SELECT number FROM keystone.serial") == "7"


def test_a_change_that_calls_a_function_of_a_database_that_is_left_out_ends_the_replay(
    host: Host, database: Database
) -> None:
    database.ask("CREATE DATABASE zabbix; CREATE FUNCTION zabbix.f() RETURNS INT DETERMINISTIC RETURN 5")
    host.settings["databases"] = ["neutron", "nova"]
    host.backup()
    database.ask("SET binlog_format = STATEMENT; UPDATE nova.quotas SET cores = zabbix.f()")
    refused = host.run("backup-at", moment(database).text())
    assert refused.code == 1
    assert "FUNCTION zabbix.f does not exist" in refused.said


def test_a_moment_while_everybody_writes_is_whole(host: Host, database: Database) -> None:
    host.settings.update(encryption="age", **age_key(host))
    key = (host.folder / "key").read_text()
    host.backup()
    inside, before, after = write(database, lambda: database.ask("FLUSH BINARY LOGS"))
    done(host, "archive-binlogs")
    plan = json.loads(done(host, "restore", "--until", stamp(inside), "--plan"))
    assert plan["base"] == plan["backup"] == host.names()[0]
    assert len(plan["binlogs"]) >= 2

    name = host.run("backup-at", stamp(inside), "--identity", stdin=key).out.strip()
    assert host.listed()[-1] == {**host.listed()[-1], "name": name, "good": True, "safety": True}
    assert (host.manifest(name)["base"], host.manifest(name)["until"][:19]) == (plan["base"], stamp(inside))
    assert serial(database) >= after, "nothing has changed in the server"
    refused = host.run("restore", name, "--accounts")
    assert refused.code == 1
    assert f"mysql-backup restore {plan['base']} --accounts" in refused.said

    ran = host.run("restore", name, "--identity", stdin=key)
    assert ran.code == 0, ran.said
    assert database.ask(TOTAL) == "10000"
    serials = {int(number) for number in database.ask(SERIALS).split()}
    assert len(serials) == 1
    assert before <= serials.pop() <= after
    instances, ports = (int(number) for number in database.ask(PAIRS).split())
    assert instances - 2000 == ports - 502 == serial(database)


def test_a_moment_that_is_not_covered_is_refused_with_what_is(host: Host, database: Database) -> None:
    database.ask("SET GLOBAL binlog_format = STATEMENT")
    first = now(database)
    nothing = host.run("restore", "--until", stamp(first))
    assert nothing.code == 1
    assert "lead on from no good backup" in nothing.said
    host.backup()
    moment(database)
    database.ask("UPDATE nova.quotas SET cores = 1")
    early = moment(database)
    before = database.state()
    for when, reason in (
        (stamp(now(database) + 3600), "cover every moment from"),
        (stamp(first - 3600), "there is no good backup before it"),
        (early.text(), "was written with binlog_format = STATEMENT"),
        ("yesterday", "isn't a time"),
    ):
        refused = host.run("restore", "--until", when)
        assert refused.code == 1
        assert reason in refused.said, when
    assert json.loads(done(host, "restore", "--until", early.text(), "--plan"))["problems"]

    database.ask("SET GLOBAL binlog_format = MIXED; RESET MASTER")
    database.ask("UPDATE nova.quotas SET cores = 2")
    late = moment(database)
    refused = host.run("restore", "--until", late.text())
    assert refused.code == 1
    assert "doesn't continue" in refused.said
    assert database.state() != before
    assert done(host, "restore", "--until", early.text(), "--force"), "before the gap it still goes"
    assert database.state() == before
