# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sections that are made of what earlier runs wrote on the controller: audit and capacity, Ceph's proof. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from datetime import datetime, timezone

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed

from .model import Limits, Section, cleaned, count, duration, listing, mapping, number, plural

_DAY = 86400
#: A flavor that fits less often is told.
_FEW = 10
#: Findings that are told one by one; the audit's own page has all.
_FINDINGS = 200


@dataclass(frozen=True)
class Evidence:
    """A file that an earlier run wrote: what is in it, or why nothing is known of it."""

    path: str
    told: t.Mapping[str, t.Any]
    unknown: str = ""


def _age(section: Section, evidence: Evidence, limit: Limits, now: datetime) -> str:
    """How old it is in words. Adds a row where that is too old, or can't be told."""
    taken = str(evidence.told.get("taken"))
    try:
        moment = datetime.strptime(taken, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except ValueError:
        section.add("unknown", "age", f"{evidence.path} doesn't tell when it was taken")
        return "of an unknown age"
    seconds = (now - moment).total_seconds()
    if seconds > limit.evidence_days * _DAY:
        section.add("warning", "age", f"{evidence.path} is {duration(seconds)} old; it may be different by now")
    elif seconds < -_DAY:
        section.add("unknown", "age", f"{evidence.path} is of {cleaned(taken)}, which is yet to come")
    return f"{duration(seconds)} old"


def audit(evidence: Evidence, limit: Limits, now: datetime) -> Section:
    """What the last audit found that nobody has acknowledged."""
    section = Section("audit", "Audit of the computes", "")
    summary, findings = mapping(evidence.told.get("summary")), evidence.told.get("findings")
    if evidence.unknown or summary is None or not isinstance(findings, list):
        section.line = evidence.unknown or f"{evidence.path} isn't a report of audit_computes"
        return section
    open_now = [one for one in map(mapping, findings) if one is not None and not one.get("acknowledged")]
    told = [one for one in open_now if one.get("severity") in ("critical", "warning")]
    told.sort(key=lambda one: str(one["severity"]))
    for one in told[:_FINDINGS]:
        section.add(
            str(one["severity"]),
            cleaned(one.get("host")),
            f"{one.get('kind')} {one.get('subject')}: {one.get('explanation')}",
        )
    if len(told) > _FINDINGS:
        section.add(
            str(told[_FINDINGS]["severity"]), "more", f"{len(told) - _FINDINGS} findings are in {evidence.path} alone"
        )
    for node in filter(None, map(mapping, listing(evidence.told.get("nodes")))):
        for part, why in (mapping(node.get("unknown")) or {}).items():
            section.add("unknown", cleaned(node.get("host")), f"{part} couldn't be looked at: {why}")
    counts = ", ".join(f"{count(summary.get(one))} {one}" for one in ("critical", "warning", "info"))
    section.line = (
        f"{counts}; {plural(count(evidence.told.get('servers')), 'instance')}; {_age(section, evidence, limit, now)}"
    )
    return section.fine()


def capacity(evidence: Evidence, limit: Limits, now: datetime) -> Section:
    """What still fits, by the last audit."""
    section = Section("capacity", "Capacity", "")
    room = mapping(evidence.told.get("room"))
    if evidence.unknown or room is None:
        section.line = (
            evidence.unknown or f"{evidence.path} doesn't tell what still fits; another version may have written it"
        )
        return section
    if room.get("unknown"):
        section.line = f"what still fits isn't known: {cleaned(room['unknown'])}"
        return section
    flavors = [one for one in map(mapping, listing(room.get("flavors"))) if one is not None]
    computes = [one for one in map(mapping, listing(room.get("computes"))) if one is not None]
    for one in flavors:
        fits, unknown = number(one.get("fits")), bool(one.get("unknown"))
        if fits is None or (not fits and unknown):
            section.add("unknown", f"flavor {cleaned(one.get('name'))}", "whether it still fits isn't known")
        elif fits < _FEW and not unknown:
            section.add(
                "warning",
                f"flavor {cleaned(one.get('name'))}",
                f"fits {int(fits)} more times" if fits else "fits nowhere",
            )
    for one in computes:
        failure = mapping(one.get("failure"))
        if failure and failure.get("absorbed") is False:
            left = len(listing(failure.get("left")))
            section.add(
                "warning",
                cleaned(one.get("name")),
                f"if it fails, {left} of its {plural(count(failure.get('instances')), 'instance')} fit nowhere",
            )
    if not computes:
        section.line = "the audit knows of no compute"
        return section
    usable = sum(one.get("usable") is True for one in computes)
    section.line = f"{usable} of {plural(len(computes), 'compute')} take instances, {plural(len(flavors), 'flavor')}; {_age(section, evidence, limit, now)}"
    return section.fine()


def ceph(evidence: Evidence, limit: Limits, now: datetime) -> Section:
    """What the last proof of Ceph's clients found."""
    section = Section("ceph", "Ceph's proof", "")
    hosts, wrong = evidence.told.get("hosts"), evidence.told.get("wrong")
    if evidence.unknown or not isinstance(hosts, list) or not isinstance(wrong, list):
        section.line = evidence.unknown or f"{evidence.path} isn't a report of verify_ceph"
        return section
    names = {str(one) for one in wrong}
    problems: dict[str, list[str]] = {}
    for text in map(str, listing(evidence.told.get("problems"))):
        host, _colon, problem = text.partition(": ")
        problems.setdefault(host, []).append(problem)
    for name in sorted(names):
        section.add("critical", cleaned(name), listed(problems.get(name, ["something is wrong"]), 3, " "))
    if not hosts:
        section.line = "no host was proven"
        return section
    section.line = (
        f"proven on {len(hosts) - len(names)} of {plural(len(hosts), 'host')}; {_age(section, evidence, limit, now)}"
    )
    return section.fine()
