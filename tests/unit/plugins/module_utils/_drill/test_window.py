# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When drills are allowed."""

from __future__ import annotations

import datetime
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.window import outside, parse_windows

OFFICE = {"days": ["tue", "wed"], "from": "10:00", "to": "16:00"}
NIGHT = {"days": ["fri"], "from": "22:00", "to": "04:00"}
ALWAYS = {"from": "00:00", "to": "24:00"}


def at(text: str) -> datetime.datetime:
    """2026-12-01 is a Tuesday."""
    return datetime.datetime.fromisoformat(f"2026-12-{text}")


@pytest.mark.parametrize(
    ("windows", "now", "seconds", "why"),
    [
        ([OFFICE], "01T10:00:00", 60, ""),
        ([OFFICE], "01T15:59:00", 60, ""),
        ([OFFICE], "01T15:59:01", 60, "60 s from Tue 15:59:01 reach beyond the window, which ends at 16:00"),
        ([OFFICE], "01T09:59:59", 60, "Tue 09:59 is outside"),
        ([OFFICE], "03T12:00:00", 60, "Thu 12:00 is outside"),
        ([NIGHT], "04T23:59:50", 60, ""),
        ([NIGHT], "05T03:00:00", 60, ""),
        ([NIGHT], "04T03:00:00", 60, "Fri 03:00 is outside"),
        ([ALWAYS], "04T23:59:50", 3600, ""),
        ([OFFICE, {"from": "16:00", "to": "16:30"}], "01T15:59:50", 60, ""),
        ([OFFICE, {"from": "16:01", "to": "16:30"}], "01T15:59:50", 120, "which ends at 16:00"),
    ],
)
def test_a_fault_fits_in_with_all_of_its_seconds(windows: t.Any, now: str, seconds: int, why: str) -> None:
    found = outside(parse_windows(windows), at(now), seconds)
    assert why in found
    assert bool(found) == bool(why)


@pytest.mark.parametrize(
    ("windows", "error"),
    [
        ([], "There is no window"),
        (None, "There is no window"),
        ("always", "There is no window"),
        ([{"from": "10:00"}], "A window's time is 'None'"),
        ([{"from": 600, "to": "16:00"}], "A window's time is '600'"),
        ([{"from": "10:00", "to": "24:01"}], "A window's time is '24:01'"),
        ([{"from": "10:00", "to": "10:00"}], "ends when it begins"),
        ([{**OFFICE, "days": ["today"]}], "A window's day is 'today'"),
        ([{**OFFICE, "until": "x"}], "wanted days, from and to"),
        (["10-16"], "A window is '10-16'"),
    ],
)
def test_what_is_wrong_is_named(windows: t.Any, error: str) -> None:
    with pytest.raises(OperatorError) as raised:
        parse_windows(windows)
    assert error in str(raised.value)
