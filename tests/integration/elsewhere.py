# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as somebody has it who installed the package: nothing of the checkout is in reach."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.places import ROOT


def run(*command: str, cwd: Path | None, env: dict[str, str], timeout: float) -> str:
    """What a program says that nobody answers; one that fails tells what it said. The timeout is for what hangs, not for what is slow."""
    done = subprocess.run(
        command,
        check=False,
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Elsewhere:
    """An empty home, and collections installed where Ansible keeps them there. With `others`, those of the package `ansible` are found as well."""

    def __init__(self, home: Path, *, others: bool = False, **more: str) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.collections = home / ".ansible/collections"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "OS_"))}
        self.environment = {
            **inherited,
            "HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": str(others).lower(),
            "ANSIBLE_NOCOLOR": "1",
            "NO_COLOR": "1",
            **more,
        }

    def run(self, *command: str, timeout: float = 600) -> str:
        return run(*command, cwd=self.home, env=self.environment, timeout=timeout)

    def build(self) -> Path:
        """The package of the checkout as it is, whatever tests and tools have left there."""
        self.run("ansible-galaxy", "collection", "build", str(ROOT), "--output-path", str(self.home))
        (built,) = self.home.glob("*.tar.gz")
        return built

    def install(self, package: Path) -> None:
        self.run(
            "ansible-galaxy",
            "collection",
            "install",
            "--offline",
            "--collections-path",
            str(self.collections),
            str(package),
        )
