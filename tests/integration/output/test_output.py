# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks print stays readable on a fleet: so many lines for each host and no more, and one error for one mistake."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from tests.integration.output.fleet import run, tree

HOSTS = 12
RULES = {
    "instance_qos_rules": [{"name": "all", "limit": {"egress": {"rate": "20mbit"}, "ingress": {"rate": "20mbit"}}}]
}
CEPH = {"ceph_openstack_admin_host": "cmp0001"}
DRY = ("--check", "--diff")


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("output"))


# Of the lines of a host, Ansible prints one for each task and one in its recap. Its names here have 7 letters.
@pytest.mark.parametrize(
    ("playbook", "variables", "words", "lines", "size"),
    [
        ("limit_instances", RULES, DRY, 10, 320),
        ("limit_instances", RULES, (), 13, 400),
        ("preview_limits", RULES, (), 9, 280),
        ("show_limits", RULES, (), 10, 295),
        ("remove_limits", {}, DRY, 11, 350),
        ("audit_computes", {}, (), 7, 370),
        ("report", {}, (), 3, 230),
        ("connect_ceph", CEPH, DRY, 8, 260),
        ("verify_ceph", CEPH, (), 6, 250),
        ("reserve_disk", {"nova_disk_reservation_mb": 51200}, DRY, 8, 330),
        ("show_disks", {}, (), 3, 220),
    ],
)
def test_a_playbook_prints_no_more_for_a_host(
    collections: Path, playbook: str, variables: dict[str, t.Any], words: tuple[str, ...], lines: int, size: int
) -> None:
    few, many = (run(collections, playbook, hosts, *words, variables=variables) for hosts in (6, 6 + HOSTS))
    assert "failed=0" in many
    assert "failed=1" not in many
    per_host = (many.count("\n") - few.count("\n")) / HOSTS, (len(many) - len(few)) / HOSTS
    assert (per_host[0] <= lines, per_host[1] <= size) == (True, True), per_host


def test_one_mistake_is_one_error(collections: Path) -> None:
    rules = {"instance_qos_rules": [{"name": "all", "limit": {"egres": {"rate": "20mbit"}}}]}
    said = run(collections, "limit_instances", HOSTS, variables=rules)
    # Since 2.19, Ansible shows the error of a task with its place as well.
    assert (said.count("fatal: "), said.count("unknown key 'egres'") <= 2) == (1, True)
    assert len(said) < 2000


def test_details_are_shown_on_request(collections: Path) -> None:
    port = '+        "ingress": {'
    assert port in run(collections, "limit_instances", 3, *DRY, variables=RULES)
    assert port not in run(collections, "limit_instances", 6, *DRY, variables=RULES)
    assert port in run(collections, "limit_instances", 6, *DRY, "-v", variables=RULES)
