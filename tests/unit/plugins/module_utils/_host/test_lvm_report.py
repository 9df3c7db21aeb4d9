# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports of LVM: the rows, or an error; never a traceback and never another value."""

from __future__ import annotations

import json

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import lvm_report

ROW = {"lv_name": "root", "lv_size": "4194304"}


def report(*rows: object) -> str:
    return json.dumps({"report": [{"lv": rows}]})


def test_rows_and_numbers_are_read() -> None:
    (row,) = lvm_report.rows(report(ROW), "lv", "lv_name,lv_size")
    assert (row["lv_name"], lvm_report.number(row, "lv_size")) == ("root", 4194304)
    assert lvm_report.rows(report(), "lv", "lv_name,lv_size") == []


@pytest.mark.parametrize(
    "text",
    [
        "", "  WARNING: x", "[]", "{}", "null", "7", '{"report": null}', '{"report": [7]}', '{"report": [{}]}', '{"report": [{"vg": []}]}',
        '{"report": [{"lv": null}]}', '{"report": [{"lv": 7}]}', '{"report": [{"lv": [7]}]}', '{"report": [{"lv": "ab"}]}',
        '{"report": [{"lv": {"lv_name": "root"}}]}', report({"lv_name": "root"}), report({**ROW, "lv_size": 7}),
        report({**ROW, "lv_size": None}), report(ROW)[:-1], '{"report": "ab"}', '{"report": {"lv": []}}',
    ],
)  # fmt: skip
def test_another_shape_is_an_error(text: str) -> None:
    with pytest.raises(OperatorError, match="LVM"):
        lvm_report.rows(text, "lv", "lv_name,lv_size")


@pytest.mark.parametrize("size", ["", "4.00m", "-1", "\u0661", "1_0", " 1", "nan"])
def test_a_size_that_is_no_number_of_bytes_is_an_error(size: str) -> None:
    with pytest.raises(OperatorError, match="lv_size"):
        lvm_report.number({"lv_size": size}, "lv_size")
