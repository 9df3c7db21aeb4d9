# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments at which limits end, as people write them and in seconds since 1970. Pure."""

from __future__ import annotations

import datetime
import re

from .._common import shown

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]([0-9]{2}:[0-9]{2})(?::([0-9]{2})(?:\.0+)?)?)?"
    r"(?: ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?))?\Z"
)
#: Its first second; format_time knows none that are later.
YEAR_10000 = 253402300800
_EXAMPLE = "2026-12-24T18:00+01:00, or 2026-12-24T17:00Z for UTC"


class TimeError(ValueError):
    """What isn't a moment; the message says what was found and what to write."""


def parse_time(written: object) -> int:
    """Return seconds since 1970 of an ISO 8601 date and time with its zone, which YAML may have made a datetime of.

    Raises TimeError for anything else, a time without a zone above all: it is another moment on each host.
    """
    if isinstance(written, datetime.datetime):
        written = written.isoformat()
    match = _TIME.match(written.strip()) if isinstance(written, str) else None
    if match is None:
        raise TimeError(f"{shown(written)} is not a time; write it like {_EXAMPLE}")
    day, minute, second, zone = match.groups()
    if minute is None:
        raise TimeError(f"{shown(written)} is a day without a time; write it like {_EXAMPLE}")
    if zone is None:
        raise TimeError(f"{shown(written)} has no zone; write {day}T{minute}Z if UTC is meant, or {day}T{minute}+01:00")
    zone = "+0000" if zone in "Zz" else zone.replace(":", "").ljust(5, "0")
    try:
        moment = datetime.datetime.strptime(f"{day} {minute}:{second or '00'} {zone}", "%Y-%m-%d %H:%M:%S %z")
    except ValueError as exc:
        raise TimeError(f"{shown(written)} is not a time ({exc}); write it like {_EXAMPLE}") from None
    seconds = int(moment.timestamp())
    if not 0 < seconds < YEAR_10000:
        raise TimeError(f"{shown(written)} is not a time of these days; write it like {_EXAMPLE}")
    return seconds


def format_time(moment: int) -> str:
    """Seconds since 1970 as the text, in UTC, that parse_time reads."""
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
