# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which moment an operator means."""

from __future__ import annotations

import time
import typing as t

import pytest

from roles.mysql_backup.files.mysql_backup.failure import BackupError
from roles.mysql_backup.files.mysql_backup.pointintime import moment


@pytest.fixture(autouse=True)
def _berlin(monkeypatch: pytest.MonkeyPatch) -> t.Iterator[None]:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-28 14:05", "2026-11-28 13:05:00"),
        ("2026-07-28T14:05:09", "2026-07-28 12:05:09"),
        ("2026-11-28 14:05Z", "2026-11-28 14:05:00"),
        (" 2026-11-28 14:05:59 -03:30 ", "2026-11-28 17:35:59"),
        ("2026-10-25 02:30+0200", "2026-10-25 00:30:00"),
        ("2026-10-25 02:30+01:00", "2026-10-25 01:30:00"),
    ],
)
def test_local_time_unless_an_offset_is_given(text: str, utc: str) -> None:
    assert time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment(text))) == utc


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2026-10-25 02:30", r"came twice .* 2026-10-25 02:30:00 \+0200 or 2026-10-25 02:30:00 \+0100"),
        ("2026-03-29 02:30", "doesn't exist in the host's time"),
        ("2026-02-30 02:30", "isn't a time: day is out of range"),
        ("14:05", "write it as '2026-11-28 14:05'"),
        ("2026-11-28 14:05 CET", "isn't a time"),
        ("2026-11-28 25:05", "isn't a time"),
        ("2026-11-28 14:05+99:00", "isn't a time: offset must be"),
        ("0001-01-01 00:00", "isn't a time: year 0 is out of range"),
    ],
)
def test_a_time_that_is_none_or_two_is_refused(text: str, said: str) -> None:
    with pytest.raises(BackupError, match=said):
        moment(text)
