# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs from beginning to end: what is asked of Nova, in which order, and what an interrupted run leaves to the next."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain import move, run
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.model import LIVE, Step
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.move import Pace
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.report import diff, lines
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.run import Options, Result
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query
from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._drain.world import Killed, World

A, B, C = (f"{one * 8}-0000-4000-8000-000000000000" for one in "abc")
OURS = "openstack_ops.day2 drain: maintenance"


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(run, "Cloud", lambda _query, _host: made)
    monkeypatch.setattr(move, "_POLL", 0)
    monkeypatch.setattr(run, "_POLL", 0)
    return made


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def act(world: World, said: list[str], tmp_path: Path) -> t.Callable[..., Result]:
    """drain or give_back; keywords are those of Options and Pace."""

    def act(what: t.Callable[..., Result], *, check: bool = False, **given: t.Any) -> Result:
        pace = {key: given.pop(key) for key in ("parallel", "timeout", "stop_on_failure", "cold") if key in given}
        options = Options(world.host, str(tmp_path / "record.json"), pace=Pace(**pace), **given)
        return what(Query(), options, check_mode=check, say=said.append)

    return act


Act = t.Callable[..., Result]


def verdicts(result: Result) -> dict[str, str]:
    return {one.server: one.verdict for one in result.moved}


def test_a_drain_and_its_return(world: World, act: Act, said: list[str]) -> None:
    world.add(A)
    world.add(B, "SHUTOFF")
    predicted = act(run.drain, check=True, cold=True)
    assert world.asked == []
    made = act(run.drain, cold=True)
    assert (made.plan.texts, diff("cmp01", made)) == (predicted.plan.texts, diff("cmp01", predicted))
    assert world.asked == ["service disabled", f"live {A}", f"cold {B}", f"confirm {B}"]
    assert (world.state.status, world.state.reason) == ("disabled", OURS)
    assert verdicts(made) == {A: "moved", B: "moved"}
    assert made.remaining == []
    assert f"{A}: moved to cmp02 (0 s)" in said

    world.asked.clear()
    again = act(run.drain, cold=True)
    assert not again.plan.changed
    assert world.asked == []

    back = act(run.give_back, servers=True, cold=True)
    assert world.asked == ["service enabled", f"live {A} to cmp01", f"cold {B} to cmp01", f"confirm {B}"]
    assert verdicts(back) == {A: "moved", B: "moved"}
    assert {one.host for one in world.there.values()} == {"cmp01"}
    world.asked.clear()
    assert not act(run.give_back, servers=True, cold=True).plan.changed
    assert world.asked == []


def test_refusals_are_told_before_anything_changes(world: World, act: Act, tmp_path: Path) -> None:
    world.add(A)
    world.add(B, "SHUTOFF")
    world.add(C)
    world.nowhere = {C: "finds no other compute (cmp02: no room)"}
    for check in (True, False):
        with pytest.raises(
            OperatorError, match=r"2 of the servers of cmp01 can't be moved: .*Nothing was changed"
        ) as told:
            act(run.drain, check=check)
        assert f"{B} is stopped" in str(told.value)
        assert f"{C} finds no other compute" in str(told.value)
    assert world.asked == []
    assert list(tmp_path.iterdir()) == []


def test_partial_moves_the_rest_and_a_second_run_changes_nothing(world: World, act: Act) -> None:
    world.add(A)
    world.add(B, "ERROR")
    made = act(run.drain, partial=True)
    assert verdicts(made) == {A: "moved"}
    assert made.remaining == [f"{B} is ERROR: look after it first (openstack server show tells its fault)"]
    assert made.failures == []
    assert not act(run.drain, partial=True).plan.changed


def test_no_more_at_once_than_allowed(world: World, act: Act) -> None:
    for number in range(7):
        world.add(f"{number}" * 8 + "-0000-4000-8000-000000000000")
    act(run.drain, parallel=3)
    assert world.most == 3
    assert world.servers() == []


def test_a_failure_is_named_with_novas_fault_and_the_rest_goes_on(world: World, act: Act) -> None:
    for one in (A, B, C):
        world.add(one)
    world.fails, world.refuses = {A}, {B}
    made = act(run.drain, parallel=1)
    assert verdicts(made) == {A: "failed", B: "failed", C: "moved"}
    assert made.failures[0] == f"{A}: its migration ended as error: 'No valid host was found.'."
    assert "HTTP 409" in made.failures[1]
    assert made.remaining == [f"{A} is still there", f"{B} is still there"]
    # The next run tries both again.
    world.fails, world.refuses = set(), set()
    assert verdicts(act(run.drain)) == {A: "moved", B: "moved"}


