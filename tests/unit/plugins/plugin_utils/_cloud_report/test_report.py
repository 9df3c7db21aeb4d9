# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the report of a whole cloud says of hosts and files: never fine by silence, the worst first, whatever a host answers."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime, timezone

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._cloud_report import report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._cloud_report.evidence import Evidence
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._cloud_report.model import (
    STATES,
    Host,
    Limits,
    duration,
)

NOW = datetime(2026, 11, 30, 2, 0, tzinfo=timezone.utc)
HOUR, DAY = 3600, 86400
HOSTILE = "</script>\x1b[31m{{ lookup('pipe', 'id') }}\n" + "x" * 2000

LIMITS = {
    "limited": 5, "saved": 5, "unsaved": 0, "missing": 0, "missing_ports": [], "unreadable": 0, "restorer": "running",
}  # fmt: skip
VOLUME = {"path": "/var/lib/nova/instances", "size": 1000, "free": 500, "files": 100, "files_free": 90}
LOGS = {"looked_age": 30, "active": True, "told": [], "seconds_left": {"certificate": 300 * DAY, "ca": 900 * DAY}}
BACKUPS = {
    "name": "db1", "copies": True, "run": {"state": "good", "message": "Made it.", "started_age": 3700, "ended_age": HOUR, "warned": 0},
    "good": {"backup": "b", "ended_age": HOUR, "size": 5, "number": 7}, "copied": {"ended_age": HOUR},
    "verified": {"backup": "b", "ended_age": DAY, "good": True, "message": ""}, "restore": None,
}  # fmt: skip
AUDIT = {
    "taken": "2026-11-29T02:00:00Z", "summary": {"critical": 0, "warning": 0, "info": 1}, "findings": [], "servers": 9,
    "nodes": [{"host": "cmp01", "unknown": {}}],
    "room": {"unknown": "", "flavors": [{"name": "m1", "fits": 50, "unknown": {}}],
             "computes": [{"name": "cmp01", "usable": True, "failure": {"absorbed": True, "left": [], "instances": 9}}]},
}  # fmt: skip
CEPH = {"taken": "2026-11-29T02:00:00Z", "hosts": ["cmp01"], "wrong": [], "problems": []}


def compute(name: str = "cmp01", **parts: t.Any) -> Host:
    found = {"limits": LIMITS, "volume": VOLUME, "logs_node": LOGS, "unknown": {}, **parts}
    return Host(name, compute=True, database=False, silent="", found=found)


def database(name: str = "db1", **changes: t.Any) -> Host:
    found = {"backups": {**BACKUPS, **changes}, "unknown": {}}
    return Host(name, compute=False, database=True, silent="", found=found)


def made(*hosts: Host, unknown: str = "", limit: Limits | None = None, **proofs: t.Any) -> dict[str, t.Any]:
    audit = Evidence("audit.json", proofs.get("audit", AUDIT), unknown)
    ceph = Evidence("ceph.json", proofs.get("ceph", CEPH), unknown)
    return report.report(hosts or (compute(), database()), audit, ceph, limit or Limits(), NOW)


def section(found: dict[str, t.Any], name: str) -> dict[str, t.Any]:
    return next(t.cast("dict[str, t.Any]", one) for one in found["sections"] if one["name"] == name)


def told(found: dict[str, t.Any], name: str) -> list[tuple[str, str, str]]:
    return [(row["state"], row["subject"], row["text"]) for row in section(found, name)["rows"]]


def test_a_cloud_in_which_all_is_well_is_ok() -> None:
    found = made()
    assert [one["line"] for one in found["sections"] if one["state"] != "ok"] == []
    assert found["verdict"] == "OK: all 9 parts were looked at, and none needs a look."
    assert (found["state"], found["silent"], found["hosts"]) == ("ok", [], 2)


def test_a_cloud_of_which_nothing_is_known_is_not_ok() -> None:
    found = made(
        Host("web01", False, False, "", {"unknown": {}}), audit={}, ceph={}, unknown="no report of it was named"
    )
    unknown = {one["name"] for one in found["sections"] if one["state"] == "unknown"}
    assert unknown == {"limits", "restorer", "backups", "audit", "capacity", "ceph", "volumes", "certificates"}
    assert found["state"] == "unknown"
    assert found["verdict"].startswith("Unknown: MariaDB backups, Bandwidth limits, ")
    assert section(found, "limits")["line"] == (
        "not in use as far as can be seen: no compute that answered has a limit of this collection; limit_instances sets limits"
    )
    assert "not in use as far as can be seen" in section(found, "backups")["line"]


