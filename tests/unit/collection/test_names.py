# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that tell apart: no two classes that are only a Plan, and no role's private variable outside of the role."""

from __future__ import annotations

import ast
import re

from tests.places import ROOT
from tests.unit.collection.tree import files

#: What these would be called by themselves says nothing of what they plan. _module's Outcome is that of every module.
_BARE = ("Outcome", "Plan", "Wish")


def test_no_class_is_only_called_a_plan() -> None:
    found = [
        f"{path}: {node.name}"
        for path in files()
        if path.parts[0] in ("plugins", "roles") and path.suffix == ".py"
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.ClassDef) and node.name in _BARE
    ]
    assert found == ["plugins/module_utils/_module.py: Outcome"]


def test_a_role_s_private_variables_stay_in_the_role() -> None:
    roles = sorted({path.parts[1] for path in files() if path.parts[0] == "roles"}, key=len, reverse=True)
    private = re.compile(rf"\b__({'|'.join(roles)})_\w+")
    code = [
        path
        for path in files()
        if path.suffix in (".yml", ".j2", ".py") and path.parts[0] in ("playbooks", "plugins", "roles")
    ]
    found = {path: list(private.finditer((ROOT / path).read_text())) for path in code}
    assert sum(map(len, found.values())) > 100
    assert [
        f"{path}: {name[0]}" for path, names in found.items() for name in names if path.parts[:2] != ("roles", name[1])
    ] == []
