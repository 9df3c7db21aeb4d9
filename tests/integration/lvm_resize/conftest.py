# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two machines: one whose power is cut, one that looks at what was left."""

from __future__ import annotations

import os
import tempfile
import typing as t
from pathlib import Path

import pytest

from tests.integration.lvm_resize.machines import Machine
from tests.places import CACHE


@pytest.fixture(scope="session")
def folder() -> t.Iterator[Path]:
    assert os.geteuid() == 0, "these tests make machines: run them as root"
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lvm-resize-", dir=CACHE) as name:  # on the disk: images are large
        yield Path(name)


@pytest.fixture(scope="session")
def machine(folder: Path) -> t.Iterator[Machine]:
    machine = Machine("lvm-worker", folder / "vm")
    yield machine.up()
    machine.down()


@pytest.fixture(scope="session")
def judge(folder: Path, machine: Machine) -> t.Iterator[Machine]:
    judge = Machine("lvm-judge", folder / "vm", disk="/dev/ubdc")
    yield judge.up()
    judge.down()
