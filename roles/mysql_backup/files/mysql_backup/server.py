# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database server, through its own command line clients. Passwords stay in the option file."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import typing as t
from dataclasses import dataclass

from . import archive
from .dumptext import COMPLETED, Contents, DumpReader, Section
from .failure import BackupError, Damaged

SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")
NEEDED = {"SELECT", "SHOW VIEW", "TRIGGER", "EVENT"}  # on everything
ADMIN = "-admin"  # suffix of the group in the option file


def client(*names: str) -> str:
    """The first of these programs that is installed."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    raise BackupError(f"None of {', '.join(names)} is installed; the client package of the server has them.")


def quoted(name: str) -> str:
    """An identifier as SQL wants it."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A string as SQL wants it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


@dataclass(frozen=True)
class Facts:
    """What the manifest says about the server."""

    version: str
    binlog: bool
    lower_case_table_names: int

    @property
    def series(self) -> str:
        """10.11 of 10.11.6-MariaDB-0+deb12u1."""
        return ".".join(re.findall(r"\d+", self.version)[:2])


class Server:
    """One server, as the account of one group of the option file sees it."""

    def __init__(self, defaults_file: str, suffix: str = "") -> None:
        self._options = [f"--defaults-file={defaults_file}"]
        if suffix:
            self._options.append(f"--defaults-group-suffix={suffix}")

    def query(self, sql: str) -> list[list[str]]:
        """The rows of the answer, as text."""
        done = self._client(sql)
        if done.returncode != 0:
            raise BackupError(f"The server refused: {' '.join(done.stderr.split())}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def facts(self) -> Facts:
        """Also the first contact: it fails here when the account or the server doesn't answer."""
        version, binlog, names = self.query("SELECT VERSION(), @@log_bin, @@lower_case_table_names")[0]
        if "mariadb" not in version.lower():
            raise BackupError(
                f"This is MySQL {version}; only MariaDB is supported, nothing else could be tested. "
                "mysqldump itself works there, see the guide."
            )
        lacking = NEEDED - self.privileges()
        if lacking:
            # Without TRIGGER mysqldump leaves out all triggers, and doesn't say so.
            raise BackupError(
                f"The account {self.query('SELECT CURRENT_USER()')[0][0]} lacks {', '.join(sorted(lacking))} ON *.*; "
                "grant it, or let the role make an account with mysql_backup_create_account."
            )
        return Facts(version, binlog == "1", int(names))

    def privileges(self) -> set[str]:
        """What the account may do everywhere."""
        rows = self.query(
            "SELECT privilege_type FROM information_schema.user_privileges"
            " WHERE grantee = CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@',"
            " QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))"
        )
        return {row[0] for row in rows}

    def databases(self) -> list[str]:
        """All but the server's own, in the order of their names."""
        rows = self.query("SELECT schema_name FROM information_schema.schemata ORDER BY BINARY schema_name")
        return [row[0] for row in rows if row[0].lower() not in SYSTEM]

    def outside_snapshot(self, databases: t.Sequence[str]) -> list[str]:
        """Tables whose engine has no transactions: a consistent snapshot doesn't cover them."""
        rows = self.query(
            "SELECT table_schema, table_name FROM information_schema.tables JOIN information_schema.engines USING (engine)"
            f" WHERE table_schema IN ({_list(databases)}) AND table_type = 'BASE TABLE' AND transactions <> 'YES'"
        )
        return [".".join(row) for row in rows]

    def tables(self, databases: t.Sequence[str]) -> dict[str, int]:
        """How many tables and views each of the databases that exist has."""
        rows = self.query(
            "SELECT schema_name, COUNT(table_name) FROM information_schema.schemata"
            " LEFT JOIN information_schema.tables ON table_schema = schema_name"
            f" WHERE schema_name IN ({_list(databases)}) GROUP BY schema_name"
        )
        return {name: int(count) for name, count in rows}

    def broken_views(self, databases: t.Sequence[str]) -> dict[tuple[str, str], str]:
        """Views that can't be read any more, with the server's reason. One of them ends mysqldump."""
        rows = self.query(
            "SELECT table_schema, table_name FROM information_schema.tables"
            f" WHERE table_type = 'VIEW' AND table_schema IN ({_list(databases)}) ORDER BY 1, 2"
        )
        views = [(row[0], row[1]) for row in rows]
        # The same statement as mysqldump's own; one per line, so that the line of an error names the view.
        asked = "".join(f"SHOW FIELDS FROM {quoted(database)}.{quoted(view)};\n" for database, view in views)
        done = self._client(asked, "--force")
        answers = re.findall(r"^ERROR \d+ \(\w+\) at line (\d+): (.*)$", done.stderr, re.MULTILINE)
        return {views[int(line) - 1]: reason for line, reason in answers}

    def view_text(self, database: str, view: str) -> str:
        """The statement that made a view; a broken one has it, too."""
        rows = self.query(f"SHOW CREATE VIEW {quoted(database)}.{quoted(view)}")
        return rows[0][1]

    def gtid(self, file: str, position: int) -> str:
        """The global transaction id of a place in the binary log."""
        return self.query(f"SELECT BINLOG_GTID_POS({literal(file)}, {position})")[0][0]

    def galera(self) -> dict[str, str]:
        """wsrep's own words about this member; empty when it is none."""
        rows = self.query(
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_size', 'wsrep_cluster_status',"
            " 'wsrep_local_index', 'wsrep_incoming_addresses')"
        )
        status = {row[0].lower(): row[1] for row in rows}
        return status if status.get("wsrep_ready") == "ON" else {}

    def desync(self, on: bool) -> None:
        """Let a Galera member fall behind without slowing the cluster down, or end that."""
        self.query(f"SET GLOBAL wsrep_desync = {'ON' if on else 'OFF'}")

    def dump_command(
        self, databases: t.Sequence[str], left_out: t.Iterable[tuple[str, str]], binlog: bool
    ) -> list[str]:
        """One consistent snapshot of all these databases."""
        return [
            client("mariadb-dump", "mysqldump"),
            *self._options,
            "--opt",
            "--single-transaction",
            "--routines",
            "--events",
            "--triggers",
            "--hex-blob",
            "--default-character-set=utf8mb4",
            "--max-allowed-packet=1G",
            *(["--master-data=2"] if binlog else []),
            *(f"--ignore-table={database}.{view}" for database, view in left_out),
            "--databases",
            *databases,
        ]

    def accounts_command(self) -> list[str]:
        """Users, roles and grants as statements that any MariaDB understands."""
        return [client("mariadb-dump", "mysqldump"), *self._options, "--system=users", "--insert-ignore"]

    def dump(self, command: t.Sequence[str], reader: DumpReader) -> t.Iterator[tuple[Section, bytes]]:
        """Run mysqldump and yield its text; BackupError unless it ended well and said that it completed."""
        # Into a pipe mysqldump writes 4 KiB at a time, which costs a fifth of its processor time.
        buffered = ["stdbuf", "--output=256K"] if shutil.which("stdbuf") else []
        stage = archive.Stage([*buffered, *command], subprocess.DEVNULL, subprocess.PIPE, name=command[0])
        stream = stage.process.stdout
        assert stream is not None
        try:
            for chunk in iter(lambda: stream.read(archive.CHUNK), b""):
                yield from reader.feed(chunk)
            failure = stage.failure()
            if failure:
                raise BackupError(failure)
            yield from reader.finish()
        finally:
            stage.kill()
        if not reader.completed:
            raise BackupError(f"{command[0]} ended well, but its last line doesn't say that the dump was completed.")

    def lines(self, command: t.Sequence[str]) -> t.Iterator[bytes]:
        """The text of a dump that has no databases in it."""
        stage = archive.Stage(command, subprocess.DEVNULL, subprocess.PIPE)
        stream = stage.process.stdout
        assert stream is not None
        last = b""
        try:
            for line in stream:
                last = line.strip() or last
                yield line
            failure = stage.failure()
        finally:
            stage.kill()
        if failure or not last.startswith(COMPLETED):
            raise BackupError(failure or f"{command[0]} ended without the line that says it completed.")

    def contents(self, databases: t.Sequence[str], left_out: t.Iterable[tuple[str, str]]) -> Contents:
        """What a dump of these databases would hold, without keeping it."""
        contents = Contents()
        if databases:
            for section, text in self.dump(self.dump_command(databases, left_out, False), DumpReader(databases)):
                contents.add(section, text)
        return contents

    @contextlib.contextmanager
    def loading(self) -> t.Iterator[t.Callable[[bytes], None]]:
        """A client that executes what it is handed; BackupError at the first statement that fails."""
        stage = archive.Stage(
            [client("mariadb", "mysql"), *self._options, "--batch", "--max-allowed-packet=1G"],
            subprocess.PIPE,
            subprocess.DEVNULL,
        )
        pipe = stage.process.stdin
        assert pipe is not None

        def hand_over(text: bytes) -> None:
            view = memoryview(text)
            while view:
                view = view[pipe.write(view) or 0 :]

        try:
            with contextlib.suppress(BrokenPipeError):
                yield hand_over
                pipe.close()
            failure = stage.failure()
            if failure:
                # A server that went away or is full says nothing about what it was given.
                blame = BackupError if re.search(r"gone away|Lost connection|is full|No space", failure) else Damaged
                raise blame(f"Loading stopped: {failure}")
        finally:
            stage.kill()

    def _client(self, sql: str, *options: str) -> subprocess.CompletedProcess[str]:
        command = [client("mariadb", "mysql"), *self._options, "--batch", "--skip-column-names", *options]
        return subprocess.run(command, input=sql, capture_output=True, text=True, check=False)


def _list(names: t.Sequence[str]) -> str:
    return ", ".join(literal(name) for name in names) or "''"
