# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks of all hosts as a table. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import size_text
from ansible_collections.openstack_ops.day2.plugins.module_utils._text import table


def disk_table(found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """From each host's result of ceph_disks (or None) to text, a list of lines; free, the names of free disks by host; and unread, hosts without an answer."""
    rows, told, unread = [], [], []
    free: dict[str, list[str]] = {}
    for host, result in sorted(found.items()):
        disks = result.get("disks") if isinstance(result, t.Mapping) else None
        if disks is None:
            why = result.get("msg") if isinstance(result, t.Mapping) else None
            told.append(f"{host}: {why or 'it was unreachable, or the run ended before.'}")
            unread.append(host)
            continue
        free[host] = [disk["name"] for disk in disks if disk["free"]]
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
    head = ("host", "device", "name in /dev/disk/by-id", "serial", "size", "kind", "for Ceph")
    return {"text": table(head, rows, right=[4]) + told, "free": free, "unread": unread}
