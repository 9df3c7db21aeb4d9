# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What rules would do to a whole cloud, told before a run. Pure: no Ansible, no I/O."""

from __future__ import annotations

import difflib
import typing as t
import uuid
from collections import Counter

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.times import format_time
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import format_rate, texts
from ansible_collections.openstack_ops.day2.plugins.module_utils._text import table
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.backends import as_ports
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import (
    ID_KEYS,
    MATCH_KEYS,
    NAME_KEYS,
    Facts,
    Port,
    Rule,
    Shape,
    Unknown,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import Answer, RuleBook
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.written import rates

Result = t.Mapping[str, t.Any]

#: In the order in which somebody should look at them.
_CHANGES = ("refused", "failed", "removed", "loosened", "created", "changed", "gone", "kept", "unchanged")
_DIRECTIONS = {"egress": "upload", "ingress": "download"}


def preview(
    book: RuleBook,
    ports: t.Mapping[str, t.Sequence[Port]],
    results: t.Mapping[str, Result | None],
    shown: int = 20,
    computes: t.Mapping[str, object] | None = None,
) -> dict[str, t.Any]:
    """Tell what a run by these rules would do: ports, results of check mode and what the inventory tells of the compute, by host.

    Returns {totals, rules, unlimited, changes, unknown, ports, text}: figures, a row per rule with a remark where it decides nothing,
    the reasons for which ports have no limit, a row per port that would change, hosts that nothing is known of, a row per port with
    the limit that the rules give it, and all but those as lines of text with at most `shown` of the changes (0: all).
    Raises RulesError.
    """
    about = computes or {}
    answers = {host: book.answers(of_host, about.get(host)) for host, of_host in ports.items()}
    everything = [answer for of_host in answers.values() for answer in of_host]
    facts = [Facts(answer.port, about.get(host)) for host, of_host in answers.items() for answer in of_host]
    rules = _rules(book, everything, facts)
    changes, counts, unknown = _changes(results)
    unlimited = Counter(answer.why for answer in everything if not answer.limits)
    totals = {
        "hosts": len(ports),
        "ports": len(everything),
        "limited": sum(bool(answer.limits) for answer in everything),
        "last_resort": sum(answer.last_resort for answer in everything),
        "unlimited": unlimited.total(),
        **{word: counts[word] for word in _CHANGES},
    }
    told: dict[str, t.Any] = {
        "totals": totals,
        "rules": rules,
        "unlimited": [{"ports": many, "why": why} for why, many in unlimited.most_common()],
        "changes": changes,
        "unknown": unknown,
        "ports": [_port(host, answer) for host, of_host in answers.items() for answer in of_host],
    }
    return {**told, "text": _text(told, shown)}


def _rules(book: RuleBook, answers: t.Sequence[Answer], facts: t.Sequence[Facts]) -> list[dict[str, t.Any]]:
    """A row per rule, and one for ports that are decided by their flavor's extra specs alone."""
    decided = Counter(answer.rule for answer in answers)
    matched: Counter[str] = Counter()
    before: dict[str, Counter[str]] = {rule.title: Counter() for rule in book.rules}
    there = {key: {text for one in facts for text in one.compared(key)} for key in MATCH_KEYS}
    for answer, of_port in zip(answers, facts, strict=True):
        for rule in book.rules:
            if not book.ended(rule) and _matches(rule, of_port):
                matched[rule.title] += 1
                if answer.rule != rule.title:
                    before[rule.title][answer.rule] += 1
    rows = [
        {
            "rule": rule.title,
            "limit": _limit(rule),
            "ports": decided[rule.title],
            "matches": matched[rule.title],
            "remark": ended(rule)
            if book.ended(rule)
            else _remark(rule, decided[rule.title], before[rule.title], there),
        }
        for rule in book.rules
    ]
    by_flavor = sum(not answer.rule and bool(answer.limits) for answer in answers)
    if by_flavor:
        rows.append(
            {"rule": "no rule", "limit": "the flavor's", "ports": by_flavor, "matches": by_flavor, "remark": ""}
        )
    return rows


def _matches(rule: Rule, facts: Facts) -> bool:
    try:
        return rule.because(facts) is not None
    except Unknown:
        return False


def ended(rule: Rule) -> str:
    return f"ended at {format_time(rule.until or 0)} and matches no port any more; take it out of the rules"


def _limit(rule: Rule) -> str:
    end = "" if rule.until is None else f" until {format_time(rule.until)}"
    if isinstance(rule.limit, str):
        return {"none": "none", "flavor": "the flavor's"}[rule.limit] + end
    return _shapes_of(rule.limit, " per vCPU" if rule.per_vcpu else "") + end


def _shapes_of(limits: t.Mapping[str, Shape], each: str = "") -> str:
    return ", ".join(
        f"{_DIRECTIONS[direction]} {rates(texts(shape), each)}"
        + (f" (peak {format_rate(shape['ceil'])}{each})" if "ceil" in shape else "")
        for direction, shape in limits.items()
    )


def _port(host: str, answer: Answer) -> dict[str, t.Any]:
    """What the rules give a port, whatever is there now."""
    instance = answer.port["instance"]
    return {
        "host": host,
        "port": answer.port["port_id"],
        "server": instance["id"] if instance else None,
        "rule": answer.rule,
        "limit": _shapes_of(answer.limits) or "none",
        "why": answer.why,
    }


def _remark(rule: Rule, decides: int, before: Counter[str], there: t.Mapping[str, set[str]]) -> str:
    """Why a rule decides nothing; empty where it does."""
    if decides:
        return ""
    if before:
        (first, many), *_others = before.most_common(1)
        first = first or "something that isn't known"
        return f"never reached: of the {before.total()} ports that it matches, {first} decides {many} before"
    reasons = [reason for key, values in rule.match for reason in _absent(key, values, there[key])]
    return "matches no port" + (f": {'; '.join(reasons)}" if reasons else "")


def _absent(key: str, values: t.Iterable[object], there: set[str]) -> t.Iterator[str]:
    """What a rule names and no port has, with the nearest that some port has."""
    if key == "floating_ip":
        return
    for value in sorted(map(str, values)):
        if value not in there:
            near = difflib.get_close_matches(value, sorted(there), n=1)
            meant = f" (did you mean {near[0]}?)" if near and key in NAME_KEYS else ""
            yield f"no port has the {key} {uuid.UUID(value) if key in ID_KEYS else value}{meant}"


def _changes(results: t.Mapping[str, Result | None]) -> tuple[list[dict[str, t.Any]], Counter[str], list[str]]:
    """A row per port that a run would change or can't, how many there are of each kind, and hosts without a result."""
    rows: list[dict[str, t.Any]] = []
    counts: Counter[str] = Counter()
    unknown: list[str] = []
    for host, found in results.items():
        result = as_ports(found)
        if not result or "ports" not in result:
            reason = str((result or {}).get("msg") or "not reached, or failed before (see above)")
            unknown.append(f"{host}: what a run would change isn't known: {reason}")
            continue
        for port in result["ports"]:
            what = port["done"] if port["done"] in ("refused", "failed", "gone", "kept") else port["change"]
            counts[what] += 1
            if what not in ("unchanged", "gone", "kept"):
                rows.append({"host": host, "port": port["port_id"], "change": what, **_shapes(port), "why": _why(port)})
    rows.sort(key=lambda row: (_CHANGES.index(row["change"]), row["host"], row["port"]))
    return rows, counts, unknown


def _why(port: Result) -> str:
    return str(port["reason"] if port["done"] in ("refused", "failed") else port["why"])


def _shapes(port: Result) -> dict[str, str]:
    return {when: _shape(port[key]) for when, key in (("from", "found"), ("to", "now"))}


def _shape(limits: Result) -> str:
    return ", ".join(f"{_DIRECTIONS[key]} {rates(limit)}" for key, limit in limits.items() if limit) or "none"


def _text(told: t.Mapping[str, t.Any], shown: int) -> list[str]:
    totals = told["totals"]
    lines = [
        f"{totals['ports']} ports on {totals['hosts']} computes: {totals['limited']} get a limit, {totals['unlimited']} have none.",
        "A run would change these: "
        + ", ".join(f"{totals[word]} {word}" for word in _CHANGES[:6])
        + f"; {totals['unchanged']} stay as they are, {totals['kept']} are kept undecided, {totals['gone']} have no device here.",
        *told["unknown"],
        "",
        *table(
            ["rule", "limit", "ports", "matches"],
            [[row[key] for key in ("rule", "limit", "ports", "matches")] for row in told["rules"]],
        ),
    ]
    lines += [f"{row['rule']} {row['remark']}" for row in told["rules"] if row["remark"]]
    if told["unlimited"]:
        lines += ["", *table(["ports", "without a limit because"], [[r["ports"], r["why"]] for r in told["unlimited"]])]
    changes = told["changes"]
    shown = shown or len(changes)
    if changes:
        keys = ("host", "port", "change", "from", "to", "why")
        lines += ["", *table(keys, [[row[key] for key in keys] for row in changes[:shown]])]
    if len(changes) > shown:
        lines.append(f"and {len(changes) - shown} more; preview_limits_report has them all.")
    return lines
