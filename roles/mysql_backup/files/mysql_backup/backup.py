# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a backup."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
import typing as t
from dataclasses import replace

from . import archive, needs, retention
from .catalog import Backup, Catalog, Growing
from .dumptext import EPILOGUE, PREAMBLE, Contents, DumpReader
from .failure import BackupError, Confused
from .journal import Journal
from .manifest import Manifest, Part
from .progress import Progress
from .report import stamp
from .server import Server, can_dump_history, quoted
from .settings import Settings

_TRIES = 3
_BREAK = re.compile(r"[\r\n]")


class Skipped(Exception):
    """Another member of the cluster takes the backup."""


class Taken(t.NamedTuple):
    """A backup, and the warnings about it."""

    backup: Backup
    warnings: list[str]
    missing: list[str]  # errors about databases that aren't in it


def take(
    settings: Settings,
    server: Server,
    safety_of: t.Optional[t.Sequence[str]] = None,
    source: t.Optional[t.Mapping[str, str]] = None,
) -> Taken:
    """Take a backup. With `safety_of`, take a safety dump of these databases, which can undo a restore.

    `source` says of what a scratch server was made (`until`, `base`): its accounts are nobody's, so the backup has none.

    Raises BackupError where nothing can be taken; what one database costs is among the warnings.
    """
    catalog = Catalog(settings)
    catalog.check()
    warnings = catalog.discard_partials()
    databases = list(safety_of) if safety_of is not None else chosen(server.databases(), settings)
    databases, missing = speakable(databases)
    if safety_of is None and not settings.databases:
        missing += [
            f"Database {name} is left out: its folder still has the name that MySQL 5.0 gave it. "
            f"Run ALTER DATABASE {quoted(name)} UPGRADE DATA DIRECTORY NAME, or exclude it."
            for name in server.old_folders()
            if name not in settings.exclude
        ]
    taken = None
    for _again in range(_TRIES):
        if safety_of is not None and missing:
            raise BackupError(f"No safety dump can be made. {missing[0]}")
        try:
            taken = _once(settings, server, catalog, databases, safety_of is not None, source or {})
            break
        except Confused:
            confusing = server.confusing(databases)
            if not confusing:
                raise
            databases = [name for name in databases if name not in confusing]
            missing += [
                f"Database {name} is left out: a name in it, or the text of a routine, trigger or event, looks like mysqldump's own headings. "
                "Change that."
                for name in confusing
            ]
        except BackupError as exc:
            # A table was altered or truncated after the snapshot.
            if not re.search(r"\b1412\b", str(exc)):
                raise
            warnings.append(f"The dump was restarted: {exc}")
    if taken is None:
        raise BackupError(f"The dump failed {_TRIES} times: {warnings[-1]}")
    return Taken(taken.backup, warnings + taken.warnings, missing)


def _once(
    settings: Settings,
    server: Server,
    catalog: Catalog,
    databases: t.Sequence[str],
    safety: bool,
    source: t.Mapping[str, str],
) -> Taken:
    began = time.time()
    facts = server.facts()
    left_out = _left_out(server, databases)
    warnings = [f"{_what(one)} is left out{_kept(one)}: {one['reason']}" for one in left_out]
    history = _history(server, facts.version, databases)
    warnings += history.warnings
    needed = needs.of(server, databases)
    growing = catalog.begin(
        Manifest(
            name="",
            host=settings.name,
            sequence=0,
            taken=stamp(began),
            databases=databases,
            compression=settings.compression,
            encryption=settings.encryption,
            server_version=facts.version,
            lower_case_table_names=facts.lower_case_table_names,
            safety=safety,
            half_restored=[] if source else sorted(set(databases) & set(Journal(settings).databases)),
            left_out=left_out,
            outside_snapshot=server.outside_snapshot(databases),
            history=history.dumped,
            without_history=history.lost,
            engines=needed.engines,
            collations=needed.collations,
            definers=needed.definers,
            until=source.get("until", ""),
            base=source.get("base", ""),
        )
    )
    binlog = facts.binlog and server.place_known()
    if facts.binlog and not binlog:
        warnings.append(
            "The backup's position in the binary log is unknown: the log has an event that is longer than max_allowed_packet. FLUSH BINARY LOGS solves this."
        )
    progress = Progress(settings, "backup", 0 if safety else catalog.usual_bytes())
    try:
        with galera(settings, server, safety), archive.workplace() as home:
            manifest, contents = _write(settings, server, growing, binlog, progress, home)
        manifest = replace(manifest, seconds=round(time.time() - began, 1), longest_statement=contents.longest)
        if contents.longest >= needs.PACKET_LIMIT:
            warnings.append(
                f"The backup has a row of {contents.longest >> 20} MiB of SQL, which can't be restored: servers accept at most 1024 MiB."
            )
        return Taken(growing.complete(manifest, contents.public()), warnings, [])
    except BaseException:
        catalog.discard_partials()
        raise
    finally:
        progress.end()


