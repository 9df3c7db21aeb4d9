# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A section of the report, and how values that another host wrote are read. Pure: no Ansible, no I/O."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._text import on_one_line

#: The worst first. What isn't known may be anything, so it comes before what is fine.
STATES = ("critical", "warning", "unknown", "ok")
VERSION = 1

_DAY, _HOUR, _MINUTE = 86400, 3600, 60
_TEXT = 400


@dataclass(frozen=True)
class Row:
    """Something that somebody needs to look at."""

    state: str
    subject: str
    """A host of the inventory, or what else it is about."""
    text: str


@dataclass
class Section:
    """What is told of one part of the cloud: a line of totals, and rows for what needs a look.

    As long as nobody has called it fine it is unknown.
    """

    name: str
    title: str
    line: str
    state: str = "unknown"
    rows: list[Row] = field(default_factory=list)

    def add(self, state: str, subject: str, text: str) -> None:
        self.rows.append(Row(state, subject, cleaned(text)))

    def fine(self) -> Section:
        """It was looked at: fine where no row says something else."""
        self.state = min((row.state for row in self.rows), key=STATES.index, default="ok")
        self.rows.sort(key=lambda row: STATES.index(row.state))
        return self

    def public(self) -> dict[str, t.Any]:
        rows = [{"state": row.state, "subject": row.subject, "text": row.text} for row in self.rows]
        return {"name": self.name, "title": self.title, "state": self.state, "line": self.line, "rows": rows}


@dataclass(frozen=True)
class Limits:
    """From when on something needs a look."""

    backup_hours: float = 26
    verified_days: float = 31
    certificate_days: float = 30
    evidence_days: float = 7
    """How old a report of an audit or a proof may be."""
    full: float = 0.85
    """The share of the instances' file system that is used; critical is what has less than a third of the rest."""


@dataclass(frozen=True)
class Host:
    """What one host told: its parts, and why others couldn't be read. Or why it told nothing."""

    name: str
    compute: bool
    database: bool
    silent: str
    found: t.Mapping[str, t.Any]

    @property
    def unread(self) -> t.Mapping[str, t.Any]:
        return mapping(self.found.get("unknown")) or {}

    def part(self, name: str) -> t.Mapping[str, t.Any] | None:
        return mapping(self.found.get(name))


def mapping(value: object) -> t.Mapping[str, t.Any] | None:
    return value if isinstance(value, t.Mapping) else None


def listing(value: object) -> t.Sequence[t.Any]:
    return value if isinstance(value, (list, tuple)) else ()


def number(value: object) -> float | None:
    """A number that one can count with; None for anything else, true and NaN included."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return value if abs(value) < 1e18 else None


def count(value: object) -> int:
    found = number(value)
    return int(found) if found is not None and found > 0 else 0


def cleaned(text: object) -> str:
    """Somebody else's text on one line, without anything that a terminal obeys, and no longer than is read."""
    shown = on_one_line(str(text))
    return shown if len(shown) <= _TEXT else f"{shown[: _TEXT - 3]}..."


def duration(seconds: float) -> str:
    """As people say it: "3 days", "26 hours", "5 minutes"."""
    for size, word in ((2 * _DAY, "day"), (2 * _HOUR, "hour"), (0, "minute")):
        if abs(seconds) >= size:
            many = int(abs(seconds) // {"day": _DAY, "hour": _HOUR, "minute": _MINUTE}[word])
            return f"{many} {word}{'' if many == 1 else 's'}"
    return ""


def plural(many: int, word: str) -> str:
    return f"{many} {word}{'' if many == 1 else 's'}"
