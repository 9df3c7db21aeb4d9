# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes of the lab's cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`) with Nova's libvirt driver. Without the cloud these tests fail."""

from __future__ import annotations

import tempfile
import typing as t
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.integration.compute_nodes.node import Node
from tests.places import CACHE


@pytest.fixture(scope="session")
def nodes(cloud: Connection) -> t.Iterator[list[Node]]:
    with tempfile.TemporaryDirectory(prefix="audit-", dir=CACHE) as folder:
        made = [Node(Path(folder), cloud, host) for host in ("audit02", "audit03")]
        try:
            Node.up(made)
            yield made
            Node.down(made)
        finally:
            made[0].lab("down")
