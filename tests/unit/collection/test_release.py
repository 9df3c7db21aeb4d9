# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a release agree with each other."""

from __future__ import annotations

import re

import pytest

from tests.places import ROOT
from tests.unit.collection.tree import files, read_yaml


def test_the_changelog_tells_of_the_version_of_galaxy_yml_or_of_none_before_the_first_release() -> None:
    version = read_yaml("galaxy.yml")["version"]
    released = list(read_yaml("changelogs/changelog.yaml")["releases"])
    assert released[-1:] in ([], [version])
    told = re.findall(r"^## v(\S+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert [text.replace("\\", "") for text in told[:1]] == released[-1:]


def test_whatever_has_a_first_line_with_a_program_can_be_run() -> None:
    # Modules and what roles install run elsewhere, by other means.
    started = [path for path in files() if path.parts[0] not in ("plugins", "roles") and _first(path) == b"#!"]
    assert started, "no script found, so nothing is tested here"
    assert [str(path) for path in started if not (ROOT / path).stat().st_mode & 0o100] == []


def _first(path: object) -> bytes:
    with (ROOT / str(path)).open("rb") as file:
        return file.read(2)


def test_what_the_collection_needs_at_run_time_is_pinned_for_its_tests() -> None:
    texts = "\n".join((ROOT / name).read_text() for name in ("requirements.txt", "extensions/eda/requirements.txt"))
    needed = re.findall(r"^([a-z0-9-]+)", texts, re.MULTILINE)
    pinned = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "requirements-dev.txt").read_text(), re.MULTILINE))
    assert sorted(set(needed) - pinned.keys()) == []


@pytest.mark.parametrize("name", ["execution-environment.yml", "decision-environment.yml"])
def test_the_image_holds_the_version_of_galaxy_yml(name: str) -> None:
    version = read_yaml("galaxy.yml")["version"]
    text = (ROOT / name).read_text()
    assert set(re.findall(r"openstack_ops-day2-(.+)\.tar\.gz|day2-[de]e:(\S+)", text)) == {(version, ""), ("", version)}


def test_the_public_workflow_runs_on_every_ansible_core_that_is_supported() -> None:
    jobs = read_yaml(".github/workflows/ci.yml")["jobs"]
    cores = [row["core"] for row in jobs["cores"]["strategy"]["matrix"]["include"]]
    assert cores == ["2.17", "2.18", "2.19", "2.20", "2.21"]
    oldest = read_yaml("meta/runtime.yml")["requires_ansible"]
    assert oldest == f">={cores[0]}.0"
    known = re.findall(r"\[(2\.\d+)\]=\"([\d. ]+)\"", (ROOT / "tools/cores").read_text())
    assert [core for core, _pythons in known] == cores
    for row in jobs["cores"]["strategy"]["matrix"]["include"]:
        assert row["python"] in dict(known)[row["core"]].split()


def test_the_public_workflow_calls_what_a_laptop_can_call() -> None:
    steps = [step for job in read_yaml(".github/workflows/ci.yml")["jobs"].values() for step in job["steps"]]
    called = [name for step in steps for name in re.findall(r"\btools/\w+", step.get("run", ""))]
    assert {"tools/check", "tools/cores", "tools/test", "tools/release"} == set(called)
    assert [name for name in called if not (ROOT / name).stat().st_mode & 0o100] == []


def test_the_execution_environment_finds_its_files() -> None:
    named = read_yaml("meta/execution-environment.yml")["dependencies"].values()
    assert [name for name in named if not (ROOT / name).is_file()] == []
