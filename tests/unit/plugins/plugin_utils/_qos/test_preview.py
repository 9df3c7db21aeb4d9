# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator learns of rules before a run: which decide nothing and why, and what would become of every limit."""

from __future__ import annotations

import typing as t
import uuid

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.limits_preview import FilterModule, limits_preview
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos import rule
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.preview import preview
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook

if t.TYPE_CHECKING:
    from .conftest import MakePort

TWENTY = {"rate": "20mbit"}
EVERYBODY = {"name": "everybody", "limit": TWENTY}
ABSENT = "00000000-0000-4000-8000-000000000000"


def look(rules: list[dict[str, t.Any]], ports: list[dict[str, t.Any]], **settings: t.Any) -> dict[str, t.Any]:
    return preview(RuleBook(rules, **settings), {"cmp01": ports}, {"cmp01": {"ports": []}})


def row(told: dict[str, t.Any], number: int) -> dict[str, t.Any]:
    found: dict[str, t.Any] = told["rules"][number - 1]
    return found


def test_each_rule_has_its_ports(make_port: MakePort) -> None:
    rules = [
        {"name": "gold", "match": {"flavor": "m1.gold"}, "limit": {"egress": {"rate": "1gbit", "ceil": "2gbit"}}},
        EVERYBODY,
    ]
    told = look(rules, [make_port(flavor="m1.gold"), make_port(), make_port()])
    assert row(told, 1) == {
        "rule": "rule 1 'gold'",
        "limit": "upload 1gbit (peak 2gbit)",
        "ports": 1,
        "matches": 1,
        "remark": "",
    }
    assert row(told, 2) == {
        "rule": "rule 2 'everybody'",
        "limit": "upload 20mbit, download 20mbit",
        "ports": 2,
        "matches": 3,
        "remark": "",
    }
    assert (told["totals"]["ports"], told["totals"]["limited"], told["totals"]["unlimited"]) == (3, 3, 0)


@pytest.mark.parametrize(
    ("match", "remark"),
    [
        ({"flavor": "m1.gld"}, "matches no port: no port has the flavor m1.gld (did you mean m1.gold?)"),
        ({"flavor": ["zzz"]}, "matches no port: no port has the flavor zzz"),
        ({"project": ABSENT}, f"matches no port: no port has the project {ABSENT}"),
        ({"network": ABSENT}, f"matches no port: no port has the network {ABSENT}"),
        ({"floating_ip": "198.51.100.0/24"}, "matches no port"),
    ],
)  # fmt: skip
def test_a_rule_that_matches_nothing_is_told(match: dict[str, t.Any], remark: str, make_port: MakePort) -> None:
    told = look([{"name": "typo", "match": match, "limit": TWENTY}, EVERYBODY], [make_port(flavor="m1.gold")])
    assert row(told, 1)["remark"] == remark
    assert f"rule 1 'typo' {remark}" in told["text"]


def test_a_rule_behind_everybody_is_never_reached(make_port: MakePort) -> None:
    told = look(
        [EVERYBODY, {"name": "gold", "match": {"flavor": "m1.gold"}, "limit": "none"}],
        [make_port(flavor="m1.gold")] * 2,
    )
    assert (
        row(told, 2)["remark"] == "never reached: of the 2 ports that it matches, rule 1 'everybody' decides 2 before"
    )


def test_ports_without_a_limit_are_counted_by_their_reason(make_port: MakePort) -> None:
    rules = [{"name": "free", "match": {"flavor": "m1.free"}, "limit": "none"}]
    sriov = {"plug": "unsupported", "unsupported_reason": "SR-IOV."}
    ports = [
        make_port(flavor="m1.free"),
        make_port(),
        make_port(),
        make_port(extra_specs={"openstack_ops:egress_rate": "5mbit"}, **sriov),
    ]
    told = look(rules, ports)
    assert [(one["ports"], one["why"]) for one in told["unlimited"]] == [
        (2, "not limited: no rule matches"),
        (1, "not limited: rule 1 'free' because flavor is m1.free"),
        (1, "unsupported: SR-IOV; otherwise limited by the extra specs of flavor m1.tiny (no rule matches)"),
    ]


def test_what_flavors_decide_has_a_row(make_port: MakePort) -> None:
    told = look([], [make_port(extra_specs={"openstack_ops:egress_rate": "5mbit"})])
    assert told["rules"] == [{"rule": "no rule", "limit": "the flavor's", "ports": 1, "matches": 1, "remark": ""}]


