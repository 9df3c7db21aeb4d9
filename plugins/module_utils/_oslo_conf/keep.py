# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired options that depend on the file's current content, and current values that are replaced only if the operator allows it. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .._common import OperatorError
from .ini import Sections

#: The effective value of an option in a section; None if it isn't set.
Value = t.Callable[[str, str], t.Optional[str]]


@dataclass(frozen=True)
class Kept:
    """Options that depend on the current content, by section and option.

    defaults are values to set if there is none; adds, comma-separated entries to add to a list; lists, all entries of a list; was, values that
    may be replaced; unset, options to change only if they are set, because their desired value is the service's default.
    """

    defaults: Sections = field(default_factory=dict)
    adds: Sections = field(default_factory=dict)
    lists: Sections = field(default_factory=dict)
    was: t.Mapping[str, t.Mapping[str, t.Sequence[str]]] = field(default_factory=dict)
    unset: t.Mapping[str, t.Sequence[str]] = field(default_factory=dict)

    def options(self) -> t.Iterator[tuple[str, str, str, str]]:
        """Yield kind, section, option and value of defaults, adds and lists."""
        for kind in ("defaults", "adds", "lists"):
            for section, options in getattr(self, kind).items():
                for option, said in options.items():
                    yield kind, section, option, said


def resolved(path: str, sections: Sections, kept: Kept, value: Value, yes: t.Collection[str]) -> Sections:
    """The desired options of a file; value returns the current ones.

    Raises OperatorError if this would replace a value or drop a list entry that yes doesn't name.
    """
    found = {section: dict(options) for section, options in sections.items()}
    for kind, section, option, said in kept.options():
        there = value(section, option)
        if kind == "defaults":
            made = there if there else said
        elif kind == "adds":
            made = _joined(there, said)
        else:
            made = said
            _check_list(path, option, there, said, yes)
        found.setdefault(section, {}).setdefault(option, made)
    for section, guarded in kept.was.items():
        for option, before in guarded.items():
            _check_value(f"{option} in {section} of {path}", found, section, option, value, before, yes)
    for section, options in kept.unset.items():
        for option in options:
            if value(section, option) is None:
                found.get(section, {}).pop(option, None)
    return found


def entries(text: t.Optional[str]) -> list[str]:
    """The entries of a list with commas."""
    return [re.sub(r"\s+", "", entry) for entry in (text or "").split(",") if entry.strip()]


def _joined(there: t.Optional[str], said: str) -> str:
    """The current list with missing entries appended; unchanged if it lacks none."""
    missing = [entry for entry in entries(said) if entry not in entries(there)]
    return there if there and not missing else ",".join([*([there.rstrip(", ")] if there else []), *missing])


def _check_list(path: str, option: str, there: t.Optional[str], said: str, yes: t.Collection[str]) -> None:
    lost = [entry for entry in entries(there) if entry not in entries(said)]
    lost = [entry for entry in lost if f"{entry} in {option} of {path}" not in yes]
    if lost:
        raise OperatorError(
            f"{path}: {option} also has {', '.join(lost)}, but should be {said!r}; what is stored there would become unusable. Add it to the "
            f"list, or put '{lost[0]} in {option} of {path}' into take_away (ceph_openstack_take_away)."
        )


def _check_value(
    what: str,
    found: Sections,
    section: str,
    option: str,
    value: Value,
    before: t.Sequence[str],
    yes: t.Collection[str],
) -> None:
    there, wanted = value(section, option), found.get(section, {}).get(option)
    same = there == wanted or (option.endswith("uuid") and (there or "").lower() == wanted)
    if not there or wanted is None or same or there in before or what in yes:
        return
    raise OperatorError(
        f"{what} is {there!r}, but should be {wanted!r}. Volumes, images or guests depend on the current value: keep it in your variables "
        f"(adopt_ceph prints them), or put '{what}' into take_away (ceph_openstack_take_away)."
    )
