# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The limit on a device, and the tc statements from its actual to its desired state. Pure.

A shaped device:

    root qdisc  htb 1: default 100
    class 1:100 rate, ceil, burst      all traffic that no filter matches; leaf qdisc 100:
    class 1:1   1 Tbit/s               the exempt traffic; leaf qdisc 101:
    filters     u32, prio 1 for IPv4, prio 2 for IPv6, one per exempt network, to 1:1; and for neighbour discovery:
                ARP at prio 3 and ICMPv6 at prio 2
    filters     flower, prio 4 for 802.1Q: the same for each VLAN of a trunk's parent port, under its tag
    filter      u32, prio 5 for all the rest: police pkts_rate, where packets are limited; to 1:100

1:100 has no parent, so it cannot borrow: it runs at ceil only while its burst bucket has tokens, then at rate.
Where only packets are limited, 1:100 has the rate of 1:1. What is policed is dropped before it takes tokens or room in a queue.
A legacy agent builds the same hierarchy, so its limits are adopted in place.
"""

from __future__ import annotations

import functools
import ipaddress
import math
import typing as t
from dataclasses import dataclass, replace

from .._kernel import flower
from .._kernel.device import Class, Device, Filter, Key, Police
from .limits import Limit
from .ownership import EXEMPT, EXEMPT_RATE, LIMITED, ours
from .ports import MAX_BURST_SECONDS, Network, Shape, Vlan, in_order
from .units import MAX_SIZE

if t.TYPE_CHECKING:
    from collections.abc import Sequence

EXEMPT_SHAPE = Shape(rate=EXEMPT_RATE, ceil=EXEMPT_RATE, burst=1 << 24)

#: HTB's DRR quantum is rate/10 by default, and the kernel complains outside 1000..200000.
_QUANTUM = (1600, 200000)
#: sfq's default queue length; pfifo's default is the device's txqueuelen, half a second at 20 Mbit/s.
_PFIFO_LIMIT = 127
_SFQ_PERTURB = 10
#: psched ticks of 64 ns. tc rounds a bucket's time to whole microseconds, some versions down and some up.
_TICKS_PER_SECOND = 15625000
_TICK_TOLERANCE = 32

_ETH_P_ALL, _ETH_P_IP, _ETH_P_ARP, _ETH_P_IPV6, _ETH_P_8021Q = 0x0003, 0x0800, 0x0806, 0x86DD, 0x8100
_PROTOCOLS = {_ETH_P_ALL: "all", _ETH_P_IP: "ip", _ETH_P_ARP: "arp", _ETH_P_IPV6: "ipv6", _ETH_P_8021Q: "802.1Q"}
_PRIOS = {_ETH_P_IP: 1, _ETH_P_IPV6: 2, _ETH_P_ARP: 3, _ETH_P_8021Q: 4, _ETH_P_ALL: 5}
#: Where a header has its addresses.
_ADDRESSES = {_ETH_P_IP: (12, 16), _ETH_P_IPV6: range(8, 40)}
#: What `match u32 0 0` becomes: any packet.
_ANY: tuple[Key, ...] = ((b"\0\0\0\0", b"\0\0\0\0", 0, 0),)


#: Router solicitation (133), advertisement (134), neighbour solicitation (135), advertisement (136) and redirect (137). One mask takes in
#: 132, too: the end of a multicast membership, which isn't valid with a hop limit of 255.
_DISCOVERY = ((132, 0xFC), (136, 0xFE))


def _discovery(kind: int, mask: int) -> tuple[int, tuple[Key, ...]]:
    """ICMPv6 of these types with a hop limit of 255, which no router has forwarded."""
    return _ETH_P_IPV6, (
        (b"\0\0\xff\xff", b"\0\0\x3a\xff", 4, 0),
        (bytes((mask, 0, 0, 0)), bytes((kind, 0, 0, 0)), 40, 0),
    )


#: Always exempt: if a flood delayed these, neighbour resolution would fail, and exempt traffic with it. They can't leave the segment.
_ALWAYS: dict[tuple[int, tuple[Key, ...]], str] = {
    (_ETH_P_ARP, _ANY): "u32 match u32 0 0",
    **{
        found: " ".join(
            ["u32", *(f"match u32 0x{value.hex()} 0x{mask.hex()} at {at}" for mask, value, at, _off in found[1])]
        )
        for found in (_discovery(kind, mask) for kind, mask in _DISCOVERY)
    },
}


@dataclass(frozen=True)
class Shaper:
    """The wanted limit on one device: match is the side of a packet that tells exempt traffic, dst or src."""

    limit: Limit
    match: str


def ticks(size: int, rate: int) -> int:
    """The psched ticks that tc makes of a bucket of size bytes at rate bit/s."""
    return math.ceil(size * 8 * _TICKS_PER_SECOND / rate)


def quantum(rate: int) -> int:
    return min(max(rate // 8 // 10, _QUANTUM[0]), _QUANTUM[1])


def ceil_bucket(ceil: int) -> int:
    """cburst in bytes: a millisecond of ceil keeps timers few, a packet should fit, and 274 s are all that tc can say."""
    return min(max(ceil // 8 // 1000, 1600), MAX_BURST_SECONDS * ceil // 8, MAX_SIZE)


def packet_ticks(packets: int, rate: int) -> int:
    """The psched ticks that tc makes of a bucket of packets at so many per second."""
    return math.ceil(packets * _TICKS_PER_SECOND / rate)


@functools.lru_cache(maxsize=4096)  # a host's ports have few limits
def _buckets(shape: Shape) -> tuple[int, int, int]:
    """(burst, cburst, quantum) of a class with this limit, the first two in psched ticks."""
    return (
        ticks(shape.burst, shape.rate),
        ticks(ceil_bucket(shape.ceil), shape.ceil),
        quantum(shape.rate),
    )


def same_shape(actual: Class, wanted: Shape) -> bool:
    """Compare at the precision that tc keeps: rates exactly, buckets to a microsecond or two."""
    burst, cburst, drr = _buckets(wanted)
    return (
        actual.rate == wanted.rate
        and actual.ceil == wanted.ceil
        and abs(actual.burst - burst) <= _TICK_TOLERANCE
        and abs(actual.cburst - cburst) <= _TICK_TOLERANCE
        and actual.quantum == drr
    )


def found_shape(actual: Class) -> Shape:
    """A class's limit in our words; the burst is rounded as the kernel's ticks round it."""
    if actual.rate == actual.ceil == EXEMPT_RATE:
        return Shape(0, 0, 0)
    return Shape(actual.rate, actual.ceil, actual.burst * actual.rate // 8 // _TICKS_PER_SECOND)


@functools.lru_cache(maxsize=4096)
def keys_of(network: Network, match: str) -> tuple[int, tuple[Key, ...]]:
    """The (protocol, u32 keys) that `match ip dst NETWORK` becomes in the kernel."""
    packed, mask = network.network_address.packed, network.netmask.packed
    if network.version == 4:
        return _ETH_P_IP, ((mask, packed, 16 if match == "dst" else 12, 0),)
    start = 24 if match == "dst" else 8
    words = range(0, (network.prefixlen + 31) // 32 * 4, 4)
    return _ETH_P_IPV6, tuple((mask[at : at + 4], packed[at : at + 4], start + at, 0) for at in words)


def network_of(found: Filter) -> t.Optional[Network]:
    """The network that a filter matches, where it is one that keys_of could have made."""
    if any(at not in _ADDRESSES.get(found.protocol, ()) for _mask, _value, at, _off in found.keys):
        return None
    if found.protocol == _ETH_P_IP and len(found.keys) == 1:
        return ipaddress.IPv4Network((found.keys[0][1], bin(int.from_bytes(found.keys[0][0], "big")).count("1")))
    if found.protocol == _ETH_P_IPV6 and len(found.keys) <= 4:
        address = b"".join(key[1] for key in found.keys).ljust(16, b"\0")
        length = sum(bin(int.from_bytes(key[0], "big")).count("1") for key in found.keys)
        return ipaddress.IPv6Network((address, length), strict=False)
    return None


def shape_statements(device: str, actual: t.Optional[Device], wanted: Shaper) -> list[str]:
    """The tc statements, in order, from what is to what is wanted; none where nothing differs.

    A limit that exists is changed in place. Where none exists the limited class comes last, when exempt traffic
    already has its way out. Exemptions are added before others are taken away, and where packets are limited instead of a rate,
    they are before the rate goes.
    """
    if actual is None or not ours(actual):
        actual = Device(device, 0)
    statements = []
    if actual.root is None:
        statements.append(f"qdisc replace dev {device} root handle 1: htb default 100")
    statements += _class_statements(device, actual, EXEMPT, EXEMPT_SHAPE)
    statements += _leaf_statements(device, actual, EXEMPT, "101:", wanted.limit.leaf)
    filters, shape = actual.root_filters, wanted.limit.shape
    police, unwanted = _police_statements(device, filters, shape)
    is_limited = LIMITED in actual.classes
    statements += (
        police if is_limited else []
    )  # first: what has policed packets at another priority goes with the exemptions
    statements += _exempt_statements(device, filters, wanted)
    limited = _class_statements(device, actual, LIMITED, shape if shape.rate else EXEMPT_SHAPE)
    limited += _leaf_statements(device, actual, LIMITED, "100:", wanted.limit.leaf)
    statements += limited if is_limited else limited + police
    statements += unwanted
    statements += [
        f"class del dev {device} classid {handle >> 16:x}:{handle & 0xFFFF:x}"
        for handle in actual.classes
        if handle not in (LIMITED, EXEMPT)
    ]
    return statements


def _class_statements(device: str, actual: Device, handle: int, shape: Shape) -> list[str]:
    found = actual.classes.get(handle)
    if found is not None and same_shape(found, shape):
        return []
    verb = "add" if found is None else "change"
    return [
        f"class {verb} dev {device} parent 1: classid 1:{handle & 0xFFFF:x} htb "
        f"rate {shape.rate}bit ceil {shape.ceil}bit "
        f"burst {shape.burst}b cburst {ceil_bucket(shape.ceil)}b quantum {quantum(shape.rate)}"
    ]


def _leaf_statements(device: str, actual: Device, parent: int, handle: str, leaf: str) -> list[str]:
    found = actual.leaves.get(parent)
    place = f"dev {device} parent 1:{parent & 0xFFFF:x}"
    if leaf == "none":
        return [] if found is None else [f"qdisc del {place}"]
    setting = {"sfq": _SFQ_PERTURB, "pfifo": _PFIFO_LIMIT}.get(leaf, 0)
    if found is not None and (found.kind, found.setting) == (leaf, setting):
        return []
    option = {"sfq": f" perturb {_SFQ_PERTURB}", "pfifo": f" limit {_PFIFO_LIMIT}"}.get(leaf, "")
    # `replace` with the handle of a leaf of another kind is taken for a change of that leaf, and refused.
    spare = "102:" if handle == "100:" else "103:"
    used = found is not None and found.handle == int(handle[:-1], 16) << 16
    return [f"qdisc replace {place} handle {spare if used else handle} {leaf}{option}"]


@functools.lru_cache(maxsize=4096)
def _matches(
    exempt: tuple[Network, ...], vlans: tuple[Vlan, ...], match: str
) -> dict[tuple[int, tuple[Key, ...]], str]:
    """What is exempt, as the kernel keeps it and as tc takes it. A copy is for the caller to change."""
    return {
        **_ALWAYS,
        **{
            keys_of(network, match): f"u32 match {'ip' if network.version == 4 else 'ip6'} {match} {network}"
            for network in exempt
        },
        **{(_ETH_P_8021Q, keys): f"flower {words}" for vlan in vlans for keys, words in _tagged(vlan, match)},
    }


def _tagged(vlan: Vlan, match: str) -> list[tuple[tuple[Key, ...], str]]:
    """The filters of a VLAN: what is exempt in it, and always what finds neighbours."""
    always = [flower.arp(vlan.id), *(flower.icmpv6(vlan.id, kind, mask) for kind, mask in _DISCOVERY)]
    return always + [flower.network(vlan.id, network, match) for network in vlan.exempt]


def _exempt_statements(device: str, filters: Sequence[Filter], wanted: Shaper) -> list[str]:
    missing = dict(_matches(wanted.limit.exempt, wanted.limit.vlans, wanted.match))
    surplus = []
    foreign_prios = set()
    for found in filters:
        if found.kind != _classifier(found.protocol) or found.prio != _PRIOS.get(found.protocol):
            foreign_prios.add((found.prio, found.protocol))
        elif found.protocol == _ETH_P_ALL:
            continue  # see _police_statements
        elif (
            found.target != EXEMPT
            or found.redirect is not None
            or found.police is not None
            or missing.pop((found.protocol, found.keys), None) is None
        ):
            surplus.append(found)
    statements = [_filter_group_del(device, prio, protocol) for prio, protocol in sorted(foreign_prios)]
    statements += [
        f"filter add dev {device} parent 1: protocol {_PROTOCOLS[protocol]} prio {_PRIOS[protocol]} {match} flowid 1:1"
        for (protocol, _keys), match in missing.items()
    ]
    return statements + [filter_del(device, "parent 1:", found) for found in surplus]


def _police_statements(device: str, filters: Sequence[Filter], wanted: Shape) -> tuple[list[str], list[str]]:
    """To police packets as wanted, and to stop the policing that isn't. While both filters are there, the first one decides."""
    found = [
        one for one in filters if one.protocol == _ETH_P_ALL and (one.kind, one.prio) == ("u32", _PRIOS[_ETH_P_ALL])
    ]
    kept = next((one for one in found if _polices(one, wanted)), None)
    added = []
    if wanted.pkts_rate and kept is None:
        added.append(
            f"filter add dev {device} parent 1: protocol all prio {_PRIOS[_ETH_P_ALL]} u32 match u32 0 0 flowid 1:100 action police "
            f"pkts_rate {wanted.pkts_rate} pkts_burst {wanted.pkts_burst} conform-exceed drop/pass"
        )
    return added, [filter_del(device, "parent 1:", one) for one in found if one is not kept]