def speakable(databases: t.Sequence[str]) -> tuple[list[str], list[str]]:
    """The databases without those whose names contain a line break, or that mysqldump takes for mysql; and an error for each of these."""
    odd = {name: "holds a line break" for name in databases if _BREAK.search(name)}
    odd.update(
        {
            name: "is taken by mysqldump for the server's own database mysql"
            for name in databases
            if name.lower() == "mysql"
        }
    )
    return (
        [name for name in databases if name not in odd],
        [f"Database {name!r} is left out: its name {why}. Rename it or drop it." for name, why in odd.items()],
    )


def _left_out(server: Server, databases: t.Sequence[str]) -> list[dict[str, str]]:
    """Tables and views that the dump leaves out: database, view (its name), reason, text."""
    rows = server.objects(databases)
    odd = {
        (database, name): "its name holds a line break; rename it"
        for database, name, _kind in rows
        if _BREAK.search(name)
    }
    views = [(database, name) for database, name, kind in rows if kind == "VIEW" and (database, name) not in odd]
    odd.update(server.broken_views(views))
    odd.update(
        server.broken_tables(
            [(one[0], one[1]) for one in rows if one[2] == "BASE TABLE" and (one[0], one[1]) not in odd]
        )
    )
    # mysqldump's option joins both names by a dot, so the one of `a.b`.`c` is that of `a`.`b.c`, too.
    joined = {f"{database}.{name}": (database, name) for database, name in odd}
    for database, name, _kind in rows:
        twin = joined.get(f"{database}.{name}", (database, name))
        if twin != (database, name) and (database, name) not in odd:
            odd[database, name] = f"mysqldump can't tell it from {quoted(twin[0])}.{quoted(twin[1])}, which is left out"
    return [
        {"database": database, "view": name, "reason": reason, "text": server.text_of(database, name)}
        for (database, name), reason in sorted(odd.items())
    ]


def _what(one: t.Mapping[str, str]) -> str:
    return f"{'View' if one['text'].startswith('CREATE') and ' VIEW ' in one['text'] else 'Table'} {one['database']}.{one['view']}"


def _kept(one: t.Mapping[str, str]) -> str:
    return ", its text is in the manifest" if one["text"] else ""


class _History(t.NamedTuple):
    """What happens to the old rows of system-versioned tables."""

    dumped: bool
    lost: list[str]
    warnings: list[str]


def _history(server: Server, version: str, databases: t.Sequence[str]) -> _History:
    tables = needs.versioned(server, databases)
    if not tables:
        return _History(False, [], [])
    if can_dump_history() and [int(one) for one in re.findall(r"\d+", version)[:2]] >= [10, 11]:
        return _History(True, [], [])
    return _History(
        False,
        tables,
        [
            f"Table {tables[0]} is system-versioned, and its old rows are not in the backup: mariadb-dump carries them from 10.11 on."
        ],
    )


def chosen(present: t.Sequence[str], settings: Settings) -> list[str]:
    """The databases to dump. Raises BackupError if a requested one doesn't exist."""
    missing = sorted(set(settings.databases) - set(present))
    if missing:
        raise BackupError(f"Database {missing[0]} should be backed up, but the server doesn't have it.")
    wanted = [name for name in present if name in (settings.databases or present) and name not in settings.exclude]
    if not wanted:
        raise BackupError("There is no database to back up on this server.")
    return wanted


def prune(settings: Settings) -> tuple[list[Backup], list[str]]:
    """Remove backups that the retention no longer keeps; returns them, and warnings."""
    catalog = Catalog(settings)
    backups = {one.manifest.name: one for one in catalog.backups()}
    needed = Journal(settings).needed()
    gone: list[Backup] = []
    complaints: list[str] = []
    for candidate in retention.obsolete([one.candidate() for one in backups.values()], settings.retention):
        if candidate.name in needed:
            continue
        said = catalog.remove(backups[candidate.name])
        complaints += said
        if not said:
            gone.append(backups[candidate.name])
    return gone, complaints


def copy_off(settings: Settings, folder: str = "") -> None:
    """Copy all that is complete, or one folder of it, to another place. Nothing is removed there. Raises BackupError where rsync fails."""
    command = [
        "rsync",
        "--archive",
        "--delay-updates",
        "--exclude=*.partial",
        "--exclude=*.new",
        *settings.copy_options,
    ]
    done = subprocess.run(
        [*command, "--", folder or os.path.join(settings.directory, ""), settings.copy_to],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split())
        what = "The binary logs are archived, but they" if folder else "The backup is good, but it"
        raise BackupError(f"{what} could not be copied to {settings.copy_to}: {said}")


