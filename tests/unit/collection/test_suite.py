# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tools/test calls the suite green only where each stage has passed, and says which needed a second try."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.places import ROOT

CALLED = 'echo "$1" >>"$CALLS"; '


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A checkout whose stages are: check, cloud, cores, three scenarios, demo; each does nothing, and well."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/test", tmp_path / "tools/test")
    for name in ("tools/bootstrap", "tools/check", "tools/cores", "tools/need", "tests/lab/cloud", "tests/lab/demo"):
        program(tmp_path / name, "true")
    program(tmp_path / ".venv/bin/id", "echo 0")
    (tmp_path / "tests/integration").mkdir()
    for name in ("red", "red_and_more", "green"):
        (tmp_path / "molecule" / name).mkdir(parents=True)
        (tmp_path / "molecule" / name / "molecule.yml").touch()
    program(tmp_path / "tests/lab/molecule", CALLED)
    return tmp_path


def ran(suite: Path, *stages: str, **environment: str) -> tuple[int, str, list[str]]:
    """Exit code, the end of the output, and the scenarios in the order in which they were called."""
    calls = suite / "calls"
    calls.touch()
    done = subprocess.run(
        ["tools/test", *stages],
        cwd=suite,
        env={**os.environ, "LANES": "1", "RETRY": "1", "CALLS": str(calls), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.partition("==== all stages")[2], calls.read_text().split()


SCENARIOS = ("molecule-red", "molecule-red_and_more", "molecule-green")


def test_all_is_well(suite: Path) -> None:
    code, said, calls = ran(suite, "check", *SCENARIOS)
    assert (code, calls) == (0, ["red", "red_and_more", "green"])
    assert said.endswith("\n4 passed, 0 failed\n")


def test_what_passes_at_the_second_try_is_named(suite: Path) -> None:
    program(
        suite / "tests/lab/molecule",
        CALLED + '[ "$1" != red ] || [ "$(grep -cx red "$CALLS")" = 2 ] || { echo "E   why"; false; }',
    )
    code, said, calls = ran(suite, *SCENARIOS)
    assert (code, calls) == (0, ["red", "red_and_more", "green", "red"])
    assert "==== why molecule-red failed at first (build/test/molecule-red.first.log)\n  E   why\n" in said
    assert said.endswith("\n3 passed (1 of them flaky), 0 failed\n")
    assert re.findall("^FAILED", said, re.MULTILINE) == []


def test_what_fails_twice_fails_the_whole(suite: Path) -> None:
    program(suite / "tests/lab/molecule", CALLED + '[ "$1" = green ] || { echo "E   why $1"; false; }')
    code, said, calls = ran(suite, *SCENARIOS)
    assert (code, calls) == (1, ["red", "red_and_more", "green", "red", "red_and_more"])
    assert re.findall(r"why (\S+) failed \(build/test/(\S+)\.log", said) == [
        (name, name) for name in ("molecule-red", "molecule-red_and_more")
    ]
    assert said.endswith("\n1 passed, 2 failed\n")


def test_of_pytest_the_files_that_failed_are_tried_again(suite: Path) -> None:
    (suite / "tests/integration/one").mkdir()
    (suite / "tests/integration/one/test_a.py").touch()
    failed = "FAILED tests/integration/one/test_b.py::test_x[a b] - why\nERROR tests/integration/one/test_a.py\n"
    failed += "FAILED tests/integration/one/test_b.py::test_y - why"
    program(
        suite / ".venv/bin/pytest", f'echo "$*" | tr " " , >>"$CALLS"; [ $# != 2 ] || {{ echo "{failed}"; false; }}'
    )
    code, _said, calls = ran(suite, "integration-one")
    whole, again = (f"-q,{files}" for files in ("{0}", "{0}/test_a.py,{0}/test_b.py"))
    assert (code, calls) == (0, [one.format("tests/integration/one") for one in (whole, again)])


def test_a_second_try_finds_the_cloud_up(suite: Path) -> None:
    (suite / "molecule/red/inventory").mkdir()
    (suite / "molecule/red/inventory/nova_computes.yml").touch()
    program(suite / "tests/lab/cloud", '[ "$1" = status ] || echo "cloud-$1" >>"$CALLS"')
    program(suite / "tests/lab/molecule", CALLED + '[ "$(grep -cx red "$CALLS")" = 2 ]')
    code, _said, calls = ran(suite, "cloud", "molecule-red")
    assert (code, calls) == (0, ["cloud-up", "cloud-seed", "red"] * 2)


@pytest.mark.parametrize("environment", [{"RETRY": "0"}, {}])
def test_the_first_answer_counts(suite: Path, environment: dict[str, str]) -> None:
    # More than three failures are no flaky tests.
    program(suite / "tests/lab/molecule", CALLED + "false")
    program(suite / "tools/check", 'test "$RETRY" = 0')
    code, said, calls = ran(suite, "check", *SCENARIOS, **environment)
    assert (code, calls) == (1, ["red", "red_and_more", "green"])
    assert said.endswith("3 failed\n" if environment else "4 failed\n")


def test_a_lane_that_dies_is_a_failure(suite: Path) -> None:
    parent = "parent() { awk '/^PPid:/ { print $2 }' /proc/$1/status; }; "
    program(suite / "tests/lab/molecule", CALLED + parent + 'kill -9 "$(parent "$(parent $PPID)")"')
    code, said, _calls = ran(suite, "molecule-green")
    assert code == 1
    assert said.endswith("\n0 passed, 1 failed\n")