def _polices(found: Filter, wanted: Shape) -> bool:
    police = found.police
    return (
        police is not None
        and (found.keys, found.target, police.rate) == (_ANY, LIMITED, wanted.pkts_rate)
        and abs(police.burst - packet_ticks(wanted.pkts_burst, wanted.pkts_rate)) <= _TICK_TOLERANCE
    )


def police_of(actual: Device) -> t.Optional[Police]:
    """What limits the packets of a device of ours; None where nothing does."""
    polices = (found.police for found in actual.root_filters if (found.keys, found.target) == (_ANY, LIMITED))
    return next((police for police in polices if police is not None), None)


def _classifier(protocol: int) -> str:
    return "flower" if protocol == _ETH_P_8021Q else "u32"


def _filter_group_del(device: str, prio: int, protocol: int) -> str:
    return f"filter del dev {device} parent 1: protocol {_PROTOCOLS.get(protocol, protocol)} prio {prio}"


def filter_del(device: str, place: str, found: Filter) -> str:
    """The statement that removes one filter and leaves its siblings."""
    table, bucket, node = found.handle >> 20, found.handle >> 12 & 0xFF, found.handle & 0xFFF
    handle = f"{table:x}:{format(bucket, 'x') if bucket else ''}:{node:x}"
    return (
        f"filter del dev {device} {place} protocol {_PROTOCOLS.get(found.protocol, found.protocol)} prio {found.prio} "
        f"handle {handle if found.kind == 'u32' else hex(found.handle)} {found.kind}"
    )


