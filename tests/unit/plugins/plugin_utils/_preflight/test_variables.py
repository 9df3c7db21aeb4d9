# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A misspelt variable is refused, whatever it is called, and no other one."""

from __future__ import annotations

import pytest
from hypothesis import given as given_by_hypothesis
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.given import Given
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.values import wrong_values
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.variables import (
    Known,
    empty_targets,
    known_of_playbook,
    known_of_role,
    perhaps_misspelt,
    unknown,
)
from tests.unit.collection.tree import roles

NIC = Known("limit_nic_", frozenset({"limit_nic_state"}))


def _set(*names: str) -> Given:
    return Given(extra=dict.fromkeys(names, "x"))


@pytest.mark.parametrize(
    ("role", "name", "meant"),
    [
        ("instance_qos", "instance_qos_rule", "instance_qos_rules"),
        ("mysql_backup", "mysql_backup_restore_database", "mysql_backup_restore_databases"),
        ("instances_volume", "instances_volume_sise", "instances_volume_size"),
        ("nova_disk_reservation", "nova_disk_reservation_MB", "nova_disk_reservation_mb"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_one_that_was_meant(role: str, name: str, meant: str) -> None:
    (error,) = unknown([known_of_role(role)], _set(name, meant, "ansible_host", "other"))
    assert error == f"'{name}' (set with -e) is no variable of this collection; did you mean {meant}?"


@pytest.mark.parametrize(
    ("role", "name", "meant"),
    [
        ("mysql_backup", "mysql_backups_exclude", "mysql_backup_exclude"),
        ("mysql_backup", "mysqlbackup_restore_databases", "mysql_backup_restore_databases"),
        ("mysql_backup", "my_sql_backup_restore_databases", "mysql_backup_restore_databases"),
        ("mysql_backup", "mysql_bakcup_restore_databases", "mysql_backup_restore_databases"),
        ("instance_qos", "instances_qos_rules", "instance_qos_rules"),
        ("instances_volume", "instance_volume_size", "instances_volume_size"),
    ],
)
def test_a_misspelt_beginning_is_refused_as_well(role: str, name: str, meant: str) -> None:
    (error,) = unknown([known_of_role(role)], _set(name, "ansible_host", "other"))
    assert error == f"'{name}' (set with -e) is no variable of this collection; did you mean {meant}?"


def test_a_misspelt_beginning_in_the_inventory_is_warned_of_as_it_may_be_another_roles() -> None:
    known = [known_of_role("mysql_backup")]
    given = Given(hosts={"db1": {"mysql_backups_exclude": [], "mysql_backup_exclude": [], "mysql_databases": []}})
    assert unknown(known, given) == []
    (warning,) = perhaps_misspelt(known, given)
    assert warning.startswith("'mysql_backups_exclude' (set for db1) is no variable of this collection")
    assert warning.endswith("did you mean mysql_backup_exclude?")
    assert perhaps_misspelt(known, _set("mysql_backups_exclude")) == []  # an error already


def test_what_another_playbook_knows_or_is_private_is_not_misspelt() -> None:
    known = Known("shrink_volume_", frozenset({"restore_mysql_targets", "x_backup_mysql_setup"}))
    assert unknown([known], _set("restore_mysql_target", "__x_backup_mysql_setup", "_x_backup_mysql_setup")) == []


def test_a_switch_of_a_playbook_is_true_or_false() -> None:
    known = [known_of_playbook("backup_mysql", ["backup_mysql_target", "backup_mysql_setup"])]
    assert wrong_values(known, Given(extra={"backup_mysql_setup": "ture"})) == [
        "backup_mysql_setup (set with -e) is 'ture', not true or false."
    ]
    assert wrong_values(known, Given(extra={"backup_mysql_setup": "yes", "backup_mysql_target": "ture"})) == []


@pytest.mark.parametrize("empty", ["", " ", None, []])
def test_an_empty_target_is_named_with_what_it_would_be_without(empty: object) -> None:
    assert empty_targets("show_limits", Given(extra={"show_limits_target": empty, "show_limits_sort": ""})) == [
        "show_limits_target (set with -e) is empty, so it names no host; name a group or hosts, or leave it out for 'nova_computes'."
    ]
    assert len(empty_targets("centralize_logs", Given(extra={"centralize_logs_server": empty}))) == 1


def test_a_target_that_is_set_or_may_be_empty_is_no_error() -> None:
    assert empty_targets("show_limits", Given(extra={"show_limits_target": "cmp01"})) == []
    assert empty_targets("show_disks", Given(extra={"show_disks_target": ""})) == []
    assert empty_targets("somebody_elses", Given()) == []


@pytest.mark.parametrize("role", roles())
def test_every_option_of_a_role_is_known(role: str) -> None:
    known = known_of_role(role)
    assert known.options
    assert unknown([known], _set(*known.options, f"__{role}_x", f"{role}x")) == []


def test_something_else_altogether_is_refused_without_a_guess() -> None:
    (error,) = unknown([known_of_role("central_logs")], _set("central_logs_zzzzzzzzzzzzzz"))
    assert "remove it, or rename it" in error


def test_what_a_role_leaves_on_its_hosts_is_known() -> None:
    given = _set("mysql_backup_result", "mysql_backup_verified", "mysql_backup_state")
    assert unknown([known_of_role("mysql_backup")], given) == []


def test_each_variable_is_told_once_with_who_has_it() -> None:
    hosts = {f"cmp{number:02}": {"limit_nic_stat": "x"} for number in range(50)}
    hosts["db1"] = {"limit_nic_st": "x"}
    errors = unknown([NIC], Given(hosts, groups={"all": [*hosts], "nova_computes": [*hosts][:50], "mysql": ["db1"]}))
    assert errors == [
        "'limit_nic_st' (set for db1) is no variable of this collection; did you mean limit_nic_state?",
        "'limit_nic_stat' (set for the group nova_computes) is no variable of this collection; did you mean limit_nic_state?",
    ]


def test_where_a_variable_is_set_is_said_as_shortly_as_can_be() -> None:
    hosts = {"a": {"x": 1, "y": 1}, "b": {"x": 1, "y": 1}, "c": {"x": 1}}
    given = Given(hosts, {"e": 1}, {"p": 1}, {"all": ["a", "b", "c"]})
    assert [given.where(name) for name in ("e", "p", "x", "y")] == [
        "with -e",
        "in the play",
        "for all 3 hosts",
        "for a and 1 more hosts",
    ]


@given_by_hypothesis(name=st.text(max_size=300), host=st.text(min_size=1, max_size=300))
def test_hostile_names_are_quoted_and_cut(name: str, host: str) -> None:
    (error,) = unknown([NIC], Given({host: {f"limit_nic_{name} ": 1}}))
    assert error.isprintable()
    assert len(error) < 300


def test_the_variable_of_one_role_is_not_misspelt_for_another_of_a_longer_name() -> None:
    known = [Known("nova_", frozenset({"nova_conf"})), Known("nova_disk_", frozenset({"nova_disk_mb"}))]
    assert unknown(known, _set("nova_disk_mb", "nova_conf")) == []


AWX_SETUP = ["awx_job_templates", "awx_workflows", "awx_inventory", "awx_project", "awx_schedules", "awx_scm_branch"]


@pytest.mark.parametrize(
    "name",
    [
        "job_templat",
        "job_tempalte",
        "job_template",
        "jobs_templates",
        "job_templates_",
        "workflow",
        "wrokflows",
        "shedules",
        "inventorys",
    ],
)
def test_a_misspelt_variable_of_awx_setup_is_not_taken_for_one_of_awx(name: str) -> None:
    awx = Known("awx_", frozenset(AWX_SETUP), shared_prefix=True)
    (error,) = unknown([awx], _set(f"awx_{name}"))
    assert "did you mean awx_" in error


def test_what_awx_hands_to_its_jobs_is_known() -> None:
    names = [
        "job_id",
        "job_launch_type",
        "job_template_id",
        "job_template_name",
        "job_scm_branch",
        "workflow_job_id",
        "workflow_job_name",
        "workflow_job_launch_type",
        "schedule_id",
        "schedule_name",
        "parent_job_schedule_id",
        "parent_job_schedule_name",
        "user_id",
        "user_name",
        "user_email",
        "user_first_name",
        "user_last_name",
        "inventory_id",
        "inventory_name",
        "project_revision",
        "project_scm_branch",
        "execution_node",
        "webhook_event_type",
        "webhook_event_guid",
        "webhook_event_ref",
        "webhook_status_api",
        "webhook_payload",
    ]
    given = _set(*(f"{prefix}_{name}" for prefix in ("awx", "tower") for name in names))
    assert unknown([Known("awx_", frozenset(AWX_SETUP), shared_prefix=True)], given) == []


def test_of_a_prefix_that_others_use_only_what_is_close_is_misspelt() -> None:
    awx = Known("awx_", frozenset({"awx_scm_branch", "awx_inventory", "awx_project"}), shared_prefix=True)
    given = _set("awx_scm_brunch", "awx_version", "awx_inventory_id", "awx_project_revision", "awx_job_id")
    (error,) = unknown([awx], given)
    assert "did you mean awx_scm_branch?" in error


def test_a_role_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OperatorError, match="no role 'instance_qoss'; it has central_logs"):
        known_of_role("instance_qoss")


def test_what_a_playbook_registers_is_known_when_it_is_imported_again() -> None:
    known = known_of_playbook("limit_nic", ["limit_nic_state"])
    assert unknown([known], _set("limit_nic_state", "limit_nic_result")) == []
    assert len(unknown([known], _set("limit_nic_rate"))) == 1
    assert known_of_playbook("of_somebody_else", ["of_somebody_else_x"]).names == {"of_somebody_else_x"}
