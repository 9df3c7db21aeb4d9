# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as its files: what is there to be compared with what is said about it."""

from __future__ import annotations

import shutil
import subprocess
import typing as t
from functools import cache
from pathlib import Path

import yaml
from ansible.plugins.loader import fragment_loader
from ansible.utils.plugin_docs import get_docstring

from tests.places import ROOT

NAME = "openstack_ops.day2"

# Kinds of plugins that users call by name. (doc_fragments, module_utils and plugin_utils are not.)
KINDS = ("filter", "inventory", "modules")


def read_yaml(path: str) -> t.Any:
    return yaml.safe_load((ROOT / path).read_text())


@cache
def files() -> tuple[Path, ...]:
    """What git has or would add, relative to the root."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    return tuple(Path(name) for name in sorted(listed) if name and (ROOT / name).is_file())


def copy_to(place: Path) -> None:
    """What git has or would add, to another folder."""
    for path in files():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, place / path)


def roles() -> list[str]:
    return sorted({path.parts[1] for path in files() if path.parts[0] == "roles" and len(path.parts) > 2})


def playbooks() -> list[str]:
    return sorted(path.stem for path in files() if path.match("playbooks/*.yml"))


def plugins(*kinds: str) -> list[tuple[str, Path]]:
    """(kind, file) of each plugin of these kinds; its documentation may lie beside it, as NAME.yml."""
    return sorted(
        (path.parts[1], path)
        for path in files()
        if path.parts[0] == "plugins" and path.parts[1] in kinds and path.suffix == ".py" and path.stem != "__init__"
    )


def extensions() -> list[str]:
    """Event sources and rulebooks, which ansible-rulebook calls by name."""
    return sorted(
        path.stem
        for path in files()
        if path.match("extensions/eda/plugins/event_source/*.py") or path.match("extensions/eda/rulebooks/*.yml")
    )


def documentation(kind: str, path: Path) -> dict[str, t.Any]:
    """A plugin's DOCUMENTATION with what it takes from fragments."""
    beside = path.with_suffix(".yml")
    source = ROOT / (beside if (ROOT / beside).exists() else path)
    found = get_docstring(str(source), fragment_loader, is_module=kind == "modules", collection_name=NAME)[0]
    assert found, f"{source} has no DOCUMENTATION."
    return t.cast("dict[str, t.Any]", found)
