# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide as an operator follows it, on the lab's cloud (tests/lab/cloud), with the image and network that are there."""

from __future__ import annotations

import json
import shlex
import typing as t

from openstack.connection import Connection

from tests.integration.canary.conftest import NETWORK
from tests.integration.inventory.conftest import Ansible
from tests.integration.page import Page


def test_the_page_from_top_to_bottom(cloud: Connection, network: t.Any, tmp_path: t.Any) -> None:
    ansible = Ansible(tmp_path)
    page = Page("canary", {"cirros\n": "empty\n", "provider\n": f"{NETWORK}\n"})
    for name, body in page.files.items():
        (tmp_path / name).write_text(f"{body}compute_canary_timeout: 300\n")
    (tmp_path / "nova_computes.yml").write_text(json.dumps({"plugin": "openstack_ops.day2.nova_computes"}))
    look, prove, disabling = page.steps
    for step, said in (
        (look, "boot openstack-ops-canary-cmp01 on cmp01"),
        (prove, "cmp01: passed (5 passed)."),
        (disabling, "cmp01: passed (5 passed)."),
    ):
        ran = ansible.call(*shlex.split(step.command))
        assert ran.code == 0, ran.said
        assert said in ran.said
    (report,) = json.loads((tmp_path / "canary.json").read_text()).values()
    assert {one["verdict"] for one in report} == {"passed"}
