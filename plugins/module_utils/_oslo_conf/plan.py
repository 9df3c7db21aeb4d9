# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options in the ini files of OpenStack services and of Ceph, and the services that read them: desired and actual state, and the plan. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from .._common import OperatorError
from .._host.files import Owned
from . import ceph_conf
from .ini import Sections, edited, read, same, same_section, value_of
from .keep import Kept, entries, resolved
from .precedence import ConfigFiles, Effective, Start, effective, setter

_SECTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*\Z")
_OPTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*( [A-Za-z0-9_.-]+)*\Z")
_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]*\Z")
_MODE = re.compile(r"0?[0-7]{3}\Z")
_SECRET_NAME = re.compile(
    r"passw|secret(?!.*uuid)|connection|transport_url|token|(^|[_ -])key([_ -]|\Z)", re.IGNORECASE
)
_SECRET_VALUE = re.compile(r"://[^/@]*:[^/@]*@")


@dataclass(frozen=True)
class DesiredFile:
    """The desired options of a file and the services that read it. With `owned`, a missing file is created for this owner; without, it must exist.

    kept has options that depend on the file's content; resolve() turns them into plain ones. ceph means that it is one of Ceph's files.
    only means that the file is ours and has these options and no others; absent, that it is ours and goes. covers has, of options
    that are lists with commas, all entries that other files may have: what else they have would be lost to whoever needs it.
    """

    path: str
    sections: Sections
    owned: t.Optional[Owned] = None
    services: tuple[str, ...] = ()
    kept: Kept = field(default_factory=Kept)
    ceph: bool = False
    only: bool = False
    absent: bool = False
    covers: Sections = field(default_factory=dict)

    def resolve(self, there: str, beside: Effective, yes: t.Collection[str]) -> DesiredFile:
        """The same file with plain options; beside has the options set by other files. Raises OperatorError if a replaced value isn't named in yes."""
        now = self.read(there)

        def value(section: str, option: str) -> t.Optional[str]:
            own = self.value_of(now, section, option)
            return beside.value(section, option) if own is None and not self.ceph else own

        return replace(self, sections=resolved(self.path, self.sections, self.kept, value, yes), kept=Kept())

    def text(self, there: str) -> str:
        """The desired text of the file; nothing of one that goes."""
        if self.absent:
            return ""
        if self.only and self._others(there):
            there = ""
        return ceph_conf.edited(there, self.sections) if self.ceph else edited(there, self.sections)

    def read(self, text: str) -> Sections:
        return ceph_conf.read(text) if self.ceph else read(text)

    def _others(self, there: str) -> list[str]:
        """Options in the file that aren't among the desired ones."""
        wanted = {(same_section(section), option) for section, options in self.sections.items() for option in options}
        return [
            f"{option} in {section}"
            for section, options in self.read(there).items()
            for option in options
            if (section, option) not in wanted
        ]

    def dropped(self, there: str) -> list[str]:
        """Options that are removed from the file."""
        return self._others(there) if self.only else []

    def value_of(self, sections: Sections, section: str, option: str) -> t.Optional[str]:
        return ceph_conf.value_of(sections, section, option) if self.ceph else value_of(sections, section, option)

    def same(self, option: str, one: t.Optional[str], other: str) -> bool:
        return ceph_conf.same(option, one, other) if self.ceph else same(one, other)


@dataclass(frozen=True)
class ActualFile:
    """The actual file. Its text is None if it doesn't exist. leftovers are temporary files of runs that were killed while they wrote it."""

    text: t.Optional[str]
    owned: t.Optional[Owned] = None
    leftovers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ConfigPlan:
    """The steps from the actual to the desired state. The only place that decides what 'changed' means."""

    files: tuple[tuple[DesiredFile, str], ...]  # the file, and the step
    restart: tuple[str, ...]
    left: tuple[str, ...]  # of restart, those that a killed run didn't get to
    leftovers: tuple[str, ...] = ()

    @property
    def steps(self) -> list[str]:
        """The steps in order, as text for an operator."""
        return [
            *(f"remove {path}, left by a killed run" for path in self.leftovers),
            *(step for _desired, step in self.files),
            *(
                f"restart {name}" + (", which a killed run didn't restart" if name in self.left else "")
                for name in self.restart
            ),
        ]


