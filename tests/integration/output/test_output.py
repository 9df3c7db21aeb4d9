# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What playbooks print stays readable on a fleet: so many lines for each host and no more, and one error for one mistake."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest

from tests.integration.output.fleet import run, tree
from tests.places import ROOT

HOSTS = 12
RULES = {
    "instance_qos_rules": [{"name": "all", "limit": {"egress": {"rate": "20mbit"}, "ingress": {"rate": "20mbit"}}}]
}
CEPH = {"ceph_openstack_admin_host": "cmp0001"}
DRY = ("--check", "--diff")


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tree(tmp_path_factory.mktemp("output"))


def per_host(few: str, many: str) -> tuple[float, float]:
    """Lines and characters for each host that the second output has more."""
    assert "failed=0" in many
    assert "failed=1" not in many
    return (many.count("\n") - few.count("\n")) / HOSTS, (len(many) - len(few)) / HOSTS


def told(playbook: str) -> list[str]:
    """What the guide says that 1000 hosts print, in a row of its table: by Ansible's default, and without hosts where nothing changed."""
    page = (ROOT / "docs/docsite/rst/guide_scale.rst").read_text()
    row = page.partition(f"   * - ``{playbook}``\n")[2].partition("\n   * -")[0]
    return re.findall(r"^     - (.*)$", row, re.MULTILINE)


def thousand(few: str, many: str) -> str:
    """The same for a thousand, by a straight line."""
    lines, size = per_host(few, many)
    all_lines, all_size = few.count("\n") + 994 * lines, len(few) + 994 * size
    return f"{round(all_lines, -2):,.0f} lines, {round(all_size / 1000, -1):.0f} kB".replace(",", " ", 1)


# Of the lines of a host, Ansible prints one for each task and one in its recap. Its names here have 7 letters.
@pytest.mark.parametrize(
    ("playbook", "variables", "words", "lines", "size"),
    [
        ("limit_instances", RULES, DRY, 8, 273),
        ("limit_instances", RULES, (), 8, 273),
        ("preview_limits", RULES, (), 8, 265),
        ("show_limits", RULES, (), 9, 279),
        ("remove_limits", {}, DRY, 9, 287),
        ("audit_computes", {}, (), 6, 331),
        ("report", {}, (), 3, 163),
        ("connect_ceph", CEPH, DRY, 9, 259),
        ("verify_ceph", CEPH, (), 7, 230),
        ("reserve_disk", {"nova_disk_reservation_mb": 51200}, DRY, 6, 215),
        ("show_disks", {}, (), 3, 183),
    ],
)
def test_a_playbook_prints_no_more_for_a_host(
    collections: Path, playbook: str, variables: dict[str, t.Any], words: tuple[str, ...], lines: int, size: int
) -> None:
    few, many = (run(collections, playbook, hosts, *words, variables=variables) for hosts in (6, 6 + HOSTS))
    found = per_host(few, many)
    assert (found[0] <= lines, found[1] <= size) == (True, True), found
    if not words and (sizes := told(playbook)):
        assert sizes[0] == thousand(few, many)


# A host that changes has a line, a row of the table, and its line in the recap.
@pytest.mark.parametrize(
    ("playbook", "variables", "lines", "size", "head"),
    [
        (
            "limit_instances",
            RULES,
            3,
            191,
            "Limits: 198 port(s) limited on 18 compute(s); 198 created.\nhost     limited  created\n",
        ),
        ("audit_computes", {}, 2, 263, "node     state "),
        ("verify_ceph", CEPH, 2, 160, "host     client "),
    ],
)
def test_tables_stay_where_hosts_without_a_change_are_hidden(
    collections: Path, playbook: str, variables: dict[str, t.Any], lines: int, size: int, head: str
) -> None:
    few, many = (run(collections, playbook, hosts, variables=variables, brief=True) for hosts in (6, 6 + HOSTS))
    assert f"\n{head}" in many
    found = per_host(few, many)
    assert (found[0] <= lines, found[1] <= size) == (True, True), found
    assert told(playbook)[1] == thousand(few, many)


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
