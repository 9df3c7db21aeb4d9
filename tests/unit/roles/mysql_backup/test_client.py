# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client answers is taken as it is in the server, and what it repeats is not shown."""

from __future__ import annotations

import os
import syslog
from pathlib import Path

import pytest

from roles.mysql_backup.files.mysql_backup.client import fields, refusal
from roles.mysql_backup.files.mysql_backup.dumptext import Section, belongs, label
from roles.mysql_backup.files.mysql_backup.failure import BackupError, Damaged
from roles.mysql_backup.files.mysql_backup.journal import Journal
from roles.mysql_backup.files.mysql_backup.report import say
from roles.mysql_backup.files.mysql_backup.server import Server
from roles.mysql_backup.files.mysql_backup.settings import Settings
from roles.mysql_backup.files.mysql_backup.signature import Key


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"a\\tb\\\\c\\nd\tNULL", ["a\tb\\c\nd", "NULL"]),
        (b"\\\\n\t\\\\t", ["\\n", "\\t"]),
        (b"a\rb\x0bc", ["a\rb\x0bc"]),
        ("é日本".encode() + b"\xff", ["é日本\udcff"]),
    ],
)
def test_fields_are_what_the_server_has(line: bytes, found: list[str]) -> None:
    assert fields(line) == found


def test_a_refusal_repeats_neither_statements_nor_hashes() -> None:
    error = "ERROR 1153 (08S01) at line 3: Got a packet bigger than 'max_allowed_packet' bytes"
    assert refusal(f"--------------\nINSERT INTO t VALUES (1,'Pa55')\n--------------\n\n{error}\n") == error
    near = (
        "ERROR 1064 (42000) at line 1: You have an error; the right syntax to use near 'PASSWORD '*"
        + "A" * 40
        + "'' at line 1"
    )
    assert "AAAA" not in refusal(near)
    assert "near a text that is not shown here" in refusal(near)
    assert len(refusal("ERROR 1 (x) at line 1: " + "x" * 5000)) < 500


def answering(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Server:
    """A server whose client is this script."""
    program = folder / "mariadb"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Server("/absent")


def test_a_statement_that_failed_says_nothing_about_the_replica(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = tmp_path / "answer"
    answer.write_text(
        "Slave_SQL_Running\tLast_SQL_Errno\tLast_SQL_Error\nNo\t1064\tQuery: 'x\\nLast_SQL_Errno: 0\\n'\n"
    )
    server = answering(
        tmp_path,
        monkeypatch,
        f"""case "$*" in
        *--vertical*) printf 'Last_SQL_Errno: 1064\nLast_SQL_Error: x\nLast_SQL_Errno: 0\n';;
        *) cat {answer};;
        esac""",
    )
    assert server.replica()["Last_SQL_Errno"] == "1064"


def test_a_replica_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = answering(tmp_path, monkeypatch, "echo 'ERROR 2002 (HY000): Can not connect' >&2; exit 1")
    with pytest.raises(BackupError, match="doesn't say how far it is: ERROR 2002"):
        server.replica()


@pytest.mark.parametrize("program", ["mariadb", "/usr/bin/mariadb-dump", "mysql"])
def test_a_misspelt_option_is_named_without_its_value(program: str) -> None:
    said = refusal(f"{program}: unknown variable 'pasword=Pa55 wo'rd'")
    assert "pasword" in said
    assert "Pa55" not in said
    assert "rd" not in said.partition("=")[2]


def test_what_is_said_ends_no_line_and_rules_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say(syslog.LOG_ERR, "Database a\x1b]0;x\x07b\x9bc\u202ed\udcffe\0f\n is left out: é")
    said = capsys.readouterr().err
    assert said == "mysql-backup: Database a\\x1b]0;x\\x07b\\x9bc\\u202ed\\udcffe\\x00f is left out: é\n"


@pytest.mark.parametrize(
    ("half", "said"),
    [
        (["b", "a"], "mysql-backup restore mysql-1 --databases a,b,"),
        (["a,b", "c d"], "mysql-backup restore mysql-1 --database=a,b --database='c d',"),
        (["--force"], "mysql-backup restore mysql-1 --database=--force,"),
    ],
)
def test_the_way_out_names_the_databases_that_are_half_restored(tmp_path: Path, half: list[str], said: str) -> None:
    journal = Journal(Settings("/", state=str(tmp_path)))
    journal.begin(half, "mysql-1", "mysql-0")
    assert said in journal.summary()


@pytest.mark.parametrize(
    ("database", "name", "others"), [("a", "b.c", ["a.b"]), ("a.b", "c", ["a"]), ("a\\", "b", ["a\\.b", "a"])]
)
def test_names_with_dots_belong_to_their_own_database(database: str, name: str, others: list[str]) -> None:
    key = label(Section("rows", database, name))
    assert belongs(key, [database])
    assert not belongs(key, others)


def test_a_key_is_made_after_a_run_that_was_killed_meanwhile(tmp_path: Path) -> None:
    """Processes in a container often have the same number."""
    key = Key(str(tmp_path))
    mine = f"{key.path}.{os.getpid()}"
    for left in (mine, f"{mine}.{os.getpid()}.new"):
        Path(left).write_text("half a")
    key.make()
    key.check(b"text", key.sign(b"text"), "it")
    assert [one.name for one in tmp_path.iterdir()] == ["signing.key"]


def test_a_signature_shows_who_signed_what(tmp_path: Path) -> None:
    key = Key(str(tmp_path))
    key.make()
    signed = key.sign(b"text")
    key.check(b"text", signed, "it")
    key.make()
    key.check(b"text", signed, "it")
    for text, signature, error in (
        (b"texT", signed, "it was changed since it was made"),
        (b"text", "", "it isn't signed"),
        (b"text", "0123 4567", "it is signed with the key '0123'"),
    ):
        with pytest.raises(Damaged, match=error):
            key.check(text, signature, "it")
