# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is exempt under VLAN tags: on a kernel that finds these, and on this one, whether it does or not."""

from __future__ import annotations

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import modules
from tests.integration.tc_htb.namespace import OTHER, PORT, Plug, kernel_text, tc_htb
from tests.integration.tc_htb.uml import run_there
from tests.waiting import PATIENCE

LIMIT = {"rate": "20mbit"}
TRUNK = {"port_id": PORT, "plug": "bridge", "ingress": LIMIT, "vlans": [{"id": 100, "exempt": ["10.1.0.0/24"]}]}


def test_tagged_traffic_is_exempt_where_the_kernel_finds_tags() -> None:
    passed, said = run_there("tests/integration/tc_htb/vlans.py", PATIENCE)
    assert passed, said


def test_a_kernel_that_finds_none_limits_all_and_that_is_told_before_anything_is_changed(plug: Plug) -> None:
    plug.native(PORT)
    plug.native(OTHER)
    before = kernel_text()
    other = {"port_id": OTHER, "plug": "bridge", "ingress": LIMIT}
    for check in (True, False):
        printed = tc_htb(TRUNK, other, check=check)
        lacking = bool(modules.kernel_lacks({"flower"}))
        assert printed["counts"]["created"] == 2
        assert ("vlans" in printed["ports"][0]["now"]["ingress"]) != lacking
        reason = f"Port {PORT} is a trunk's parent port, and this kernel has no cls_flower"
        assert (reason in str(printed.get("warnings"))) == lacking
        assert not check or kernel_text() == before
    again = tc_htb(TRUNK, other)
    assert not again["changed"]
    assert again["in_sync"] != lacking
