# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a backup."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
import typing as t
from dataclasses import replace

from . import archive, retention
from .catalog import Backup, Catalog, Growing, Manifest, Part
from .dumptext import EPILOGUE, PREAMBLE, Contents, DumpReader
from .failure import BackupError
from .report import stamp
from .server import Server
from .settings import Settings


class Skipped(Exception):
    """Another member of the cluster takes the backup."""


class Taken(t.NamedTuple):
    """A backup and what is to be said about it."""

    backup: Backup
    warnings: list[str]


def take(settings: Settings, server: Server, safety_of: t.Optional[t.Sequence[str]] = None) -> Taken:
    """Make one backup. With `safety_of` it is of these databases, and what a restore can be undone with."""
    catalog = Catalog(settings.directory)
    catalog.check()
    warnings = catalog.discard_partials()
    began = time.time()
    facts = server.facts()
    databases = list(safety_of) if safety_of is not None else chosen(server.databases(), settings)
    broken = server.broken_views(databases)
    left_out = [
        {"database": database, "view": view, "reason": reason, "text": server.view_text(database, view)}
        for (database, view), reason in broken.items()
    ]
    outside = server.outside_snapshot(databases)
    warnings += [
        f"View {one['database']}.{one['view']} is left out, its text is in the manifest: {one['reason']}"
        for one in left_out
    ]
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
            safety=safety_of is not None,
            left_out=left_out,
            outside_snapshot=outside,
        )
    )
    try:
        with galera(settings, server, safety_of is not None):
            manifest, contents = _write(settings, server, growing, facts.binlog, set(broken))
        manifest = replace(manifest, seconds=round(time.time() - began, 1))
        return Taken(growing.complete(manifest, contents.public()), warnings)
    except BaseException:
        catalog.discard_partials()
        raise


def chosen(present: t.Sequence[str], settings: Settings) -> list[str]:
    """The databases to dump; one that was asked for and isn't there is an error."""
    missing = sorted(set(settings.databases) - set(present))
    if missing:
        raise BackupError(f"Database {missing[0]} should be backed up, but the server doesn't have it.")
    wanted = [name for name in present if name in (settings.databases or present) and name not in settings.exclude]
    if not wanted:
        raise BackupError("There is no database to back up on this server.")
    return wanted


def prune(settings: Settings) -> tuple[list[str], list[str]]:
    """Remove what retention no longer wants; names of what went, and complaints."""
    catalog = Catalog(settings.directory)
    backups = {one.manifest.name: one for one in catalog.backups()}
    gone, complaints = [], []
    for candidate in retention.obsolete([one.candidate() for one in backups.values()], settings.retention):
        said = catalog.remove(backups[candidate.name])
        complaints += said
        if not said:
            gone.append(candidate.name)
    return gone, complaints


def copy_off(settings: Settings) -> None:
    """Bring every complete backup to another place. What is there stays there: nothing on this host can remove it."""
    command = [
        "rsync",
        "--archive",
        "--delay-updates",
        "--exclude=.*.partial",
        "--exclude=*.new",
        *settings.copy_options,
    ]
    done = subprocess.run(
        [*command, os.path.join(settings.directory, ""), settings.copy_to],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split())
        raise BackupError(f"The backup is good, but it could not be copied to {settings.copy_to}: {said}")


@contextlib.contextmanager
def galera(settings: Settings, server: Server, always: bool) -> t.Iterator[None]:
    """Keep a dump from slowing down a cluster, or leave it to another member."""
    member = server.galera() if settings.galera != "ignore" else {}
    if int(member.get("wsrep_cluster_size", 0)) < 2:
        yield
        return
    if member["wsrep_cluster_status"] != "Primary":
        raise BackupError(f"This member is not in the primary component: {member['wsrep_cluster_status']}.")
    chosen_one = elected(member["wsrep_incoming_addresses"])
    if settings.galera == "elect" and not always and int(member["wsrep_local_index"]) != chosen_one:
        raise Skipped(
            f"The member with index {chosen_one} takes the backup; this one has {member['wsrep_local_index']}."
        )
    with open(desynced_mark(settings), "w", encoding="utf-8"):
        server.desync(True)
    try:
        yield
    except BackupError:
        # The reason why the dump failed is the one to tell. If the server is gone, so is its desync.
        with contextlib.suppress(BackupError):
            resync(settings, server)
        raise
    except BaseException:
        resync(settings, server)
        raise
    resync(settings, server)


def elected(addresses: str) -> int:
    """Of the members, in the order of their indexes, the last one with data: an arbitrator has no address."""
    return max(index for index, address in enumerate(addresses.split(",")) if address.strip())


def desynced_mark(settings: Settings) -> str:
    """While this file exists, the member was desynced by us."""
    return os.path.join(settings.state, "desynced")


def resync(settings: Settings, server: Server) -> None:
    """End what `galera` began, in this run or in one that died."""
    if os.path.exists(desynced_mark(settings)):
        server.desync(False)
        os.unlink(desynced_mark(settings))


def _plan(settings: Settings, databases: t.Sequence[str]) -> list[Part]:
    end = ".sql" + archive.SUFFIXES[settings.compression] + archive.ENCRYPTED[settings.encryption]
    accounts = Part("accounts" + end, "accounts", ())
    if settings.layout == "one":
        return [Part("all" + end, "all", databases), accounts]
    # A number keeps apart what would be the same file name, and shows the order.
    parts = [
        Part(f"{number:03d}-{re.sub('[^A-Za-z0-9_-]', '_', name)}{end}", "tables", [name])
        for number, name in enumerate(databases, 1)
    ]
    return [*parts, Part("views" + end, "views", databases), accounts]


def _write(
    settings: Settings, server: Server, growing: Growing, binlog: bool, broken: set[tuple[str, str]]
) -> tuple[Manifest, Contents]:
    databases = growing.manifest.databases
    parts = _plan(settings, databases)
    growing.plan(parts)
    by_database = {name: part for part in parts if part.what in ("tables", "all") for name in part.databases}
    last = next(part for part in parts if part.what in ("views", "all"))
    accounts = parts[-1]
    contents = Contents()
    written: dict[str, archive.Writer] = {}
    preamble = b""
    home = tempfile.mkdtemp(prefix="mysql-backup-")

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
        for section, text in server.dump(server.dump_command(databases, broken, binlog), reader):
            contents.add(section, text)
            if section == PREAMBLE:
                preamble += text
                continue
            if section != EPILOGUE:
                part = last if section.views else by_database[section.database]
            writer(part).write(text)
        for line in server.lines(server.accounts_command()):
            writer(accounts).write(line)
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
        shutil.rmtree(home, ignore_errors=True)
    manifest = replace(growing.manifest, parts=finished)
    place = re.search(rb"MASTER_LOG_FILE='([^']+)', MASTER_LOG_POS=(\d+)", preamble)
    if place:
        file, position = place.group(1).decode(), int(place.group(2))
        manifest = replace(manifest, binlog_file=file, binlog_position=position, gtid=server.gtid(file, position))
    return manifest, contents
