# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator wants: ports with a limit per direction. Pure: opens nothing, imports nothing from Ansible."""

from __future__ import annotations

import functools
import ipaddress
import re
import typing as t
from dataclasses import dataclass

from .units import MAX_SIZE, UnitError, format_rate, format_size, parse_rate, parse_size

PLUGS = ("ovs_hybrid", "bridge", "ovs", "ovn")
LEAVES = ("sfq", "fq_codel", "pfifo", "none")

#: psched counts a burst as time at the rate, in 32 bits of 64 ns.
MAX_BURST_SECONDS = 274

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_WHY_LENGTH = 1000

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class TcError(Exception):
    """A sentence for the operator: the object, what was found, what was wanted, the way out."""


@dataclass(frozen=True)
class Shape:
    """One direction's limit. rate and ceil in bit/s, burst in bytes."""

    rate: int
    ceil: int
    burst: int

    def public(self) -> dict[str, str]:
        return {"rate": format_rate(self.rate), "ceil": format_rate(self.ceil), "burst": format_size(self.burst)}


@dataclass(frozen=True)
class Port:
    """An instance's port and its wanted limits, seen from the instance: egress is what it sends.

    A port that is kept has no wish: it is left as it is, also by a purge.
    """

    port_id: str
    plug: str
    egress: t.Optional[Shape] = None
    ingress: t.Optional[Shape] = None
    exempt: tuple[Network, ...] = ()
    leaf: str = "sfq"
    why: str = ""
    kept: bool = False

    @property
    def limited(self) -> bool:
        return self.egress is not None or self.ingress is not None

    def device(self, prefix: str) -> str:
        """The device name that Neutron, Nova and os-vif derive from the port id."""
        return prefix + self.port_id[:11]


def parse_ports(wishes: t.Sequence[t.Mapping[str, t.Any]], leaf: str) -> list[Port]:
    """Turn the module's option into Ports.

    Raises TcError with one sentence for each port that is not understood; a port with state absent has no limits.
    """
    ports: list[Port] = []
    problems: list[str] = []
    for position, wish in enumerate(wishes, start=1):
        try:
            ports.append(parse_port(wish, leaf, f"ports[{position}]"))
        except TcError as exc:
            problems.append(str(exc))
    problems += _collisions(ports)
    if problems:
        raise TcError(first_of(problems))
    return ports


def first_of(sentences: t.Sequence[str]) -> str:
    """As many sentences as somebody reads, and how many there are more."""
    more = len(sentences) - 5
    return " ".join(sentences[:5]) + (f" And {more} more like these." if more > 0 else "")


def parse_port(wish: t.Mapping[str, t.Any], leaf: str, place: str) -> Port:
    """Turn one wish into a Port; place is how the sentence calls it while its port_id isn't known to be good."""
    port_id = check_port_id(wish.get("port_id"), f"{place}: port_id")
    plug = wish.get("plug")
    if plug not in PLUGS:
        raise TcError(f"Port {port_id}: plug {_shown(plug)} is not one of {', '.join(PLUGS)}.")
    why = str(wish.get("why") or "")
    if len(why) > _WHY_LENGTH:
        raise TcError(f"Port {port_id}: why has {len(why)} characters; say it in {_WHY_LENGTH}.")
    if wish.get("state", "present") != "present":
        return Port(port_id, plug, leaf=leaf, why=why, kept=wish["state"] == "kept")
    port = Port(
        port_id,
        plug,
        egress=_parse_shape(wish.get("egress"), f"Port {port_id}: egress"),
        ingress=_parse_shape(wish.get("ingress"), f"Port {port_id}: ingress"),
        exempt=_parse_exempt(wish.get("exempt") or [], f"Port {port_id}: exempt"),
        leaf=leaf,
        why=why,
    )
    if not port.limited:
        raise TcError(
            f"Port {port_id}: neither egress nor ingress is given; name the direction to limit, "
            "or say state: absent to remove its limits."
        )
    return port


def check_port_id(text: object, place: str) -> str:
    """Return the port id as Neutron writes it; raise TcError for anything but a whole UUID."""
    port_id = str(text or "").strip().lower()
    if not _UUID.match(port_id):
        raise TcError(
            f"{place} {_shown(text)} is not a port's id; Neutron's ids are UUIDs of 36 characters, give all of it."
        )
    return port_id


def _parse_shape(wish: t.Optional[t.Mapping[str, t.Any]], place: str) -> t.Optional[Shape]:
    if wish is None:
        return None
    if wish.get("rate") is None:
        raise TcError(f"{place}.rate is missing; a limit needs its rate, for example 20mbit.")
    rate = _unit(parse_rate, wish["rate"], place + ".rate")
    ceil = 2 * rate if wish.get("ceil") is None else _unit(parse_rate, wish["ceil"], place + ".ceil")
    if ceil < rate:
        raise TcError(
            f"{place}.ceil {format_rate(ceil)} is below the rate {format_rate(rate)}; ceil is the peak while the "
            "burst lasts, so give at least the rate, or leave it out for twice the rate."
        )
    if wish.get("burst") is None:
        return Shape(rate, ceil, min(rate // 8 * 10, MAX_SIZE))
    burst = _unit(parse_size, wish["burst"], place + ".burst")
    if burst * 8 > MAX_BURST_SECONDS * rate:
        raise TcError(
            f"{place}.burst {format_size(burst)} is {burst * 8 // rate} s of {format_rate(rate)}; the kernel keeps "
            f"at most {MAX_BURST_SECONDS} s, give at most {format_size(MAX_BURST_SECONDS * rate // 8)}."
        )
    return Shape(rate, ceil, burst)


def _unit(parse: t.Callable[[object], int], text: object, place: str) -> int:
    try:
        return parse(text)
    except UnitError as exc:
        raise TcError(f"{place}: {exc}.") from None


def _parse_exempt(wish: t.Sequence[object], place: str) -> tuple[Network, ...]:
    networks: dict[Network, None] = {}
    for text in wish:
        written = str(text).strip()
        try:
            if "/" not in written:
                raise ValueError("no prefix length")
            network = _network(written)
        except ValueError:
            raise TcError(f"{place}: {_shown(text)} {_network_hint(written)}") from None
        networks[network] = None
    return tuple(sorted(networks, key=lambda net: (net.version, int(net.network_address), net.prefixlen)))


#: A host's ports lie in few networks.
_network = functools.lru_cache(maxsize=4096)(ipaddress.ip_network)


def _network_hint(written: str) -> str:
    """What an operator should have written instead of something that is no network."""
    try:
        around = ipaddress.ip_interface(written).network
    except ValueError:
        return "is not a network; write it as 192.0.2.0/24 or 2001:db8::/64."
    if "/" in written:
        return f"is a host's address, not a network; its network is {around}."
    return f"is a host's address, not a network; write {around} if just this host is meant."


def _collisions(ports: t.Sequence[Port]) -> list[str]:
    """Device names hold 11 characters of the id, so two ids can mean the same device."""
    problems = []
    holders: dict[str, str] = {}
    for port in ports:
        other = holders.setdefault(port.port_id[:11], port.port_id)
        if other is not port.port_id:
            problems.append(
                f"Port {port.port_id} is listed twice; merge the two entries."
                if other == port.port_id
                else f"Ports {other} and {port.port_id} share the device name {port.device('tap')}; "
                "a host can hold only one of them."
            )
    return problems


def _shown(value: object) -> str:
    if value is None:
        return "(missing)"
    text = repr(str(value))
    return text if len(text) <= 60 else f"{text[:50]}...' ({len(str(value))} characters)"
