# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What awx/ says has to fit the playbooks and roles on one side and AWX on the other."""

from __future__ import annotations

import importlib
import inspect
import re
import typing as t
from functools import cache
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from jinja2.sandbox import ImmutableSandboxedEnvironment
from openstack.config import OpenStackConfig

from tests.places import ROOT
from tests.unit.collection.playbook import entries_of, options_of, tasks_of
from tests.unit.collection.tree import files, playbooks, read_yaml

if t.TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, t.Any]

# They make what is in AWX, so AWX doesn't run them.
WITHOUT_TEMPLATE = {"awx_setup", "awx_remove"}
# Of an AWX survey, by the type of its question: what a role's option may be.
FITTING = {
    "text": ("str", "path", "list"),
    "textarea": ("str", "list"),
    "password": ("str",),
    "integer": ("int",),
    "float": ("float",),
    "multiplechoice": ("str", "bool"),
    "multiselect": ("list",),
}
QUESTION = {"variable", "question_name", "question_description", "type", "required", "default", "choices", "min", "max"}
OMIT = "__omitted__"


def _load(path: Path) -> t.Any:
    load = DataLoader().load_from_file
    # Since 2.19, ansible-core makes templates only of what it was told to trust.
    trusted = {"trusted_as_template": True} if "trusted_as_template" in inspect.signature(load).parameters else {}
    return load(str(ROOT / path), **trusted)


def _data() -> Row:
    """All variables of awx/, and those that the tasks make of them."""
    merged: Row = {}
    for path in files():
        if path.parts[0] == "awx":
            merged |= _load(path)
    return merged | _load(Path("playbooks/vars/awx.yml"))


DATA = _data()
TEMPLATES: list[Row] = DATA["awx_job_templates"]
WORKFLOWS: list[Row] = DATA["awx_workflows"]
QUESTIONS = [(template, question) for template in TEMPLATES for question in template["survey"]]
every_template = pytest.mark.parametrize("template", TEMPLATES, ids=lambda row: row["name"])
every_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda row: row["name"])
every_question = pytest.mark.parametrize(
    ("template", "question"), QUESTIONS, ids=[f"{one['name']}-{other['variable']}" for one, other in QUESTIONS]
)


# The playbooks


@pytest.mark.parametrize("playbook", [name for name in playbooks() if name not in WITHOUT_TEMPLATE])
def test_every_playbook_has_a_job_template(playbook: str) -> None:
    assert playbook in {template["playbook"] for template in TEMPLATES}, (
        f"playbooks/{playbook}.yml has no job template. Add one to awx/job_templates.yml (name, description, playbook, may, "
        "credentials, survey), or name it in WITHOUT_TEMPLATE here if AWX isn't to run it."
    )


@every_template
def test_the_playbook_of_a_template_exists_and_asks_nobody(template: Row) -> None:
    text = (ROOT / f"playbooks/{template['playbook']}.yml").read_text()
    assert "vars_prompt" not in text
    assert "ansible.builtin.pause" not in text


@every_template
def test_a_template_says_who_may_and_what_it_needs(template: Row) -> None:
    assert template["may"] in {may for team in DATA["awx_teams"] for may in team["may_run"]}
    assert set(template["credentials"]) <= DATA["awx_credentials"].keys()
    assert template.get("job_type", "run") in ("run", "check")
    assert template.keys() <= {
        "name", "description", "playbook", "may", "job_type", "credentials", "sliced", "survey"
    }  # fmt: skip


def test_names_are_given_once() -> None:
    names = [row["name"] for row in [*TEMPLATES, *WORKFLOWS]]
    names += [node["node"] for workflow in WORKFLOWS for node in workflow["nodes"]]
    assert sorted(names) == sorted(set(names))


# The surveys and the roles


