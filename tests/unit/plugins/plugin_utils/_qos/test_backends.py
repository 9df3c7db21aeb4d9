# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same rules for the other backend: libvirt's units, what it can't do, what isn't ours to take away."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.filter.port_limits import port_limits
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.limits import parse_interfaces
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.report import comparison, summary
from tests.unit.plugins.plugin_utils._qos.conftest import PORT, SERVER, MakePort

QUOTA = {"quota:vif_inbound_average": "1000"}


def rule(**limit: t.Any) -> list[dict[str, t.Any]]:
    return [{"name": "all", "limit": limit}]


def call(port: dict[str, t.Any], rules: list[dict[str, t.Any]], **settings: t.Any) -> dict[str, t.Any]:
    (item,) = port_limits([port], rules, backend="libvirt", **{"exempt": "none", **settings})
    parse_interfaces([item])  # the module takes it
    return item


def test_a_rule_in_libvirt_s_units(make_port: MakePort) -> None:
    rules = rule(egress={"rate": "20mbit"}, ingress={"rate": "20mbit", "ceil": "60mbit", "burst": "1mb"})
    assert call(make_port(), rules) == {
        "port_id": PORT,
        "domain": SERVER,
        "state": "present",
        "why": "rule 1 'all', which matches every port",
        "inbound": {"average": 2500, "peak": 7500, "burst": 1024},
        "outbound": {"average": 2500, "burst": 24414},  # a policer has no peak; 10 s of the rate
    }


def test_nobody_gets_more_than_was_said(make_port: MakePort) -> None:
    item = call(
        make_port(), rule(ingress={"rate": "15999bit", "ceil": "15999bit", "burst": "2047b"}), least_rate="8bit"
    )
    assert item["inbound"] == {"average": 1, "burst": 1}


def test_a_rate_that_libvirt_does_not_know_is_refused(make_port: MakePort) -> None:
    with pytest.raises(Exception, match="ingress 7992bit is below 8kbit, the smallest rate that libvirt knows"):
        call(make_port(), rule(ingress={"rate": "7999bit"}), least_rate="8bit")


OTHERS: dict[str, tuple[dict[str, t.Any], dict[str, t.Any], str]] = {
    "as for all rules": ({}, {"exempt": "own_network"}, "rule 1 'all' exempts own_network, as for all rules, but libvirt"),
    "in the rule": ({"exempt": "own_subnets"}, {}, "rule 1 'all' exempts own_subnets but libvirt can't exempt"),
    "networks of the rule": ({"exempt_also": ["10.0.0.0/8"]}, {}, "rule 1 'all' has exempt_also, but libvirt can't exempt"),
    "networks for all": ({}, {"exempt_also": "10.0.0.0/8"}, "exempt_also is given, but libvirt can't exempt"),
}  # fmt: skip


@pytest.mark.parametrize(("more", "settings", "sentence"), OTHERS.values(), ids=OTHERS)
def test_exempt_traffic_is_refused(
    make_port: MakePort, more: dict[str, t.Any], settings: dict[str, t.Any], sentence: str
) -> None:
    with pytest.raises(Exception, match="Nothing was changed") as error:
        call(make_port(), [{**rule(egress={"rate": "1mbit"})[0], **more}], **settings)
    assert sentence in str(error.value)


def test_a_flavor_s_limit_with_exempt_traffic_is_refused(make_port: MakePort) -> None:
    port = make_port(extra_specs={"openstack_ops:egress_rate": "1mbit"})
    with pytest.raises(Exception, match="the extra specs of flavor m1.tiny .* exempts own_network, but libvirt can't"):
        call(port, [], exempt="own_network")
    assert call(port, [])["outbound"]["average"] == 125


def test_a_rule_that_limits_nothing_may_say_what_it_likes(make_port: MakePort) -> None:
    assert call(make_port(), [{"name": "free", "limit": "none"}], exempt="own_network")["state"] == "absent"


@pytest.mark.parametrize("rules", [rule(egress={"rate": "1mbit"}), [], [{"name": "free", "limit": "none"}]], ids=str)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_flavor_s_own_quota_is_not_taken_away(make_port: MakePort, rules: list[t.Any], state: str) -> None:
    port = make_port(extra_specs=QUOTA)
    assert call(port, rules, state=state)["state"] == "kept"
    expected = "present" if state == "present" and rules and rules[0]["limit"] != "none" else "absent"
    assert call(port, rules, state=state, despite_vif_quota=True)["state"] == expected


def test_a_port_that_has_left_is_looked_for_by_its_id(make_port: MakePort) -> None:
    (item,) = port_limits([], [], backend="libvirt", only_ports=[PORT])
    assert (item["state"], "domain" in item) == ("absent", False)


def _result(done: str, found: dict[str, t.Any], now: dict[str, t.Any]) -> dict[str, t.Any]:
    one = {"port_id": PORT, "device": "tapfc618310-b9", "why": "rule 1 'all'", "reason": "", "done": done}
    return {
        "interfaces": [{**one, "found": {"live": found, "config": found}, "now": {"live": now, "config": now}}],
        "counts": {done: 1},
    }


NONE = {"inbound": None, "outbound": None}
LIMITED = {
    "inbound": {"average": 2500, "peak": 5000, "burst": 1024},
    "outbound": {"average": 1000, "peak": 0, "burst": 0},
}


def test_its_results_are_summed_up_in_the_same_words() -> None:
    told = summary({"cmp01": _result("created", NONE, LIMITED)}, why=True)
    assert told["text"] == [
        "Limits: 1 port(s) limited on 1 compute(s); 1 created.",
        "host   limited  created",
        "cmp01        1        1",
        f"cmp01 {PORT}: upload 8mbit (ceil none, burst 1000kb, exempt nothing), "
        "download 20mbit (ceil 40mbit, burst 1mb, exempt nothing): rule 1 'all'",
    ]


def test_its_results_are_compared_with_the_rules() -> None:
    info = {"ports": [], "problems": [], "restorer": "absent"}
    told = comparison({"cmp01": info, "cmp02": info}, {
        "cmp01": _result("created", NONE, LIMITED), "cmp02": _result("unchanged", LIMITED, LIMITED),
    })  # fmt: skip
    assert [(row["host"], row["direction"], row["rate"], row["differs"]) for row in told["rows"]] == [
        ("cmp01", "upload", "", "should be 8mbit (ceil none, burst 1000kb, exempt nothing): rule 1 'all'"),
        ("cmp01", "download", "", "should be 20mbit (ceil 40mbit, burst 1mb, exempt nothing): rule 1 'all'"),
        ("cmp02", "upload", "8mbit", ""),
        ("cmp02", "download", "20mbit", ""),
    ]
