# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables for people."""

from __future__ import annotations

from ansible_collections.openstack_ops.day2.plugins.module_utils._text import table


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
