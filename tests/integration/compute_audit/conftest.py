# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute of the lab's cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`). Without the cloud these tests fail."""

from __future__ import annotations

import os
import tempfile
import typing as t
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.integration.compute_audit.compute import Compute
from tests.places import CACHE


@pytest.fixture(scope="session")
def compute(cloud: Connection) -> t.Iterator[Compute]:
    assert os.geteuid() == 0, "these tests make machines: run them as root"
    with tempfile.TemporaryDirectory(prefix="audit-", dir=CACHE) as folder:
        made = Compute(Path(folder), cloud)
        try:
            made.up()
            yield made
        finally:
            made.down()
