# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restore a backup, into the server or into a scratch server."""

from __future__ import annotations

import shutil
import typing as t
from dataclasses import dataclass

from . import archive, needs
from .backup import take
from .catalog import Backup, Catalog
from .dumptext import Contents, DumpReader, belongs, differences
from .failure import BackupError, Damaged, Incomplete
from .journal import Journal
from .manifest import Part
from .progress import Progress
from .server import Server
from .settings import Settings


@dataclass(frozen=True)
class RestorePlan:
    """The steps and problems of a restore."""

    backup: Backup
    databases: t.Sequence[str]
    present: t.Mapping[str, int]  # databases that will be dropped, with the number of their tables
    accounts: bool
    same_series: bool
    problems: t.Sequence[str] = ()  # why the server can't take it, each with a remedy
    notes: t.Sequence[str] = ()

    def public(self) -> dict[str, t.Any]:
        made = self.backup.manifest
        return {
            "backup": made.name,
            "taken": made.until or made.taken,  # when what it has was so
            "databases": list(self.databases),
            "dropped": dict(self.present),
            "created": [name for name in self.databases if name not in self.present],
            "accounts": self.accounts,
            "bytes": made.bytes,
            "gtid": made.gtid,
            "left_out": [
                f"{one['database']}.{one['view']}" for one in made.left_out if one["database"] in self.databases
            ],
            "server_version_differs": "" if self.same_series else made.server_version,
            "problems": list(self.problems),
            "notes": list(self.notes),
        }

    def parts(self) -> list[Part]:
        wanted = set(self.databases)
        return [one for one in self.backup.manifest.parts if one.what == "accounts" or wanted & set(one.databases)]


def plan(
    settings: Settings, server: Server, name: str, databases: t.Sequence[str], accounts: bool, safety: bool = True
) -> RestorePlan:
    """Plan a restore without changing anything. Raises BackupError for a backup that is unusable or lacks a database."""
    backup = Catalog(settings).find(name)
    made = backup.manifest
    backup.trusted()
    if backup.verified.get("verdict") == "bad":
        raise BackupError(
            f"{made.name} failed its verification: {backup.verified.get('message')} Choose another backup."
        )
    missing = sorted(set(databases) - set(made.databases))
    if missing:
        raise BackupError(f"{made.name} has no database {missing[0]}; it has: {', '.join(made.databases)}.")
    if accounts and not any(part.what == "accounts" for part in made.parts):
        raise BackupError(
            f"{made.name} has no accounts, as it was made from {made.base} and the binary logs: restore it without them, and those of "
            f"{made.base} with: mysql-backup restore {made.base} --accounts."
        )
    wanted = [one for one in made.databases if one in (databases or made.databases)]
    facts = server.facts()
    same = made.server_version.split(".")[:2] == facts.version.split(".")[:2]
    present = server.tables(wanted)
    problems = needs.lacking(made, wanted, present, accounts, server)
    half = [one for one in wanted if one in made.half_restored]
    if half:
        problems.append(
            f"{made.name} was made while {half[0]} was half restored, so it has only a part of it. Choose another backup."
        )
    if safety and present:
        problems += _safety_room(settings, made, server.size(present))
    notes = [
        f"{one['database']}.{one['view']} isn't in the backup: {one['reason']}"
        for one in made.left_out
        if one["database"] in wanted
    ]
    notes += [f"{one} comes back without its old rows (system versioning)." for one in made.without_history]
    notes += server.blockers()
    return RestorePlan(backup, wanted, present, accounts, same, problems, notes)


def _safety_room(settings: Settings, made: t.Any, size: int) -> list[str]:
    needed = int(size * made.size / max(made.bytes, 1) * 1.2)
    free = shutil.disk_usage(settings.directory).free
    if free >= needed:
        return []
    return [
        f"The safety dump of what will be dropped needs about {needed >> 20} MiB in {settings.directory}, {free >> 20} are free: free up space, or "
        "restore without a safety dump."
    ]


def rehearse(wanted: RestorePlan, identity: archive.Identity) -> None:
    """Read every archive completely, before any database is dropped. Raises Damaged where that isn't what was dumped."""
    backup = wanted.backup
    expected = backup.contents()
    contents = Contents()
    for part in wanted.parts():
        backup.check(part)
        for section, text in _sections(backup, part, identity):
            contents.add(section, text)
    found = contents.public()
    mine = {key: one for key, one in expected.items() if key in found}
    wrong = differences(mine, found)
    lost = [key for key in expected if belongs(key, wanted.databases) and key not in found]
    if wrong or lost:
        raise Damaged(f"{backup.manifest.name} doesn't hold what was dumped: {(wrong or lost)[0]}.")


