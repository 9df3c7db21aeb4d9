# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plugin's documentation has to hold beyond what `ansible-test sanity` asks."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from ansible.module_utils.compat.version import StrictVersion

from tests.places import ROOT
from tests.unit.collection.tree import KINDS, documentation, plugins, read_yaml

every_plugin = pytest.mark.parametrize(
    ("kind", "path"), plugins(*KINDS), ids=lambda value: getattr(value, "stem", value)
)
every_module = pytest.mark.parametrize(
    ("kind", "path"), plugins("modules"), ids=lambda value: getattr(value, "stem", value)
)


@every_plugin
def test_it_says_since_when_it_is_there(kind: str, path: Path) -> None:
    released = StrictVersion(read_yaml("galaxy.yml")["version"])
    assert StrictVersion(documentation(kind, path)["version_added"]) <= released


@every_module
def test_it_says_what_check_mode_diff_mode_and_a_second_run_do(kind: str, path: Path) -> None:
    attributes = documentation(kind, path).get("attributes", {})
    for name in ("check_mode", "diff_mode", "idempotent"):
        assert name in attributes, f"{path.stem} doesn't document {name}."
        support = attributes[name]["support"]
        assert support in ("full", "partial", "none", "N/A")
        if support in ("partial", "none"):
            assert attributes[name].get("details"), f"{path.stem} doesn't say why its {name} is {support}."


@every_module
def test_it_leads_to_what_belongs_to_it(kind: str, path: Path) -> None:
    assert documentation(kind, path).get("seealso"), f"{path.stem} has no seealso."


def test_the_modules_that_ask_openstack_share_defaults() -> None:
    asking = [
        path.stem for _kind, path in plugins("modules") if "  - openstack_ops.day2.cloud\n" in (ROOT / path).read_text()
    ]
    assert read_yaml("meta/runtime.yml")["action_groups"]["openstack"] == sorted(asking)


# What runs where Ansible runs, whose errors Ansible words.
@pytest.mark.parametrize("kind", ["filter", "action", "inventory", "plugin_utils"])
def test_an_error_is_told_once(kind: str) -> None:
    """Ansible appends the text of each cause to that of an error."""
    chained = [
        f"{path.name}:{node.lineno}"
        for path in sorted((ROOT / "plugins" / kind).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise) and node.cause and not isinstance(node.cause, ast.Constant)
    ]
    assert chained == [], f"raise these errors from None: {chained}"
