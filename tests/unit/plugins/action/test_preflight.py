# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mistakes of operators with the real playbooks and fifty hosts: each ends the run before anything changes, in one short error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible.release import __version__

COMPUTES: dict[str, dict[str, list[str]]] = {f"cmp{number:02}": {"instance_ports": []} for number in range(50)}
RULES = {"instance_qos_rules": [{"name": "everybody", "limit": {"egress": {"rate": "20mbit"}}}]}
TYPO = {"instance_qos_rules": [{"name": "everybody", "limit": {"egress": {"rat": "20mbit"}}}]}

EMPTY = {"nova_computes": {"hosts": {}}, "mysql": {"hosts": {"db1": None}}}

Play = t.Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def play(tmp_path: Path) -> Play:
    """Run a playbook of the collection; computes and hosts are the variables of the two groups, extra is -e."""

    def run(
        playbook: str, *arguments: str, extra: object = None, computes: object = None, inventory: object = None
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
        environment = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        environment.update(ANSIBLE_NOCOLOR="1", ANSIBLE_LOCALHOST_WARNING="false", ANSIBLE_LOCAL_TEMP=str(tmp_path))
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    return run


def _refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one error of a run that was refused before anything changed."""
    output = done.stdout + done.stderr
    assert done.returncode != 0, output
    assert output.count("fatal:") == 1, output
    assert len(done.stdout.splitlines()) < 20, output
    assert len(output) < 6000, output
    return output


@pytest.mark.parametrize(
    ("playbook", "arguments", "options", "told"),
    [
        ("limit_instances", [], {"computes": TYPO}, "(for the group nova_computes): rule 1 'everybody': limit.egress has"),
        ("limit_instances", ["--limit", "db1"], {"extra": RULES}, "--limit 'db1' leaves no host of 'nova_computes'"),
        ("reserve_disk", [], {"extra": {"nova_disk_reservation_mb": "50g"}}, "is '50g', not a whole number."),
        ("restore_mysql", [], {"computes": {"mysql_backup_restore_database": "x"}}, "did you mean mysql_backup_restore_databases?"),
        ("remove_limits", [], {"inventory": EMPTY}, "The inventory's groups are mysql (1)."),
        ("awx_setup", [], {"extra": {"awx_scm_brunch": "v0.1.0"}}, "did you mean awx_scm_branch?"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_short_error(
    play: Play, playbook: str, arguments: list[str], options: dict[str, t.Any], told: str
) -> None:
    assert told in _refused(play(playbook, *arguments, **options))


def test_tags_are_refused_unless_somebody_imports_the_playbook_with_them(play: Play, tmp_path: Path) -> None:
    assert "--tags x would skip all of show_pools" in _refused(play("show_pools", "--tags", "x"))
    mine = [{"name": "Mine", "import_playbook": "openstack_ops.day2.limit_instances", "tags": ["x"]}]
    (tmp_path / "mine.yml").write_text(json.dumps(mine))
    assert "did you mean rate?" in _refused(play(str(tmp_path / "mine.yml"), "--tags", "x", extra=TYPO))


def test_rules_whose_templates_cannot_be_filled_in_yet_are_left_to_the_role(play: Play) -> None:
    rules = [{"name": "later", "limit": {"egress": {"rate": "{{ not_yet }}"}}}]
    done = play("limit_instances", "--limit", "cmp07", computes={"instance_qos_rules": rules})
    assert "ok: [cmp07]" in done.stdout
    assert done.returncode == 2
    # To ansible-core before 2.19, such rules aren't defined.
    newer = tuple(map(int, __version__.split(".")[:2])) >= (2, 19)
    assert ("'not_yet' is undefined" if newer else "instance_qos_rules is not set, so") in done.stdout + done.stderr
