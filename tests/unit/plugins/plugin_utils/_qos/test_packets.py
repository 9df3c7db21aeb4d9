# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules that limit packets per second: how they are read, what they become, and how they are told."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Shape, parse_ports
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.backends import interfaces
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.preview import preview
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.report import comparison, summary
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook

if t.TYPE_CHECKING:
    from .conftest import PORT, MakePort
else:
    from .conftest import PORT

ALONE = {"pkts_rate": "5k"}
BOTH = {"rate": "20mbit", "pkts_rate": "50kpps", "pkts_burst": 600}


def book(limit: object, **keys: t.Any) -> RuleBook:
    return RuleBook([{"name": "r", "limit": limit, **keys}])


@pytest.mark.parametrize(
    ("limit", "egress", "ingress"),
    [
        (ALONE, {"pkts_rate": "5k"}, {"pkts_rate": "5k"}),
        ({"egress": ALONE}, {"pkts_rate": "5k"}, None),
        ({"egress": BOTH, "ingress": {"rate": "1gbit"}}, {"rate": "20mbit", "pkts_rate": "50k", "pkts_burst": "600"}, {"rate": "1gbit"}),
    ],
    ids=["the short form", "one direction", "beside a rate"],
)  # fmt: skip
def test_a_rule_gives_what_tc_htb_takes(limit: object, egress: object, ingress: object, make_port: MakePort) -> None:
    (answer,) = book(limit).answers([make_port()])
    item = answer.public()
    assert (item["egress"], item.get("ingress")) == (egress, ingress)
    [port] = parse_ports([item], "sfq")
    assert port.egress == Shape.of(**answer.limits["egress"])


def test_extra_specs_limit_packets(make_port: MakePort) -> None:
    specs = {"openstack_ops:egress_pkts_rate": "5k", "openstack_ops:ingress_rate": "20mbit"}
    (answer,) = RuleBook([]).answers([make_port(extra_specs=specs)])
    assert answer.limits == {"egress": {"pkts_rate": 5000}, "ingress": {"rate": 20_000_000}}


def test_packets_grow_with_vcpus_and_no_further_than_tc_counts(make_port: MakePort) -> None:
    port = make_port()
    port["instance"]["flavor"]["vcpus"] = 4
    (answer,) = book({**ALONE, "pkts_burst": "400m", "pkts_rate": "2m"}, per_vcpu=True).answers([port])
    assert answer.limits["egress"] == {"pkts_rate": 8_000_000, "pkts_burst": 10**9}
    parse_ports([answer.public()], "sfq")


@pytest.mark.parametrize(
    ("limit", "error"),
    [
        ({"pkts_rate": "50mbit"}, "limit.pkts_rate: '50mbit' is not a number of packets; write it like 50000, 50k or 50kpps"),
        ({"pkts_rate": 50}, "limit.pkts_rate is 50, below 125, the smallest packets of least_rate, with which an instance is as good as cut off"),
        ({"pkts_rate": "5k", "pkts_burst": 2}, "limit.pkts_burst is 2, not 5 to 1370k, as the kernel can keep beside this pkts_rate"),
        ({"rate": "1mbit", "pkts_burst": 200}, "limit.pkts_rate is missing; pkts_burst is nothing without it"),
        ({"pkts_rate": "5k", "burst": "1mb"}, "limit.rate is missing; ceil and burst are nothing without a rate"),
        ({"packets": "5k"}, "unknown key 'packets'"),
    ],
)  # fmt: skip
def test_a_typing_error_is_refused(limit: dict[str, t.Any], error: str) -> None:
    with pytest.raises(RulesError) as caught:
        book({"egress": limit})
    assert error.replace("limit.", "limit.egress.") in str(caught.value)


def test_libvirt_cannot(make_port: MakePort) -> None:
    ports = [make_port()]
    answers = RuleBook([{"name": "r", "limit": BOTH, "exempt": "none"}], backend="libvirt").answers(ports)
    with pytest.raises(RulesError, match="egress limits packets per second, which libvirt can't"):
        interfaces(
            ports,
            [answer.public() for answer in answers],
            {PORT: answers[0].limits},
            despite_vif_quota=False,
        )


def result(found: object, now: object, change: str) -> dict[str, t.Any]:
    port = {"port_id": PORT, "plug": "ovs", "why": "rule 1 'r'", "done": "changed", "reason": "", "change": change}
    return {"ports": [{**port, "found": {"egress": found, "ingress": None}, "now": {"egress": now, "ingress": None}}],
            "counts": {"changed": 1}, "restorer": "running"}  # fmt: skip


ALONE_TOLD = {**Shape.of(pkts_rate=5000).public(), "exempt": [], "leaf": "sfq"}
BOTH_TOLD = {**Shape.of(rate=20_000_000, pkts_rate=5000).public(), "exempt": [], "leaf": "sfq"}


def test_the_preview_tells_packets(make_port: MakePort) -> None:
    told = preview(book(BOTH), {"cmp01": [make_port()]}, {"cmp01": result(ALONE_TOLD, BOTH_TOLD, "changed")})
    assert told["rules"][0]["limit"] == "upload 20mbit and 50k packets/s, download 20mbit and 50k packets/s"
    assert (told["changes"][0]["from"], told["changes"][0]["to"]) == (
        "upload 5k packets/s",
        "upload 20mbit and 5k packets/s",
    )


def test_reports_tell_packets_where_there_is_such_a_limit() -> None:
    done = result(ALONE_TOLD, BOTH_TOLD, "changed")
    [*_table, answer] = summary({"cmp01": done}, why=True)["text"]
    assert (
        "upload 20mbit and 5k packets/s (ceil 40mbit, burst 25000000b, pkts_burst 500, exempt nothing): rule 1 'r'"
        in answer
    )
    counters = {"bytes": 1, "drops": 16, "exempt_bytes": 0}
    there = {"port_id": PORT, "devices": ["tapx"], "egress": {**ALONE_TOLD, **counters}, "ingress": None, "saved": None}
    info = {"ports": [there], "problems": [], "restorer": "running"}
    text = "\n".join(comparison({"cmp01": info}, {"cmp01": done})["text"])
    assert "pkts_rate" in text
    assert "should be 20mbit and 5k packets/s (ceil" in text
    plain = {**Shape.of(rate=20_000_000).public(), "exempt": [], "leaf": "sfq"}
    there = {**there, "egress": {**plain, **counters}}
    assert "pkts" not in "\n".join(
        comparison({"cmp01": {**info, "ports": [there]}}, {"cmp01": result(plain, plain, "unchanged")})["text"]
    )
