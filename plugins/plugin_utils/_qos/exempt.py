# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks that are exempt from a port's limit. Pure: no Ansible, no I/O."""

from __future__ import annotations

import functools
import ipaddress
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import VLAN_IDS, Vlan

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Which subnets of a port's network are exempt.
EXEMPT_CHOICES = ("own_network", "own_subnets", "none")

#: Private address ranges, where tenants may choose any subnet. 100.64.0.0/10 is left out, because
#: providers run their own services there.
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")

#: Link-local traffic, which is exempt together with a port's own networks: VRRP, mDNS, and IPv6 between neighbours.
LINK_LOCAL = ("224.0.0.0/24", "fe80::/10", "ff02::/16")

#: Without a tag, each network is a u32 filter that every packet of the port passes.
AT_MOST = 32


def parse_network(text: object) -> Network:
    """Parse a network. Raises ValueError with the reason, to be appended to the name of the option."""
    try:
        # ip_network() also accepts numbers, bytes and "%eth0".
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


@functools.lru_cache(maxsize=64)  # a cloud has one list of them, and thousands of ports
def plain_networks(cidrs: tuple[str, ...]) -> tuple[Network, ...]:
    """CIDRs as an API writes them. Raises ValueError for anything else."""
    return tuple(map(ipaddress.ip_network, cidrs))


def overlaps(one: Network, other: Network) -> bool:
    """Whether they share an address; networks of different IP versions never do."""
    return one.version == other.version and one.overlaps(other)


def lies_in(inner: Network, outer: Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


class Exemptions:
    """The operator's bounds on what tenants can exempt by choosing the CIDRs of their subnets.

    Without `within`, a tenant's own subnet 0.0.0.0/1 would exempt half of the internet.
    """

    def __init__(self, within: t.Sequence[Network], never: t.Sequence[Network], at_most: int = AT_MOST) -> None:
        self._within = within
        self._never = never
        self._at_most = at_most
        self._judged: dict[tuple[str, tuple[Network, ...]], tuple[Network | None, str]] = {}

    def of(
        self, port: t.Mapping[str, t.Any], mode: str, also: t.Sequence[Network], external: tuple[Network, ...] = ()
    ) -> tuple[list[Network], str]:
        """The networks to exempt, and a note about subnets that aren't ('not exempt: ...'), or ''. mode is one of EXEMPT_CHOICES.

        external are the subnets of the cloud's external networks: a tenant's that overlaps one would exempt what leaves by a route.
        """
        granted, note = self._granted(port, mode, external, self._at_most)
        return _fewest([*also, *granted]), note and f"not exempt: {note}"

    def of_vlans(
        self,
        port: t.Mapping[str, t.Any],
        mode: str,
        also: t.Sequence[Network],
        external: tuple[Network, ...] = (),
    ) -> tuple[tuple[Vlan, ...], str]:
        """The same for each subport, if the port is a trunk's parent, under the tag of its VLAN; what can't leave the segment is in it.

        The bound is one for all: each subnet of the port or of a subport counts, and a VLAN as one at least. What comes last has no room.
        """
        subports = {subport["segmentation_id"]: subport for subport in port.get("subports") or ()}
        if not subports:
            return (), ""
        room = self._at_most - len(self._granted(port, mode, external, self._at_most)[0])
        vlans: list[Vlan] = []
        notes: list[str] = []
        left: list[str] = []
        for vlan in sorted(subports.keys() & set(VLAN_IDS)):
            subport = subports[vlan]
            if room < 1:
                left.append(str(vlan))
                continue
            granted, note = self._granted(subport, mode, external, room)
            room -= max(1, len(granted))
            local = plain_networks(LINK_LOCAL) if mode != "none" and subport["own_network"] else ()
            vlans.append(Vlan(vlan, (*_fewest([*also, *granted]), *local)))
            if note:
                notes.append(f"under VLAN {vlan}: {note}")
        told = [listed(notes, 3)] if notes else []
        if left:
            told.append(f"VLANs {listed(left, 3)} (more than exempt_at_most={self._at_most} subnets)")
        return tuple(vlans), "not exempt " + "; ".join(told) if told else ""

    def _granted(
        self, port: t.Mapping[str, t.Any], mode: str, external: tuple[Network, ...], at_most: int
    ) -> tuple[list[Network], str]:
        """The subnets of a port's own network that count, at most so many, and why others don't."""
        asked: dict[str, None] = {}  # an ordered set, with the port's own subnets first, since they matter most
        if mode != "none" and not port["own_network"]:
            return [], "its network isn't its project's own"
        if mode != "none":
            asked.update(dict.fromkeys(str(address["cidr"]) for address in port["fixed_ips"] if address["cidr"]))
        if mode == "own_network":
            asked.update(dict.fromkeys(sorted(str(subnet["cidr"]) for subnet in port["other_subnets"])))

        granted: list[Network] = []
        refused: dict[str, list[str]] = {}
        for cidr in asked:
            network, reason = self._judged.get((cidr, external)) or self._judge(cidr, external)
            if network is not None and len(granted) >= at_most:
                network, reason = None, f"more than exempt_at_most={self._at_most} subnets"
            if network is not None:
                granted.append(network)
            else:
                refused.setdefault(reason, []).append(cidr)
        note = "; ".join(f"{listed(cidrs, 3)} ({reason})" for reason, cidrs in refused.items())
        return granted, note

    def _judge(self, cidr: str, external: tuple[Network, ...]) -> tuple[Network | None, str]:
        network = ipaddress.ip_network(cidr)
        clashes = [never for never in self._never if overlaps(network, never)]
        outside = [never for never in external if overlaps(network, never)]
        verdict: tuple[Network | None, str] = (network, "")
        if not any(lies_in(network, allowed) for allowed in self._within):
            verdict = None, "outside exempt_within"
        elif clashes:
            verdict = None, f"overlaps {clashes[0]} of never_exempt"
        elif outside:
            verdict = None, f"overlaps {outside[0]} of an external network"
        self._judged[cidr, external] = verdict
        return verdict


def _fewest(networks: t.Sequence[Network]) -> list[Network]:
    """The same addresses in as few networks as possible, in a stable order, because another order would look like a change."""
    v4 = [network for network in networks if isinstance(network, ipaddress.IPv4Network)]
    v6 = [network for network in networks if isinstance(network, ipaddress.IPv6Network)]
    return [*ipaddress.collapse_addresses(v4), *ipaddress.collapse_addresses(v6)]
