# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters limits_summary and limits_comparison read the variables that they are told to."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.filter.limits_comparison import limits_comparison
from ansible_collections.openstack_ops.day2.plugins.filter.limits_summary import limits_summary

FAILED = {"msg": "cmp01 was not reached"}


def test_the_summary_reads_the_variable_that_is_named() -> None:
    hostvars: dict[str, dict[str, t.Any]] = {"cmp01": {"mine": FAILED}}
    assert limits_summary(["cmp01"], hostvars, register="mine")["hosts"]["cmp01"]["problems"] == [FAILED["msg"]]
    assert "no result" in str(limits_summary(["cmp01"], hostvars))


def test_the_comparison_reads_the_variables_that_are_named() -> None:
    hostvars: dict[str, dict[str, t.Any]] = {"cmp01": {"mine": FAILED, "info": FAILED}}
    told = limits_comparison(["cmp01"], hostvars, register="mine", info_register="info")["text"]
    assert "was not reached" in str(told)
    assert "was not reached" not in str(limits_comparison(["cmp01"], hostvars)["text"])
