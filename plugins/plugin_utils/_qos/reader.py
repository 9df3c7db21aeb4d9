# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what an operator wrote into rules and settings, and names every mistake in it. Pure: no Ansible, no I/O."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import MAX_BURST_SECONDS, pkts_burst_bounds
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.times import TimeError, parse_time
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import (
    MAX_PACKETS,
    MAX_RATE,
    MAX_SIZE,
    PACKET,
    UnitError,
    format_packets,
    format_rate,
    parse_packets,
    parse_rate,
    parse_size,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.exempt import (
    EXEMPT_CHOICES,
    Network,
    overlaps,
    parse_network,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import (
    DIRECTIONS,
    FACT_KEYS,
    MATCH_KEYS,
    NAME_KEYS,
    Rule,
    Shape,
    Values,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.written import (
    kind,
    plain_id,
    quoted,
    several,
    truth,
    unknown_keys,
)

SPEC_PREFIX = "openstack_ops:"
#: The numbers of a direction, and the largest that each can be.
_NUMBERS = {"rate": MAX_RATE, "ceil": MAX_RATE, "burst": MAX_SIZE, "pkts_rate": MAX_PACKETS, "pkts_burst": MAX_PACKETS}
#: Bytes of the smallest Ethernet frame: least_rate in such frames is the least pkts_rate.
_FRAME = 64
_SPECS = tuple(f"{SPEC_PREFIX}{direction}_{number}" for direction in DIRECTIONS for number in _NUMBERS)
_RULE_KEYS = ("name", "match", "limit", "per_vcpu", "exempt", "exempt_also", "until")
_ID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}\Z")


def scale(shape: Shape, times: int) -> Shape:
    """All numbers of one direction so many times as large, or as large as tc can count."""
    return {name: min(number * times, _NUMBERS[name]) for name, number in shape.items()}


def _parse(number: str, text: object) -> int:
    if number.startswith("pkts"):
        return parse_packets(text)
    return parse_size(text) if number == "burst" else parse_rate(text)


class Reader:
    """Turns what an operator wrote into rules, and collects every mistake on the way."""

    def __init__(self, least: int = 0) -> None:
        self.problems: list[str] = []
        self.never: tuple[Network, ...] = ()
        self.least = least

    def rules(self, written: object) -> tuple[Rule, ...]:
        if not isinstance(written, (list, tuple)):
            self.problems.append(f"the rules are {kind(written)}, not a list")
            return ()
        return tuple(self._rule(number, rule) for number, rule in enumerate(written, start=1))

    def _rule(self, number: int, rule: object) -> Rule:
        title = f"rule {number}"
        nothing = Rule(title, (), "none", None, ())
        if not isinstance(rule, dict):
            self.problems.append(f"{title} is {kind(rule)}, not a dictionary with {', '.join(_RULE_KEYS)}")
            return nothing
        name = rule.get("name")
        if isinstance(name, str) and name.strip():
            title = f"{title} {quoted(name)}"
        else:
            self.problems.append(f"{title} has no name; an answer to 'why has this port this limit' needs one")
        self.problems += unknown_keys(title, rule, _RULE_KEYS)
        if "limit" not in rule:
            self.problems.append(f"{title} has no limit; write limit: none for ports that are not to be limited")
        return Rule(
            title,
            self._match(title, rule.get("match", {})),
            self._limit(title, rule.get("limit", "none")),
            self.choice(f"{title}: exempt", rule["exempt"], EXEMPT_CHOICES) if "exempt" in rule else None,
            self.exempt_also(f"{title}: exempt_also", rule.get("exempt_also", ())),
            self._per_vcpu(title, rule.get("per_vcpu", False), rule.get("limit")),
            self._until(f"{title}: until", rule["until"]) if rule.get("until") is not None else None,
        )

    def _until(self, where: str, written: object) -> int | None:
        try:
            return parse_time(written)
        except TimeError as exc:
            self.problems.append(f"{where}: {exc}")
            return None

    def _per_vcpu(self, title: str, written: object, limit: object) -> bool:
        if not isinstance(written, bool):
            self.problems.append(f"{title}: per_vcpu is {kind(written)}, neither true nor false")
            return False
        if written and limit in ("none", "flavor"):
            self.problems.append(
                f"{title}: per_vcpu is true, but its limit is {limit}; it counts for rates that the rule has itself"
            )
        return written

    def _match(self, title: str, match: object) -> tuple[tuple[str, Values], ...]:
        if not isinstance(match, dict):
            self.problems.append(f"{title}: match is {kind(match)}, not a dictionary; leave it out to match every port")
            return ()
        self.problems += unknown_keys(f"{title}: match", match, MATCH_KEYS)
        read: list[tuple[str, Values]] = []
        for key in MATCH_KEYS:
            if key not in match:
                continue
            where = f"{title}: match.{key}"
            if key == "floating_ip":
                read.append((key, self.networks(where, match[key])))
            else:
                values = match[key] if isinstance(match[key], (list, tuple)) else [match[key]]
                read.append((key, frozenset(self._matched(where, key, value) for value in values)))
        return tuple(read)

    def ids(self, where: str, key: str, written: object) -> frozenset[str]:
        return frozenset(self._matched(where, key, value) for value in several(written) if value is not None)

    def _matched(self, where: str, key: str, value: object) -> str:
        if key in FACT_KEYS:
            if not isinstance(value, bool):
                self.problems.append(f"{where} is {kind(value)}, neither true nor false")
            return truth(value)
        if not isinstance(value, str):
            self.problems.append(f"{where} is {kind(value)}; write it in quotes, or YAML takes it for something else")
        elif key in NAME_KEYS:
            return value
        elif not _ID.match(value.lower()):
            self.problems.append(
                f"{where} is {quoted(value)}, which is not an id; tenants choose names, so rules take ids only "
                f"(openstack {key} show -c id tells it)"
            )
        else:
            return plain_id(value)
        return ""

    def _limit(self, title: str, limit: object) -> t.Literal["none", "flavor"] | dict[str, Shape]:
        if limit == "none":
            return "none"
        if limit == "flavor":
            return "flavor"
        if not isinstance(limit, dict) or not limit:
            wanted = "write egress and/or ingress with a rate each, a rate for both, or none, or flavor"
            self.problems.append(f"{title}: limit is {kind(limit)}; {wanted}")
            return "none"
        if not set(limit).intersection(DIRECTIONS) and set(limit).intersection(_NUMBERS):
            return dict.fromkeys(DIRECTIONS, self._shape(f"{title}: limit", limit))
        self.problems += unknown_keys(f"{title}: limit", limit, DIRECTIONS)
        return {
            direction: self._shape(f"{title}: limit.{direction}", limit[direction])
            for direction in DIRECTIONS
            if direction in limit
        }

    def _shape(self, where: str, shape: object) -> Shape:
        if not isinstance(shape, dict):
            self.problems.append(f"{where} is {kind(shape)}; write it like {{rate: 20mbit}}")
            return {}
        self.problems += unknown_keys(where, shape, tuple(_NUMBERS))
        return self._numbers(shape, lambda number: f"{where}.{number}")

    def extra_specs(self, whose: str, specs: t.Mapping[str, object]) -> dict[str, Shape]:
        self.problems += unknown_keys(f"{whose}: extra spec", specs, _SPECS)
        limits: dict[str, Shape] = {}
        for direction in DIRECTIONS:
            prefix = f"{SPEC_PREFIX}{direction}_"
            shape = {number: specs[prefix + number] for number in _NUMBERS if prefix + number in specs}
            if shape:
                limits[direction] = self._numbers(shape, f"{whose}: extra spec {prefix}{{}}".format)
        return limits

    def _numbers(self, shape: t.Mapping[str, object], where: t.Callable[[str], str]) -> Shape:
        read: dict[str, int] = {}
        for number in _NUMBERS:
            if number not in shape:
                continue
            try:
                read[number] = _parse(number, shape[number])
            except UnitError as exc:
                self.problems.append(f"{where(number)}: {exc}")
        self._check_packets(shape, read, where)
        if "rate" not in shape and "pkts_rate" in shape and not {"ceil", "burst"} & set(shape):
            return read
        if "rate" not in shape:
            self.problems.append(f"{where('rate')} is missing; ceil and burst are nothing without a rate")
        elif "rate" in read:
            if read["rate"] < self.least:
                wanted = (
                    f"below the {format_rate(self.least)} of least_rate, with which an instance is as good as cut off"
                )
                self.problems.append(f"{where('rate')} is {format_rate(read['rate'])}, {wanted}")
            if read.get("burst", PACKET) < PACKET:
                self.problems.append(
                    f"{where('burst')} is {shape['burst']}, less than a packet; give at least {PACKET}b"
                )
            rate, ceil, burst = read["rate"], read.get("ceil", read["rate"]), read.get("burst", 0)
            if ceil < rate:
                wanted = f"less than the rate of {shape['rate']}; ceil is the peak while the burst lasts"
                self.problems.append(f"{where('ceil')} is {shape['ceil']}, {wanted}")
            if burst * 8 > MAX_BURST_SECONDS * rate:
                wanted = f"more than the {MAX_BURST_SECONDS} s of {shape['rate']} that the kernel can keep"
                self.problems.append(f"{where('burst')} is {shape['burst']}, {wanted}")
        return read

    def _check_packets(
        self, shape: t.Mapping[str, object], read: t.Mapping[str, int], where: t.Callable[[str], str]
    ) -> None:
        if "pkts_rate" not in shape and "pkts_burst" in shape:
            self.problems.append(f"{where('pkts_rate')} is missing; pkts_burst is nothing without it")
        if "pkts_rate" not in read:
            return
        rate = read["pkts_rate"]
        floor = self.least // 8 // _FRAME
        if rate < floor:
            wanted = f"below {floor}, the smallest packets of least_rate, with which an instance is as good as cut off"
            self.problems.append(f"{where('pkts_rate')} is {shape['pkts_rate']}, {wanted}")
        least, most = pkts_burst_bounds(rate)
        if not least <= read.get("pkts_burst", least) <= most:
            wanted = (
                f"not {format_packets(least)} to {format_packets(most)}, as the kernel can keep beside this pkts_rate"
            )
            self.problems.append(f"{where('pkts_burst')} is {shape['pkts_burst']}, {wanted}")

    def exempt_also(self, where: str, written: object) -> tuple[Network, ...]:
        networks = self.networks(where, written)
        for network in networks:
            if network.prefixlen == 0:
                wanted = "write a rule with limit: none instead"
                self.problems.append(f"{where} has {network}, which exempts everything; {wanted}")
            for never in self.never:
                if overlaps(network, never):
                    wanted = "take it out of one of them"
                    self.problems.append(f"{where} has {network}, which overlaps {never} of never_exempt; {wanted}")
        return networks

    def networks(self, where: str, written: object) -> tuple[Network, ...]:
        read = []
        for value in several(written):
            try:
                read.append(parse_network(value))
            except ValueError as exc:
                self.problems.append(f"{where}: {exc}")
        return tuple(read)

    def choice(self, where: str, value: object, choices: t.Sequence[str]) -> str:
        if not isinstance(value, str) or value not in choices:
            self.problems.append(f"{where} is {kind(value)}, not one of {', '.join(choices)}")
            return choices[0]
        return value

    def rate(self, where: str, value: object) -> int:
        try:
            return parse_rate(value)
        except UnitError as exc:
            self.problems.append(f"{where}: {exc}")
            return 0

    def count(self, where: str, value: object) -> int:
        if isinstance(value, str) and value.isdecimal():
            value = int(value)  # from the command line or an AWX survey
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.problems.append(f"{where} is {kind(value)}, not a number of networks")
            return 0
        return value
