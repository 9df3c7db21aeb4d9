# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of the server's binary logs: beside the backups, compressed, encrypted and signed like them.

An archived log is a file and a signed description (.json) that is written after it; without that it counts as not there. The descriptions say
whether a log continues the one before it, so a gap is known and isn't crossed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import subprocess
import time
import typing as t
from dataclasses import asdict, dataclass, field, fields

from . import archive
from .binlog import Mark, Scanner, State, state
from .catalog import Backup, Catalog, canonical, unshared
from .durable import read_regular, write_json
from .failure import BackupError, Damaged
from .server import Server
from .settings import Settings
from .signature import Key

_LIMIT = 256 << 20  # bytes of a description: a log of 1 GiB, the largest max_binlog_size, has no more marks
_OURS = re.compile(
    r"(\d{8})-[A-Za-z0-9_.-]+\.(zst|gz)(\.age|\.gpg)?(\.json|\.partial)?|(covered|\d{8}-.*)\.json\.\d+\.new"
)
_COVERED = "covered.json"


@dataclass(frozen=True)
class Entry:
    """One archived log."""

    sequence: int
    file: str  # in the archive
    log: str  # the server's name of it
    bytes: int
    size: int  # on disk
    sha256: str
    compression: str
    encryption: str
    begin: t.Mapping[str, int]
    end: t.Mapping[str, int]
    shift: int = 0
    statements: bool = False  # it may have changes as statements that don't repeat what they did
    before: int = 0  # until when the logs before it have everything, in s since 1970
    gap: str = ""  # why it doesn't continue the one before it
    marks: t.Sequence[Mark] = field(default_factory=tuple)

    @property
    def latest(self) -> int:
        """Time of its latest transaction, 0 for none."""
        return self.marks[-1].time if self.marks else 0

    def holds(self, made: t.Any) -> bool:
        """Whether the backup with the manifest `made` was taken while this log was written."""
        if self.log != made.binlog_file or made.binlog_position > self.bytes + self.shift:
            return False
        # Names come again after RESET MASTER and on a new server, GTIDs don't.
        parts = [one.split("-") for one in filter(None, made.gtid.split(","))]
        last = {domain: int(sequence) for domain, _server, sequence in parts}
        domains = {one.split("-")[0] for one in self.end} | set(last)
        return all(_last(self.begin, one) <= last.get(one, 0) <= _last(self.end, one) for one in domains)

    def follows(self, before: Entry) -> str:
        """Why it doesn't continue this log; empty if it does."""
        if self.begin == before.end:
            return ""
        return (
            self.gap
            or f"{before.log} and {self.log} don't follow each other, so what was between them is missing in the archive"
        )


def _last(known: t.Mapping[str, int], domain: str) -> int:
    return max((sequence for one, sequence in known.items() if one.split("-")[0] == domain), default=0)


class CutOff(BackupError):
    """A log that the server itself can't read to its end."""


class Pass(t.NamedTuple):
    """What a pass has done."""

    added: int  # logs
    gap: str  # why one that was added doesn't continue the one before it
    covered: int  # s since 1970
    since: int  # from when on every moment until then can be restored, 0 for none
    gaps: int  # in the whole archive
    statements: t.Sequence[str]  # the logs in it with statements that may not repeat what they did


