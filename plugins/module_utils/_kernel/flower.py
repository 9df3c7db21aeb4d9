# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for packets with a VLAN tag, by the classifier flower: as tc takes them and as the kernel keeps them. Pure.

u32 finds a tag only where it is still part of the packet. Most often the kernel has moved it out, on the way in from the instance and
on the way out of Open vSwitch, and keeps it beside the packet; flower finds it in both places.
"""

from __future__ import annotations

import ipaddress
import struct
import typing as t

from .device import Key

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_ARP, _IPV4, _IPV6 = 0x0806, 0x0800, 0x86DD
_ICMPV6 = 58
# linux/pkt_cls.h, TCA_FLOWER_*; the mask of what has one is the next number.
CLASSID, ACT = 1, 3
_ETH_TYPE, _IP_PROTO, _ICMPV6_TYPE, _IP_TTL = 8, 9, 55, 75
_VLAN_ID, _VLAN_ETH_TYPE = 23, 25
_FLAGS, _IN_HW_COUNT = 22, 86
_ADDRESSES = {(4, "src"): 10, (4, "dst"): 12, (6, "src"): 14, (6, "dst"): 16}
#: What says nothing of the packets that match. The outer protocol is the filter's own.
_NO_KEYS = (CLASSID, ACT, _ETH_TYPE, _FLAGS, _IN_HW_COUNT)


def keys(found: t.Mapping[int, bytes]) -> tuple[Key, ...]:
    """The keys of a filter, from the kernel's attributes: the number of each, and its value."""
    return tuple((b"", value, number, 0) for number, value in sorted(found.items()) if number not in _NO_KEYS)


def network(vlan: int, exempt: Network, match: str) -> tuple[tuple[Key, ...], str]:
    """The keys of a network's packets in a VLAN, and what tc makes them of. match is the side of the packet, src or dst."""
    number = _ADDRESSES[exempt.version, match]
    protocol, word = (_IPV4, "ipv4") if exempt.version == 4 else (_IPV6, "ipv6")
    # The kernel leaves out an address that may be any.
    address = {number: exempt.network_address.packed, number + 1: exempt.netmask.packed} if exempt.prefixlen else {}
    return _tagged(vlan, protocol, address), f"vlan_id {vlan} vlan_ethtype {word} {match}_ip {exempt}"


def arp(vlan: int) -> tuple[tuple[Key, ...], str]:
    return _tagged(vlan, _ARP, {}), f"vlan_id {vlan} vlan_ethtype arp"


def icmpv6(vlan: int, kind: int, mask: int) -> tuple[tuple[Key, ...], str]:
    """ICMPv6 of these types with a hop limit of 255, which no router has forwarded."""
    found = {
        _IP_PROTO: bytes((_ICMPV6,)),
        _ICMPV6_TYPE: bytes((kind,)),
        _ICMPV6_TYPE + 1: bytes((mask,)),
        _IP_TTL: b"\xff",
        _IP_TTL + 1: b"\xff",
    }
    words = f"vlan_id {vlan} vlan_ethtype ipv6 ip_proto icmpv6 type {kind}/{mask} ip_ttl 255"
    return _tagged(vlan, _IPV6, found), words


def vlan_of(found: tuple[Key, ...]) -> t.Optional[int]:
    """The id of the VLAN whose packets match; None where the keys ask for none."""
    id_ = {number: value for _mask, value, number, _off in found}.get(_VLAN_ID)
    return int(struct.unpack("=H", id_)[0]) if id_ else None


def network_of(found: tuple[Key, ...], match: str) -> t.Optional[Network]:
    """The network whose packets match, where the keys are such as network() makes."""
    told = {number: value for _mask, value, number, _off in found}
    vlan, kind = vlan_of(found), told.get(_VLAN_ETH_TYPE, b"")
    versions: dict[bytes, tuple[int, t.Any, int]] = {
        struct.pack("!H", _IPV4): (4, ipaddress.IPv4Network, 4),
        struct.pack("!H", _IPV6): (6, ipaddress.IPv6Network, 16),
    }
    if vlan is None or kind not in versions:
        return None
    version, made, size = versions[kind]
    number = _ADDRESSES[version, match]
    length = bin(int.from_bytes(told.get(number + 1, b""), "big")).count("1")
    candidate: Network = made((told.get(number, bytes(size)), length), strict=False)
    return candidate if network(vlan, candidate, match)[0] == found else None


def _tagged(vlan: int, protocol: int, more: t.Mapping[int, bytes]) -> tuple[Key, ...]:
    return keys({_VLAN_ID: struct.pack("=H", vlan), _VLAN_ETH_TYPE: struct.pack("!H", protocol), **more})
