# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's real cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`). Without it these tests fail."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration import warm
from tests.places import CLOUDS_YAML, ROOT

NAME = "openstack_ops.day2.nova_computes"
_OURS = Path(sys.executable).parent


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    said: str
    """What went to stderr, and with -v to stdout, without Ansible's own line breaks."""


@dataclass(frozen=True)
class Ansible:
    """Runs Ansible's programs on an inventory file, with nothing in the environment but what is given."""

    folder: Path
    programs: Path = _OURS

    def run(self, program: str, *arguments: str, env: dict[str, str] | None = None, **options: t.Any) -> Ran:
        source = self.folder / "test.nova_computes.yml"
        source.write_text(json.dumps({"plugin": NAME, **options}))
        return self.call(program, "-i", str(source), *arguments, env=env)

    def call(self, program: str, *arguments: str, env: dict[str, str] | None = None) -> Ran:
        clean = {
            key: value for key, value in os.environ.items() if not key.startswith(("OS_", "ANSIBLE_", "OPENSTACK_"))
        }
        environment = {
            **clean,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".venv" / "collections"),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "OS_CLOUD": "mini",
            "OS_CLIENT_CONFIG_FILE": str(CLOUDS_YAML),
            "COLUMNS": "100000",
            **(env or {}),
        }
        if (program, self.programs) == ("ansible-playbook", _OURS):
            done = warm.playbook(arguments, environment, folder=self.folder)
        else:
            done = subprocess.run(
                [str(self.programs / program), *arguments],
                cwd=self.folder, env=environment, capture_output=True, text=True, timeout=600, check=False,
            )  # fmt: skip
        return Ran(done.returncode, done.stdout, " ".join((done.stderr + done.stdout).split()))

    def hosts(self, *arguments: str, env: dict[str, str] | None = None, **options: t.Any) -> dict[str, t.Any]:
        """All hosts with their variables, unsafe marks undone, as `ansible-inventory --list` tells them."""
        ran = self.run("ansible-inventory", "--list", *arguments, env=env, **options)
        assert ran.code == 0, ran.said
        variables = _plain(json.loads(ran.out))["_meta"]["hostvars"]
        assert isinstance(variables, dict)
        return variables


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return (
            value["__ansible_unsafe"]
            if list(value) == ["__ansible_unsafe"]
            else {k: _plain(v) for k, v in value.items()}
        )
    return [_plain(item) for item in value] if isinstance(value, list) else value


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    return Ansible(tmp_path)
