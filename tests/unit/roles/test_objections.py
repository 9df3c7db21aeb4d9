# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that no host can use, or that contradict each other, are one error for all hosts, before anything changes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

HOSTS: dict[str, None] = {f"cmp{number:02}": None for number in range(7)}


PEM = "-----BEGIN CERTIFICATE-----"
LOGS = {
    "central_logs_part": "node",
    "central_logs_server": "log1",
    "central_logs_ca": PEM,
    "central_logs_certificate": PEM,
    "central_logs_private_key": "-----BEGIN PRIVATE KEY-----",
}
WRONG = [{"name": "all", "limit": {"egress": {"rat": "20mbit"}}}]


def _run(
    folder: Path, role: str, *, inventory: object = None, role_vars: object = None, extra: object = None, rc: int = 2
) -> str:
    """The errors of a run of the role on seven hosts."""
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        **t.cast("dict[str, object]", inventory or {}),
    }
    (folder / "hosts.json").write_text(json.dumps({"all": {"hosts": HOSTS, "vars": variables}}))
    task = {"import_role": {"name": f"openstack_ops.day2.{role}"}, "vars": role_vars or {}}
    (folder / "play.json").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [task]}]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.json", "play.json", "-e", json.dumps(extra or {})],
        cwd=folder,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == rc, done.stdout
    return "\n".join(re.findall("fatal: .*", done.stdout))


@pytest.mark.parametrize(
    ("role", "options", "told"),
    [
        ("nova_notifications", {"nova_notifications_topics": []}, "nova_notifications_topics is empty; to send nothing, "),
        ("nova_notifications", {"nova_notifications_topics": ["a b"]}, "nova_notifications_topics has 'a b'; a topic is letters"),
        ("nova_notifications", {"nova_notifications_topics": ["a\n"]}, "nova_notifications_topics has 'a"),
        ("central_logs", {**LOGS, "central_logs_server": ""}, "central_logs_server is empty; name the host"),
        ("central_logs", {**LOGS, "central_logs_senders": {"192.0.2.1": "../x"}}, "central_logs_senders has the folder '../x'; it is"),
        ("mysql_backup", {"mysql_backup_schedule": "0 2 * *"}, "mysql_backup_schedule is '0 2 * *', which cron ignores"),
        ("mysql_backup", {"mysql_backup_directory": "backups"}, "mysql_backup_directory, mysql_backup_scratch and mysql_backup_metrics_directory"),
    ],
)  # fmt: skip
def test_contradictions_are_told_once(tmp_path: Path, role: str, options: dict[str, t.Any], told: str) -> None:
    said = _run(tmp_path, role, extra=options)
    assert said.count("fatal: ") == 1
    assert f"cmp00, cmp01, cmp02, cmp03, cmp04 and 2 more: {told}" in said
    assert "Nothing was changed on any host." in said


def test_options_that_agree_are_no_error(tmp_path: Path) -> None:
    assert _run(tmp_path, "nova_notifications", inventory={"nova_notifications_services": []}, rc=0) == ""


@pytest.mark.parametrize(
    ("role", "options"),
    [
        ("central_logs", {**LOGS, "central_logs_files": [], "central_logs_install_packages": False}),
        ("mysql_backup", {}),
    ],
)
def test_options_that_agree_are_not_refused(tmp_path: Path, role: str, options: dict[str, t.Any]) -> None:
    """The next thing that ends the run is a host without Python."""
    said = _run(tmp_path, role, inventory={**options, "ansible_python_interpreter": "/nonexistent"})
    assert "/nonexistent" in said
    assert "assertions" not in said


@pytest.mark.parametrize(
    ("inventory", "role_vars", "told"),
    [
        ({}, {}, "instance_qos_rules is not set"),
        ({"instance_qos_rules": WRONG}, {}, "rule 1 'all': limit.egress has "),
        ({"instance_qos_rules": []}, {"instance_qos_rules": WRONG}, "rule 1 'all': limit.egress has "),
    ],
)
def test_rules_are_judged_once_where_the_role_is_used_alone(
    tmp_path: Path, inventory: object, role_vars: object, told: str
) -> None:
    said = _run(tmp_path, "instance_qos", inventory=inventory, role_vars=role_vars)
    assert said.count("fatal: ") == 1
    assert told in said


def test_hosts_of_the_play_that_do_not_use_the_role_need_no_rules(tmp_path: Path) -> None:
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars/cmp00.json").write_text(json.dumps({"instance_qos_rules": []}))
    ports = "{{ nowhere if inventory_hostname == 'cmp00' else [] }}"
    said = _run(tmp_path, "instance_qos", inventory={"instance_ports": ports})
    assert said.count("'nowhere' is undefined") == 1
    # ansible-core before 2.19 quotes the template in its error, on cmp00, too.
    without = [line for line in said.splitlines() if "instance_qos_rules is not set for this host" in line]
    assert len([line for line in without if "'nowhere'" not in line]) == len(HOSTS) - 1


def test_rules_of_the_inventory_that_the_role_is_given_others_for_are_not_judged(tmp_path: Path) -> None:
    said = _run(tmp_path, "instance_qos", inventory={"instance_qos_rules": WRONG}, role_vars={"instance_qos_rules": []})
    assert said.count("fatal: ") == 1, said
    assert "instance_ports is not set for " in said  # what ends the run next
    assert "limit.egress" not in said


def test_computes_of_both_backends_are_asked_before_one_is_changed(tmp_path: Path) -> None:
    inventory = {
        "ansible_python_interpreter": "/nonexistent",
        "instance_qos_backend": "{{ 'tc' if inventory_hostname < 'cmp03' else 'libvirt' }}",
        "instance_qos_state": "absent",
    }
    said = _run(tmp_path, "instance_qos", inventory=inventory)
    assert said.count("fatal: ") == 1
    assert "cmp00, cmp01, cmp02, cmp03, cmp04 and 2 more: Ansible can't run a module there" in said
