# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The real module against the real kernel, in a network and mount namespace of the test process's own."""

from __future__ import annotations

import os
import typing as t

import pytest

from tests.integration.tc_htb.namespace import Plug, leave_the_host


@pytest.fixture(scope="session", autouse=True)
def _own_namespaces() -> None:
    assert os.geteuid() == 0, "these tests change traffic control, in a namespace of their own: run them as root"
    leave_the_host()


@pytest.fixture
def plug() -> t.Iterator[Plug]:
    plug = Plug()
    yield plug
    plug.clean()
