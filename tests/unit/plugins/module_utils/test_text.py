# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for people."""

from __future__ import annotations

from ansible_collections.openstack_ops.day2.plugins.filter.host_steps import host_steps
from ansible_collections.openstack_ops.day2.plugins.module_utils._text import by_steps, table


def test_a_table_has_amounts_to_the_right_and_no_spaces_at_the_end() -> None:
    assert table(["host", "rate", "bytes"], [["cmp01", "20mbit", "1.1 kB"], ["c2", "5mbit", ""]]) == [
        "host     rate   bytes",
        "cmp01  20mbit  1.1 kB",
        "c2      5mbit",
    ]


def test_columns_to_the_right_can_be_chosen() -> None:
    assert table(["a", "b"], [["10", "x"], ["9", 200]], right={1}) == ["a     b", "10    x", "9   200"]


def test_a_table_without_rows_has_its_head() -> None:
    assert table(["host", "limited"], []) == ["host  limited"]


def test_hosts_with_the_same_steps_share_a_line() -> None:
    many = {f"cmp{number:02}": ["write a", "restart b"] for number in range(12)}
    assert by_steps({"db1": [], **many, "db2": None, "db3": []}) == [
        "db1, db3: unchanged",
        "cmp00, cmp01, cmp02, cmp03, cmp04, cmp05, cmp06, cmp07, cmp08, cmp09 and 2 more: write a; restart b",
        "db2: no result, not reached or failed (see above)",
    ]


def test_a_host_that_failed_halfway_has_no_steps() -> None:
    done, failed = {"steps": ["a"]}, {"failed": True, "msg": "no"}
    hostvars: dict[str, dict[str, object]] = {
        "cmp01": {"first": done, "second": done},
        "cmp02": {"first": done, "second": failed},
        "cmp03": {},
    }
    assert host_steps(hostvars, hostvars, ["first", "second"]) == [
        "cmp01: a; a",
        "cmp02, cmp03: no result, not reached or failed (see above)",
    ]
