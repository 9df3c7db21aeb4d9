# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import datetime
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.times import TimeError, format_time, parse_time

NOON = 1798110000  # 2026-12-24T11:00:00Z
CET = datetime.timezone(datetime.timedelta(hours=1))


@pytest.mark.parametrize(
    "written",
    [
        "2026-12-24T12:00:00+01:00", "2026-12-24T12:00+0100", "2026-12-24 12:00 +01", "2026-12-24T11:00Z", " 2026-12-24t11:00:00z ",
        "2026-12-24T11:00:00.000Z", "2026-12-24T05:30:00-05:30", datetime.datetime(2026, 12, 24, 12, tzinfo=CET),
    ],
)  # fmt: skip
def test_times_as_people_and_yaml_write_them(written: object) -> None:
    assert parse_time(written) == NOON
    assert format_time(NOON) == "2026-12-24T11:00:00Z"


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ("2026-12-24T18:00", "has no zone; write 2026-12-24T18:00Z if UTC is meant, or 2026-12-24T18:00+01:00"),
        (datetime.datetime(2026, 12, 24, 18), "has no zone; write 2026-12-24T18:00Z"),
        ("2026-12-24", "is a day without a time; write it like 2026-12-24T18:00+01:00"),
        ("2026-12-24T18:00CET", "is not a time; write it like"),
        ("2026-02-30T18:00Z", "is not a time (day is out of range"),
        ("2026-12-24T25:00Z", "is not a time ("),
        ("tomorrow", "is not a time"),
        (datetime.date(2026, 12, 24), "is not a time"),
        (NOON, "is not a time"),
        (None, "is not a time"),
        (True, "is not a time"),
        ("\u0662026-12-24T18:00Z", "is not a time"),
        ("0001-01-01T00:00+23:59", "is not a time"),
        ("1969-12-31T23:00Z", "is not a time of these days"),
        ("9999-12-31T23:59-01:00", "is not a time of these days"),
    ],
)
def test_error_what_is_no_moment(written: t.Any, error: str) -> None:
    with pytest.raises(TimeError) as raised:
        parse_time(written)
    assert error in str(raised.value)


@given(st.integers(1, 4 * 10**9))
def test_what_is_formatted_is_read_again(moment: int) -> None:
    assert parse_time(format_time(moment)) == moment
