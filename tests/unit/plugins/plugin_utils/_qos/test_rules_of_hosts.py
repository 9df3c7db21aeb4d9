# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that ask where an instance runs, and rates for each of its vCPUs."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.filter.limits_preview import limits_preview
from ansible_collections.openstack_ops.day2.plugins.filter.port_limits import port_limits
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import parse_ports
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook

from .conftest import limits_of

if t.TYPE_CHECKING:
    from .conftest import MakePort

COMPUTE = {"host": "cmp01", "availability_zone": "az1", "aggregates": ["rack1", "ssd"]}
TWENTY = {"egress": {"rate": "20mbit"}, "ingress": {"rate": "20mbit"}}


def _rule(match: dict[str, t.Any] | None = None, **more: t.Any) -> dict[str, t.Any]:
    return {"name": "gold", "match": match or {}, "limit": TWENTY, **more}


@pytest.mark.parametrize(
    ("match", "reason"),
    [
        ({"host": "cmp01"}, "host is cmp01"),
        ({"aggregate": "ssd"}, "aggregate is ssd"),
        ({"aggregate": ["ssd", "rack1", "rack9"]}, "aggregate is rack1, ssd"),
        ({"availability_zone": "az1", "flavor": "m1.tiny"}, "flavor is m1.tiny and availability_zone is az1"),
        ({"host": "cmp02"}, None),
        ({"host": "CMP01"}, None),
        ({"aggregate": "rack2"}, None),
        ({"aggregate": []}, None),
        ({"availability_zone": ["az2", "nova"]}, None),
    ],
)
def test_a_rule_matches_by_where_an_instance_runs(
    match: dict[str, t.Any], reason: str | None, make_port: MakePort
) -> None:
    (answer,) = RuleBook([_rule(match)]).answers([make_port()], COMPUTE)
    assert answer.why == (f"rule 1 'gold' because {reason}" if reason else "not limited: no rule matches")


def test_a_compute_in_no_aggregate_is_known_to_be_in_none(make_port: MakePort) -> None:
    (answer,) = RuleBook([_rule({"aggregate": "ssd"})]).answers([make_port()], {**COMPUTE, "aggregates": []})
    assert answer.decision == "unlimited"


@pytest.mark.parametrize("compute", [None, "cmp01", {}, {"host": None, "availability_zone": None}])
@pytest.mark.parametrize("key", ["host", "aggregate", "availability_zone"])
def test_where_nobody_says_where_it_runs_a_port_keeps_what_it_has(
    key: str, compute: object, make_port: MakePort
) -> None:
    (answer,) = RuleBook([_rule({key: "ssd"})]).answers([make_port()], compute)
    assert answer.public()["state"] == "kept"
    assert f"rule 1 'gold' asks for the {key}" in answer.why

    # Or gets what the first rule gives that doesn't ask for it.
    last = _rule(limit={"egress": {"rate": "1mbit"}})
    (answer,) = RuleBook([_rule({key: "ssd"}), last]).answers([make_port()], compute)
    assert (answer.last_resort, limits_of(answer)) == (True, {"egress": {"rate": "1mbit"}})


@pytest.mark.parametrize("value", [5, None, ["rack1", {}]])
def test_a_name_that_is_no_text_is_refused(value: object, make_port: MakePort) -> None:
    with pytest.raises(RulesError, match=r"rule 1 'gold': match.aggregate is .*; write it in quotes"):
        RuleBook([_rule({"aggregate": value})])


def _sized(make_port: MakePort, vcpus: int | None) -> dict[str, t.Any]:
    port = make_port()
    port["instance"]["flavor"]["vcpus"] = vcpus
    return port


def test_a_rate_for_each_vcpu_grows_with_the_flavor(make_port: MakePort) -> None:
    limit = {"egress": {"rate": "10mbit", "ceil": "20mbit", "burst": "1mb"}, "ingress": {"rate": "500kbit"}}
    book = RuleBook([_rule(limit=limit, per_vcpu=True)])
    one, four = book.answers([_sized(make_port, 1), _sized(make_port, 4)])
    assert limits_of(one) == limit
    assert one.why.endswith("for 1 vCPU")
    assert limits_of(four) == {
        "egress": {"rate": "40mbit", "ceil": "80mbit", "burst": "4mb"},
        "ingress": {"rate": "2mbit"},
    }
    assert four.why == "rule 1 'gold', which matches every port, for 4 vCPUs"


def test_a_rate_for_many_vcpus_is_no_more_than_tc_can_count(make_port: MakePort) -> None:
    """Or one large instance would fail the run of its whole host."""
    limit = {"egress": {"rate": "1000gbit", "ceil": "2tbit", "burst": "200mb"}}
    (answer,) = RuleBook([_rule(limit=limit, per_vcpu=True)]).answers([_sized(make_port, 10_000)])
    (port,) = parse_ports([answer.public()], "sfq")
    assert port.egress is not None
    assert (port.egress.burst, port.egress.ceil) == (2**32 - 1, 2**53)


@pytest.mark.parametrize("vcpus", [None, 0])
def test_a_rate_for_vcpus_that_nobody_counted_is_not_guessed(vcpus: int | None, make_port: MakePort) -> None:
    by_vcpu = _rule(per_vcpu=True)
    (answer,) = RuleBook([by_vcpu]).answers([_sized(make_port, vcpus)])
    assert answer.public()["state"] == "kept"
    assert "asks for the number of vCPUs" in answer.why
    (answer,) = RuleBook([by_vcpu, _rule(limit={"egress": {"rate": "1mbit"}})]).answers([make_port()])
    assert (answer.last_resort, limits_of(answer)) == (True, {"egress": {"rate": "1mbit"}})


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"per_vcpu": "yes"}, "rule 1 'gold': per_vcpu is 'yes', neither true nor false"),
        ({"per_vcpu": True, "limit": "none"}, "rule 1 'gold': per_vcpu is true, but its limit is none"),
        ({"per_vcpu": True, "limit": "flavor"}, "rule 1 'gold': per_vcpu is true, but its limit is flavor"),
    ],
)
def test_per_vcpu_counts_for_rates_of_the_rule_alone(more: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(RulesError) as caught:
        RuleBook([{**_rule(), **more}])
    assert caught.value.problems[0].startswith(problem)


def test_the_filters_take_the_compute_of_each_host(make_port: MakePort) -> None:
    rules = [_rule({"aggregate": "ssd"}, per_vcpu=True), {**_rule({"aggregate": "sdd"}), "name": "typo"}]
    (item,) = port_limits([_sized(make_port, 2)], rules, compute=COMPUTE)
    assert item["egress"] == {"rate": "40mbit"}
    hostvars = {
        "a": {"instance_ports": [_sized(make_port, 2)], "compute": COMPUTE, "instance_qos_result": {"ports": []}},
        "b": {"instance_ports": [_sized(make_port, 2)], "compute": {**COMPUTE, "aggregates": []}},
    }
    told = limits_preview(hostvars, hostvars, rules)
    assert [(row["ports"], row["remark"]) for row in told["rules"]] == [
        (1, ""),
        (0, "matches no port: no port has the aggregate sdd (did you mean ssd?)"),
    ]
    assert told["rules"][0]["limit"] == "upload 20mbit per vCPU, download 20mbit per vCPU"
