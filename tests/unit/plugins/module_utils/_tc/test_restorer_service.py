# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python runs the restorer: not the one of whoever ran Ansible, as long as the host has one of its own. And its unit as a whole."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import restorer_service


def run(args: list[str], _data: str) -> tuple[int, str, str]:
    done = subprocess.run(args, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of the host's own Python, where nothing is yet."""
    path = tmp_path / "python3"
    monkeypatch.setattr(restorer_service, "_SYSTEM_PYTHONS", (str(path),))
    return path


def script(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def unit(python: str) -> str:
    return restorer_service.wanted_files(python)[restorer_service.UNIT_FILE]


def test_the_unit_is_to_the_letter_what_hosts_have() -> None:
    """Another text would restart the restorer of each compute."""
    text = Path(__file__).with_name("fixtures").joinpath("openstack-ops-tc-htb.service").read_text()
    assert unit("/usr/bin/python3") == text


def test_the_hosts_own_python_runs_it_whatever_runs_the_module(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(python, f'exec {sys.executable} "$@"')
    monkeypatch.setattr(sys, "executable", "/opt/venv/bin/python3.11")
    assert restorer_service.interpreter(run, unit("/usr/bin/python3.9")) == str(python)
    assert f"ExecStart={python} -I " in unit(str(python))


def test_a_link_to_the_running_one_is_not_asked(python: Path) -> None:
    python.symlink_to(os.path.realpath(sys.executable))

    def nobody(_args: list[str], _data: str) -> tuple[int, str, str]:
        raise AssertionError

    assert restorer_service.interpreter(nobody, None) == str(python)


def test_where_no_restorer_is_wanted_no_python_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_args: object) -> str:
        raise AssertionError

    monkeypatch.setattr(restorer_service, "interpreter", nobody)
    monkeypatch.setattr(restorer_service, "UNIT_FILE", "/nowhere/at.all")
    monkeypatch.setattr(restorer_service, "PROGRAM", "/nowhere/at/all")
    assert restorer_service.Service(run).word == "absent"
    assert restorer_service.settle(run, False) == (False, "absent")
    with pytest.raises(AssertionError):
        restorer_service.settle(run, True, check=True)


def test_one_that_runs_it_already_is_not_asked_again(python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(python, "exit 1")
    monkeypatch.setattr(sys, "executable", "/opt/venv/bin/python3.11")
    assert restorer_service.interpreter(run, unit(str(python))) == str(python)


def test_one_that_is_too_old_leaves_what_the_unit_names(python: Path, tmp_path: Path) -> None:
    script(python, "exit 1")
    named = script(tmp_path / "python3.9", "exit 0")
    assert restorer_service.interpreter(run, unit(named)) == named


@pytest.mark.parametrize("text", [None, "", "ExecStart=/gone/python3.9 -I /x\n"])
def test_without_either_the_modules_own_runs_it_outside_its_venv(python: Path, text: str | None) -> None:
    assert restorer_service.interpreter(run, text) == os.path.realpath(sys.executable)
