# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of all hosts as a table. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed, size_text
from ansible_collections.openstack_ops.day2.plugins.module_utils._text import table


def disk_table(found: t.Mapping[str, t.Any], most: int = 0) -> dict[str, t.Any]:
    """From each host's result of ceph_disks (or None) to text, a list of lines; free, the names of free disks by host; and unread, hosts without an answer.

    On more than `most` hosts (0: never), text has a line for each host instead of one for each disk.
    """
    rows, told, unread = [], [], []
    brief: list[tuple[object, ...]] = []
    free: dict[str, list[str]] = {}
    for host, result in sorted(found.items()):
        disks = result.get("disks") if isinstance(result, t.Mapping) else None
        if disks is None:
            why = result.get("msg") if isinstance(result, t.Mapping) else None
            told.append(f"{host}: {why or 'it was unreachable, or the run ended before.'}")
            unread.append(host)
            continue
        free[host] = [disk["name"] for disk in disks if disk["free"]]
        unknown = sum(any(why.startswith("unknown") for why in disk["why"]) for disk in disks)
        devices = listed([disk["device"] for disk in disks if disk["free"]], 12)
        brief.append((host, len(disks), len(free[host]), len(disks) - len(free[host]) - unknown, unknown, devices))
        for disk in disks:
            verdict = "free" if disk["free"] else "; ".join(disk["why"])
            kind = "HDD" if disk["rotational"] else "SSD"
            rows.append(
                (
                    host,
                    disk["device"],
                    disk["name"] or "-",
                    disk["serial"] or "-",
                    size_text(disk["size"]),
                    kind,
                    verdict,
                )
            )
    if most and len(found) > most:
        head: tuple[str, ...] = ("host", "disks", "free", "in use", "unknown", "free disks")
        return {"text": table(head, brief, right=range(1, 5)) + told, "free": free, "unread": unread}
    head = ("host", "device", "name in /dev/disk/by-id", "serial", "size", "kind", "for Ceph")
    return {"text": table(head, rows, right=[4]) + told, "free": free, "unread": unread}
