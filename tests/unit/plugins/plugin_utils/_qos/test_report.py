# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Summary and comparison, of results that tc_htb and tc_htb_info have given (fixtures: recorded in the lab)."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.limits_comparison import limits_comparison
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.report import comparison, summary

HYBRID = "fc618310-b936-4247-a5e4-2389a9d8c50e"
NATIVE = "00bb9833-3608-4297-8d9d-185f0b3ef6bc"
FOREIGN = (
    "tapfc618310-b9 has a tbf qdisc 8011: made by hand or by another tool. Nothing was changed on this port; "
    "remove that, or set takeover: true to have it replaced by this limit."
)


def recorded(name: str) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """The (info, result) of one host."""
    both = json.loads((Path(__file__).parent / "fixtures" / f"{name}.json").read_text())
    return both["info"], both["result"]


def run(name: str) -> dict[str, t.Any]:
    """The same result from a run: show_limits, which recorded it, says itself that it changes nothing."""
    return {**recorded(name)[1], "changed": True}


def test_the_summary_counts_what_was_done_and_repeats_the_refusals() -> None:
    _info, refused = recorded("trouble")
    planned = run("other-rules")
    told = summary({"cmp01": refused, "cmp02": planned, "cmp03": None, "cmp04": {"msg": "rule 1 has no name."}})
    assert told["text"] == [
        "Limits: 2 port(s) limited on 2 compute(s); 1 changed, 1 removed, 1 unchanged, 1 gone, 1 refused; 2 compute(s) without a result.",
        "host   limited  changed  removed  unchanged  gone  refused",
        "cmp01        1        0        0          0     1        1",
        "cmp02        1        1        1          1     0        0",
        "cmp03        0        0        0          0     0        0",
        "cmp04        0        0        0          0     0        0",
        f"cmp01: Port {HYBRID}: {FOREIGN}",
        "cmp03: no result: not reached, or failed before (see above)",
        "cmp04: rule 1 has no name.",
    ]
    assert told["hosts"]["cmp02"] == {
        "limited": 1,
        "counts": {"changed": 1, "removed": 1, "unchanged": 1},
        "problems": [],
    }
    assert told["hosts"]["cmp03"]["problems"]


def test_what_a_refused_run_has_only_planned_is_not_said_to_be_done() -> None:
    _info, result = recorded("other-rules")
    told = summary({"cmp01": {**result, "changed": False}, "cmp02": {**result, "changed": True}})
    assert [host for host, figures in told["hosts"].items() if not figures["counts"]] == ["cmp01"]
    assert "cmp01: no result: not reached, or failed before (see above)" in told["text"]


def test_a_compute_without_a_result_has_no_totals() -> None:
    assert (
        summary({"cmp01": None})["text"][0]
        == "Limits: 0 port(s) limited on 0 compute(s); 1 compute(s) without a result."
    )


def test_of_many_computes_those_where_something_changes_are_listed() -> None:
    still = {"ports": [{"now": {"egress": {}, "ingress": {"rate": "1mbit"}}, "done": "unchanged", "reason": ""}]}
    quiet = {**still, "counts": {"unchanged": 1}}
    results: dict[str, t.Any] = {f"cmp{number:02}": quiet for number in range(60)}
    assert len(summary(results)["text"]) == 62
    results["cmp60"] = {**still, "counts": {"changed": 1}}
    told = summary(results)
    assert told["text"] == [
        "Limits: 61 port(s) limited on 61 compute(s); 1 changed, 60 unchanged.",
        "host   limited  changed  unchanged",
        "cmp60        1        1          0",
        "and 60 computes with 60 limited ports where nothing changes",
    ]
    assert len(told["hosts"]) == 61


