# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package that `ansible-galaxy collection build` makes installs elsewhere, and what is in it answers there."""

from __future__ import annotations

import json
import re
import tarfile
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.integration.elsewhere import Elsewhere
from tests.places import ROOT

NAME = "openstack_ops.day2"

# What belongs to developing the collection stays out: tests, tools, caches.
TOP = {
    "CHANGELOG.md",
    "CODE_OF_CONDUCT.md",
    "CONTRIBUTING.md",
    "COPYING",
    "FILES.json",
    "LICENSES",
    "MANIFEST.json",
    "README.md",
    "REUSE.toml",
    "SECURITY.md",
    "awx",
    "bindep.txt",
    "changelogs",
    "docs",
    "extensions",
    "inventories",
    "meta",
    "playbooks",
    "plugins",
    "requirements.txt",
    "roles",
}


@pytest.fixture(scope="module")
def elsewhere(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    there = Elsewhere(tmp_path_factory.mktemp("elsewhere"))
    there.install(package)
    return there


def test_the_package_holds_the_collection_and_nothing_of_its_tests(package: Path) -> None:
    with tarfile.open(package) as archive:
        members = archive.getmembers()
    assert sorted({member.name.split("/")[0] for member in members} - TOP) == []
    assert [member.name for member in members if not (member.isfile() or member.isdir())] == []
    assert [member.name for member in members if "__pycache__" in member.name] == []
    # What the playbooks that import into AWX read from beside them.
    data = {str(path.relative_to(ROOT)) for path in ROOT.glob("awx/*.yml")} | {"playbooks/vars/awx.yml"}
    assert data <= {member.name for member in members}
    # 600 kB are the collection's own; pictures, archives or a virtual environment would be more.
    assert package.stat().st_size < 1_000_000


def test_the_installed_version_is_the_one_of_galaxy_yml(elsewhere: Elsewhere) -> None:
    shown = json.loads(elsewhere.run("ansible-galaxy", "collection", "list", NAME, "--format", "json"))
    (version,) = (found[NAME]["version"] for found in shown.values())
    assert version == yaml.safe_load((ROOT / "galaxy.yml").read_text())["version"]


def test_the_image_gets_what_the_collection_needs(elsewhere: Elsewhere) -> None:
    found = yaml.safe_load(elsewhere.run("ansible-builder", "introspect", "--sanitize", str(elsewhere.collections)))
    python = {line.split("  #")[0] for line in found["python"]}
    assert python == set(re.findall(r"^[a-z].*$", (ROOT / "requirements.txt").read_text(), re.MULTILINE))
    assert {line.split(" ")[0] for line in found["system"]} == {"openssh-client", "openssh-clients", "sshpass"}


def _entries() -> t.Iterator[tuple[str, str]]:
    """(type, name) of everything that ansible-doc has to answer for."""
    # What nobody calls by name has no page.
    silent = {"action", "doc_fragments", "module_utils", "plugin_utils"}
    for folder in sorted(ROOT.glob("plugins/*/")):
        if folder.name not in silent and folder.name != "__pycache__":
            kind = "module" if folder.name == "modules" else folder.name
            for path in sorted(folder.glob("*.py")):
                yield kind, path.stem
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        yield "role", path.parts[-3]


@pytest.mark.parametrize("kind", sorted({kind for kind, _name in _entries()}))
def test_its_documentation_answers(kind: str, elsewhere: Elsewhere) -> None:
    """All of a kind at once: starting ansible-doc takes longer than what it tells of one."""
    names = [f"{NAME}.{name}" for its_kind, name in _entries() if its_kind == kind]
    text = elsewhere.run("ansible-doc", "--type", kind, *names)
    # The head of each page names the file that it was made of, or a role's folder.
    pages = dict(re.findall(r"^> [A-Z]+:? \*?([\w.]+)\*? \((.+)\)$", text, re.MULTILINE))
    assert pages.keys() == set(names)
    others = {name: path for name, path in pages.items() if not path.startswith(str(elsewhere.home))}
    assert others == {}, "these pages are another installation's"


def test_its_playbooks_are_found_by_name(elsewhere: Elsewhere) -> None:
    names = sorted(path.stem for path in ROOT.glob("playbooks/*.yml"))
    asked = [f"{NAME}.{name}" for name in names]
    shown = elsewhere.run("ansible-playbook", "--syntax-check", "--inventory", "localhost,", *asked)
    found = [Path(path) for path in re.findall(r"^playbook: (.+)$", shown, re.MULTILINE)]
    assert [path.stem for path in found] == names
    assert [path for path in found if elsewhere.home not in path.parents] == []
