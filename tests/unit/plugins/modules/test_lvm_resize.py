# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator asks for is judged before anything is read."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.modules.lvm_resize import request_of

ASKED: dict[str, t.Any] = {
    "vg": "vg0", "lv": "instances", "size": "20g", "allow_shrink": False, "margin": 5, "pvs": [], "stop_services": ["nova-compute"],
    "stop_instances": ["instance-00000001"], "shutdown_timeout": 0,
}  # fmt: skip


def test_what_can_be_meant_is_taken() -> None:
    assert request_of(ASKED).shutdown_timeout == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"shutdown_timeout": -1}, "shutdown_timeout is -1; give 0 or more."),
        ({"margin": -1}, "margin is -1; give 0 to 1000."),
        ({"size": "0x10"}, "is not a size"),
        ({"size": "1e3"}, "is not a size"),
        ({"vg": "../etc"}, "vg"),
        ({"lv": "-f"}, "lv"),
        ({"pvs": ["--config"]}, "isn't a disk"),
        ({"stop_services": ["--force"]}, "isn't the name of a unit"),
        ({"stop_services": ["a\n"]}, "isn't the name of a unit"),
        ({"stop_instances": ["5"]}, "isn't the name of an instance"),
    ],
)
def test_what_cannot_is_refused(change: dict[str, t.Any], said: str) -> None:
    with pytest.raises(OperatorError, match=said):
        request_of({**ASKED, **change})
