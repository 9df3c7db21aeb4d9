# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Before a restore drops anything the server is asked whether it can take the backup; what doesn't fit is said with the way out."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.integration.mysql_backup.host import Database, Host
from tests.waiting import until

PACKET = "SELECT @@global.max_allowed_packet"


def test_a_row_larger_than_the_packet_comes_back_and_so_does_its_safety_dump(host: Host, database: Database) -> None:
    database.ask("SET GLOBAL max_allowed_packet = 64 << 20, binlog_format = ROW")
    database.ask(
        "CREATE TABLE nova.blobs (id INT, data LONGBLOB); INSERT INTO nova.blobs VALUES (1, REPEAT(RANDOM_BYTES(1024), 20 << 10))"
    )
    database.ask("SET GLOBAL max_allowed_packet = 16 << 20")
    told = host.run("run")
    assert told.code == 0, told.said
    assert "position in the binary log is unknown" in told.said
    database.ask("FLUSH BINARY LOGS")
    name = host.backup()
    assert host.manifest(name)["longest_statement"] > 40 << 20
    before = database.state()
    done = host.run("restore", name, "--databases", "nova")
    assert done.code == 0, done.said
    assert database.state() == before
    safety = json.loads(done.out)["safety"]
    database.ask("DELETE FROM nova.blobs")
    done = host.run("restore", safety, "--no-safety")
    assert done.code == 0, done.said
    assert database.state() == before
    assert database.ask(PACKET) == str(16 << 20), "as it was"
    database.ask("SET GLOBAL binlog_format = MIXED")
    assert host.manifest(host.backup())["binlog_file"], "and the next night's backup isn't the worse for it"


def test_a_view_whose_owner_is_gone_is_told_before_anything_is_dropped(host: Host, database: Database) -> None:
    database.ask("CREATE OR REPLACE USER nova@'%'; GRANT ALL ON nova.* TO nova@'%'")
    database.ask("CREATE DEFINER = nova@'%' VIEW nova.mine AS SELECT uuid FROM nova.instances")
    name = host.backup()
    database.ask("DROP USER nova@'%'")
    before = database.state()
    plan = json.loads(host.run("restore", name, "--plan").out)
    error = "Views of nova read with the rights of nova@%, an account that the server doesn't have"
    assert error in plan["problems"][0]
    refused = host.run("restore", name)
    assert refused.code == 1
    assert f"Nothing was changed. {error}" in refused.said
    assert database.state() == before
    assert len(host.names()) == 1, "no safety dump either"
    assert host.run("restore", name, "--databases", "keystone").code == 0, "the others don't need it"
    assert json.loads(host.run("verify", name).out)["verdict"] == "good"

    forced = host.run("restore", name, "--force")
    assert forced.code == 0, forced.said
    assert json.loads(forced.out)["differs"][0].startswith("view nova.mine is "), (
        "without its owner it says other things"
    )
    done = host.run("restore", name, "--accounts", "--no-safety")
    assert done.code == 0, done.said
    database.ask("DROP USER nova@'%'")


def test_an_engine_is_taken_along_or_missed_in_time(host: Host, database: Database) -> None:
    database.ask("INSTALL SONAME 'ha_archive'")
    try:
        database.ask("CREATE TABLE nova.old (a INT) ENGINE=ARCHIVE; INSERT INTO nova.old VALUES (1), (2)")
        name = host.backup()
        verified = json.loads(host.run("verify", name).out)
        assert verified["verdict"] == "good", verified["message"]
        database.ask("DROP TABLE nova.old")
    finally:
        database.ask("UNINSTALL SONAME 'ha_archive'")
    before = database.state()
    refused = host.run("restore", name)
    assert refused.code == 1
    assert (
        "The server has no engine ARCHIVE, which tables of the backup use: INSTALL SONAME 'ha_archive" in refused.said
    )
    assert database.state() == before


def test_old_rows_of_system_versioned_tables_come_back(host: Host, database: Database) -> None:
    database.ask(
        "CREATE TABLE nova.versioned (id INT PRIMARY KEY, state INT) WITH SYSTEM VERSIONING; INSERT INTO nova.versioned VALUES (1, 1);"
        "UPDATE nova.versioned SET state = 2; UPDATE nova.versioned SET state = 3; DELETE FROM nova.versioned"
    )
    history = (
        "SELECT COUNT(*), GROUP_CONCAT(state ORDER BY row_end), MIN(row_start) FROM nova.versioned FOR SYSTEM_TIME ALL"
    )
    before = database.ask(history)
    name = host.backup()
    assert host.manifest(name)["history"] is True
    done = host.run("restore", name)
    assert done.code == 0, done.said
    assert database.ask(history) == before
    verified = json.loads(host.run("verify", name).out)
    assert verified["verdict"] == "good", verified["message"]


def test_who_holds_a_database_is_named_and_nothing_was_dropped(host: Host, database: Database) -> None:
    host.settings["patience"] = 2
    name = host.backup()
    before = database.state()
    holding = subprocess.Popen(
        [
            "mariadb",
            "--no-defaults",
            f"--socket={database.socket}",
            "-e",
            "BEGIN; SELECT * FROM keystone.project LIMIT 1; DO SLEEP(600)",
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        notes = until(
            "the plan names who has a transaction open",
            lambda: json.loads(host.run("restore", name, "--plan").out)["notes"], process=holding,
        )  # fmt: skip
        assert "of root from localhost has a transaction open for" in notes[0]
        done = host.run("restore", name)
        assert done.code == 1
        assert "Database keystone is held by somebody, for more than 2 s: Connection" in done.said
        assert "KILL" in done.said
    finally:
        holding.kill()
        holding.wait()
    database.ask("KILL " + notes[0].split()[1], check=False)
    assert database.state() == before
    assert host.run("status").code == 0


@pytest.mark.parametrize("variable", ["read_only"])
def test_a_replica_is_not_restored_into(host: Host, database: Database, variable: str) -> None:
    name = host.backup()
    database.ask(f"SET GLOBAL {variable} = ON")
    try:
        refused = host.run("restore", name)
    finally:
        database.ask(f"SET GLOBAL {variable} = OFF")
    assert refused.code == 1
    assert "The server is read-only, as replicas are" in refused.said


def test_passwords_are_validated_and_the_account_is_made_all_the_same(host: Host, database: Database) -> None:
    host.options.write_text(host.options.read_text().replace("user=root\n", "", 1))
    database.ask("INSTALL SONAME 'simple_password_check'")
    try:
        made = host.run("account")
        assert made.code == 0, made.said
        name = host.backup()
        refused = host.run("restore", name, "--accounts")
        assert refused.code == 1
        assert "strict_password_validation refuses accounts" in refused.said
    finally:
        database.ask("UNINSTALL SONAME 'simple_password_check'")


def test_what_is_no_database_and_a_damaged_table_cost_nobody_else(host: Host, database: Database) -> None:
    data = database.folder / "data"
    (data / "lost+found").mkdir()
    database.ask("CREATE TABLE nova.old (a INT) ENGINE=MyISAM; INSERT INTO nova.old VALUES (1); FLUSH TABLES")
    (data / "nova" / "old.MYI").write_bytes(b"damaged")
    try:
        done = host.run("run")
    finally:
        (data / "lost+found").rmdir()
    assert done.code == 0, done.said
    assert "Table nova.old is left out" in done.said
    assert host.run("verify").code == 0
    (data / "nova" / "old.MYI").unlink()
    (data / "nova" / "old.MYD").unlink()
    (data / "nova" / "old.frm").unlink()
    database.ask("FLUSH TABLES")
