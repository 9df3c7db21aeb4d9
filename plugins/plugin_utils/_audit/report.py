# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit hands out: plain values for JSON, lines for a terminal, and one HTML page that needs nothing else. Pure."""

from __future__ import annotations

import json
import typing as t
from collections import Counter

from .findings import Audited
from .model import SEVERITIES, VERSION, Book, Node, Record

_SHORT = {"VCPU": "VCPU", "MEMORY_MB": "RAM MiB", "DISK_GB": "disk GiB"}
#: In the page's template, where the report goes.
_PLACE = "@REPORT@"
#: More than a terminal is read for; the files have all.
_LINES = 200


def report(audited: Audited, *, taken: str, cloud: str, region: str, requests: int) -> Record:
    """As schema-1.json describes it."""
    return {
        "version": VERSION,
        "taken": taken,
        "cloud": cloud,
        "region": region,
        "requests": requests,
        "servers": audited.servers,
        "in_motion": audited.in_motion,
        "summary": summary(audited),
        "nodes": audited.nodes,
        "findings": [one.public() for one in audited.findings],
    }


def summary(audited: Audited) -> dict[str, int]:
    found = Counter(one.severity for one in audited.findings)
    return {severity: found[severity] for severity in SEVERITIES}


def reservations(audited: Audited) -> dict[str, int]:
    """By host of the inventory, the reserved_host_disk_mb of those that reserve too little. What reserve_disk takes."""
    short = {one.host for one in audited.findings if one.kind == "disk_not_reserved"}
    return {
        node["inventory_hostname"] or node["host"]: node["reservation"]["needed_mb"]
        for node in audited.nodes
        if node["host"] in short and node["reservation"]
    }


def lines(audited: Audited) -> list[str]:
    """For a terminal: a table of the nodes, then the findings. Holds nothing that a tenant wrote."""
    head = ["node", "state", "instances", *(_SHORT[name] + " free: believed, real" for name in _SHORT), "reserve MB"]
    table = [head, *(_row(node) for node in audited.nodes)]
    widths = [max(len(row[number]) for row in table) for number in range(len(head))]
    found = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]
    counts = summary(audited)
    found += [
        "",
        ", ".join(f"{counts[one]} {one}" for one in SEVERITIES)
        + f"; {audited.servers} instances, {audited.in_motion} of them in motion and left out",
    ]
    for one in audited.findings[:_LINES]:
        found += [
            f"{one.severity.upper()} {one.kind} {one.host} {one.subject}: {one.explanation}",
            f"    on {one.mend_on}: {one.mend}",
        ]
    if len(audited.findings) > _LINES:
        found.append(f"... and {len(audited.findings) - _LINES} more in the files.")
    return found


def _row(node: Node) -> list[str]:
    made = node["reservation"]
    return [
        node["host"],
        f"{node['state']}, {node['status']}",
        str(node["instances"]),
        *(_free(one) for one in node["books"]),
        f"{made['current_mb'] if made['current_mb'] is not None else '?'}, needed {made['needed_mb']}" if made else "?",
    ]


def _free(one: Book) -> str:
    believed, real = one["believed"], one["real"]
    return f"{believed['free'] if believed else '?'}, {real['free'] if real else '?'}"


def same(one: t.Any, other: t.Any) -> bool:
    """Whether two reports find the same things, whenever they were taken and however much is free now."""

    def found(made: t.Any) -> t.Any:
        try:
            return sorted(str(finding["id"]) for finding in made["findings"]), sorted(
                str(node["host"]) for node in made["nodes"]
            )
        except (KeyError, TypeError):
            return None

    return found(one) is not None and found(one) == found(other)


def page(template: str, made: Record) -> str:
    """The page with the report in it. Nothing in the report can end the script element or begin another one."""
    text = json.dumps(made, ensure_ascii=True, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    before, after = template.split(_PLACE)
    return before + text + after
