# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the needs to every compute, and tells step by step who is left, as the scheduler would. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed

from .filters import filters
from .model import PLACEMENT, Cause, Compute, Judged, Needs, Record
from .needs import in_words
from .placement import placement_causes


@dataclass(frozen=True)
class Report:
    needs: Needs
    computes: tuple[Judged, ...]
    steps: tuple[Record, ...]
    """by, before, after: how many computes Placement or a filter was given, and the names of those that it leaves."""
    notes: tuple[str, ...]

    @property
    def left(self) -> list[Judged]:
        """Computes that nothing known speaks against."""
        return [one for one in self.computes if not one.refused]


def judge(
    needs: Needs,
    computes: t.Iterable[Compute],
    *,
    candidates: t.Collection[str] | None,
    enabled: t.Sequence[str],
    max_io_ops: int,
    notes: t.Iterable[str] = (),
) -> Report:
    """enabled: the filters in use, in their order. candidates: what Placement offers (roots' UUIDs), None where that isn't known."""
    known = filters(max_io_ops)
    judged = []
    for compute in sorted(computes, key=lambda one: (one.host, one.node)):
        causes = placement_causes(needs, compute, candidates)
        if not compute.reached:
            text = "Nova doesn't reach the database of its cell, so what its filters see is unknown; look after the cell first"
            causes.append(Cause("cell", text, known=False))
        for name in enabled if compute.reached else ():
            found = known[name](needs, compute) if name in known else ()
            causes += [one if isinstance(one, Cause) else Cause(name, one) for one in found]
        judged.append(Judged(compute, tuple(causes)))
    unjudged = [f"The filter {name} isn't judged." for name in enabled if name not in known]
    return Report(needs, tuple(judged), tuple(_steps(judged, enabled)), (*needs.notes, *unjudged, *notes))


def _steps(judged: t.Sequence[Judged], enabled: t.Sequence[str]) -> list[Record]:
    steps, left = [], list(judged)
    for by in (PLACEMENT, *enabled):
        after = [one for one in left if not one.refused_by(by)]
        if len(after) != len(left):
            steps.append({"by": by, "before": len(left), "after": [one.compute.name for one in after]})
        left = after
        if not left:
            break
    return steps


def lines(report: Report) -> list[str]:
    """The report for a terminal: what is asked, who is left after each step, each compute, and what isn't known."""
    left = [one.compute.name for one in report.left]
    total = len(report.computes)
    said = [
        f"{report.needs.subject}: {len(left) or 'none'} of {total} computes could take it{f': {listed(left, 10)}' if left else ''}.",
        f"It asks for {in_words(report.needs)}.",
    ]
    for step in report.steps:
        after = step["after"]
        rest = f"leaves {len(after)}: {listed(after, 10)}." if after else "leaves none."
        said.append(f"{step['by']}: of {step['before']} {rest}")
    for one in report.computes:
        for cause in one.causes:
            by = cause.by if cause.known else f"unknown, {cause.by}"
            said.append(f"{one.compute.name}: {by}: {cause.text}.")
        if not one.causes:
            said.append(f"{one.compute.name}: nothing speaks against it.")
    return [*said, *(f"Note: {one}" for one in report.notes)]
