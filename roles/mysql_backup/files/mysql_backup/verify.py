# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restoring a backup into a scratch server, to know that it can be done."""

from __future__ import annotations

import contextlib
import shutil
import time
import typing as t

from . import archive, restore
from .catalog import Catalog
from .failure import BackupError, Damaged
from .manifest import Manifest
from .progress import VERIFYING, Progress
from .report import stamp
from .restore import RestorePlan
from .scratch import scratch
from .server import Server, literal
from .settings import Settings


def verify(settings: Settings, name: str, identity: archive.Identity) -> dict[str, t.Any]:
    """Restore a backup into a server of its own and compare; the result is kept beside the backup.

    The verdict is `good`, `bad` (it doesn't hold the rows that were dumped) or `unverifiable`: it is as it was written, but the scratch
    server of this host can't say whether it restores. A backup of which that is said still counts.
    """
    catalog = Catalog(settings)
    backup = catalog.find(name)
    backup.trusted()
    began = time.time()
    made = backup.manifest
    result = {"backup": made.name, "tables": 0, "rows": 0, "verdict": "bad", "message": ""}
    with contextlib.suppress(BackupError):
        expected = backup.contents()
        result["tables"] = sum(key.startswith("rows ") for key in expected)
        result["rows"] = sum(one.get("rows", 0) for one in expected.values())
    room(settings, made.bytes)
    try:
        restore.rehearse(RestorePlan(backup, made.databases, {}, False, True), identity)
        result["message"] = _restored(settings, backup, identity)
        result["verdict"] = "unverifiable" if result["message"] else "good"
    except Damaged as exc:
        result["message"] = str(exc)
    result.update(seconds=round(time.time() - began, 1), ended=int(time.time()), when=stamp(time.time()))
    result["good"] = result["verdict"] == "good"
    backup.mark_verified(result, catalog.key)
    return result


def _restored(settings: Settings, backup: t.Any, identity: archive.Identity) -> str:
    """Load and compare. Empty when all is the same, else why that can't be said; Damaged when rows differ."""
    made: Manifest = backup.manifest
    libraries = sorted({one["library"] for one in made.engines if one["library"]})
    with scratch(settings.scratch, made.lower_case_table_names, libraries) as server:
        facts = server.facts()
        lacking = sorted({one["engine"] for one in made.engines} - server.engines())
        if lacking:
            return f"Tables of the engine {lacking[0]} can't be restored into the scratch server, whose package doesn't have it."
        same = made.server_version.split(".")[:2] == facts.version.split(".")[:2]
        wanted = RestorePlan(backup, made.databases, {}, False, same)
        progress = Progress(settings, f"verify {made.name}", sum(part.bytes for part in wanted.parts()), VERIFYING)
        try:
            restore.load(wanted, server, identity, progress)
            definers(server)
            wrong = restore.compare(wanted, server)
        except Damaged:
            raise
        except BackupError as exc:
            return f"It is as it was written, but the scratch server of this host didn't take it: {exc}"
        finally:
            progress.end()
    rows = [one for one in wrong if one.startswith("rows ")]
    if rows:
        raise Damaged(f"{len(rows)} tables have other rows after the restore: {'; '.join(rows[:5])}.")
    if wrong:
        return f"All rows are the same after the restore, but not all definitions: {'; '.join(wrong[:5])}."
    return ""


def definers(server: Server) -> None:
    """mysqldump reads a view with its definer's rights; the accounts themselves aren't loaded here."""
    for (definer,) in server.query(
        "SELECT DISTINCT BINARY definer FROM information_schema.views WHERE BINARY table_schema <> 'sys'"
    ):
        user, _at, host = definer.rpartition("@")
        account = f"{literal(user)}@{literal(host)}"
        server.query(f"CREATE USER IF NOT EXISTS {account}; GRANT ALL ON *.* TO {account}")


def room(settings: Settings, size: int) -> None:
    """Raise BackupError where a scratch server with so many bytes of SQL in it doesn't fit."""
    # InnoDB with its indexes took 1.4 times the text in our measurements; an empty server has 130 MB.
    needed = 2 * size + (200 << 20)
    free = shutil.disk_usage(settings.scratch).free
    if free < needed:
        raise BackupError(
            f"A scratch server needs about {needed >> 20} MiB in {settings.scratch}, {free >> 20} are free. "
            "Name another folder with mysql_backup_scratch."
        )
