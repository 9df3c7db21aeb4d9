# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits are kept on the host as a whole or, where it refuses, not at all; and two runs at once don't take each other's away."""

from __future__ import annotations

import multiprocessing
import os
import random
import time

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import restorer_service, state
from tests.integration.tc_htb.namespace import PORT, Plug, shell, tc_htb
from tests.waiting import PATIENCE

WANTED = {"port_id": PORT, "plug": "ovs_hybrid", "egress": {"rate": "20mbit"}, "ingress": {"rate": "20mbit"}}


def test_limiting_and_forgetting_at_once_leaves_all_of_the_restorer_or_nothing(plug: Plug, systemd: None) -> None:
    plug.hybrid()
    fork = multiprocessing.get_context("fork")
    moments = random.Random(7)
    ended: set[bool] = set()
    for _round in range(20):
        runs = [
            fork.Process(target=tc_htb, args=(WANTED,), kwargs={"persist": True}),
            fork.Process(target=tc_htb, kwargs={"purge": True}),
        ]
        moments.shuffle(runs)
        for run in runs:
            run.start()
            time.sleep(moments.uniform(0, 0.4))
        for run in runs:
            run.join(PATIENCE)
            assert run.exitcode == 0, f"round {_round}: not ended after {PATIENCE} s, if this is None"
        kept = bool(state.load().ports)
        there = {
            "unit": os.path.exists(restorer_service.UNIT_FILE),
            "program": os.path.isdir(restorer_service.PROGRAM),
            "enabled": os.path.exists("/run/enabled"),
            "limit": "htb 1:" in shell(f"tc qdisc show dev tap{PORT[:11]}"),
        }
        assert there == dict.fromkeys(there, kept), f"round {_round}"
        ended.add(kept)
    assert ended == {True, False}, "one of the two always came last, so they never met"


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        pytest.param("mount -t tmpfs -o ro tmpfs {top}", "Read-only file system", id="read-only"),
        pytest.param(
            "mount -t tmpfs -o size=8k,mode=755 tmpfs {top}; mkdir {top}/tc_htb; cat /dev/zero >{top}/full || true",
            "No space left on device",
            id="full",
        ),
        pytest.param("mkdir -p {top}/tc_htb/limits.jsonl", "", id="a folder in the file's place"),
        pytest.param("touch {top}/tc_htb", "", id="a file in the folder's place"),
    ],
)
def test_where_nothing_can_be_kept_the_limits_are_set_and_the_run_fails(
    plug: Plug, systemd: None, break_it: str, reason: str
) -> None:
    plug.hybrid()
    top = "/var/lib/openstack_ops.day2"
    shell(f"mkdir -p {top}; " + break_it.format(top=top))
    try:
        printed = tc_htb(WANTED, persist=True)
        assert printed["failed"]
        assert f"Limits can't be kept in {state.STATE_FILE}: {reason}" in printed["msg"]
        assert printed["ports"][0]["now"]["egress"]["rate"] == "20mbit"
        assert printed["restorer"] == "absent"
        assert "rate 20Mbit" in shell(f"tc class show dev qvb{PORT[:11]}")
    finally:
        shell(f"! mountpoint -q {top} || umount {top}")
