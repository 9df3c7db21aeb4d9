# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes as text, in the one function that has them."""

from __future__ import annotations

import ast
import re

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import size_text
from tests.places import ROOT
from tests.unit.collection.tree import files


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1 KiB"),
        (10 << 20, "10 MiB"),
        (1536 << 20, "1.5 GiB"),
        (2272 << 20, "2.22 GiB"),
        (16_000_900_661_248, "14.55 TiB"),
        (5 << 60, "5120 PiB"),
        (-(3 << 30), "-3 GiB"),
    ],
)
def test_how_sizes_are_told(size: int, shown: str) -> None:
    assert size_text(size) == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(999, "999 B"), (1000, "1 kB"), (62_431_000, "62.43 MB"), (3 * 10**12, "3 TB")]
)
def test_traffic_is_counted_in_powers_of_1000(size: int, shown: str) -> None:
    assert size_text(size, 1000) == shown


def _words_a_size(tree: ast.AST) -> bool:
    """Whether there is code that chooses among units: a loop over them, or a list of them."""
    return any(
        isinstance(node, (ast.For, ast.Tuple, ast.List))
        and re.match(r"(for \w+ in )?[(\[]('[kKMGTP]?i?B'(, )?){3,}", ast.unparse(node))
        for node in ast.walk(tree)
    )


def test_sizes_are_worded_in_one_place() -> None:
    plugins = [path for path in files() if path.parts[0] == "plugins" and path.suffix == ".py"]
    found = [str(path) for path in plugins if _words_a_size(ast.parse((ROOT / path).read_text()))]
    assert found == ["plugins/module_utils/_common.py"]
