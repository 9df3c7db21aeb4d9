# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's interface is written down twice, as defaults and as argument_specs: both have to say the same."""

from __future__ import annotations

import typing as t

import pytest

from tests.unit.collection.tree import ROOT, read_yaml, roles

pytestmark = pytest.mark.parametrize("role", roles())


def _options(role: str) -> dict[str, dict[str, t.Any]]:
    return t.cast(
        "dict[str, t.Any]", read_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    )


def _defaults(role: str) -> dict[str, t.Any]:
    path = f"roles/{role}/defaults/main.yml"
    return (read_yaml(path) or {}) if (ROOT / path).exists() else {}


def test_every_default_is_an_option(role: str) -> None:
    assert sorted(_defaults(role).keys() - _options(role).keys()) == []


def test_every_option_has_a_default_or_is_required(role: str) -> None:
    left_out = {name for name, option in _options(role).items() if not option.get("required")}
    assert sorted(left_out ^ _defaults(role).keys()) == []


def test_a_documented_default_is_the_real_one(role: str) -> None:
    # Ansible documents an option's default but sets the one of defaults/main.yml.
    documented = {name: option["default"] for name, option in _options(role).items() if "default" in option}
    assert documented == {name: _defaults(role)[name] for name in documented}


def test_every_option_carries_the_name_of_the_role(role: str) -> None:
    assert [name for name in _options(role) if not name.startswith(f"{role}_")] == []


def test_the_role_says_what_it_is(role: str) -> None:
    assert (ROOT / f"roles/{role}/README.md").is_file()
    assert read_yaml(f"roles/{role}/meta/argument_specs.yml")["argument_specs"]["main"]["version_added"]
