# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an extra spec asks of metadata: Nova's own operators."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._aggregates.specs import (
    asked_of_aggregates,
    matches,
    unmet,
    values_of,
)


# Each was put to Nova 2025.1's extra_specs_ops.match, which said the same.
@pytest.mark.parametrize(
    ("value", "asked", "fits"),
    [
        ("true", "true", True),
        ("true", "True", False),
        ("a b", "a b", True),
        ("", "", True),
        ("12", "= 11", True),
        ("12", "= 13", False),
        ("12", ">= 12", True),
        ("12", "<= 11", False),
        ("12", "== 12.0", True),
        ("12", "!= 12", False),
        ("12", "==", False),
        ("abc", "s== abc", True),
        ("abc", "s!= abc", False),
        ("abc", "s< abd", True),
        ("abc", "s<= abb", False),
        ("abc", "s> abb", True),
        ("abc", "s>= abd", False),
        ("nvme ssd", "<in> ssd", True),
        ("hdd", "<in> ssd", False),
        ("aes mmx", "<all-in> aes mmx", True),
        ("aes", "<all-in> aes mmx", False),
        ("b", "<or> a <or> b", True),
        ("c", "<or> a <or> b", False),
        ("> 5", "> 5", True),
    ],
)
def test_operators(value: str, asked: str, fits: bool) -> None:
    assert matches(value, asked) is fits


def test_no_number_is_no_match() -> None:
    assert not matches("many", ">= 4")


def test_keys_of_other_scopes_ask_nothing_of_aggregates() -> None:
    specs = {"hw:cpu_policy": "shared", "trait:X": "required", "aggregate_instance_extra_specs:a:b": "1", "bare": "2"}
    assert asked_of_aggregates(specs) == {"a:b": "1", "bare": "2"}


def test_values_of_all_aggregates_count_and_commas_separate() -> None:
    metadata = values_of([{"disk": "ssd, nvme", "rack": "1"}, {"disk": "hdd"}])
    assert metadata == {"disk": {"ssd", "nvme", "hdd"}, "rack": {"1"}}
    assert unmet(
        {"aggregate_instance_extra_specs:disk": "nvme", "aggregate_instance_extra_specs:rack": "2"}, metadata
    ) == ["rack"]
    assert unmet({"aggregate_instance_extra_specs:gpu": "<or> a <or> b"}, metadata) == ["gpu"]
