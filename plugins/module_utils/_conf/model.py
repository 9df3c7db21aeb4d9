# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options in the ini files of OpenStack's services and of Ceph, and the services that read them: what is, what is wanted, what it takes. Pure.

A file is changed in place, line by line: comments, order and everybody else's options stay as they are.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

_SECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*\Z")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*\Z")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]*\Z")
_MODE = re.compile(r"0?[0-7]{3}\Z")
_HEADER = re.compile(r"\[([^\]]+)\]")
_WITH_END = re.compile(r"[^\n]*\n|[^\n]+")
_ASSIGNMENT = re.compile(r"([^\s=:#;\[][^=:]*?)\s*[=:]\s*(.*)")

Sections = t.Mapping[str, t.Mapping[str, str]]


class ConfError(Exception):
    """A sentence for the operator: the object, what was found, what was wanted, the way out."""


@dataclass(frozen=True)
class Owned:
    """Whose a file is; owner and group are names, mode is as stat tells it."""

    owner: str
    group: str
    mode: int


@dataclass(frozen=True)
class Wish:
    """Options of one file, and who reads it. With `owned`, the file is wholly ours; without, it is a service's own and has to be there."""

    path: str
    sections: Sections
    owned: t.Optional[Owned] = None
    services: tuple[str, ...] = ()

    def text(self, there: str) -> str:
        """The file as it shall be."""
        return edited("" if self.owned else there, self.sections)


@dataclass(frozen=True)
class Actual:
    """A file as it is. No text: it isn't there."""

    text: t.Optional[str]
    owned: t.Optional[Owned] = None


@dataclass(frozen=True)
class Plan:
    """From what is to what is wanted. The only place that decides what 'changed' means."""

    files: tuple[tuple[Wish, str], ...]  # the file, and what is done to it
    restart: tuple[str, ...]
    left: tuple[str, ...]  # of restart, those that a killed run has left undone

    @property
    def steps(self) -> list[str]:
        return [step for _wish, step in self.files] + [
            f"restart {name}" + (", which a killed run has left undone" if name in self.left else "")
            for name in self.restart
        ]


# ---------------------------------------------------------------- what is wanted
def sections_of(path: str, given: t.Mapping[str, t.Any]) -> Sections:
    """Options with their values as text; ConfError for what such a file can't hold."""
    found: dict[str, dict[str, str]] = {}
    for section, options in given.items():
        if not _SECTION.match(section):
            raise ConfError(
                f"{path}: {section[:60]!r} is not a section's name; write it with letters, digits and _.:/- only."
            )
        if not isinstance(options, t.Mapping):
            raise ConfError(f"{path}: section {section} is {options!r}, wanted are its options with their values.")
        found[section] = {_option(path, section, name): _value(path, section, name, options[name]) for name in options}
    return found


def _option(path: str, section: str, option: t.Any) -> str:
    if not isinstance(option, str) or not _OPTION.match(option):
        raise ConfError(f"{path}: {str(option)[:60]!r} in section {section} is not an option's name.")
    return option


def _value(path: str, section: str, option: str, value: t.Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (str, int, float)):
        raise ConfError(
            f"{path}: {option} in section {section} is {value!r}, wanted is a text, a number, true or false."
        )
    text = str(value)
    if "\n" in text or "\r" in text or text != text.strip():
        raise ConfError(f"{path}: {option} in section {section} has a line break in it, or white space around it.")
    return text


def parse_mode(path: str, text: str) -> int:
    if not _MODE.match(text):
        raise ConfError(f"mode {text!r} of {path} is not an octal one; write it as 0640.")
    mode = int(text, 8)
    if mode & 0o022:
        raise ConfError(f"{path} with mode {mode:04o} could be changed by others than its owner; give 0640 or 0644.")
    return mode


def check(wishes: t.Sequence[Wish]) -> None:
    """Raise ConfError for wishes that can't be meant."""
    paths = [wish.path for wish in wishes]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise ConfError(f"{twice[0]} is listed twice; say once what it shall hold.")
    for wish in wishes:
        if not wish.path.startswith("/"):
            raise ConfError(f"{wish.path!r} is no place for it; give a path from / on.")
        for service in wish.services:
            if not _SERVICE.match(service):
                raise ConfError(f"{service[:60]!r} is not a service's name; give it as systemctl or service take it.")


# ------------------------------------------------------------------- files as text
@dataclass
class _Line:
    """A line of a file with its end, and the option whose value begins or goes on in it."""

    text: str
    section: str
    option: str = ""
    value: str = ""
    continues: bool = False


