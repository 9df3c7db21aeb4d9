# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's real cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`), with a network for canaries in the admin's project.

What the tests make is taken back at the end, and compared with what was there before.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.integration.inventory.conftest import Ansible, Ran
from tests.waiting import until

#: An openstack.connection.Connection. To a type checker its attributes are unions with APIs long gone.
Cloud = t.Any
NETWORK = "canaries"


def there(cloud: Cloud) -> list[t.Any]:
    """What a canary could leave: nothing of it is new."""
    compute = cloud.compute
    return [
        sorted(one.id for one in compute.servers(all_projects=True)),
        # Those that instances had; the network's own come and go as its agents like.
        sorted(one.id for one in cloud.network.ports() if one.device_owner.startswith("compute:")),
        sorted((one.host, one.status, one.is_forced_down) for one in compute.services(binary="nova-compute")),
    ]


def gone(cloud: Cloud, before: list[t.Any]) -> None:
    """Until all is as it was: what was deleted may be listed for a moment."""
    until(f"all is as it was: {before}", lambda: there(cloud) == before, seen=lambda: there(cloud), every=1)


@pytest.fixture(scope="session", autouse=True)
def as_found(cloud: Connection) -> t.Iterator[None]:
    before = there(cloud)
    yield
    gone(cloud, before)


def network_of(cloud: Cloud, name: str, cidr: str, **pool: t.Any) -> t.Any:
    made = cloud.network.create_network(name=name)
    cloud.network.create_subnet(network_id=made.id, ip_version=4, cidr=cidr, is_dhcp_enabled=False, **pool)
    return made


@pytest.fixture(scope="session")
def network(cloud: Connection, as_found: None) -> t.Iterator[t.Any]:
    api: Cloud = cloud
    for one in list(api.network.networks(name=NETWORK)):  # of a killed run
        api.network.delete_network(one)
    made = network_of(api, NETWORK, "192.0.2.0/24")
    yield made
    api.network.delete_network(made)


@dataclass
class Prove:
    """Runs the playbook on hosts, and reads what it wrote."""

    ansible: Ansible
    report: dict[str, list[dict[str, t.Any]]] = field(default_factory=dict)

    def __call__(self, hosts: str, *words: str, code: int = 0, **options: t.Any) -> Ran:
        path = self.ansible.folder / "report.json"
        path.unlink(missing_ok=True)
        given = {
            "compute_canary_image": "empty", "compute_canary_flavor": "m1.tiny", "compute_canary_network": NETWORK,
            "compute_canary_json": str(path), **{f"compute_canary_{name}": value for name, value in options.items()},
        }  # fmt: skip
        extra = self.ansible.folder / "extra.json"
        extra.write_text(json.dumps(given))
        ran = self.ansible.run(
            "ansible-playbook", "openstack_ops.day2.prove_computes", "--limit", hosts, "-e", f"@{extra}", *words
        )
        assert ran.code == code, ran.said
        self.report = json.loads(path.read_text()) if path.exists() else {}
        return ran

    def verdicts(self, host: str) -> dict[str, str]:
        return {one["check"]: one["verdict"] for one in self.report[host]}

    def why(self, host: str, check: str) -> str:
        return next(str(one["why"]) for one in self.report[host] if one["check"] == check)


@pytest.fixture
def prove(tmp_path: Path) -> Prove:
    return Prove(Ansible(tmp_path))