def test_an_api_that_is_restarted_meanwhile_is_waited_for(world: World, act: Act) -> None:
    world.add(A)
    world.silent = 9
    assert verdicts(act(run.drain)) == {A: "moved"}


def test_an_api_that_stays_away_is_told_and_the_migration_left_to_the_next_run(world: World, act: Act) -> None:
    world.add(A)
    world.silent = 10
    made = act(run.drain)
    assert made.failures == [f"{A}: how far it is isn't known: Nova's /servers can't be reached."]
    assert verdicts(act(run.drain)) == {A: "moved"}
    assert world.asked.count(f"live {A}") == 1


def test_somebody_elses_live_migration_away_is_waited_for_and_brought_back(world: World, act: Act) -> None:
    world.add(A)
    world.start(Step(A, LIVE, "cmp01"))
    made = act(run.drain)
    assert verdicts(made) == {A: "moved"}
    assert world.asked == [f"live {A}", "service disabled"]
    assert verdicts(act(run.give_back, servers=True)) == {A: "moved"}


def test_that_placement_cannot_be_asked_is_not_taken_for_empty(
    world: World, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    def allocations() -> set[str]:
        raise OperatorError("The catalog has no Placement.")

    monkeypatch.setattr(world, "allocations", allocations)
    assert act(run.drain).remaining == ["whether it is empty isn't known: The catalog has no Placement"]


def test_stop_on_failure_begins_no_more(world: World, act: Act) -> None:
    for one in (A, B, C):
        world.add(one)
    world.fails = {A}
    assert verdicts(act(run.drain, parallel=1, stop_on_failure=True)) == {A: "failed", B: "refused", C: "refused"}


def test_a_migration_that_takes_too_long_is_left_to_the_next_run(world: World, act: Act) -> None:
    world.add(A)
    world.never = {A}
    made = act(run.drain, timeout=0)
    assert made.failures == [f"{A}: not ended after 0 s; it goes on, and the next run waits for it."]
    world.never = set()
    world._pending[A] = 2
    world.asked.clear()
    assert verdicts(act(run.drain)) == {A: "moved"}
    assert world.asked == []


@pytest.mark.parametrize("after", [2, 3])
def test_a_killed_run_is_ended_by_the_next_and_nothing_is_begun_twice(world: World, act: Act, after: int) -> None:
    world.add(A)
    world.add(B, "SHUTOFF")
    world.killed_after = after
    with pytest.raises(Killed):
        act(run.drain, cold=True)
    # Meanwhile Nova goes on.
    for one in list(world._pending):
        world._pending[one] = 1
        world.server(one)
    made = act(run.drain, cold=True)
    begun = [one for one in world.asked if one.startswith(("live", "cold"))]
    assert sorted(begun) == sorted([f"live {A}", f"cold {B}"])
    assert world.there[B].status == "SHUTOFF"
    assert world.servers() == []
    assert made.remaining == []
    assert verdicts(act(run.give_back, servers=True, cold=True)) == {A: "moved", B: "moved"}


def test_a_server_that_arrives_late_leaves_as_well(world: World, tmp_path: Path) -> None:
    world.add(A)
    world.add(B, host="cmp09")

    def say(text: str) -> None:
        if text.startswith(f"{A}: moved"):
            world.change(B, host="cmp01")

    made = run.drain(Query(), Options("cmp01", str(tmp_path / "record.json")), check_mode=False, say=say)
    assert verdicts(made) == {A: "moved", B: "moved"}


def test_somebody_elses_disable_stays(world: World, act: Act) -> None:
    world.add(A)
    world.state = dataclasses.replace(world.state, status="disabled", reason="broken fan")
    made = act(run.drain)
    assert world.asked == [f"live {A}"]
    assert made.plan.notes == [
        "nova-compute on cmp01 was disabled by somebody else ('broken fan'); that stays, also when the host is returned."
    ]
    world.asked.clear()
    back = act(run.give_back)
    assert not back.plan.changed
    assert "stays disabled, for somebody else disabled it ('broken fan')" in back.plan.notes[0]
    with pytest.raises(OperatorError, match=r"nova-compute stays disabled by somebody else .*Enable it first"):
        act(run.give_back, servers=True)
    assert world.asked == []


def test_a_host_that_is_down_is_not_drained(world: World, act: Act) -> None:
    world.add(A)
    world.state = dataclasses.replace(world.state, up=False, forced_down=True)
    with pytest.raises(OperatorError, match=r"is down \(forced down\), so its 1 servers can't be migrated"):
        act(run.drain)
    world.there.clear()
    assert act(run.drain).plan.changed  # empty, it needs no migration
    with pytest.raises(OperatorError, match="is forced down; clear that first"):
        act(run.give_back)
    assert world.state.status == "disabled"


def test_a_host_is_enabled_only_when_it_is_up(world: World, act: Act) -> None:
    world.state = dataclasses.replace(world.state, status="disabled", reason=OURS, up=False)
    with pytest.raises(OperatorError, match="is still down after 0 s, so it stays disabled"):
        act(run.give_back, timeout=0)
    assert world.asked == []


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"host": "cmp03"}, "is on cmp03 now and not on cmp02"),
        ({"image": "other"}, "was rebuilt from another image since"),
        ({"lock": "mine"}, "is locked ('mine')"),
    ],
)
def test_servers_that_changed_since_are_not_brought_back(
    world: World, act: Act, change: dict[str, str], why: str
) -> None:
    world.add(A)
    act(run.drain)
    world.asked.clear()
    world.change(A, **change)
    with pytest.raises(OperatorError) as told:
        act(run.give_back, servers=True)
    assert f"{A} {why}" in str(told.value)
    assert world.asked == []
    act(run.give_back, servers=True, partial=True)
    assert world.asked == ["service enabled"]


