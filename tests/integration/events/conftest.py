# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`), computes of our own for it, and ansible-rulebook."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.integration.events.lab import Computes, Rulebook
from tests.places import CACHE


@pytest.fixture(scope="session")
def computes(tmp_path_factory: pytest.TempPathFactory, cloud: Connection) -> t.Iterator[Computes]:
    os.environ["CONTAINERS_CONF"] = str(CACHE / "containers.conf")
    made = Computes(tmp_path_factory.mktemp("computes"))
    try:
        made.up()
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def rulebook(tmp_path_factory: pytest.TempPathFactory, computes: Computes) -> t.Iterator[Rulebook]:
    folder: Path = tmp_path_factory.mktemp("rulebook")
    started = Rulebook(folder, computes)
    try:
        started.start()
        yield started
    finally:
        started.kill()
