# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which schedules the role hands to cron: a line that cron doesn't understand makes it ignore the whole file."""

from __future__ import annotations

import re

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from tests.unit.collection.tree import read_yaml

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19

    def trust_as_template(value: str) -> str:
        return value


def templated(name: str, **given: str) -> str:
    """One of the role's variables about cron."""
    variables = read_yaml("roles/mysql_backup/vars/main.yml")
    needed = {key: variables[key] for key in (f"__mysql_backup_cron_{part}" for part in ("values", "days", "names"))}
    needed["__mysql_backup_schedules"] = trust_as_template(variables["__mysql_backup_schedules"])
    templar = Templar(loader=DataLoader(), variables={**needed, **given})
    return str(templar.template(trust_as_template(variables[name])) or "").strip()


@pytest.fixture(scope="module")
def pattern() -> re.Pattern[str]:
    return re.compile(templated("__mysql_backup_cron_pattern"), re.IGNORECASE)


@pytest.mark.parametrize(
    "schedule",
    [
        "0 2 * * *",
        "* * * * *",
        "*/15 0-6,22 1-7 jan,Mar sun",
        "59 23 31 12 7",
        "5,10-20/5 08 */2 feb-apr mon-fri",
        "0  2 * * *",
    ],
)
def test_what_cron_understands_is_accepted(pattern: re.Pattern[str], schedule: str) -> None:
    assert pattern.match(schedule)


@pytest.mark.parametrize(
    "schedule",
    [
        "2am", "0 2 * *", "0 2 * * * *", "60 2 * * *", "0 24 * * *", "0 2 0 * *", "0 2 32 * *", "0 2 * 13 *", "0 2 * * 8",
        "0 2 * * *\n* * * * * root sh", "0 2 * * *\n", "@daily", "0 2 * * fry", "0 2 * * ,", "*/0 2 * * *", "0 2-", " 0 2 * * *",
    ],
)  # fmt: skip
def test_what_cron_ignores_is_refused(pattern: re.Pattern[str], schedule: str) -> None:
    assert not pattern.match(schedule)


@pytest.mark.parametrize(
    "schedule",
    ["0 2 30 2 *", "0 2 30,31 feb *", "0 2 31 4,6,09,nov */2", "0 2 31 Apr *", "0 2 30-31 02 *"],
)
def test_a_day_that_never_comes_is_refused(pattern: re.Pattern[str], schedule: str) -> None:
    assert pattern.match(schedule)
    never = templated(
        "__mysql_backup_cron_never",
        mysql_backup_schedule="",
        mysql_backup_verify_schedule="",
        mysql_backup_binlog_schedule=schedule,
    )
    assert never == schedule


@pytest.mark.parametrize(
    "schedule",
    ["0 2 29 2 *", "0 2 30 2 mon", "0 2 31 4,5 *", "0 2 31 4-6 *", "0 2 31 * *", "0 2 */31 2 *", "0 2 1,31 4 *", ""],
)
def test_a_day_that_comes_is_not(schedule: str) -> None:
    never = templated(
        "__mysql_backup_cron_never",
        mysql_backup_schedule=schedule,
        mysql_backup_verify_schedule="",
        mysql_backup_binlog_schedule="",
    )
    assert never == ""


def backwards(schedule: str) -> str:
    return templated(
        "__mysql_backup_cron_backwards",
        mysql_backup_schedule=schedule,
        mysql_backup_verify_schedule="",
        mysql_backup_binlog_schedule="",
    )


@pytest.mark.parametrize(
    ("schedule", "told"),
    [
        ("0 2 * * 5-1", "5-1"),
        ("0 2 * * fri-mon", "fri-mon"),
        ("0 2 * * FRI-Sun", "fri-sun"),
        ("0 2 * nov-feb *", "nov-feb"),
        ("0 2 * 11-feb *", "11-feb"),
        ("0 2 * * mon,thu-2", "thu-2"),
        ("0 22-5 * dec-jan *", "22-5 dec-jan"),
    ],
)
def test_a_range_that_runs_backwards_is_refused_by_names_as_by_numbers(
    pattern: re.Pattern[str], schedule: str, told: str
) -> None:
    assert pattern.match(schedule)
    assert backwards(schedule) == told


@pytest.mark.parametrize(
    "schedule", ["0 2 * * mon-fri", "0 2 * * sun-tue", "0 2 * * fri-7", "0 9-10 * jan-dec 08-9", "0 2 * * *", ""]
)
def test_a_range_that_runs_forwards_is_not(schedule: str) -> None:
    assert backwards(schedule) == ""
