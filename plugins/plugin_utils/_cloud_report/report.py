# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a whole cloud: sections sorted by trouble under one verdict. Pure."""

from __future__ import annotations

import typing as t
from datetime import datetime

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed
from ansible_collections.openstack_ops.day2.plugins.module_utils._text import table

from . import evidence, hosts
from .model import STATES, VERSION, Host, Limits, Section

#: Rows of a section that a terminal shows; the files have all.
_ROWS = 10


def report(
    told: t.Sequence[Host], audit: evidence.Evidence, ceph: evidence.Evidence, limit: Limits, now: datetime
) -> dict[str, t.Any]:
    """In the form that the module cloud_report documents: {version, taken, state, verdict, hosts, silent, counts, sections}."""
    sections = [
        hosts.answers(told),
        hosts.backups(told, limit),
        hosts.limits(told),
        hosts.restorer(told),
        evidence.audit(audit, limit, now),
        evidence.capacity(audit, limit, now),
        evidence.ceph(ceph, limit, now),
        hosts.volumes(told, limit),
        hosts.certificates(told, limit),
    ]
    sections.sort(key=lambda section: STATES.index(section.state))
    silent = [host.name for host in told if host.silent]
    return {
        "version": VERSION,
        "taken": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "state": sections[0].state,
        "verdict": _verdict(sections, silent),
        "hosts": len(told),
        "silent": silent,
        "counts": {state: sum(section.state == state for section in sections) for state in STATES},
        "sections": [section.public() for section in sections],
    }


def _verdict(sections: t.Sequence[Section], silent: t.Sequence[str]) -> str:
    """One line: what is in trouble, what isn't known, and who didn't answer."""
    named = {state: [section.title for section in sections if section.state == state] for state in STATES}
    if len(named["ok"]) == len(sections):
        return f"OK: all {len(sections)} parts were looked at, and none needs a look."
    parts = [f"{state}: {', '.join(named[state])}" for state in STATES[:-1] if named[state]]
    if named["ok"]:
        parts.append(f"{len(named['ok'])} ok")
    quiet = f" {listed(silent)} didn't answer." if silent else ""
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}.{quiet}"


def lines(made: t.Mapping[str, t.Any]) -> list[str]:
    """For a terminal: the verdict, a table of the sections, then what needs a look."""
    found = [made["verdict"], ""]
    found += table(
        ("state", "part", "in short"), [(one["state"], one["title"], one["line"]) for one in made["sections"]], right=()
    )
    for section in made["sections"]:
        rows = section["rows"]
        if rows:
            found += ["", f"{section['title']}:"]
        found += [f"  {row['state']:<8}  {row['subject']}: {row['text']}" for row in rows[:_ROWS]]
        if len(rows) > _ROWS:
            found.append(f"  and {len(rows) - _ROWS} more; report_json and report_html have them all.")
    return found