def _as_asked(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


# The questions for which a playbook has a variable of its own: what AWX offers for them.
OWN = {
    "target": "text", "setup": "multiplechoice", "show_why": "multiplechoice", "instance": "text", "nic": "integer",
    "port_id": "text", "inbound_average": "text", "outbound_average": "text", "state": "multiplechoice",
    "defaults_file": "text", "shares": "integer", "vcpu_quota": "integer", "cpu_state": "multiplechoice", "disk": "text", "disk_state": "multiplechoice",
    "total_bytes_sec": "text", "total_bytes_sec_max": "text", "total_bytes_sec_max_length": "integer",
    "total_iops_sec": "integer", "total_iops_sec_max": "integer", "total_iops_sec_max_length": "integer",
    "flavor": "text", "image": "text", "zone": "text", "sort": "multiplechoice", "fail_on": "multiplechoice",
}  # fmt: skip


@every_question
def test_the_playbook_takes_what_is_asked(template: Row, question: Row) -> None:
    playbook, variable = template["playbook"], question["variable"]
    given = {name for _role, _entry, variables in entries_of(playbook) for name in variables}
    if variable in options_of(playbook):
        # reserve_disk hands on what it was given.
        assert variable not in given or playbook == "reserve_disk"
    else:
        text = (ROOT / f"playbooks/{playbook}.yml").read_text()
        assert variable.startswith(f"{playbook}_")
        assert re.search(rf"\{{\{{[^}}]*\b{variable}\b|when: .*\b{variable}\b", text), (
            f"{playbook}.yml does nothing with it."
        )


@every_question
def test_a_question_is_what_the_variable_is(template: Row, question: Row) -> None:
    option = options_of(template["playbook"]).get(question["variable"])
    if option is None:
        assert question["type"] == OWN[question["variable"].removeprefix(f"{template['playbook']}_")]
        option = {"type": FITTING[question["type"]][0]}
    kind = option.get("type", "str")
    assert kind in FITTING[question["type"]]
    if "choices" in option:
        assert question["type"] == "multiplechoice"
        assert question["choices"] == option["choices"]
    if kind == "bool":
        assert question["choices"] == ["true", "false"]
    if "default" in question:
        assert question["default"] == _as_asked(option.get("default", question["default"]))
    if option.get("required") and template["playbook"] != "reserve_disk":
        assert question["required"] or "default" in question


@every_question
def test_every_answer_that_awx_lets_pass_is_one_for_the_role(template: Row, question: Row) -> None:
    option = options_of(template["playbook"]).get(question["variable"], {})
    answers = [question[key] for key in ("default",) if key in question] + question.get("choices", [])
    if question["type"] in ("integer", "float"):
        answers += [question["min"], question["max"]]
    for answer in answers if option else []:
        spec = {key: option[key] for key in ("type", "choices", "elements") if key in option}
        assert ArgumentSpecValidator({"it": spec}).validate({"it": answer}).error_messages == []


# The surveys and AWX


@every_question
def test_awx_takes_the_question(template: Row, question: Row) -> None:
    # As awx/api/views JobTemplateSurveySpec has it in 24.6.1, and no field that it would keep without a meaning.
    assert question.keys() <= QUESTION
    assert {"variable", "question_name", "type", "required"} <= question.keys()
    assert isinstance(question["required"], bool)
    assert question["type"] in FITTING
    if question["type"] in ("text", "textarea", "password", "integer", "float"):
        assert 0 <= question["min"] < question["max"]
    if "choices" in question:
        assert all(isinstance(choice, str) for choice in question["choices"])
        assert question.get("default", question["choices"][0]) in question["choices"]
    if "default" in question:
        size: int = question["default"] if question["type"] == "integer" else len(question["default"])
        assert question.get("min", 0) <= size <= question.get("max", size)
        assert not question["required"], (
            "AWX wants an answer to what is required from schedules, workflows and its API, whatever the default is."
        )


def _unanswered(template: Row) -> set[str]:
    return {question["variable"] for question in template["survey"] if question["required"]}


def _template(name: str) -> Row:
    (found,) = (template for template in TEMPLATES if template["name"] == name)
    return found


@pytest.mark.parametrize("schedule", DATA["awx_schedules"], ids=lambda row: row["name"])
def test_a_schedule_has_nothing_to_answer(schedule: Row) -> None:
    workflow = next((one for one in WORKFLOWS if one["name"] == schedule["template"]), None)
    if workflow:
        assert "survey_of" not in workflow or _unanswered(_template(workflow["survey_of"])) == set()
    else:
        assert _unanswered(_template(schedule["template"])) == set()
    assert re.fullmatch(r"DTSTART:\d{8}T\d{6}Z RRULE:FREQ=[A-Z]+;INTERVAL=\d+(;[A-Z]+=[A-Z0-9,]+)*", schedule["rrule"])


@every_workflow
def test_the_nodes_of_a_workflow_lead_somewhere(workflow: Row) -> None:
    nodes = {node["node"]: node for node in workflow["nodes"]}
    targets = [name for node in nodes.values() for name in [*node.get("then", []), *node.get("otherwise", [])]]
    assert set(targets) <= nodes.keys()
    assert all(("run" in node) != ("approve" in node) for node in nodes.values())
    # It starts at exactly one node, and every other is reached from an earlier one: no circle.
    assert [name for name in nodes if name not in targets] == [next(iter(nodes))]
    order = list(nodes)
    for node in nodes.values():
        for name in [*node.get("then", []), *node.get("otherwise", [])]:
            assert order.index(node["node"]) < order.index(name)


@every_workflow
def test_a_workflow_answers_what_its_jobs_ask(workflow: Row) -> None:
    asked = (
        {question["variable"] for question in _template(workflow["survey_of"])["survey"]}
        if "survey_of" in workflow
        else set()
    )
    asked -= set(workflow.get("survey_without", []))
    for node in workflow["nodes"]:
        if "run" in node:
            assert _unanswered(_template(node["run"])) <= asked


# The tasks and the modules of awx.awx


class Asked(Exception):
    """Raised instead of talking to AWX; holds how the module describes its arguments."""


@cache
def _validator(module: str) -> ArgumentSpecValidator:
    api = importlib.import_module("ansible_collections.awx.awx.plugins.module_utils.controller_api")
    found = importlib.import_module(f"ansible_collections.awx.awx.plugins.modules.{module}")

    def describe(_self: object, argument_spec: Row, **rest: t.Any) -> None:
        raise Asked(argument_spec, rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api.ControllerAPIModule, "__init__", describe)
        with pytest.raises(Asked) as caught:
            found.main()
    spec, rest = caught.value.args
    known = {key: rest[key] for key in ("mutually_exclusive", "required_if", "required_together") if key in rest}
    return ArgumentSpecValidator(spec, **known)


EVERYTHING = {
    "awx_use_credentials": list(DATA["awx_credentials"]),
    "awx_credential_inputs": {"openstack": {"auth_url": "https://keystone.example.com/v3"}},
    "awx_notification": {"type": "webhook", "configuration": {"url": "https://alerts.example.com/"}},
    "awx_scm_credential": "Git",
    "awx_execution_environment_credential": "Registry",
    "awx_inventory_variables": {"instance_qos_rules": []},
    "awx_inventory_sources": [
        {"name": "Hosts", "path": "inventories/hosts.yml", "environment": {"OS_REGION_NAME": "one"}}
    ],
}
AWX_TASKS = [
    (path.stem, task)
    for path in files()
    if path.match("playbooks/tasks/awx/*.yml") and isinstance(_load(path), list)
    for task in tasks_of(_load(path))
    if any(key.startswith("awx.awx.") for key in task)
]


def _rendered(task: Row, settings: Row) -> Iterator[tuple[str, Row]]:
    """(module, arguments) of each turn of a task's loop."""
    (action,) = (key for key in task if key.startswith("awx.awx."))
    there: Row = {
        "__awx_there": [],
        "__awx_organization_there": [],
        "__awx_galaxy_there": [],
        "__awx_notification_there": [],
    }
    variables = {"omit": OMIT, "ansible_check_mode": False, "ansible_playbook_python": "python3"}
    variables |= DATA | settings | there | task.get("vars", {})
    templar = Templar(loader=DataLoader(), variables=variables)
    for item in templar.template(task["loop"]) if "loop" in task else [None]:
        templar.available_variables = variables | {"item": item}
        arguments = {key: templar.template(value) for key, value in task[action].items()}
        yield action.removeprefix("awx.awx."), {key: value for key, value in arguments.items() if value != OMIT}


@pytest.mark.parametrize("settings", [{}, EVERYTHING], ids=["as it comes", "everything set"])
@pytest.mark.parametrize(("path", "task"), AWX_TASKS, ids=[f"{path}-{task['name']}" for path, task in AWX_TASKS])
def test_the_modules_of_awx_take_the_arguments(path: str, task: Row, settings: Row) -> None:
    if task["name"] == "Create or update the notification" and not settings:
        settings = {"awx_notification": EVERYTHING["awx_notification"]}
    turns = list(_rendered(task, settings))
    assert turns or "awx_" in str(task["loop"])
    for module, arguments in turns:
        assert _validator(module).validate(arguments).error_messages == []


def test_what_is_imported_can_be_removed() -> None:
    """Each kind of object that setup makes, remove takes away, but for what goes with its owner."""
    made, gone = (
        {key for path, task in AWX_TASKS if path == stem for key in task if key.startswith("awx.")}
        for stem in ("setup", "remove")
    )
    with_owner = {"awx.awx.inventory_source", "awx.awx.role", "awx.awx.schedule", "awx.awx.workflow_job_template_node"}
    assert made - gone == with_owner


# The credential types


def _injected(name: str, inputs: Row, tmp_path: Path) -> tuple[Row, Row]:
    """(environment, variables) as AWX makes them: files first, in the order in which PostgreSQL keeps their names."""
    (kind,) = (one for one in DATA["awx_credential_types"] if one["name"] == name)
    known = {field["id"] for field in kind["inputs"]["fields"]}
    assert set(kind["inputs"]["required"]) <= inputs.keys() <= known
    namespace: Row = {field["id"]: False for field in kind["inputs"]["fields"] if field["type"] == "boolean"} | inputs
    jinja, paths = ImmutableSandboxedEnvironment(), dict[str, str]()

    def render(value: str) -> str:
        return jinja.from_string(value).render(namespace)

    namespace["tower"] = {"filename": paths}
    for label in sorted(kind["injectors"].get("file", {}), key=lambda key: (len(key), key)):
        path = tmp_path / label
        path.write_text(jinja.from_string(kind["injectors"]["file"][label]).render(namespace))
        paths[label.split(".")[1]] = str(path)
    return (
        {key: render(value) for key, value in kind["injectors"].get("env", {}).items()},
        {
            key: {inner: render(one) for inner, one in value.items()} if isinstance(value, dict) else render(value)
            for key, value in kind["injectors"].get("extra_vars", {}).items()
        },
    )


NASTY = "{{ 7 * 7 }} \"quoted\" 'single' : # \\ \t ü"


def test_a_cloud_by_application_credential(tmp_path: Path) -> None:
    inputs = {
        "auth_url": "https://keystone.example.com/v3",
        "application_credential_id": "0a1b",
        "application_credential_secret": NASTY,
        "region_name": "one",
        "interface": "internal",
        "cacert": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    }
    environment, _variables = _injected("OpenStack (clouds.yaml)", inputs, tmp_path)
    cloud = OpenStackConfig(
        config_files=[environment["OS_CLIENT_CONFIG_FILE"]], secure_files=[], vendor_files=[], load_envvars=False
    ).get_one(cloud=environment["OS_CLOUD"], validate=False)
    assert cloud.config["auth_type"] == "v3applicationcredential"
    assert cloud.config["auth"]["application_credential_secret"] == NASTY
    assert (cloud.region_name, cloud.config["interface"]) == ("one", "internal")
    assert Path(cloud.config["cacert"]).read_text() == inputs["cacert"]
    assert cloud.get_requests_verify_args()[0] == cloud.config["cacert"]


def test_a_cloud_by_password_with_the_users_domain(tmp_path: Path) -> None:
    inputs = {
        "auth_url": "https://keystone.example.com/v3",
        "username": "ops",
        "password": NASTY,
        "user_domain_name": "ldap",
        "project_name": "admin",
        "insecure": True,
    }
    environment, _variables = _injected("OpenStack (clouds.yaml)", inputs, tmp_path)
    (cloud,) = yaml.safe_load(Path(environment["OS_CLIENT_CONFIG_FILE"]).read_text())["clouds"].values()
    assert cloud["auth"]["password"] == NASTY
    assert (cloud["auth"]["user_domain_name"], cloud["auth"]["project_domain_name"]) == ("ldap", "Default")
    assert cloud["verify"] is False
    assert "cacert" not in cloud


def test_a_cluster_by_files_of_which_only_the_paths_are_variables(tmp_path: Path) -> None:
    _environment, variables = _injected("Ceph admin", {"conf": "[global]\n", "keyring": NASTY}, tmp_path)
    assert variables["ceph_openstack_admin_name"] == "client.admin"
    assert Path(variables["ceph_openstack_admin_conf"]).read_text() == "[global]\n"
    assert Path(variables["ceph_openstack_admin_keyring"]).read_text() == NASTY
    assert NASTY not in str(variables)


@pytest.mark.parametrize("name", ["MySQL", "MySQL backup key"])
def test_credentials_give_variables_that_a_role_has(name: str, tmp_path: Path) -> None:
    (kind,) = (one for one in DATA["awx_credential_types"] if one["name"] == name)
    inputs = {field["id"]: NASTY for field in kind["inputs"]["fields"]}
    _environment, variables = _injected(name, inputs, tmp_path)
    specs = read_yaml("roles/mysql_backup/meta/argument_specs.yml")["argument_specs"]
    known = {option for entry in specs.values() for option in entry["options"]}
    assert variables.keys() <= known
    assert all(value == NASTY or set(value.values()) == {NASTY} for value in variables.values())


def test_every_credential_is_of_a_type_that_is_there() -> None:
    types = {one["name"] for one in DATA["awx_credential_types"]} | {"Machine"}
    assert {one["type"] for one in DATA["awx_credentials"].values()} <= types
    assert set(DATA["awx_use_credentials"]) <= DATA["awx_credentials"].keys()
    secret = [field for one in DATA["awx_credential_types"] for field in one["inputs"]["fields"] if field.get("secret")]
    assert {field["id"] for field in secret} >= {"application_credential_secret", "password", "identity"}