def test_servers_that_are_deleted_since_are_no_matter(world: World, act: Act) -> None:
    world.add(A)
    act(run.drain)
    del world.there[A]
    back = act(run.give_back, servers=True)
    assert back.moved == []
    assert world.state.status == "enabled"


def test_a_failed_attempt_to_bring_back_can_be_repeated(world: World, act: Act) -> None:
    world.add(A)
    act(run.drain)
    world.fails = {A}
    assert act(run.give_back, servers=True).failures
    world.fails = set()
    assert verdicts(act(run.give_back, servers=True)) == {A: "moved"}


def test_without_a_record_servers_are_not_brought_back(world: World, act: Act) -> None:
    world.state = dataclasses.replace(world.state, status="disabled", reason=OURS)
    with pytest.raises(OperatorError, match=r"There is no record .*record.json of what was moved away from cmp01"):
        act(run.give_back, servers=True)
    assert act(run.give_back).plan.changed


def test_the_next_drain_forgets_the_last_one(world: World, act: Act, tmp_path: Path) -> None:
    world.add(A)
    act(run.drain)
    act(run.give_back)
    world.add(B)
    act(run.drain)
    assert list(json.loads((tmp_path / "record.json").read_text())["servers"]) == [B]


def test_only_out_of_scheduling(world: World, act: Act, tmp_path: Path) -> None:
    world.add(A)
    made = act(run.drain, migrate=False)
    assert world.asked == ["service disabled"]
    assert made.plan.changed
    assert made.remaining == []
    assert (tmp_path / "record.json").exists()
    assert not act(run.drain, migrate=False).plan.changed


def test_servers_return_when_placement_offers_the_host_again(world: World, act: Act) -> None:
    world.add(A)
    act(run.drain)
    world.marked = 3
    assert [one.verdict for one in act(run.give_back, servers=True).moved] == ["moved"]
    assert world.marked < 0


def test_none_returns_while_placement_keeps_the_host_out(
    world: World, act: Act, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add(A)
    act(run.drain)
    world.asked.clear()
    world.marked = 10**9
    with pytest.raises(OperatorError, match="Placement still has it as disabled after 0 s"):
        act(run.give_back, servers=True, timeout=0)
    assert world.asked == ["service enabled"]


def test_what_placement_keeps_is_told(world: World, act: Act, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_PLACEMENT", 0)
    world.held = {C}
    assert act(run.drain).remaining == [
        f"Placement still has allocations of {C}, a server or a migration that Nova doesn't list there"
    ]


def test_the_report_has_totals_first(world: World, act: Act) -> None:
    world.add(A)
    world.add(B, "ERROR")
    assert lines("cmp01", act(run.drain, check=True, partial=True), check_mode=True) == [
        f"cmp01: 1 planned, 1 refused; nova-compute would be disabled ({OURS}).",
        f"{'server':36}  from   to  how   seconds  verdict",
        f"{A}  cmp01  -   live        0  planned",
        f"{B}         -   -           0  refused: is ERROR: look after it first (openstack server show tells its fault)",
    ]
    made = lines("cmp01", act(run.drain, partial=True), check_mode=False)
    assert made[0] == f"cmp01: 1 moved, 1 refused; nova-compute disabled ({OURS})."
    assert made[2] == f"{A}  cmp01  cmp02  live        0  moved"
    assert made[4] == f"Remains: {B} is ERROR: look after it first (openstack server show tells its fault)."
