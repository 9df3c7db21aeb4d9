# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What hosts lack is one error, with each thing once and the hosts that lack it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.missing import missing

TC = "tc isn't installed on this host; install iproute2."
LVM = "lvs isn't installed on this host; install lvm2."


def test_fifty_hosts_that_lack_the_same_are_named_once() -> None:
    results = {f"cmp{number:02}": {"missing": [TC]} for number in range(50)}
    assert missing({**results, "cmp07": {"missing": [LVM]}}) == (
        f"cmp00, cmp01, cmp02, cmp03, cmp04 and 44 more: {TC} cmp07: {LVM} Nothing was changed on any host. "
        "Put it right, or leave hosts out, as with --limit 'all:!cmp00:!cmp01:!cmp02:!cmp03:!cmp04'."
    )


@pytest.mark.parametrize(
    "result",
    [
        {"missing": []},
        None,
        {"unreachable": True, "msg": "no route to host"},
        {"skipped": True},
    ],
    ids=["has everything", "no result", "not reached", "not concerned"],
)
def test_hosts_that_lack_nothing_or_were_not_asked_do_not_end_the_run(result: dict[str, t.Any] | None) -> None:
    assert missing({"cmp01": result}) == ""


def test_what_was_refused_is_told_once() -> None:
    refused = {"missing": ["central_logs_server is empty."]}
    told = missing({"cmp01": refused, "cmp02": refused})
    assert told.startswith("cmp01, cmp02: central_logs_server is empty. Nothing was changed on any host.")


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ({"msg": "Missing sudo password"}, "Missing sudo password."),
        ({"msg": "MODULE FAILURE", "module_stderr": "sudo: not\nallowed.\n"}, "sudo: not allowed."),
        ({"msg": "", "module_stdout": "no python"}, "no python."),
        ({}, ""),
    ],
)
def test_where_the_module_cannot_run_the_reason_is_told(result: dict[str, t.Any], why: str) -> None:
    told = missing({"cmp01": {**result, "rc": 1}})
    assert told.startswith(f"cmp01: Ansible can't run a module there as root: {why or 'no reason given.'} Nothing"), (
        told
    )
