# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and edits the text of an ini file. Pure.

A file is read exactly as oslo.config reads it. Four things differ from other ini files: a line that begins with a blank or a tab
continues the value of the option above it, also if it looks like a comment; sections are the same in upper and lower case; one pair of
quotes around a value isn't part of it; a lone carriage return ends a line. Lines that oslo.config refuses are read as Ceph reads them.

A file is edited in place, line by line: comments, order and all other options stay as they are.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

#: Values by section and option.
Sections = t.Mapping[str, t.Mapping[str, str]]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


@dataclass
class _Line:
    """A line of a file with its end, and the option whose value begins or continues in it."""

    text: str
    section: str
    option: str = ""
    value: str = ""
    continues: bool = False
    header: bool = False


def same_section(name: str) -> str:
    """The one spelling for all spellings of a section that oslo.config takes for the same."""
    return name if name == "DEFAULT" else name.lower()


def unquoted(value: str) -> str:
    """A value as oslo.config reads it behind the = sign: without blanks around it, and without one pair of quotes."""
    value = value.strip()
    return value[1:-1] if value and value[0] == value[-1] and value[0] in "\"'" else value


def _lines(text: str) -> list[_Line]:
    found: list[_Line] = []
    section = option = ""
    for raw in _LINE.findall(text):
        line = raw.rstrip()
        indented = line.startswith((" ", "\t"))
        if indented and option:
            found.append(_Line(raw, section, option, line.lstrip(), continues=True))
            continue
        option = ""
        if line.startswith("["):
            section = _section(line) or section
            found.append(_Line(raw, section, header=True))
            continue
        name, value = _assignment(line.lstrip() if indented else line)
        found.append(_Line(raw, section, name, value))
        # Ceph indents options, and none of them continues the one above.
        option = "" if indented else name
    return found


def _section(line: str) -> str:
    name = line[1:-1] if line.endswith("]") else line[1:].partition("]")[0]
    return same_section(name)


def _assignment(line: str) -> tuple[str, str]:
    """The option and the value of a line; empty if it is none."""
    if not line or line[0] in "#;":
        return "", ""
    ends = [at for at in (line.find("="), line.find(":")) if at >= 0]
    return (line[: min(ends)].strip(), unquoted(line[min(ends) + 1 :])) if ends else ("", "")


def read(text: str) -> dict[str, dict[str, str]]:
    """Options by section, sections in lower case but for DEFAULT. Of an option that is there several times, the last counts."""
    found: dict[str, dict[str, str]] = {}
    for line in _lines(text):
        if line.option:
            options = found.setdefault(line.section, {})
            options[line.option] = f"{options[line.option]}\n{line.value}" if line.continues else line.value
    return found


def value_of(sections: Sections, section: str, option: str) -> t.Optional[str]:
    """The value that a file gives to an option, read() of which is given; None if it doesn't set it."""
    return sections.get(same_section(section), {}).get(option)


def same(one: t.Optional[str], other: str) -> bool:
    """Whether a value that was read is the one that is wanted; true may be written True, and quotes don't count."""
    other = unquoted(other)
    if one is not None and other in ("true", "false"):
        return one.lower() == other
    return one == other


def edited(text: str, sections: Sections) -> str:
    """A file with these options; unchanged where it has them already."""
    there = read(text)
    lines = _lines(text)
    for section, options in sections.items():
        for option, value in options.items():
            if not same(value_of(there, section, option), value):
                _put(lines, section, option, value)
    return "".join(line.text for line in lines)


def _put(lines: list[_Line], section: str, option: str, value: str) -> None:
    if lines and not lines[-1].text.endswith(("\n", "\r")):
        lines[-1].text += "\n"
    key = same_section(section)
    new = _Line(f"{option} = {value}\n", key, option, value)
    begins = [n for n, line in enumerate(lines) if (line.section, line.option) == (key, option) and not line.continues]
    if begins:
        at = begins[-1]  # the one that counts
        end = at + 1
        while end < len(lines) and lines[end].continues:
            end += 1
        lines[at:end] = [new]
        return
    members = [n for n, line in enumerate(lines) if line.section == key and (line.option or line.header)]
    if members:
        lines.insert(members[-1] + 1, new)
        return
    if lines and lines[-1].text.strip():
        lines.append(_Line("\n", lines[-1].section))
    lines += [_Line(f"[{section}]\n", key, header=True), new]
