# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups may go. Nothing here opens a file or looks at a clock."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime


class Candidate(t.NamedTuple):
    """A finished backup as far as retention is concerned."""

    name: str
    sequence: int  # the order in which backups were made; clocks go back, this doesn't
    taken: datetime  # UTC
    good: bool = True
    safety: bool = False  # made by a restore, just before it dropped databases
    half: bool = False  # of a database that was half restored
    moment: bool = False  # made of archived binary logs, for a moment that somebody named


@dataclass(frozen=True)
class Policy:
    """A backup is kept when any of the rules wants it; 0 turns a rule off, all at 0 keep everything."""

    days: int = 0
    count: int = 0
    hourly: int = 0
    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    safety: int = 3


PERIODS: t.Sequence[tuple[str, str]] = (
    ("hourly", "%Y-%m-%d %H"),
    ("daily", "%Y-%m-%d"),
    ("weekly", "%G-W%V"),
    ("monthly", "%Y-%m"),
)


def obsolete(candidates: t.Iterable[Candidate], policy: Policy) -> list[Candidate]:
    """What the policy no longer wants, oldest first.

    Bad ones are neither counted nor removed: somebody will want to look at them. Of those with half a database in them the newest
    stays, and they push out nothing.
    """
    everything = sorted(candidates, key=lambda one: one.sequence)
    return _obsolete([one for one in everything if not one.half], policy) + [one for one in everything if one.half][:-1]


def _obsolete(candidates: t.Iterable[Candidate], policy: Policy) -> list[Candidate]:
    ordered = sorted((one for one in candidates if one.good), key=lambda one: one.sequence)
    keep = _wanted([one for one in ordered if not one.safety], policy)
    # As many states of a moment as safety dumps: looking for the right moment pushes out no dump that undoes a restore.
    for moment in (False, True):
        safety = [one for one in ordered if one.safety and one.moment is moment]
        keep.update(one.name for one in safety[-max(policy.safety, 1) :])
    return [one for one in ordered if one.name not in keep]


def _wanted(ordered: list[Candidate], policy: Policy) -> set[str]:
    if not ordered:
        return set()
    newest = ordered[-1]
    rules = (policy.days, policy.count, policy.hourly, policy.daily, policy.weekly, policy.monthly)
    if not any(rules):
        return {one.name for one in ordered}
    keep = {newest.name}
    if policy.count:
        keep.update(one.name for one in ordered[-policy.count :])
    # Age is counted from the newest good backup, not from today: after ten nights of failures the
    # seven days before them are still there, and a clock that jumps at prune time changes nothing.
    keep.update(one.name for one in ordered if policy.days and (newest.taken - one.taken).days < policy.days)
    # One that was taken by a clock years ahead makes all others old, so a number stays as well.
    keep.update(one.name for one in ordered[len(ordered) - min(policy.days, len(ordered)) :])
    for rule, period in PERIODS:
        last_of = {one.taken.strftime(period): one for one in ordered}
        ranked = sorted(last_of.values(), key=lambda one: one.sequence)
        number = getattr(policy, rule)
        keep.update(one.name for one in ranked[len(ranked) - min(number, len(ranked)) :])
    return keep