class Store:
    """The archived logs of one host."""

    def __init__(self, settings: Settings) -> None:
        self.folder = os.path.join(settings.directory, f"mysql-{settings.name}-binlogs")
        self.key = Key(settings.state)

    def entries(self) -> list[Entry]:
        """Oldest first. One whose description isn't signed with this host's key is as good as absent.

        Raises BackupError for a description of a newer version.
        """
        found = []
        for name in self._names():
            content = self._signed(name) if name.endswith(".json") and name != _COVERED else {}
            if set(content) - {one.name for one in fields(Entry)}:
                path = os.path.join(self.folder, name)
                raise BackupError(f"{path} is of a newer version of mysql-backup; install that one on this host again.")
            if content:
                content["marks"] = [Mark(*one) for one in content["marks"]]
                found.append(Entry(**content))
        return sorted(found, key=lambda one: one.sequence)

    def covered(self) -> int:
        """Until when the archive has everything, in s since 1970; 0 for an empty one."""
        return int(self._signed(_COVERED).get("covered", 0))

    def cover(self, moment: int) -> None:
        """Record that."""
        self._write(_COVERED, {"covered": moment})

    def path(self, entry: Entry) -> str:
        """Path of the log. Raises Damaged unless it is the one that was written, and nobody but root can change it."""
        path = os.path.join(self.folder, entry.file)
        unshared(self.folder, {entry.file})
        try:
            same = archive.sha256(path) == entry.sha256
        except OSError as exc:
            raise Damaged(f"{path} can't be read: {exc.strerror}.") from exc
        if not same:
            raise Damaged(f"{path} is damaged: its SHA-256 isn't the one it was archived with.")
        return path

    def ready(self) -> None:
        """Make the folder, and remove what a pass that died has left. Only for the holder of the lock."""
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.folder, 0o700)
        self.key.make()
        names = self._names()
        for name in names:
            # A log without a description. One that another key has signed is left alone.
            if _OURS.fullmatch(name) and not name.endswith(".json") and f"{name}.json" not in names:
                os.unlink(os.path.join(self.folder, name))

    def add(self, settings: Settings, server: Server, log: str, before: t.Optional[Entry], facts: Facts) -> Entry:
        """Fetch a closed log from the server. Raises BackupError unless all of it is on disk."""
        end = archive.SUFFIXES[settings.compression] + archive.ENCRYPTED[settings.encryption]
        # Also behind what is another key's, which stays.
        sequence = (
            max((int(one[:8]) for one in self._names() if _OURS.fullmatch(one) and one[:8].isdigit()), default=0) + 1
        )
        file = f"{sequence:08d}-{re.sub('[^A-Za-z0-9_.-]', '_', log)}{end}"
        path = os.path.join(self.folder, file)
        scanner = Scanner(log, facts.closed)
        with archive.workplace() as home:
            commands = archive.compressors(
                settings.compression, settings.level, settings.encryption, settings.recipients, home
            )
            writer = archive.Writer(f"{path}.partial", commands)
            try:
                for chunk in fetched(server, log, home):
                    scanner.feed(chunk)
                    writer.write(chunk)
                scanner.finish()
                writer.end()
                size, digest = writer.settle()
            finally:
                writer.kill()
        assert scanner.begin is not None
        gap = _gap(log, before, facts) if before and scanner.begin != before.end else ""
        entry = Entry(
            sequence, file, log, scanner.bytes, size, digest, settings.compression, settings.encryption, scanner.begin, scanner.end,
            scanner.shift, facts.unrepeatable(scanner), self.covered(), gap, scanner.marks,
        )  # fmt: skip
        os.rename(f"{path}.partial", path)
        self._write(f"{file}.json", asdict(entry))
        return entry

    def remove(self, entry: Entry) -> None:
        """Remove a log. Its description goes first, so that none is left without its log."""
        for name in (f"{entry.file}.json", entry.file):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self.folder, name))

    def _names(self) -> list[str]:
        return sorted(os.listdir(self.folder)) if os.path.isdir(self.folder) else []

    def _write(self, name: str, content: dict[str, t.Any]) -> None:
        write_json(os.path.join(self.folder, name), dict(content, signature=self.key.sign(canonical(content))))

    def _signed(self, name: str) -> dict[str, t.Any]:
        """The content of a description, {} unless this host has signed it."""
        try:
            content = t.cast("dict[str, t.Any]", json.loads(read_regular(os.path.join(self.folder, name), _LIMIT)))
            signature = content.pop("signature", "")
            self.key.check(canonical(content), signature, name)
        except (OSError, ValueError, TypeError, AttributeError, RecursionError, BackupError):
            return {}
        return content


