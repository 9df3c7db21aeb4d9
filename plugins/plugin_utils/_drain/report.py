# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run did or would do, for people. Pure."""

from __future__ import annotations

from collections import Counter

from ansible_collections.openstack_ops.day2.plugins.module_utils._text import table

from .model import Moved, Record
from .run import Result


def lines(host: str, result: Result, *, check_mode: bool) -> list[str]:
    """Totals first, then a table of servers, then notes."""
    rows = rows_of(result, check_mode=check_mode)
    said = [totals(host, rows, result, check_mode=check_mode)]
    if rows:
        cells = [
            (one.server, one.source, one.dest or "-", one.how or "-", str(one.seconds), _verdict(one)) for one in rows
        ]
        said += table(("server", "from", "to", "how", "seconds", "verdict"), cells, right={4})
    return [*said, *(f"Remains: {one}." for one in result.remaining), *(f"Note: {one}" for one in result.plan.notes)]


def rows_of(result: Result, *, check_mode: bool) -> list[Moved]:
    """Every server that was looked at. In check mode those that would be moved have the verdict planned."""
    planned = [
        Moved(one.server, one.source, one.dest, one.how, 0, "planned", "under way already" if one.started else "")
        for one in (result.plan.steps if check_mode else ())
    ]
    refused = [Moved(one.server, "", "", "", 0, "refused", one.why) for one in result.plan.refused]
    return sorted([*planned, *result.moved, *refused], key=lambda one: one.server)


def totals(host: str, rows: list[Moved], result: Result, *, check_mode: bool) -> str:
    count = Counter(one.verdict for one in rows)
    parts = [f"{number} {verdict}" for verdict, number in sorted(count.items())] or ["no servers to move"]
    service = result.plan.after
    return f"{host}: {', '.join(parts)}; nova-compute {'would be ' if check_mode and result.plan.changes_service else ''}{service}."


def diff(host: str, result: Result) -> Record:
    """What goes and what comes: the service, and where each server is. The same in check mode and without."""
    plan = result.plan
    where = {one.server: one.dest or "another compute" for one in plan.steps}
    stay = {one.server: "stays" for one in plan.refused}
    return {
        "before": {host: plan.before.text, "servers": {one.server: one.source for one in plan.steps} | stay},
        "after": {host: plan.after, "servers": where | stay},
    }


def _verdict(one: Moved) -> str:
    return f"{one.verdict}: {one.why}" if one.why else one.verdict
