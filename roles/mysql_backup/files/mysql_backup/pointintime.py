# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a backup of the state at a moment between two backups: in a scratch server, from a backup and the archived binary logs.

The scratch server replays all databases, as a replica would, so statements that reach from one database into another one, and any
binlog_format, need no exception for the restore of a single one. Production isn't touched by it: what is restored is the backup that it makes.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import time
import typing as t
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from . import archive, backup, restore, verify
from .binlog import first_at
from .binlogs import Entry, Store, local, since, usable
from .catalog import Backup, Catalog
from .client import refusal
from .dumptext import Section
from .failure import BackupError
from .progress import Progress
from .scratch import scratch
from .server import SYSTEM, Server, quoted, within
from .settings import Settings

_EVERY = 0.2  # seconds
_NAME = r"""(?:`(?:[^`]|``)+`|"(?:[^"]|"")+"|[\w$]+)"""
# What a replica says when it stops at a statement.
_UNKNOWN = re.compile(r"Error 'Unknown database '(.+)'' on query\. Default database: '", re.DOTALL)
_ROUTINE = re.compile(
    r"Error '.*' on query\. Default database: '(?P<default>.*)'\. Query: '\s*(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+)?"
    rf"(?:DEFINER\s*=\s*{_NAME}(?:\s*@\s*{_NAME})?\s+)?(?:AGGREGATE\s+)?(?:PROCEDURE|FUNCTION|PACKAGE(?:\s+BODY)?|EVENT)\s+"
    rf"(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(?:(?P<of>{_NAME})\s*\.\s*)?{_NAME}(?![\w$])\s*[(';A-Z]",
    re.DOTALL | re.IGNORECASE,
)
_FORM = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d)?\s*(Z|[+-]\d\d:?\d\d)?", re.ASCII)


def moment(text: str) -> int:
    """A time in s since 1970: '2026-11-28 14:05' (of the host's clock), '2026-11-28 14:05:30Z', '2026-11-28T14:05+01:00'.

    Raises BackupError for one that can't be read, and for a local one that doesn't exist or comes twice.
    """
    match = _FORM.fullmatch(text.strip())
    out = "write it as '2026-11-28 14:05' in the host's time, or with an offset, as '2026-11-28 14:05Z' or '2026-11-28 14:05+01:00'"
    if match is None:
        raise BackupError(f"{text!r} isn't a time; {out}.")
    day, clock, seconds, offset = match.groups()
    try:
        naive = datetime.strptime(f"{day} {clock}{seconds or ':00'}", "%Y-%m-%d %H:%M:%S")
        if offset:
            sign, digits = (
                (1, "0000") if offset == "Z" else (-1 if offset[0] == "-" else 1, re.sub("[^0-9]", "", offset))
            )
            zone = timezone(sign * timedelta(hours=int(digits[:2]), minutes=int(digits[2:])))
            return int(naive.replace(tzinfo=zone).timestamp())
        first, second = (int(naive.replace(fold=fold).timestamp()) for fold in (0, 1))
    except (ValueError, OverflowError) as exc:
        raise BackupError(f"{text!r} isn't a time: {exc}; {out}.") from exc
    if first == second:
        return first
    if datetime.fromtimestamp(first) != naive:
        raise BackupError(
            f"{text} doesn't exist in the host's time: clocks were put forward. Add an offset, as in 14:05Z."
        )
    raise BackupError(
        f"{text} came twice in the host's time, as clocks were put back: it is {local(first)} or {local(second)}. Add the offset."
    )


@dataclass(frozen=True)
class Route:
    """How to get to a moment: a backup, the logs from there on, where to begin in the first one and where to end in the last one."""

    until: int
    base: Backup
    logs: t.Sequence[Entry]
    start: int
    stop: int

    def public(self) -> dict[str, t.Any]:
        return {
            "until": local(self.until),
            "base": self.base.manifest.name,
            "binlogs": [one.log for one in self.logs],
            "binlog_bytes": sum(one.bytes for one in self.logs),
        }

    def problems(self) -> list[str]:
        """Why the result may not be exact; each with the way out."""
        found = [
            f"{one.log} was written with binlog_format = STATEMENT, at least by a session, so statements with UUID() and the like don't repeat "
            "exactly what they did. Set binlog_format = ROW for the next time, in sessions, too; now restore a backup, or use --force."
            for one in self.logs
            if one.statements
        ]
        return found[:1]


