# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest

from tests.integration.ceph_openstack.cluster import Ceph, packages_for
from tests.integration.ceph_openstack.play import Watch
from tests.places import CACHE

if t.TYPE_CHECKING:
    from collections.abc import Iterator

NODES = ("ceph-n1", "ceph-n2", "ceph-n3")


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ceph]:
    """One cluster for all tests. They make pools and clients of their own names."""
    found = Ceph(CACHE / "ceph-test", packages_for(tmp_path_factory.mktemp("packages")))
    try:
        found.lab("up")
        found.lab("node", *NODES)
        for node in NODES:
            found.give_conf(node)
        yield found
    finally:
        found.lab("down")


@pytest.fixture
def watch() -> Iterator[Watch]:
    found = Watch()
    found.start()
    yield found
    found.end()