def load(
    wanted: RestorePlan, server: Server, identity: archive.Identity, progress: t.Optional[Progress] = None
) -> None:
    """Execute the statements of the chosen databases, and of the accounts if they are to be restored."""
    for part in wanted.parts():
        if part.what == "accounts":
            if wanted.accounts:
                with server.loading() as execute:
                    for chunk in _chunks(wanted.backup, part, identity):
                        execute(chunk)
            continue
        with server.loading() as execute:
            # Accept the tables of the source even if this server wouldn't let you create them.
            execute(b"SET SESSION innodb_strict_mode = 0;\n")
            for section, text in _sections(wanted.backup, part, identity):
                if not section.database or section.database in wanted.databases:
                    execute(text)
                if progress:
                    progress.add(len(text), section)


def compare(wanted: RestorePlan, server: Server) -> list[str]:
    """Dump the restored databases like the backup was made; returns the differences."""
    expected = {key: one for key, one in wanted.backup.contents().items() if belongs(key, wanted.databases)}
    found = server.contents(wanted.databases, wanted.backup.manifest.history).public()
    # Another release series may print the same table definition differently.
    return differences(expected, found, rows_only=not wanted.same_series)


def restore(
    settings: Settings,
    server: Server,
    wanted: RestorePlan,
    identity: archive.Identity,
    safety: bool,
    force: bool = False,
) -> dict[str, t.Any]:
    """Carry out the plan, so that the databases are exactly as in the backup. Raises BackupError, or Incomplete after databases were dropped."""
    if wanted.problems and not force:
        more = f" And {len(wanted.problems) - 1} more; --plan lists them." if len(wanted.problems) > 1 else ""
        raise BackupError(f"Nothing was changed. {wanted.problems[0]}{more} --force restores anyway.")
    progress = Progress(settings, "restore", sum(part.bytes for part in wanted.parts()))
    journal = Journal(settings)
    rehearse(wanted, identity)
    result = dict(wanted.public(), safety="")
    whole = sorted(set(wanted.present) - set(journal.databases))
    if safety and whole:
        result["safety"] = take(settings, server, whole).backup.manifest.name
    with server.packet(wanted.backup.manifest.longest_statement):
        journal.begin(wanted.databases, wanted.backup.manifest.name, t.cast(str, result["safety"]))
        result["safety"] = result["safety"] or journal.databases[wanted.databases[0]]["safety"]
        wrong = _replace(wanted, server, identity, Undertaking(journal, progress, settings.patience, force))
    result["differs"] = wrong
    if wrong and not force:
        raise Incomplete(
            f"Restored, but {len(wrong)} objects differ from the backup (is somebody writing?): {wrong[0]}. {journal.summary()} --force "
            "accepts the differences."
        )
    journal.end(wanted.databases)
    progress.end()
    return result


class Undertaking(t.NamedTuple):
    """The context of a restore."""

    journal: Journal
    progress: Progress
    patience: int
    force: bool


def _replace(wanted: RestorePlan, server: Server, identity: archive.Identity, how: Undertaking) -> list[str]:
    """Drop, load and compare the databases; returns the differences."""
    dropped = False
    try:
        for database in wanted.present:
            server.drop(database, how.patience)
            dropped = True
        load(wanted, server, identity, how.progress)
        try:
            return compare(wanted, server)
        except BackupError as exc:
            if not how.force:
                raise
            return [f"nothing could be compared: {exc}"]
    except (BackupError, OSError) as exc:
        if not dropped and wanted.present and _all_there(wanted, server):
            how.journal.revert(wanted.databases)
            raise
        raise Incomplete(f"The restore is incomplete. {exc} {how.journal.summary()}") from exc


def _all_there(wanted: RestorePlan, server: Server) -> bool:
    """Whether the databases to be dropped still have all their tables; False if the server doesn't answer.

    A failed DROP DATABASE may have dropped tables: the server removes them first, and then fails on an unknown file.
    """
    try:
        return server.tables(list(wanted.present)) == dict(wanted.present)
    except BackupError:
        return False


def _chunks(backup: Backup, part: Part, identity: archive.Identity) -> t.Iterator[bytes]:
    made = backup.manifest
    return archive.read(f"{backup.path}/{part.file}", made.compression, made.encryption, identity)


def _sections(backup: Backup, part: Part, identity: archive.Identity) -> t.Iterator[tuple[t.Any, bytes]]:
    if part.what == "accounts":
        for _chunk in _chunks(backup, part, identity):
            pass
        return
    databases = () if part.what == "views" else part.databases
    reader = DumpReader(databases, () if part.what == "tables" else part.databases)
    for chunk in _chunks(backup, part, identity):
        yield from reader.feed(chunk)
    yield from reader.finish()