@contextlib.contextmanager
def galera(settings: Settings, server: Server, always: bool) -> t.Iterator[None]:
    """Desync this member for the dump so that it doesn't slow down the cluster. Raises Skipped where another member takes the backup,
    BackupError outside the primary component.
    """
    member = server.galera()
    if member and member.get("wsrep_cluster_status") != "Primary":
        raise BackupError(
            f"This member is not in the primary component ({member.get('wsrep_cluster_status')}), so its data may be outdated or differ "
            "from the cluster's. No backup was taken."
        )
    if settings.galera == "ignore" or int(member.get("wsrep_cluster_size", 0)) < 2:
        yield
        return
    chosen_one = elected(member["wsrep_incoming_addresses"])
    if settings.galera == "elect" and not always and int(member["wsrep_local_index"]) != chosen_one:
        raise Skipped(
            f"The member with index {chosen_one} takes the backup; this one has {member['wsrep_local_index']}."
        )
    if server.desynced() and not os.path.exists(desynced_mark(settings)):
        yield  # desynced by an operator, so it stays that way
        return
    with open(desynced_mark(settings), "w", encoding="utf-8"):
        server.desync(True)
    try:
        yield
    except BackupError:
        # Report why the dump failed. If the server is down, it is no longer desynced either.
        with contextlib.suppress(BackupError):
            resync(settings, server)
        raise
    except BaseException:
        resync(settings, server)
        raise
    resync(settings, server)


def elected(addresses: str) -> int:
    """The last member with data, in the order of their indexes: an arbitrator has no address."""
    return max(index for index, address in enumerate(addresses.split(",")) if address.strip())


def desynced_mark(settings: Settings) -> str:
    """The file that exists while the member is desynced by us."""
    return os.path.join(settings.state, "desynced")


def resync(settings: Settings, server: Server) -> None:
    """Undo the desync of `galera`, in this run or in one that was killed."""
    if os.path.exists(desynced_mark(settings)):
        server.caught_up()
        server.desync(False)
        os.unlink(desynced_mark(settings))


def _plan(settings: Settings, databases: t.Sequence[str], accounts: bool) -> list[Part]:
    end = ".sql" + archive.SUFFIXES[settings.compression] + archive.ENCRYPTED[settings.encryption]
    last = [Part("accounts" + end, "accounts", ())] if accounts else []
    if settings.layout == "one":
        return [Part("all" + end, "all", databases), *last]
    # The number makes file names unique and shows the order.
    parts = [
        Part(f"{number:03d}-{re.sub('[^A-Za-z0-9_-]', '_', name)}{end}", "tables", [name])
        for number, name in enumerate(databases, 1)
    ]
    return [*parts, Part("views" + end, "views", databases), *last]


def _write(
    settings: Settings, server: Server, growing: Growing, binlog: bool, progress: Progress, home: str
) -> tuple[Manifest, Contents]:
    databases = growing.manifest.databases
    parts = _plan(settings, databases, not growing.manifest.until)
    growing.plan(parts)
    by_database = {name: part for part in parts if part.what in ("tables", "all") for name in part.databases}
    last = next(part for part in parts if part.what in ("views", "all"))
    accounts = [part for part in parts if part.what == "accounts"]
    contents = Contents()
    written: dict[str, archive.Writer] = {}
    preamble = b""

    def writer(part: Part) -> archive.Writer:
        if part.file not in written:
            for other in written.values():
                other.end()
            commands = archive.compressors(
                settings.compression, settings.level, settings.encryption, settings.recipients, home
            )
            written[part.file] = archive.Writer(growing.file(part.file), commands)
            written[part.file].write(preamble)
        return written[part.file]

    try:
        part = last
        reader = DumpReader(databases)
        command = server.dump_command(databases, growing.manifest.left_out_views(), binlog, growing.manifest.history)
        for section, text in server.dump(command, reader):
            contents.add(section, text)
            progress.add(len(text), section)
            if section == PREAMBLE:
                preamble += text
                continue
            if section != EPILOGUE:
                part = last if section.views else by_database[section.database]
            writer(part).write(text)
        for part in accounts:
            for line in server.lines(server.accounts_command()):
                writer(part).write(line)
        finished = []
        for part in parts:
            if part.file in written:
                size, digest = written[part.file].settle()
                finished.append(replace(part, size=size, bytes=written[part.file].bytes, sha256=digest))
    except OSError as exc:
        raise BackupError(f"The backup can't be written: {exc.strerror}.") from exc
    finally:
        for one in written.values():
            one.kill()
    manifest = replace(growing.manifest, parts=finished)
    place = re.search(rb"MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+)", preamble)
    if place:
        file, position = place.group(1).decode(), int(place.group(2))
        manifest = replace(manifest, binlog_file=file, binlog_position=position, gtid=server.gtid(file, position))
    return manifest, contents
