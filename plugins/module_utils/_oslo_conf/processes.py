# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the services that run on this host were started."""

from __future__ import annotations

import os
import typing as t

from .precedence import Start, start_of

#: A program that runs in Python is the second word of its command line, behind the interpreter and its options.
_WORDS = 4


def start_of_services(names: t.Iterable[str], proc: str = "/proc") -> t.Optional[Start]:
    """How all of these services were started; None if one doesn't run, or if they were started in different ways."""
    wanted = set(map(program_of, names))
    found: dict[str, set[t.Optional[Start]]] = {name: set() for name in wanted}
    for command in _commands(proc):
        for name in wanted.intersection(os.path.basename(word) for word in command[:_WORDS]):
            found[name].add(start_of(command))
    ways = {way for each in found.values() for way in (each or {None})}
    return ways.pop() if len(ways) == 1 else None


def program_of(service: str) -> str:
    """The program of a service; some distributions put openstack- before it, systemd .service behind it."""
    name = service[: -len(".service")] if service.endswith(".service") else service
    return name[len("openstack-") :] if name.startswith("openstack-") else name


def _commands(proc: str) -> t.Iterator[list[str]]:
    for number in filter(str.isdigit, os.listdir(proc)):
        try:
            with open(os.path.join(proc, number, "cmdline"), encoding="utf-8", errors="replace") as words:
                yield words.read().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended meanwhile
