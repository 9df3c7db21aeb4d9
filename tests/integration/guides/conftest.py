# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Newcomers who may log in to the lab's cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from tests.integration.page import Newcomer
from tests.places import CACHE, CLOUD, CLOUDS_YAML


@pytest.fixture
def newcomer(package: Path, tmp_path: Path) -> Newcomer:
    there = Newcomer(
        tmp_path,
        package,
        CONTAINERS_CONF=str(CACHE / "containers.conf"),
        OS_CLOUD="production",
        PATH=f"{os.environ['PATH']}:{CLOUD / 'venv/bin'}",
        no_proxy="*",
    )
    cloud = yaml.safe_load(CLOUDS_YAML.read_text())["clouds"]["mini"]
    there.write(".config/openstack/clouds.yaml", {"clouds": {"production": cloud, "mycloud": cloud}})
    return there
