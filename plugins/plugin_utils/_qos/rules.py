# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a compute's instance ports and the operator's rules to limits. Pure: no Ansible, no I/O.

Decided from what only operators can write: the rules, flavors with their extra specs, ids, floating IP ranges.
Names, tags and metadata belong to tenants and are never looked at, nor repeated in an answer.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import typing as t
import uuid
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.model import MAX_BURST_SECONDS, PLUGS
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import UnitError, parse_rate, parse_size
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.exempt import (
    AT_MOST,
    PRIVATE,
    WISHES,
    Exemptions,
    Network,
    overlaps,
    parse_network,
)

Port = t.Mapping[str, t.Any]
#: One direction's numbers, as the operator wrote them in tc's syntax: rate, ceil, burst.
Shape = t.Mapping[str, str]
Decision = t.Literal["limited", "unlimited", "skipped", "unsupported", "undecided"]

SPEC_PREFIX = "openstack_ops:"
_VIF_QUOTA_PREFIX = "quota:vif_"
#: tc_htb takes no more.
WHY_LENGTH = 1000
BACKENDS = ("tc", "libvirt")
_DIRECTIONS = ("egress", "ingress")
_NUMBERS = ("rate", "ceil", "burst")
_SPECS = tuple(f"{SPEC_PREFIX}{direction}_{number}" for direction in _DIRECTIONS for number in _NUMBERS)
_RULE_KEYS = ("name", "match", "limit", "exempt", "exempt_also")
_ID_KEYS = ("project", "network", "server", "port")
_MATCH_KEYS = (*_ID_KEYS, "flavor", "floating_ip")

_CANNOT_EXEMPT = "libvirt can't exempt any traffic from a limit"
_NO_EXEMPTION = "say exempt: none if none is wanted, or use the backend tc"

_ID = re.compile(r"[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}\Z")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Values = frozenset[str] | tuple[Network, ...]


