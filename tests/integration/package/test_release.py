# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`tools/release` in a repository of its own: what it refuses, what a dry run shows, what a release leaves."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.places import ROOT
from tests.unit.collection.tree import copy_to

FRAGMENT = "changelogs/fragments/1-sizes.yml"
FIRST = "0.1.0"


class Repository:
    def __init__(self, place: Path) -> None:
        self.place = place
        identity = {"NAME": "test", "EMAIL": "test@example.com"}
        self._environment = {
            **os.environ,
            **{f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in identity.items()},
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CONFIG_SYSTEM": "/dev/null",
        }

    def give_key(self) -> None:
        """A key to sign with, that this repository trusts."""
        key = self.place / ".git/key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        (self.place / ".git/signers").write_text(f"test@example.com {key.with_suffix('.pub').read_text()}")
        for name, value in (
            ("gpg.format", "ssh"),
            ("user.signingkey", str(key)),
            ("gpg.ssh.allowedSignersFile", str(self.place / ".git/signers")),
        ):
            self.git("config", name, value)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.place, env=self._environment, check=False, capture_output=True, text=True, timeout=600
        )

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def release(self, *arguments: str) -> str:
        done = self.run("tools/release", *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def refused(self, *arguments: str) -> str:
        before = self.git("rev-parse", "HEAD"), self.git("status", "--porcelain"), self.git("tag")
        done = self.run("tools/release", *arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert (self.git("rev-parse", "HEAD"), self.git("status", "--porcelain"), self.git("tag")) == before
        return done.stderr

    def tell(self, kind: str) -> None:
        (self.place / FRAGMENT).write_text(f"---\n{kind}:\n  - lvm_resize - sizes may be written in other ways.\n")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Take other sizes")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout as it is now, before its first release, committed, with the tools of its .venv."""
    place = tmp_path_factory.mktemp("pristine")
    copy_to(place)
    (place / ".venv").symlink_to(ROOT / ".venv")
    repository = Repository(place)
    repository.git("init", "--quiet", "--initial-branch", "main")
    (place / ".git/info/exclude").write_text(".venv\n")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message", "As it is")
    return place


@pytest.fixture(scope="module")
def after_release(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after its first release; nothing in it waits for another one."""
    place = tmp_path_factory.mktemp("after_release") / "day2"
    shutil.copytree(pristine, place, symlinks=True)
    repository = Repository(place)
    repository.give_key()
    repository.release("--checked", FIRST)
    return place


@pytest.fixture
def unreleased(pristine: Path, tmp_path: Path) -> Repository:
    shutil.copytree(pristine, tmp_path / "day2", symlinks=True)
    return Repository(tmp_path / "day2")


@pytest.fixture
def repository(after_release: Path, tmp_path: Path) -> Repository:
    shutil.copytree(after_release, tmp_path / "day2", symlinks=True)
    return Repository(tmp_path / "day2")


def _documented(place: Path) -> str:
    return list(yaml.safe_load((place / "changelogs/changelog.yaml").read_text())["releases"])[-1]


def _next(version: str, *, minor: bool) -> str:
    first, second, third = (int(part) for part in version.split("."))
    return f"{first}.{second + 1}.0" if minor else f"{first}.{second}.{third + 1}"


def test_it_refuses_before_anything_has_changed(repository: Repository) -> None:
    last = _documented(repository.place)
    assert "is no version of the form X.Y.Z" in repository.refused("1.0")
    assert "is no version of the form X.Y.Z" in repository.refused("v1.0.0")
    assert "is not later than" in repository.refused("0.0.1")
    assert "changelogs/fragments is empty" in repository.refused(_next(last, minor=True))
    repository.tell("minor_changes")
    least = _next(last, minor=True)
    assert f"a minor change since {last}, so the version is {least} at least" in repository.refused(
        _next(last, minor=False)
    )
    repository.git("tag", f"v{least}")
    assert f"the tag v{least} is there already" in repository.refused(least)
    (repository.place / "galaxy.yml").write_text("---\n")
    assert "uncommitted changes" in repository.refused("9.0.0")


def test_a_breaking_change_wants_the_version_to_say_so(repository: Repository) -> None:
    last = _documented(repository.place)
    repository.tell("breaking_changes")
    assert "a major change" in repository.refused(_next(last, minor=False))


def test_a_dry_run_shows_it_and_leaves_nothing(repository: Repository) -> None:
    repository.tell("bugfixes")
    version = _next(_documented(repository.place), minor=False)
    before = repository.git("rev-parse", "HEAD"), repository.git("status", "--porcelain", "--ignored")
    shown = repository.release("--dry-run", version)
    # It went all the way, in a clone: the fragment has become a part of the changelog.
    for name in ("galaxy.yml", "CHANGELOG.md", "changelogs/changelog.yaml", "execution-environment.yml", FRAGMENT):
        assert f" {name} " in shown
    assert f"Made build/openstack_ops-day2-{version}.tar.gz" in shown
    assert f"Would be committed and tagged v{version}" in shown
    assert "BEGIN SSH SIGNATURE" in shown
    for name in ("", ".cdx"):
        assert re.search(
            rf"^  [0-9a-f]{{64}}  openstack_ops-day2-{version}{name or '.tar'}.(gz|json)$", shown, re.MULTILINE
        )
    assert (repository.git("rev-parse", "HEAD"), repository.git("status", "--porcelain", "--ignored")) == before
    assert repository.git("tag").split() == [f"v{FIRST}"]


def test_the_first_release_is_a_commit_a_tag_and_a_package_also_with_fragments(unreleased: Repository) -> None:
    unreleased.tell("bugfixes")
    # Without a key, a dry run shows it all the same, and a release ends before anything has changed.
    shown = unreleased.release("--dry-run", FIRST)
    assert "git has no key here" in shown
    assert f"Would be committed and tagged v{FIRST}" in shown
    assert "git has no key that it can sign" in unreleased.refused("--checked", FIRST)
    unreleased.give_key()
    told = unreleased.release("--checked", FIRST)
    assert f"git push origin HEAD v{FIRST}" in told
    assert unreleased.git("tag").split() == [f"v{FIRST}"]
    assert list((unreleased.place / "changelogs/fragments").glob("*.yml")) == []
    changelog = (unreleased.place / "CHANGELOG.md").read_text()
    assert "sizes may be written in other ways" in changelog
    assert "tc\\_htb" in changelog
    assert unreleased.git("status", "--porcelain") == ""
    assert (unreleased.place / f"build/openstack_ops-day2-{FIRST}.tar.gz").is_file()

    # What the workflow publishes, and that it is signed.
    unreleased.git("verify-tag", f"v{FIRST}")
    published = unreleased.place / "build/release"
    package, bill = f"openstack_ops-day2-{FIRST}.tar.gz", f"openstack_ops-day2-{FIRST}.cdx.json"
    sums = {name: digest for digest, name in map(str.split, (published / "SHA256SUMS").read_text().splitlines())}
    assert sums == {name: hashlib.sha256((published / name).read_bytes()).hexdigest() for name in (package, bill)}
    told_of = json.loads((published / bill).read_text())
    assert told_of["metadata"]["component"]["version"] == FIRST
    assert told_of["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": sums[package]}]
    assert {"ansible-core", "openstacksdk"} <= {
        one["name"] for one in told_of["components"] if one["type"] == "library"
    }
    assert "plugins/modules/tc_htb.py" in {one["name"] for one in told_of["components"] if one["type"] == "file"}