def test_no_host_at_all_is_not_ok() -> None:
    found = report.report([], Evidence("a", AUDIT), Evidence("c", CEPH), Limits(), NOW)
    assert section(found, "hosts")["state"] == "unknown"


def test_a_silent_host_is_named_and_makes_each_part_of_it_unknown() -> None:
    found = made(compute(), compute("cmp02"), database(), Host("cmp03", True, False, "timed out", {}))
    assert told(found, "hosts") == [("critical", "cmp03", "didn't answer: timed out")]
    assert found["verdict"].endswith("cmp03 didn't answer.")
    for name in ("limits", "restorer", "volumes", "certificates"):
        assert section(found, name)["state"] == "unknown"
        assert told(found, name) == [("unknown", "1 host", "didn't answer, so nothing is known of this part there")]
    assert section(found, "backups")["state"] == "ok"


def test_a_part_that_cannot_be_read_is_unknown_and_keeps_the_rest() -> None:
    found = made(compute(), compute("cmp02", limits=None, unknown={"limits": "no netlink"}), database())
    assert told(found, "limits") == [("unknown", "cmp02", "can't be read: no netlink")]
    assert section(found, "volumes")["state"] == "ok"


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"good": None}, "critical", "has no good backup. Made it."),
        ({"good": {"ended_age": 30 * HOUR}}, "critical", "the last good backup is 30 hours old. Made it."),
        ({"good": {"ended_age": True}}, "critical", "has no good backup. Made it."),
        ({"run": {"state": "failed", "message": "disk full"}}, "critical", "the last run failed. disk full"),
        ({"run": {"state": "running", "started_age": 3 * DAY}}, "critical", "a run began 3 days ago and didn't end; mysql-backup status"),
        ({"run": {"state": "good", "warned": 2}}, "warning", "the last run gave 2 warnings; journalctl -t mysql-backup"),
        ({"restore": {"incomplete": 1}}, "critical", "1 database half restored; mysql-backup status names the ways out"),
        ({"copied": None}, "warning", "no copy has left the host yet"),
        ({"copied": {"ended_age": 4 * DAY}}, "warning", "no copy has left the host for 4 days"),
        ({"verified": None}, "warning", "no backup was ever verified; run verify_mysql_backups"),
        ({"verified": {"ended_age": DAY, "good": False, "backup": "b", "message": "row 3"}}, "critical",
         "b isn't good: row 3"),
        ({"verified": {"ended_age": DAY, "good": "yes", "backup": "b", "message": "?"}}, "critical",
         "b isn't good: ?"),
        ({"verified": {"ended_age": 40 * DAY, "good": True}}, "warning", "the last verification is 40 days old; run verify_mysql_backups"),
    ],
)  # fmt: skip
def test_backups(changes: dict[str, t.Any], state: str, words: str) -> None:
    found = made(compute(), database(**changes))
    assert (state, "db1", words) in told(found, "backups")
    assert section(found, "backups")["state"] == state


def skipped(name: str, hours: int) -> Host:
    run = {"state": "skipped", "message": "Index 0.", "ended_age": hours * HOUR}
    return database(name, good=None, verified=None, copied=None, run=run)


def test_a_member_that_leaves_the_backup_to_another_needs_none_of_its_own() -> None:
    found = made(compute(), database(), skipped("db2", 1))
    assert section(found, "backups")["state"] == "ok"
    assert section(found, "backups")["line"].startswith(
        "2 hosts with backups, 1 of them by another member of the cluster; "
    )
    # But somebody has to take it, and a run that was long ago has left nothing to nobody.
    assert section(made(compute(), skipped("db1", 1)), "backups")["state"] == "critical"
    late = told(made(compute(), database(), skipped("db2", 40)), "backups")
    assert late[0] == ("critical", "db2", "has no good backup. Index 0.")


def test_a_backup_that_cannot_be_verified_there_is_no_bad_one() -> None:
    verified = {"ended_age": DAY, "good": False, "verdict": "unverifiable", "backup": "b", "message": "no Aria"}
    assert told(made(compute(), database(verified=verified)), "backups") == [
        ("warning", "db1", "b couldn't be verified there: no Aria")
    ]


