# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a compute's instance ports and the operator's rules to limits. Pure: no Ansible, no I/O.

Decided from what only operators can write: the rules, flavors with their extra specs, ids, floating IP ranges.
Names, tags and metadata belong to tenants and are never looked at, nor repeated in an answer.
"""

from __future__ import annotations

import typing as t
import uuid
from dataclasses import dataclass, replace

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import PLUGS, Vlan
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.times import format_time
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import texts
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.computes import SUBPORT
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.exempt import (
    AT_MOST,
    EXEMPT_CHOICES,
    LINK_LOCAL,
    PRIVATE,
    Exemptions,
    Network,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.reader import SPEC_PREFIX, Reader, scale
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import (
    DIRECTIONS,
    Facts,
    Port,
    Rule,
    RulesError,
    Shape,
    Unknown,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.written import kind, plain_id

Decision = t.Literal["limited", "unlimited", "skipped", "unsupported", "undecided"]

_VIF_QUOTA_PREFIX = "quota:vif_"
#: tc_htb takes no more.
WHY_LENGTH = 1000
BACKENDS = ("tc", "libvirt")
#: Below it, a connection that answers at all is luck; so it is a typing error unless somebody says otherwise.
LEAST_RATE = "64kbit"

#: In words, where "it calls itself" isn't it.
_CLAIMS = {SUBPORT: "a trunk has it as a subport, whose traffic passes the device of the trunk's parent port"}

_CANNOT_EXEMPT = "libvirt can't exempt any traffic from a limit"
_NO_EXEMPTION = "say exempt: none if none is wanted, or use the backend tc"


@dataclass(frozen=True)
class Answer:
    """What a port is to be limited to, in numbers and networks, and why. An empty `limits` means: not limited.

    With last_resort the limit is only for a port that has none: what is known of it doesn't tell whether another is right.
    """

    port: Port
    decision: Decision
    why: str
    limits: t.Mapping[str, Shape]
    exempt: tuple[Network, ...] = ()
    last_resort: bool = False
    vlans: tuple[Vlan, ...] = ()
    """What is exempt under tags, where the port is a trunk's parent."""
    link_local: bool = False
    """Whether what can't leave the segment is exempt, too: where nobody but the tenant is in it."""
    rule: str = ""
    """The rule that decided; empty where none did."""
    later: tuple[tuple[int, Answer], ...] = ()
    """What follows, and from when on (in seconds since 1970), because rules end."""

    @property
    def keeps(self) -> bool:
        """Whether the port keeps what it has: a limit is only removed where that was decided.

        Tenants can make a port undecided or unsupported (by its device_id, device_owner or vnic_type).
        """
        return self.decision in ("unsupported", "undecided") and not self.last_resort

    @property
    def undecided(self) -> bool:
        """Whether somebody should know that nothing was decided. What says that it is a service's port probably is."""
        return self.decision == "undecided" and not (self.last_resort and self.port["claims"])

    def public(self) -> dict[str, t.Any]:
        """The item for tc_htb's `ports`, whose numbers and networks are texts."""
        if self.keeps:
            return {**_absent(self.port["port_id"], self.port["plug"], self.why), "state": "kept"}
        if not self.limits and not self.later:
            return _absent(self.port["port_id"], self.port["plug"], self.why)
        item = {"port_id": self.port["port_id"], "plug": self.port["plug"], "state": "present"}
        if self.last_resort:
            item["last_resort"] = True
        ends = [end for end, _answer in self.later]
        first, *phases = (
            answer._phase(end)
            for answer, end in zip([self, *(answer for _end, answer in self.later)], [*ends, None], strict=True)
        )
        return {**item, **first, **({"afterwards": phases} if phases else {})}

    def _phase(self, until: int | None) -> dict[str, t.Any]:
        limits = {direction: texts(shape) for direction, shape in self.limits.items()}
        end = {} if until is None else {"until": format_time(until)}
        why = _cut(self.why) if until is None else f"{_cut(self.why, 40)}, until {format_time(until)}"
        exempt = [*map(str, self.exempt), *(LINK_LOCAL if self.link_local else ())] if limits else []
        vlans = [{"id": vlan.id, "exempt": [*map(str, vlan.exempt)]} for vlan in self.vlans] if limits else []
        return {**limits, "exempt": exempt, **({"vlans": vlans} if vlans else {}), "why": why, **end}

    def gives(self, other: Answer) -> bool:
        """Whether the other gives the port the same."""
        mine, theirs = ((one.limits, one.exempt, one.vlans, one.link_local) for one in (self, other))
        return mine == theirs


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
        least_rate: object = LEAST_RATE,
        now: float = 0,
    ) -> None:
        """now is the time in seconds since 1970: rules that have ended by then match nothing. Raises RulesError."""
        reader = Reader()
        self._least = reader.least = reader.rate("least_rate", least_rate)
        self._backend = reader.choice("backend", backend, BACKENDS)
        self._exempt = reader.choice("exempt", exempt, EXEMPT_CHOICES)
        self._never = reader.networks("never_exempt", never_exempt)
        reader.never = self._never
        self._also = reader.exempt_also("exempt_also", exempt_also)
        within = reader.networks("exempt_within", exempt_within)
        at_most = reader.count("exempt_at_most", exempt_at_most)
        self._rules = reader.rules(rules)
        self._now = now
        self._ending = [rule for rule in self._rules if rule.until is not None and not rule.ended(now)]
        if self._backend == "libvirt":
            reader.problems += self._what_libvirt_cannot()
        if reader.problems:
            raise RulesError(reader.problems)
        self._exemptions = Exemptions(within, self._never, at_most)
        self._despite_policy = despite_policy
        self._despite_vif_quota = despite_vif_quota
        self._flavors: dict[tuple[tuple[str, str], ...], dict[str, Shape]] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules as they were read, in their order."""
        return self._rules

    def _what_libvirt_cannot(self) -> list[str]:
        problems = [
            f"{rule.title} has until, but libvirt can't end a limit by itself; leave it out, or use the backend tc"
            for rule in self._ending
        ]
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

    def answers(self, ports: t.Iterable[Port], compute: object = None) -> list[Answer]:
        """Return one answer per port of a compute. A RulesError means that none of them may be acted upon.

        `compute` is what the inventory tells of the compute; without it, a rule that asks for its host, aggregate or zone is undecided.
        """
        answers: list[Answer] = []
        problems: list[str] = []
        for number, port in enumerate(ports, start=1):
            try:
                answers.append(self._over_time(port, Facts(port, compute)))
            except RulesError as exc:
                problems += exc.problems
            except (KeyError, TypeError, ValueError) as exc:
                wrong = f"it lacks {exc}" if isinstance(exc, KeyError) else str(exc)
                problems.append(f"item {number} of instance_ports is not what nova_computes writes: {wrong}")
        if problems:
            raise RulesError(problems)
        return answers

    def ended(self, rule: Rule) -> bool:
        return rule.ended(self._now)

    def _over_time(self, port: Port, facts: Facts) -> Answer:
        """The answer of now, with those that follow because rules end that may be for this port."""
        answer = self._answer(port, facts, self._now)
        if answer.keeps:
            return answer
        later: list[tuple[int, Answer]] = []
        for end in sorted({rule.until or 0 for rule in self._ending if _may_match(rule, facts)}):
            following, before = self._answer(port, facts, end), later[-1][1] if later else answer
            # What is undecided then keeps what it has, as with a run.
            if not following.keeps and not following.gives(before):
                later.append((end, following))
        return replace(answer, later=tuple(later))

    def _answer(self, port: Port, facts: Facts, now: float) -> Answer:
        """What is right at this time, in seconds since 1970."""
        rules = [rule for rule in self._rules if not rule.ended(now)]
        try:
            limits, why, rule = self._wanted(port, facts, rules)
        except Unknown as exc:
            return self._by_last_resort(port, facts, rules, f"undecided: {exc}, but {exc.why or _whats_unknown(port)}")
        title = rule.title if rule else ""
        if not limits:
            return Answer(port, "unlimited", why, {}, rule=title)
        hindrance = self._hindrance(port, limits)
        if hindrance:
            decision, reason = hindrance
            return Answer(port, decision, f"{decision}: {reason}; otherwise limited by {why}", {}, rule=title)
        if _may_be_a_services(port):
            what = f"undecided: {_CLAIMS.get(port['claims'], 'it calls itself ' + port['claims'])}, which it may be"
            if _may_be_a_services(port, "bridge"):
                return Answer(port, "undecided", f"{what}; otherwise limited by {why}", {}, rule=title)
            return self._limited(port, facts, limits, f"{what}; unless it has a limit, {why}", rule, last_resort=True)
        return self._limited(port, facts, limits, why, rule)

    def _by_last_resort(self, port: Port, facts: Facts, rules: t.Sequence[Rule], why: str) -> Answer:
        """What the first rule says that asks for nothing unknown: a port that hides what it is gets no less of a limit."""
        for rule in rules:
            try:
                because = rule.because(facts)
            except Unknown:
                continue
            if because is None:
                continue
            if rule.per_vcpu and not facts.vcpus:
                continue
            if isinstance(rule.limit, str) or self._hindrance(port, rule.limit) or _may_be_a_services(port, "bridge"):
                break
            limits, because = _for_vcpus(rule.limit, because, rule, facts)
            return self._limited(
                port, facts, limits, f"{why}; unless it has a limit, {because}", rule, last_resort=True
            )
        return Answer(port, "undecided", why, {})

    def _limited(
        self,
        port: Port,
        facts: Facts,
        limits: t.Mapping[str, Shape],
        why: str,
        rule: Rule | None,
        *,
        last_resort: bool = False,
    ) -> Answer:
        """A limit, in the directions that Neutron doesn't limit itself, with what is exempt from it."""
        policed = () if self._despite_policy or not port["qos_policy"] else port["qos_policy"]["limits"]
        left = {direction: shape for direction, shape in limits.items() if direction not in policed}
        if len(left) < len(limits):
            why = f"{why}; {' and '.join(sorted(set(limits) - set(left)))} by Neutron's QoS policy"
        mode = rule.exempt if rule and rule.exempt else self._exempt
        if self._backend == "libvirt" and mode != "none":
            # By the flavor's extra specs: the rules were looked at before.
            raise RulesError([f"{why} exempts {mode}, but {_CANNOT_EXEMPT}; {_NO_EXEMPTION}"])
        also = (*self._also, *(rule.exempt_also if rule else ()))
        exempt, note = self._exemptions.of(port, mode, also, facts.external)
        # libvirt exempts nothing, not even what finds neighbours.
        vlans, tagged = (
            self._exemptions.of_vlans(port, mode, also, facts.external) if self._backend == "tc" else ((), "")
        )
        why = "; ".join(part for part in (why, note, tagged) if part)
        local = mode != "none" and bool(port["own_network"])
        decision: Decision = "undecided" if last_resort else "limited"
        title = rule.title if rule else ""
        return Answer(port, decision, why, left, tuple(exempt), last_resort, vlans, local, title)

    def _wanted(
        self, port: Port, facts: Facts, rules: t.Sequence[Rule]
    ) -> tuple[t.Mapping[str, Shape], str, Rule | None]:
        for rule in rules:
            because = rule.because(facts)
            if because is None:
                continue
            if rule.limit == "none":
                return {}, f"not limited: {because}", rule
            if rule.limit != "flavor":
                return (*_for_vcpus(rule.limit, because, rule, facts), rule)
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
        # Nova leaves the extra specs out for a role that may not see them: that is not a flavor without any.
        if not flavor or flavor["name"] is None or flavor["extra_specs"] is None:
            raise Unknown("it depends on the extra specs of the flavor")
        whose = f"the extra specs of flavor {flavor['name']}"
        ours = {key: value for key, value in flavor["extra_specs"].items() if key.startswith(SPEC_PREFIX)}
        if not ours:
            return {}, whose
        known = tuple(sorted((str(key), str(value)) for key, value in ours.items()))
        if known not in self._flavors:
            reader = Reader(self._least)
            limits = reader.extra_specs(f"flavor {flavor['name']}", ours)
            if reader.problems:
                way_out = "(to go on without it, write a rule for this flavor)"
                raise RulesError(f"{problem} {way_out}" for problem in reader.problems)
            self._flavors[known] = limits
        return self._flavors[known], whose

    def _hindrance(self, port: Port, limits: t.Iterable[str] = DIRECTIONS) -> tuple[Decision, str] | None:
        """Why a port isn't given these directions' limits, if it isn't given any of them."""
        if port["plug"] == "unsupported":
            return "unsupported", str(port["unsupported_reason"] or "no reason given").rstrip(".")
        policy = port["qos_policy"]
        if policy and not self._despite_policy:
            if policy["limits"] is None:
                return "undecided", f"what Neutron's QoS policy {policy['id']} limits isn't known"
            if set(limits) <= set(policy["limits"]):
                return "skipped", f"Neutron limits the port by its QoS policy {policy['id']} (despite_policy is off)"
        flavor = port["instance"]["flavor"] if port["instance"] else {}
        if has_vif_quota(port) and not self._despite_vif_quota:
            whose = f"{_VIF_QUOTA_PREFIX}* of flavor {flavor['name']}"
            return "skipped", f"libvirt shapes the tap by {whose} (despite_vif_quota is off)"
        return None


