# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for people, from modules and from what runs where Ansible runs. Pure. PRIVATE to the collection."""

from __future__ import annotations

import re
import typing as t

from ._common import listed

#: Of more rows, a terminal gets those that need a look, and how many others there are.
MOST_ROWS = 60
_AMOUNT = re.compile(r"([0-9]+(\.[0-9]+)?( ?[A-Za-z]+)?)?\Z")


def table(
    head: t.Sequence[str], rows: t.Iterable[t.Sequence[object]], right: t.Optional[t.Collection[int]] = None
) -> list[str]:
    """Lines of a table whose columns are as wide as their widest cell.

    The columns whose numbers are in `right` are set to the right; without it, those that hold numbers, units included, or nothing.
    """
    cells = [[str(cell) for cell in row] for row in [head, *rows]]
    columns = list(zip(*cells))
    widths = [max(map(len, column)) for column in columns]
    if right is None:
        right = [number for number, column in enumerate(columns) if all(map(_AMOUNT.match, column[1:]))]
    return [
        "  ".join(
            text.rjust(width) if number in right else text.ljust(width)
            for number, (text, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in cells
    ]


def printable(text: str) -> str:
    """The same line with blanks for tabs, and a question mark for all that a terminal obeys or doesn't show, line breaks included."""
    return "".join(one if one.isprintable() else "?" for one in text.expandtabs())


def on_one_line(text: str) -> str:
    """Somebody else's text with single blanks for all white space, and a question mark for what isn't printable."""
    return printable(" ".join(text.split()))


def by_steps(steps: t.Mapping[str, t.Optional[t.Sequence[str]]]) -> list[str]:
    """A line for the hosts that have the same steps, in the order of their first host. Hosts with None, without a result, come last."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for host, done in steps.items():
        if done is not None:
            groups.setdefault(tuple(done), []).append(host)
    lines = [f"{listed(hosts, 10)}: {'; '.join(done) or 'unchanged'}" for done, hosts in groups.items()]
    lost = [host for host, done in steps.items() if done is None]
    return [*lines, f"{listed(lost, 10)}: no result, not reached or failed (see above)"] if lost else lines