def test_a_database_host_without_backups_is_told_and_others_with_them_are_too() -> None:
    bare = Host("db2", False, True, "", {"unknown": {}})
    other = Host("web01", False, False, "", {"backups": {**BACKUPS, "good": None}, "unknown": {}})
    found = made(compute(), database(), bare, other)
    assert {subject for _state, subject, _text in told(found, "backups")} == {"db2", "web01"}
    alone = section(made(compute(), bare), "backups")
    assert (alone["state"], alone["rows"][0]["subject"]) == ("warning", "db2")


@pytest.mark.parametrize(
    ("changes", "name", "state", "words"),
    [
        ({"missing": 2, "missing_ports": ["a", "b"]}, "limits", "critical", "2 saved limits not in force, of a, b; run limit_instances"),
        ({"unreadable": 1}, "limits", "critical", "1 saved line can't be read; run limit_instances"),
        ({"unsaved": 1}, "limits", "warning", "1 limit not saved: gone when the device is made anew"),
        ({"restorer": "stopped"}, "restorer", "critical", "is installed and doesn't run: systemctl status openstack-ops-tc-htb.service"),
        ({"restorer": "absent"}, "restorer", "critical", "limits are saved and nothing restores them; run limit_instances"),
        ({"restorer": None}, "restorer", "unknown", "says 'None' of it"),
    ],
)  # fmt: skip
def test_limits_and_their_restorer(changes: dict[str, t.Any], name: str, state: str, words: str) -> None:
    found = made(compute(limits={**LIMITS, **changes}), database())
    assert told(found, name) == [(state, "cmp01", words)]
    assert section(found, name)["state"] == state


@pytest.mark.parametrize(
    ("changes", "state"),
    [({"free": 151}, "ok"), ({"free": 140}, "warning"), ({"free": 49}, "critical"), ({"files_free": 3}, "critical"),
     ({"files": 0, "files_free": 0}, "ok"), ({"size": 0}, "unknown"), ({"free": "many"}, "unknown")],
)  # fmt: skip
def test_volumes(changes: dict[str, t.Any], state: str) -> None:
    assert section(made(compute(volume={**VOLUME, **changes}), database()), "volumes")["state"] == state


def test_a_folder_of_instances_that_is_elsewhere_is_told_and_not_measured() -> None:
    elsewhere = compute("cmp02", volume={**VOLUME, "free": 1}, instances={"path": "/srv/vms", "elsewhere": True})
    found = made(compute(instances={"path": "/var/lib/nova/instances", "elsewhere": False}), elsewhere, database())
    ((state, name, words),) = told(found, "volumes")
    assert (state, name) == ("unknown", "cmp02")
    assert words.startswith(
        "has its instances in /srv/vms by nova-compute's configuration, so /var/lib/nova/instances tells"
    )
    assert section(found, "volumes")["line"] == "the fullest of 1 compute is 50% full"
    # No figure at all is better than a wrong one.
    found = made(elsewhere, database())
    assert section(found, "volumes")["state"] == "unknown"
    assert "no compute that answered has a folder of instances there" in section(found, "volumes")["line"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({}, "has no folder of instances where it was looked for, report_instances_path names it"),
        ({"instances": {"path": "/srv/vms", "elsewhere": True}}, "by nova-compute's configuration it is /srv/vms"),
        ({"unknown": {"instances": "instances_path is '$x'."}}, "where it is isn't known: instances_path is '$x'."),
    ],
)
def test_a_compute_without_the_folder_is_no_empty_figure(parts: dict[str, t.Any], words: str) -> None:
    found = made(compute(), compute("cmp02", volume=None, **parts), database())
    ((state, name, said),) = told(found, "volumes")
    assert (state, name) == ("unknown", "cmp02")
    assert said.endswith(words)


def test_a_configuration_that_does_not_tell_the_folder_leaves_the_figure_and_says_so() -> None:
    found = made(compute(unknown={"instances": "None of /etc/nova/nova.conf is there."}), database())
    assert told(found, "volumes") == [
        (
            "unknown",
            "cmp01",
            "whether its instances are in /var/lib/nova/instances isn't known: None of /etc/nova/nova.conf is there.",
        )
    ]
    assert section(found, "volumes")["line"] == "the fullest of 1 compute is 50% full"


def test_a_resize_that_did_not_end_is_critical() -> None:
    found = made(compute(resizes={"unfinished": ["vg0/instances"]}), database())
    assert told(found, "volumes") == [
        ("critical", "cmp01", "a resize of vg0/instances didn't end; run the same playbook again")
    ]
    # Also where there is no folder of instances.
    found = made(compute(volume=None, resizes={"unfinished": ["vg0/instances"]}), database())
    assert section(found, "volumes")["state"] == "critical"


