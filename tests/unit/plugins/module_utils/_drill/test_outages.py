# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long users noticed something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.outages import (
    Sample,
    measure,
    together,
    verdict,
)


def seen(pattern: str, begin: float = 0.0) -> list[Sample]:
    """A sample a second: + passed, - failed, a space is none. Each takes 0.1 s."""
    return [
        Sample(begin + at, begin + at + 0.1, mark == "+", "" if mark == "+" else f"why {at}")
        for at, mark in enumerate(pattern)
        if mark != " "
    ]


@pytest.mark.parametrize(
    ("pattern", "at_least", "at_most", "outages"),
    [
        ("++++++++++", 0, 0, 0),
        ("+++---++++", 2, 4, 1),
        ("+++-++++++", 0, 2, 1),
        ("++-++--+++", 1, 5, 2),
        ("---+++++++", 2, 3, 1),
        ("++++++++--", 1, None, 1),
        ("----------", 9, None, 1),
    ],
)
def test_an_outage_is_between_two_figures(pattern: str, at_least: float, at_most: float | None, outages: int) -> None:
    found = measure(seen(pattern), 0, 9.1)
    assert (found.at_least, found.at_most, len(found.outages)) == (at_least, at_most, outages)
    assert found.failed == pattern.count("-")


def test_an_outage_says_when_and_why_it_began() -> None:
    (outage,) = measure(seen("+++---++++", 100), 100, 109).outages
    assert (outage.first, outage.last, outage.before, outage.after) == (103, 105, 102, 106)
    assert outage.why == "why 3"


def test_what_was_before_the_fault_only_tells_when_it_last_passed() -> None:
    found = measure(seen("+-+--+++++"), 2.5, 9.1)
    assert (found.samples, found.failed, found.at_least, found.at_most) == (7, 2, 1, 3)


@pytest.mark.parametrize(
    ("pattern", "allowed", "word", "why"),
    [
        ("++++++++++", 0, "held", ""),
        ("+++---++++", 4, "held", "out for at most 4.0 s, 4 s were allowed"),
        ("+++---++++", 1, "missed", "out for at least 2.0 s"),
        ("+++---++++", 3, "unknown", "out for 2.0 to 4.0 s, 3 s were allowed; probe more often"),
        ("+++-++++++", 0, "missed", "0 s were allowed"),
        ("++++++++--", 900, "missed", "it hadn't recovered"),
        ("++      ++", 5, "unknown", "the probe was silent for 6.9 s"),
        ("++      ++", 8, "held", ""),
        ("          ", 900, "unknown", "the probe never ran"),
    ],
)
def test_the_verdict(pattern: str, allowed: float, word: str, why: str) -> None:
    found = verdict(measure(seen(pattern), 0, 9.1), allowed, 3)
    assert found[0] == word
    assert why in found[1]


def test_one_verdict_of_several() -> None:
    assert together([]) == "unknown"
    assert together(["held", "held"]) == "held"
    assert together(["held", "unknown"]) == "unknown"
    assert together(["unknown", "missed", "held"]) == "missed"


@given(st.text("+- ", max_size=40), st.floats(0, 50))
def test_more_allowed_is_never_worse(pattern: str, allowed: float) -> None:
    found = measure(seen(pattern), 0, 40)
    assert found.at_most is None or found.at_least <= found.at_most
    rank = ("missed", "unknown", "held")
    words = [rank.index(verdict(found, most, 3)[0]) for most in (allowed, allowed + 1, allowed + 100)]
    assert words == sorted(words)
