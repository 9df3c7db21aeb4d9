# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Candidates of all sources are packed; an error never says one."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.password_candidates import FilterModule
from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone.candidates import unpacked

call = FilterModule().filters()["password_candidates"]


def test_a_list_a_file_and_the_guides() -> None:
    made = unpacked(call(["a1"], file="---\nkeystone_admin_password: b2\nport: 3306\n", defaults=True))
    assert made[:3] == [("candidate 1", "a1"), ("keystone_admin_password", "b2"), ("default 1", "admin")]


@pytest.mark.parametrize(
    ("given", "file", "sentence"),
    [
        ("xyzzy", "", "the candidates are not a list."),
        ([], "a: [xyzzy", "isn't YAML of NAME: PASSWORD lines."),
        ([], "- xyzzy", "isn't YAML of NAME: PASSWORD lines."),
        (["xyzzy\0"], "", "Candidate 1: has a zero byte"),
    ],
)
def test_what_is_wrong_is_said_without_a_password(given: object, file: str, sentence: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        call(given, file=file)
    assert sentence in str(error.value)
    assert "xyzzy" not in str(error.value)
