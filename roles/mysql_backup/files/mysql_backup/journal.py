# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The databases that a restore has dropped and not restored yet. Written to disk before the first one is dropped."""

from __future__ import annotations

import os
import shlex
import time
import typing as t

from .durable import read_json, sync_folder, write_json
from .failure import BackupError
from .report import stamp
from .settings import Settings

FILE = "restore.json"


class Journal:
    """This host's journal. `databases` are half restored: by name the backup, the safety dump ('' for none) and since when."""

    def __init__(self, settings: Settings) -> None:
        self._path = os.path.join(settings.state, FILE)
        self.databases: dict[str, dict[str, str]] = {}
        self._before: dict[str, dict[str, str]] = {}
        try:
            self.databases = read_json(self._path)["databases"]
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as exc:
            raise BackupError(f"{self._path}, which lists half restored databases, can't be read: {exc}.") from exc

    def begin(self, databases: t.Iterable[str], backup: str, safety: str) -> None:
        """Add databases that are about to be dropped. One that is half restored already keeps its safety dump, since its current state is no use."""
        self._before = dict(self.databases)
        for name in databases:
            before = self.databases.get(name, {}).get("safety", "")
            self.databases[name] = {"backup": backup, "safety": before or safety, "since": stamp(time.time())}
        self._write()

    def end(self, databases: t.Iterable[str]) -> None:
        """Remove databases that are complete again."""
        for name in databases:
            self.databases.pop(name, None)
        self._write()

    def revert(self, databases: t.Iterable[str]) -> None:
        """Restore the entries of databases that weren't dropped after all."""
        for name in databases:
            self.databases.pop(name, None)
            if name in self._before:
                self.databases[name] = self._before[name]
        self._write()

    def needed(self) -> set[str]:
        """The backups that are needed to finish or undo restores."""
        return {one[key] for one in self.databases.values() for key in ("backup", "safety") if one[key]}

    def summary(self) -> str:
        """The half restored databases and the commands to finish or undo that; empty if there are none."""
        if not self.databases:
            return ""
        _name, first = min(self.databases.items())
        mine = sorted(one for one, how in self.databases.items() if how["backup"] == first["backup"])
        # A comma in a name would make two of it.
        named = (
            " ".join(f"--database={shlex.quote(one)}" for one in mine)
            if any("," in one or one.startswith("-") for one in mine)
            else f"--databases {shlex.quote(','.join(mine))}"
        )
        back = (
            f", or restore the previous state: mysql-backup restore {first['safety']} --no-safety"
            if first["safety"]
            else ""
        )
        return (
            f"{', '.join(sorted(self.databases))}: half restored since {first['since']} from {first['backup']}. Finish it: mysql-backup restore "
            f"{first['backup']} {named}{back}."
        )

    def _write(self) -> None:
        if self.databases:
            write_json(self._path, {"databases": self.databases})
        elif os.path.exists(self._path):
            os.unlink(self._path)
            sync_folder(os.path.dirname(self._path))
