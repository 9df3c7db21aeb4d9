# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers with systemd (`tests/lab/image`) as hosts."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path

from tests.integration.page import Newcomer
from tests.places import CACHE, ROOT
from tests.waiting import until_in_shell

CONF = CACHE / "containers.conf"
_PREFIX = "walk-"
_LAB = {**os.environ, "DAY2_CACHE": str(CACHE), "CONTAINERS_CONF": str(CONF)}


class Containers:
    """The hosts of a newcomer's walk, by their names on the page."""

    def __init__(self, newcomer: Newcomer, folder: Path) -> None:
        """The folder is theirs, too."""
        self.newcomer = newcomer
        self.folder = folder
        self._processes: dict[str, str] = {}

    def start(self, flavour: str, *names: str) -> None:
        """Without a network: what they need of one the test makes between them."""
        _run(str(ROOT / "tests/lab/image"), flavour, timeout=600)
        self.remove(*names)  # of a run that was killed
        for name in names:
            self._processes[name] = ""
            _run(
                "podman", "run", "--detach", f"--name={_PREFIX}{name}", f"--hostname={name}", "--systemd=always", "--privileged",
                "--network=none", f"--volume={self.folder}:{self.folder}", f"localhost/day2-{flavour}", "/sbin/init",
            )  # fmt: skip
            self._processes[name] = _run("podman", "inspect", "--format={{.State.Pid}}", f"{_PREFIX}{name}").strip()
            self._connect(name)
        for name in names:
            running = "systemctl is-system-running 2>&1 | grep -q running"
            self.on(name, until_in_shell("systemd has started all", running, seen="systemctl list-jobs", every=0.2))

    def _connect(self, name: str) -> None:
        """How Ansible reaches it. `podman exec` takes 0.2 s or more, and podman's connection plugin calls it four times for a module."""
        python = self.folder / f"python-{name}"
        python.write_text(f'#!/bin/sh\nexec {shlex.join(self.enter(name))} /usr/bin/python3 "$@"\n')
        python.chmod(0o755)
        self.newcomer.write(
            f"host_vars/{name}.yml",
            {
                "ansible_connection": "local",
                "ansible_python_interpreter": str(python),
                "ansible_remote_tmp": str(self.folder / "tmp"),
                "ansible_pipelining": True,
                "ansible_become": False,
            },
        )

    def enter(self, name: str) -> tuple[str, ...]:
        """What to put before a command that runs there."""
        return ("nsenter", "--all", f"--target={self.process(name)}")

    def process(self, name: str) -> str:
        """The id of its first process."""
        return self._processes[name]

    def on(self, name: str, script: str) -> str:
        return _run(*self.enter(name), "sh", "-e", script=script)

    def remove(self, *names: str) -> None:
        for name in names or self._processes:
            _run("podman", "rm", "--force", "--ignore", "--time=0", f"{_PREFIX}{name}")


def _run(*command: str, script: str = "", timeout: float = 600) -> str:
    done = subprocess.run(command, input=script, text=True, env=_LAB, timeout=timeout, capture_output=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
