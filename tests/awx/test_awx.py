# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection in a real AWX: imported, unchanged, used, drifted, removed. In this order."""

from __future__ import annotations

import time
import typing as t

from tests.awx.controller import Controller, Row, play
from tests.unit.collection.tree import read_yaml

if t.TYPE_CHECKING:
    from tests.awx.conftest import Member, Web

KINDS = (
    "job_templates",
    "workflow_job_templates",
    "projects",
    "inventories",
    "credentials",
    "teams",
    "notification_templates",
)


HOSTS = ("nowhere01", "nowhere02", "nowhere03")


def _count(awx: Controller, settings: Row) -> dict[str, int]:
    return {kind: len(awx.rows(kind, organization__name=settings["awx_organization"])) for kind in KINDS}


def _template(awx: Controller, settings: Row, name: str) -> Row:
    return awx.the("job_templates", name=name, organization__name=settings["awx_organization"])


def test_check_mode_tells_all_of_it_and_makes_nothing(awx: Controller, settings: Row) -> None:
    run = play("awx_setup", settings, "--check")
    assert "Create or update the organization" in run.changes
    assert "Tell what would be made" in run.changes
    assert "job_templates Limit instances" in run.said
    assert awx.rows("organizations", name=settings["awx_organization"]) == []
    assert set(_count(awx, settings).values()) == {0}


def test_everything_is_there(awx: Controller, imported: Row) -> None:
    assert min(_count(awx, imported).values()) > 0
    shrink = _template(awx, imported, "Shrink instances volume")
    assert shrink["ask_variables_on_launch"] is False
    survey = awx.ask("GET", shrink["related"]["survey_spec"]).body["spec"]
    assert {"instances_volume_vg", "instances_volume_size", "instances_volume_margin"} <= {
        question["variable"] for question in survey
    }
    schedules = awx.rows("schedules", unified_job_template__organization__name=imported["awx_organization"])
    assert schedules
    assert all(schedule["enabled"] and schedule["next_run"] for schedule in schedules)
    (project,) = awx.rows("projects", organization__name=imported["awx_organization"])
    assert project["status"] == "successful"


def test_check_mode_finds_nothing_to_do(imported: Row) -> None:
    assert play("awx_setup", imported, "--check").changes == []


def test_a_second_run_changes_nothing(imported: Row) -> None:
    assert play("awx_setup", imported).changes == []


def test_an_answer_out_of_range_is_refused_before_a_job_starts(awx: Controller, imported: Row) -> None:
    shrink = _template(awx, imported, "Shrink instances volume")
    before = len(awx.rows("jobs", job_template=str(shrink["id"])))
    good = {"instances_volume_vg": "vg0", "instances_volume_lv": "instances", "instances_volume_size": "1.5g"}
    for bad, told in (
        ({**good, "instances_volume_margin": 101}, "instances_volume_margin"),
        ({**good, "instances_volume_shutdown_timeout": 0}, "instances_volume_shutdown_timeout"),
        ({**good, "instances_volume_vg": ""}, "instances_volume_vg"),
        ({"instances_volume_lv": "instances", "instances_volume_size": "1.5g"}, "instances_volume_vg"),
    ):
        answer = awx.ask("POST", shrink["related"]["launch"], {"extra_vars": bad})
        assert answer.status == 400
        assert told in str(answer.body["variables_needed_to_start"])
    assert len(awx.rows("jobs", job_template=str(shrink["id"]))) == before


def test_a_job_runs_and_hands_its_result_on(awx: Controller, imported: Row) -> None:
    show = _template(awx, imported, "Show limits")
    launched = awx.ask(
        "POST", show["related"]["launch"], {"job_slice_count": 1, "extra_vars": {"instance_qos_leaf": "none"}}
    )
    assert launched.status == 201
    # What isn't in a survey doesn't get in.
    assert launched.body["ignored_fields"] == {"extra_vars": {"instance_qos_leaf": "none"}}
    job = awx.ended(launched.body)
    output = awx.ask("GET", job["related"]["stdout"], query={"format": "json"}).body["content"]
    assert job["status"] == "successful", output
    assert all(host in output for host in HOSTS)
    assert "instance_qos" in job["artifacts"]


def test_hosts_are_shared_out_among_slices(awx: Controller, imported: Row) -> None:
    # By the hosts that the inventory had when the launch came; the job before has read them.
    show = _template(awx, imported, "Show limits")
    launched = awx.ask("POST", show["related"]["launch"], {})
    assert launched.body["type"] == "workflow_job"
    assert awx.ended(launched.body)["status"] == "successful"
    nodes = awx.ask("GET", launched.body["related"]["workflow_nodes"]).body["results"]
    jobs = [awx.the("jobs", id=str(node["job"])) for node in nodes]
    assert {(job["status"], job["job_slice_count"]) for job in jobs} == {("successful", len(HOSTS))}
    summaries = [awx.ask("GET", job["related"]["job_host_summaries"]).body["results"] for job in jobs]
    assert sorted([row["host_name"] for row in rows] for rows in summaries) == [[host] for host in HOSTS]


def test_it_is_told_when_a_job_has_failed(awx: Controller, imported: Row, web: Web) -> None:
    limit = _template(awx, imported, "Limit one NIC")
    launched = awx.ask("POST", limit["related"]["launch"], {})  # without a NIC
    assert awx.ended(launched.body)["status"] == "failed"
    until = time.monotonic() + 60
    while not web.posted and time.monotonic() < until:
        time.sleep(1)
    (told,) = web.posted
    assert (told["id"], told["name"], told["status"]) == (launched.body["id"], "Limit one NIC", "failed")


def test_who_may_look_may_not_limit(awx: Controller, member: Member, imported: Row) -> None:
    viewer = member("Day 2 viewers", imported)
    show, limit = (_template(awx, imported, name) for name in ("Show limits", "Limit instances"))
    launched = viewer.ask("POST", show["related"]["launch"], {})
    assert launched.status == 201
    assert awx.ended(launched.body)["status"] == "successful"
    assert viewer.ask("POST", limit["related"]["launch"], {}).status in (403, 404)
    templates = read_yaml("awx/job_templates.yml")["awx_job_templates"]
    assert {row["name"] for row in viewer.rows("job_templates")} == {
        template["name"] for template in templates if template["may"] == "viewers"
    }


def test_check_mode_tells_exactly_what_has_drifted(awx: Controller, imported: Row) -> None:
    limit = _template(awx, imported, "Limit instances")
    assert awx.ask("PATCH", limit["url"], {"job_slice_count": 17}).status == 200
    inventory = awx.the("inventories", organization__name=imported["awx_organization"])
    assert awx.ask("PATCH", inventory["url"], {"variables": "{}"}).status == 200
    wanted = ["Create or update the inventory", "Create or update the job templates: Limit instances"]
    assert play("awx_setup", imported, "--check").changes == wanted
    assert play("awx_setup", imported).changes == wanted
    assert _template(awx, imported, "Limit instances")["job_slice_count"] != 17


def test_it_goes_again(awx: Controller, imported: Row) -> None:
    told = play("awx_remove", imported, "--check").changes
    assert min(_count(awx, imported).values()) > 0
    assert play("awx_remove", imported).changes == told
    assert awx.rows("organizations", name=imported["awx_organization"]) == []
    assert awx.rows("execution_environments", name=imported["awx_execution_environment"]) == []
    assert set(_count(awx, imported).values()) == {0}
    assert play("awx_remove", imported).changes == []
