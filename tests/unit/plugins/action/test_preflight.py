# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes of operators with the real playbooks and fifty hosts: each ends the run before anything changes, in one short error."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

COMPUTES: dict[str, dict[str, list[str]]] = {f"cmp{number:02}": {"instance_ports": []} for number in range(50)}
RULES = {"instance_qos_rules": [{"name": "everybody", "limit": {"egress": {"rate": "20mbit"}}}]}
TYPO = {"instance_qos_rules": [{"name": "everybody", "limit": {"egress": {"rat": "20mbit"}}}]}

EMPTY = {"nova_computes": {"hosts": {}}, "mysql": {"hosts": {"db1": None}}}

#: Nobody has the password.
ENCRYPTED = """\
some_secret: !vault |
  $ANSIBLE_VAULT;1.1;AES256
  61346133336665623564616261373938376335636662656333396335353033393061353761643839
  3762386364323932643964646536326466626538633331310a303935343134386630306433326264
  61623261306139626430343634336338393161356231333862656332623737653639336437313163
  3561386538366332630a643430626230643834633361396137666134376536636337323361313462
  3436
"""

Play = t.Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a playbook of the collection; computes are the variables of their group, extra is -e, others are of the environment."""

    def run(
        playbook: str,
        *arguments: str,
        extra: object = None,
        computes: object = None,
        inventory: object = None,
        **more: str,
    ) -> t.Any:
        groups = {
            "nova_computes": {"hosts": COMPUTES, "vars": {"ansible_connection": "local", **t.cast("dict[str, object]", computes or {})}},
            "mysql": {"hosts": {"db1": {"ansible_connection": "local"}}},
        }  # fmt: skip
        (tmp_path / "hosts.yml").write_text(json.dumps(groups if inventory is None else inventory))
        command = [
            *(sys.executable, "-m", "ansible", "playbook", "-i", "hosts.yml"),
            playbook if playbook.endswith(".yml") else f"openstack_ops.day2.{playbook}",
            *arguments,
            *(["-e", json.dumps(extra)] if extra else []),
        ]
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("OS_", "CONTROLLER_", "TOWER_"))
        }
        environment.update(
            ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="false", ANSIBLE_LOCAL_TEMP=str(tmp_path), **more
        )
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def _refused(done: subprocess.CompletedProcess[str], lines: int = 20) -> str:
    """The one error of a run that was refused before anything changed."""
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert output.count("fatal:") == 1, output
    assert len(done.stdout.splitlines()) < lines, output
    assert len(output) < 6000, output
    return output


@pytest.mark.parametrize(
    ("playbook", "arguments", "options", "told"),
    [
        ("limit_instances", [], {"computes": TYPO}, "(for the group nova_computes): rule 1 'everybody': limit.egress has"),
        ("limit_instances", ["--limit", "db1"], {"extra": RULES}, "--limit 'db1' leaves no host of 'nova_computes'"),
        ("show_limits", [], {"extra": {"show_limits_target": "nova_computes[50]"} | RULES}, "has 50 hosts, counted from [0] to [49]"),
        ("show_limits", [], {"extra": {"show_limits_target": "cmp01:cpm*"} | RULES}, "No host matches 'cpm*'"),
        ("show_limits", [], {"extra": {"show_limits_target": ""} | RULES}, "show_limits_target (set with -e) is empty"),
        ("reserve_disk", [], {"extra": {"nova_disk_reservation_mb": "50g"}}, "is '50g', not a whole number."),
        ("grow_instances_volume", [], {"extra": {"instances_volume_vg": "../x", "instances_volume_size": "+1g"}}, "'../x' is not a name that LVM"),
        ("restore_mysql", [], {"computes": {"mysql_backup_restore_database": "x"}}, "did you mean mysql_backup_restore_databases?"),
        ("remove_limits", [], {"inventory": EMPTY}, "The inventory's groups are mysql (1)."),
        ("awx_setup", [], {"extra": {"awx_scm_brunch": "v0.1.0"}}, "did you mean awx_scm_branch?"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_short_error(
    play: Play, playbook: str, arguments: list[str], options: dict[str, t.Any], told: str
) -> None:
    assert told in _refused(play(playbook, *arguments, **options))


@pytest.mark.parametrize("playbook", ["awx_setup", "awx_remove"])
def test_an_awx_that_is_not_named_or_not_there_is_told_in_one_error(play: Play, tmp_path: Path, playbook: str) -> None:
    nothing = {"HOME": str(tmp_path)}
    told = _refused(play(playbook, **nothing), lines=60)
    assert "Export CONTROLLER_HOST, as in https://awx.example.com, and CONTROLLER_OAUTH_TOKEN, or" in told
    told = _refused(play(playbook, **{**nothing, "CONTROLLER_HOST": "http://127.0.0.1:1"}), lines=60)
    assert "connect to http://127.0.0.1:1/api" in told
    assert "CapturedExceptionMarker" not in told
    (tmp_path / ".tower_cli.cfg").write_text("[general]\nhost = http://127.0.0.1:2\n")
    assert "connect to http://127.0.0.1:2/api" in _refused(play(playbook, **nothing), lines=60)


@pytest.mark.parametrize("batch", [0, -1, "abc", "200%"])
def test_a_batch_that_ansible_would_take_for_all_hosts_is_refused(play: Play, batch: object) -> None:
    told = _refused(play("reserve_disk", extra={"reserve_disk_batch": batch}), lines=30)
    assert (
        f"reserve_disk_batch is '{batch}'; give a number of hosts from 1, or a share of them from 1% to 100%." in told
    )


def test_tags_are_refused_unless_somebody_imports_the_playbook_with_them(play: Play, tmp_path: Path) -> None:
    assert "--tags x would skip all of show_pools" in _refused(play("show_pools", "--tags", "x"))
    mine = [{"name": "Mine", "import_playbook": "openstack_ops.day2.limit_instances", "tags": ["x"]}]
    (tmp_path / "mine.yml").write_text(json.dumps(mine))
    assert "did you mean rate?" in _refused(play(str(tmp_path / "mine.yml"), "--tags", "x", extra=TYPO))


def test_rules_whose_templates_cannot_be_filled_in_yet_are_left_to_the_role(play: Play) -> None:
    rules = [{"name": "later", "limit": {"egress": {"rate": "{{ not_yet }}"}}}]
    done = play("show_limits", "--limit", "cmp07", computes={"instance_qos_rules": rules})
    assert "ok: [cmp07]" in done.stdout
    assert done.returncode == 2
    assert "'not_yet' is undefined" in done.stdout + done.stderr


LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
DATABASES = {f"db{number}": None for number in range(1, 7)}
MINE = [
    {
        "name": "Ask, and change",
        "hosts": "mysql",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Ask",
                "openstack_ops.day2.preflight_host": {"programs": ["sh"]},
                "register": "seen",
                "failed_when": False,
            },
            {"name": "End", "openstack_ops.day2.preflight": {"register": "seen"}, "run_once": True},
            {"name": "Change", "ansible.builtin.debug": {"msg": "changing"}},
        ],
    }
]


def test_what_only_the_first_host_has_is_missing_on_the_others(play: Play) -> None:
    first = {"instances_volume_vg": "vg0", "instances_volume_size": "+1g"}
    inventory = {"nova_computes": {"hosts": {"cmp01": first, "cmp02": None, "cmp03": None}, "vars": LOCAL}}
    output = _refused(play("grow_instances_volume", inventory=inventory))
    assert "instances_volume_vg is not set for cmp02 and 1 more hosts; set it with -e" in output
    assert "instances_volume_size is not set for cmp02 and 1 more hosts; set it with -e" in output


def test_disk_that_nobody_says_is_one_error_for_all_hosts(play: Play) -> None:
    inventory = {"nova_computes": {"hosts": {f"cmp{number}": None for number in range(7)}, "vars": LOCAL}}
    output = _refused(play("reserve_disk", inventory=inventory), lines=50)
    assert "cmp4 and 2 more: Nothing says how much to reserve there. Set nova_disk_reservation_mb," in output


def test_what_the_play_says_like_the_first_host_is_set_on_all(play: Play, tmp_path: Path) -> None:
    told = {"instances_volume_vg": "vg0", "instances_volume_size": "+1g"}
    mine = {
        "import_playbook": "openstack_ops.day2.grow_instances_volume",
        "vars": {**told, "instances_volume_lvm": "x"},
    }
    (tmp_path / "mine.yml").write_text(json.dumps([mine]))
    inventory = {"nova_computes": {"hosts": {"cmp01": told, "cmp02": None}, "vars": LOCAL}}
    output = _refused(play("mine.yml", inventory=inventory))
    assert "is not set" not in output
    assert "instances_volume_lvm" in output  # what ends the run instead


def test_a_secret_that_the_run_has_no_password_for_is_left_alone(play: Play, tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "nova_computes.yml").write_text(ENCRYPTED)
    first = {"instances_volume_vg": "vg0", "instances_volume_size": "+1g"}
    inventory = {"nova_computes": {"hosts": {"cmp01": first, "cmp02": None}, "vars": LOCAL}}
    output = _refused(play("grow_instances_volume", inventory=inventory))
    assert "instances_volume_vg is not set for cmp02" in output


@pytest.mark.parametrize("playbook", ["limit_instances", "preview_limits", "show_limits"])
def test_computes_of_another_inventory_are_one_error(play: Play, playbook: str) -> None:
    hosts: dict[str, t.Any] = {"cmp01": {"instance_ports": []}, "cmp02": None, "cmp03": None}
    output = _refused(play(playbook, extra=RULES, inventory={"nova_computes": {"hosts": hosts, "vars": LOCAL}}))
    assert "instance_ports is not set for cmp02 and 1 more hosts; use the inventory openstack_ops.day2" in output


@pytest.mark.parametrize("arguments", [[], ["--check"]])
def test_what_hosts_lack_is_one_error_before_the_first_is_changed(play: Play, arguments: list[str]) -> None:
    inventory = {"mysql": {"hosts": DATABASES, "vars": {**LOCAL, "ansible_become": False}}}
    done = play("backup_mysql", *arguments, inventory=inventory)
    assert done.returncode != 0
    assert done.stdout.count("fatal:") == 1, done.stdout
    assert (
        "db1, db2, db3, db4, db5 and 1 more: /usr/local/sbin/mysql-backup isn't installed on this host" in done.stdout
    )
    assert "PLAY [Back up" not in done.stdout


def test_a_host_on_which_nobody_becomes_root_is_told_with_the_reason(play: Play, tmp_path: Path) -> None:
    (tmp_path / "sudo").write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    (tmp_path / "sudo").chmod(0o755)
    hosts = {"db1": None, "db2": {"ansible_become_exe": str(tmp_path / "sudo")}}
    done = play(
        "backup_mysql", inventory={"mysql": {"hosts": hosts, "vars": LOCAL}}, ANSIBLE_BECOME_ALLOW_SAME_USER="1"
    )
    assert done.stdout.count("fatal:") == 1, done.stdout
    assert re.search(
        "db2: Ansible can't run a module there as root: [^\"]*sudo: a password is required[.]", done.stdout
    )


@pytest.mark.parametrize("all_or_none", [False, True])
def test_a_host_that_does_not_answer_is_left_out_unless_all_are_concerned(
    play: Play, tmp_path: Path, all_or_none: bool
) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\nexit 255\n")
    (tmp_path / "ssh").chmod(0o755)
    dead = {"ansible_connection": "ssh", "ansible_ssh_executable": str(tmp_path / "ssh")}
    (tmp_path / "mine.yml").write_text(json.dumps([{**MINE[0], "any_errors_fatal": all_or_none}]))
    inventory = {"mysql": {"hosts": {"db1": None, "db2": dead}, "vars": {**LOCAL, "ansible_become": os.geteuid() != 0}}}
    done = play(str(tmp_path / "mine.yml"), inventory=inventory)
    assert "fatal: [db2]: UNREACHABLE!" in done.stdout
    assert ("changing" in done.stdout) is not all_or_none, done.stdout
    assert done.returncode != 0