class RulesError(ValueError):
    """Everything that is wrong with the rules, the settings or a flavor's extra specs: one sentence each."""

    def __init__(self, problems: t.Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__(" ".join(f"{problem}." for problem in self.problems))


@dataclass(frozen=True)
class Rule:
    title: str
    match: tuple[tuple[str, _Values], ...]
    limit: t.Literal["none", "flavor"] | dict[str, Shape]
    exempt: str | None
    exempt_also: tuple[Network, ...]

    def because(self, facts: _Facts) -> str | None:
        """Return why the rule matches a port, or None if it doesn't; raises _Unknown where that can't be told."""
        reasons, unknown = [], []
        for key, values in self.match:
            if facts.knows(key) or not values:
                reason = facts.meets(key, values)
                if reason is None:
                    return None
                reasons.append(reason)
            else:
                unknown.append(key)
        if unknown:
            raise _Unknown(f"{self.title} asks for the {' and the '.join(unknown)}")
        return f"{self.title} because {' and '.join(reasons)}" if reasons else f"{self.title}, which matches every port"


class _Unknown(Exception):
    """Half a sentence: what depends on something that isn't known about a port."""


@dataclass(frozen=True)
class Answer:
    """What a port is to be limited to, and why. An empty `limits` means: not limited."""

    port: Port
    decision: Decision
    why: str
    limits: t.Mapping[str, Shape]
    exempt: tuple[str, ...] = ()

    @property
    def keeps(self) -> bool:
        """Whether the port keeps what it has: a limit is only removed where that was decided.

        Tenants can make a port undecided or unsupported (by its device_id, device_owner or vnic_type).
        """
        return self.decision in ("unsupported", "undecided")

    def public(self) -> dict[str, t.Any]:
        """The item for tc_htb's `ports`."""
        if self.keeps:
            return {**_absent(self.port["port_id"], self.port["plug"], self.why), "state": "kept"}
        if self.decision != "limited":
            return _absent(self.port["port_id"], self.port["plug"], self.why)
        item = {"port_id": self.port["port_id"], "plug": self.port["plug"], "state": "present", "why": _cut(self.why)}
        return {**item, **self.limits, "exempt": list(self.exempt)}


class _Facts:
    """What rules can ask about a port, brought into one form once per port. None is what nobody told."""

    def __init__(self, port: Port) -> None:
        instance = port["instance"]
        self._shown = {
            "project": port["project_id"],
            "network": port["network_id"],
            "port": port["port_id"],
            "server": instance and instance["id"],
            "flavor": instance and instance["flavor"]["name"],
        }
        self._compared = {
            key: _plain_id(text) if text and key in _ID_KEYS else text for key, text in self._shown.items()
        }
        self._floating: list[_Address] = [ipaddress.ip_address(str(ip["address"])) for ip in port["floating_ips"]]

    def knows(self, key: str) -> bool:
        return key == "floating_ip" or self._shown[key] is not None

    def meets(self, key: str, values: _Values) -> str | None:
        if isinstance(values, frozenset):
            return f"{key} is {self._shown[key]}" if self._compared[key] in values else None
        for address in self._floating:
            for network in values:
                if address in network:
                    return f"floating IP {address} lies in {network}"
        return None


class RuleBook:
    """Rules and settings, checked as a whole: a RuleBook that exists has no typo in it."""

    def __init__(
        self,
        rules: object,
        *,
        exempt: object = "own_network",
        exempt_also: object = (),
        exempt_within: object = PRIVATE,
        never_exempt: object = (),
        exempt_at_most: object = AT_MOST,
        despite_policy: bool = False,
        despite_vif_quota: bool = False,
        backend: object = "tc",
    ) -> None:
        reader = _Reader()
        self._backend = reader.choice("backend", backend, BACKENDS)
        self._exempt = reader.choice("exempt", exempt, WISHES)
        self._never = reader.networks("never_exempt", never_exempt)
        reader.never = self._never
        self._also = reader.exempt_also("exempt_also", exempt_also)
        within = reader.networks("exempt_within", exempt_within)
        at_most = reader.count("exempt_at_most", exempt_at_most)
        self._rules = reader.rules(rules)
        if self._backend == "libvirt":
            reader.problems += self._what_libvirt_cannot()
        if reader.problems:
            raise RulesError(reader.problems)
        self._exemptions = Exemptions(within, self._never, at_most)
        self._despite_policy = despite_policy
        self._despite_vif_quota = despite_vif_quota
        self._flavors: dict[tuple[tuple[str, str], ...], dict[str, Shape]] = {}

    def _what_libvirt_cannot(self) -> list[str]:
        problems = []
        if self._also:
            problems.append(f"exempt_also is given, but {_CANNOT_EXEMPT}; leave it empty")
        for rule in self._rules:
            if rule.limit != "none" and (rule.exempt or self._exempt) != "none":
                whose = "" if rule.exempt else ", as for all rules,"
                problems.append(
                    f"{rule.title} exempts {rule.exempt or self._exempt}{whose} but {_CANNOT_EXEMPT}; {_NO_EXEMPTION}"
                )
            elif rule.limit != "none" and rule.exempt_also:
                problems.append(f"{rule.title} has exempt_also, but {_CANNOT_EXEMPT}; leave it out")
        return problems

    def answers(self, ports: t.Iterable[Port]) -> list[Answer]:
        """Return one answer per port. A RulesError means that none of them may be acted upon."""
        answers: list[Answer] = []
        problems: list[str] = []
        for number, port in enumerate(ports, start=1):
            try:
                answers.append(self._answer(port))
            except RulesError as exc:
                problems += exc.problems
            except (KeyError, TypeError) as exc:
                wrong = f"it lacks {exc}" if isinstance(exc, KeyError) else str(exc)
                problems.append(f"item {number} of instance_ports is not what nova_computes writes: {wrong}")
        if problems:
            raise RulesError(problems)
        return answers

    def _answer(self, port: Port) -> Answer:
        try:
            limits, why, rule = self._wanted(port)
        except _Unknown as exc:
            return Answer(port, "undecided", f"undecided: {exc}, but {_whats_unknown(port)}", {})
        if not limits:
            return Answer(port, "unlimited", why, {})
        hindrance = self._hindrance(port)
        if hindrance:
            decision, reason = hindrance
            return Answer(port, decision, f"{decision}: {reason}; otherwise limited by {why}", {})
        wish = rule.exempt if rule and rule.exempt else self._exempt
        if self._backend == "libvirt" and wish != "none":
            # By the flavor's extra specs: the rules were looked at before.
            raise RulesError([f"{why} exempts {wish}, but {_CANNOT_EXEMPT}; {_NO_EXEMPTION}"])
        also = (*self._also, *(rule.exempt_also if rule else ()))
        exempt, note = self._exemptions.of(port, wish, also)
        return Answer(port, "limited", f"{why}; {note}" if note else why, limits, tuple(exempt))

    def _wanted(self, port: Port) -> tuple[t.Mapping[str, Shape], str, Rule | None]:
        facts = _Facts(port)
        for rule in self._rules:
            because = rule.because(facts)
            if because is None:
                continue
            if rule.limit == "none":
                return {}, f"not limited: {because}", rule
            if rule.limit != "flavor":
                return rule.limit, because, rule
            limits, whose = self._by_flavor(port)
            if limits:
                return limits, f"{whose}, asked for by {because}", rule
            return {}, f"not limited: {because}, and {whose} set no limit", rule
        limits, whose = self._by_flavor(port)
        if limits:
            return limits, f"{whose} (no rule matches)", None
        return {}, "not limited: no rule matches", None

    def _by_flavor(self, port: Port) -> tuple[dict[str, Shape], str]:
        flavor = port["instance"] and port["instance"]["flavor"]
        if not flavor or flavor["name"] is None:
            raise _Unknown("it depends on the extra specs of the flavor")
        whose = f"the extra specs of flavor {flavor['name']}"
        ours = {key: value for key, value in (flavor["extra_specs"] or {}).items() if key.startswith(SPEC_PREFIX)}
        if not ours:
            return {}, whose
        known = tuple(sorted((str(key), str(value)) for key, value in ours.items()))
        if known not in self._flavors:
            reader = _Reader()
            limits = reader.extra_specs(f"flavor {flavor['name']}", ours)
            if reader.problems:
                way_out = "(to go on without it, write a rule for this flavor)"
                raise RulesError(f"{problem} {way_out}" for problem in reader.problems)
            self._flavors[known] = limits
        return self._flavors[known], whose

    def _hindrance(self, port: Port) -> tuple[Decision, str] | None:
        if port["plug"] == "unsupported":
            return "unsupported", str(port["unsupported_reason"] or "no reason given").rstrip(".")
        policy = port["qos_policy"]
        if policy and not self._despite_policy:
            return "skipped", f"Neutron limits the port by its QoS policy {policy['id']} (despite_policy is off)"
        flavor = port["instance"]["flavor"] if port["instance"] else {}
        if has_vif_quota(port) and not self._despite_vif_quota:
            whose = f"{_VIF_QUOTA_PREFIX}* of flavor {flavor['name']}"
            return "skipped", f"libvirt shapes the tap by {whose} (despite_vif_quota is off)"
        return None


def has_vif_quota(port: Port) -> bool:
    """Whether Nova has libvirt limit the port, because its flavor says so."""
    flavor = port["instance"]["flavor"] if port["instance"] else {}
    return any(key.startswith(_VIF_QUOTA_PREFIX) for key in flavor.get("extra_specs") or {})


def choose(
    ports: object, only_ports: object = None, only_servers: object = None
) -> tuple[t.Sequence[Port], list[dict[str, t.Any]]]:
    """Return the ports that are named by their own or their server's id; all of them if there is no name at all.

    The second part are items for tc_htb that remove what is left of ports that were named but aren't on this host any
    more: they have moved, or were deleted.
    """
    if not isinstance(ports, (list, tuple)):
        raise RulesError([f"instance_ports is {_kind(ports)}, not the list that the inventory nova_computes writes"])
    if only_ports is None and only_servers is None:
        return ports, []
    reader = _Reader()
    wanted_ports = reader.ids("only_ports", "port", only_ports)
    wanted_servers = reader.ids("only_servers", "server", only_servers)
    if reader.problems:
        raise RulesError(reader.problems)
    chosen = [
        port
        for port in ports
        if _plain_id(port["port_id"]) in wanted_ports
        or (port["instance"] and _plain_id(port["instance"]["id"]) in wanted_servers)
    ]
    left = wanted_ports - {_plain_id(port["port_id"]) for port in ports}
    return chosen, [_absent(str(uuid.UUID(port_id)), "", "not limited: not on this host") for port_id in sorted(left)]


def removal(ports: t.Iterable[Port]) -> list[dict[str, t.Any]]:
    """Return the items for tc_htb's `ports` that remove the limits of these ports, whatever the rules say."""
    return [_absent(port["port_id"], port["plug"], "not limited: asked to be removed") for port in ports]


def _absent(port_id: str, plug: str, why: str) -> dict[str, t.Any]:
    # Where limits are to go, they go whatever the plug is; tc_htb just wants one that it knows.
    plug = plug if plug in PLUGS else "ovs"
    return {"port_id": port_id, "plug": plug, "state": "absent", "why": _cut(why)}


class _Reader:
    """Turns what an operator wrote into rules, and collects every mistake on the way."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.never: tuple[Network, ...] = ()

    def rules(self, written: object) -> tuple[Rule, ...]:
        if not isinstance(written, (list, tuple)):
            self.problems.append(f"the rules are {_kind(written)}, not a list")
            return ()
        return tuple(self._rule(number, rule) for number, rule in enumerate(written, start=1))

    def _rule(self, number: int, rule: object) -> Rule:
        title = f"rule {number}"
        nothing = Rule(title, (), "none", None, ())
        if not isinstance(rule, dict):
            self.problems.append(f"{title} is {_kind(rule)}, not a dictionary with {', '.join(_RULE_KEYS)}")
            return nothing
        name = rule.get("name")
        if isinstance(name, str) and name.strip():
            title = f"{title} {_shown(name)}"
        else:
            self.problems.append(f"{title} has no name; an answer to 'why has this port this limit' needs one")
        self._known(title, rule, _RULE_KEYS)
        if "limit" not in rule:
            self.problems.append(f"{title} has no limit; write limit: none for ports that are not to be limited")
        return Rule(
            title,
            self._match(title, rule.get("match", {})),
            self._limit(title, rule.get("limit", "none")),
            self.choice(f"{title}: exempt", rule["exempt"], WISHES) if "exempt" in rule else None,
            self.exempt_also(f"{title}: exempt_also", rule.get("exempt_also", ())),
        )

    def _match(self, title: str, match: object) -> tuple[tuple[str, _Values], ...]:
        if not isinstance(match, dict):
            wanted = "a dictionary; leave it out to match every port"
            self.problems.append(f"{title}: match is {_kind(match)}, not {wanted}")
            return ()
        self._known(f"{title}: match", match, _MATCH_KEYS)
        read: list[tuple[str, _Values]] = []
        for key in _MATCH_KEYS:
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
        return frozenset(self._matched(where, key, value) for value in _several(written) if value is not None)

    def _matched(self, where: str, key: str, value: object) -> str:
        if not isinstance(value, str):
            wanted = "write it in quotes, or YAML takes it for something else"
            self.problems.append(f"{where} is {_kind(value)}; {wanted}")
        elif key == "flavor":
            return value
        elif not _ID.match(value.lower()):
            self.problems.append(
                f"{where} is {_shown(value)}, which is not an id; tenants choose names, so rules take ids only "
                f"(openstack {key} show -c id tells it)"
            )
        else:
            return _plain_id(value)
        return ""

    def _limit(self, title: str, limit: object) -> t.Literal["none", "flavor"] | dict[str, Shape]:
        if limit == "none":
            return "none"
        if limit == "flavor":
            return "flavor"
        if not isinstance(limit, dict) or not limit:
            wanted = "write egress and/or ingress with a rate each, or none, or flavor"
            self.problems.append(f"{title}: limit is {_kind(limit)}; {wanted}")
            return "none"
        self._known(f"{title}: limit", limit, _DIRECTIONS)
        return {
            direction: self._shape(f"{title}: limit.{direction}", limit[direction])
            for direction in _DIRECTIONS
            if direction in limit
        }

    def _shape(self, where: str, shape: object) -> Shape:
        if not isinstance(shape, dict):
            self.problems.append(f"{where} is {_kind(shape)}; write it like {{rate: 20mbit}}")
            return {}
        self._known(where, shape, _NUMBERS)
        return self._numbers(shape, lambda number: f"{where}.{number}")

    def extra_specs(self, whose: str, specs: t.Mapping[str, object]) -> dict[str, Shape]:
        self._known(f"{whose}: extra spec", specs, _SPECS)
        limits: dict[str, Shape] = {}
        for direction in _DIRECTIONS:
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
                read[number] = parse_size(shape[number]) if number == "burst" else parse_rate(shape[number])
            except UnitError as exc:
                self.problems.append(f"{where(number)}: {exc}")
        if "rate" not in shape:
            self.problems.append(f"{where('rate')} is missing; ceil and burst are nothing without a rate")
        elif "rate" in read:
            rate, ceil, burst = read["rate"], read.get("ceil", read["rate"]), read.get("burst", 0)
            if ceil < rate:
                wanted = f"less than the rate of {shape['rate']}; ceil is the peak while the burst lasts"
                self.problems.append(f"{where('ceil')} is {shape['ceil']}, {wanted}")
            if burst * 8 > MAX_BURST_SECONDS * rate:
                wanted = f"more than the {MAX_BURST_SECONDS} s of {shape['rate']} that the kernel can keep"
                self.problems.append(f"{where('burst')} is {shape['burst']}, {wanted}")
        return {number: str(shape[number]) for number in _NUMBERS if number in shape}

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
        for value in _several(written):
            try:
                read.append(parse_network(value))
            except ValueError as exc:
                self.problems.append(f"{where}: {exc}")
        return tuple(read)

    def choice(self, where: str, value: object, choices: t.Sequence[str]) -> str:
        if not isinstance(value, str) or value not in choices:
            self.problems.append(f"{where} is {_kind(value)}, not one of {', '.join(choices)}")
            return choices[0]
        return value

    def count(self, where: str, value: object) -> int:
        if isinstance(value, str) and value.isdecimal():
            value = int(value)  # from the command line or an AWX survey
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self.problems.append(f"{where} is {_kind(value)}, not a number of networks")
            return 0
        return value

    def _known(self, where: str, written: t.Mapping[str, object], known: t.Sequence[str]) -> None:
        for key in written:
            if key not in known:
                close = difflib.get_close_matches(str(key), known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
                self.problems.append(f"{where} has the unknown key {_shown(key)} ({hint})")


def _several(written: object) -> t.Sequence[object]:
    """A list, one value, or several values separated by commas, as the command line and AWX surveys have them."""
    if isinstance(written, str):
        return [text.strip() for text in written.split(",")]
    return written if isinstance(written, (list, tuple)) else [written]


def _whats_unknown(port: Port) -> str:
    if port["instance"]:
        return "Nova does not tell the flavor (a cell that is down?)"
    return "the port names no server (its owner can change device_id)"


def _cut(why: str) -> str:
    return why if len(why) <= WHY_LENGTH else f"{why[: WHY_LENGTH - 3]}..."


def _plain_id(text: str) -> str:
    """Keystone writes ids without dashes, the others with them; operators copy from both."""
    return text.replace("-", "").lower()


def _kind(value: object) -> str:
    """What was found, in the words of somebody who writes YAML."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a dictionary" if value else "an empty dictionary"
    if isinstance(value, (list, tuple)):
        return "a list"
    return _shown(value) if isinstance(value, str) else f"{_shown(value)} (not a text)"


def _shown(value: object) -> str:
    """The words that are wrong, short enough for a sentence."""
    shown = f"'{value}'"
    return shown if len(shown) <= 80 else f"{shown[:60]}...' ({len(str(value))} characters)"
