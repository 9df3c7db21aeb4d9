# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which roles a playbook runs, and what they take."""

from __future__ import annotations

import typing as t
from functools import cache

from tests.unit.collection.tree import read_yaml

if t.TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, t.Any]

# Runs no role, but reads the variables of one.
READS = {"adopt_ceph": "ceph_openstack", "show_pools": "ceph_openstack"}


def tasks_of(tasks: list[Row]) -> Iterator[Row]:
    """All tasks, those in blocks, too."""
    for task in tasks:
        yield task
        for part in ("block", "rescue", "always"):
            yield from tasks_of(task.get(part, []))


def entries_of(playbook: str) -> Iterator[tuple[str, str, Row]]:
    """(role, entry point, variables it is called with) of each role that the playbook runs."""
    if playbook in READS:
        yield READS[playbook], "main", {}
    for play in read_yaml(f"playbooks/{playbook}.yml"):
        for role in play.get("roles", []):
            yield role["role"].split(".")[-1], "main", {}
        for task in tasks_of([*play.get("tasks", []), *play.get("pre_tasks", []), *play.get("post_tasks", [])]):
            for action in ("ansible.builtin.import_role", "ansible.builtin.include_role"):
                if action in task:
                    role = task[action]
                    yield role["name"].split(".")[-1], role.get("tasks_from", "main"), task.get("vars", {})


def roles_of(playbook: str) -> set[str]:
    return {role for role, _entry, _variables in entries_of(playbook)}


def options_of_entry(role: str, entry: str) -> dict[str, Row]:
    """The options of one entry point of a role, by their names; none if argument_specs don't have it."""
    specs: dict[str, Row] = read_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]
    return specs.get(entry, {}).get("options", {})


@cache
def options_of(playbook: str) -> dict[str, Row]:
    """By their names, the options of the playbook's roles."""
    found: dict[str, Row] = {}
    for role, entry, _variables in entries_of(playbook):
        found |= options_of_entry(role, entry)
    return found
