# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report beside the last one, what somebody has acknowledged, and what other programs are given of it."""

from __future__ import annotations

import csv
import io
import json
import typing as t

import jsonschema
import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import export, history, report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Record
from tests.places import ROOT

from .world import HOSTILE, ONE, TWO, World

SCHEMA = json.loads((ROOT / "docs/audit-report-1.json").read_text())
MISSING, OTHER = (f"domain_missing:cmp01:{uuid}" for uuid in (ONE, TWO))


def made(world: World, day: int = 27, *, before: object = None, acknowledged: t.Sequence[Record] = ()) -> Record:
    found = report.report(
        world.audit(),
        taken=f"2026-11-{day}T13:00:00Z",
        cloud="lab",
        region="",
        requests=20,
        before=before,
        acknowledged=history.acknowledgements(acknowledged),
    )
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def finding(found: Record, identity: str) -> Record:
    return next(t.cast("Record", one) for one in found["findings"] if one["id"] == identity)


def test_a_finding_keeps_its_first_day_and_new_ones_are_told(world: World) -> None:
    world.domains.pop(0)
    first = made(world)
    assert (first["previous"], first["new"], first["gone"]) == (None, [], [])
    world.domains.pop(0)
    second = made(world, 28, before=json.loads(json.dumps(first)))
    assert (second["previous"], second["new"]) == ("2026-11-27T13:00:00Z", [OTHER])
    third = made(world, 29, before=second)
    assert finding(third, MISSING)["since"] == "2026-11-27T13:00:00Z"
    assert finding(third, OTHER)["since"] == "2026-11-28T13:00:00Z"
    lines = report.lines(world.audit(), second)
    assert "Since 2026-11-27T13:00:00Z: 1 new, 0 gone" in lines
    assert [line.startswith("NEW ") for line in lines if "domain_missing" in line] == [False, True]


def test_gone_is_only_what_was_looked_for(world: World) -> None:
    domain = world.domains.pop(0)
    first = made(world)
    world.domains.insert(0, domain)
    assert made(world, 28, before=first)["gone"] == [MISSING]

    world.host["libvirt"] = None
    world.host["unknown"]["libvirt"] = "it doesn't answer"
    blind = made(world, 28, before=first)
    assert (blind["gone"], blind["unseen"]) == ([], [MISSING])
    assert any("1 not looked at this time" in line for line in report.lines(world.audit(), blind))

    world.host = t.cast("t.Any", None)
    assert made(world, 28, before=first)["unseen"] == [MISSING]


@pytest.mark.parametrize(
    "before", [None, [], "x", {"taken": 5, "findings": []}, {"taken": "x", "findings": [{}]}, {"taken": "x"}]
)
def test_what_is_no_report_is_none(world: World, before: object) -> None:
    assert made(world, before=before)["previous"] is None


def test_what_is_acknowledged_is_neither_counted_nor_listed(world: World) -> None:
    world.domains.pop(0)
    told = made(world, acknowledged=[{"id": MISSING, "reason": "ticket 4711", "until": "2026-11-27"}])
    assert told["summary"]["critical"] == 0
    assert finding(told, MISSING)["acknowledged"] == {"reason": "ticket 4711", "until": "2026-11-27"}
    lines = report.lines(world.audit(), told)
    assert "1 acknowledged and not listed here" in lines
    assert ONE not in "\n".join(lines)
    # The day after, it counts again.
    later = made(world, 28, acknowledged=[{"id": MISSING, "reason": "ticket 4711", "until": "2026-11-27"}])
    assert (later["summary"]["critical"], finding(later, MISSING)["acknowledged"]) == (1, None)
    assert not report.same(told, later)


@pytest.mark.parametrize(
    ("acknowledged", "why"),
    [
        ({"id": "leftover_directory", "reason": "x"}, r"compute_audit_acknowledged\[1\]: id is .leftover_directory.; write a finding's id"),
        ({"id": MISSING}, "has no reason"),
        ({"id": MISSING, "reason": "x", "until": "31.3.2027"}, "until is .31.3.2027., not a day; write it as 2027-03-31"),
        ({"id": MISSING, "reason": "x", "until": "2027-02-30"}, "not a day"),
        ({"id": MISSING, "reason": "x", "untill": "2027-03-31"}, "has the unknown key .untill."),
    ],
)  # fmt: skip
def test_an_acknowledgement_that_means_nothing_is_refused(world: World, acknowledged: Record, why: str) -> None:
    with pytest.raises(OperatorError, match=why):
        made(world, acknowledged=[acknowledged])


def test_metrics_count_by_kind_and_host_and_hold_no_names(world: World) -> None:
    world.domains.pop(0)
    text = export.metrics(made(world))
    where = 'cloud="lab",region=""'
    assert f'_findings{{{where},host="cmp01",kind="domain_missing",severity="critical"}} 1\n' in text
    assert f"openstack_ops_compute_audit_computes{{{where}}} 1\n" in text
    assert f"openstack_ops_compute_audit_timestamp_seconds{{{where}}} 1795784400\n" in text
    assert f'_flavor_fits{{{where},flavor="m1.small"}} 8\n' in text
    assert f'_stranded{{{where},host="cmp01",resource="MEMORY_MB"}} 44544\n' in text
    assert f'_failure_absorbed{{{where},host="cmp01"}} 0\n' in text
    assert HOSTILE not in text
    quiet = export.metrics(made(world, acknowledged=[{"id": MISSING, "reason": "x"}]))
    assert f'_acknowledged_findings{{{where},host="cmp01"' in quiet
    assert "\nopenstack_ops_compute_audit_findings{" not in quiet


def test_there_is_no_metric_of_what_is_unknown(world: World) -> None:
    world.cloud["unreached"] = ["cmp01"]
    text = export.metrics(made(world))
    assert not any(
        f"\nopenstack_ops_compute_audit_{name}{{" in text for name in ("flavor_fits", "stranded", "failure_absorbed")
    )


def test_labels_end_where_they_should(world: World) -> None:
    told = made(world)
    told["cloud"] = 'a"b\\c\nd'
    assert r'cloud="a\"b\\c\nd"' in export.metrics(told)


def test_no_cell_of_the_table_is_a_formula(world: World) -> None:
    world.cloud["servers"][0]["name"] = '=HYPERLINK("http://example.org","x")'
    world.domains.pop(0)
    rows = list(csv.DictReader(io.StringIO(export.table(made(world)))))
    assert [row["id"] for row in rows] == [MISSING]
    assert rows[0]["name"] == '\'=HYPERLINK("http://example.org","x")'
    assert rows[0]["since"] == "2026-11-27T13:00:00Z"
