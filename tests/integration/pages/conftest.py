# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each page in a real browser, at each width."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.integration.browser import WINDOWS, Browser, opened_in


@pytest.fixture(scope="module", params=WINDOWS)
def opened(request: pytest.FixtureRequest, page: Path) -> t.Iterator[tuple[Browser, int]]:
    """The file's own `page`, and the width of its window in pixels."""
    with opened_in(request.param, page) as found:
        yield found
