# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's interface is written down twice, as defaults and as argument_specs: both have to say the same."""

from __future__ import annotations

import typing as t

import pytest

from tests.places import ROOT
from tests.unit.collection.tree import read_yaml, roles

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
