# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every package needs: the error for operators, and values as text. PRIVATE to the collection; imports nothing of it."""

from __future__ import annotations

import re
import typing as t

#: Runs a command with text on its standard input; returns (rc, stdout, stderr). (Python 3.7 has no Protocol.)
Run = t.Callable[[t.List[str], str], t.Tuple[int, str, str]]

#: An id as OpenStack, libvirt and Ceph write it, in lower case; as a part of a larger pattern, and alone.
UUID_TEXT = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
UUID = re.compile(UUID_TEXT + r"\Z")


class OperatorError(Exception):
    """An error that an operator can act on. Its text names the object, what was found, what was wanted and the way out."""


def first_of(failures: t.Sequence[str]) -> str:
    """The first five failures, as many as somebody reads, and how many more there are."""
    more = len(failures) - 5
    return " ".join(failures[:5]) + (f" And {more} more like these." if more > 0 else "")


def listed(names: t.Sequence[object], most: int = 5, between: str = ", ") -> str:
    """The first names, as many as an error can hold, and how many more there are."""
    more = len(names) - most
    return between.join(map(str, names[:most])) + (f" and {more} more" if more > 0 else "")


def shown(text: object) -> str:
    """A value from outside, quoted and short enough for an error."""
    quoted = repr(str(text))
    return quoted if len(quoted) <= 60 else f"{quoted[:50]}...' ({len(str(text))} characters)"


def in_range(what: str, number: int, least: int, most: t.Optional[int] = None) -> int:
    """The number. Raises OperatorError, with what as its name, where it is below least or above most."""
    if number < least or (most is not None and number > most):
        raise OperatorError(f"{what} is {number}; give {least} {'or more' if most is None else f'to {most}'}.")
    return number


def size_text(size: float, power: int = 1024) -> str:
    """Bytes as people read them, with two digits behind the point at most: 1.5 GiB. By powers of 1000, as traffic is counted: 62.4 MB."""
    units = ("KiB", "MiB", "GiB", "TiB", "PiB") if power == 1024 else ("kB", "MB", "GB", "TB", "PB")
    if abs(size) < power:
        return f"{size:.0f} B"
    size, step = size / power, 0
    while abs(size) >= power and step < len(units) - 1:
        size, step = size / power, step + 1
    return f"{size:.2f}".rstrip("0").rstrip(".") + " " + units[step]


#: Bindings for Python that modules use: what they are called, and the package that brings each.
_BINDINGS = {
    "libvirt": ("libvirt", "python3-libvirt (a node with nova-compute has it)"),
    "rados": ("librados", "python3-rados (ceph-common brings it)"),
    "rbd": ("librbd", "python3-rados and python3-rbd"),
}


def no_binding(name: str) -> OperatorError:
    """The error for a binding that the module's Python lacks, by the name that is imported: libvirt, rados or rbd."""
    called, package = _BINDINGS[name]
    return OperatorError(
        f"This host's Python has no {called} binding; install {package}, or set ansible_python_interpreter to the distribution's Python."
    )


def changed_meanwhile(what: str) -> OperatorError:
    """The error for something that isn't as wanted although every step succeeded."""
    return OperatorError(
        f"{what}: still differs after every step succeeded; another process may be changing it. Run again."
    )