class Facts(t.NamedTuple):
    """What the server says of its binary log."""

    now: int  # s since 1970
    state: State
    logs: t.Mapping[str, int]  # bytes by name, oldest first; the last one is being written
    format: str  # binlog_format of sessions that set none
    cut_off: str = ""  # why one of them can't be read
    closed: int = 0  # when the last one but one was closed, in s since 1970

    def unrepeatable(self, log: Scanner) -> bool:
        """Whether a log may have changes as statements that don't repeat what they did."""
        if self.format == "ROW":
            return log.statements  # a session's, or of a time when it was another one
        return self.format == "STATEMENT" or log.unrepeatable


def _gap(log: str, before: Entry, facts: Facts) -> str:
    """Why a log of the server's doesn't continue this one."""
    if facts.cut_off:
        why = f": {facts.cut_off}"
    elif before.log not in facts.logs:
        why = ": the logs between them were removed before they were archived (they expired, or by PURGE BINARY LOGS or RESET MASTER)"
    else:
        why = ", although the server has both (RESET MASTER, or another server)"
    return f"{log} doesn't continue {before.log}{why}"


def archive_new(settings: Settings, server: Server) -> Pass:
    """Archive what was committed since the last pass, and remove what no backup needs any more. Raises BackupError."""
    catalog = Catalog(settings)
    catalog.check()
    store = Store(settings)
    store.ready()
    entries = store.entries()
    last = entries[-1] if entries else None
    facts = _facts(server)
    _check_filters(settings, server)
    added: list[Entry] = []
    if last is None or facts.state != last.end or not _has(_logs(server), last):
        closed = server.query("FLUSH LOCAL BINARY LOGS; SELECT UNIX_TIMESTAMP()")[0][0]
        facts = facts._replace(logs=_logs(server), closed=int(closed.split(".")[0]))
        backups = catalog.backups()
        for log in _new(facts.logs, last, backups):
            try:
                last = store.add(settings, server, log, last, facts)
            except CutOff as exc:
                facts = facts._replace(cut_off=str(exc))  # the next one shows whether anything is missing
                continue
            added.append(last)
        if last is None or (facts.state != last.end and not added):
            raise BackupError("The server's binary logs lack what its GTIDs say was written; nothing was archived.")
    store.cover(facts.now)
    backups = catalog.backups()
    entries += added
    needless = first_needed(entries, backups, settings.binlog_days)
    for entry in entries[:needless]:
        store.remove(entry)
    kept = entries[needless:]
    begin, gaps = since(kept, backups)
    statements = [one.log for one in kept if one.statements]
    return Pass(len(added), next((one.gap for one in added if one.gap), ""), facts.now, begin, gaps, statements)


def _facts(server: Server) -> Facts:
    found = server.variables("log_bin")
    if found.get("log_bin") != "ON":
        raise BackupError(
            "The server writes no binary log, so there is nothing to archive: set log_bin in its option file."
        )
    # The time first: what was committed before it is in the logs that are closed after it.
    now, gtids, form = server.query("SELECT UNIX_TIMESTAMP(), @@gtid_binlog_state, @@global.binlog_format")[0]
    return Facts(int(now.split(".")[0]), state(gtids), {}, form)


def _check_filters(settings: Settings, server: Server) -> None:
    """Raise BackupError where the binary log leaves out what a moment consists of."""
    if server.variables("log_slave_updates").get("log_slave_updates") == "OFF" and (
        server.galera() or _replicates(server)
    ):
        raise BackupError(
            "The server's binary log leaves out what comes from other servers, so no moment can be restored from it: set log_slave_updates "
            "in its option file and restart it, or archive the logs of the server that all writes go to. Where it is no replica any more: RESET SLAVE ALL."
        )
    only, ignored = (set(filter(None, row.split(","))) for row in server.query("SHOW MASTER STATUS")[0][2:4])
    for name in settings.databases or server.databases():
        if name not in settings.exclude and (name in ignored or (only and name not in only)):
            raise BackupError(
                f"The server's binary log leaves out database {name} (binlog_do_db or binlog_ignore_db), so no moment of it can be restored: "
                "change that in the option file of the server and restart it, or exclude the database."
            )


