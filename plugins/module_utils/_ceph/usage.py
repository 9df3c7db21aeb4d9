# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pools hold. Pure."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from types import MappingProxyType

from .._common import size_text
from .._text import table
from .objects import ERASURE

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGTPE])i?)?B?\Z", re.IGNORECASE)


@dataclass(frozen=True)
class PoolUsage:
    """A pool; sizes in bytes. stored is what clients have written, used what it takes on the OSDs with all copies.

    copies is their number, or k+m of an erasure-coded pool; empty if unknown.
    """

    name: str
    stored: int
    used: int
    objects: int
    max_avail: int
    percent_used: float
    quota_max_bytes: int
    quota_max_objects: int
    copies: str = ""
    erasure_profile: str = ""

    @property
    def fits(self) -> int:
        """What can still be written, also by the quotas; 0 where one is reached and writes hang."""
        if self.quota_max_objects and self.objects >= self.quota_max_objects:
            return 0
        left = self.quota_max_bytes - self.stored if self.quota_max_bytes else self.max_avail
        return max(0, min(self.max_avail, left))

    @property
    def percent_full(self) -> float:
        """In percent, the fullest of what the OSDs and the quotas allow."""
        quotas = [
            100.0 * used / most
            for used, most in ((self.stored, self.quota_max_bytes), (self.objects, self.quota_max_objects))
            if most
        ]
        return max([self.percent_used, *quotas])

    def public(self) -> dict[str, t.Any]:
        return {**vars(self), "fits": self.fits}


def read_usage(
    answer: t.Any, pools: t.Any = (), profiles: t.Mapping[str, t.Mapping[str, str]] = MappingProxyType({})
) -> list[PoolUsage]:
    """From `df detail` and `osd pool ls detail`, as JSON, and the settings of erasure-code profiles by name; the fullest pool first."""
    found = []
    made = {row["pool_name"]: row for row in pools}
    for row in answer["pools"]:
        one = made.get(row["name"], {})
        stats, copies = row["stats"], one.get("size")
        # A replicated pool that an old release made names a profile, too.
        profile = one.get("erasure_code_profile", "") if one.get("type") == ERASURE else ""
        chunks = profiles.get(profile, {})
        if "k" in chunks and "m" in chunks:  # lrc's may have layers instead
            copies = f"{chunks['k']}+{chunks['m']}"
        found.append(
            PoolUsage(
                name=row["name"],
                stored=stats["stored"],
                used=stats["bytes_used"],
                objects=stats["objects"],
                max_avail=stats["max_avail"],
                percent_used=round(stats["percent_used"] * 100, 2),
                quota_max_bytes=stats.get("quota_bytes", 0),
                quota_max_objects=stats.get("quota_objects", 0),
                copies=str(copies or ""),
                erasure_profile=profile,
            )
        )
    return sorted(found, key=lambda one: (-one.percent_full, one.name))


def size_of(text: str) -> t.Optional[int]:
    """Bytes of a size as 500, 500G, 500GB or 500GiB, all in powers of 1024 as Ceph has them; None for what is none."""
    found = _SIZE.match(text.strip())
    if not found:
        return None
    return int(float(found.group(1)) * 1024 ** " KMGTPE".index((found.group(2) or " ").upper()))


def usage_text(found: t.Sequence[PoolUsage]) -> list[str]:
    """A table for people."""
    if not found:
        return ["The cluster has no pools."]
    rows = []
    for one in found:
        quotas = [size_text(one.quota_max_bytes)] if one.quota_max_bytes else []
        quotas += [f"{one.quota_max_objects} objects"] if one.quota_max_objects else []
        rows.append(
            (
                one.name,
                size_text(one.stored),
                size_text(one.used),
                one.copies or "?",
                str(one.objects),
                size_text(one.fits),
                f"{one.percent_full:.1f} %",
                ", ".join(quotas) or "-",
            )
        )
    head = ("pool", "stored", "used", "copies", "objects", "still fits", "full", "quota")
    return table(head, rows, right=range(1, len(head)))
