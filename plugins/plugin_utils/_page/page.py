# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTML page that needs no server and no network, and where on the controller a report is written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files

_MARK = re.compile(r"@([A-Z]+)@")
#: The marks of what all pages share, and the files. Each begins with its licence, which the page has already.
_SHARED = {"HEAD": ("head.html", "-->\n"), "STYLE": ("style.css", "*/\n"), "SCRIPT": ("script.js", "*/\n")}


def draw(template: str, **data: object) -> str:
    """The template with head, style and script where it has @HEAD@, @STYLE@ and @SCRIPT@, and data as JSON where it has their names.

    A script element of the type application/json has to be around data: nothing in them can end it or begin another one, and what
    looks like a mark in them stays. Raises KeyError for a mark that stands for nothing.
    """
    values = {name.upper(): embedded(value) for name, value in data.items()}
    return _MARK.sub(lambda mark: values[mark[1]] if mark[1] in values else _shared(mark[1]), template)


def embedded(value: object) -> str:
    """JSON that can stand inside an HTML element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def places(options: Mapping[str, Any], kinds: Iterable[str]) -> dict[str, Path]:
    """Where to write the reports whose kinds have a path in the options. Ask before anything is done of which they are to tell.

    Raises OperatorError or OSError where one of them can't be written.
    """
    return {kind: place(options[kind]) for kind in kinds if options[kind]}


def place(path: str) -> Path:
    """Where to write a report.

    Raises OperatorError where its folder isn't there or can't be written to, a folder has its name, or `replace` would refuse what is there.
    """
    found = Path(os.path.expanduser(path))
    folder = found.parent
    if not folder.is_dir():
        raise OperatorError(f"There is no folder {folder} for the report {found.name}; make it, or name another.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OperatorError(
            f"The folder {folder} for the report {found.name} can't be written to by whoever runs Ansible; correct its mode or owner, "
            "or name another."
        )
    if found.is_dir():
        raise OperatorError(f"The report {found} can't be written, for a folder has that name; name a file.")
    files.check(os.path.abspath(found))
    return found


def replace(path: Path, text: str, mode: int) -> None:
    """Write a file as a whole: whoever reads it sees the old or the new one. Raises OperatorError and OSError as files.replace does."""
    files.replace(os.path.abspath(path), text, files.ours(mode))


@cache
def _shared(mark: str) -> str:
    name, end = _SHARED[mark]
    return Path(__file__).with_name(name).read_text(encoding="utf-8").partition(end)[2].rstrip()
