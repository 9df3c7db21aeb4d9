# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run found or would do, for people. Pure."""

from __future__ import annotations

from collections import Counter

from ansible_collections.openstack_ops.day2.plugins.module_utils._text import table

from .model import Record, Report


def lines(report: Report) -> list[str]:
    """The verdict first, then a table of the checks, then what is still there, and notes."""
    said = [totals(report)]
    if report.checks:
        cells = [(one.name, one.verdict, str(one.seconds), one.why or "-") for one in report.checks]
        said += table(("check", "verdict", "seconds", "why"), cells, right={2})
    steps = [f"Step: {one}." for one in report.steps]
    return [*said, *steps, *(f"Remains: {one}." for one in report.remaining), *(f"Note: {one}" for one in report.notes)]


def totals(report: Report) -> str:
    if not report.checks:
        unknown = "; whether a volume is there isn't known" if report.unknown else ""
        return f"{report.host}: {len(report.found) or 'nothing'} left by earlier runs{unknown}."
    count = Counter(one.verdict for one in report.checks)
    return f"{report.host}: {report.verdict} ({', '.join(f'{number} {verdict}' for verdict, number in sorted(count.items()))})."


def diff(report: Report) -> Record:
    """What earlier runs left, and goes. The same in check mode and without."""
    return {"before": {report.host: [one.text for one in report.found]}, "after": {report.host: []}}