def route(settings: Settings, until: int) -> Route:
    """The way to a moment, from the newest backup before it. Raises BackupError where the archive doesn't lead there, with what it covers."""
    store = Store(settings)
    entries, backups = store.entries(), Catalog(settings).backups()
    begin, _gaps = since(entries, backups)
    covered = store.covered()
    what = f"The archived binary logs cover every moment from {local(begin)} to {local(covered)}."
    if not begin:
        what = "The archived binary logs lead on from no good backup."
    if until > covered:
        raise BackupError(f"{local(until)} can't be restored. {what}")
    why = "there is no good backup before it whose position in the binary logs is in the archive"
    for base in reversed(usable(backups)):
        index = next((index for index, one in enumerate(entries) if one.holds(base.manifest)), None)
        if base.manifest.moment.timestamp() > until or index is None:
            continue
        start = base.manifest.binlog_position - entries[index].shift
        if index and entries[index - 1].latest >= until:
            continue  # it was made after this moment
        found = _walk(entries[index:], until)
        if isinstance(found, str):
            why = f"{base.manifest.name} leads only to {found}"
            break  # an older one would have to pass the same gap
        logs, stop = found
        if len(logs) == 1 and stop < start:
            continue
        return Route(until, base, logs, start, stop)
    raise BackupError(f"{local(until)} can't be restored: {why}. {what}")


def _walk(entries: t.Sequence[Entry], until: int) -> t.Union[str, tuple[list[Entry], int]]:
    """The logs up to the first transaction at this moment or later, and where that begins; or a text with the gap before it."""
    logs: list[Entry] = []
    for entry in entries:
        gap = entry.follows(logs[-1]) if logs else ""
        if gap and until > entry.before:
            return f"{local(entry.before)}: {gap}"
        if gap:
            break
        logs.append(entry)
        stop = first_at(entry.marks, until)
        if stop is not None:
            return logs, stop
    return logs, logs[-1].bytes


def make(settings: Settings, way: Route, databases: t.Sequence[str], identity: archive.Identity) -> backup.Taken:
    """Make the backup of these databases, all if there are none. Raises BackupError; nothing is changed then, nor otherwise."""
    made = way.base.manifest
    way.base.trusted()
    wanted = restore.RestorePlan(way.base, made.databases, {}, False, True)
    verify.room(settings, made.bytes + sum(one.bytes for one in way.logs))
    restore.rehearse(wanted, identity)
    total = sum(part.bytes for part in wanted.parts()) + sum(one.bytes for one in way.logs)
    progress = Progress(settings, f"state of {local(way.until)}", total)
    relay = _Relay(settings, way, identity)
    libraries = sorted({one["library"] for one in made.engines if one["library"]})
    try:
        with scratch(settings.scratch, made.lower_case_table_names, libraries, relay.prepare) as server:
            restore.load(wanted, server, identity, progress)
            disabled = _disabled(server)
            relay.replay(server, progress)
            for database, event in _disabled(server) - disabled:
                # A replica disables what its primary has made. ALTER EVENT would make root its definer, and change its sql_mode.
                server.query(
                    "UPDATE mysql.event SET status = 'ENABLED'"
                    f" WHERE {within('db', [database])} AND {within('name', [event])}"
                )
            verify.definers(server)
            there = [one for one in server.databases() if relay.takes(one)]
            missing = sorted(set(databases) - set(there))
            if missing:
                raise BackupError(
                    f"There was no database {missing[0]} at {local(way.until)}; there were: {', '.join(there)}."
                )
            chosen = [one for one in there if one in (databases or there)]
            return backup.take(settings, server, chosen, {"until": local(way.until), "base": made.name})
    finally:
        progress.end()


def unknown(said: str) -> str:
    """The database that a replica which stopped doesn't have, '' where that isn't the reason."""
    found = _UNKNOWN.match(said)
    return found.group(1) if found else ""


def routine_of(said: str) -> str:
    """The database of the routine or event whose definition a replica which stopped couldn't create, change or drop; '' for another statement."""
    found = _ROUTINE.match(said)
    if found is None:
        return ""
    name = found.group("of") or found.group("default")
    return name[1:-1].replace(name[0] * 2, name[0]) if found.group("of") and name[0] in '`"' else name


def _disabled(server: Server) -> set[tuple[str, str]]:
    rows = server.query(
        "SELECT event_schema, event_name FROM information_schema.events WHERE status = 'SLAVESIDE_DISABLED'"
    )
    return {(row[0], row[1]) for row in rows}