@pytest.mark.parametrize(
    ("changes", "state", "words"),
    [
        ({"seconds_left": {"certificate": -5, "ca": 900 * DAY}}, "critical", "its certificate has expired"),
        ({"seconds_left": {"certificate": 5 * DAY, "ca": 900 * DAY}}, "critical", "its certificate expires in 5 days"),
        ({"seconds_left": {"certificate": 20 * DAY, "ca": 900 * DAY}}, "warning", "its certificate expires in 20 days"),
        ({"seconds_left": {"certificate": None, "ca": 900 * DAY}}, "unknown", "when its certificate expires isn't known"),
        ({"seconds_left": 7}, "unknown", "when its ca expires isn't known"),
        ({"looked_age": None}, "unknown", "nothing has looked after it ever: systemctl status central-logs-node-watch.timer"),
        ({"looked_age": 3 * HOUR}, "unknown", "nothing has looked after it for 3 hours: systemctl status central-logs-node-watch.timer"),
        ({"active": False}, "critical", "central-logs-node doesn't run"),
        ({"told": ["/var/log/central is almost full"]}, "warning", "/var/log/central is almost full"),
    ],
)  # fmt: skip
def test_central_logs(changes: dict[str, t.Any], state: str, words: str) -> None:
    found = made(compute(logs_node={**LOGS, **changes}), database())
    assert (state, "cmp01", words) in told(found, "certificates")
    assert section(found, "certificates")["state"] == state


def test_a_compute_that_sends_no_logs_while_others_do_is_told() -> None:
    found = made(compute(), compute("cmp02", logs_node=None), database())
    assert told(found, "certificates") == [("warning", "cmp02", "sends no logs, and others do; run centralize_logs")]


def test_the_audit_s_open_findings_are_told_and_acknowledged_ones_are_not() -> None:
    finding = {
        "severity": "critical",
        "kind": "negative",
        "host": "cmp01",
        "subject": "VCPU",
        "explanation": "Too many.",
        "acknowledged": None,
    }
    findings = [
        {**finding, "severity": "warning"},
        finding,
        {**finding, "acknowledged": {"reason": "so"}},
        {**finding, "severity": "info"},
    ]
    found = made(audit={**AUDIT, "findings": findings, "summary": {"critical": 1, "warning": 1, "info": 1}})
    assert told(found, "audit") == [
        ("critical", "cmp01", "negative VCPU: Too many."),
        ("warning", "cmp01", "negative VCPU: Too many."),
    ]
    assert section(found, "audit")["line"] == "1 critical, 1 warning, 1 info; 9 instances; 24 hours old"


def test_what_the_audit_could_not_look_at_is_unknown() -> None:
    found = made(audit={**AUDIT, "nodes": [{"host": "cmp01", "unknown": {"libvirt": "no answer"}}]})
    assert told(found, "audit") == [("unknown", "cmp01", "libvirt couldn't be looked at: no answer")]


def test_old_evidence_is_a_warning_and_evidence_without_age_unknown() -> None:
    found = made(audit={**AUDIT, "taken": "2026-11-01T02:00:00Z"}, ceph={**CEPH, "taken": "2027-01-01T00:00:00Z"})
    assert [section(found, name)["state"] for name in ("audit", "capacity", "ceph")] == [
        "warning",
        "warning",
        "unknown",
    ]
    assert section(made(ceph={**CEPH, "taken": HOSTILE}), "ceph")["state"] == "unknown"


def test_capacity() -> None:
    room = {
        "unknown": "",
        "flavors": [{"name": "big", "fits": 0, "unknown": {}}, {"name": "few", "fits": 3, "unknown": {}},
                    {"name": "gpu", "fits": 0, "unknown": {"traits": ["cmp01"]}}],
        "computes": [{"name": "cmp01", "usable": True, "failure": {"absorbed": False, "left": ["a"], "instances": 4}}],
    }  # fmt: skip
    assert told(made(audit={**AUDIT, "room": room}), "capacity") == [
        ("warning", "flavor big", "fits nowhere"),
        ("warning", "flavor few", "fits 3 more times"),
        ("warning", "cmp01", "if it fails, 1 of its 4 instances fit nowhere"),
        ("unknown", "flavor gpu", "whether it still fits isn't known"),
    ]
    for nothing in ({**room, "unknown": "HTTP 403"}, {**room, "computes": []}, None, "text"):
        assert section(made(audit={**AUDIT, "room": nothing}), "capacity")["state"] == "unknown"


