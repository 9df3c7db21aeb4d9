# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's interface is written down twice, as defaults and as argument_specs: both have to say the same."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.variables import known_of_role
from tests.places import ROOT
from tests.unit.collection.tree import files, read_yaml, roles

pytestmark = pytest.mark.parametrize("role", roles())


def _options(role: str) -> dict[str, dict[str, t.Any]]:
    return t.cast(
        "dict[str, t.Any]", read_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    )


def _defaults(role: str) -> dict[str, t.Any]:
    path = f"roles/{role}/defaults/main.yml"
    return (read_yaml(path) or {}) if (ROOT / path).exists() else {}


def test_defaults_are_what_the_options_say(role: str) -> None:
    # Ansible documents the one and sets the other.
    documented = {name: option["default"] for name, option in _options(role).items() if "default" in option}
    assert documented == _defaults(role)


def test_every_option_carries_the_name_of_the_role(role: str) -> None:
    assert [name for name in _options(role) if not name.startswith(f"{role}_")] == []


def test_the_role_says_what_it_is(role: str) -> None:
    assert (ROOT / f"roles/{role}/README.md").is_file()
    assert read_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["version_added"]


def _handed_on(node: t.Any) -> t.Iterator[str]:
    """The names that tasks register, set as facts, or hand on with set_stats."""
    for task in node if isinstance(node, list) else [node] if isinstance(node, dict) else []:
        if isinstance(task, list):
            yield from _handed_on(task)
            continue
        if isinstance(task.get("register"), str):
            yield task["register"]
        yield from (name for name in task.get("ansible.builtin.set_fact", ()) if name != "cacheable")
        stats = (task.get("ansible.builtin.set_stats") or {}).get("data", {})
        yield from stats if isinstance(stats, dict) else re.findall(r"'(\w+)':", stats)
        for inner in ("tasks", "pre_tasks", "post_tasks", "handlers", "block", "rescue", "always"):
            yield from _handed_on(task.get(inner))


def test_preflight_knows_what_is_registered(role: str) -> None:
    # What begins like an option and isn't one would be refused as misspelt in the next play, or in the next job of a workflow.
    tasks = [str(path) for path in files() if path.match("roles/*/tasks/*.yml") or path.parts[0] == "playbooks"]
    read = [read_yaml(path) for path in tasks if path.endswith(".yml")]
    names = {name for tasks_of_file in read for name in _handed_on(tasks_of_file) if name.startswith(f"{role}_")}
    assert names - known_of_role(role).names == set()


def test_every_entry_point_begins_with_the_preflight(role: str) -> None:
    for entry in read_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]:
        if role == "mysql_backup" and entry != "main":
            continue
        first = read_yaml(f"roles/{role}/tasks/{entry}.yml")[0]
        rules = {"rules": "required"} if role == "instance_qos" else {}
        assert first.get("openstack_ops.day2.preflight") == {"roles": [role], **rules}, entry
        assert first["run_once"]
