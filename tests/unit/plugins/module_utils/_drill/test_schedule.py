# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill breaks, and why it breaks nothing."""

from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import schedule

PLAY = ["ctl1", "ctl2", "ctl3", "cmp1"]
GROUPS = {"controllers": ["ctl1", "ctl2", "ctl3"], "elsewhere": ["db9"], "nobody": []}
GALERA = {"name": "galera", "unit": "mariadb", "hosts": "controllers", "redundancy": "galera"}
AGENT = {"name": "agent", "unit": "neutron-agent", "hosts": ["cmp1"], "seconds": 100, "allowed": 5}


def targets(*given: dict[str, t.Any], seconds: t.Any = 60) -> list[schedule.Target]:
    return schedule.targets(list(given), GROUPS, PLAY, seconds)


def looks(**states: str) -> dict[str, t.Any]:
    """Every host with everything active, but for HOST_COMPONENT=state."""
    found: dict[str, t.Any] = {}
    for host in PLAY:
        name = "agent" if host == "cmp1" else "galera"
        state = states.get(f"{host}_{name}", "active")
        found[host] = {"components": [{"name": name, "state": state, "why": "so it is"}], "fault": None}
    return found


def test_targets_are_components_on_hosts() -> None:
    found = targets(GALERA, AGENT)
    assert [(one.text, one.seconds, one.allowed) for one in found] == [
        ("galera on ctl1", 60, None), ("galera on ctl2", 60, None), ("galera on ctl3", 60, None), ("agent on cmp1", 100, 5.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ([], "No component is declared"),
        (["mariadb"], "A component is 'mariadb'"),
        ([{**GALERA, "hosts": []}], "galera: its hosts are empty"),
        ([{**GALERA, "hosts": "nobody"}], "'nobody' among its hosts is no host of this play and no group with hosts"),
        ([{**GALERA, "hosts": ["ctl1", "ctl9"]}], "'ctl9' among its hosts"),
        ([{**GALERA, "hosts": "elsewhere"}], "galera: db9 isn't in this play"),
        ([GALERA, GALERA], "Two components are called galera"),
        ([{**GALERA, "host": "ctl1"}], "galera: there is no option 'host'"),
        ([{**GALERA, "seconds": 0}], "galera: the fault's seconds are '0'"),
        ([{**GALERA, "allowed": "long"}], "galera: allowed is 'long'"),
        ([{**GALERA, "allowed": -1}], "galera: allowed is '-1'"),
        ([{**GALERA, "hosts": "ctl1"}], "galera on ctl1 is the only one of the redundancy 'galera'"),
    ],
)
def test_what_is_not_declared_well_is_refused(given: t.Any, error: str) -> None:
    with pytest.raises(OperatorError) as raised:
        schedule.targets(given, GROUPS, PLAY, 60)
    assert error in str(raised.value)


def test_a_component_without_seconds_needs_those_of_the_drill() -> None:
    with pytest.raises(OperatorError, match="the fault's seconds are '0'"):
        targets(GALERA, seconds=0)


def test_nothing_is_refused_where_everything_is_whole() -> None:
    assert schedule.refusals(targets(GALERA, AGENT), looks()) == []


@pytest.mark.parametrize("state", ["down", "absent", "refused", "unknown"])
def test_nothing_is_broken_where_something_already_is(state: str) -> None:
    problems = schedule.refusals(targets(GALERA, AGENT), looks(ctl2_galera=state))
    assert problems == [
        "Of the redundancy 'galera', galera on ctl2 is down already; none of the others may be broken.",
        f"galera on ctl2 is {state}: so it is. Nothing is broken where something already is.",
    ]


def test_silence_is_not_taken_for_whole() -> None:
    found = targets(GALERA, AGENT)
    assert "agent on cmp1 is unknown" in schedule.refusals(found, {**looks(), "cmp1": None})[0]
    told = looks()
    del told["cmp1"]
    assert "agent on cmp1 is unknown" in schedule.refusals(found, told)[0]
    told["cmp1"] = {"components": [], "fault": None}
    assert "agent on cmp1 is unknown" in schedule.refusals(found, told)[0]


