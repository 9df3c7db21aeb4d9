# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Normalize values that an operator wrote, and quote them in errors."""

from __future__ import annotations

import difflib
import typing as t


def row_count(shown: object) -> int:
    """At most how many rows somebody wants to see, 0 for all. Raises ValueError."""
    if isinstance(shown, bool) or not str(shown).isdecimal():
        raise ValueError(f"shown is '{shown}', not a number of rows (0 for all)")
    return int(str(shown))


def several(written: object) -> t.Sequence[object]:
    """A list from a list, one value, or comma-separated values as from the command line and AWX surveys."""
    if isinstance(written, str):
        return [text.strip() for text in written.split(",")]
    return written if isinstance(written, (list, tuple)) else [written]


def truth(value: object) -> str:
    """true or false, as YAML has it."""
    return str(value).lower()


def rates(limit: t.Mapping[str, str], each: str = "") -> str:
    """A direction's limit in short, from its texts: 20mbit, 5k packets/s, or both; each is put behind every number."""
    told = [limit["rate"]] if limit.get("rate", "none") != "none" else []
    if limit.get("pkts_rate"):
        told.append(f"{limit['pkts_rate']} packets/s")
    return " and ".join(one + each for one in told)


def plain_id(text: str) -> str:
    """An id without dashes: Keystone omits them, the other services don't, and operators copy from both."""
    return text.replace("-", "").lower()


def kind(value: object) -> str:
    """The kind of a value, in YAML's terms, for error messages."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a dictionary" if value else "an empty dictionary"
    if isinstance(value, (list, tuple)):
        return "a list"
    return quoted(value) if isinstance(value, str) else f"{quoted(value)} (not a text)"


def quoted(value: object) -> str:
    """Quote an invalid value, short enough for an error message."""
    found = f"'{value}'"
    return found if len(found) <= 80 else f"{found[:60]}...' ({len(str(value))} characters)"


def unknown_keys(where: str, written: t.Mapping[str, object], known: t.Sequence[str]) -> list[str]:
    """An error message for each unknown key, with the key that was probably meant."""
    problems = []
    for key in written:
        if key not in known:
            close = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
            problems.append(f"{where} has the unknown key {quoted(key)} ({hint})")
    return problems