def one(done: str, found: str | None, now: str | None, change: str = "unchanged", **more: t.Any) -> dict[str, t.Any]:
    """A port of tc_htb's result in check mode, limited in its upload."""
    shape = {"exempt": [], "burst": "1mb"}
    return {
        "port_id": str(uuid.uuid4()),
        "done": done,
        "why": "rule 1",
        "reason": "",
        "change": change,
        "found": {"egress": found and {"rate": found, "ceil": found, **shape}, "ingress": None},
        "now": {"egress": now and {"rate": now, "ceil": now, **shape}, "ingress": None},
        **more,
    }


def test_the_worst_changes_come_first_and_all_are_counted(make_port: MakePort) -> None:
    ports = [
        one("unchanged", "20mbit", "20mbit"),
        one("created", None, "20mbit", "created"),
        one("changed", "20mbit", "30mbit", "loosened"),
        one("changed", "20mbit", "10mbit", "changed"),
        one("removed", "20mbit", None, "removed"),
        one("refused", None, None, reason="Port x: libvirt has it"),
        one("gone", None, None),
        one("kept", "20mbit", "20mbit"),
    ]
    told = preview(RuleBook([EVERYBODY]), {"cmp01": [make_port()]}, {"cmp01": {"ports": ports}}, shown=2)
    assert [change["change"] for change in told["changes"]] == ["refused", "removed", "loosened", "created", "changed"]
    assert told["changes"][0]["why"] == "Port x: libvirt has it"
    assert (told["changes"][2]["from"], told["changes"][2]["to"]) == ("upload 20mbit", "upload 30mbit")
    assert {word: told["totals"][word] for word in ("unchanged", "gone", "kept")} == dict.fromkeys(
        ("unchanged", "gone", "kept"), 1
    )
    assert told["text"][-1] == "and 3 more; preview_limits_report has them all."


def test_a_host_without_a_result_is_unknown_and_not_unchanged(make_port: MakePort) -> None:
    told = preview(RuleBook([EVERYBODY]), {"a": [make_port()], "b": [make_port()]}, {"a": None, "b": {"msg": "no tc"}})
    assert told["unknown"] == [
        "a: what a run would change isn't known: not reached, or failed before (see above)",
        "b: what a run would change isn't known: no tc",
    ]
    assert told["unknown"][0] in told["text"]
    assert told["totals"]["ports"] == 2


def test_mistakes_in_the_rules_are_errors_of_the_filter(make_port: MakePort) -> None:
    call = FilterModule().filters()["limits_preview"]
    hostvars = {"cmp01": {"instance_ports": [make_port()], "instance_qos_result": {"ports": []}}}
    assert call(["cmp01"], hostvars, [EVERYBODY], exempt="none", shown="5")["totals"]["limited"] == 1
    with pytest.raises(AnsibleFilterError, match="rule 1 'everybody': limit.rate: '20' is not a rate"):
        call(["cmp01"], hostvars, [{"name": "everybody", "limit": {"rate": "20"}}])
    with pytest.raises(AnsibleFilterError, match="unexpected keyword argument 'exmpt'"):
        call(["cmp01"], hostvars, [EVERYBODY], exmpt="none")


def test_hosts_of_another_inventory_are_named() -> None:
    with pytest.raises(AnsibleFilterError, match="no instance_ports for web01"):
        FilterModule().filters()["limits_preview"](["web01"], {"web01": {}}, [EVERYBODY])


def test_each_port_is_read_once_for_its_answer_and_once_for_the_rules(
    make_port: MakePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rules there are, and however many of them name what no port has."""
    read: list[object] = []
    plain = rule.Facts.__init__

    def counted(self: rule.Facts, port: rule.Port, compute: object = None) -> None:
        read.append(port)
        plain(self, port, compute)

    monkeypatch.setattr(rule.Facts, "__init__", counted)
    rules = [{"name": str(number), "match": {"flavor": f"m{number}"}, "limit": TWENTY} for number in range(70)]
    told = look([*rules, EVERYBODY], [make_port(flavor=f"m{number % 60}") for number in range(1000)])
    assert told["totals"]["limited"] == 1000
    assert len(read) == 2000


def test_how_many_changes_are_shown_is_a_number(make_port: MakePort) -> None:
    hostvars = {"cmp01": {"instance_ports": [make_port()], "instance_qos_result": {"ports": []}}}
    with pytest.raises(AnsibleFilterError, match=r"limits_preview: shown is 'many', not a number of rows"):
        limits_preview(["cmp01"], hostvars, [EVERYBODY], shown="many")