def test_a_host_with_another_fault_refuses_all() -> None:
    told = looks()
    told["ctl3"]["fault"] = {"component": "bus", "left": 12.3, "drill": "x"}
    (problem,) = schedule.refusals(targets(GALERA, AGENT), told)
    assert "ctl3 still has the fault 'bus' of a drill, which it undoes in 12 s" in problem
    with pytest.raises(OperatorError, match="ctl3 still has"):
        schedule.refuse([problem])


def test_the_same_seed_makes_the_same_drill_in_whatever_order_it_is_declared() -> None:
    found = targets(GALERA, AGENT)
    picked = schedule.choose(found, "monday", [], 4, 600)
    shuffled = random.Random(1).sample(found, len(found))
    assert schedule.choose(shuffled, "monday", [], 4, 600) == picked
    assert len({one.text for one in picked}) == 4
    firsts = {schedule.choose(found, str(seed), [], 1, 600)[0].text for seed in range(50)}
    assert firsts == {one.text for one in found}


@pytest.mark.parametrize(("faults", "budget", "many"), [(1, 600, 1), (3, 600, 3), (9, 600, 4), (9, 130, 2), (9, 60, 1)])
def test_a_drill_keeps_its_budget(faults: int, budget: int, many: int) -> None:
    picked = schedule.choose(targets(GALERA, AGENT), "b", [], faults, budget)
    assert sum(one.seconds for one in picked) <= budget
    assert len(picked) <= many


def test_a_budget_that_nothing_fits_is_refused() -> None:
    found = targets(GALERA)
    for faults, budget in ((0, 600), (1, 0)):
        with pytest.raises(OperatorError, match="at least one of each"):
            schedule.choose(found, "a", [], faults, budget)
    with pytest.raises(OperatorError, match="the shortest takes 60 s"):
        schedule.choose(found, "a", [], 1, 59)


def test_what_is_chosen_comes_in_its_order() -> None:
    picked = schedule.choose(targets(GALERA, AGENT), "", ["agent", "galera@ctl3"], 2, 600)
    assert [one.text for one in picked] == ["agent on cmp1", "galera on ctl3"]


@pytest.mark.parametrize(
    ("chosen", "error"),
    [
        (["galera"], "'galera' is on ctl1, ctl2, ctl3; choose galera@HOST"),
        (["bus"], "No component is called 'bus'; there are agent, galera"),
        (["galera@cmp1"], "No component is called 'galera@cmp1'"),
        (["agent", "galera@ctl1"], "2 faults of 160 s are chosen, and the budget is 2 faults of 150 s"),
    ],
)
def test_what_can_not_be_chosen_is_named(chosen: list[str], error: str) -> None:
    with pytest.raises(OperatorError) as raised:
        schedule.choose(targets(GALERA, AGENT), "", chosen, 2, 150)
    assert error in str(raised.value)


@pytest.mark.parametrize(
    ("boot", "init", "container", "same"),
    [("a", "1", "", True), ("a", "2", "", True), ("a", "1", "podman", True), ("a", "2", "podman", False), ("b", "1", "", False)],
)  # fmt: skip
def test_the_machine_that_ansible_runs_on_is_known(boot: str, init: str, container: str, same: bool) -> None:
    host = {"boot_id": boot, "init": init, "container": container}
    assert schedule.itself(host, {"boot_id": "a", "init": "1"}) == same


def test_a_machine_with_two_names_is_refused() -> None:
    one, other = {"boot_id": "a", "init": "1"}, {"boot_id": "a", "init": "2"}
    assert schedule.same_machine({"ctl1": one, "ctl2": other, "ctl3": {**one, "boot_id": "b"}}) == []
    assert schedule.same_machine({"ctl1": one, "ctl2": other, "api": one}) == [
        "api, ctl1 are one machine; name it once."
    ]
