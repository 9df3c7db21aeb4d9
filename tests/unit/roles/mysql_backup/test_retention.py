# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which backups may go: what must hold for any history, and the cases an operator would name."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.mysql_backup.files.mysql_backup.retention import Candidate, Policy, obsolete

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)

policies = st.builds(Policy, **{field.name: st.integers(0, 6) for field in fields(Policy)})
moments = st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31), timezones=st.just(timezone.utc))
# Moments in any order: clocks jump both ways, the sequence alone tells which came first.
histories = st.lists(st.tuples(moments, st.booleans(), st.booleans())).map(
    lambda rows: [
        Candidate(f"b{number}", number, taken, good, safety) for number, (taken, good, safety) in enumerate(rows)
    ]
)


def names(candidates: list[Candidate]) -> set[str]:
    return {one.name for one in candidates}


def nightly(nights: int, start: int = 0) -> list[Candidate]:
    """One backup per night, the newest last."""
    return [Candidate(f"n{number}", number, NOON + timedelta(days=number)) for number in range(start, start + nights)]


@given(histories, policies)
def test_the_newest_good_one_of_each_kind_stays(history: list[Candidate], policy: Policy) -> None:
    gone = names(obsolete(history, policy))
    for safety in (False, True):
        good = [one.name for one in history if one.good and one.safety is safety]
        assert not good[-1:] or good[-1] not in gone


@given(histories, policies)
def test_bad_ones_are_neither_removed_nor_counted(history: list[Candidate], policy: Policy) -> None:
    gone = obsolete(history, policy)
    assert all(one.good for one in gone)
    assert gone == obsolete([one for one in history if one.good], policy)


@given(histories, policies, st.integers(1, 400))
def test_failures_after_a_backup_cost_nothing(history: list[Candidate], policy: Policy, nights: int) -> None:
    failed = Candidate("failed", 10_000, NOON + timedelta(days=nights), good=False)
    assert obsolete(history, policy) == obsolete([*history, failed], policy)


@given(histories, policies)
def test_what_is_left_after_removing_stays(history: list[Candidate], policy: Policy) -> None:
    gone = names(obsolete(history, policy))
    assert obsolete([one for one in history if one.name not in gone], policy) == []


@given(histories, policies, st.sampled_from([field.name for field in fields(Policy)]), st.integers(1, 5))
def test_a_more_generous_rule_keeps_no_less(history: list[Candidate], policy: Policy, rule: str, more: int) -> None:
    if rule != "safety" and not any(getattr(policy, field.name) for field in fields(Policy) if field.name != "safety"):
        return  # from "keep everything" any rule is a restriction
    generous = replace(policy, **{rule: getattr(policy, rule) + more})
    assert names(obsolete(history, generous)) <= names(obsolete(history, policy))


@given(histories, policies)
def test_count_is_kept_when_there_are_that_many(history: list[Candidate], policy: Policy) -> None:
    good = [one for one in history if one.good and not one.safety]
    kept = names(good) - names(obsolete(history, policy))
    assert len(kept) >= min(policy.count, len(good))


def test_no_rule_keeps_everything() -> None:
    assert obsolete(nightly(50), Policy()) == []


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        pytest.param(Policy(days=7), 7, id="seven days are seven nights"),
        pytest.param(Policy(count=3), 3, id="the last three"),
        pytest.param(Policy(days=2, count=5), 5, id="what any rule wants"),
        pytest.param(Policy(daily=4), 4, id="one for each of four days"),
        pytest.param(Policy(weekly=3), 3, id="one for each of three weeks"),
        pytest.param(Policy(monthly=12), 2, id="two months have passed"),
    ],
)
def test_forty_nights(policy: Policy, kept: int) -> None:
    history = nightly(40)
    assert len(history) - len(obsolete(history, policy)) == kept


def test_a_period_is_kept_by_its_newest() -> None:
    hours = [Candidate(f"h{hour}", hour, NOON + timedelta(hours=hour)) for hour in range(20)]
    assert names(hours) - names(obsolete(hours, Policy(daily=2))) == {"h11", "h19"}


def test_a_clock_set_back_a_day_makes_no_backup_old() -> None:
    history = nightly(7)
    late = Candidate("late", 7, NOON + timedelta(days=5))
    assert names(obsolete([*history, late], Policy(days=7))) == set()


def test_a_clock_a_year_ahead_leaves_what_count_wants() -> None:
    ahead = Candidate("ahead", 7, NOON + timedelta(days=365))
    assert len(obsolete([*nightly(7), ahead], Policy(days=7, count=7))) == 1


def test_safety_dumps_have_a_rule_of_their_own() -> None:
    safety = [Candidate(f"s{number}", 100 + number, NOON, safety=True) for number in range(5)]
    history = nightly(3)
    assert names(obsolete(history + safety, Policy(count=3, safety=2))) == {"s0", "s1", "s2"}


def test_states_of_a_moment_push_out_no_safety_dump() -> None:
    undo = Candidate("undo", 100, NOON, safety=True)
    tried = [Candidate(f"m{number}", 101 + number, NOON, safety=True, moment=True) for number in range(5)]
    assert names(obsolete([*nightly(2), undo, *tried], Policy(count=3, safety=3))) == {"m0", "m1"}


def test_one_wrong_clock_does_not_remove_what_is_older() -> None:
    history = [*nightly(30), Candidate("wrong", 30, NOON + timedelta(days=4500))]
    kept = names(history) - names(obsolete(history, Policy(days=7)))
    assert kept == {*(f"n{number}" for number in range(24, 30)), "wrong"}


def test_halves_push_nothing_out_and_only_their_newest_stays() -> None:
    whole = nightly(3)
    halves = [
        Candidate(f"h{number}", 3 + number, NOON + timedelta(days=3 + number), good=False, half=True)
        for number in range(10)
    ]
    assert names(obsolete([*whole, *halves], Policy(count=2))) == {"n0", *(f"h{number}" for number in range(9))}