def test_the_summary_tells_why_on_request() -> None:
    result = run("other-rules")
    told = summary({"cmp01": result}, why=True)["text"][3:]
    assert told == [
        f"cmp01 {HYBRID}: not limited: no rule matches",
        f"cmp01 {NATIVE}: upload 3mbit (ceil 6mbit, burst 3750000b, exempt nothing): rule 1 'x' because flavor is m1.tiny",
        "cmp01 10bb9833-3608-4297-8d9d-185f0b3ef6bd: not limited: no rule matches",
    ]
    _info, result = recorded("trouble")
    assert summary({"cmp01": result}, why=True)["text"][-1].startswith(f"cmp01 {NATIVE}: gone: rule 2 'everybody'")


def test_the_comparison_shows_each_direction_with_its_counters_and_what_it_should_be() -> None:
    info, result = recorded("other-rules")
    told = comparison({"cmp01": info}, {"cmp01": result})
    assert [(row["port"], row["direction"], row["rate"], row["bytes"], row["differs"]) for row in told["rows"]] == [
        (
            NATIVE,
            "upload",
            "5mbit",
            560,
            "should be 3mbit (ceil 6mbit, burst 3750000b, exempt nothing): rule 1 'x' because flavor is m1.tiny",
        ),
        (NATIVE, "download", "5mbit", 980, "should not be limited: rule 1 'x' because flavor is m1.tiny"),
        (HYBRID, "upload", "20mbit", 420, "should not be limited: no rule matches"),
        (HYBRID, "download", "20mbit", 1050, "should not be limited: no rule matches"),
    ]
    assert told["text"][0] == "Limits: 4 on 1 compute(s), 4 not as the rules want them, 0 that dropped packets."
    assert told["text"][1].split()[-4:] == ["bytes", "drops", "exempt_bytes", "differs"]
    assert told["text"][-1] == "1 more port(s) have no device on their host, or no limit, as it should be."
    assert told["problems"] == []


def _counted(rows: int, *, differs: t.Collection[int] = ()) -> dict[str, t.Any]:
    """So many ports; the one by the number n has dropped n packets."""
    info, result = recorded("trouble")
    pattern_info, pattern = info["ports"][1], result["ports"][0]
    pattern.update(done="unchanged", reason="")
    info["ports"], result["ports"] = [], []
    for number in range(rows):
        port_id = f"{number:08x}{HYBRID[8:]}"
        egress = {**pattern_info["egress"], "drops": number}
        saved = None if number in differs else pattern_info["saved"]
        info["ports"].append({**pattern_info, "port_id": port_id, "egress": egress, "saved": saved})
        result["ports"].append({**pattern, "port_id": port_id})
    return {"infos": {"h": info}, "results": {"h": result}}


def test_of_many_limits_those_that_differ_are_shown_first() -> None:
    hosts = _counted(1000, differs={7, 990})
    told = comparison(**hosts, shown=5)
    assert told["text"][0] == "Limits: 1000 on 1 compute(s), 2 not as the rules want them, 999 that dropped packets."
    assert [line.split()[1][:8] for line in told["text"][2:-1]] == [
        "00000007",
        "000003de",
        "00000000",
        "00000001",
        "00000002",
    ]
    assert told["text"][-1] == "and 995 more; show_limits_shown=0 shows all."
    assert len(told["rows"]) == 1000
    assert len(comparison(**hosts)["text"]) == 1002


def test_what_dropped_most_comes_first_where_that_is_asked_for() -> None:
    told = comparison(**_counted(20, differs={3}), sort="drops", shown=3)
    assert [row["drops"] for row in told["rows"]][:3] == [19, 18, 17]
    assert [line.split()[1][:8] for line in told["text"][2:-1]] == ["00000003", "00000013", "00000012"]


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ({"sort": "dropz"}, "sort is 'dropz', not one of host, drops, bytes"),
        ({"shown": "some"}, "shown is 'some', not a number"),
        ({"shown": -1}, "shown is '-1'"),
    ],
)
def test_options_of_the_table_are_checked(option: dict[str, t.Any], problem: str) -> None:
    with pytest.raises(AnsibleFilterError, match=problem):
        limits_comparison([], {}, **option)


