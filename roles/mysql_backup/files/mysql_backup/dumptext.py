# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Split the output of mysqldump into sections while it is streamed. Pure: no files, no processes."""

from __future__ import annotations

import re
import typing as t
import zlib

from .failure import BackupError, Confused


class Section(t.NamedTuple):
    """A position in a dump."""

    kind: str  # preamble, database, structure, rows, placeholder, events, routines, view, epilogue
    database: str = ""
    name: str = ""
    views: bool = False  # in the second round, where mysqldump defines views after all tables


PREAMBLE = Section("preamble")
EPILOGUE = Section("epilogue")
COMPLETED = b"-- Dump completed"
# Rows can't contain these: mysqldump writes a line feed in a value as \n.
_HEADING = b"\n--\n-- "
_ENDS = (b"\n/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE", b"\n\n-- The deferred gtid setting for slave")
_LONGEST_HEADING = 1000
_HEADINGS: t.Sequence[tuple[t.Pattern[bytes], str]] = tuple(
    (re.compile(pattern), kind)
    for pattern, kind in (
        (rb"Current Database: `((?:[^`]|``)+)`$", "database"),
        (rb"Table structure for table `((?:[^`]|``)+)`$", "structure"),
        (rb"Sequence structure for `((?:[^`]|``)+)`$", "structure"),
        (rb"Dumping data for table `((?:[^`]|``)+)`$", "rows"),  # and the table's triggers, which have no heading
        (rb"Temporary (?:table|view) structure for view `((?:[^`]|``)+)`$", "placeholder"),
        (rb"Final view structure for view `((?:[^`]|``)+)`$", "view"),
        (rb"Dumping events for database '(.+)'$", "events"),
        (rb"Dumping routines for database '(.+)'$", "routines"),
    )
)


class DumpReader:
    """Splits a dump of `databases` into sections, and rejects text that isn't such a dump.

    After the tables of all databases mysqldump defines their views in a second round, if there are any; `views_of`
    names the databases of that round when the text has only one of the two.

    A stored routine may hold text that looks like a heading. One that claims to start a database makes the order
    of databases impossible, so it can end a backup but never put rows into the wrong one.
    """

    def __init__(self, databases: t.Sequence[str], views_of: t.Optional[t.Sequence[str]] = None) -> None:
        self.section = PREAMBLE
        self.completed = False
        self._ahead = [(name, False) for name in databases]
        self._ahead += [(name, True) for name in (databases if views_of is None else views_of)]
        self._views_seen = not databases
        self._held = b""

    def feed(self, chunk: bytes) -> t.Iterator[tuple[Section, bytes]]:
        """The sections that `chunk` continues or begins, each with its text."""
        text = self._held + chunk
        # Anything that could be the first half of a heading waits for the next chunk.
        safe = max(0, len(text) - max(map(len, _ENDS)) + 1)
        done = at = 0
        while True:
            at = text.find(_HEADING, at)
            if at < 0:
                break
            end = text.find(b"\n", at + len(_HEADING))
            if end < 0 and len(text) - at < _LONGEST_HEADING:
                safe = at
                break
            section = self._entered(text[at + len(_HEADING) : end])
            if section is not None:
                yield from self._emit(text[done:at])
                self.section = section
                done = at
            at += len(_HEADING)
            safe = max(safe, at)  # otherwise it would be found again
        # Searched once, behind the last heading: it ends the last section.
        end = min((at for at in (text.find(mark, done) for mark in _ENDS) if at >= 0), default=-1)
        if self.section != EPILOGUE and end >= 0:
            done, ended = end + 1, text[done : end + 1]
            yield from self._emit(ended)
            self.section = EPILOGUE
        self._complete(text[done:])
        safe = max(safe, done)
        yield from self._emit(text[done:safe])
        self._held = text[safe:]

    def finish(self) -> t.Iterator[tuple[Section, bytes]]:
        """The rest of the dump. Raises BackupError if databases are missing."""
        self._complete(self._held)
        yield from self._emit(self._held)
        self._held = b""
        for name, views in self._ahead:
            if not views or self._views_seen:
                raise BackupError(f"The dump ends before {'the views of ' * views}database {name}.")

    def _complete(self, text: bytes) -> None:
        self.completed = self.completed or (self.section == EPILOGUE and COMPLETED in text)

    def _emit(self, text: bytes) -> t.Iterator[tuple[Section, bytes]]:
        if text:
            yield self.section, text

    def _entered(self, heading: bytes) -> t.Optional[Section]:
        matches = ((pattern.match(heading), kind) for pattern, kind in _HEADINGS)
        found, kind = next(((match, kind) for match, kind in matches if match), (None, ""))
        if found is None:
            return None
        name = found.group(1).replace(b"``", b"`").decode("utf-8", "surrogateescape")
        if self.section == EPILOGUE:
            raise Confused(f"The dump goes on after its end, with {kind} {name}.")
        if kind != "database":
            self._views_seen = self._views_seen or kind == "placeholder"
            return self.section._replace(kind=kind, name="" if kind in ("events", "routines") else name)
        expected, views = self._ahead[0] if self._ahead else ("", False)
        if name != expected or (views and not self._views_seen):
            raise Confused(
                f"The dump has database {name} at an impossible position. A routine, trigger or event of database "
                f"{self.section.database or '(none)'} contains text that looks like mysqldump's headings; change that text."
            )
        del self._ahead[0]
        return Section("database", name, "", views)


