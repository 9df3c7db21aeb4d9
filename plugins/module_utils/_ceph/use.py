# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What pools hold. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Use:
    """A pool; sizes in bytes. stored is what clients have written, used what it takes on the OSDs with all copies."""

    name: str
    stored: int
    used: int
    objects: int
    max_avail: int
    percent_used: float
    quota_max_bytes: int
    quota_max_objects: int

    def public(self) -> dict[str, t.Any]:
        return dict(vars(self))


def read_use(answer: t.Any) -> list[Use]:
    """From `df detail`, as JSON; the fullest pool first."""
    found = []
    for row in answer["pools"]:
        stats = row["stats"]
        found.append(
            Use(
                name=row["name"],
                stored=stats["stored"],
                used=stats["bytes_used"],
                objects=stats["objects"],
                max_avail=stats["max_avail"],
                percent_used=round(stats["percent_used"] * 100, 2),
                quota_max_bytes=stats.get("quota_bytes", 0),
                quota_max_objects=stats.get("quota_objects", 0),
            )
        )
    return sorted(found, key=lambda one: (-one.percent_used, one.name))


def size_text(size: float) -> str:
    """Bytes as Ceph prints them, in powers of 1024."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def use_text(found: t.Sequence[Use]) -> list[str]:
    """A table for people."""
    if not found:
        return ["The cluster has no pools."]
    rows = [("pool", "stored", "used", "objects", "still fits", "full", "quota")]
    for one in found:
        quotas = [size_text(one.quota_max_bytes)] if one.quota_max_bytes else []
        quotas += [f"{one.quota_max_objects} objects"] if one.quota_max_objects else []
        rows.append(
            (
                one.name,
                size_text(one.stored),
                size_text(one.used),
                str(one.objects),
                size_text(one.max_avail),
                f"{one.percent_used:.1f} %",
                ", ".join(quotas) or "-",
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if not column else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        )
        for row in rows
    ]
