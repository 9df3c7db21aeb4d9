# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs an action plugin as Ansible does, in an empty folder and without the environment's own cloud."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import action_loader, connection_loader
from ansible.template import Templar


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


class RunAction(t.Protocol):
    def __call__(
        self, name: str, args: dict[str, t.Any], task_vars: dict[str, t.Any] | None = None, **task: t.Any
    ) -> dict[str, t.Any]: ...


@pytest.fixture
def run_action() -> RunAction:
    """The result of an action plugin by its whole name; other keywords are the task's own, such as check_mode."""

    def run(
        name: str, args: dict[str, t.Any], task_vars: dict[str, t.Any] | None = None, **task: t.Any
    ) -> dict[str, t.Any]:
        loader = DataLoader()
        plugin = action_loader.get(
            name,
            task=Task.load({"action": name, "args": args, **task}),
            connection=connection_loader.get("ansible.builtin.local", PlayContext(), os.devnull),
            play_context=PlayContext(),
            loader=loader,
            templar=Templar(loader=loader),
            shared_loader_obj=None,
        )
        return dict(plugin.run(task_vars=task_vars or {}))

    return run
