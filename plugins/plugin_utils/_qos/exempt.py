# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which networks a port may talk to without its limit. Pure: no Ansible, no I/O."""

from __future__ import annotations

import ipaddress
import typing as t

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Which of the subnets of its network a port is exempt with.
WISHES = ("own_network", "own_subnets", "none")

#: Addresses that belong to nobody on the internet: here tenants may choose what they like. 100.64.0.0/10
#: is left out, because providers run their own services there.
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")

#: Each network costs a u32 filter that every packet of the port passes.
AT_MOST = 32


def parse_network(text: object) -> Network:
    """Return the network that an operator wrote; a ValueError is half a sentence about what is wrong with it."""
    try:
        # ip_network() takes numbers and bytes for addresses, and "%eth0" for a part of one.
        if not isinstance(text, str) or "%" in text:
            raise ValueError
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(
            f"'{str(text)[:60]}' is not a network; write it like '192.0.2.0/24' or 'fd00:1::/64'"
        ) from None
    if network.network_address != ipaddress.ip_interface(text).ip:
        raise ValueError(f"'{text}' is the address of a host, not of a network; write '{network}'")
    return network


def overlaps(one: Network, other: Network) -> bool:
    """Whether they share an address; networks of different IP versions never do."""
    return one.version == other.version and one.overlaps(other)


def lies_in(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


class Exemptions:
    """The operator's bounds on what tenants get exempted by choosing the CIDRs of their subnets.

    Without `within`, a tenant's own subnet 0.0.0.0/1 would exempt half of the internet.
    """

    def __init__(self, within: t.Sequence[Network], never: t.Sequence[Network], at_most: int = AT_MOST) -> None:
        self._within = within
        self._never = never
        self._at_most = at_most
        self._judged: dict[str, tuple[Network | None, str]] = {}

    def of(self, port: t.Mapping[str, t.Any], wish: str, also: t.Sequence[Network]) -> tuple[list[str], str]:
        """Return the networks to exempt, and half a sentence about the subnets that are not, or ''."""
        asked: dict[str, None] = {}  # an ordered set: the port's own subnets first, they matter most
        if wish != "none":
            asked.update(dict.fromkeys(str(address["cidr"]) for address in port["fixed_ips"] if address["cidr"]))
        if wish == "own_network":
            asked.update(dict.fromkeys(sorted(str(subnet["cidr"]) for subnet in port["other_subnets"])))

        granted: list[Network] = []
        refused: dict[str, list[str]] = {}
        for cidr in asked:
            network, reason = self._judged.get(cidr) or self._judge(cidr)
            if network is not None and len(granted) >= self._at_most:
                network, reason = None, f"more than exempt_at_most={self._at_most} subnets"
            if network is not None:
                granted.append(network)
            else:
                refused.setdefault(reason, []).append(cidr)
        note = "; ".join(f"{_some(cidrs)} ({reason})" for reason, cidrs in refused.items())
        return [str(network) for network in _fewest([*also, *granted])], note and f"not exempt: {note}"

    def _judge(self, cidr: str) -> tuple[Network | None, str]:
        network = ipaddress.ip_network(cidr)
        clashes = [never for never in self._never if overlaps(network, never)]
        verdict: tuple[Network | None, str] = (network, "")
        if not any(lies_in(network, allowed) for allowed in self._within):
            verdict = None, "outside exempt_within"
        elif clashes:
            verdict = None, f"overlaps {clashes[0]} of never_exempt"
        self._judged[cidr] = verdict
        return verdict


def _fewest(networks: t.Sequence[Network]) -> list[Network]:
    """The same addresses in as few networks as possible, in one order: a new order would look like a change."""
    v4 = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    v6 = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(v4), *ipaddress.collapse_addresses(v6)]


def _some(cidrs: t.Sequence[str], shown: int = 3) -> str:
    """A tenant can have hundreds of subnets; a sentence can't."""
    more = f" and {len(cidrs) - shown} more" if len(cidrs) > shown else ""
    return ", ".join(cidrs[:shown]) + more
