# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database server, through its own command line clients. Passwords stay in the option file."""

from __future__ import annotations

import contextlib
import functools
import re
import shutil
import subprocess
import time
import typing as t
from dataclasses import dataclass

from . import archive
from .client import SAFE, client, fields, refusal, sandbox
from .dumptext import COMPLETED, Contents, DumpReader, Section
from .failure import BackupError, Confused

_OLD = "#mysql50#"
SYSTEM = ("information_schema", "performance_schema", "mysql", "sys")
NEEDED = {"SELECT", "SHOW VIEW", "TRIGGER", "EVENT"}  # on everything
_UTF8 = ("--default-character-set=utf8mb4",)
_LONG = 10  # seconds
ADMIN = "-admin"  # suffix of the group in the option file


@functools.lru_cache(maxsize=None)
def can_dump_history() -> bool:
    """Whether mariadb-dump carries the old rows of system-versioned tables."""
    said = subprocess.run(
        [client("mariadb-dump", "mysqldump"), "--no-defaults", "--help"], capture_output=True, check=False
    )
    return b"--dump-history" in said.stdout


def quoted(name: str) -> str:
    """An identifier as SQL wants it."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """A string as SQL wants it."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def names(them: t.Iterable[str]) -> str:
    """What stands in the brackets of SQL's IN."""
    return ", ".join(literal(name) for name in them) or "''"


