# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of 1000 hosts in a real browser, as wide as a screen and as narrow as a phone."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._cloud_report import report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._cloud_report.evidence import Evidence
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._cloud_report.model import Host, Limits
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._page.page import draw
from tests.integration.browser import HOSTILE, Browser, need_browser
from tests.places import ROOT

TEMPLATE = ROOT / "plugins/plugin_utils/_cloud_report/page.html"


def made() -> dict[str, t.Any]:
    """A tenth of 1000 computes is in trouble, and one didn't answer."""
    hosts = []
    for number in range(1000):
        restorer = "running" if number % 10 else "stopped"
        found = {
            "limits": {"limited": 3, "saved": 3, "restorer": restorer},
            "unknown": {"volume": HOSTILE} if number == 7 else {},
        }
        silent = HOSTILE if number == 999 else ""
        hosts.append(Host(f"cmp{number:04d}", True, False, silent, {} if silent else found))
    nothing = Evidence("", {}, "no report of it was named")
    return report.report(hosts, nothing, nothing, Limits(), datetime(2026, 11, 30, tzinfo=timezone.utc))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_browser()
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(draw(TEMPLATE.read_text(encoding="utf-8"), report=made()), encoding="utf-8")
    return path


def test_it_is_there_asks_nobody_and_fits_the_window(opened: tuple[Browser, int]) -> None:
    found, width = opened
    found.check(width)


def test_the_verdict_is_first_and_parts_in_trouble_are_before_others(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    verdict = found.text("verdict")
    assert verdict.startswith("Critical: Hosts, Restorer of limits; unknown: ")
    assert verdict.endswith("cmp0999 didn't answer.")
    parts = found.run(
        "return [...document.querySelectorAll('.part')].map(e => [e.dataset.name, e.querySelector('h2').lastChild.textContent])"
    )
    assert parts[:2] == [["hosts", "critical"], ["restorer", "critical"]]
    assert {state for _name, state in parts[2:]} == {"unknown"}
    assert len(parts) == 9


def test_only_what_needs_a_look_is_listed_in_parts_and_filtered(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    assert found.rows("rows-restorer")[-1] == ["41 more"]
    found.enter("text", "cmp0990 run")
    assert [row[1] for row in found.rows("rows-restorer")] == ["cmp0990"]
    assert found.rows("rows-hosts") == [["None"]]
    found.run("const e = document.getElementById('text'); e.value = ''; e.dispatchEvent(new Event('input'));")


def test_what_hosts_wrote_is_text(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    assert found.run("return window.pwned === undefined")
    assert found.run("return document.images.length") == 0
    assert found.rows("rows-hosts") == [["critical", "cmp0999", f"didn't answer: {HOSTILE}"]]
