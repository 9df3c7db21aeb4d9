# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When drills are allowed. Pure."""

from __future__ import annotations

import datetime
import re
import typing as t

from .._common import OperatorError, shown

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-4]):([0-5]\d)\Z")

#: days as numbers (Monday is 0), from and to in minutes of the day; `to` before `from` is the next day.
Window = t.Tuple[t.Tuple[int, ...], int, int]


def parse_windows(given: t.Any) -> tuple[Window, ...]:
    """Windows of their options days, from and to. Raises OperatorError for anything else, and where there is none."""
    windows = []
    for one in given if isinstance(given, (list, tuple)) else []:
        if not isinstance(one, t.Mapping) or set(one) - {"days", "from", "to"}:
            raise OperatorError(f"A window is {shown(one)}; wanted days, from and to.")
        days = [str(day).lower() for day in one.get("days") or DAYS]
        wrong = [day for day in days if day not in DAYS]
        if wrong:
            raise OperatorError(f"A window's day is {shown(wrong[0])}; wanted {', '.join(DAYS)}.")
        begin, end = _minutes(one.get("from")), _minutes(one.get("to"))
        if begin == end:
            raise OperatorError("A window ends when it begins; 00:00 to 24:00 is a whole day.")
        windows.append((tuple(DAYS.index(day) for day in days), begin, end))
    if not windows:
        raise OperatorError(
            "There is no window in which drills are allowed; set failure_drill_windows to one such as {from: '10:00', to: '16:00'}."
        )
    return tuple(windows)


def _minutes(text: t.Any) -> int:
    found = _TIME.match(str(text))
    minutes = int(found.group(1)) * 60 + int(found.group(2)) if found else -1
    if not 0 <= minutes <= 24 * 60:
        raise OperatorError(f"A window's time is {shown(text)}; wanted one such as '09:30', in quotes.")
    return minutes


def outside(windows: t.Sequence[Window], now: datetime.datetime, seconds: float) -> str:
    """Why the seconds from now on aren't inside the windows; empty where they are. now is local time without a zone."""
    end = now + datetime.timedelta(seconds=seconds)
    reached = now
    for first, last in sorted(_spans(windows, now)):
        if first <= reached < last:
            reached = last
    if reached == now:
        return f"{now:%a %H:%M} is outside the windows in which drills are allowed."
    if reached < end:
        return f"{seconds:.0f} s from {now:%a %H:%M:%S} reach beyond the window, which ends at {reached:%H:%M}."
    return ""


def _spans(
    windows: t.Sequence[Window], now: datetime.datetime
) -> t.Iterator[tuple[datetime.datetime, datetime.datetime]]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for offset in range(-1, 3):
        day = today + datetime.timedelta(days=offset)
        for days, begin, end in windows:
            if day.weekday() in days:
                last = end if end > begin else end + 24 * 60
                yield day + datetime.timedelta(minutes=begin), day + datetime.timedelta(minutes=last)
