# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import (
    UnitError,
    format_rate,
    format_size,
    parse_rate,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("20mbit", 20_000_000),
        ("20MBit", 20_000_000),
        ("2.5gbit", 2_500_000_000),
        (".5mbit", 500_000),
        ("1mibit", 1_048_576),
        ("20 Mbit/s", 20_000_000),
        ("20 Mbits/s", 20_000_000),
        ("20M", 20_000_000),
        (" 20  mbit ", 20_000_000),
        ("64k", 64_000),
        ("1 Gibit/s", 2**30),
        ("1000000bit", 1_000_000),
        ("1234567bit", 1_234_560),
        ("40gbit", 40_000_000_000),
    ],
)
def test_rates_as_people_write_them(text: object, rate: int) -> None:
    assert parse_rate(text) == rate
    assert parse_rate(format_rate(rate)) == rate


@pytest.mark.parametrize(
    ("text", "size"),
    [("200mbit", 200 * 131072), ("32kb", 32768), ("32k", 32768), ("1514", 1514), ("1514b", 1514), ("1g", 2**30),
     ("8kbit", 1024), ("1.5m", 1572864)],
)  # fmt: skip
def test_sizes_as_tc_reads_them(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    "text",
    ["", "mbit", "-5mbit", "20 m bit", "1e3", "0x10", "20%", "٣mbit", "20mbit/", "20/s", "20mbit/h", "20min", None, True, 1.5, "9" * 41],
)  # fmt: skip
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(UnitError, match="is not a rate; write it like 20mbit, 20 Mbit/s or 2.5gbit"):
        parse_rate(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("20", "'20' is not a rate, it has no unit; write 20mbit if Mbit/s are meant, or 20bit"),
        (20, "'20' is not a rate, it has no unit; write 20mbit if Mbit/s are meant, or 20bit"),
        ("1000000", "has no unit"),
        ("20mbps", "'20mbps' is not a rate; it may mean bits or bytes (tc takes bps for bytes): write 20mbit, or 160mbit if bytes are meant"),
        ("20 Mbps", "write 20mbit, or 160mbit if bytes are meant"),
        ("2.50MB/s", "write 2.5mbit, or 20mbit if bytes are meant"),
        ("20 Mb/s", "write 20mbit, or 160mbit if bytes are meant"),
        ("500kb", "write 500kbit, or 4000kbit if bytes are meant"),
        ("1kibps", "write 1kibit, or 8kibit if bytes are meant"),
        ("100bps", "write 100bit, or 800bit if bytes are meant"),
    ],
)  # fmt: skip
def test_what_may_be_something_else_is_refused_with_what_was_probably_meant(text: object, meant: str) -> None:
    with pytest.raises(UnitError) as error:
        parse_rate(text)
    assert meant in str(error.value)


def test_bounds_are_told() -> None:
    with pytest.raises(UnitError, match="the smallest rate is 8bit"):
        parse_rate("7bit")
    with pytest.raises(UnitError, match="the largest rate is"):
        parse_rate("9008tbit")
    with pytest.raises(UnitError, match="the smallest size is 1b"):
        parse_size("0")
    with pytest.raises(UnitError, match="more than the 4gb"):
        parse_size("4gb")
