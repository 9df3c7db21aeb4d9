# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator wants of NICs in libvirt's own units. Pure: opens nothing, imports nothing from Ansible.

Directions are libvirt's, seen from the instance: inbound is what it receives (Neutron's ingress), outbound what it sends.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._common import UUID, OperatorError, first_of
from .._tc.ports import MAX_BURST_SECONDS

#: libvirt's parameters are unsigned ints of 32 bits.
_MOST = 2**32 - 1
#: libvirt writes "average kbps" into its tc statement, and tc's k is 1000 there; "burst kb" is 1024 bytes.
AVERAGE_UNIT, BURST_UNIT = 1000, 1024
#: Bits a second in a unit of averages and peaks.
AVERAGE_BITS = AVERAGE_UNIT * 8
_DIRECTIONS = ("inbound", "outbound")
_NUMBERS = ("average", "peak", "burst")

_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")


@dataclass(frozen=True)
class Rate:
    """One direction's limit: average and peak in 1000 bytes a second, burst in KiB. 0: not given."""

    average: int
    peak: int = 0
    burst: int = 0

    def public(self) -> dict[str, int]:
        return {"average": self.average, "peak": self.peak, "burst": self.burst}


@dataclass(frozen=True)
class Limits:
    """Both directions; None is not limited."""

    inbound: t.Optional[Rate] = None
    outbound: t.Optional[Rate] = None

    @property
    def any(self) -> bool:
        return self.inbound is not None or self.outbound is not None

    def public(self) -> dict[str, t.Any]:
        return {
            "inbound": self.inbound.public() if self.inbound else None,
            "outbound": self.outbound.public() if self.outbound else None,
        }

    def parameters(self) -> dict[str, int]:
        """What libvirt's setInterfaceParameters takes; zeros take a limit away."""
        both = {"inbound": self.inbound or Rate(0), "outbound": self.outbound or Rate(0)}
        return {
            f"{direction}.{number}": value for direction in both for number, value in both[direction].public().items()
        }


@dataclass(frozen=True)
class DesiredInterface:
    """One NIC, named by its place in a domain, its MAC or its port, and its wanted limits.

    A NIC that is kept is left as it is.
    """

    domain: str
    nic: int
    mac: str
    port_id: str
    limits: Limits
    why: str = ""
    kept: bool = False

    @property
    def called(self) -> str:
        """What messages call it."""
        which = f"NIC {self.nic}" if self.nic else self.mac or f"port {self.port_id}"
        return f"{self.domain}, {which}" if self.domain else f"{which[0].upper()}{which[1:]}"


def parse_interfaces(written: t.Sequence[t.Mapping[str, t.Any]]) -> list[DesiredInterface]:
    """Parse the module's option. Raises OperatorError with a message for each interface that isn't understood."""
    interfaces: list[DesiredInterface] = []
    problems: list[str] = []
    for position, one in enumerate(written, start=1):
        try:
            interfaces.append(_parse(one, f"interfaces[{position}]"))
        except OperatorError as exc:
            problems.append(str(exc))
    if problems:
        raise OperatorError(first_of(problems))
    return interfaces


def _parse(one: t.Mapping[str, t.Any], place: str) -> DesiredInterface:
    domain = str(one.get("domain") or "").strip()
    nic, mac, port_id = one.get("nic"), _low(one.get("mac")), _low(one.get("port_id"))
    if sum((nic is not None, bool(mac), bool(port_id))) != 1:
        raise OperatorError(f"{place}: say which NIC is meant by one of nic, mac and port_id.")
    if nic is not None and (nic < 1 or not domain):
        raise OperatorError(f"{place}: nic {nic} is not a place in a domain; give the domain, and 1 for its first NIC.")
    if mac and not _MAC.match(mac):
        raise OperatorError(f"{place}: mac '{mac[:40]}' is not a MAC address; write it as fa:16:3e:2e:1d:9b.")
    if port_id and not UUID.match(port_id):
        raise OperatorError(
            f"{place}: port_id '{port_id[:40]}' isn't a port id; Neutron's ids are UUIDs, so give all 36 characters."
        )
    desired = DesiredInterface(domain, nic or 0, mac, port_id, Limits(), str(one.get("why") or ""))
    state = one.get("state", "present")
    if state != "present":
        return DesiredInterface(domain, nic or 0, mac, port_id, Limits(), desired.why, kept=state == "kept")
    limits = Limits(*(_rate(one.get(direction), f"{desired.called}: {direction}") for direction in _DIRECTIONS))
    if not limits.any:
        raise OperatorError(
            f"{desired.called}: neither inbound nor outbound is given; name the direction to limit, "
            "or set state: absent to remove its limits."
        )
    return DesiredInterface(domain, nic or 0, mac, port_id, limits, desired.why)


def _low(text: object) -> str:
    return str(text or "").strip().lower()


def _rate(written: t.Optional[t.Mapping[str, t.Any]], place: str) -> t.Optional[Rate]:
    if written is None:
        return None
    average, peak, burst = (written.get(number) for number in _NUMBERS)
    if average is None:
        raise OperatorError(f"{place}.average is missing; peak and burst are nothing without it.")
    for number, value in zip(_NUMBERS, (average, peak, burst)):
        if value is not None and not 1 <= value <= _MOST:
            raise OperatorError(f"{place}.{number} is {value}; libvirt takes whole numbers from 1 to {_MOST}.")
    if peak is not None and peak < average:
        raise OperatorError(
            f"{place}.peak {peak} is below the average {average}; peak is the rate while the burst lasts, so give at "
            "least the average, or leave it out."
        )
    most = most_burst(average)
    if burst is not None and burst > most:
        raise OperatorError(
            f"{place}.burst {burst} is more than {MAX_BURST_SECONDS} s of {average} kB/s, which is all that the kernel "
            f"keeps; give at most {most}."
        )
    return Rate(average, peak or 0, burst or 0)


def most_burst(average: int) -> int:
    """The largest burst in KiB that the kernel keeps at this average: it counts it as time, and tc in 32 bits of bytes."""
    return min(MAX_BURST_SECONDS * average * AVERAGE_UNIT // BURST_UNIT, (2**32 - 1) // BURST_UNIT)
