# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which file counts where several set the same option. Pure.

oslo.config reads a service's own files (nova.conf, then nova-compute.conf) and those in folders beside them (nova.conf.d, then
nova-compute.conf.d); what it reads later counts.

* A service that is started plainly reads its own files first, then the folders: the folders have the last word.
* A service that is started with --config-file reads the folders first, then the files that are named: these have the last word.

Where it isn't known how a service is started, only what both ways agree on is known.
"""

from __future__ import annotations

import enum
import os
import typing as t
from dataclasses import dataclass, field

from .ini import Sections, read, same_section


class Start(enum.Enum):
    """How a service was started."""

    PLAIN = "without --config-file"
    NAMED = "with --config-file"


@dataclass(frozen=True)
class ConfigFiles:
    """The texts of the files that one service reads, by path, each in the order in which it reads them."""

    own: t.Mapping[str, str] = field(default_factory=dict)
    folders: t.Mapping[str, str] = field(default_factory=dict)

    def in_order(self, start: Start) -> list[tuple[str, str]]:
        """Path and text of each file; of two that set an option, the later one counts."""
        own, folders = list(self.own.items()), list(self.folders.items())
        return own + folders if start is Start.PLAIN else folders + own


@dataclass(frozen=True)
class Effective:
    """The options in effect, and those of which it isn't known, because it isn't known how the service is started."""

    sections: Sections
    undecided: frozenset[tuple[str, str]] = frozenset()

    def value(self, section: str, option: str) -> t.Optional[str]:
        """The value in effect; None where no file sets it, or where it isn't known."""
        return self.sections.get(same_section(section), {}).get(option)

    def is_undecided(self, section: str, option: str) -> bool:
        """Whether the value depends on how the service is started, and that isn't known."""
        return (same_section(section), option) in self.undecided


def merged(texts: t.Iterable[str]) -> dict[str, dict[str, str]]:
    """Options by section of several files, of which later ones count more than earlier ones."""
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        for section, options in read(text).items():
            found.setdefault(section, {}).update(options)
    return found


def effective(files: ConfigFiles, start: t.Optional[Start]) -> Effective:
    """The options in effect for a service; start is None where it isn't known."""
    if start is not None:
        return Effective(merged(text for _path, text in files.in_order(start)))
    plain, named = (merged(text for _path, text in files.in_order(way)) for way in Start)
    undecided = frozenset(
        (section, option)
        for section, options in plain.items()
        for option, value in options.items()
        if named[section][option] != value
    )
    agreed = {
        section: {option: value for option, value in options.items() if (section, option) not in undecided}
        for section, options in plain.items()
    }
    return Effective(agreed, undecided)


def setter(files: ConfigFiles, start: Start, section: str, option: str) -> str:
    """The path of the file whose value of an option counts; empty where none sets it."""
    paths = [path for path, text in files.in_order(start) if option in read(text).get(same_section(section), {})]
    return paths[-1] if paths else ""


def start_of(command: t.Sequence[str]) -> t.Optional[Start]:
    """How a process with this command line was started; None for one that names its own order of folders."""
    if any(word.split("=")[0] == "--config-dir" for word in command):
        return None
    return Start.NAMED if any(word.split("=")[0] == "--config-file" for word in command) else Start.PLAIN


def companions(path: str, programs: t.Iterable[str] = ()) -> tuple[list[str], list[str]]:
    """Of the programs that read a file: their own files, and their folders, each in the order in which they read them.

    oslo.config names both after the project, which its folder is named after, and after the program.
    """
    folder = os.path.dirname(path)
    conf = folder[: -len(".d")] if folder.endswith(".conf.d") else path
    folder = os.path.dirname(conf)
    named = [os.path.join(folder, f"{name}.conf") for name in programs]
    own = dict.fromkeys([os.path.join(folder, f"{os.path.basename(folder)}.conf"), conf, *named])
    return list(own), [f"{one}.d" for one in own]
