# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups come back as they were: one moment of a server that is being written to, every object, every layout."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from pathlib import Path

import pytest

from tests.integration.mysql_backup.host import Database, Host
from tests.waiting import until

# Moves cores to ports and back between two databases; their total and the equality of the two serial numbers
# hold at the end of every transaction, and at no moment in between.
TRANSFER = """
START TRANSACTION;
UPDATE nova.quotas SET cores = cores - 1 WHERE project = MD5({one});
UPDATE keystone.serial SET number = number + 1;
UPDATE neutron.quotas SET ports = ports + 1 WHERE project = MD5({other});
INSERT INTO nova.instances (uuid, host) VALUES (UUID(), 'CMP1');
UPDATE neutron.serial SET number = number + 1;
INSERT INTO neutron.ports (id, name) VALUES (UUID(), 'new');
COMMIT;
"""
TOTAL = "SELECT (SELECT SUM(cores) FROM nova.quotas) + (SELECT SUM(ports) FROM neutron.quotas)"
SERIALS = "SELECT number FROM keystone.serial UNION ALL SELECT number FROM neutron.serial"
PAIRS = "SELECT (SELECT COUNT(*) FROM nova.instances), (SELECT COUNT(*) FROM neutron.ports)"


class Writers:
    """Clients that don't stop writing."""

    def __init__(self, database: Database, number: int = 3) -> None:
        self._database = database
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(one,)) for one in range(number)]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        turn = number
        while not self._done.is_set():
            turn += 7
            # A lost deadlock is rolled back whole; the next turn tries again.
            statements = TRANSFER.format(one=turn % 50 + 1, other=turn * 3 % 50 + 1)
            self._database.ask(statements * 20, check=False)


def test_a_server_being_written_to_comes_back_at_one_moment(host: Host, large: Database) -> None:
    database = large

    def serial() -> int:
        return int(database.ask("SELECT number FROM keystone.serial"))

    with Writers(database):
        until("the writers write", lambda: serial() >= 50, seen=serial, every=0)
        for _attempt in range(5):  # a busy machine may not let them write during a dump
            before, name, after = serial(), host.backup(), serial()
            if after > before + 20:
                break
    assert after > before + 20, "the writers have to be at work during the dump"
    database.wipe()

    done = host.run("restore", name)

    assert done.code == 0, done.said
    assert json.loads(done.out)["created"] == ["keystone", "neutron", "nova", "odd-name"]
    assert database.ask(TOTAL) == "10000"
    serials = {int(number) for number in database.ask(SERIALS).split()}
    assert len(serials) == 1
    assert before <= serials.pop() <= after
    instances, ports = (int(number) for number in database.ask(PAIRS).split())
    assert instances - 42000 == ports - 502 == int(database.ask("SELECT number FROM keystone.serial"))


def test_two_dumps_one_after_the_other_would_not_be_one_moment(database: Database) -> None:
    # What the test above would find if the databases were dumped by themselves, as a script of one line per database does.
    def seen() -> list[str]:
        names = ("keystone", "neutron", "keystone", "neutron")
        return [database.ask(f"SELECT number FROM {name}.serial") for name in names]

    with Writers(database):
        until("two numbers differ", lambda: len(set(seen())) > 1, seen=seen, every=0)


@pytest.mark.parametrize("layout", ["each", "one"])
@pytest.mark.parametrize("compression", ["zstd", "gzip"])
def test_every_object_comes_back(host: Host, database: Database, layout: str, compression: str) -> None:
    host.settings.update(layout=layout, compression=compression)
    before = database.state()
    name = host.backup()
    database.ask(
        "DELETE FROM nova.instances; CREATE TABLE nova.later (a INT); DROP VIEW nova.on_ports; DROP DATABASE neutron;"
    )
    done = host.run("restore", name)
    assert done.code == 0, done.said
    assert database.state() == before  # nova.later is gone, too: it was not in the backup
    objects = database.ask(
        "SELECT 'view', table_name FROM information_schema.views WHERE table_schema = 'nova' UNION ALL"
        " SELECT 'trigger', trigger_name FROM information_schema.triggers WHERE trigger_schema = 'nova' UNION ALL"
        " SELECT 'event', event_name FROM information_schema.events WHERE event_schema = 'nova' UNION ALL"
        " SELECT 'routine', routine_name FROM information_schema.routines WHERE routine_schema = 'nova'"
    )
    assert sorted(objects.split("\n")) == [
        "event\tpurge",
        "routine\tcount_instances",
        "trigger\tlower_host",
        "view\ton_ports",
    ]
    assert int(database.ask("SELECT NEXT VALUE FOR nova.numbers")) > 1


