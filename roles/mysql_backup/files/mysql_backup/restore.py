# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting a backup back, into the server or into a scratch one."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from . import archive
from .backup import take
from .catalog import Backup, Catalog, Part
from .dumptext import Contents, DumpReader, differences
from .failure import BackupError, Damaged, Incomplete
from .server import Server, quoted
from .settings import Settings


@dataclass(frozen=True)
class Plan:
    """What a restore is going to do."""

    backup: Backup
    databases: t.Sequence[str]
    present: t.Mapping[str, int]  # databases that will be dropped, with the number of their tables
    accounts: bool
    same_series: bool

    def public(self) -> dict[str, t.Any]:
        made = self.backup.manifest
        return {
            "backup": made.name,
            "taken": made.taken,
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
        }

    def parts(self) -> list[Part]:
        wanted = set(self.databases)
        return [one for one in self.backup.manifest.parts if one.what == "accounts" or wanted & set(one.databases)]


def plan(settings: Settings, server: Server, name: str, databases: t.Sequence[str], accounts: bool) -> Plan:
    """Look, and decide; changes nothing."""
    backup = Catalog(settings.directory).find(name)
    made = backup.manifest
    if not backup.good:
        raise BackupError(f"{made.name} was found to be bad: {backup.verified.get('message')} Choose another backup.")
    missing = sorted(set(databases) - set(made.databases))
    if missing:
        raise BackupError(f"{made.name} has no database {missing[0]}; it has: {', '.join(made.databases)}.")
    wanted = [one for one in made.databases if one in (databases or made.databases)]
    facts = server.facts()
    same = made.server_version.split(".")[:2] == facts.version.split(".")[:2]
    return Plan(backup, wanted, server.tables(wanted), accounts, same)


def rehearse(wanted: Plan, identity: archive.Identity) -> None:
    """Read every archive to its end and compare it with what was dumped, before anything is dropped."""
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
    lost = [key for key in expected if _database(key, wanted.databases) and key not in found]
    if wrong or lost:
        raise Damaged(f"{backup.manifest.name} doesn't hold what was dumped: {(wrong or lost)[0]}.")


def load(wanted: Plan, server: Server, identity: archive.Identity) -> None:
    """Execute the statements of the wanted databases, and of the accounts when they are wanted."""
    for part in wanted.parts():
        if part.what == "accounts":
            if wanted.accounts:
                with server.loading() as execute:
                    for chunk in _chunks(wanted.backup, part, identity):
                        execute(chunk)
            continue
        with server.loading() as execute:
            for section, text in _sections(wanted.backup, part, identity):
                if not section.database or section.database in wanted.databases:
                    execute(text)


def compare(wanted: Plan, server: Server) -> list[str]:
    """Dump what was loaded, the same way as the backup was; the differences."""
    databases = set(wanted.databases)
    expected = {key: one for key, one in wanted.backup.contents().items() if _database(key, databases)}
    found = server.contents(wanted.databases, ()).public()
    # Another series of the server may write the same table definition in other words.
    return differences(expected, found, rows_only=not wanted.same_series)


def restore(
    settings: Settings, server: Server, wanted: Plan, identity: archive.Identity, safety: bool
) -> dict[str, t.Any]:
    """Do what the plan says; the databases are then exactly those of the backup."""
    rehearse(wanted, identity)
    result = dict(wanted.public(), safety="")
    way_back = ""
    if safety and wanted.present:
        result["safety"] = take(settings, server, sorted(wanted.present)).backup.manifest.name
        way_back = f" What was there before is in {result['safety']}."
    try:
        for database in wanted.present:
            server.query(f"SET foreign_key_checks = 0; DROP DATABASE {quoted(database)}")
        load(wanted, server, identity)
        wrong = compare(wanted, server)
    except BackupError as exc:
        raise Incomplete(f"The restore is incomplete. {exc}{way_back}") from exc
    if wrong:
        raise Incomplete(
            f"Restored, but {len(wrong)} objects are not as in the backup (is somebody writing?): {wrong[0]}.{way_back}"
        )
    return result


def _database(key: str, databases: t.Collection[str]) -> bool:
    """Whether an object of contents.json belongs to one of these databases."""
    rest = key.split(" ", 1)[1]
    return any(rest == name or rest.startswith(name + ".") for name in databases)


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