# ----------------------------------------------------------------- desired state
def sections_of(path: str, given: t.Mapping[str, t.Any]) -> Sections:
    """The options with their values as text. Raises OperatorError for values that an ini file can't hold."""
    found: dict[str, dict[str, str]] = {}
    for section, options in given.items():
        if not _SECTION.match(section):
            raise OperatorError(
                f"{path}: {section[:60]!r} isn't a valid section name; use only letters, digits and _.:/-."
            )
        if same_section(section) in map(same_section, found):
            raise OperatorError(
                f"{path}: section {section} is given twice; oslo.config ignores the case of section names."
            )
        if not isinstance(options, t.Mapping):
            raise OperatorError(
                f"{path}: section {section} is {options!r}; give a dictionary of its options and values."
            )
        found[section] = {_option(path, section, name): _value(path, section, name, options[name]) for name in options}
    return found


def _option(path: str, section: str, option: t.Any) -> str:
    if not isinstance(option, str) or not _OPTION.match(option):
        raise OperatorError(f"{path}: {str(option)[:60]!r} in section {section} isn't a valid option name.")
    return option


def _value(path: str, section: str, option: str, value: t.Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, (str, int, float)):
        raise OperatorError(
            f"{path}: {option} in section {section} is a {type(value).__name__}; give a string, a number, true or false."
        )
    text = str(value)
    if "\n" in text or "\r" in text or text != text.strip():
        raise OperatorError(
            f"{path}: {option} in section {section} contains a line break, or begins or ends with white space."
        )
    return text


def parse_mode(path: str, text: str) -> int:
    """Parse a file mode. Raises OperatorError if it isn't octal, or if others than the owner could write."""
    if not _MODE.match(text):
        raise OperatorError(f"mode {text!r} of {path} isn't octal; write it as 0640.")
    mode = int(text, 8)
    if mode & 0o022:
        raise OperatorError(
            f"{path} with mode {mode:04o} would be writable by others than its owner; use 0640 or 0644."
        )
    return mode


def check(desired: t.Sequence[DesiredFile]) -> None:
    """Raise OperatorError for invalid or contradictory files."""
    paths = [each.path for each in desired]
    twice = sorted({path for path in paths if paths.count(path) > 1})
    if twice:
        raise OperatorError(f"{twice[0]} is listed twice; list it once, with all its options.")
    for each in desired:
        if not each.path.startswith("/"):
            raise OperatorError(f"{each.path!r} isn't an absolute path; it must begin with /.")
        for service in each.services:
            if not _SERVICE.match(service):
                raise OperatorError(
                    f"{service[:60]!r} isn't a valid service name; write it as for systemctl or service."
                )


# ------------------------------------------------------------------------ plans
def plan(
    desired: t.Sequence[DesiredFile],
    actual: t.Mapping[str, ActualFile],
    pending: t.Collection[str],
    due: t.Sequence[str] = (),
) -> ConfigPlan:
    """Plan the steps; `pending` are services that an earlier run still had to restart, `due` those that are restarted in any case."""
    files = []
    restart: dict[str, None] = dict.fromkeys(due)
    for each in desired:
        step = _step(each, actual[each.path])
        if step:
            files.append((each, step))
        for service in each.services:
            if step or service in pending:
                restart[service] = None
    changed = {*due, *(service for each, _step in files for service in each.services)}
    left = tuple(name for name in restart if name not in changed)
    leftovers = tuple(path for each in desired for path in actual[each.path].leftovers)
    return ConfigPlan(tuple(files), tuple(restart), left, leftovers)


