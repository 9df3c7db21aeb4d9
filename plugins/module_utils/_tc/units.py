# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rates and sizes in tc's own syntax (tc(8), PARAMETERS), exact where tc's doubles are not."""

from __future__ import annotations

import re
from decimal import Decimal

_NUMBER = re.compile(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)([a-z]*)\Z")

_DECIMAL = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}

# In bits per second. A number alone is bits per second, too.
_RATES = {"": 1}
for _prefix, _factor in list(_DECIMAL.items()) + list(_BINARY.items()):
    _RATES[_prefix + "bit"] = _factor
    _RATES[_prefix + "bps"] = _factor * 8

# In eighths of a byte, because tc's "kbit" is 1024 bits when it is a size.
_SIZES = {"": 8, "b": 8}
for _prefix, _factor in (("k", 2**10), ("m", 2**20), ("g", 2**30)):
    _SIZES[_prefix] = _SIZES[_prefix + "b"] = _factor * 8
    _SIZES[_prefix + "bit"] = _factor

#: The kernel keeps rates as 64 bit bytes per second; tc computes them in doubles, exact to 2^53.
MAX_RATE = 2**53
#: tc reads sizes into 32 bits.
MAX_SIZE = 2**32 - 1


class UnitError(ValueError):
    """A rate or size that tc would not understand; its text says what was found and what is wanted."""


def _parse(text: object, units: dict[str, int], kind: str, example: str) -> Decimal:
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        raise UnitError(f"{_shown(text)} is not a {kind}; write it as tc does, for example {example}")
    match = _NUMBER.match(str(text).strip().lower()) if len(str(text)) <= 40 else None
    if not match or match.group(2) not in units:
        raise UnitError(f"{_shown(text)} is not a {kind}; write it as tc does, for example {example}")
    return Decimal(match.group(1)) * units[match.group(2)]


def _shown(text: object) -> str:
    """The offending text, short enough for a sentence."""
    shown = repr(str(text))
    return shown if len(shown) <= 60 else f"{shown[:50]}...' ({len(str(text))} characters)"


def parse_rate(text: object) -> int:
    """Return bits per second, rounded down to the whole bytes per second that the kernel keeps.

    Raises UnitError for anything that is not a rate, and for a rate below 8 bit/s or above 2^53 bit/s.
    """
    rate = int(_parse(text, _RATES, "rate", "20mbit, 2.5gbit or 500kbps")) // 8 * 8
    if rate < 8:
        raise UnitError(f"{_shown(text)} is a rate of 0, which would cut the port off; the smallest rate is 8bit")
    if rate > MAX_RATE:
        raise UnitError(f"{_shown(text)} is more than tc can count; the largest rate is 9007tbit")
    return rate


def parse_size(text: object) -> int:
    """Return bytes, rounded down. As in tc, 200mbit as a size is 200 * 131072 bytes.

    Raises UnitError for anything that is not a size, and for sizes of 0 or above 2^32 - 1 bytes.
    """
    size = int(_parse(text, _SIZES, "size", "200mbit, 32kb or 1514")) // 8
    if size < 1:
        raise UnitError(f"{_shown(text)} is a size of 0; the smallest size is 1b")
    if size > MAX_SIZE:
        raise UnitError(f"{_shown(text)} is more than the 4gb that tc can count")
    return size


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
