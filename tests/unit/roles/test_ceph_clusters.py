# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cluster a run asks for which host, with a ceph command that answers for one of two configuration files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

CEPH = """#!/bin/sh
echo "$*" >>'{log}'
case "$*" in
    *two.conf*) echo 'error connecting to the cluster' >&2; exit 1 ;;
    *fsid*) echo '{{"fsid": "2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e"}}' ;;
    *'mon dump'*) echo '{{"mons": []}}' ;;
    *'df detail'*) echo '{{"pools": []}}' ;;
    *) echo '[]' ;;
esac
"""
ENTRY = "openstack_ops.day2.ceph_openstack"
INVENTORY = {
    "all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "hosts": {"one": {}, "two": {}},
        "children": {"nova_computes": {"hosts": {"n1": {"az": "one"}, "n2": {"az": "two"}}}},
    }
}
EACH = {"ceph_openstack_admin_host": "{{ az }}", "ceph_openstack_admin_conf": "/{{ az }}.conf"}


class Asked(t.NamedTuple):
    rc: int
    out: str
    commands: list[str]


def run(tmp_path: Path, plays: list[dict[str, t.Any]], groups: dict[str, t.Any], *words: str) -> Asked:
    log, folder = tmp_path / "log", tmp_path / "bin"
    log.write_text("")
    folder.mkdir()
    (folder / "ceph").write_text(CEPH.format(log=log))
    (folder / "ceph").chmod(0o755)
    inventory = json.loads(json.dumps(INVENTORY))
    inventory["all"]["children"]["nova_computes"]["vars"] = groups
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays))
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
    # The bindings would be preferred to the command.
    (tmp_path / "rados.py").write_text("raise ImportError\n")
    done = subprocess.run(
        ["ansible-playbook", "-i", "hosts.yml", "play.yml", *words],
        cwd=tmp_path,
        env={**os.environ, **environment, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    return Asked(done.returncode, done.stdout + done.stderr, log.read_text().splitlines())


def play_of(tasks_from: str, variables: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    task = {"name": "Run", "ansible.builtin.import_role": {"name": ENTRY, "tasks_from": tasks_from}}
    play = {"name": "Play", "hosts": "nova_computes", "gather_facts": False, "vars": variables, "tasks": [task]}
    return [play]


def test_a_variable_of_the_play_that_differs_from_host_to_host_is_refused(tmp_path: Path) -> None:
    found = run(tmp_path, play_of("verify", EACH), {})
    assert (
        "The play sets ceph_openstack_admin_conf, ceph_openstack_admin_host to something else for this host than for n1"
        in found.out
    )
    assert found.out.count("fatal: [n2]: FAILED") == 1
    assert found.commands
    assert not any("/two.conf" in command for command in found.commands)


def test_no_cluster_is_changed_while_another_does_not_answer(tmp_path: Path) -> None:
    found = run(tmp_path, play_of("main", {}), {**EACH})
    assert found.rc == 2, found.out
    assert (
        "Nothing was changed on any cluster, because two didn't answer: No monitor of /two.conf answered" in found.out
    )
    assert {command.split()[-1] for command in found.commands} == {"fsid", "dump"}


def test_where_no_cluster_answers_that_is_told_once(tmp_path: Path) -> None:
    found = run(
        tmp_path, play_of("verify", {}), {"ceph_openstack_admin_host": "two", "ceph_openstack_admin_conf": "/two.conf"}
    )
    assert found.out.count("fatal: ") == 1, found.out
    assert "No monitor of /two.conf answered" in found.out


@pytest.mark.parametrize("playbook", ["show_pools", "adopt_ceph"])
def test_the_administrator_is_asked_who_is_named_by_the_caller_or_beside_keys(tmp_path: Path, playbook: str) -> None:
    variables = {"ceph_openstack_admin_host": "one", "ceph_openstack_admin_conf": "/one.conf"}
    plays = [{"import_playbook": f"openstack_ops.day2.{playbook}", "vars": variables}]
    found = run(tmp_path, plays, {"ceph_openstack_keys": {"cinder": "AQ=="}})
    assert " -> one]" in found.out, found.out
    assert found.commands
    assert all("/one.conf" in command for command in found.commands)