def test_an_archive_can_be_loaded_without_the_program(host: Host, database: Database) -> None:
    before = database.state()
    folder = host.backups / host.backup()
    database.wipe()
    for archive in (*sorted(folder.glob("0*.sql.zst")), folder / "views.sql.zst"):
        plain = subprocess.run(["zstd", "-dc", str(archive)], check=True, capture_output=True)
        database.ask(plain.stdout.decode())
    assert database.state() == before


def test_one_database_of_a_backup(host: Host, database: Database) -> None:
    name = host.backup()
    before = database.state()
    database.ask("DELETE FROM keystone.project; UPDATE nova.quotas SET cores = 1; DELETE FROM neutron.ports")
    others = database.ask("CHECKSUM TABLE nova.quotas, neutron.ports")
    plan = json.loads(host.run("restore", name, "--databases", "keystone", "--plan").out)
    assert plan["dropped"] == {"keystone": 2}
    assert database.ask("SELECT COUNT(*) FROM keystone.project") == "0", "a plan changes nothing"
    assert host.run("restore", name, "--databases", "keystone").code == 0
    assert database.ask("SELECT COUNT(*) FROM keystone.project") == "50"
    assert database.ask("CHECKSUM TABLE nova.quotas, neutron.ports") == others
    assert host.run("restore", name).code == 0
    assert database.state() == before


def test_a_restore_can_be_undone(host: Host, database: Database) -> None:
    name = host.backup()
    database.ask("UPDATE nova.quotas SET cores = 7")
    before = database.state()
    safety = json.loads(host.run("restore", name).out)["safety"]
    assert database.state() != before
    assert host.manifest(safety)["safety"] is True
    assert host.run("restore", safety, "--no-safety").code == 0
    assert database.state() == before
    assert host.run("restore", "latest", "--plan").out == host.run("restore", name, "--plan").out, (
        "latest is no safety dump"
    )


def test_accounts_come_back_when_asked_for(host: Host, database: Database) -> None:
    database.ask("CREATE USER placement@'%' IDENTIFIED BY 'x'; GRANT ALL ON nova.* TO placement@'%'")
    name = host.backup()
    database.ask("DROP USER placement@'%'")
    assert host.run("restore", name, "--databases", "keystone").code == 0
    assert database.ask("SELECT COUNT(*) FROM mysql.user WHERE user = 'placement'") == "0"
    assert host.run("restore", name, "--databases", "keystone", "--accounts").code == 0
    assert "GRANT ALL PRIVILEGES ON `nova`.*" in database.ask("SHOW GRANTS FOR placement@'%'")
    database.ask("DROP USER placement@'%'")


def test_the_manifest_says_where_the_backup_stands_in_the_binary_log(host: Host, database: Database) -> None:
    manifest = host.manifest(host.backup())
    file, position = database.ask("SHOW MASTER STATUS").split("\t")[:2]
    assert (manifest["binlog_file"], manifest["binlog_position"]) == (file, int(position))
    assert manifest["gtid"] == database.ask("SELECT @@gtid_binlog_pos")
    assert manifest["server_version"] == database.ask("SELECT VERSION()")
    assert sum(part["size"] for part in manifest["parts"]) < sum(part["bytes"] for part in manifest["parts"])


def keys(folder: Path, encryption: str, expires: str = "0") -> tuple[str, str]:
    """A new key pair: the file of the public one, and the private one."""
    public = folder / f"{encryption}.pub"
    if encryption == "age":
        private = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout
        public.write_text(next(line.split()[-1] for line in private.splitlines() if "public key" in line) + "\n")
        return str(public), private
    home = folder / "gnupg"
    home.mkdir(0o700)
    gpg = ["gpg", "--batch", "--homedir", str(home), "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run(
        [*gpg, "--quick-generate-key", "backup@example.com", "default", "default", expires],
        check=True,
        capture_output=True,
    )
    public.write_bytes(subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout)
    secret = subprocess.run([*gpg, "--armor", "--export-secret-keys"], check=True, capture_output=True, text=True)
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)
    return str(public), secret.stdout


@pytest.mark.parametrize("encryption", ["age", "gpg"])
def test_public_keys_are_tried_before_they_are_settings(host: Host, tmp_path: Path, encryption: str) -> None:
    recipients, private = keys(tmp_path, encryption)

    def tried(text: bytes) -> tuple[int, str]:
        done = subprocess.run(host.command("try-keys", encryption), input=text, capture_output=True, check=False)
        return done.returncode, done.stderr.decode()

    public = Path(recipients).read_bytes()
    assert tried(public) == (0, "")
    for wrong in (b"", public[:-9], b"ssh-dss AAAA", private.encode()[:40]):
        code, said = tried(wrong)
        assert (code, "Nothing can be encrypted with these public keys" in said) == (1, True), wrong
        assert "AGE-SECRET-KEY" not in said


