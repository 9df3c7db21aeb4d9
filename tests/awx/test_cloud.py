# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The computes of a real cloud in a real AWX: read, audited, and what the audit has found reserved when that was approved.

Nothing happens to the cloud: each compute is played by the place where AWX runs the job, and tests/awx/nova.conf there is its nova.conf.
"""

from __future__ import annotations

import os
import typing as t

import pytest
from openstack.config import OpenStackConfig

from tests.awx.conftest import ours
from tests.awx.controller import Controller, Row, play
from tests.unit.collection.tree import read_yaml

if t.TYPE_CHECKING:
    from tests.awx.conftest import Member

# The fields of our credential type that stand in a clouds.yaml under the same name.
FIELDS = {
    "auth_url", "application_credential_id", "application_credential_secret", "username", "password", "user_domain_name",
    "project_name", "project_domain_name", "region_name", "interface",
}  # fmt: skip


def _credential() -> Row:
    cloud = OpenStackConfig().get_one(os.environ["DAY2_AWX_CLOUD"]).config
    said = {**cloud, **cloud["auth"]}
    return {key: str(said[key]) for key in FIELDS & said.keys() if said[key]}


@pytest.fixture(scope="module")
def imported(awx: Controller, scm_url: str) -> t.Iterator[Row]:
    """Of the collection only what this is about, which takes less time."""
    templates = read_yaml("awx/job_templates.yml")["awx_job_templates"]
    workflows = read_yaml("awx/workflows.yml")["awx_workflows"]
    settings = {
        **ours(scm_url),
        "awx_credential_inputs": {"openstack": _credential()},
        "awx_inventory_variables": {
            "ansible_connection": "local",
            "ansible_become": False,
            # Templates for the jobs, not for awx_setup.
            "ansible_python_interpreter": {"__ansible_unsafe": "{{ ansible_playbook_python }}"},
            "nova_disk_reservation_conf": {"__ansible_unsafe": "{{ playbook_dir }}/../tests/awx/nova.conf"},
            "compute_audit_instances_path": "/tmp",
            "compute_audit_rules": False,
            "nova_disk_reservation_service": "",
        },
        "awx_job_templates": [row for row in templates if row["playbook"] in ("audit_computes", "reserve_disk")],
        "awx_workflows": [row for row in workflows if row["name"] == "Reserve disk when approved"],
        "awx_schedules": [],
    }
    try:
        play("awx_setup", settings)
        yield settings
    finally:
        play("awx_remove", settings)


@pytest.fixture(scope="module")
def compute(awx: Controller, imported: Row) -> str:
    """One of the cloud's, by the inventory's name, after AWX has read them with our credential."""
    source = awx.the("inventory_sources", inventory__organization__name=imported["awx_organization"])
    update = awx.ended(awx.ask("POST", source["related"]["update"], {}).body)
    assert update["status"] == "successful", update
    hosts = awx.rows("hosts", inventory__organization__name=imported["awx_organization"], groups__name="nova_computes")
    return str(hosts[0]["name"])


def test_what_the_audit_found_is_reserved_when_it_was_approved(
    awx: Controller, imported: Row, compute: str, member: Member
) -> None:
    operator, admin = member("Day 2 operators", imported), member("Day 2 admins", imported)
    workflow = operator.the("workflow_job_templates", name="Reserve disk when approved")
    launched = operator.ask("POST", workflow["related"]["launch"], {"limit": compute})
    assert launched.status == 201

    approval = awx.waiting(launched.body)
    (audit,) = awx.rows(
        "jobs", job_template__name="Audit computes", unified_job_node__workflow_job=str(launched.body["id"])
    )
    assert audit["status"] == "successful"
    found = audit["artifacts"]["compute_audit_reservations"]
    assert found.keys() == {compute}

    assert operator.ask("POST", approval["related"]["approve"], {}).status == 403
    assert admin.ask("POST", approval["related"]["approve"], {}).status == 204
    assert awx.ended(launched.body)["status"] == "successful"
    (reserve,) = awx.rows(
        "jobs", job_template__name="Reserve disk", unified_job_node__workflow_job=str(launched.body["id"])
    )
    output = awx.ask("GET", reserve["related"]["stdout"], query={"format": "json"}).body["content"]
    assert "before: /runner/project/playbooks/../tests/awx/nova.conf" in output
    assert f"+reserved_host_disk_mb = {found[compute]}" in output


def test_what_was_denied_is_not_done(awx: Controller, imported: Row, compute: str, member: Member) -> None:
    admin = member("Day 2 admins", imported)
    workflow = admin.the("workflow_job_templates", name="Reserve disk when approved")
    launched = admin.ask("POST", workflow["related"]["launch"], {"limit": compute})
    assert admin.ask("POST", awx.waiting(launched.body)["related"]["deny"], {}).status == 204
    assert awx.ended(launched.body)["status"] == "failed"
    assert (
        awx.rows("jobs", job_template__name="Reserve disk", unified_job_node__workflow_job=str(launched.body["id"]))
        == []
    )
