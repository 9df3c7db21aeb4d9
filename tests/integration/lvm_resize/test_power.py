# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A shrink and a grow survive a power cut, and the death of the module, at any moment. CUTS says at how many; `make soak` has 60."""

from __future__ import annotations

import os
import typing as t
from collections import Counter
from pathlib import Path

from tests.integration.lvm_resize.cuts import cut
from tests.integration.lvm_resize.machines import Machine

_MIB = 2**20
_CUTS = int(os.environ.get("CUTS", "6"))


def test_a_shrink_survives_power_cuts(machine: Machine, judge: Machine, folder: Path) -> None:
    wish: dict[str, t.Any] = {"size": "320m", "allow_shrink": True}

    def hit(steps: Counter[str]) -> bool:
        return steps["in the safety copy"] > 0

    steps = cut(machine, judge, folder / "cuts", wish, 640 * _MIB, 320 * _MIB, _CUTS, hit)
    print(steps)
    assert hit(steps), "no cut fell into the step that matters most"


def test_a_grow_survives_power_cuts(machine: Machine, judge: Machine, folder: Path) -> None:
    def hit(steps: Counter[str]) -> bool:
        return sum(steps.values()) > steps["before anything"] + steps["done"]

    steps = cut(machine, judge, folder / "cuts", {"size": "+400m"}, 640 * _MIB, 1040 * _MIB, _CUTS // 2, hit)
    print(steps)
    assert hit(steps), "no cut fell between the first step and the last"
