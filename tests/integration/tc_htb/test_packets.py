# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of packets per second: on a kernel that has them, and on this one, whether it has them or not."""

from __future__ import annotations

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import modules
from tests.integration.tc_htb.namespace import OTHER, PORT, Plug, kernel_text, tc_htb
from tests.integration.tc_htb.uml import run_there
from tests.waiting import PATIENCE

LIMIT = {"rate": "20mbit", "pkts_rate": "5k"}


def test_packets_are_limited_where_the_kernel_can() -> None:
    passed, said = run_there("tests/integration/tc_htb/packets.py", PATIENCE)
    assert passed, said


def test_a_kernel_that_cannot_is_told_per_port_before_anything_is_changed(plug: Plug) -> None:
    plug.native(PORT)
    plug.native(OTHER)
    before = kernel_text()
    others = {"port_id": OTHER, "plug": "bridge", "ingress": {"rate": "20mbit"}}
    for check in (True, False):
        printed = tc_htb({"port_id": PORT, "plug": "bridge", "egress": LIMIT, "ingress": LIMIT}, others, check=check)
        if modules.kernel_lacks({"police", "pkts_rate"}):
            assert [port["done"] for port in printed["ports"]] == ["refused", "created"]
            assert f"Port {PORT}: this kernel has no act_police; load or install" in printed["msg"]
        else:
            assert printed["counts"]["created"] == 2
        assert not check or kernel_text() == before
