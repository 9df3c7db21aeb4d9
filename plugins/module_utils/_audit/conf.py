# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""reserved_host_disk_mb of a nova.conf: what it is and what it shall be. Pure."""

from __future__ import annotations

import typing as t

from .._conf.model import ConfError, read

OPTION = "reserved_host_disk_mb"


def reservation(path: str, text: str, wanted: int, *, lower: bool) -> tuple[t.Optional[int], t.Optional[int]]:
    """In MB, what the file says and what it shall say. None: nothing; a larger number stays, unless lower."""
    if wanted < 0:
        raise ConfError(f"{OPTION} = {wanted} reserves less than nothing; give 0 or more MB.")
    said = read(text).get("DEFAULT", {}).get(OPTION)
    try:
        before = None if said is None else int(said)
    except ValueError:
        raise ConfError(
            f"{path} has {OPTION} = {str(said)[:40]!r}, which is no number, so nova-compute can't start with it; correct that line first."
        ) from None
    return before, before if not lower and (before or 0) >= wanted else wanted