def test_ceph_s_proof_names_the_hosts_that_are_wrong() -> None:
    problems = ["cmp02: No key.", "cmp02: No secret."]
    found = made(ceph={**CEPH, "hosts": ["cmp01", "cmp02"], "wrong": ["cmp02"], "problems": problems})
    assert told(found, "ceph") == [("critical", "cmp02", "No key. No secret.")]
    assert section(found, "ceph")["line"] == "proven on 1 of 2 hosts; 24 hours old"
    for other in ({}, AUDIT, {**CEPH, "hosts": []}):
        assert section(made(ceph=other), "ceph")["state"] == "unknown"


def test_the_worst_comes_first_in_sections_and_rows() -> None:
    found = made(compute(), database(good=None, copied=None, run={"state": "good", "warned": 1}), ceph={})
    order = [STATES.index(one["state"]) for one in found["sections"]]
    assert order == sorted(order)
    assert found["sections"][0]["name"] == "backups"
    states = [STATES.index(row["state"]) for row in found["sections"][0]["rows"]]
    assert states == sorted(states)
    assert found["verdict"] == "Critical: MariaDB backups; unknown: Ceph's proof; 7 ok."


def test_a_thousand_hosts_are_totals_and_what_needs_a_look() -> None:
    hosts = [compute(f"cmp{number:04d}") for number in range(990)] + [database(f"db{number}") for number in range(9)]
    hosts.append(compute("cmp0990", limits={**LIMITS, "restorer": "stopped"}))
    found = made(*hosts)
    assert section(found, "limits")["line"] == "4955 ports limited on 991 computes"
    assert sum(len(one["rows"]) for one in found["sections"]) == 1
    assert len(report.lines(found)) < 20
    assert len(json.dumps(found)) < 5000


def test_a_terminal_shows_some_rows_of_each_part_and_says_how_many_more() -> None:
    found = made(
        *(compute(f"cmp{number}", limits={**LIMITS, "restorer": "stopped"}) for number in range(40)), database()
    )
    lines = report.lines(found)
    assert lines[0] == found["verdict"]
    assert "  and 30 more; report_json and report_html have them all." in lines


STRANGE: list[t.Any] = [
    None,
    True,
    -1,
    10**30,
    float("nan"),
    float("inf"),
    HOSTILE,
    [],
    [HOSTILE],
    {},
    {"a": HOSTILE},
    [None],
]


@pytest.mark.parametrize("strange", STRANGE, ids=str)
def test_whatever_a_host_answers_costs_no_other_host_its_place(strange: t.Any) -> None:
    """A compute that somebody has taken over answers what they like."""
    hosts = [compute(), database()]
    for part, shape in (("limits", LIMITS), ("volume", VOLUME), ("logs_node", LOGS), ("backups", BACKUPS)):
        hosts.append(compute(f"whole-{part}", **{part: strange}))
        for key in shape:
            hosts.append(compute(f"{part}-{key}", **{part: {**shape, key: strange}}))
    for key in ("run", "good", "copied", "verified", "restore"):
        section_of = t.cast("dict[str, t.Any] | None", BACKUPS[key]) or {"incomplete": 0}
        hosts += [database(f"{key}-{inner}", **{key: {**section_of, inner: strange}}) for inner in section_of]
    hosts += [compute("unknown", unknown=strange), compute("resizes", resizes={"unfinished": strange})]
    hosts.append(Host("found", True, True, "", t.cast("t.Any", {"limits": strange})))
    for audit in (dict.fromkeys(AUDIT, strange), *({**AUDIT, key: strange} for key in AUDIT)):
        found = made(*hosts, audit=audit, ceph={**CEPH, "problems": strange, "hosts": strange})
        written = "\n".join(report.lines(found)) + json.dumps(found, allow_nan=False)
        assert "\x1b" not in written
        assert max(len(row["text"]) for one in found["sections"] for row in one["rows"]) <= 400


@pytest.mark.parametrize(
    ("seconds", "words"), [(30, "0 minutes"), (60, "1 minute"), (7199, "119 minutes"), (7200, "2 hours"), (2 * DAY - 1, "47 hours"), (2 * DAY, "2 days")]
)  # fmt: skip
def test_ages_are_told_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words