def _step(desired: DesiredFile, there: ActualFile) -> str:
    if desired.absent:
        return "" if there.text is None else f"remove {desired.path}"
    if there.text is None:
        return f"write {desired.path}"
    if desired.text(there.text) != there.text:
        now = desired.read(there.text)
        names = [
            f"{option} in {section}"
            for section, options in desired.sections.items()
            for option, value in options.items()
            if not desired.same(option, desired.value_of(now, section, option), value)
        ]
        verbs = [("set", names), ("drop", desired.dropped(there.text))]
        return " and ".join(f"{verb} {', '.join(found)}" for verb, found in verbs if found) + f" of {desired.path}"
    return ""


def overruled(desired: DesiredFile, files: ConfigFiles, start: t.Optional[Start]) -> str:
    """An error message if another file of the same service would override a desired option; else empty.

    files has the desired file as it will be. If start is None, both ways of starting a service must agree.
    """
    for way in [] if desired.ceph else [start] if start else Start:
        there = effective(files, way)
        for section, options in desired.sections.items():
            for option, value in options.items():
                path = setter(files, way, section, option)
                if path != desired.path and not same(there.value(section, option), value):
                    wanted = "hidden" if is_secret(option, value) else repr(value)
                    why = (
                        f"The service was started {way.value}, so {path} takes precedence; remove the option there."
                        if start
                        else "Which of them takes precedence depends on how the service is started; remove it there."
                    )
                    return (
                        f"{path} also sets {option} in section {section}, but not to the value for {desired.path} "
                        f"({wanted}). {why}"
                    )
    return ""


def uncovered(desired: DesiredFile, files: ConfigFiles) -> str:
    """An error message if another file of the same service has entries in a list that the desired file doesn't cover; else empty."""
    others = {path: text for path, text in {**files.own, **files.folders}.items() if path != desired.path}
    for path, text in others.items():
        there = read(text)
        for section, options in desired.covers.items():
            for option, all_of_them in options.items():
                covered = entries(all_of_them)
                lost = [one for one in entries(value_of(there, section, option)) if one not in covered]
                if lost:
                    return (
                        f"{path} has {', '.join(lost)} in {option} of section {section}, which somebody may need. "
                        f"{desired.path} would take it away: add it to what you set, or, if nobody needs it, remove it from {path}."
                    )
    return ""


# ------------------------------------------------------------------------ diffs
def is_secret(option: str, value: str) -> bool:
    """Whether an option looks as if its value were a password, a key, or an address with a password in it."""
    return bool(_SECRET_NAME.search(option) or _SECRET_VALUE.search(value))


def secrets_of(desired: t.Iterable[DesiredFile]) -> set[str]:
    """The desired values that must not be shown."""
    return {
        value
        for each in desired
        for options in each.sections.values()
        for option, value in options.items()
        if value and is_secret(option, value)
    }


def shown(desired: DesiredFile, before: t.Optional[str], after: str) -> tuple[str, str]:
    """A file before and after, for diffs: only the desired options, since others may be passwords, and with secrets hidden."""
    old, new = desired.read(before or ""), desired.read(after)
    texts: tuple[list[str], list[str]] = ([], [])
    for section, options in (old if desired.absent else desired.sections).items():
        lines: tuple[list[str], list[str]] = ([], [])
        for option in options:
            was, will_be = (desired.value_of(found, section, option) for found in (old, new))
            if is_secret(option, f"{was} {will_be}"):
                will_be = "(hidden)" if was == will_be else "(hidden, changed)"
                was = None if was is None else "(hidden)"
            for found, value in zip(lines, (was, will_be)):
                if value is not None:
                    found.append(f"{option} = {value}\n")
        for text, found in zip(texts, lines):
            text.extend([f"[{section}]\n", *found] if found else [])
    return "".join(texts[0]), "".join(texts[1])
