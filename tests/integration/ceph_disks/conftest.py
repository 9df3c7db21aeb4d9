# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One machine for all of it."""

from __future__ import annotations

import os
import tempfile
import typing as t
from pathlib import Path

import pytest

from tests.integration.ceph_disks.node import Node
from tests.integration.page import Newcomer
from tests.places import CACHE


@pytest.fixture(scope="session")
def node() -> t.Iterator[Node]:
    assert os.geteuid() == 0, "these tests make machines: run them as root"
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="ceph-disks-", dir=CACHE) as folder:
        made = Node("osd01", Path(folder) / "vm")
        made.environment["MACHINE_MEMORY"] = "1024"
        try:
            made.boot()
            yield made
        finally:
            made.down()


@pytest.fixture(scope="session")
def operator(package: Path, tmp_path_factory: pytest.TempPathFactory, node: Node) -> Newcomer:
    there = Newcomer(tmp_path_factory.mktemp("operator"), package, PATH=os.environ["PATH"])
    there.write("hosts.yml", node.inventory())
    return there