def within(column: str, them: t.Collection[str]) -> str:
    """SQL's condition that a name is one of these. information_schema by itself takes NOVA and nóva for nova."""
    return f"{column} IN ({names(them)}) AND BINARY {column} IN ({names(them)})"


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
        """The rows of the answer, as text, whatever characters are in it; NULL is the text NULL. Raises BackupError where the server refuses."""
        done = self._client(sql)
        if done.returncode != 0:
            raise BackupError(f"The server refused: {refusal(done.stderr.decode(errors='replace'))}")
        return [fields(line) for line in done.stdout.split(b"\n")[:-1]]

    def facts(self) -> Facts:
        """Also the first contact: raises BackupError when the account or the server doesn't answer."""
        version, binlog, names = self.query("SELECT VERSION(), @@log_bin, @@lower_case_table_names")[0]
        if "mariadb" not in version.lower():
            raise BackupError(
                f"This is MySQL {version}; only MariaDB is supported, nothing else could be tested. "
                "mysqldump itself works there, see the guide."
            )
        self.require(NEEDED)  # without TRIGGER mysqldump leaves out all triggers, and doesn't say so
        return Facts(version, binlog == "1", int(names))

    def require(self, wanted: t.Collection[str]) -> None:
        """Raise BackupError for an account that lacks one of these privileges on everything."""
        lacking = set(wanted) - self.privileges()
        if lacking:
            raise BackupError(
                f"The account {self.query('SELECT CURRENT_USER()')[0][0]} lacks {', '.join(sorted(lacking))} ON *.*; "
                "grant it, or let the role make an account with mysql_backup_create_account."
            )

    def for_binlogs(self) -> set[str]:
        """The privileges that it takes to archive the binary logs."""
        # REPLICATION CLIENT is BINLOG MONITOR since 10.5, and no longer enough to look at what a replica does.
        version = [int(one) for one in re.findall(r"\d+", self.query("SELECT VERSION()")[0][0])[:3]]
        if version < [10, 5]:
            return {"RELOAD", "REPLICATION SLAVE", "REPLICATION CLIENT"}
        looks = "SLAVE MONITOR" if version >= [10, 5, 9] else "REPLICATION SLAVE ADMIN"
        return {"RELOAD", "REPLICATION SLAVE", "BINLOG MONITOR", looks}

    def privileges(self) -> set[str]:
        """What the account may do everywhere."""
        rows = self.query(
            "SELECT privilege_type FROM information_schema.user_privileges"
            " WHERE BINARY grantee = CONCAT(QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', 1)), '@',"
            " QUOTE(SUBSTRING_INDEX(CURRENT_USER(), '@', -1)))"
        )
        return {row[0] for row in rows}

    def databases(self) -> list[str]:
        """All but the server's own, in the order of their names."""
        rows = self.query("SELECT schema_name FROM information_schema.schemata ORDER BY BINARY schema_name")
        return [row[0] for row in rows if row[0] not in SYSTEM and not row[0].startswith(_OLD)]

    def old_folders(self) -> list[str]:
        """Databases whose folder still has the name that MySQL 5.0 gave it, so that only `#mysql50#NAME` leads to them."""
        # Other folders in the data directory (lost+found, .snapshot) are shown likewise, and have no tables.
        rows = self.query(
            f"SELECT DISTINCT table_schema FROM information_schema.tables WHERE table_schema LIKE '{_OLD}%'"
        )
        return [row[0] for row in rows]

    def variables(self, *wanted: str) -> dict[str, str]:
        """Global variables that this server knows."""
        rows = self.query(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({names(wanted)})")
        return {row[0].lower(): row[1] for row in rows}

    def engines(self) -> set[str]:
        """Storage engines that tables can have."""
        return {
            row[0]
            for row in self.query("SELECT engine FROM information_schema.engines WHERE support IN ('YES', 'DEFAULT')")
        }

    def collations(self) -> set[str]:
        """Of tables and columns. Those of UCA 14 are listed without the character set that they are used with."""
        rows = self.query(
            "SELECT full_collation_name FROM information_schema.collation_character_set_applicability"
            if self.knows("collation_character_set_applicability", "FULL_COLLATION_NAME")
            else "SELECT collation_name FROM information_schema.collations"
        )
        return {row[0] for row in rows}

    def knows(self, table: str, column: str) -> bool:
        """Whether information_schema has this column."""
        return bool(
            self.query(
                "SELECT 1 FROM information_schema.columns WHERE table_schema = 'information_schema'"
                f" AND table_name = {literal(table)} AND column_name = {literal(column)}"
            )
        )

    def accounts(self) -> set[str]:
        """Users as user@host, roles by their names."""
        return {row[0] for row in self.query("SELECT IF(is_role = 'Y', user, CONCAT(user, '@', host)) FROM mysql.user")}

    def validates_passwords(self) -> bool:
        """Whether a plugin does."""
        return bool(
            self.query(
                "SELECT 1 FROM information_schema.plugins WHERE plugin_type = 'PASSWORD VALIDATION' AND plugin_status = 'ACTIVE'"
            )
        )

    def size(self, databases: t.Collection[str]) -> int:
        """Bytes of tables and indexes."""
        rows = self.query(
            "SELECT CAST(COALESCE(SUM(data_length + index_length), 0) AS UNSIGNED) FROM information_schema.tables"
            f" WHERE {within('table_schema', databases)}"
        )
        return int(rows[0][0])

    def outside_snapshot(self, databases: t.Sequence[str]) -> list[str]:
        """Tables whose engine has no transactions: a consistent snapshot doesn't cover them."""
        rows = self.query(
            "SELECT table_schema, table_name FROM information_schema.tables JOIN information_schema.engines USING (engine)"
            f" WHERE {within('table_schema', databases)} AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') AND transactions <> 'YES'"
        )
        return [".".join(row) for row in rows]

    def tables(self, databases: t.Sequence[str]) -> dict[str, int]:
        """How many tables and views each of the databases that exist has."""
        rows = self.query(
            "SELECT schema_name, COUNT(table_name) FROM information_schema.schemata"
            " LEFT JOIN information_schema.tables ON BINARY table_schema = schema_name"
            f" WHERE {within('schema_name', databases)} GROUP BY BINARY schema_name"
        )
        return {name: int(count) for name, count in rows}

    def objects(self, databases: t.Sequence[str]) -> list[tuple[str, str, str]]:
        """Database, name and kind (VIEW, BASE TABLE, ...) of every table and view."""
        rows = self.query(
            "SELECT table_schema, table_name, table_type FROM information_schema.tables"
            f" WHERE {within('table_schema', databases)} ORDER BY 1, 2"
        )
        return [(row[0], row[1], row[2]) for row in rows]

    def broken_views(self, views: t.Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Views that can't be read any more, with the server's reason. One of them ends mysqldump."""
        # The same statement as mysqldump's own; one per line, so that the line of an error names the view.
        return self._refused(views, "SHOW FIELDS FROM {};\n")

    def broken_tables(self, tables: t.Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Tables that can't be opened, for example because a file is damaged or their engine isn't loaded."""
        return self._refused(tables, "SELECT 1 FROM {} LIMIT 1;\n")

    def _refused(self, them: t.Sequence[tuple[str, str]], statement: str) -> dict[tuple[str, str], str]:
        asked = "".join(statement.format(f"{quoted(database)}.{quoted(name)}") for database, name in them)
        done = self._client(asked, "--force")
        said = done.stderr.decode("utf-8", "replace")
        answers = re.findall(r"^ERROR \d+ \(\w+\) at line (\d+): (.*)$", said, re.MULTILINE)
        if done.returncode != 0 and not answers:
            raise BackupError(f"The server refused: {refusal(said)}")
        return {them[int(line) - 1]: reason for line, reason in answers}

    def text_of(self, database: str, name: str) -> str:
        """The statement that made a view; a broken one has it, too. Empty for what the server can't say."""
        try:
            row = self.query(f"SHOW CREATE TABLE {quoted(database)}.{quoted(name)}")[0]
        except BackupError:
            return ""
        return row[1]

    def gtid(self, file: str, position: int) -> str:
        """The global transaction id of a place in the binary log."""
        return self.query(f"SELECT BINLOG_GTID_POS({literal(file)}, {position})")[0][0]

    def binlog_command(self, log: str, prefix: str) -> list[str]:
        """Copies a binary log, byte for byte, to the file that has its name after `prefix`."""
        return [
            client("mariadb-binlog", "mysqlbinlog"),
            *self._options,
            "--read-from-remote-server",
            "--raw",
            f"--result-file={prefix}",
            "--",
            log,
        ]

    def replica(self) -> dict[str, str]:
        """What SHOW SLAVE STATUS says, by its own names. Raises BackupError where the server doesn't answer, or is no replica."""
        # A line per row, unlike --vertical: an error repeats the statement that failed, which may have lines that look like a state.
        done = self._client("SHOW SLAVE STATUS", "--column-names")
        lines = done.stdout.split(b"\n")
        if done.returncode != 0 or len(lines) < 3:
            raise BackupError(f"The server doesn't say how far it is: {refusal(done.stderr.decode(errors='replace'))}")
        return dict(zip(fields(lines[0]), fields(lines[1])))

    def galera(self) -> dict[str, str]:
        """wsrep's own words about this member; empty when it is none."""
        if self.variables("wsrep_provider").get("wsrep_provider", "none") in ("none", ""):
            return {}
        rows = self.query(
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_size', 'wsrep_cluster_status',"
            " 'wsrep_local_index', 'wsrep_incoming_addresses')"
        )
        return {row[0].lower(): row[1] for row in rows}

    def desynced(self) -> bool:
        """Whether this member is out of flow control, by whomever."""
        return self.variables("wsrep_desync").get("wsrep_desync") == "ON"

    def caught_up(self, seconds: float = 60) -> None:
        """Wait until the member has applied what came meanwhile: in flow control it would stop the cluster until it has."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            rows = self.query("SHOW GLOBAL STATUS LIKE 'wsrep_local_recv_queue'")
            if not rows or int(rows[0][1]) == 0:
                return
            time.sleep(0.5)

    def desync(self, on: bool) -> None:
        """Let a Galera member fall behind without slowing the cluster down, or end that."""
        self.query(f"SET GLOBAL wsrep_desync = {'ON' if on else 'OFF'}")

    def drop(self, database: str, patience: int) -> None:
        """Drop a database. Raises BackupError for one that somebody holds; it says who, and doesn't wait without end."""
        try:
            self.query(
                f"SET lock_wait_timeout = {patience}; SET foreign_key_checks = 0; DROP DATABASE {quoted(database)}"
            )
        except BackupError as exc:
            if "ERROR 1205" not in str(exc):
                raise
            holders = "; ".join(self.blockers()) or "SHOW FULL PROCESSLIST may tell who"
            raise BackupError(
                f"Database {database} is held by somebody, for more than {patience} s: {holders}"
            ) from exc

    def blockers(self) -> list[str]:
        """Transactions that are open for some time: what they have read can't be dropped."""
        rows = self.query(
            "SELECT p.id, p.user, p.host, TIMESTAMPDIFF(SECOND, x.trx_started, NOW()) FROM information_schema.innodb_trx x"
            " JOIN information_schema.processlist p ON p.id = x.trx_mysql_thread_id"
            f" WHERE x.trx_started < NOW() - INTERVAL {_LONG} SECOND ORDER BY 4 DESC LIMIT 3"
        )
        return [
            f"Connection {number} of {user} from {place} has a transaction open for {age} s, which a DROP would wait for: end it, or KILL {number}."
            for number, user, place, age in rows
        ]

    @contextlib.contextmanager
    def packet(self, longest: int) -> t.Iterator[None]:
        """Have the server take statements of this length, and as it was afterwards."""
        now = int(self.variables("max_allowed_packet")["max_allowed_packet"])
        wanted = min((longest + (1 << 20)) // 1024 * 1024 + 1024, 1 << 30)
        if wanted <= now:
            yield
            return
        self.query(f"SET GLOBAL max_allowed_packet = {wanted}")
        try:
            yield
        finally:
            with contextlib.suppress(BackupError):
                # With a lower limit the server can't read a binary log that has longer events: those begin a new one.
                self.query(f"FLUSH BINARY LOGS; SET GLOBAL max_allowed_packet = {now}")

    def place_known(self) -> bool:
        """Whether the server can say the GTID of where its binary log stands. If not, mariadb-dump --master-data ends by a segfault."""
        status = {row[0].lower(): row[1] for row in self.query("SHOW STATUS LIKE 'binlog_snapshot_%'")}
        file, position = status.get("binlog_snapshot_file", ""), status.get("binlog_snapshot_position", "0")
        return not file or self.gtid(file, int(position)) != "NULL"

    def dump_command(
        self, databases: t.Sequence[str], left_out: t.Iterable[tuple[str, str]], binlog: bool, history: bool = False
    ) -> list[str]:
        """One consistent snapshot of all these databases; `history` with the old rows of system-versioned tables."""
        return [
            client("mariadb-dump", "mysqldump"),
            *self._options,
            "--opt",
            "--single-transaction",
            "--routines",
            "--events",
            "--triggers",
            "--hex-blob",
            *_UTF8,
            "--max-allowed-packet=1G",
            *(["--master-data=2"] if binlog else []),
            *(["--dump-history"] if history else []),
            *(f"--ignore-table={database}.{view}" for database, view in left_out),
            "--databases",
            "--",  # a database may be called --result-file=...
            *databases,
        ]

    def confusing(self, databases: t.Sequence[str]) -> list[str]:
        """Those whose definitions hold text that looks like a heading of a dump."""
        found = []
        for name in databases:
            command = [one for one in self.dump_command([name], (), False) if one != "--single-transaction"]
            command.insert(command.index("--databases"), "--no-data")
            try:
                for _piece in self.dump(command, DumpReader([name])):
                    pass
            except Confused:
                found.append(name)
        return found

    def accounts_command(self) -> list[str]:
        """Users, roles and grants as statements that any MariaDB understands."""
        return [client("mariadb-dump", "mysqldump"), *self._options, *_UTF8, "--system=users", "--insert-ignore"]

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
        """The text of a dump that has no databases in it. Raises BackupError unless it was complete."""
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

    def contents(self, databases: t.Sequence[str], history: bool) -> Contents:
        """What a dump of these databases would hold, without keeping it."""
        contents = Contents()
        if databases:
            for section, text in self.dump(self.dump_command(databases, (), False, history), DumpReader(databases)):
                contents.add(section, text)
        return contents

    @contextlib.contextmanager
    def loading(self) -> t.Iterator[t.Callable[[bytes], None]]:
        """A client that executes what it is handed; BackupError at the first statement that fails."""
        stage = archive.Stage(
            [client("mariadb", "mysql"), *self._options, *SAFE, *sandbox(), "--batch", "--max-allowed-packet=1G"],
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
                raise BackupError(f"Loading stopped: {failure}")
        finally:
            stage.kill()

    def _client(self, sql: str, *options: str) -> subprocess.CompletedProcess[bytes]:
        command = [client("mariadb", "mysql"), *self._options, *SAFE, "--batch", "--skip-column-names", *options]
        text = sql.encode("utf-8", "surrogateescape")
        return subprocess.run(command, input=text, capture_output=True, check=False)
