# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Instance ports as the nova_computes inventory writes them, for the tests of what is made of them."""

from __future__ import annotations

import typing as t

import pytest

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import Answer

PROJECT = "3e2957cc29844e4aaabb952cef82afcf"
NETWORK = "989c47d5-61a4-4faf-ab2d-b7c539556d55"
SERVER = "480cb82d-9bc5-4034-a14d-8799e33aad97"
PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"


class MakePort(t.Protocol):
    def __call__(self, **changes: t.Any) -> dict[str, t.Any]: ...


def limits_of(answer: Answer) -> dict[str, dict[str, str]]:
    """An answer's limits as they are written."""
    from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import texts

    return {direction: texts(shape) for direction, shape in answer.limits.items()}


def exempt_of(answer: Answer) -> tuple[str, ...]:
    """The networks that an answer exempts, as they are written."""
    return tuple(map(str, answer.exempt))


@pytest.fixture
def make_port() -> MakePort:
    """Make a port with one address in 192.168.111.0/24 of an m1.tiny instance; keywords change what a test is about.

    own and others are CIDRs, floating addresses, flavor and extra_specs the instance's.
    """

    def make(
        *,
        own: t.Sequence[str] = ("192.168.111.0/24",),
        others: t.Sequence[str] = (),
        floating: t.Sequence[str] = (),
        flavor: str = "m1.tiny",
        extra_specs: dict[str, str] | None = None,
        project: str = PROJECT,
        server: str = SERVER,
        **changes: t.Any,
    ) -> dict[str, t.Any]:
        return {
            "port_id": PORT,
            "mac": "fa:16:3e:2e:1d:9b",
            "status": "ACTIVE",
            "vif_type": "ovs",
            "vnic_type": "normal",
            "plug": "ovs_hybrid",
            "unsupported_reason": None,
            "project_id": project,
            "network_id": NETWORK,
            "network_name": "{{ lookup('pipe', 'id') }}",
            "fixed_ips": [
                {"ip": "192.0.2.1", "subnet_id": "s", "cidr": cidr, "ip_version": 6 if ":" in cidr else 4}
                for cidr in own
            ],
            "other_subnets": [
                {"subnet_id": "o", "cidr": cidr, "ip_version": 6 if ":" in cidr else 4} for cidr in others
            ],
            "network_shared": False,
            "network_external": False,
            "own_network": True,
            "claims": None,
            "floating_ips": [{"id": "f", "address": address, "fixed_ip": "192.0.2.1"} for address in floating],
            "qos_policy": None,
            "instance": {
                "id": server,
                "name": "{{ lookup('pipe', 'id') }}",
                "project_id": project,
                "status": "ACTIVE",
                "flavor": {"name": flavor, "extra_specs": {} if extra_specs is None else extra_specs},
            },
            **changes,
        }

    return make
