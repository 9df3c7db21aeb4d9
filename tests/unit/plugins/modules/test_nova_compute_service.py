# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When Nova is asked to change something, and when somebody else's wish is left alone."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_ops.day2.plugins.modules.nova_compute_service import plan

OURS = "instances volume is being resized"


@pytest.mark.parametrize(
    ("status", "reason", "state", "sent"),
    [
        pytest.param("enabled", "", "disabled", {"status": "disabled", "disabled_reason": OURS}, id="taken out"),
        pytest.param("disabled", OURS, "disabled", None, id="is out already"),
        pytest.param("disabled", "broken fan", "disabled", None, id="somebody else took it out"),
        pytest.param("disabled", OURS, "enabled", {"status": "enabled"}, id="put back"),
        pytest.param("disabled", "broken fan", "enabled", None, id="not ours to put back"),
        pytest.param("disabled", "", "enabled", None, id="nobody knows whose it is"),
        pytest.param("enabled", "", "enabled", None, id="is in already"),
    ],
)
def test_what_is_sent(status: str, reason: str, state: str, sent: dict[str, str] | None) -> None:
    assert plan(status, reason, state, OURS) == sent
