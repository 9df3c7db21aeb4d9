# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A wrong value is one error for all hosts that have it, and what can't be judged yet is left to the role."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.checks import CHECKS
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
from tests.unit.collection.tree import roles

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


@pytest.mark.parametrize(
    ("role", "name", "value", "told"),
    [
        ("nova_disk_reservation", "nova_disk_reservation_mb", -5, ": reserved_host_disk_mb = -5 is negative; give 0 or more MB."),
        ("nova_disk_reservation", "nova_disk_reservation_mb", 2**60, ": reserved_host_disk_mb = '1152921504606846976' is more MB than Placement can"),
        ("instances_volume", "instances_volume_size", "0x10", ": size '0x10' is not a size;"),
        ("instances_volume", "instances_volume_vg", "../x", " '../x' is not a name that LVM gives;"),
        ("instances_volume", "instances_volume_margin", "1001", " is 1001; give 0 to 1000."),
        ("instances_volume", "instances_volume_pvs", ["/dev/sdb", "-f"], ": pvs: '-f' isn't a disk;"),
        ("instances_volume", "instances_volume_stop_services", "a,--now", ": stop_services: '--now' isn't the name of a unit;"),
        ("compute_drain", "compute_drain_reason", "x" * 201, ": The reason has 201 characters;"),
        ("compute_drain", "compute_drain_parallel", 0, " is 0; give 1 or more."),
        ("compute_canary", "compute_canary_reach_port", 65536, " is 65536; give 1 to 65535."),
        ("central_logs", "central_logs_port", 514, " is 514; give 1025 to 65535."),
        ("central_logs", "central_logs_window", 1, " is 1; give 2 to 999999999. librelp makes 128 of 1."),
        ("central_logs", "central_logs_rotate_size", "5m", " is '5m'; give bytes, or"),
        ("mysql_backup", "mysql_backup_nice", 20, " is 20; give 0 to 19."),
    ],
)  # fmt: skip
def test_what_a_module_or_role_would_refuse_on_each_host_is_one_error(
    role: str, name: str, value: object, told: str
) -> None:
    hosts = {f"cmp{number:02}": {name: value} for number in range(50)}
    (error,) = wrong_values([known_of_role(role)], Given(hosts, groups={"nova_computes": [*hosts]}))
    assert error.startswith(f"{name} (set for the group nova_computes){told}"), error


@pytest.mark.parametrize(
    "value", [True, False, "1_000", "1e3", "٣", "5.0", 1.5, float("inf"), float("-inf"), float("nan")]
)
def test_what_only_python_takes_for_a_whole_number_is_refused(value: object) -> None:
    assert _wrong("nova_disk_reservation", nova_disk_reservation_mb=value) == [
        f"nova_disk_reservation_mb (set with -e) is '{value}', not a whole number."
    ]


def test_numbers_inside_of_a_mapping_or_list_are_numbers_too() -> None:
    assert _wrong("mysql_backup", mysql_backup_retention={"days": True, "count": 7, "daily": None}) == [
        "mysql_backup_retention (set with -e) is wrong: days is 'True', not a whole number."
    ]
    spec = {"type": "list", "elements": "dict", "options": {"rate": {"type": "float"}}}
    known = Known("x_", frozenset({"x_y"}), {"x_y": [spec]})
    assert wrong_values([known], Given(extra={"x_y": [{"rate": "1.5"}, {"rate": 1}, {"rate": "1"}]})) == []
    (error,) = wrong_values([known], Given(extra={"x_y": [{"rate": "1.5"}, {"rate": "1_0.5"}]}))
    assert "rate is '1_0.5', not a number" in error


def test_what_hosts_can_use_passes() -> None:
    assert _wrong("instances_volume", instances_volume_vg="vg0", instances_volume_size="+100%FREE", instances_volume_margin=0,
                  instances_volume_pvs="/dev/sdb,/dev/sdc", instances_volume_stop_services=[]) == []  # fmt: skip
    assert _wrong("compute_canary", compute_canary_reach_port="65535", compute_canary_volume_size=0) == []
    assert _wrong("nova_disk_reservation", nova_disk_reservation_mb="0") == []


def test_each_check_is_one_of_an_option_of_a_role() -> None:
    assert set(CHECKS) <= {name for role in roles() for name in known_of_role(role).options}


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


@pytest.mark.parametrize("part", ["cpm*", "~cpm.*", "cpm0?", "~("])
def test_a_wildcard_that_matches_nobody_beside_one_that_does_is_an_error_too(part: str) -> None:
    (error,) = _missing(f"cmp01:{part}", ["cmp01"])
    assert error.startswith(f"No host matches '{part}', so there is nothing to do. ")


def test_what_is_left_out_or_also_asked_for_may_match_nobody() -> None:
    assert _missing("nova_computes:!maintenance", ["cmp01", "cmp02"]) == []
    assert _missing("nova_computes,!cpm*", ["cmp01", "cmp02"]) == []


@pytest.mark.parametrize("part", ["nova_computes[5]", "nova_computes[5:9]", "nova_computes[-7]"])
def test_a_place_in_a_group_that_it_has_not_is_told_with_those_that_it_has(part: str) -> None:
    for pattern in (part, f"db1:{part}"):
        assert _missing(pattern, []) == [
            f"No host matches '{part}', so there is nothing to do. 'nova_computes' has 2 hosts, counted from [0] to [1]; "
            "name one of them, or cmp01 by its name."
        ]


def test_only_the_group_of_our_inventory_depends_on_the_name_of_a_file() -> None:
    computes = Selection("nova_computes", [], {"mysql": ["db1"]}, "", lambda part: [])
    assert "must end in nova_computes.yml" in missing_hosts(computes)[0]
    for group in ("mysql", "drill", "ceph_nodes", "controllers"):
        (error,) = missing_hosts(Selection(group, [], {"nova_computes": ["cmp01"]}, "", lambda part: []))
        assert "nova_computes.yml" not in error
        assert error.endswith("Correct the target, or check -i and the inventory's messages above.")


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
