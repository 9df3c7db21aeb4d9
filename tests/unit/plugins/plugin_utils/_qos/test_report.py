# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Summary and comparison, of results that tc_htb and tc_htb_info have given (fixtures: recorded in the lab)."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.report import comparison, summary, table

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


def test_a_table_has_amounts_to_the_right_and_no_spaces_at_the_end() -> None:
    assert table(["host", "rate", "bytes"], [["cmp01", "20mbit", "1.1 kB"], ["c2", "5mbit", ""]]) == [
        "host     rate   bytes",
        "cmp01  20mbit  1.1 kB",
        "c2      5mbit",
    ]


def test_the_summary_counts_what_was_done_and_repeats_the_refusals() -> None:
    _info, refused = recorded("trouble")
    _info, planned = recorded("other-rules")
    told = summary({"cmp01": refused, "cmp02": planned, "cmp03": None, "cmp04": {"msg": "rule 1 has no name."}})
    assert told["text"] == [
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


def test_the_summary_tells_why_on_request() -> None:
    _info, result = recorded("other-rules")
    told = summary({"cmp01": result}, why=True)["text"][2:]
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
    assert told["text"][0].split()[-4:] == ["bytes", "drops", "exempt_bytes", "differs"]
    assert told["text"][-1] == "1 more port(s) have no device on their host, or no limit, as it should be."
    assert told["problems"] == []


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


def test_ports_that_the_inventory_does_not_have_are_shown_as_such() -> None:
    info, result = recorded("other-rules")
    result["ports"] = result["ports"][1:]
    rows = comparison({"h": info}, {"h": result})["rows"]
    assert rows[2]["port"] == HYBRID
    assert rows[2]["differs"] == "not a port of the inventory, so left as it is"
    rows = comparison({"h": info}, {"h": result}, whole_hosts=False)["rows"]
    assert {row["port"] for row in rows} == {NATIVE}


def test_hosts_without_answer_and_a_dead_keeper_are_problems() -> None:
    info, result = recorded("other-rules")
    told = comparison(
        {"a": None, "b": info, "c": {**info, "keeper": "stopped", "problems": ["line 3 is damaged"]}},
        {"a": None, "b": {"msg": "rule 1 has no name."}, "c": result},
    )
    assert told["problems"] == [
        "a: no result: not reached, or failed before (see above)",
        "b: no result: rule 1 has no name.",
        "c: line 3 is damaged",
        "c: the keeper is stopped; limits will not come back by themselves",
    ]
    assert comparison({}, {})["text"] == []
