# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state: ports with a limit per direction. Pure: opens nothing, imports nothing from Ansible."""

from __future__ import annotations

import functools
import ipaddress
import re
import typing as t
from dataclasses import asdict, dataclass

from .._common import UUID, OperatorError, first_of, shown
from .units import MAX_SIZE, UnitError, format_rate, format_size, parse_rate, parse_size, texts

PLUGS = ("ovs_hybrid", "bridge", "ovs", "ovn")
LEAVES = ("sfq", "fq_codel", "pfifo", "none")

#: psched stores a burst as time at the rate, in 32 bits of 64 ns.
MAX_BURST_SECONDS = 274

_NETWORK = re.compile(r"[0-9A-Fa-f.:/]+\Z")
_WHY_LENGTH = 1000

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@dataclass(frozen=True)
class Shape:
    """One direction's limit. rate and ceil in bit/s, burst in bytes. Only public() makes text of them, for people."""

    rate: int
    ceil: int
    burst: int

    @classmethod
    def of(cls, rate: int, ceil: t.Optional[int] = None, burst: t.Optional[int] = None) -> Shape:
        """A limit with defaults for what is left out: ceil is twice the rate, burst is 10 s of the rate."""
        return cls(rate, 2 * rate if ceil is None else ceil, min(rate // 8 * 10, MAX_SIZE) if burst is None else burst)

    def public(self) -> dict[str, str]:
        return texts(asdict(self))


@dataclass(frozen=True)
class Port:
    """An instance's port and its desired limits, as seen from the instance: egress is what it sends.

    A kept port is left as it is, even by a purge. A last resort applies only to a port that has no limit.
    """

    port_id: str
    plug: str
    egress: t.Optional[Shape] = None
    ingress: t.Optional[Shape] = None
    exempt: tuple[Network, ...] = ()
    leaf: str = "sfq"
    why: str = ""
    kept: bool = False
    last_resort: bool = False

    @property
    def limited(self) -> bool:
        return self.egress is not None or self.ingress is not None

    def device(self, prefix: str) -> str:
        """The device name that Neutron, Nova and os-vif derive from the port id."""
        return prefix + self.port_id[:11]


def parse_ports(entries: t.Sequence[t.Mapping[str, t.Any]], leaf: str) -> list[Port]:
    """Turn the module's option into Ports; a port with state absent has no limits.

    Raises OperatorError that names each invalid port.
    """
    ports: list[Port] = []
    problems: list[str] = []
    for position, entry in enumerate(entries, start=1):
        try:
            ports.append(parse_port(entry, leaf, f"ports[{position}]"))
        except OperatorError as exc:
            problems.append(str(exc))
    problems += _collisions(ports)
    if problems:
        raise OperatorError(first_of(problems))
    return ports


#: From one direction's limit as it was written, and its place in errors, to its numbers; None where there is none.
ReadShape = t.Callable[[t.Optional[t.Mapping[str, t.Any]], str], t.Optional[Shape]]


def parse_port(entry: t.Mapping[str, t.Any], leaf: str, place: str, read_shape: t.Optional[ReadShape] = None) -> Port:
    """Turn an entry of the option into a Port; place names it in errors until its port_id is known to be valid.

    read_shape is for limits that aren't written as in the option.

    Raises OperatorError for what can't be a port, or a limit.
    """
    port_id = check_port_id(entry.get("port_id"), f"{place}: port_id")
    plug = entry.get("plug")
    if plug not in PLUGS:
        raise OperatorError(f"Port {port_id}: plug {_shown(plug)} is not one of {', '.join(PLUGS)}.")
    why = str(entry.get("why") or "")
    if len(why) > _WHY_LENGTH:
        raise OperatorError(f"Port {port_id}: why has {len(why)} characters; the limit is {_WHY_LENGTH}.")
    if entry.get("state", "present") != "present":
        return Port(port_id, plug, leaf=leaf, why=why, kept=entry["state"] == "kept")
    read_shape = read_shape or _parse_shape
    port = Port(
        port_id,
        plug,
        egress=read_shape(entry.get("egress"), f"Port {port_id}: egress"),
        ingress=read_shape(entry.get("ingress"), f"Port {port_id}: ingress"),
        exempt=_parse_exempt(entry.get("exempt") or [], f"Port {port_id}: exempt"),
        leaf=leaf,
        why=why,
        last_resort=bool(entry.get("last_resort")),
    )
    if not port.limited:
        raise OperatorError(
            f"Port {port_id}: neither egress nor ingress is given; name the direction to limit, "
            "or set state: absent to remove its limits."
        )
    return port


def check_port_id(text: object, place: str) -> str:
    """Return the port id in Neutron's spelling. Raises OperatorError for anything but a complete UUID."""
    port_id = str(text or "").strip().lower()
    if not UUID.match(port_id):
        raise OperatorError(
            f"{place} {_shown(text)} isn't a port id; Neutron's ids are UUIDs, so give all 36 characters."
        )
    return port_id


def _parse_shape(limit: t.Optional[t.Mapping[str, t.Any]], place: str) -> t.Optional[Shape]:
    if limit is None:
        return None
    if limit.get("rate") is None:
        raise OperatorError(f"{place}.rate is missing; a limit needs its rate, for example 20mbit.")
    rate = _unit(parse_rate, limit["rate"], place + ".rate")
    ceil = None if limit.get("ceil") is None else _unit(parse_rate, limit["ceil"], place + ".ceil")
    if ceil is not None and ceil < rate:
        raise OperatorError(
            f"{place}.ceil {format_rate(ceil)} is below the rate {format_rate(rate)}; ceil is the peak while the "
            "burst lasts, so give at least the rate, or leave it out for twice the rate."
        )
    burst = None if limit.get("burst") is None else _unit(parse_size, limit["burst"], place + ".burst")
    if burst is not None and burst * 8 > MAX_BURST_SECONDS * rate:
        raise OperatorError(
            f"{place}.burst {format_size(burst)} is {burst * 8 // rate} s of {format_rate(rate)}; the kernel keeps "
            f"at most {MAX_BURST_SECONDS} s, give at most {format_size(MAX_BURST_SECONDS * rate // 8)}."
        )
    return Shape.of(rate, ceil, burst)


def _unit(parse: t.Callable[[object], int], text: object, place: str) -> int:
    try:
        return parse(text)
    except UnitError as exc:
        raise OperatorError(f"{place}: {exc}.") from None


def _parse_exempt(given: t.Sequence[object], place: str) -> tuple[Network, ...]:
    networks: dict[Network, None] = {}
    for text in given:
        written = str(text).strip()
        try:
            if "/" not in written:
                raise ValueError("no prefix length")
            network = _network(written)
        except ValueError:
            raise OperatorError(f"{place}: {_shown(text)} {_network_hint(written)}") from None
        networks[network] = None
    return in_order(networks)


def in_order(networks: t.Iterable[Network]) -> tuple[Network, ...]:
    """Networks as Ports and limits have them, so that the same ones are equal."""
    return tuple(sorted(networks, key=lambda net: (net.version, int(net.network_address), net.prefixlen)))


@functools.lru_cache(maxsize=4096)  # a host's ports lie in few networks
def _network(written: str) -> Network:
    """Parse a network or raise ValueError. ipaddress accepts any text after % as a zone, even tc statements, so the characters are checked first."""
    if not _NETWORK.match(written):
        raise ValueError(written)
    return ipaddress.ip_network(written)


def _network_hint(written: str) -> str:
    """How to correct text that isn't a network."""
    try:
        around = ipaddress.ip_interface(written).network if _NETWORK.match(written) else None
    except ValueError:
        around = None
    if around is None:
        return "isn't a network; write it as 192.0.2.0/24 or 2001:db8::/64."
    if "/" in written:
        return f"is a host's address, not a network; its network is {around}."
    return f"is a host's address, not a network; write {around} for this host only."


def _collisions(ports: t.Sequence[Port]) -> list[str]:
    """Errors for ports with the same device, since device names have only 11 characters of the id."""
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
    return "(missing)" if value is None else shown(value)