class Entry:
    """The size of an object in a dump."""

    def __init__(self) -> None:
        self.bytes = 0
        self.rows = 0
        self.crc = 0
        self.longest = 0  # bytes of its longest statement; never too few, but perhaps those of two short ones
        self._open = 0
        self._line_start = False

    def add(self, text: bytes, rows: bool) -> None:
        self.bytes += len(text)
        self.crc = zlib.crc32(text, self.crc)
        if rows:
            # MariaDB writes each row on a line of its own, and no value has a line feed.
            self.rows += text.count(b"\n(") + (self._line_start and text.startswith(b"("))
            self._line_start = text.endswith(b"\n")
        first = text.find(b";\n") if rows else -1
        if first < 0:
            self._open += len(text)
            self.longest = max(self.longest, self._open)
            return
        last = text.rfind(b";\n")
        self.longest = max(self.longest, self._open + first, last - first)
        self._open = len(text) - last
        self.longest = max(self.longest, self._open)


class Contents:
    """The objects in a dump, with sizes and checksums that show whether two dumps are of the same state."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.bytes = 0
        self._last: tuple[t.Optional[Section], Entry] = (None, Entry())

    def add(self, section: Section, text: bytes) -> None:
        self.bytes += len(text)
        if section in (PREAMBLE, EPILOGUE):
            return
        if section != self._last[0]:
            # In the second round the database's heading is optional and adds nothing.
            if section.views and section.kind == "database":
                return
            self._last = section, self.entries.setdefault(label(section), Entry())
        self._last[1].add(text, section.kind == "rows")

    @property
    def longest(self) -> int:
        """Bytes of the longest statement."""
        return max((entry.longest for entry in self.entries.values()), default=0)

    def public(self) -> dict[str, dict[str, t.Union[int, str]]]:
        """For contents.json."""
        return {
            key: dict({"bytes": entry.bytes, "crc32": f"{entry.crc:08x}"}, **_rows(key, entry))
            for key, entry in self.entries.items()
        }


def _rows(key: str, entry: Entry) -> dict[str, int]:
    return {"rows": entry.rows} if key.startswith("rows ") else {}


def label(section: Section) -> str:
    """The name of an object in contents.json: 'rows nova.instances'. Dots in a database's name are escaped by a backslash."""
    return f"{section.kind} {_escaped(section.database)}" + (f".{section.name}" if section.name else "")


def belongs(key: str, databases: t.Iterable[str]) -> bool:
    """Whether an object in contents.json belongs to one of these databases."""
    rest = key.split(" ", 1)[1]
    return any(rest == name or rest.startswith(name + ".") for name in map(_escaped, databases))


def _escaped(database: str) -> str:
    return database.replace("\\", "\\\\").replace(".", "\\.")


def differences(
    expected: t.Mapping[str, t.Mapping[str, object]],
    found: t.Mapping[str, t.Mapping[str, object]],
    rows_only: bool = False,
) -> list[str]:
    """A line for each object that differs."""
    kinds = ("rows ",) if rows_only else ("rows ", "structure ", "database ", "events ", "routines ", "view ")
    lines = []
    for key in sorted(set(expected) | set(found)):
        if not key.startswith(kinds) or expected.get(key) == found.get(key):
            continue
        if key not in found:
            lines.append(f"{key} is missing")
        elif key not in expected:
            lines.append(f"{key} exists but isn't in the backup")
        else:
            lines.append(f"{key} is {_brief(found[key])}, was {_brief(expected[key])}")
    return lines


def _brief(entry: t.Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(entry.items()))
