# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a backup says about itself, and whether a text is such a manifest: it may lie in a folder that others write to. Pure."""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field, fields
from datetime import datetime, timezone

from . import archive

MADE_BY = "openstack_ops.day2.mysql_backup"
FORMAT = 1
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.sql\.[a-z.]+")  # of a part: never a path
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_LARGEST = 1 << 53  # number that every reader of JSON knows
# Lists of mappings, and the texts that each has.
_MAPPINGS = {
    "left_out": ("database", "view", "reason", "text"),
    "engines": ("engine", "library"),
    "definers": ("database", "definer"),
}


@dataclass(frozen=True)
class Part:
    """One archive of a backup."""

    file: str
    what: str  # tables, views, all (both) or accounts
    databases: t.Sequence[str]
    size: int = 0
    bytes: int = 0  # before compression
    sha256: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a backup says about itself."""

    name: str
    host: str
    sequence: int
    taken: str  # UTC, ISO 8601
    databases: t.Sequence[str]
    compression: str
    encryption: str
    server_version: str
    lower_case_table_names: int
    safety: bool = False
    until: str = ""  # of one that was made of another backup, `base`, and the binary logs: the moment
    base: str = ""
    half_restored: t.Sequence[
        str
    ] = ()  # databases that a restore which was stopped has left, so this is no good backup of them
    seconds: float = 0.0
    binlog_file: str = ""
    binlog_position: int = 0
    gtid: str = ""
    left_out: t.Sequence[t.Mapping[str, str]] = ()  # tables and views: database, view (its name), reason, text
    outside_snapshot: t.Sequence[str] = ()  # tables without transactions
    history: bool = False  # with the old rows of system-versioned tables
    without_history: t.Sequence[str] = ()  # tables whose old rows it doesn't have
    engines: t.Sequence[
        t.Mapping[str, str]
    ] = ()  # of its tables: engine, library (of its plugin; empty when it is built in)
    collations: t.Sequence[str] = ()
    definers: t.Sequence[t.Mapping[str, str]] = ()  # of its views: database, definer
    longest_statement: int = 0  # bytes
    parts: t.Sequence[Part] = field(default_factory=tuple)
    contents_sha256: str = ""
    made_by: str = MADE_BY
    format: int = FORMAT

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)

    @property
    def bytes(self) -> int:
        return sum(part.bytes for part in self.parts)

    @property
    def moment(self) -> datetime:
        return datetime.strptime(self.taken, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)

    def left_out_views(self) -> list[tuple[str, str]]:
        return [(one["database"], one["view"]) for one in self.left_out]


def understood(text: bytes) -> t.Optional[Manifest]:
    """The manifest, None for anything that a run of this program can't have written."""
    try:
        raw = json.loads(text)
        if raw.get("made_by") != MADE_BY:
            return None
        manifest = Manifest(**dict(raw, parts=[Part(**part) for part in raw["parts"]]))
        manifest.moment  # noqa: B018  (a day that isn't one is a ValueError)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    if _STAMP.fullmatch(str(manifest.taken)) is None or not all(map(_typed, (manifest, *manifest.parts))):
        return None
    # What names a program or a file is one of ours, or this is no manifest of ours.
    ours = manifest.compression in archive.SUFFIXES and manifest.encryption in archive.ENCRYPTED
    return manifest if ours and all(_FILE.fullmatch(one.file) for one in manifest.parts) else None


def _typed(thing: t.Any) -> bool:
    """Whether all values of a manifest or a part of one are of their fields' types."""
    return all(_fits(one.name, str(one.type), getattr(thing, one.name)) for one in fields(thing))


def _fits(name: str, kind: str, value: object) -> bool:
    if name == "parts":
        return True
    if name in _MAPPINGS:
        return isinstance(value, list) and all(
            isinstance(one, dict) and all(isinstance(one.get(key), str) for key in _MAPPINGS[name]) for one in value
        )
    if kind.startswith("t.Sequence"):
        return isinstance(value, list) and all(isinstance(one, str) for one in value)
    if kind in ("int", "float"):
        allowed = int if kind == "int" else (int, float)
        return isinstance(value, allowed) and not isinstance(value, bool) and 0 <= value < _LARGEST
    return isinstance(value, {"str": str, "bool": bool}[kind])
