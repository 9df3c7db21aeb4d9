# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired state: ports with a limit per direction. Pure: opens nothing, imports nothing from Ansible."""

from __future__ import annotations

import functools
import ipaddress
import re
import typing as t
from dataclasses import asdict, dataclass, replace

from .._common import UUID, OperatorError, first_of, shown
from .times import TimeError, format_time, parse_time
from .units import (
    MAX_SIZE,
    UnitError,
    format_packets,
    format_rate,
    format_size,
    parse_packets,
    parse_rate,
    parse_size,
    texts,
)

PLUGS = ("ovs_hybrid", "bridge", "ovs", "ovn")
LEAVES = ("sfq", "fq_codel", "pfifo", "none")

#: psched stores a burst as time at the rate, in 32 bits of 64 ns.
MAX_BURST_SECONDS = 274

_NETWORK = re.compile(r"[0-9A-Fa-f.:/]+\Z")
_WHY_LENGTH = 1000
VLAN_IDS = range(1, 4095)

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


@dataclass(frozen=True)
class Shape:
    """One direction's limit. Only public() makes text of it, for people.

    rate and ceil in bit/s, burst in bytes, all 0 where bytes aren't limited; pkts_rate in packets per second and pkts_burst in packets,
    both 0 where packets aren't limited.
    """

    rate: int
    ceil: int
    burst: int
    pkts_rate: int = 0
    pkts_burst: int = 0

    @classmethod
    def of(
        cls,
        rate: int = 0,
        ceil: t.Optional[int] = None,
        burst: t.Optional[int] = None,
        pkts_rate: int = 0,
        pkts_burst: t.Optional[int] = None,
    ) -> Shape:
        """A limit with defaults for what is left out: ceil is twice the rate, burst 10 s of it, pkts_burst 0.1 s and 32 at least."""
        packets = max(pkts_rate // 10, 32) if pkts_rate else 0
        return cls(
            rate,
            2 * rate if ceil is None else ceil,
            min(rate // 8 * 10, MAX_SIZE) if burst is None else burst,
            pkts_rate,
            packets if pkts_burst is None else pkts_burst,
        )

    def public(self) -> dict[str, str]:
        """The numbers as text; without those of packets where these aren't limited."""
        told = asdict(self)
        return texts(told if self.pkts_rate else {name: told[name] for name in ("rate", "ceil", "burst")})


@dataclass(frozen=True)
class Vlan:
    """What is exempt under the tag of a VLAN, whose traffic a trunk's parent port carries."""

    id: int
    exempt: tuple[Network, ...]


@dataclass(frozen=True)
class Phase:
    """Limits that follow when others have ended, and when they end themselves (in seconds since 1970), if they do."""

    egress: t.Optional[Shape] = None
    ingress: t.Optional[Shape] = None
    exempt: tuple[Network, ...] = ()
    vlans: tuple[Vlan, ...] = ()
    why: str = ""
    until: t.Optional[int] = None


@dataclass(frozen=True)
class Port:
    """An instance's port and its desired limits, as seen from the instance: egress is what it sends.

    A kept port is left as it is, even by a purge. A last resort applies only to a port that has no limit. Limits that end (until, in seconds
    since 1970) are followed by those of afterwards, in their order; each of these but the last ends, too.
    """

    port_id: str
    plug: str
    egress: t.Optional[Shape] = None
    ingress: t.Optional[Shape] = None
    exempt: tuple[Network, ...] = ()
    vlans: tuple[Vlan, ...] = ()
    leaf: str = "sfq"
    why: str = ""
    kept: bool = False
    last_resort: bool = False
    until: t.Optional[int] = None
    afterwards: tuple[Phase, ...] = ()

    @property
    def limited(self) -> bool:
        return self.egress is not None or self.ingress is not None

    @property
    def lasting(self) -> bool:
        """Whether it is limited, or going to be."""
        return self.limited or any(phase.egress or phase.ingress for phase in self.afterwards)

    def at(self, now: float) -> Port:
        """The port with the limits that count at this time, in seconds since 1970; itself where none of them has ended."""
        port = self
        while port.until is not None and port.until <= now:
            phase, *later = port.afterwards
            port = replace(
                port,
                egress=phase.egress,
                ingress=phase.ingress,
                exempt=phase.exempt,
                vlans=phase.vlans,
                why=phase.why,
                until=phase.until,
                afterwards=tuple(later),
            )
        return port

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


@dataclass(frozen=True)
class Form:
    """How numbers are written: from one direction's limit, or the end of limits, and its place in errors, to numbers."""

    shape: t.Callable[[t.Mapping[str, t.Any], str], Shape]
    until: t.Callable[[object, str], int]


def parse_port(entry: t.Mapping[str, t.Any], leaf: str, place: str, form: t.Optional[Form] = None) -> Port:
    """Turn an entry of the option into a Port; place names it in errors until its port_id is known to be valid.

    form is for numbers that aren't written as in the option.

    Raises OperatorError for what can't be a port, or a limit.
    """
    port_id = check_port_id(entry.get("port_id"), f"{place}: port_id")
    plug = entry.get("plug")
    if plug not in PLUGS:
        raise OperatorError(f"Port {port_id}: plug {_shown(plug)} is not one of {', '.join(PLUGS)}.")
    who = f"Port {port_id}"
    if entry.get("state", "present") != "present":
        return Port(port_id, plug, leaf=leaf, why=_parse_why(entry, who), kept=entry["state"] == "kept")
    form = form or _OPTION
    first = _parse_phase(entry, f"{who}: ", form)
    port = Port(
        port_id,
        plug,
        egress=first.egress,
        ingress=first.ingress,
        exempt=first.exempt,
        vlans=first.vlans,
        leaf=leaf,
        why=first.why,
        last_resort=bool(entry.get("last_resort")),
        until=first.until,
        afterwards=_parse_afterwards(entry.get("afterwards") or [], first.until, who, form),
    )
    if not port.lasting:
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


def _parse_phase(entry: t.Mapping[str, t.Any], place: str, form: Form) -> Phase:
    egress, ingress, until = (entry.get(key) for key in ("egress", "ingress", "until"))
    return Phase(
        egress=None if egress is None else form.shape(egress, f"{place}egress"),
        ingress=None if ingress is None else form.shape(ingress, f"{place}ingress"),
        exempt=_parse_exempt(entry.get("exempt") or [], f"{place}exempt"),
        vlans=_parse_vlans(entry.get("vlans") or [], f"{place}vlans"),
        why=_parse_why(entry, place.rstrip(".: ")),
        until=None if until is None else form.until(until, f"{place}until"),
    )


def _parse_afterwards(
    entries: t.Sequence[t.Mapping[str, t.Any]], until: t.Optional[int], who: str, form: Form
) -> tuple[Phase, ...]:
    """The phases after the first one, which ends at until. Behind the last end that is given, the port isn't limited."""
    phases = [
        _parse_phase(entry, f"{who}: afterwards[{number}].", form) for number, entry in enumerate(entries, start=1)
    ]
    end, place = until, ""
    for number, phase in enumerate(phases, start=1):
        if end is None:
            raise OperatorError(
                f"{who}: {place}until is missing; say when the limits end that afterwards[{number}] follows."
            )
        place = f"afterwards[{number}]."
        if phase.until is not None and phase.until <= end:
            raise OperatorError(f"{who}: {place}until isn't after the until before it; give the ends in their order.")
        end = phase.until
    if end is not None:
        phases.append(Phase(why=f"not limited since {format_time(end)}"))
    return tuple(phases)


def _parse_why(entry: t.Mapping[str, t.Any], place: str) -> str:
    why = str(entry.get("why") or "")
    if len(why) > _WHY_LENGTH:
        raise OperatorError(f"{place}: why has {len(why)} characters; the limit is {_WHY_LENGTH}.")
    return why


def _parse_until(written: object, place: str) -> int:
    try:
        return parse_time(written)
    except TimeError as exc:
        raise OperatorError(f"{place}: {exc}.") from None


def _parse_shape(limit: t.Mapping[str, t.Any], place: str) -> Shape:
    if limit.get("rate") is None and limit.get("pkts_rate") is None:
        raise OperatorError(f"{place} has neither rate nor pkts_rate; a limit needs one, for example rate: 20mbit.")
    return Shape.of(**_parse_bytes(limit, place), **_parse_packets(limit, place))


def _parse_bytes(limit: t.Mapping[str, t.Any], place: str) -> dict[str, t.Any]:
    """Shape.of's rate, ceil and burst."""
    if limit.get("rate") is None:
        return _nothing_without("rate", ("ceil", "burst"), limit, place)
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
    return {"rate": rate, "ceil": ceil, "burst": burst}


def _parse_packets(limit: t.Mapping[str, t.Any], place: str) -> dict[str, t.Any]:
    """Shape.of's pkts_rate and pkts_burst."""
    if limit.get("pkts_rate") is None:
        return _nothing_without("pkts_rate", ("pkts_burst",), limit, place)
    rate = _unit(parse_packets, limit["pkts_rate"], place + ".pkts_rate")
    if limit.get("pkts_burst") is None:
        return {"pkts_rate": rate}
    burst = _unit(parse_packets, limit["pkts_burst"], place + ".pkts_burst")
    least, most = pkts_burst_bounds(rate)
    if not least <= burst <= most:
        raise OperatorError(
            f"{place}.pkts_burst {format_packets(burst)} doesn't fit a pkts_rate of {format_packets(rate)}; the kernel keeps it as a time, "
            f"so give {format_packets(least)} to {format_packets(most)}, or leave it out for a tenth of a second."
        )
    return {"pkts_rate": rate, "pkts_burst": burst}


def pkts_burst_bounds(pkts_rate: int) -> tuple[int, int]:
    """The smallest and the largest bucket. tc rounds its time down to a microsecond: a bucket of one packet might never be full."""
    return max(2, pkts_rate // 1000), MAX_BURST_SECONDS * pkts_rate


def _nothing_without(needed: str, names: t.Sequence[str], limit: t.Mapping[str, t.Any], place: str) -> dict[str, t.Any]:
    for name in names:
        if limit.get(name) is not None:
            raise OperatorError(f"{place}.{name} is given without {needed}; give {needed}, or leave {name} out.")
    return {}


_OPTION = Form(_parse_shape, _parse_until)


def _unit(parse: t.Callable[[object], int], text: object, place: str) -> int:
    try:
        return _number(parse, text) if isinstance(text, str) else parse(text)
    except UnitError as exc:
        raise OperatorError(f"{place}: {exc}.") from None


@functools.lru_cache(maxsize=4096)  # a host's ports have few limits
def _number(parse: t.Callable[[object], int], text: str) -> int:
    return parse(text)


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


def _parse_vlans(given: t.Sequence[t.Mapping[str, t.Any]], place: str) -> tuple[Vlan, ...]:
    vlans: dict[int, Vlan] = {}
    for number, entry in enumerate(given, start=1):
        where, vlan = f"{place}[{number}]", entry.get("id")
        if isinstance(vlan, bool) or not isinstance(vlan, int) or vlan not in VLAN_IDS:
            raise OperatorError(f"{where}.id {_shown(vlan)} isn't the id of a VLAN; give a number from 1 to 4094.")
        if vlan in vlans:
            raise OperatorError(f"{where}.id {vlan} is listed twice; merge the two entries.")
        vlans[vlan] = Vlan(vlan, _parse_exempt(entry.get("exempt") or [], f"{where}.exempt"))
    return tuple(vlan for _id, vlan in sorted(vlans.items()))


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
