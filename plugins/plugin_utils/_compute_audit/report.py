# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit hands out: plain values for JSON, lines for a terminal, and one HTML page that needs nothing else. Pure."""

from __future__ import annotations

import typing as t
from types import MappingProxyType

from ansible_collections.openstack_ops.day2.plugins.module_utils._text import MOST_ROWS, table
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._page.page import draw

from . import history, room
from .audit import Audited
from .kinds import Kind
from .model import SEVERITIES, VERSION, Capacity, Node, Record

_SHORT = {"VCPU": "VCPU", "MEMORY_MB": "RAM MiB", "DISK_GB": "disk GiB"}
#: More than a terminal is read for; the files have all.
_LINES = 200


def report(
    audited: Audited,
    *,
    taken: str,
    cloud: str,
    region: str,
    requests: int,
    before: object = None,
    acknowledged: history.Acknowledged = MappingProxyType({}),
) -> Record:
    """In the form that docs/audit-report-1.json describes. `before` is the last one, if there is one."""
    made: Record = {
        "version": VERSION,
        "taken": taken,
        "cloud": cloud,
        "region": region,
        "requests": requests,
        "servers": audited.servers,
        "in_motion": audited.in_motion,
        "nodes": audited.nodes,
        "findings": [one.public() for one in audited.findings],
        "room": audited.room,
    }
    history.compare(made, before)
    history.acknowledge(made, acknowledged)
    return made


def reservations(audited: Audited) -> dict[str, int]:
    """By host of the inventory, the reserved_host_disk_mb of those that reserve too little. What reserve_disk takes."""
    short = {one.host for one in audited.findings if one.kind == "disk_not_reserved"}
    return {
        node["inventory_hostname"] or node["host"]: node["reservation"]["needed_mb"]
        for node in audited.nodes
        if node["host"] in short and node["reservation"]
    }


def lines(audited: Audited, made: Record) -> list[str]:
    """For a terminal: a table of the nodes, what still fits, then the findings that nobody has acknowledged. Holds nothing that a tenant wrote."""
    head = ["node", "state", "instances", *(_SHORT[name] + " free: allocated, actual" for name in _SHORT), "reserve MB"]
    nodes, quiet = _shown(audited)
    found = table(head, map(_row, nodes), right=())
    if quiet:
        found.append(f"and {quiet} computes that are up and have no finding")
    counts = made["summary"]
    found += ["", *room.lines(made["room"])]
    found += [
        "",
        ", ".join(f"{counts[one]} {one}" for one in SEVERITIES)
        + f"; {audited.servers} instances, {audited.in_motion} of them in motion and left out",
    ]
    if made["previous"]:
        unseen = f", {len(made['unseen'])} not looked at this time" if made["unseen"] else ""
        found.append(f"Since {made['previous']}: {len(made['new'])} new, {len(made['gone'])} gone{unseen}")
    known = {one["id"] for one in made["findings"] if one["acknowledged"]}
    if known:
        found.append(f"{len(known)} acknowledged and not listed here")
    listed = [one for one in audited.findings if one.id not in known]
    # What destroys something for good stands apart, below.
    shown = sorted(listed, key=lambda one: one.irreversible)[:_LINES]
    apart = [one.irreversible for one in shown].index(True) if any(one.irreversible for one in shown) else -1
    fresh = set(made["new"])
    for number, one in enumerate(shown):
        if number == apart:
            found += ["", "What can't be undone. Look at each by hand first:"]
        new = "NEW " if one.id in fresh else ""
        found.append(f"{new}{one.severity.upper()} {one.kind.value} {one.host} {one.subject}: {one.explanation}")
        if one.remedy:
            found.append(f"    on {one.remedy_on}: {one.remedy}")
    if len(listed) > _LINES:
        found.append(f"... and {len(listed) - _LINES} more in the files.")
    return found


def _shown(audited: Audited) -> tuple[list[Node], int]:
    """The nodes to list, and how many are left out: of more than MOST_ROWS, those that are up and enabled without a finding."""
    if len(audited.nodes) <= MOST_ROWS:
        return audited.nodes, 0
    named = {one.host for one in audited.findings}
    shown = [
        node
        for node in audited.nodes
        if node["host"] in named or node["unknown"] or (node["state"], node["status"]) != ("up", "enabled")
    ]
    return shown, len(audited.nodes) - len(shown)


def _row(node: Node) -> list[str]:
    made = node["reservation"]
    return [
        node["host"],
        f"{node['state']}, {node['status']}",
        str(node["instances"]),
        *(_free(one) for one in node["capacity"]),
        f"{made['current_mb'] if made['current_mb'] is not None else '?'}, needed {made['needed_mb']}" if made else "?",
    ]


def _free(one: Capacity) -> str:
    allocated, actual = one["allocated"], one["actual"]
    return f"{allocated['free'] if allocated else '?'}, {actual['free'] if actual else '?'}"


def same(one: t.Any, other: t.Any) -> bool:
    """Whether two reports find the same things, whenever they were taken and however much is free now."""

    def found(made: t.Any) -> t.Any:
        try:
            return sorted((str(one["id"]), bool(one.get("acknowledged"))) for one in made["findings"]), sorted(
                str(node["host"]) for node in made["nodes"]
            )
        except (KeyError, TypeError):
            return None

    return found(one) is not None and found(one) == found(other)


def page(template: str, made: Record) -> str:
    """The page with the report in it. Nothing in the report can end the script element or begin another one."""
    return draw(template, report=made, kinds={kind.value: kind.meaning for kind in Kind})