def test_the_comparison_repeats_refusals_and_passes_over_ports_without_device() -> None:
    info, result = recorded("trouble")
    told = comparison({"cmp01": info}, {"cmp01": result})
    assert [(row["port"], row["direction"], row["burst"], row["differs"]) for row in told["rows"]] == [
        (HYBRID, "upload", "1mb", FOREIGN),
        (HYBRID, "download", "", FOREIGN),
    ]
    assert told["text"][-1].startswith("1 more port(s) have no device on their host")


def test_a_limit_that_is_not_saved_differs() -> None:
    info, result = recorded("trouble")
    port = result["ports"][0]
    port.update(done="unchanged", reason="")
    assert [row["differs"] for row in comparison({"h": info}, {"h": result})["rows"]] == [""]
    info["ports"][1]["saved"] = None
    assert [row["differs"] for row in comparison({"h": info}, {"h": result})["rows"]] == [
        "not saved like this on the host, so lost with the device or at a reboot"
    ]
    port.update(done="adopted")
    assert [row["differs"] for row in comparison({"h": info}, {"h": result})["rows"]] == [
        "to be adopted: made by an older tool"
    ]


def test_of_what_differs_a_run_mends_some_and_somebody_has_to_look_at_some() -> None:
    info, result = recorded("other-rules")
    assert {row["wrong"] for row in comparison({"h": info}, {"h": result})["rows"]} == {"run"}
    result["ports"][0].update(done="kept", why="unsupported")
    result["ports"] = result["ports"][:1]
    assert {row["wrong"] for row in comparison({"h": info}, {"h": result})["rows"]} == {""}
    info, result = recorded("trouble")
    assert [row["wrong"] for row in comparison({"h": info}, {"h": result})["rows"]] == ["refused", "refused"]


def test_ports_that_keep_what_they_have_are_shown_as_such() -> None:
    info, result = recorded("other-rules")
    result["ports"][0].update(done="kept", why="unsupported: a vhost-user socket")
    rows = comparison({"h": info}, {"h": result})["rows"]
    assert {row["differs"] for row in rows if row["port"] == HYBRID} == {
        "left as it is: unsupported: a vhost-user socket"
    }


def test_a_port_without_a_limit_that_nobody_decided_is_a_problem() -> None:
    reason = f"Port {HYBRID} has no limit, and keeps that: undecided: it depends on the flavor"
    info, result = recorded("other-rules")
    nothing = {"egress": None, "ingress": None}
    info["ports"] = [port for port in info["ports"] if port["port_id"] != HYBRID]
    result["ports"] = [port for port in result["ports"] if port["port_id"] != NATIVE]
    result["ports"][0].update(done="kept", why="undecided", reason=reason, found=nothing, now=nothing)
    told = comparison({"h": info}, {"h": result})
    assert told["problems"] == [f"h: {reason}"]
    assert f"h: {reason}" in summary({"h": {**result, "changed": True}})["text"]


def test_ports_that_the_inventory_does_not_have_are_shown_as_such() -> None:
    info, result = recorded("other-rules")
    result["ports"] = result["ports"][1:]
    rows = comparison({"h": info}, {"h": result})["rows"]
    assert rows[2]["port"] == HYBRID
    assert rows[2]["differs"] == "not a port of the inventory, so left as it is"
    rows = comparison({"h": info}, {"h": result}, whole_hosts=False)["rows"]
    assert {row["port"] for row in rows} == {NATIVE}


def test_hosts_without_answer_and_a_dead_restorer_are_problems() -> None:
    info, result = recorded("other-rules")
    told = comparison(
        {"a": None, "b": info, "c": {**info, "restorer": "stopped", "problems": ["line 3 is damaged"]}},
        {"a": None, "b": {"msg": "rule 1 has no name."}, "c": result},
    )
    assert told["problems"] == [
        "a: no result: not reached, or failed before (see above)",
        "b: no result: rule 1 has no name.",
        "c: line 3 is damaged",
        "c: the restorer is stopped; limits will not come back by themselves",
    ]
    assert comparison({}, {})["text"] == []
