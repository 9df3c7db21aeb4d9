# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rulebook and the credential type have to fit ansible-rulebook on one side and our event source and playbooks on the other."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import ansible_rulebook
import jsonschema
from ansible_rulebook.util import substitute_variables

from ansible_collections.openstack_ops.day2.extensions.eda.plugins.event_source.oslo_notifications import (
    Entry,
    Notification,
    Place,
    Settings,
    changed,
    reconcile,
)
from tests.unit.collection.tree import documentation, playbooks, read_yaml

RULEBOOK = read_yaml("extensions/eda/rulebooks/instance_qos.yml")
TYPE = "extensions/eda/plugins/event_source/credential_types/oslo_notifications"
(ARGS,) = (source["openstack_ops.day2.oslo_notifications"] for source in RULEBOOK[0]["sources"])
NEEDED = {"notifications_brokers": ["rabbit1"], "notifications_user": "events"}


def settings(**variables: t.Any) -> Settings:
    """What the source makes of its arguments, with these variables of the rulebook."""
    return Settings.of({key: substitute_variables(value, {**NEEDED, **variables}) for key, value in ARGS.items()})


def test_it_is_as_ansible_rulebook_wants_it() -> None:
    schema = Path(ansible_rulebook.__file__).parent / "schema" / "ruleset_schema.json"
    jsonschema.validate(RULEBOOK, json.loads(schema.read_text()))


def test_its_defaults_are_what_the_role_makes_the_services_send() -> None:
    found = settings(notifications_password_file="/x")
    assert (found.consume, found.topics) == (
        "topics",
        read_yaml("roles/nova_notifications/defaults/main.yml")["nova_notifications_topics"],
    )
    assert found.feedback
    assert found.window > 0


def test_one_run_at_a_time() -> None:
    assert RULEBOOK[0]["execution_strategy"] == "sequential"


def test_every_kind_of_event_leads_to_a_playbook_of_ours_and_a_failure_to_another_try() -> None:
    rules = {rule["condition"]: rule["action"]["run_playbook"] for rule in RULEBOOK[0]["rules"]}
    told = Notification("m1", "x", None, None, None, "cmp01", None, None, None, None, True, False)
    kinds = {changed([Entry(told, Place(("cmp01",)), 0.0, False, ["m"])])["kind"], reconcile("schedule")["kind"]}
    assert set(rules) == {f'event.kind == "{kind}"' for kind in kinds}
    for action in rules.values():
        assert action["name"].removeprefix("openstack_ops.day2.") in playbooks()
        assert action["retries"] > 0


def test_what_it_tells_the_inventory_are_variables_that_the_inventory_reads() -> None:
    options = documentation("inventory", Path("plugins/inventory/nova_computes.py"))["options"]
    read = {one["name"] for option in options.values() for one in option.get("vars", ())}
    assert set(RULEBOOK[0]["rules"][0]["action"]["run_playbook"]["extra_vars"]) == read


def test_the_credential_type_gives_every_field_to_a_variable_of_the_rulebook() -> None:
    inputs, injectors = read_yaml(f"{TYPE}/inputs.yml"), read_yaml(f"{TYPE}/injectors.yml")
    fields = {field["id"] for field in inputs["fields"]}
    assert set(inputs["required"]) <= fields
    used = set(re.findall(r"\{\{ (?:eda\.filename\.)?(\w+) \}\}", json.dumps(injectors)))
    assert used == fields
    assert set(injectors["extra_vars"]) <= set(re.findall(r"notifications_\w+", json.dumps(ARGS)))
    (secret,) = (field["id"] for field in inputs["fields"] if field.get("secret"))
    assert f"template.{secret}" in injectors["file"]
