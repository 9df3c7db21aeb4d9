# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a compute tells of its limits for the report of a whole cloud, by the real kernel and the real saved state."""

from __future__ import annotations

import subprocess
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._cloud_report.collect import Look
from tests.integration.tc_htb.namespace import OTHER, PORT, Plug, shell, tc_htb

LIMIT = {"rate": "20mbit"}


def run(args: list[str], data: str) -> tuple[int, str, str]:
    done = subprocess.run(args, input=data, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def limits() -> dict[str, t.Any] | None:
    found = Look(run, 0.0).look()
    assert found["unknown"] == {}
    return t.cast("dict[str, t.Any] | None", found["limits"])


def port(port_id: str) -> dict[str, t.Any]:
    return {"port_id": port_id, "plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT}


def test_a_limit_that_somebody_took_away_is_told(plug: Plug, systemd: None) -> None:
    assert limits() is None
    for one in (PORT, OTHER):
        plug.hybrid(one)
    tc_htb(port(PORT), port(OTHER), persist=True)
    found = limits()
    assert found is not None
    told = {key: found[key] for key in ("limited", "saved", "unsaved", "missing", "unreadable")}
    assert told == {"limited": 2, "saved": 2, "unsaved": 0, "missing": 0, "unreadable": 0}
    assert found["restorer"] == "running"

    shell(f"tc qdisc del dev qvb{PORT[:11]} root")
    found = limits()
    assert found is not None
    assert (found["missing"], found["missing_ports"], found["saved"]) == (1, [PORT], 2)


def test_limits_that_are_not_saved_are_told(plug: Plug) -> None:
    plug.hybrid(PORT)
    tc_htb(port(PORT))
    found = limits()
    assert found is not None
    assert (found["limited"], found["saved"], found["unsaved"], found["restorer"]) == (1, 0, 1, "absent")