def test_a_key_that_has_expired_is_none(host: Host, tmp_path: Path) -> None:
    gpg = ["gpg", "--batch", "--homedir", str(tmp_path), "--pinentry-mode", "loopback", "--passphrase", ""]
    then = ["--faked-system-time", "20240101T000000"]
    subprocess.run([*gpg, *then, "--quick-generate-key", "backup@example.com", "default", "default", "10d"], check=True)
    public = subprocess.run([*gpg, "--export"], check=True, capture_output=True).stdout
    subprocess.run(["gpgconf", "--homedir", str(tmp_path), "--kill", "all"], check=True)
    done = subprocess.run(host.command("try-keys", "gpg"), input=public, capture_output=True, check=False)
    assert done.returncode == 1
    assert not list(host.backups.iterdir())
    assert b"expired" in done.stderr or b"unusable" in done.stderr.lower(), done.stderr


def test_a_key_that_expires_soon_is_told(host: Host, tmp_path: Path) -> None:
    recipients, _private = keys(tmp_path, "gpg", "20d")
    host.settings.update(encryption="gpg", recipients=recipients, databases=["keystone"])
    done = host.run("run")
    assert done.code == 0
    assert re.search("The public key [0-9A-F]{40} expires on [0-9-]{10}; renew it", done.said), done.said


@pytest.mark.parametrize("encryption", ["age", "gpg"])
def test_only_the_private_key_opens_an_encrypted_backup(
    host: Host, database: Database, tmp_path: Path, encryption: str
) -> None:
    recipients, private = keys(tmp_path, encryption)
    (tmp_path / "other").mkdir()
    _public, other = keys(tmp_path / "other", encryption)
    host.settings.update(encryption=encryption, recipients=recipients, databases=["keystone", "neutron", "nova"])
    before = database.state()
    name = host.backup()
    assert b"CREATE TABLE" not in b"".join(path.read_bytes() for path in (host.backups / name).iterdir())
    database.ask("UPDATE nova.quotas SET cores = 7")
    changed = database.state()

    without = host.run("restore", name)
    assert without.code == 1
    assert f"encrypted with {encryption}; its private key is needed" in without.said
    wrong = host.run("restore", name, "--identity", stdin=other)
    assert wrong.code == 1
    assert "can't be read" in wrong.said
    assert database.state() == changed, "nothing is dropped before the archives were read to their end"
    assert [one["safety"] for one in host.listed()] == [False]

    right = host.run("restore", name, "--identity", stdin=private)
    assert right.code == 0, right.said
    assert database.state() == before
    assert json.loads(host.run("verify", name, "--identity", stdin=private).out)["good"] is True
    assert list(Path("/dev/shm").glob("mysql-backup-key.*")) == []


def test_verification_restores_into_a_scratch_server(host: Host, database: Database) -> None:
    before = database.state()
    name = host.backup()
    done = host.run("verify")
    assert done.code == 0, done.said
    result = json.loads(done.out)
    assert (result["backup"], result["good"], result["tables"]) == (name, True, 8)
    rows = [int(database.ask(f"SELECT COUNT(*) FROM {table}")) for table in TABLES]
    assert result["rows"] == sum(rows)
    assert host.metric("verified_success") == 1
    assert database.state() == before
    assert list(Path(host.settings["scratch"]).iterdir()) == []


TABLES = ["keystone.project", "keystone.serial", "nova.instances", "nova.quotas", "neutron.quotas", "neutron.ports"]
TABLES += ["neutron.serial", "`odd-name`.`ta``ble`"]


def test_verification_finds_what_checksums_can_not(host: Host) -> None:
    older, newer = host.backup(), host.backup()
    # An archive that is as the manifest says, but lacks a row: a bug of ours, or somebody with root.
    folder = host.backups / newer
    manifest = host.manifest(newer)
    part = next(one for one in manifest["parts"] if one["databases"] == ["keystone"])
    path = folder / part["file"]
    text = subprocess.run(["zstd", "-dc", str(path)], check=True, capture_output=True).stdout
    changed = text.replace(b"'project 7'", b"'Project 7'")
    assert changed != text
    path.write_bytes(subprocess.run(["zstd", "-c"], input=changed, check=True, capture_output=True).stdout)
    digest = subprocess.run(["sha256sum", str(path)], check=True, capture_output=True, text=True).stdout.split()[0]
    part.update(size=path.stat().st_size, sha256=digest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert "was changed since it was made" in host.run("verify", newer).said
    assert host.run("sign", newer).code == 0

    done = host.run("verify")

    assert done.code == 1
    assert f"{newer} is BAD" in done.said
    assert "rows keystone.project" in done.said
    assert host.metric("verified_success") == 0
    assert json.loads(host.run("restore", "--plan").out)["backup"] == older
    refused = host.run("restore", newer)
    assert refused.code == 1
    assert "failed its verification" in refused.said
