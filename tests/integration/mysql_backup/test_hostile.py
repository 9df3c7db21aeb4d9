# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts that have little try to get more: names and texts of others are data, and nothing of root's lies where they write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.mysql_backup.host import Database, Host, descendants
from tests.integration.mysql_backup.test_restore import keys
from tests.waiting import until

AS_MYSQL = ["setpriv", "--reuid=mysql", "--regid=mysql", "--clear-groups"]


def named(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def test_names_are_never_options_or_statements(host: Host, database: Database) -> None:
    ran = Path(f"/tmp/day2-ran-{os.getpid()}")
    written = Path(f"/tmp/day2-{os.getpid()}")  # a name has 64 characters at most
    odd = [f"--result-file={written}", "a\\b", "tab\there", "dots.in.it"]
    database.ask(";".join(f"CREATE DATABASE {named(name)}; CREATE TABLE {named(name)}.t (a INT)" for name in odd))
    database.ask("CREATE VIEW nova.`a\\b` AS SELECT 1 AS one; CREATE VIEW nova.`x\ty` AS SELECT 2 AS two")
    shell = f"n\n\\! touch {ran}\n-- x"
    database.ask(f"CREATE TABLE keystone.{named(shell)} (a INT)")
    before = database.ask("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2")

    done = host.run("run")

    assert done.code == 0, done.said
    assert "is left out, its text is in the manifest: its name holds a line break" in done.said
    assert host.run("verify").code == 0
    database.ask("DROP TABLE nova.quotas")
    restored = host.run("restore")
    assert restored.code == 0, restored.said
    after = database.ask("SELECT table_schema, table_name FROM information_schema.tables ORDER BY 1, 2")
    gone = set(before.splitlines()) - set(after.splitlines())
    assert [one.startswith("keystone\tn\\n") for one in gone] == [True], gone
    assert not written.exists()
    assert not ran.exists()


def test_a_database_with_a_line_break_costs_itself_alone(host: Host, database: Database) -> None:
    database.ask("CREATE DATABASE `two\nlines`")
    done = host.run("run")
    assert done.code == 1
    assert "is good, but doesn't have all databases. Database 'two\\nlines' is left out" in done.said
    assert host.manifest(host.names()[0])["databases"] == ["keystone", "neutron", "nova", "odd-name"]
    assert host.listed()[0]["good"] is True


def test_a_database_of_mysql_5_0_is_told(host: Host, database: Database) -> None:
    database.ask(
        "CREATE DATABASE old; CREATE TABLE old.t (a INT) ENGINE=MyISAM; INSERT INTO old.t VALUES (7); FLUSH TABLES"
    )
    data = database.folder / "data"
    (data / "lost+found").mkdir()
    (data / "old").rename(data / "a-b")

    done = host.run("run")

    assert done.code == 1
    assert "Database #mysql50#a-b is left out" in done.said
    assert "lost+found" not in done.said
    assert host.listed()[0]["good"] is True
    database.ask("ALTER DATABASE `#mysql50#a-b` UPGRADE DATA DIRECTORY NAME")
    assert host.run("run").code == 0
    assert "a-b" in host.manifest(host.names()[-1])["databases"]
    (data / "lost+found").rmdir()


def test_names_that_sql_takes_for_the_same_are_databases_of_their_own(host: Host, database: Database) -> None:
    database.ask(
        "CREATE DATABASE NOVA; CREATE TABLE NOVA.t (a INT); CREATE DATABASE `nóva`; CREATE TABLE nova.left_over (a INT)"
    )
    database.ask("CREATE DATABASE SYS; CREATE TABLE SYS.t (a INT); CREATE DATABASE `MySQL`")
    done = host.run("run")
    assert "Database 'MySQL' is left out: its name is taken by mysqldump for the server's own" in done.said
    name = host.names()[-1]
    assert {"NOVA", "nova", "nóva", "SYS"} < set(host.manifest(name)["databases"])
    database.ask("INSERT INTO NOVA.t VALUES (1); DROP TABLE nova.quotas")
    plan = json.loads(host.run("restore", name, "--databases", "nova,keystone", "--plan").out)
    assert sorted(plan["dropped"]) == ["keystone", "nova"]
    restored = host.run("restore", name, "--databases", "nova,keystone")
    assert restored.code == 0, restored.said
    assert database.ask("SELECT COUNT(*) FROM NOVA.t; SELECT COUNT(*) FROM nova.quotas").split() == ["1", "50"]


def test_names_are_the_same_in_any_locale(host: Host, database: Database, tmp_path: Path) -> None:
    database.ask("CREATE DATABASE `nóvá 日本`; CREATE TABLE `nóvá 日本`.t (a INT)")
    subprocess.run(["localedef", "-f", "ISO-8859-1", "-i", "en_US", str(tmp_path / "en_US.ISO-8859-1")], check=True)
    done = host.run("run", before=["env", f"LOCPATH={tmp_path}", "LC_ALL=en_US.ISO-8859-1"])
    assert done.code == 0, done.said
    assert "nóvá 日本" in host.manifest(host.names()[-1])["databases"]


def test_a_comma_in_a_name_makes_no_two_databases_of_it(host: Host, database: Database) -> None:
    database.ask(
        "CREATE DATABASE `a,b`; CREATE TABLE `a,b`.t (x INT); CREATE DATABASE a; CREATE DATABASE b; CREATE TABLE a.t (x INT)"
    )
    name = host.backup()
    database.ask("DROP TABLE `a,b`.t; INSERT INTO a.t VALUES (1)")
    for nothing in (",", ""):
        refused = host.run("restore", name, "--databases", nothing)
        assert refused.code == 2
        assert "names no database; leave it out for all of the backup" in refused.said
    restored = host.run("restore", name, "--database=a,b")
    assert restored.code == 0, restored.said
    assert json.loads(restored.out)["databases"] == ["a,b"]
    assert database.ask("SELECT COUNT(*) FROM a.t; SELECT COUNT(*) FROM `a,b`.t").split() == ["1", "0"]


def test_what_somebody_else_puts_among_the_backups_stops_no_run(host: Host) -> None:
    good = host.backup()
    for day, manifest in (
        ("1", b""),
        ("2", b"[" * 100_000),
        ("3", json.dumps({**host.manifest(good), "sequence": "x"}).encode()),
    ):
        folder = host.backups / f"mysql-db1-2026010{day}T000000Z"
        folder.mkdir()
        (folder / "manifest.json").write_bytes(manifest)
    (host.backups / "mysql-db1-20260104T000000Z").mkdir()
    os.mkfifo(host.backups / "mysql-db1-20260104T000000Z" / "manifest.json")
    (host.backups / "mysql-db1-20260105T000000Z").symlink_to(host.backups / good)
    os.mkfifo(host.backups / good / "verified.json")
    assert host.backup() != good
    assert len(host.names()) == 2
    (host.backups / good / "verified.json").unlink()
    archive = next(host.backups.joinpath(good).glob("*.sql.zst"))
    archive.unlink()
    os.mkfifo(archive)
    assert "is no regular file" in host.run("verify", good).said


def test_text_that_looks_like_a_dump_costs_its_own_database_alone(host: Host, database: Database) -> None:
    heading = "\n--\n-- Current Database: `nova`\n--\n"
    database.ask("CREATE DATABASE mallory")
    subprocess.run(
        ["mariadb", "--no-defaults", f"--socket={database.socket}", "--delimiter=//", "--comments"],
        input=f"CREATE OR REPLACE PROCEDURE mallory.p() BEGIN /* {heading} */ SELECT 1; END//",
        text=True,
        check=True,
    )
    done = host.run("run")
    assert done.code == 1
    assert "Database mallory is left out: a name in it, or the text of a routine" in done.said
    assert host.manifest(host.names()[0])["databases"] == ["keystone", "neutron", "nova", "odd-name"]
    assert host.metric("good_backups") == 1


def test_names_joined_by_dots_are_told_apart(host: Host, database: Database) -> None:
    database.ask("CREATE DATABASE a; CREATE DATABASE `a.b`; CREATE TABLE a.`b.c` (x INT); CREATE TABLE `a.b`.c (x INT)")
    database.ask("INSERT INTO a.`b.c` VALUES (1), (2)")
    name = host.backup()
    done = host.run("restore", name, "--databases", "a")
    assert done.code == 0, done.said


def old_dump(host: Host, name: str, text: bytes) -> None:
    """Have a backup hold this text, as a client before 10.11.8 writes it, with signature and sums as they should be."""
    folder = host.backups / name
    manifest = host.manifest(name)
    part = next(one for one in manifest["parts"] if one["databases"] == ["keystone"])
    path = folder / part["file"]
    plain = subprocess.run(["zstd", "-dc", str(path)], check=True, capture_output=True).stdout
    plain = plain.split(b"\n", 1)[1] if b"sandbox" in plain.split(b"\n", 1)[0] else plain
    marked = plain.replace(b"LOCK TABLES `project` WRITE;", text + b"LOCK TABLES `project` WRITE;", 1)
    assert marked != plain
    path.write_bytes(subprocess.run(["zstd", "-c"], input=marked, check=True, capture_output=True).stdout)
    digest = subprocess.run(["sha256sum", str(path)], check=True, capture_output=True, text=True).stdout.split()[0]
    part.update(size=path.stat().st_size, sha256=digest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert host.run("sign", name).code == 0


@pytest.mark.parametrize("how", ["\\! touch {}", "system touch {}", "tee {}", "\\T {}"])
def test_loading_runs_no_shell_and_writes_no_file(host: Host, tmp_path: Path, how: str) -> None:
    name, ran = host.backup(), tmp_path / "ran"
    old_dump(host, name, f"\n{how.format(ran)}\n".encode())
    host.run("restore", name, "--force")
    host.run("verify", name)
    assert not ran.exists()


def test_a_manifest_names_no_program_and_no_path(host: Host, tmp_path: Path) -> None:
    name, ran, program = host.backup(), tmp_path / "ran", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\n")
    program.chmod(0o755)
    honest = host.manifest(name)
    for change in ({"compression": str(program)}, {"encryption": "none; true"}):
        (host.backups / name / "manifest.json").write_text(json.dumps({**honest, **change}))
        assert host.run("sign", name).code == 1
        assert "There is no backup" in host.run("verify", name).said
    honest["parts"][0]["file"] = "../../shadow.sql.zst"
    (host.backups / name / "manifest.json").write_text(json.dumps(honest))
    assert "There is no backup" in host.run("restore", name).said
    assert not ran.exists()


def test_only_what_was_made_here_is_used(host: Host, database: Database) -> None:
    name = host.backup()
    folder = host.backups / name
    manifest = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(manifest.replace('"nova"', '"novA"', 1))
    assert "was changed since it was made" in host.run("restore", name).said
    (folder / "manifest.json").write_text(manifest)
    (folder / "manifest.hmac").unlink()
    before = database.state()
    for command in ("restore", "verify"):
        refused = host.run(command, name)
        assert refused.code == 1
        assert "isn't signed, so nothing shows that it was made here" in refused.said
    assert "There is no good backup of db1" in host.run("restore").said
    assert database.state() == before
    assert "NOT OURS" in host.run("list").out
    assert host.run("sign", name).code == 0
    assert host.run("restore", name).code == 0


def test_another_hosts_key_is_told_from_a_changed_backup(host: Host) -> None:
    name = host.backup()
    key = host.state / "signing.key"
    assert key.stat().st_mode & 0o777 == 0o600
    kept = key.read_text()
    key.write_text("0" * 64 + "\n")
    said = host.run("verify", name).said
    assert "this host's is" in said
    key.write_text(kept)
    assert host.run("verify", name).code == 0


def test_a_backup_that_others_can_change_is_not_read(host: Host) -> None:
    name = host.backup()
    archive = host.backups / name / "001-keystone.sql.zst"
    os.chown(archive, 65534, 65534)
    refused = host.run("restore", name)
    assert refused.code == 1
    assert "can be changed by others while it is read" in refused.said


def test_the_server_account_finds_nothing_of_roots_to_replace(
    host: Host, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.backup()
    common = Path(host.settings["scratch"]).parent / "tmp"
    common.mkdir(exist_ok=True)
    common.chmod(0o1777)
    monkeypatch.setenv("TMPDIR", str(common))  # as /tmp is for both servers of Debian
    marker = common / "#sql-temptable-day2-0-0.MAI"  # a temporary table of the production server
    marker.write_text("in use")
    try:
        verifying = host.start("verify")
        scratch = Path(host.settings["scratch"])
        options = until(
            "it writes client.cnf", lambda: list(scratch.glob("*/client.cnf")), process=verifying,
            seen=lambda: list(scratch.rglob("*")), every=0.01,
        )  # fmt: skip
        place = options[0].parent
        for attack in (
            f"mv {options[0]} {place}/x",
            f"ln -s /etc/passwd {place}/y",
            f"rm -f {options[0]}",
            f"cat {options[0]}",
        ):
            assert subprocess.run([*AS_MYSQL, "sh", "-c", attack], check=False, capture_output=True).returncode != 0, (
                attack
            )
        assert {path.name for path in place.iterdir() if path.stat().st_uid != 0} == {"data", "tmp", "run"}
        said = verifying.communicate(timeout=300)[1]
        assert verifying.returncode == 0, said
        assert marker.read_text() == "in use"
    finally:
        marker.unlink(missing_ok=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_private_key_does_not_outlive_a_verification(
    host: Host, database: Database, tmp_path: Path, number: int
) -> None:
    recipients, private = keys(tmp_path, "gpg")
    host.settings.update(encryption="gpg", recipients=recipients)
    host.backup()
    verifying = subprocess.Popen(
        host.command("verify", "--identity"), stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert verifying.stdin is not None
    verifying.stdin.write(private)
    verifying.stdin.close()
    until(
        "the key is unpacked", lambda: list(Path("/dev/shm").glob("mysql-backup-key.*/private-keys-v1.d/*")),
        process=verifying, seen=lambda: list(Path("/dev/shm").glob("mysql-backup-key.*/*")), every=0.001,
    )  # fmt: skip
    worker = next(pid for name, pid in descendants(verifying.pid).items() if name.startswith("python"))
    os.kill(verifying.pid if number == signal.SIGTERM else worker, number)
    verifying.wait(timeout=300)
    assert list(Path("/dev/shm").glob("mysql-backup-key.*")) == []
    assert list(Path(host.settings["scratch"]).iterdir()) == []


def test_hosts_that_share_a_folder_leave_each_other_alone(host: Host, database: Database, tmp_path: Path) -> None:
    other = Host(tmp_path / "other", database, {"scratch": host.settings["scratch"]})
    other.settings.update(name="db2", directory=str(host.backups), retention={"count": 1})
    other.backups = host.backups
    host.settings["retention"] = {"count": 1}
    mine = host.backup()
    growing = host.backups / ".mysql-db1-20260101T000000Z.partial"
    growing.mkdir()
    (growing / "manifest.json").write_text(json.dumps({**host.manifest(mine), "name": "mysql-db1-20260101T000000Z"}))
    theirs = other.backup()
    assert other.names() == [theirs]
    assert host.names() == [mine]
    assert growing.exists()
    assert json.loads(host.run("restore", "--plan").out)["backup"] == mine
    assert "There is no backup" in host.run("restore", theirs, "--plan").said


def test_what_is_said_holds_no_rows_and_no_hashes(host: Host, database: Database) -> None:
    database.ask("CREATE USER secret@'%' IDENTIFIED BY 'x'")
    name = host.backup()
    folder = host.backups / name
    accounts = folder / "accounts.sql.zst"
    plain = subprocess.run(["zstd", "-dc", str(accounts)], check=True, capture_output=True).stdout
    hashed = database.ask("SELECT authentication_string FROM mysql.user WHERE user = 'secret'")
    assert hashed.encode() in plain
    broken = plain.replace(b"CREATE USER", b"CREATE USR")
    accounts.write_bytes(subprocess.run(["zstd", "-c"], input=broken, check=True, capture_output=True).stdout)
    manifest = host.manifest(name)
    part = next(one for one in manifest["parts"] if one["what"] == "accounts")
    digest = subprocess.run(["sha256sum", str(accounts)], check=True, capture_output=True, text=True).stdout.split()[0]
    part.update(size=accounts.stat().st_size, sha256=digest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert host.run("sign", name).code == 0
    done = host.run("restore", name, "--databases", "keystone", "--accounts")
    assert done.code == 3
    assert "ERROR 1064" in done.said
    assert hashed not in done.said + done.out + json.dumps(host.status())
    database.ask("DROP USER secret@'%'")
