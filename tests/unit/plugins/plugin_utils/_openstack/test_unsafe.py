# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe

try:
    from ansible.template import trust_as_template
except ImportError:  # ansible-core 2.17 and 2.18 trust every string that isn't marked

    def trust_as_template(value: t.Any) -> t.Any:
        return value


HOSTILE = "{{ 40 + 2 }}"


@pytest.mark.parametrize(
    "written",
    [HOSTILE, "{% set x = 1 %}x", "{# gone #}x"],
    ids=["an expression", "a statement", "a comment"],
)
def test_is_never_rendered(written: str) -> None:
    templar = Templar(loader=DataLoader())
    assert templar.template(trust_as_template(written)) != written, "else this test could not fail"
    assert templar.template(make_unsafe(trust_as_template(written))) == written


def test_reaches_strings_at_any_depth_and_keys() -> None:
    value = trust_as_template(HOSTILE)
    templar = Templar(loader=DataLoader())
    assert templar.template(make_unsafe([{value: [{"name": value}]}])) == [{HOSTILE: [{"name": HOSTILE}]}]


def test_leaves_everything_else_as_it_is() -> None:
    value = {"id": "fc618310", "vcpus": 2, "swap": None, "up": True, "ratio": 1.5, "names": ["a", "b"]}
    assert make_unsafe(value) == value
