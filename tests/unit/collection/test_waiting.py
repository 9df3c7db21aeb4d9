# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every wait of the tests has an end: one that waited for a state that couldn't come once took the whole suite's time."""

from __future__ import annotations

import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.places import ROOT
from tests.waiting import PATIENCE, PATIENCE_TO_MAKE, until, until_in_shell

PLACES = ("tests/integration", "tests/lab", "molecule")
#: A task of Ansible's own takes time, too: so many tries with a second between them are five minutes.
TRIES = 240
#: What ends a loop of the shell that has no end of its own: timeout, or the unit that it is in.
ENDED = ("timeout ", "ExecStart=", "systemd-run ")


def texts(*names: str) -> list[tuple[str, str]]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *PLACES], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    return [(path, (ROOT / path).read_text()) for path in listed.stdout.splitlines() if Path(path).suffix in names]


def test_what_holds_is_returned() -> None:
    answers = iter(["", "", "it"])
    assert until("it", lambda: next(answers), every=0) == "it"


def test_what_never_comes_is_told_with_what_was_seen_last() -> None:
    with pytest.raises(AssertionError, match=r"After 0 s and still not: the port is up\. Seen last: \[\]"):
        until("the port is up", list, seconds=0, every=0)
    with pytest.raises(AssertionError, match=r"Seen last: the log"):
        until("the port is up", bool, seen=lambda: "the log", seconds=0, every=0)


def test_a_process_that_has_ended_is_waited_for_no_longer() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(7)"]) as process:
        with pytest.raises(AssertionError, match=r"The process has ended \(7\) and still not: it listens"):
            until("it listens", bool, process=process, every=0.01)
        assert until("it had listened", lambda: True, process=process)


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_shell_waits_and_tells(shell: str, tmp_path: Path) -> None:
    def run(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shell, "-ec", line], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
        )

    done = run(f"(sleep 0.2; touch there) & {until_in_shell('the file', '[ -e there ]')}; echo came")
    assert (done.returncode, done.stdout) == (0, "came\n")
    done = run(f"{until_in_shell('the other file', '[ -e other ]', seen='ls', seconds=0)}; echo came")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.split("\n") == ["After 0 s still not: the other file. Seen last:", "there", ""]


def test_no_program_may_take_longer_than_ten_minutes() -> None:
    found = [
        f"{path}: {hit[0]}"
        for path, text in texts(".py", "")
        for hit in re.finditer(r"(?:timeout|wait|seconds)\s*(?:: float)?\s*=\s*(\d+)\b(?!\s*[-*])", text)
        if int(hit[1]) > PATIENCE_TO_MAKE
    ]
    assert found == []


def test_no_shell_waits_for_ever() -> None:
    """A loop that sleeps counts its turns or looks at a clock."""
    endless = re.compile(r"\b(?:until|while) [^\n]{1,200}?; do sleep [\d.]+; done")
    found = [
        f"{path}: {line.strip()}"
        for path, text in texts(".py", ".yml", ".sh", "")
        for line in text.splitlines()
        if endless.search(line) and not any(word in line for word in ENDED)
    ]
    assert found == []


def retried(node: t.Any) -> t.Iterator[dict[str, t.Any]]:
    if isinstance(node, dict):
        if "retries" in node:
            yield node
        for value in node.values():
            yield from retried(value)
    elif isinstance(node, list):
        for value in node:
            yield from retried(value)


def test_no_task_is_tried_for_longer_than_five_minutes() -> None:
    found = [
        f"{path}: {task.get('name')}"
        for path, text in texts(".yml")
        for task in retried(yaml.load(text, Loader=yaml.BaseLoader))
        if int(task["retries"]) > TRIES or int(task["retries"]) * float(task.get("delay", 5)) > PATIENCE
    ]
    assert found == []
