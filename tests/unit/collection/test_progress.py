# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rotation of keys says how many hosts are through, also where one of them failed."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import yaml

from tests.places import ROOT

ROTATION = yaml.safe_load((ROOT / "playbooks/rotate_ceph_keys.yml").read_text())
PARTS = {1: "Install the successors", 2: "Switch the services"}
FAILS = {"ansible.builtin.fail": {"msg": "no"}, "when": "inventory_hostname in broken"}


def said(tmp_path: Path, part: int, *, broken: list[str], check: bool = False) -> list[str]:
    """What a part says on three hosts, of which the role fails on those that are broken."""
    named = next(play for play in ROTATION if play["name"].startswith(PARTS[part]))
    play: dict[str, t.Any] = {**named, "become": False, "hosts": "all"}
    tasks = [FAILS if "ansible.builtin.import_role" in task else task for task in play.get("tasks", [])]
    play["tasks"] = tasks or [FAILS for _role in play.pop("roles")]
    (tmp_path / "part.yml").write_text(yaml.safe_dump([play]))
    variables = yaml.safe_dump({"broken": broken, "ceph_openstack_current": {"cinder": "cinder-2027"}})
    (tmp_path / "variables.yml").write_text(variables)
    done = subprocess.run(
        ["ansible-playbook", "-i", "cmp01,cmp02,cmp03", "-c", "local", "-e", "@variables.yml", "part.yml"]
        + (["--check"] if check else []),
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in done.stdout.splitlines() if line.startswith("Part")]


def test_the_first_part_says_that_services_come_next(tmp_path: Path) -> None:
    end = "the key of cinder-2027. Part 2, services, comes next."
    assert said(tmp_path, 1, broken=[]) == [f"Part 1 of 2, keys: all 3 hosts have and proved {end}"]
    assert said(tmp_path, 1, broken=[], check=True) == [f"Part 1 of 2, keys: all 3 hosts would have {end}"]


def test_the_first_part_doesnt_go_on_where_a_host_failed(tmp_path: Path) -> None:
    assert said(tmp_path, 1, broken=["cmp02"]) == []


def test_the_second_part_names_the_hosts_that_are_left(tmp_path: Path) -> None:
    begin = "Part 2 of 2, services: {} of 3 hosts use cinder-2027. "
    assert said(tmp_path, 2, broken=[]) == [begin.format(3) + "The predecessors work until retire_ceph_client."]
    assert said(tmp_path, 2, broken=["cmp01", "cmp03"]) == [
        begin.format(1) + "Not yet: cmp01, cmp03. Run again; the predecessors work until then."
    ]
