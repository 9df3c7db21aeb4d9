# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed since the last report, and which findings somebody has acknowledged. Pure."""

from __future__ import annotations

import datetime
import typing as t
from collections import Counter

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, first_of, shown

from .model import SEVERITIES, Record

_KEYS = ("id", "reason", "until")


def compare(made: Record, before: object) -> None:
    """Give each finding of a report its `since`, and the report `previous`, `new`, `gone` and `unseen`.

    `before` is the last report as it was read, or anything else where there is none. A finding is `gone` only where its host was
    looked at and nothing there is unknown now; else it is `unseen`.
    """
    findings: list[Record] = made["findings"]
    previous, old = _read(before)
    for finding in findings:
        finding["since"] = str(old.get(finding["id"], {}).get("since") or made["taken"])
    now = {finding["id"] for finding in findings}
    unknown = {finding["host"] for finding in findings if finding["kind"] == "unknown"}
    looked_at = {node["host"] for node in made["nodes"] if not node["unknown"]} - unknown
    left = sorted(one for one in old if one not in now)
    gone = [one for one in left if old[one].get("host") in looked_at]
    made["previous"] = previous
    made["new"] = sorted(now - set(old)) if previous else []
    made["gone"] = gone
    made["unseen"] = [one for one in left if one not in gone]


def _read(report: object) -> tuple[str | None, dict[str, Record]]:
    """When a report was taken, and its findings by id; None and nothing where it isn't one."""
    if not isinstance(report, dict) or not isinstance(report.get("taken"), str):
        return None, {}
    try:
        return report["taken"], {str(one["id"]): dict(one) for one in report["findings"]}
    except (KeyError, TypeError, ValueError):
        return None, {}


Acknowledged = t.Mapping[str, tuple[str, str]]
"""By the id of a finding: why it may stay, and the last day (YYYY-MM-DD) on which that counts, or ''."""


def acknowledge(made: Record, known: Acknowledged) -> None:
    """Mark the findings that somebody has acknowledged, and leave them out of the summary."""
    today = str(made["taken"])[:10]
    for finding in made["findings"]:
        reason, until = known.get(finding["id"], ("", ""))
        valid = finding["id"] in known and (not until or until >= today)
        finding["acknowledged"] = {"reason": reason, "until": until} if valid else None
    open_now = Counter(one["severity"] for one in made["findings"] if not one["acknowledged"])
    made["summary"] = {severity: open_now[severity] for severity in SEVERITIES}


def acknowledgements(acknowledged: t.Sequence[t.Mapping[str, t.Any]]) -> Acknowledged:
    """Read what an operator wrote: each has an id, a reason, and until if it has an end. Raises OperatorError for what isn't understood."""
    known: dict[str, tuple[str, str]] = {}
    problems = []
    for number, one in enumerate(acknowledged, start=1):
        where = f"compute_audit_acknowledged[{number}]"
        extra = sorted(str(key) for key in one if key not in _KEYS)
        identity, reason = str(one.get("id") or "").strip(), str(one.get("reason") or "").strip()
        until = str(one.get("until") or "").strip()
        if extra:
            problems.append(f"{where} has the unknown key {shown(extra[0])}; known are {', '.join(_KEYS)}.")
        if identity.count(":") < 2:
            problems.append(
                f"{where}: id is {shown(identity)}; write a finding's id as the report has it, KIND:HOST:SUBJECT."
            )
        if not reason:
            problems.append(f"{where} has no reason; say why it may stay, for whoever reads the report next.")
        if until and not _is_day(until):
            problems.append(f"{where}: until is {shown(until)}, not a day; write it as 2027-03-31, or leave it out.")
        known[identity] = (reason, until)
    if problems:
        raise OperatorError(first_of(problems))
    return known


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
