# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules with an end: what a port gets now, what follows, and who says that a rule has ended."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.filter.limits_comparison import limits_comparison
from ansible_collections.openstack_ops.day2.plugins.filter.port_limits import port_limits
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Phase, Port, Shape, parse_ports
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.preview import preview
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook

from .conftest import PORT

if t.TYPE_CHECKING:
    from .conftest import MakePort

NOW = 1798110000  # 2026-12-24T11:00:00Z
SOON, LATER = "2026-12-24T13:00+01:00", "2026-12-24T18:00+01:00"
SOON_UTC, LATER_UTC = "2026-12-24T12:00:00Z", "2026-12-24T17:00:00Z"
EVERYBODY = {"name": "everybody", "limit": {"egress": {"rate": "20mbit"}}}


def boost(rate: str = "1gbit", until: str = SOON, **more: t.Any) -> dict[str, t.Any]:
    return {"name": "boost", "match": {"port": PORT}, "limit": {"egress": {"rate": rate}}, "until": until, **more}


def item(port: dict[str, t.Any], *rules: dict[str, t.Any], now: float = NOW) -> dict[str, t.Any]:
    (answer,) = RuleBook(rules, exempt="none", now=now).answers([port])
    return answer.public()


def taken(one: dict[str, t.Any], now: float) -> Port:
    """The port as the module takes it at this time."""
    return parse_ports([one], "sfq")[0].at(now)


def test_what_follows_a_boost_is_the_limit_of_the_next_rule(make_port: MakePort) -> None:
    assert item(make_port(), boost(), EVERYBODY) == {
        "port_id": PORT,
        "plug": "ovs_hybrid",
        "state": "present",
        "egress": {"rate": "1gbit"},
        "exempt": [],
        "why": f"rule 1 'boost' because port is {PORT}, until {SOON_UTC}",
        "until": SOON_UTC,
        "afterwards": [
            {"egress": {"rate": "20mbit"}, "exempt": [], "why": "rule 2 'everybody', which matches every port"}
        ],
    }


@pytest.mark.parametrize(
    "rules",
    [
        [boost(), EVERYBODY],
        [boost()],
        [boost(), boost("500mbit", LATER), EVERYBODY],
        [boost("500mbit", LATER), boost(), EVERYBODY],
        [boost(limit="none"), EVERYBODY],
        [boost(), {**boost(), "limit": "none", "until": LATER}, EVERYBODY],
        [boost(exempt="own_network"), EVERYBODY],
    ],
)
def test_a_run_after_an_end_wants_what_the_host_has_by_then(rules: list[dict[str, t.Any]], make_port: MakePort) -> None:
    """With its reason, whatever follows whatever: nothing would be changed."""
    first = item(make_port(), *rules)
    for seconds in (0, 3599, 3600, 6 * 3600 - 1, 6 * 3600, 10**6):
        there, wanted = taken(first, NOW + seconds), taken(item(make_port(), *rules, now=NOW + seconds), NOW + seconds)
        if wanted.lasting:
            assert there == wanted, seconds
        else:
            assert not there.lasting, seconds


def test_ends_follow_each_other_and_what_changes_nothing_is_left_out(make_port: MakePort) -> None:
    port = taken(
        item(make_port(), boost(), boost("500mbit", LATER), boost("20mbit", "2027-01-01T00:00Z"), EVERYBODY), NOW
    )
    assert (port.egress, port.until) == (Shape.of(10**9), NOW + 3600)
    assert [(phase.egress, phase.until) for phase in port.afterwards] == [
        (Shape.of(500 * 10**6), NOW + 6 * 3600),
        (Shape.of(20 * 10**6), None),
    ]
    # A rule behind the one that decides to the end of it counts for nothing.
    assert "until" not in item(make_port(), EVERYBODY, boost())


def test_a_port_that_no_end_concerns_has_none(make_port: MakePort) -> None:
    other = make_port(port_id=PORT.replace("f", "0"))
    assert "until" not in item(other, boost(), EVERYBODY)


def test_a_rule_that_has_ended_matches_nothing(make_port: MakePort) -> None:
    past = boost(until="2020-01-01T00:00Z")
    assert item(make_port(), past, EVERYBODY)["egress"] == {"rate": "20mbit"}
    (by_the_clock,) = port_limits([make_port()], [past, EVERYBODY], exempt="none")
    assert by_the_clock["egress"] == {"rate": "20mbit"}


def test_what_is_undecided_afterwards_keeps_what_it_has(make_port: MakePort) -> None:
    port = make_port()
    port["instance"]["flavor"]["extra_specs"] = None
    assert "afterwards" not in item(port, boost(), {"name": "flavor", "limit": "flavor"})


def test_not_limited_until_an_end(make_port: MakePort) -> None:
    port = taken(item(make_port(), boost(limit="none"), EVERYBODY), NOW)
    assert not port.limited
    assert port.lasting
    assert port.afterwards == (Phase(Shape.of(20 * 10**6), why="rule 2 'everybody', which matches every port"),)


@pytest.mark.parametrize(
    ("until", "message"),
    [
        ("2026-12-24T18:00", "has no zone; write 2026-12-24T18:00Z if UTC is meant"),
        ("tonight", "'tonight' is not a time; write it like 2026-12-24T18:00+01:00"),
        (5, "is not a time"),
    ],
)
def test_error_an_end_that_is_no_moment(until: object, message: str) -> None:
    with pytest.raises(RulesError, match="rule 1 'boost': until: ") as raised:
        RuleBook([boost(until=t.cast("str", until))])
    assert message in str(raised.value)


def test_error_libvirt_ends_nothing(make_port: MakePort) -> None:
    with pytest.raises(RulesError, match="rule 1 'boost' has until, but libvirt can't end a limit by itself"):
        RuleBook([boost()], exempt="none", backend="libvirt", now=NOW)
    RuleBook([boost()], exempt="none", backend="libvirt", now=NOW + 10**6)


def test_ends_are_told(make_port: MakePort) -> None:
    """By the preview and by show_limits: the rule can be taken out."""
    past = boost(until="2020-01-01T00:00Z")
    told = preview(RuleBook([past, boost(), EVERYBODY], now=NOW), {"cmp01": [make_port()]}, {"cmp01": {"ports": []}})
    ended = "ended at 2020-01-01T00:00:00Z and matches no port any more; take it out of the rules"
    assert (told["rules"][0]["ports"], told["rules"][0]["matches"], told["rules"][0]["remark"]) == (0, 0, ended)
    assert told["rules"][1]["limit"] == f"upload 1gbit until {SOON_UTC}"
    assert told["rules"][1]["remark"] == ""
    compared = limits_comparison([], {}, rules=[past, EVERYBODY])
    assert compared["text"][-1] == f"rule 1 'boost' {ended}."


def test_many_boosts_are_judged_for_their_own_ports_alone(make_port: MakePort) -> None:
    """A hundred boosts and a thousand ports: each port is judged at the ends of its own."""
    boosts = [
        boost(until=f"2027-01-{1 + number % 28:02d}T00:00Z", match={"port": f"{number:08x}" + PORT[8:]})
        for number in range(100)
    ]
    book = RuleBook([*boosts, EVERYBODY], exempt="none", now=NOW)
    judged: list[float] = []
    plain = book._answer
    book._answer = lambda port, facts, now: (judged.append(now), plain(port, facts, now))[1]  # type: ignore[method-assign,func-returns-value]
    answers = book.answers([make_port(port_id=f"{number:08x}" + PORT[8:]) for number in range(1000)])
    assert sum(bool(answer.later) for answer in answers) == 100
    assert len(judged) == 1100
