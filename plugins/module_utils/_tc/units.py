# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates as people write them, and sizes in tc's syntax (tc(8), PARAMETERS), exact where tc's doubles are not."""

from __future__ import annotations

import re
import typing as t
from decimal import Decimal

from .._common import shown

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+) ?([a-z/]*)\Z")

_DECIMAL = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

# In bits per second: 20mbit, 20 Mbit/s, 20M.
_RATES = {}
#: Units that tc takes for bytes but others may mean as bits; and no unit, which tc takes for bits.
_UNCLEAR = {""}
for _prefix, _factor in list(_DECIMAL.items()) + list(_BINARY.items()):
    for _unit in ("bit", "bits", "bit/s", "bits/s"):
        _RATES[_prefix + _unit] = _factor
    if _prefix:
        _RATES[_prefix] = _factor
    _UNCLEAR.update(_prefix + _unit for _unit in ("bps", "b/s", "b", "byte/s", "bytes/s"))

# In eighths of a byte, because tc's "kbit" is 1024 bits when it is a size.
_SIZES = {"": 8, "b": 8}
for _prefix, _factor in (("k", 2**10), ("m", 2**20), ("g", 2**30)):
    _SIZES[_prefix] = _SIZES[_prefix + "b"] = _factor * 8
    _SIZES[_prefix + "bit"] = _factor

_PACKETS = {prefix + unit: _DECIMAL[prefix] for prefix in ("", "k", "m") for unit in ("", "pps", "/s")}

#: The kernel keeps rates as 64 bit bytes per second; tc computes them in doubles, exact to 2^53.
MAX_RATE = 2**53
#: tc reads sizes into 32 bits.
MAX_SIZE = 2**32 - 1
#: More packets than any NIC of today passes in a second.
MAX_PACKETS = 10**9
#: Bytes of a packet with its headers, at the usual MTU.
PACKET = 1600


class UnitError(ValueError):
    """A rate or size that tc would not understand; the message says what was found and what to write."""


def _split(text: object) -> t.Optional[tuple[Decimal, str]]:
    """The number and the unit; None if the text isn't a number with a unit."""
    if isinstance(text, bool) or not isinstance(text, (str, int)) or len(str(text)) > 40:
        return None
    match = _NUMBER.match(" ".join(str(text).lower().split()))
    return (Decimal(match.group(1)), match.group(2)) if match else None


def parse_rate(text: object) -> int:
    """Return bits per second, rounded down to the whole bytes per second that the kernel keeps.

    Raises UnitError for anything that is not a rate, also without a unit or in one that may mean bytes, and for a rate
    below 8 bit/s or above 2^53 bit/s.
    """
    split = _split(text)
    if split and split[1] in _UNCLEAR:
        raise UnitError(_unclear(text, *split))
    if not split or split[1] not in _RATES:
        raise UnitError(f"{shown(text)} is not a rate; write it like 20mbit, 20 Mbit/s or 2.5gbit")
    rate = int(split[0] * _RATES[split[1]]) // 8 * 8
    if rate < 8:
        raise UnitError(f"{shown(text)} is a rate of 0, which would cut the port off; the smallest rate is 8bit")
    if rate > MAX_RATE:
        raise UnitError(f"{shown(text)} is more than tc can count; the largest rate is 9007tbit")
    return rate


def _unclear(text: object, number: Decimal, unit: str) -> str:
    """The error for a rate with an ambiguous unit, with what was probably meant."""
    amount = format(number.normalize(), "f")
    if not unit:
        return f"{shown(text)} is not a rate, it has no unit; write {amount}mbit if Mbit/s are meant, or {amount}bit"
    prefix = unit[: unit.index("b")]
    bits, octets = f"{amount}{prefix}bit", f"{format((number * 8).normalize(), 'f')}{prefix}bit"
    return f"{shown(text)} is not a rate; it may mean bits or bytes (tc takes bps for bytes): write {bits}, or {octets} if bytes are meant"


def parse_size(text: object) -> int:
    """Return bytes, rounded down. As in tc, 200mbit as a size is 200 * 131072 bytes.

    Raises UnitError for anything that is not a size, and for sizes of 0 or above 2^32 - 1 bytes.
    """
    split = _split(text)
    if not split or split[1] not in _SIZES:
        raise UnitError(f"{shown(text)} is not a size; write it as tc does, for example 200mbit, 32kb or 1514")
    size = int(split[0] * _SIZES[split[1]]) // 8
    if size < 1:
        raise UnitError(f"{shown(text)} is a size of 0; the smallest size is 1b")
    if size > MAX_SIZE:
        raise UnitError(f"{shown(text)} is more than the 4gb that tc can count")
    return size


def texts(numbers: t.Mapping[str, int]) -> dict[str, str]:
    """One direction's numbers, those that are given, as people and tc_htb's option write them.

    rate and ceil in bit/s, burst in bytes, pkts_rate in packets per second, pkts_burst in packets; 0 is none.
    """
    return {name: _FORMATS[name](number) if number else "none" for name, number in numbers.items()}


def parse_packets(text: object) -> int:
    """Return a number of packets, per second where it is a rate: 5000, 5k, 5kpps or 5k/s.

    Raises UnitError for anything else, for a fraction of a packet, 0, and more than 10^9.
    """
    split = _split(text)
    if not split or split[1] not in _PACKETS:
        raise UnitError(f"{shown(text)} is not a number of packets; write it like 50000, 50k or 50kpps")
    packets = split[0] * _PACKETS[split[1]]
    if packets != int(packets) or packets < 1:
        raise UnitError(f"{shown(text)} is not a whole number of packets; the smallest is 1")
    if packets > MAX_PACKETS:
        raise UnitError(
            f"{shown(text)} is more packets than any device passes; the most is {format_packets(MAX_PACKETS)}"
        )
    return int(packets)


def format_rate(rate: int) -> str:
    """Bits per second as the shortest text that means exactly this rate."""
    for prefix in ("t", "g", "m", "k"):
        if rate and rate % _DECIMAL[prefix] == 0:
            return f"{rate // _DECIMAL[prefix]}{prefix}bit"
    return f"{rate}bit"


def format_size(size: int) -> str:
    """Bytes as the shortest text that means exactly this size."""
    for prefix, factor in (("g", 2**30), ("m", 2**20), ("k", 2**10)):
        if size and size % factor == 0:
            return f"{size // factor}{prefix}b"
    return f"{size}b"


def format_packets(packets: int) -> str:
    """A number of packets as the shortest text that means exactly this number."""
    for prefix in ("m", "k"):
        if packets and packets % _DECIMAL[prefix] == 0:
            return f"{packets // _DECIMAL[prefix]}{prefix}"
    return str(packets)


_FORMATS: dict[str, t.Callable[[int], str]] = {
    "rate": format_rate,
    "ceil": format_rate,
    "burst": format_size,
    "pkts_rate": format_packets,
    "pkts_burst": format_packets,
}