def _may_match(rule: Rule, facts: Facts) -> bool:
    try:
        return rule.because(facts) is not None
    except Unknown:
        return True


def _may_be_a_services(port: Port, *plugs: str) -> bool:
    """Whether a port says that it is a DHCP server's or a router's, or a trunk's subport, and nothing shows that it is an instance's.

    With plugs, only where such a port would have a device of its own there: a service's on a Linux bridge looks like an instance's.
    """
    if not port["claims"] or port["instance"]:
        return False
    return not plugs or (port["plug"] in plugs and port["claims"] != SUBPORT)


def has_vif_quota(port: Port) -> bool:
    """Whether Nova has libvirt limit the port, because its flavor says so."""
    flavor = port["instance"]["flavor"] if port["instance"] else {}
    return any(key.startswith(_VIF_QUOTA_PREFIX) for key in flavor.get("extra_specs") or {})


def may_have_vif_quota(port: Port) -> bool:
    """Whether Nova may have libvirt limit the port; also where the flavor's extra specs aren't known."""
    return has_vif_quota(port) or not port["instance"] or port["instance"]["flavor"].get("extra_specs") is None


def _for_vcpus(
    limits: t.Mapping[str, Shape], because: str, rule: Rule, facts: Facts
) -> tuple[t.Mapping[str, Shape], str]:
    """A rule's limits as this port gets them, and the reason; raises Unknown where they depend on vCPUs that nobody told."""
    if not rule.per_vcpu:
        return limits, because
    if not facts.vcpus:
        raise Unknown(f"{rule.title} asks for the number of vCPUs")
    scaled = {direction: scale(shape, facts.vcpus) for direction, shape in limits.items()}
    return scaled, f"{because}, for {facts.vcpus} vCPU{'s' if facts.vcpus > 1 else ''}"


