# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong value is one error for all hosts that have it, and what can't be judged yet is left to the role."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.given import Given
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.hosts import (
    Selection,
    left_out,
    missing_hosts,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.values import wrong_rules, wrong_values
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.variables import (
    Known,
    known_of_role,
    not_set,
)

GOOD = {"instance_qos_rules": [{"name": "all", "limit": {"egress": {"rate": "20mbit"}}}]}
BAD = {"instance_qos_rules": [{"name": "all", "limit": {"egress": {"rat": "20mbit"}}}]}
GROUPS = {"all": ["cmp01", "cmp02", "db1"], "ungrouped": [], "nova_computes": ["cmp01", "cmp02"], "mysql": ["db1"]}


def _wrong(role: str, **extra: t.Any) -> list[str]:
    return wrong_values([known_of_role(role)], Given(extra=extra))


@pytest.mark.parametrize(
    ("role", "name", "value", "wanted"),
    [
        ("nova_disk_reservation", "nova_disk_reservation_mb", "50g", "a whole number"),
        ("instance_qos", "instance_qos_purge", "perhaps", "true or false"),
        ("instance_qos", "instance_qos_backend", "libvrit", "one of tc, libvirt"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_wanted(role: str, name: str, value: str, wanted: str) -> None:
    assert _wrong(role, **{name: value}) == [f"{name} (set with -e) is '{value}', not {wanted}."]


@pytest.mark.parametrize("value", ["100", 100, "", None, "{{ later }}", object()])
def test_values_that_are_right_or_not_known_yet_pass(value: object) -> None:
    assert _wrong("nova_disk_reservation", nova_disk_reservation_mb=value) == []


def test_templates_inside_of_a_value_leave_it_to_the_role() -> None:
    assert _wrong("ceph_openstack", ceph_openstack_pools=["{{ later }}", 5]) == []


def test_fifty_hosts_with_one_wrong_value_are_one_error() -> None:
    hosts = {f"cmp{number:02}": {"nova_disk_reservation_mb": "50g"} for number in range(50)}
    given = Given(hosts, groups={"nova_computes": [*hosts]})
    (error,) = wrong_values([known_of_role("nova_disk_reservation")], given)
    assert error == "nova_disk_reservation_mb (set for the group nova_computes) is '50g', not a whole number."


def test_a_value_that_may_be_a_secret_is_not_shown() -> None:
    known = Known("x_", frozenset({"x_y"}), {"x_y": [{"type": "dict", "options": {"key": {"no_log": True}}}]})
    (error,) = wrong_values([known], Given(extra={"x_y": ["hunter2"]}))
    assert "hunter2" not in error
    assert "may hold a secret" in error


def test_a_rule_that_is_wrong_for_many_hosts_is_told_once() -> None:
    hosts: dict[str, dict[str, t.Any]] = {"cmp01": BAD, "cmp02": dict(BAD), "db1": GOOD}
    (error,) = wrong_rules(hosts, Given(dict(hosts), groups=GROUPS), required=True)
    assert error.startswith("instance_qos_rules (for the group nova_computes): rule 1 'all': limit.egress")
    assert "did you mean rate?" in error


def test_hosts_without_rules_are_told_of_where_rules_are_required() -> None:
    hosts: dict[str, dict[str, t.Any]] = {"cmp01": GOOD, "cmp02": {}, "db1": {"instance_qos_state": "absent"}}
    given = Given(dict(hosts), groups=GROUPS)
    (error,) = wrong_rules(hosts, given, required=True)
    assert error.startswith("instance_qos_rules is not set for cmp02, so nothing says who is limited")
    assert wrong_rules(hosts, given, required=False) == []


def test_a_wrong_setting_of_the_rules_is_told() -> None:
    (error,) = wrong_rules({"cmp01": {**GOOD, "instance_qos_exempt_also": ["10.0.0.0/8", "x"]}}, Given(), required=True)
    assert "exempt_also" in error


def _missing(pattern: str, hosts: list[str], limit: str = "") -> list[str]:
    every = {**GROUPS, "cmp01": ["cmp01"], "cmp02": ["cmp02"], "db1": ["db1"], "nova_computes:!cmp01": ["cmp02"]}
    return missing_hosts(Selection(pattern, hosts, GROUPS, limit, lambda part: every.get(part, [])))


def test_a_pattern_that_matches_hosts_passes() -> None:
    assert _missing("nova_computes:!cmp01", ["cmp02"]) == []
    assert _missing("nova_computes:mysql", ["db1"], limit="db1") == []


def test_an_unknown_group_is_told_with_those_that_there_are() -> None:
    (error,) = _missing("nova_compute", [])
    assert error.startswith("No host matches 'nova_compute', so there is nothing to do. Did you mean nova_computes? ")
    assert "groups are mysql (1), nova_computes (2)." in error


def test_an_unknown_group_beside_one_that_has_hosts_is_an_error_too() -> None:
    (error,) = _missing("nova_computes:msyql", ["cmp01", "cmp02"])
    assert "Did you mean mysql?" in error


def test_a_limit_that_leaves_no_host_is_what_is_told() -> None:
    (error,) = _missing("nova_computes", [], limit="db1")
    assert error == (
        "--limit 'db1' leaves no host of 'nova_computes', so there is nothing to do. It has 2, for example cmp01, cmp02."
    )


def test_a_limit_that_leaves_hosts_out_is_told_where_all_have_to_agree() -> None:
    every = {"nova_computes": ["cmp01", "cmp02"]}
    selection = Selection("nova_computes", ["cmp02"], GROUPS, "cmp02", lambda part: every.get(part, []))
    (error,) = left_out(selection)
    assert error.startswith("--limit leaves out cmp01. This concerns all hosts of 'nova_computes' at once")


def test_what_is_missing_is_told_once() -> None:
    given = Given({"cmp01": {}, "cmp02": {}, "db1": {"x_host": "a"}}, groups=GROUPS)
    assert not_set(["x_host"], given, ["cmp01", "cmp02", "db1"]) == [
        "x_host is not set for the group nova_computes; set it with -e, or in the inventory."
    ]
    assert not_set(["x_host"], Given(dict(given.hosts), {"x_host": "a"}), ["cmp01"]) == []
    assert (
        not_set(["x_host or x_keys"], Given({"cmp01": {"x_host": "a"}, "db1": {"x_keys": {}}}), ["cmp01", "db1"]) == []
    )
    (error,) = not_set(["x_host or x_keys"], Given({"cmp01": {"x_host": "a"}, "db1": {}}), ["cmp01", "db1"])
    assert error.startswith("x_host or x_keys is not set ")
