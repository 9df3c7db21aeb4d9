# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""reserved_host_disk_mb of a nova.conf: what it is, and what it should be. Pure."""

from __future__ import annotations

import typing as t

from .._common import OperatorError, shown
from .ini import read, value_of
from .plan import DesiredFile

OPTION = "reserved_host_disk_mb"
#: Nova tells Placement GiB, of which it takes 2147483647 at most (placement/schemas/inventory.py).
MOST_MB = (2**31 - 1) * 1024


def reservation(path: str, text: str, wanted: int, *, lower: bool) -> tuple[t.Optional[int], t.Optional[int]]:
    """In MB, what the file reserves and what it should. None: nothing. A larger number stays, unless lower.

    Raises OperatorError for a number that nobody can reserve, and for a file with which nova-compute couldn't start.
    """
    if wanted < 0:
        raise OperatorError(f"{OPTION} = {wanted} is negative; give 0 or more MB.")
    if wanted > MOST_MB:
        raise OperatorError(
            f"{OPTION} = {shown(wanted)} is more MB than Placement can reserve; give {MOST_MB} at most."
        )
    found = value_of(read(text), "DEFAULT", OPTION)
    try:
        before = None if found is None else int(found)
    except ValueError:
        raise OperatorError(
            f"{path} has {OPTION} = {str(found)[:40]!r}, which isn't a number, so nova-compute can't start with it; correct that line first."
        ) from None
    return before, before if not lower and (before or 0) >= wanted else wanted


def desired_file(path: str, after: t.Optional[int], services: t.Sequence[str]) -> DesiredFile:
    """The nova.conf that reserves this much; the rest of it stays."""
    return DesiredFile(path, {} if after is None else {"DEFAULT": {OPTION: str(after)}}, None, tuple(services))
