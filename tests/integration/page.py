# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A newcomer's walk through a guide: files and commands are copied from the page, in its order, into an empty home with the installed package.

What is the reader's own on a page (ids, mostly) is given with its replacement; a page that doesn't show it any more fails the test.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
import typing as t
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.integration import elsewhere
from tests.integration.elsewhere import Elsewhere
from tests.places import CACHE, ROOT

_BLOCK = re.compile(r"^\.\. code-block:: (console|yaml)\n\n((?:(?: {3,}.*)?\n)+)", re.MULTILINE)
_NAME = re.compile(r"# ([a-z_]+\.yml)\n")


@dataclass(frozen=True)
class Step:
    """A command of a page. Behind `$` it is the operator's, behind `#` one of root's on a host."""

    prompt: str
    command: str


class Page:
    def __init__(self, guide: str, own: t.Mapping[str, str] | None = None) -> None:
        text = (ROOT / f"docs/docsite/rst/guide_{guide}.rst").read_text()
        self.blocks = [(kind, re.sub(r"^ {3,4}", "", body, flags=re.MULTILINE)) for kind, body in _BLOCK.findall(text)]
        for example, real in (own or {}).items():
            assert any(example in body for _kind, body in self.blocks), f"guide_{guide} doesn't show {example} any more"
            self.blocks = [(kind, body.replace(example, real)) for kind, body in self.blocks]

    @property
    def files(self) -> dict[str, str]:
        """The files whose first line is their name."""
        named = ((_NAME.match(body), body) for kind, body in self.blocks if kind == "yaml")
        return {name.group(1): body for name, body in named if name}

    @property
    def steps(self) -> list[Step]:
        """The commands, lines that go on taken together."""
        shown = "".join(body for kind, body in self.blocks if kind == "console").replace("\\\n", " ").splitlines()
        return [Step(line[0], line[2:]) for line in shown if line.startswith(("$ ", "# "))]

    def steps_before(self, word: str) -> list[Step]:
        return self.steps[: self._first(word)]

    def steps_from(self, word: str) -> list[Step]:
        return self.steps[self._first(word) :]

    def _first(self, word: str) -> int:
        return next(number for number, step in enumerate(self.steps) if word in step.command)


class Newcomer(Elsewhere):
    """Somebody with an empty home, the package installed there, and a page."""

    def __init__(self, home: Path, package: Path, **environment: str) -> None:
        super().__init__(home, others=True, **environment)
        self.install(package)

    @classmethod
    def with_ansible(cls, home: Path, package: Path, **environment: str) -> Newcomer:
        """With a virtual environment that has Ansible and what the collection says that it needs; for what a page has its readers install."""
        venv = home / "venv"
        # The versions alone: with hashes, pip would want one of everything that it installs.
        pins = str(home / "pins.txt")
        pinned = re.findall(r"^\S+==\S+", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE)
        Path(pins).write_text("\n".join(pinned))
        uv = {**os.environ, "UV_CACHE_DIR": str(CACHE / "uv"), "VIRTUAL_ENV": str(venv)}
        for command in (
            ("venv", "--seed", "--python", sys.executable, str(venv)),
            ("pip", "install", "--constraint", pins, "ansible-core", "--requirement", str(ROOT / "requirements.txt")),
        ):
            elsewhere.run(str(CACHE / "uv-venv/bin/uv"), *command, cwd=home, env=uv, timeout=600)
        path = f"{home / 'bin'}:{venv / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        pip = {"PIP_CACHE_DIR": str(CACHE / "pip"), "PIP_CONSTRAINT": pins}
        there = cls(home, package, PATH=path, **pip, **environment)
        # Where the collections are by which the lab's hosts are reached.
        there.environment["ANSIBLE_COLLECTIONS_PATH"] += f":{sysconfig.get_path('purelib')}"
        return there

    def program(self, name: str, script: str) -> None:
        """Something that the reader can call, a shell script."""
        self.write(f"bin/{name}", f"#!/bin/sh\n{script}")
        (self.home / "bin" / name).chmod(0o755)

    def write(self, name: str, content: t.Any) -> None:
        """A file: a text as it is, anything else as YAML."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.dump(content))

    def copy(self, page: Page) -> None:
        for name, text in page.files.items():
            self.write(name, text)

    def walk(self, steps: t.Iterable[Step], root: t.Sequence[str] = ()) -> str:
        """Do these, and stop at the first that fails; all that was said. `root` is put before what root does on a host."""
        return self.run(*_shell(steps, root), timeout=600)

    @contextmanager
    def at(self, steps: t.Iterable[Step]) -> t.Iterator[t.Callable[[], str]]:
        """While these, of which the last doesn't end by itself, are being done: what was said until now."""
        log = self.home / "walk.log"
        with log.open("w") as out:
            process = subprocess.Popen(
                _shell(steps), cwd=self.home, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True,
            )  # fmt: skip

        def said() -> str:
            assert process.poll() is None, f"it has ended:\n{log.read_text()}"
            return log.read_text()

        try:
            yield said
        finally:
            with suppress(ProcessLookupError):  # it has ended by itself
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


def _shell(steps: t.Iterable[Step], root: t.Sequence[str] = ()) -> list[str]:
    script = []
    for step in steps:
        assert step.prompt == "$" or root, f"on which host is root to do {step.command}?"
        script.append(step.command if step.prompt == "$" else shlex.join([*root, "bash", "-c", step.command]))
    return ["bash", "-exc", "\n".join(script)]