def describe(actual: Device) -> t.Optional[Limit]:
    """A device's limit, None where it has none of ours."""
    if not ours(actual) or LIMITED not in actual.classes:
        return None
    passing = [found for found in actual.root_filters if found.target == EXEMPT]
    networks = (network_of(found) for found in passing)
    exempt = in_order({network for network in networks if network is not None})
    leaf = actual.leaves.get(LIMITED)
    shape, police = found_shape(actual.classes[LIMITED]), police_of(actual)
    if police is not None:
        packets = round(police.burst * police.rate / _TICKS_PER_SECOND)
        shape = replace(shape, pkts_rate=police.rate, pkts_burst=packets)
    return Limit(shape, exempt, leaf.kind if leaf else "none", _vlans_of(passing))


def _vlans_of(passing: Sequence[Filter]) -> tuple[Vlan, ...]:
    """The VLANs in which something is exempt by these filters, by their ids."""
    found: dict[int, set[Network]] = {}
    for one in passing:
        vlan = flower.vlan_of(one.keys) if (one.kind, one.protocol) == ("flower", _ETH_P_8021Q) else None
        if vlan is None:
            continue
        networks = (flower.network_of(one.keys, match) for match in ("src", "dst"))
        found.setdefault(vlan, set()).update(network for network in networks if network is not None)
    return tuple(Vlan(vlan, in_order(networks)) for vlan, networks in sorted(found.items()))
