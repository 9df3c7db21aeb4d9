# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

if t.TYPE_CHECKING:
    from tests.unit.plugins.plugin_utils._compute_audit.world import World


@pytest.fixture
def world() -> World:
    """A small cloud and its one compute, which Placement knows rightly."""
    # Only now: a conftest is read before the collection can be imported.
    from tests.unit.plugins.plugin_utils._compute_audit.world import make_world

    return make_world()
