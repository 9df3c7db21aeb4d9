# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of several folders start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.elsewhere import Elsewhere


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection's package, built of the checkout as it is."""
    return Elsewhere(tmp_path_factory.mktemp("build")).build()