def _lines(text: str) -> list[_Line]:
    """As oslo.config reads them: what is indented after an option goes on with its value; # and ; begin comments."""
    found: list[_Line] = []
    section = option = ""
    for text_line in _WITH_END.findall(text):
        stripped = text_line.strip()
        header = _HEADER.match(text_line)
        assignment = _ASSIGNMENT.match(text_line)
        if header:
            section, option = header.group(1).strip(), ""
            found.append(_Line(text_line, section))
        elif not stripped or stripped[0] in "#;":
            option = option if stripped else ""
            found.append(_Line(text_line, section))
        elif text_line[0].isspace() and option:
            found.append(_Line(text_line, section, option, stripped, continues=True))
        elif assignment:
            option = assignment.group(1).strip()
            found.append(_Line(text_line, section, option, assignment.group(2).strip()))
        else:
            option = ""
            found.append(_Line(text_line, section))
    return found


def read(text: str) -> dict[str, dict[str, str]]:
    """Options by section; of one that is there several times, the last, as services see it."""
    found: dict[str, dict[str, str]] = {}
    for line in _lines(text):
        if line.option:
            options = found.setdefault(line.section, {})
            options[line.option] = f"{options[line.option]}\n{line.value}" if line.continues else line.value
    return found


def merged(texts: t.Iterable[str]) -> dict[str, dict[str, str]]:
    """Options by section of several files, of which later ones outrank earlier ones."""
    found: dict[str, dict[str, str]] = {}
    for text in texts:
        for section, options in read(text).items():
            found.setdefault(section, {}).update(options)
    return found


def same(one: t.Optional[str], other: str) -> bool:
    """Whether two values say the same; true may be written True."""
    if one is not None and other in ("true", "false"):
        return one.lower() == other
    return one == other


def edited(text: str, sections: Sections) -> str:
    """A file with these options; unchanged where it has them already."""
    there = read(text)
    lines = _lines(text)
    for section, options in sections.items():
        for option, value in options.items():
            if not same(there.get(section, {}).get(option), value):
                _put(lines, section, option, value)
    return "".join(line.text for line in lines)


def _put(lines: list[_Line], section: str, option: str, value: str) -> None:
    if lines and not lines[-1].text.endswith("\n"):
        lines[-1].text += "\n"
    new = _Line(f"{option} = {value}\n", section, option, value)
    begins = [
        n for n, line in enumerate(lines) if (line.section, line.option) == (section, option) and not line.continues
    ]
    if begins:
        at = begins[-1]  # the one that counts
        end = at + 1
        while end < len(lines) and lines[end].continues:
            end += 1
        lines[at:end] = [new]
        return
    members = [
        n for n, line in enumerate(lines) if line.section == section and (line.option or _HEADER.match(line.text))
    ]
    if members:
        lines.insert(members[-1] + 1, new)
        return
    if lines and lines[-1].text.strip():
        lines.append(_Line("\n", lines[-1].section))
    lines += [_Line(f"[{section}]\n", section), new]


# ------------------------------------------------------------------------ plans
def plan(wishes: t.Sequence[Wish], actual: t.Mapping[str, Actual], pending: t.Collection[str]) -> Plan:
    """What it takes; `pending` are services that somebody has still to restart."""
    files = []
    restart: dict[str, None] = {}
    for wish in wishes:
        step = _step(wish, actual[wish.path])
        if step:
            files.append((wish, step))
        for service in wish.services:
            if step or service in pending:
                restart[service] = None
    changed = {service for wish, _what in files for service in wish.services}
    return Plan(tuple(files), tuple(restart), tuple(name for name in restart if name not in changed))


def _step(wish: Wish, there: Actual) -> str:
    if there.text is None:
        return f"write {wish.path}"
    if wish.text(there.text) != there.text:
        if wish.owned:
            return f"write {wish.path}"
        now = read(there.text)
        names = [
            f"{option} in {section}"
            for section, options in wish.sections.items()
            for option, value in options.items()
            if not same(now.get(section, {}).get(option), value)
        ]
        return f"set {', '.join(names)} of {wish.path}"
    if wish.owned and there.owned != wish.owned:
        return f"set owner and mode ({wish.owned.owner}:{wish.owned.group} {wish.owned.mode:04o}) of {wish.path}"
    return ""


def overruled(wish: Wish, others: t.Mapping[str, str]) -> str:
    """A sentence where a file that is read beside this one says otherwise; empty where none does."""
    for path in sorted(others):
        theirs = read(others[path])
        for section, options in wish.sections.items():
            for option, value in options.items():
                other = theirs.get(section, {}).get(option)
                if other is not None and not same(other, value):
                    return (
                        f"{path} sets {option} in section {section} as well, to another value than is wanted in {wish.path} ({value!r}). "
                        "Which of them counts depends on how the service is started; take it out there."
                    )
    return ""


def shown(wish: Wish, text: t.Optional[str]) -> str:
    """For diffs: of a file, only what is asked for. There may be passwords in the rest."""
    now = read(text or "")
    lines = []
    for section, options in wish.sections.items():
        found = [f"{option} = {now[section][option]}\n" for option in options if option in now.get(section, {})]
        lines += [f"[{section}]\n", *found] if found else []
    return "".join(lines)
