# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of an inventory file: those that there are, and which one was probably meant."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError


def check_options(path: str, written: t.Mapping[str, t.Any], known: t.Mapping[str, t.Mapping[str, t.Any]]) -> None:
    """Raise OperatorError for options that there aren't: ignored, a misspelt one would change what is read."""
    problems = _unknown(written, known)
    for name, option in known.items():
        inside = option.get("suboptions")
        values = written.get(name) if inside else None
        for number, one in enumerate(values if isinstance(values, list) else [values], 1):
            if inside and isinstance(one, dict):
                problems += [f"{name}, number {number}: {problem}" for problem in _unknown(one, inside)]
    if problems:
        raise OperatorError(f"The inventory {path} has options that there aren't: {'; '.join(problems)}. Correct them.")


def _unknown(written: t.Mapping[str, t.Any], known: t.Collection[str]) -> list[str]:
    problems = []
    for name in written:
        if name not in known:
            close = difflib.get_close_matches(str(name), list(known), n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(sorted(known))}"
            problems.append(f"{name} ({hint})")
    return problems


def names_plugin(path: str, name: str) -> bool:
    """Whether a YAML file says that it is for the plugin of this name, by the look of its first lines."""
    if not path.endswith((".yml", ".yaml")):
        return False
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            beginning = file.read(10_000)
    except OSError:
        return False
    return bool(re.search(rf"""^plugin\s*:\s*["']?{re.escape(name)}["']?\s*(#.*)?$""", beginning, re.MULTILINE))
