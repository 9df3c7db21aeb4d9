# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that contradict each other are one error for all hosts, before anything changes."""

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


@pytest.mark.parametrize(
    ("role", "options", "told"),
    [
        ("nova_notifications", {"nova_notifications_topics": []}, "nova_notifications_topics is empty; to send nothing, "),
        ("nova_notifications", {"nova_notifications_topics": ["a b"]}, "nova_notifications_topics has 'a b'; a topic is letters"),
    ],
)  # fmt: skip
def test_they_are_told_once(tmp_path: Path, role: str, options: dict[str, t.Any], told: str) -> None:
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"hosts": HOSTS, "vars": {"ansible_connection": "local"}}}))
    play = {"hosts": "all", "gather_facts": False, "tasks": [{"import_role": {"name": f"openstack_ops.day2.{role}"}}]}
    (tmp_path / "play.json").write_text(json.dumps([play]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "hosts.json", "play.json", "-e", json.dumps(options)],
        cwd=tmp_path,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stdout
    (fatal,) = re.findall("fatal: .*", done.stdout)
    assert f"cmp00, cmp01, cmp02, cmp03, cmp04 and 2 more: {told}" in fatal
    assert "Nothing was changed on any host." in fatal
