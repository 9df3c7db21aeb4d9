# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long users noticed something, from what a probe saw. Pure; times are seconds of one clock."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """One probe: from when to when it took, whether it passed, and if not, why."""

    begin: float
    end: float
    passed: bool
    why: str = ""


@dataclass(frozen=True)
class Outage:
    """Probes failed that began from `first` until `last`. The last success before began at `before`, the first one after at `after`.

    after is None where it hasn't ended.
    """

    first: float
    last: float
    before: float
    after: t.Optional[float]
    why: str


@dataclass(frozen=True)
class Measured:
    """What a probe saw during a fault. at_most is None where an outage hasn't ended. silence: its longest pause in seconds."""

    samples: int
    failed: int
    outages: tuple[Outage, ...]
    at_least: float
    at_most: t.Optional[float]
    silence: float


def measure(samples: t.Iterable[Sample], begin: float, end: float) -> Measured:
    """What a probe saw between begin and end; samples before begin only tell when it last passed."""
    ordered = sorted(samples, key=lambda one: one.begin)
    inside = [one for one in ordered if begin <= one.end and one.begin <= end]
    before = max([one.begin for one in ordered if one.end < begin and one.passed], default=begin)
    outages: list[Outage] = []
    run: list[Sample] = []
    for one in inside:
        if not one.passed:
            run.append(one)
            continue
        if run:
            outages.append(Outage(run[0].begin, run[-1].begin, before, one.begin, run[0].why))
            run = []
        before = one.begin
    if run:
        outages.append(Outage(run[0].begin, run[-1].begin, before, None, run[0].why))
    ended = [one.after - one.before for one in outages if one.after is not None]
    return Measured(
        samples=len(inside),
        failed=sum(not one.passed for one in inside),
        outages=tuple(outages),
        at_least=sum(one.last - one.first for one in outages),
        at_most=sum(ended) if len(ended) == len(outages) else None,
        silence=_silence(inside, begin, end),
    )


def _silence(inside: t.Sequence[Sample], begin: float, end: float) -> float:
    edges = [begin]
    longest = 0.0
    for one in inside:
        longest = max(longest, one.begin - edges[-1])
        edges.append(max(edges[-1], one.end))
    return max(longest, end - edges[-1])


def verdict(measured: Measured, allowed: float, pause: float) -> tuple[str, str]:
    """held, missed or unknown, and why. allowed: seconds of outage. pause: the longest silence in which an outage isn't overlooked."""
    if not measured.samples:
        return "unknown", "the probe never ran"
    if measured.at_most is None:
        return "missed", "it hadn't recovered when the drill stopped waiting"
    if measured.failed and (measured.at_least > allowed or allowed == 0):
        return "missed", f"out for at least {measured.at_least:.1f} s, {allowed:g} s were allowed"
    if measured.silence > max(pause, allowed):
        return "unknown", f"the probe was silent for {measured.silence:.1f} s"
    if measured.at_most > allowed:
        return (
            "unknown",
            f"out for {measured.at_least:.1f} to {measured.at_most:.1f} s, {allowed:g} s were allowed; probe more often",
        )
    return "held", f"out for at most {measured.at_most:.1f} s, {allowed:g} s were allowed" if measured.failed else ""


def together(verdicts: t.Sequence[str]) -> str:
    """One verdict of several: missed before unknown before held; unknown where there is none."""
    for word in ("missed", "unknown"):
        if word in verdicts:
            return word
    return "held" if verdicts else "unknown"
