# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A function that others may call says which errors it raises."""

from __future__ import annotations

import ast
import typing as t

import pytest

from tests.places import ROOT
from tests.unit.collection.tree import files

_CODE = [
    path
    for path in files()
    if path.suffix == ".py"
    and (path.parts[:2] in (("plugins", "module_utils"), ("plugins", "plugin_utils")) or path.parts[0] == "roles")
]


def _public(tree: ast.AST) -> t.Iterator[ast.FunctionDef]:
    """Functions, and methods of classes, whose names don't begin with an underscore."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _public(node)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield node


def _raised(node: ast.AST) -> set[str]:
    """Names of the errors that a function raises itself, those of functions inside it left out."""
    found = set()
    for inner in ast.iter_child_nodes(node):
        if isinstance(inner, (ast.FunctionDef, ast.Lambda)):
            continue
        if isinstance(inner, ast.Raise) and inner.exc is not None:
            error = inner.exc.func if isinstance(inner.exc, ast.Call) else inner.exc
            found.add(ast.unparse(error).rpartition(".")[2])
        found |= _raised(inner)
    return found


def _silent(source: str) -> list[str]:
    """Functions that raise an error and say neither that they do nor which."""
    return [
        node.name
        for node in _public(ast.parse(source))
        if (errors := _raised(node) - {"NotImplementedError"})
        and not any(word in (ast.get_docstring(node) or "") for word in ("raise", "Raise", *errors))
    ]


def test_functions_say_which_errors_they_raise() -> None:
    assert len(_CODE) > 150
    silent = {str(path): found for path in _CODE if (found := _silent((ROOT / path).read_text()))}
    assert silent == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("def f():\n    'Text.'\n    if g:\n        raise OperatorError('x')", ["f"]),
        ("class A:\n    def f(self):\n        raise a.B", ["f"]),
        ("def f():\n    'Raises OperatorError.'\n    raise OperatorError('x')", []),
        ("def f():\n    'B for what is wrong.'\n    raise a.B", []),
        ("def _f():\n    raise B", []),
        ("def f():\n    def g():\n        raise B", []),
        ("def f():\n    try:\n        g()\n    except B:\n        raise", []),
    ],
)
def test_a_silent_function_is_found(source: str, found: list[str]) -> None:
    assert _silent(source) == found