def choose(
    ports: object, only_ports: object = None, only_servers: object = None
) -> tuple[t.Sequence[Port], list[dict[str, t.Any]]]:
    """Return the ports that are named by their own or their server's id; all of them if there is no name at all.

    The second part are items for tc_htb that remove what is left of ports that were named but aren't on this host any
    more: they have moved, or were deleted. Raises RulesError for anything that is no list of ports, or no id.
    """
    if not isinstance(ports, (list, tuple)):
        raise RulesError([f"instance_ports is {kind(ports)}, not the list that the inventory nova_computes writes"])
    if only_ports is None and only_servers is None:
        return ports, []
    reader = Reader()
    wanted_ports = reader.ids("only_ports", "port", only_ports)
    wanted_servers = reader.ids("only_servers", "server", only_servers)
    if reader.problems:
        raise RulesError(reader.problems)
    chosen = [
        port
        for port in ports
        if plain_id(port["port_id"]) in wanted_ports
        or (port["instance"] and plain_id(port["instance"]["id"]) in wanted_servers)
    ]
    left = wanted_ports - {plain_id(port["port_id"]) for port in ports}
    return chosen, [_absent(str(uuid.UUID(port_id)), "", "not limited: not on this host") for port_id in sorted(left)]


def removal(ports: t.Iterable[Port]) -> list[dict[str, t.Any]]:
    """Return the items for tc_htb's `ports` that remove the limits of these ports, whatever the rules say."""
    return [_absent(port["port_id"], port["plug"], "not limited: asked to be removed") for port in ports]


def _absent(port_id: str, plug: str, why: str) -> dict[str, t.Any]:
    # Where limits are to go, they go whatever the plug is; tc_htb just wants one that it knows.
    plug = plug if plug in PLUGS else "ovs"
    return {"port_id": port_id, "plug": plug, "state": "absent", "why": _cut(why)}


def _whats_unknown(port: Port) -> str:
    if port["instance"] and port["instance"]["flavor"]["name"] is not None:
        return "Nova does not show the flavor's extra specs (no policy for os-flavor-extra-specs:index?)"
    if port["instance"]:
        return "Nova does not tell the flavor (a cell that is down?)"
    return "the port names no server (its owner can change device_id)"


def _cut(why: str, left: int = 0) -> str:
    """Short enough for tc_htb with so many characters behind it."""
    most = WHY_LENGTH - left
    return why if len(why) <= most else f"{why[: most - 3]}..."
