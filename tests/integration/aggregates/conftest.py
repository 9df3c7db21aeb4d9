# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's real cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`), whose scheduler heeds extra specs of aggregates.

What the tests make and change is taken back at the end, and compared with what was there before.
"""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.integration.inventory.conftest import Ansible
from tests.places import ROOT

COMPUTES = ["cmp01", "cmp02", "cmp03"]
FILTERS = next(
    line.partition(" = ")[2].split(",")
    for line in (ROOT / "tests/lab/openstack/etc/nova.conf").read_text().splitlines()
    if line.startswith("enabled_filters = ")
)


def there(cloud: t.Any) -> list[t.Any]:
    """What a test could leave changed, in an order of its own."""
    compute = cloud.compute
    return [
        sorted((one.name, one.availability_zone, sorted(one.hosts), one.metadata) for one in compute.aggregates()),
        sorted((one.name, one.extra_specs) for one in compute.flavors(get_extra_specs=True)),
        sorted((one.host, one.status, one.is_forced_down) for one in compute.services(binary="nova-compute")),
        sorted(one.id for one in compute.servers(all_projects=True)),
        sorted(one.id for one in cloud.image.images()),
        sorted(one.name for one in compute.server_groups(all_projects=True)),
    ]


@pytest.fixture(scope="session", autouse=True)
def as_found(cloud: Connection) -> t.Iterator[None]:
    before = there(cloud)
    yield
    assert there(cloud) == before


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    return Ansible(tmp_path)
