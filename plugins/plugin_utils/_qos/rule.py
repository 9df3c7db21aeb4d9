# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One rule: what it asks of a port, and what it gives. Pure: no Ansible, no I/O."""

from __future__ import annotations

import ipaddress
import typing as t
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.exempt import Network, plain_networks
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.written import plain_id, truth

Port = t.Mapping[str, t.Any]
#: One direction's numbers: rate and ceil in bit/s, burst in bytes, pkts_rate in packets per second, pkts_burst in packets. Those that the
#: operator has left out are left out.
Shape = t.Mapping[str, int]

DIRECTIONS = ("egress", "ingress")
ID_KEYS = ("project", "network", "server", "port")
#: What only operators name; each is compared letter by letter.
NAME_KEYS = ("flavor", "host", "aggregate", "availability_zone")
#: True or false, and nothing that a tenant can set.
FACT_KEYS = ("network_shared", "network_external")
MATCH_KEYS = (*ID_KEYS, *NAME_KEYS, *FACT_KEYS, "floating_ip")

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Values = frozenset[str] | tuple[Network, ...]


class RulesError(ValueError):
    """Everything that is wrong with the rules, the settings or a flavor's extra specs: one error each."""

    def __init__(self, problems: t.Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__(" ".join(f"{problem}." for problem in self.problems))


@dataclass(frozen=True)
class Rule:
    title: str
    match: tuple[tuple[str, Values], ...]
    limit: t.Literal["none", "flavor"] | dict[str, Shape]
    exempt: str | None
    exempt_also: tuple[Network, ...]
    per_vcpu: bool = False
    """Whether each number is for one vCPU of the instance's flavor."""
    until: int | None = None
    """When it ends, in seconds since 1970."""

    def ended(self, now: float) -> bool:
        return self.until is not None and self.until <= now

    def because(self, facts: Facts) -> str | None:
        """Return why the rule matches a port, or None if it doesn't; raises Unknown where that can't be told."""
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
            why = "Neutron doesn't tell that of the port's network" if set(unknown) <= set(FACT_KEYS) else ""
            raise Unknown(f"{self.title} asks for the {' and the '.join(unknown)}", why)
        return f"{self.title} because {' and '.join(reasons)}" if reasons else f"{self.title}, which matches every port"


class Unknown(Exception):
    """The end of an error: what depends on something that isn't known about a port; and why, where that doesn't depend on the port."""

    def __init__(self, what: str, why: str = "") -> None:
        self.why = why
        super().__init__(what)


class Facts:
    """What rules can ask about a port and its compute, brought into one form once per port. None is what nobody told.

    `compute` is the variable of this name that the inventory nova_computes writes; without it, whatever is asked of it is unknown.
    """

    def __init__(self, port: Port, compute: object = None) -> None:
        instance = port["instance"]
        there: t.Mapping[str, t.Any] = compute if isinstance(compute, t.Mapping) else {}
        shown = {
            "project": port["project_id"],
            "network": port["network_id"],
            "port": port["port_id"],
            "server": instance and instance["id"],
            "flavor": instance and instance["flavor"]["name"],
            "host": there.get("host"),
            "availability_zone": there.get("availability_zone"),
        }
        self._told: dict[str, dict[str, str]] = {
            key: {plain_id(text) if key in ID_KEYS else text: text} for key, text in shown.items() if text is not None
        }
        for key in FACT_KEYS:
            if isinstance(port.get(key), bool):
                word = truth(port[key])
                self._told[key] = {word: word}
        if "aggregates" in there:
            self._told["aggregate"] = {name: name for name in there["aggregates"]}
        self.vcpus: int | None = instance["flavor"].get("vcpus") if instance else None
        self.external: tuple[Network, ...] = plain_networks(tuple(there.get("external_subnets") or ()))
        """The subnets of the cloud's external networks."""
        self._floating: list[_Address] = [ipaddress.ip_address(str(ip["address"])) for ip in port["floating_ips"]]

    def knows(self, key: str) -> bool:
        return key == "floating_ip" or key in self._told

    def compared(self, key: str) -> t.Collection[str]:
        """What a rule's values are compared with; empty for what isn't known, and for floating IPs."""
        return self._told.get(key, {})

    def meets(self, key: str, values: Values) -> str | None:
        if isinstance(values, frozenset):
            found = [text for compared, text in self._told.get(key, {}).items() if compared in values]
            return f"{key} is {', '.join(found)}" if found else None
        for address in self._floating:
            for network in values:
                if address in network:
                    return f"floating IP {address} lies in {network}"
        return None
