# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files and functions stay small enough to be read at once."""

from __future__ import annotations

import ast

from tests.places import ROOT
from tests.unit.collection.tree import files

_PRODUCT = [path for path in files() if path.suffix == ".py" and path.parts[0] in ("plugins", "roles", "extensions")]
#: ansible-rulebook runs an event source by its path, so it has to be one file.
_ONE_FILE = "oslo_notifications.py"


def test_no_file_has_more_than_500_lines() -> None:
    assert len(_PRODUCT) > 80
    lines = {str(path): len((ROOT / path).read_text().splitlines()) for path in _PRODUCT if path.name != _ONE_FILE}
    assert {path: count for path, count in lines.items() if count > 500} == {}


def test_no_function_has_more_than_60_lines() -> None:
    found = {}
    for path in _PRODUCT:
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                count = (node.end_lineno or 0) - node.lineno + 1
                found[f"{path}:{node.name}"] = count
    assert len(found) > 500
    assert {name: count for name, count in found.items() if count > 60} == {}
