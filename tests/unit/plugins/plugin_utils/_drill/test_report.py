# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill has shown."""

from __future__ import annotations

import html.parser
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import schedule
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.outages import Sample
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drill import probes, report

(TARGET,) = schedule.targets([{"name": "bus", "unit": "rabbitmq-server", "hosts": "ctl1"}], {}, ["ctl1"], 60)
(PROBE,) = probes.parse([{"name": "tokens", "url": "http://x/", "allowed": 10}])
UNDONE = {"known": True, "seconds": 60.2}
HOSTILE = "</table><script>alert(1)</script><!-- faults -->@STYLE@ {{ 7 * 7 }}"


def samples(*failed: int, many: int = 100) -> list[Sample]:
    return [Sample(at, at + 0.1, at not in failed, f"why {at}" if at in failed else "") for at in range(many)]


def fault(*failed: int, **changed: t.Any) -> dict[str, t.Any]:
    rows = [report.probed(PROBE, samples(*failed), (0, 99.2), changed.get("allowed"), 1_000_000.0)]
    return report.fault(TARGET, 1_000_000.0, changed.get("undone", UNDONE), rows, changed.get("why", ""))


def made(*faults: dict[str, t.Any], planned: int = 1) -> dict[str, t.Any]:
    return report.report({"seed": "a1", "taken": "2026-12-01T10:00:00.0Z", "hosts": 3}, faults, planned)


def test_a_fault_says_what_failed_from_when_to_when() -> None:
    found = fault(3, 4, 5)
    (row,) = found["probes"]
    assert (found["verdict"], found["began"]) == ("held", "1970-01-12T13:46:40.0Z")
    assert (row["at_least"], row["at_most"], row["allowed"], row["failed"]) == (2, 4, 10, 3)
    assert row["outages"] == [{"from": "1970-01-12T13:46:43.0Z", "to": "1970-01-12T13:46:46.0Z", "why": "why 3"}]


def test_what_the_component_allows_goes_before_what_the_probe_does() -> None:
    assert fault(3, 4, 5, allowed=1)["verdict"] == "missed"
    assert fault(3, 4, 5, allowed=4)["verdict"] == "held"


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "held"),
        ({"undone": {"known": False, "seconds": None}}, "unknown"),
        ({"why": "The host couldn't be asked"}, "unknown"),
        ({"undone": {"known": True, "seconds": None}}, "held"),
    ],
)
def test_a_fault_of_which_nobody_knows_the_end_is_not_held(changed: dict[str, t.Any], verdict: str) -> None:
    assert fault(**changed)["verdict"] == verdict
    assert fault(98, 99, **changed)["verdict"] == "missed"


def test_the_verdict_of_the_whole() -> None:
    assert made(planned=1)["verdict"] == "unknown"
    assert made(fault())["verdict"] == "held"
    assert made(fault(), planned=2)["verdict"] == "unknown"
    assert made(fault(), fault(50, allowed=0), planned=3)["verdict"] == "missed"


def test_lines_have_all_of_it() -> None:
    text = "\n".join(report.lines(made(fault(3, 4, 5, why="It was late."))))
    for part in (
        "seed a1",
        "bus on ctl1",
        "stop the unit rabbitmq-server.service for 60 s",
        "It was late.",
        "held: tokens, out for at most 4.0 s",
    ):
        assert part in text


class Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: t.Any) -> None:
        self.seen.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_nothing_in_a_report_becomes_markup() -> None:
    hostile = fault(3, 98, 99, why=HOSTILE)
    hostile["component"] = hostile["host"] = hostile["what"] = HOSTILE
    hostile["probes"][0]["probe"] = hostile["probes"][0]["outages"][0]["why"] = HOSTILE
    page = report.page({**made(hostile), "seed": HOSTILE})
    plain, tags = Tags(), Tags()
    plain.feed(report.page(made(fault(3, 98, 99, why="x"))))
    tags.feed(page)
    assert tags.seen == plain.seen
    assert tags.seen.count("script") == 1, "the one of the colours"
    assert tags.text.count(HOSTILE) == 7
    assert "not recovered" in plain.text


def test_a_page_without_faults_says_so() -> None:
    assert "No fault was made." in report.page(made())
    row = report.probed(PROBE, [], (0, 9), None, 0.0)
    assert row["verdict"] == "unknown"
    assert "the probe never ran" in report.page(made(report.fault(TARGET, 0.0, UNDONE, [row], "")))
