# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill has shown, as values, lines and one page."""

from __future__ import annotations

import datetime
import html
import typing as t
from pathlib import Path

from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.outages import (
    Measured,
    measure,
    together,
    verdict,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._page.page import draw

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.outages import Sample
    from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.schedule import Target

    from .probes import Probe

Record = dict[str, t.Any]

_TEMPLATE = Path(__file__).with_name("drill.html")


def probed(
    probe: Probe, samples: t.Sequence[Sample], span: tuple[float, float], allowed: float | None, clock: float
) -> Record:
    """What a probe saw during a fault, with its verdict. clock is added to its times for seconds since the epoch."""
    most = probe.allowed if allowed is None else allowed
    measured = measure(samples, *span)
    word, why = verdict(measured, most, probe.pause)
    return {
        "probe": probe.name,
        "verdict": word,
        "why": why,
        "allowed": most,
        "at_least": round(measured.at_least, 2),
        "at_most": None if measured.at_most is None else round(measured.at_most, 2),
        "samples": measured.samples,
        "failed": measured.failed,
        "outages": _outages(measured, clock),
    }


def _outages(measured: Measured, clock: float) -> list[Record]:
    return [
        {
            "from": moment(one.first + clock),
            "to": None if one.after is None else moment(one.after + clock),
            "why": one.why,
        }
        for one in measured.outages
    ]


def moment(seconds: float) -> str:
    """Seconds since the epoch as UTC, to a tenth."""
    found = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{found:%Y-%m-%dT%H:%M:%S}.{found.microsecond // 100000}Z"


def fault(target: Target, began: float, undone: Record, probes: t.Sequence[Record], why: str) -> Record:
    """A fault with what the probes saw. undone: known, and seconds on the host's own clock where it told them. why: what went wrong."""
    word = together([one["verdict"] for one in probes])
    if word == "held" and (why or not undone["known"]):
        word = "unknown"
    return {
        "component": target.component.name,
        "host": target.host,
        "what": target.component.text,
        "began": moment(began),
        "seconds": target.seconds,
        "undone": undone,
        "verdict": word,
        "why": why,
        "probes": list(probes),
    }


def report(drill: t.Mapping[str, t.Any], faults: t.Sequence[Record], planned: int) -> Record:
    """The whole drill. Faults that were planned and never came make it unknown, unless one was missed."""
    word = together([one["verdict"] for one in faults])
    if word == "held" and len(faults) < planned:
        word = "unknown"
    return {**drill, "verdict": word, "planned": planned, "faults": list(faults)}


def lines(made: Record) -> list[str]:
    """The report for those who read Ansible's output."""
    text = [f"{made['verdict']}: {len(made['faults'])} of {made['planned']} faults, seed {made['seed']}"]
    for one in made["faults"]:
        text.append(
            f"{one['verdict']}: {one['component']} on {one['host']}, {one['what']} for {one['seconds']} s from {one['began']}"
        )
        if one["why"]:
            text.append(f"  {one['why']}")
        text += [
            f"  {row['verdict']}: {row['probe']}" + (f", {row['why']}" if row["why"] else "") for row in one["probes"]
        ]
    return text


def page(made: Record) -> str:
    """One HTML page. All that comes from variables, hosts and answers is escaped."""
    faults = "".join(map(_section, made["faults"])) or "<p>No fault was made.</p>"
    about = f"{_text(made['verdict'])}: {len(made['faults'])} of {made['planned']} faults, seed {_text(made['seed'])}, {_text(made['taken'])}"
    before, rest = draw(_TEMPLATE.read_text(encoding="utf-8")).split("<!-- about -->")
    middle, after = rest.split("<!-- faults -->")
    return before + about + middle + faults + after


def _section(one: Record) -> str:
    undone = one["undone"]
    how = "not known to be undone" if not undone["known"] else "undone by the host"
    if undone["seconds"] is not None:
        how += f" after {undone['seconds']:.1f} s"
    rows = "".join(map(_row, one["probes"]))
    why = f"<p>{_text(one['why'])}</p>" if one["why"] else ""
    return (
        f'<section><h2><span class="{one["verdict"]}">{one["verdict"]}</span> {_text(one["component"])} on {_text(one["host"])}</h2>'
        f'<p class="dim">{_text(one["what"])} for {one["seconds"]} s from {_text(one["began"])}; {how}</p>{why}'
        '<table class="grid"><thead><tr><th>Probe</th><th>Verdict</th><th>Out for</th><th>Allowed</th><th>From, to, why</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></section>"
    )


def _row(row: Record) -> str:
    most = "not recovered" if row["at_most"] is None else f"{row['at_most']:.1f} s"
    out = "nothing noticed" if not row["failed"] else f"{row['at_least']:.1f} s to {most}"
    outages = "<br>".join(
        f"{_text(one['from'])}, {_text(one['to'] or 'not recovered')}, {_text(one['why'])}" for one in row["outages"]
    )
    cells = (
        ("Probe", _text(row["probe"])),
        ("Verdict", f'<span class="{row["verdict"]}">{row["verdict"]}</span> {_text(row["why"])}'),
        ("Out for", f"{out}, {row['samples']} probes" if row["samples"] else "the probe never ran"),
        ("Allowed", f"{row['allowed']:g} s"),
        ("From, to, why", outages),
    )
    return "<tr>" + "".join(f'<td data-head="{head}">{cell}</td>' for head, cell in cells) + "</tr>"


def _text(value: object) -> str:
    return html.escape(str(value))
