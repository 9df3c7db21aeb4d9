# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads and edits the text of a ceph.conf. Pure.

Ceph takes blanks, underscores and hyphens in an option's name for the same, an indented line is no continuation (a backslash at
the end of a line makes one), and what follows ; or # is a comment.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .ini import Sections

_SECTION = re.compile(r"\s*\[([^\]]*)\]")
_ASSIGNMENT = re.compile(r"(\s*)([^#;=\[]+?)(\s*=\s*)([^#;\n\r]*?)\s*(?:[#;].*)?\r?\n?\Z")


def option_key(name: str) -> str:
    """The one spelling for all spellings of an option."""
    return re.sub(r"[\s_-]+", "_", name.strip())


def read(text: str) -> dict[str, dict[str, str]]:
    """Values by section and option, the option as option_key() has it. Of an option that is there several times, the last counts."""
    found: dict[str, dict[str, str]] = {}
    for _first, _end, section, option, value in _assignments(text.splitlines(keepends=True)):
        found.setdefault(section, {})[option] = value
    return found


def value_of(sections: Sections, section: str, option: str) -> t.Optional[str]:
    """The value that a file gives to an option, read() of which is given; None if it doesn't set it.

    A client has from [client] and [global] what its own section doesn't say.
    """
    several = (section, "client", "global") if section.startswith("client.") else (section,)
    return next(
        (sections[one][option_key(option)] for one in several if option_key(option) in sections.get(one, {})), None
    )


def same(option: str, one: t.Optional[str], other: str) -> bool:
    """Whether a value that is there does what the wanted one does.

    Monitors are compared by their addresses, names of hosts stay, and a fsid may be in capitals.
    """
    if one is not None and option_key(option) == "fsid":
        return one.lower() == other.lower()
    if one is None or option_key(option) != "mon_host":
        return one == other
    there = monitor_hosts(one)
    return there is None or there == monitor_hosts(other)


def monitor_hosts(text: str) -> t.Optional[set[str]]:
    """The addresses in a mon_host of any form, without protocols and ports; None where there are names among them."""
    found = set()
    for word in filter(None, re.split(r"[\s,;]+", text)):
        address = re.sub(r"\A\[?v[12]:", "", word).partition("/")[0]
        if address.startswith("["):
            host = address[1:].partition("]")[0]
        else:
            address = address.rstrip("]")
            host = address.partition(":")[0] if address.count(":") <= 1 else address
        try:
            found.add(str(ipaddress.ip_address(host)))
        except ValueError:
            return None
    return found


def edited(text: str, sections: Sections) -> str:
    """A file with these options; lines of others stay as they are."""
    for section, options in sections.items():
        for option, value in options.items():
            if not same(option, value_of(read(text), section, option), value):
                text = _put(text, section, option, value)
    return text


def _assignments(lines: t.Sequence[str]) -> list[tuple[int, int, str, str, str]]:
    """First line and the one behind the last, section, option and value of each assignment."""
    found = []
    section = "global"
    number = 0
    while number < len(lines):
        first = number
        line = lines[number]
        while line.rstrip("\r\n").endswith("\\") and number + 1 < len(lines):
            number += 1
            line = line.rstrip("\r\n")[:-1] + lines[number]
        number += 1
        header = _SECTION.match(line)
        if header:
            section = header.group(1).strip()
            continue
        assignment = _ASSIGNMENT.match(line)
        if assignment:
            found.append((first, number, section, option_key(assignment.group(2)), assignment.group(4).strip("\"'")))
    return found


def _put(text: str, section: str, option: str, value: str) -> str:
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith(("\n", "\r")):
        lines[-1] += "\n"
    there = [one for one in _assignments(lines) if one[2] == section]
    mine = [one for one in there if one[3] == option_key(option)]
    if mine:
        first, end = mine[-1][:2]
        begin = _ASSIGNMENT.match(lines[first])
        name = "".join(begin.group(1, 2, 3)) if begin else f"{option} = "
        lines[first:end] = [f"{name}{value}\n"]
        return "".join(lines)
    if there:
        begin = _ASSIGNMENT.match(lines[there[-1][0]])
        lines.insert(there[-1][1], f"{begin.group(1) if begin else ''}{option} = {value}\n")
        return "".join(lines)
    headers = [n for n, line in enumerate(lines) if (_SECTION.match(line) or [None, None])[1] == section]
    if headers:
        lines.insert(headers[-1] + 1, f"{option} = {value}\n")
    else:
        lines += ["\n"] if lines and lines[-1].strip() else []
        lines += [f"[{section}]\n", f"{option} = {value}\n"]
    return "".join(lines)