class _Relay:
    """The archived logs as relay logs of the scratch server."""

    def __init__(self, settings: Settings, way: Route, identity: archive.Identity) -> None:
        self._settings = settings
        self._way = way
        self._identity = identity
        there = way.base.manifest.databases
        # What the backup has is replayed, too, if the settings were others then: it would stay as it was in it.
        self._only = {*settings.databases, *there} if settings.databases else set()
        self._left_out = [one for one in settings.exclude if one not in there]

    def takes(self, database: str) -> bool:
        """Whether the state has this database."""
        return database in self._only if self._only else database not in self._left_out

    def prepare(self, place: str, user: pwd.struct_passwd) -> list[str]:
        """Write the logs to the folder of the scratch server; returns the options that make it a replica."""
        folder = os.path.join(place, "relay")
        os.mkdir(folder, 0o700)
        store = Store(self._settings)
        names = []
        for number, entry in enumerate(self._way.logs, 1):
            name = os.path.join(folder, f"relay.{number:06d}")
            left = self._way.stop if entry is self._way.logs[-1] else entry.bytes
            with open(name, "xb") as stream:
                for chunk in archive.read(store.path(entry), entry.compression, entry.encryption, self._identity):
                    stream.write(chunk[:left])  # the rest is read, too, for its checksums
                    left -= len(chunk[:left])
            names.append(name)
        with open(os.path.join(folder, "relay.index"), "x", encoding="utf-8") as stream:
            stream.write("".join(f"{name}\n" for name in names))
        for path in (*names, os.path.join(folder, "relay.index"), folder):
            shutil.chown(path, user.pw_uid, user.pw_gid)  # the folder last: until then it is root's
        return [
            "--server-id=4294967295",
            "--replicate-same-server-id",
            "--skip-slave-start",
            "--innodb-strict-mode=OFF",  # as for what is loaded
            f"--relay-log={folder}/relay",
            f"--relay-log-index={folder}/relay.index",
            f"--relay-log-info-file={folder}/relay.info",
            f"--master-info-file={folder}/master.info",
            # Accounts among it: their statements count as changes of tables in mysql.
            *(f"--replicate-wild-ignore-table={_pattern(one)}.%" for one in (*SYSTEM, *self._left_out)),
            *(f"--replicate-wild-do-table={_pattern(one)}.%" for one in sorted(self._only)),
        ]

    def replay(self, server: Server, progress: Progress) -> None:
        """Replay the logs. Raises BackupError where the server can't."""
        last, stop = len(self._way.logs), self._way.stop
        server.query(
            "CHANGE MASTER TO MASTER_HOST = 'none', MASTER_USER = 'none', MASTER_USE_GTID = no,"
            f" RELAY_LOG_FILE = 'relay.000001', RELAY_LOG_POS = {self._way.start}"
        )
        start = f"START SLAVE SQL_THREAD UNTIL RELAY_LOG_FILE = 'relay.{last:06d}', RELAY_LOG_POS = {stop}"
        server.query(start)
        done = 0
        while True:
            state = server.replica()
            if state["Last_SQL_Errno"] != "0" and state["Slave_SQL_Running"] == "No":
                if self._passes_over(server, state["Last_SQL_Error"]):
                    server.query(start)
                    continue
                said = re.sub(r"Query: '.*", "(the statement isn't shown)", state["Last_SQL_Error"], flags=re.DOTALL)
                raise BackupError(
                    f"{self._log(state)} can't be replayed on {self._way.base.manifest.name}: {refusal(said)}"
                )
            # The end of a log that was cut off by a crash is read, but never executed.
            if state["Slave_SQL_Running"] != "Yes" or state["Slave_SQL_Running_State"].startswith("Slave has read all"):
                break
            at = self._number(state)
            now = sum(one.bytes for one in self._way.logs[: at - 1]) + int(state["Relay_Log_Pos"])
            progress.add(max(0, now - done), Section("rows", self._log(state)))
            done = max(done, now)
            time.sleep(_EVERY)
        server.query("STOP SLAVE")

    def _passes_over(self, server: Server, said: str) -> bool:
        """Whether the replay can go on after an error: no filter by tables leaves out routines and events of the databases that aren't taken."""
        lacks, of = unknown(said), routine_of(said)
        if lacks and not self.takes(lacks) and lacks not in server.databases():
            server.query(f"CREATE DATABASE {quoted(lacks)}")  # and the statement is tried again
            return True
        if of and not self.takes(of):
            server.query("SET GLOBAL sql_slave_skip_counter = 1")
            return True
        return False

    def _number(self, state: t.Mapping[str, str]) -> int:
        return int(state["Relay_Log_File"].rsplit(".", 1)[1])

    def _log(self, state: t.Mapping[str, str]) -> str:
        return self._way.logs[min(self._number(state), len(self._way.logs)) - 1].log


def _pattern(name: str) -> str:
    """A name as a pattern of LIKE."""
    return re.sub(r"([\\%_])", r"\\\1", name)