def _replicates(server: Server) -> bool:
    """Whether it is a replica, even if it is stopped now: it may have run since the last pass."""
    return bool(server.query("SHOW ALL SLAVES STATUS"))


def _logs(server: Server) -> dict[str, int]:
    return {row[0]: int(row[1]) for row in server.query("SHOW BINARY LOGS")}


def _new(logs: t.Mapping[str, int], last: t.Optional[Entry], backups: t.Sequence[Backup]) -> t.Sequence[str]:
    """The closed logs to archive; at first those since the oldest good backup that the server still has the log of."""
    closed = list(logs)[:-1]
    if last is not None:
        return closed[closed.index(last.log) + 1 :] if _has(logs, last) else closed
    begun = [one.manifest.binlog_file for one in backups if one.good and one.manifest.binlog_file in closed]
    return closed[closed.index(begun[0]) :] if begun else closed[-1:]


def _has(logs: t.Mapping[str, int], last: Entry) -> bool:
    """Whether the server still has this log: one of its name that is closed and has its size isn't another one, after RESET MASTER."""
    return last.log in list(logs)[:-1] and logs[last.log] == last.bytes + last.shift


def first_needed(entries: t.Sequence[Entry], backups: t.Sequence[Backup], days: int) -> int:
    """Index of the first log that a restore may begin with; those before it are of no use. 0 where no backup is in the archive.

    Only backups of the last days count, before the newest one; 0 days are all of them.
    """
    good = usable(backups)
    recent = [one for one in good if not days or (good[-1].manifest.moment - one.manifest.moment).days < days]
    return min((index for index, one in enumerate(entries) for made in recent if one.holds(made.manifest)), default=0)


def usable(backups: t.Sequence[Backup]) -> list[Backup]:
    """Those from which the logs can be replayed."""
    # The server says NULL for the GTIDs of a log that it removed while the backup was written.
    return [
        one
        for one in backups
        if one.good and not one.manifest.safety and one.manifest.binlog_file and one.manifest.gtid != "NULL"
    ]


def fetched(server: Server, log: str, home: str) -> t.Iterator[bytes]:
    """A log of the server, byte for byte, through a FIFO in the folder `home`: nothing lies on a disk unencrypted. Raises BackupError."""
    if "/" in log or log in (".", ".."):
        raise BackupError(f"The server calls a binary log {log!r}; that can't be archived.")
    path = os.path.join(home, log)
    os.mkfifo(path, 0o600)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # doesn't wait for a client that never opens it
    command = server.binlog_command(log, os.path.join(home, ""))
    # It dies with us: one that hasn't opened the FIFO yet would wait for a reader, and keep its connection, without end.
    dying = ["setpriv", "--pdeathsig=KILL", *command]
    stage = archive.Stage(dying, subprocess.DEVNULL, subprocess.DEVNULL, name=command[0])
    try:
        while True:
            ended = stage.process.poll() is not None  # before the look at the FIFO: what it wrote at last is there then
            if select.select([reading], [], [], 0.1)[0]:
                chunk = os.read(reading, archive.CHUNK)
                if not chunk:
                    break
                yield chunk
            elif ended:
                break
        failure = stage.failure()
        if "truncated in the middle of event" in failure:
            raise CutOff(f"{log} ends in the middle of an event, because the host crashed or its disk was full")
        if failure:
            raise BackupError(f"{log} can't be fetched: {failure}")
    finally:
        stage.kill()
        os.close(reading)
        os.unlink(path)


def since(entries: t.Sequence[Entry], backups: t.Sequence[Backup]) -> tuple[int, int]:
    """From when on every moment up to the end of these logs can be restored, in s since 1970 (0 for none), and how many gaps there are."""
    gaps = [index for index, one in enumerate(entries) if index and one.follows(entries[index - 1])]
    whole = entries[gaps[-1] if gaps else 0 :]
    begun = [
        one.manifest.moment.timestamp() for one in usable(backups) if any(entry.holds(one.manifest) for entry in whole)
    ]
    return int(min(begun, default=0)), len(gaps)


def local(moment: int) -> str:
    """A time as the host's clock shows it."""
    return time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime(moment))
