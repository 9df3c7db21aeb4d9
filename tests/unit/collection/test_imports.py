# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The floors of the house: who may import whom, read from the code."""

from __future__ import annotations

import ast
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import metrics_service, restorer_service
from tests.places import ROOT
from tests.unit.collection.tree import files

PLUGINS = ("plugins",)
_PREFIX = ("ansible_collections", "openstack_ops", "day2")
_GROUND = ("module_utils/_host", "module_utils/_kernel")
_COMMON = "module_utils/_common"

Imports = dict[Path, set[Path]]


def _target(parts: tuple[str, ...]) -> t.Optional[Path]:
    """The file that a dotted name means; None for one outside the collection."""
    for length in (len(parts), len(parts) - 1):
        path = Path(*parts[:length])
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if length and (ROOT / candidate).is_file():
                return candidate
    return None


def _imports_of(path: Path, source: str) -> set[Path]:
    """The files of the collection that this one imports, also inside functions and for type checkers alone."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = tuple((node.module or "").split(".")) if node.module else ()
            if node.level:
                base = path.parent.parts[: len(path.parent.parts) - node.level + 1] + module
            elif module[:3] == _PREFIX:
                base = module[3:]
            else:
                continue
            found |= {target for name in node.names if (target := _target((*base, name.name)))}
    return found - {path}


def _graph() -> Imports:
    paths = [path for path in files() if path.parts[0] == "plugins" and path.suffix == ".py"]
    return {path: _imports_of(path, (ROOT / path).read_text()) for path in paths}


def _place(path: Path) -> str:
    """The package of a file below plugins, or the file itself where it lies beside packages."""
    parts = path.with_suffix("").parts[1:]
    return "/".join(parts[:2])


def _floor(place: str) -> int:
    if place == _COMMON:
        return 0
    if place in _GROUND:
        return 1
    if place == "module_utils/_module":
        return 2
    return {"module_utils": 3, "plugin_utils": 4}.get(place.split("/", 1)[0], 5)


def _breaches(graph: Imports) -> list[str]:
    """What is wrong with these imports, a line each."""
    found = []
    for path, imported in sorted(graph.items()):
        here = _place(path)
        for target in sorted(imported):
            there = _place(target)
            if here == there:
                continue
            if here in _GROUND and there != _COMMON:
                found.append(f"{path} may import only _common, and imports {target}")
            elif _floor(there) > _floor(here):
                found.append(f"{path} imports {target}, which is a floor above")
    return found + _circles(graph)


def _circles(graph: Imports) -> list[str]:
    found: list[str] = []
    done: set[Path] = set()

    def visit(path: Path, trail: tuple[Path, ...]) -> None:
        if path in trail:
            found.append("a circle: " + " -> ".join(str(one) for one in (*trail[trail.index(path) :], path)))
        elif path not in done:
            for target in sorted(graph.get(path, ())):
                visit(target, (*trail, path))
            done.add(path)

    for path in sorted(graph):
        visit(path, ())
    return found


def test_imports_point_downwards_and_never_in_a_circle() -> None:
    graph = _graph()
    assert len(graph) > 80, "most of the code was not found"
    assert sum(map(len, graph.values())) > 100, "most imports were not found"
    assert _breaches(graph) == []


@pytest.mark.parametrize(
    ("path", "source", "breach"),
    [
        ("plugins/module_utils/_host/files.py", "from .._tc.ports import Port", "may import only _common"),
        ("plugins/module_utils/_common.py", "from ._host import files", "a floor above"),
        (
            "plugins/module_utils/_lvm/volumes.py",
            "from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import x",
            "a floor above",
        ),
        ("plugins/module_utils/_tc/units.py", "def f():\n    from .ports import Port", "a circle"),
    ],
)
def test_a_breach_is_found(path: str, source: str, breach: str) -> None:
    graph = _graph()
    graph[Path(path)] = _imports_of(Path(path), source)
    assert [line for line in _breaches(graph) if breach in line] != []


@pytest.mark.parametrize(
    "parts", [restorer_service._PARTS, metrics_service._PARTS], ids=["the restorer", "its metrics"]
)
def test_what_is_shipped_to_a_host_is_closed(parts: tuple[str, ...]) -> None:
    top = Path("plugins/module_utils")
    shipped = {top / f"{part}.py" for part in parts}
    graph = _graph()
    assert shipped <= graph.keys()
    assert {target for path in shipped for target in graph[path]} - shipped - {top / "__init__.py"} == set()


def test_every_private_package_says_what_it_is_for() -> None:
    packages = [path for path in _graph() if path.name == "__init__.py" and path.parent.name.startswith("_")]
    silent = [
        str(path)
        for path in packages
        if "PRIVATE" not in (ast.get_docstring(ast.parse((ROOT / path).read_text())) or "")
    ]
    assert silent == []
