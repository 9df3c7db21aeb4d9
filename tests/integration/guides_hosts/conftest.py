# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Newcomers, and containers as their hosts: the guides that need no cloud."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.integration.guides_hosts.containers import Containers
from tests.integration.page import Newcomer


@pytest.fixture
def newcomer(package: Path, tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path, package)


@pytest.fixture
def containers(newcomer: Newcomer, tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Containers]:
    made = Containers(newcomer, tmp_path_factory.mktemp("containers"))
    try:
        yield made
    finally:
        made.remove()
