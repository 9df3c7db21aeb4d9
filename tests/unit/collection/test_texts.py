# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the texts speak of has to exist: names of the collection, make targets, files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.places import ROOT
from tests.unit.collection.tree import KINDS, NAME, extensions, files, playbooks, plugins, read_yaml, roles

TEXTS = [path for path in files() if path.suffix in (".md", ".rst") and path.parts[0] != "changelogs"]
every_text = pytest.mark.parametrize("text", TEXTS, ids=str)

_NAME = re.compile(rf"(?<!ansible_collections\.){re.escape(NAME)}\.([a-z0-9_]+)")
# Where make is a command, not the verb: a code span, or a line of its own.
_MAKE = re.compile(
    r"`(?:sudo )?make ([a-z][a-z_-]+)`|^\s*(?:\$ )?(?:sudo )?make ([a-z][a-z_-]+)\s*(?:#.*)?$", re.MULTILINE
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@every_text
def test_every_name_of_the_collection_exists(text: Path) -> None:
    known = {*roles(), *playbooks(), *extensions(), *(path.stem for _kind, path in plugins(*KINDS))}
    known |= set(read_yaml("meta/runtime.yml")["action_groups"])
    assert sorted(set(_NAME.findall((ROOT / text).read_text())) - known) == []


@every_text
def test_every_make_target_exists(text: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    targets |= {f"molecule-{path.parts[1]}" for path in files() if path.match("molecule/*/molecule.yml")}
    named = {span or line for span, line in _MAKE.findall((ROOT / text).read_text())}
    assert sorted(named - targets) == []


@every_text
def test_every_file_linked_to_exists(text: Path) -> None:
    inside = (link.split("#")[0] for link in _LINK.findall((ROOT / text).read_text()) if "://" not in link)
    assert [link for link in inside if link and not (ROOT / text.parent / link).exists()] == []


def test_the_readme_names_every_job() -> None:
    readme = (ROOT / "README.md").read_text()
    assert [
        name for name in (*roles(), *playbooks()) if f"`{name}`" not in readme and f"{NAME}.{name}" not in readme
    ] == []


def test_a_file_that_a_card_of_the_readme_reads_is_in_its_guide() -> None:
    missing = []
    for card in (ROOT / "README.md").read_text().split("\n## ")[1:]:
        guides = "".join((ROOT / link).read_text() for link in _LINK.findall(card) if link.endswith(".rst"))
        missing += [name for name in re.findall(r"-e @(\w+\.yml)", card) if f" # {name}\n" not in guides]
    assert missing == []


def test_the_inventory_of_the_readme_has_the_groups_of_every_playbook() -> None:
    (block,) = re.findall(r"```yaml\n# hosts\.yml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    groups = {
        group
        for name in playbooks()
        for hosts in re.findall(r"^  hosts: (.+)$", (ROOT / f"playbooks/{name}.yml").read_text(), re.MULTILINE)
        for group in re.findall(r"default\('(\w+)'", hosts)
    }
    assert len(groups) > 4
    # Computes come from the cloud, and the report asks every host.
    assert sorted(groups - {"nova_computes", "all"} - set(yaml.safe_load(block))) == []


def test_the_page_for_who_has_to_say_yes_tells_of_every_role() -> None:
    page = (ROOT / "docs/docsite/rst/guide_security.rst").read_text()
    table = page[page.index("as root on computes") : page.index("Which secrets are where")]
    assert [name for name in roles() if f"``{name}``" not in table] == []


def test_every_playbook_has_its_page_on_the_site() -> None:
    pages = (ROOT / "docs/docsite/extra-docs.yml").read_text()
    assert [name for name in playbooks() if f"- playbook_{name}\n" not in pages] == []


@pytest.mark.parametrize("guide", sorted((ROOT / "docs/docsite/rst").glob("guide_*.rst")), ids=lambda path: path.stem)
def test_a_guide_shows_a_file_as_a_whole_and_once(guide: Path) -> None:
    """Who copies a second block of the same name would lose what the first one had."""
    names = re.findall(r"^   # ([a-z_]+\.yml)\n", guide.read_text(), re.MULTILINE)
    assert sorted(names) == sorted(set(names))
