# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report for other programs: metrics for node_exporter's textfile collector, and CSV for a spreadsheet. Pure."""

from __future__ import annotations

import csv
import datetime
import io
import typing as t
from collections import Counter

from .model import Record

_PREFIX = "openstack_ops_compute_audit"
_COLUMNS = ("id", "severity", "kind", "host", "subject", "name", "since", "explanation", "remedy", "remedy_on")


def metrics(made: Record) -> str:
    """How many findings there are of each kind on each host, and when that was found, in Prometheus' text format.

    Nothing in it was written by a tenant.
    """
    where = {"cloud": made["cloud"], "region": made["region"]}
    taken = datetime.datetime.strptime(made["taken"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=datetime.timezone.utc)
    open_now: Counter[tuple[str, str, str]] = Counter()
    acknowledged: Counter[tuple[str, str, str]] = Counter()
    for one in made["findings"]:
        (acknowledged if one["acknowledged"] else open_now)[one["host"], one["kind"], one["severity"]] += 1
    unknown = sum(bool(node["unknown"]) for node in made["nodes"])
    lines = [
        *_head("findings", "Findings of the last audit that nobody has acknowledged."),
        *_counted("findings", where, open_now),
        *_head("acknowledged_findings", "Findings of the last audit that somebody has acknowledged."),
        *_counted("acknowledged_findings", where, acknowledged),
        *_head("computes", "Computes that the last audit told of."),
        _line("computes", where, len(made["nodes"])),
        *_head("computes_unknown", "Computes on which something could not be looked at."),
        _line("computes_unknown", where, unknown),
        *_room(where, made["room"]),
        *_head("timestamp_seconds", "When the last audit began."),
        _line("timestamp_seconds", where, int(taken.timestamp())),
    ]
    return "\n".join(lines) + "\n"


def _room(where: t.Mapping[str, str], room: Record) -> list[str]:
    """What is known of the room that is left. Of what isn't, there is no line: it is neither nothing nor enough."""
    lines = _head("flavor_fits", "How many instances of a flavor surely fit, where it is known of all computes.")
    lines += [
        _line("flavor_fits", {**where, "flavor": one["name"]}, one["fits"])
        for one in room["flavors"]
        if not one["unknown"]
    ]
    lines += _head("stranded", "What stays free of a resource whatever is booted, in vCPUs, MiB and GiB.")
    lines += [
        _line("stranded", {**where, "host": one["name"], "resource": row["resource"]}, row["amount"])
        for one in room["computes"]
        for row in one["stranded"]
    ]
    lines += _head("failure_absorbed", "Whether the instances of a compute would fit onto the others if it failed.")
    lines += [
        _line("failure_absorbed", {**where, "host": one["name"]}, int(one["failure"]["absorbed"]))
        for one in room["computes"]
        if one["failure"] and one["failure"]["absorbed"] is not None
    ]
    return lines


def _head(name: str, help_text: str) -> list[str]:
    return [f"# HELP {_PREFIX}_{name} {help_text}", f"# TYPE {_PREFIX}_{name} gauge"]


def _counted(name: str, where: t.Mapping[str, str], counted: Counter[tuple[str, str, str]]) -> t.Iterator[str]:
    for (host, kind, severity), many in sorted(counted.items()):
        yield _line(name, {**where, "host": host, "kind": kind, "severity": severity}, many)


def _line(name: str, labels: t.Mapping[str, object], value: int) -> str:
    inside = ",".join(f'{key}="{_escaped(str(text))}"' for key, text in labels.items())
    return f"{_PREFIX}_{name}{{{inside}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def table(made: Record) -> str:
    """The findings as CSV with a head. A spreadsheet takes no cell for a formula, whatever a tenant has called an instance."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_COLUMNS, "acknowledged"])
    for one in made["findings"]:
        reason = (one["acknowledged"] or {}).get("reason", "")
        writer.writerow([_harmless(str(text)) for text in (*(one[column] for column in _COLUMNS), reason)])
    return out.getvalue()


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in tuple("=+-@\t\r") and text else text
