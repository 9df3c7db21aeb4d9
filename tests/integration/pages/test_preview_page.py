# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preview of 1000 ports in a real browser, as wide as a screen and as narrow as a phone."""

from __future__ import annotations

import typing as t
import uuid
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.filter.limits_preview_page import limits_preview_page
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.preview import preview
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook
from tests.integration.browser import HOSTILE, Browser, need_browser

PORTS, HOSTS = 1000, 20
RULES = [
    {"name": "typo", "match": {"flavor": HOSTILE}, "limit": "none"},
    {"name": "free", "match": {"flavor": "m1.free"}, "limit": "none"},
    {"name": "rest", "limit": {"rate": "20 Mbit/s"}},
]


def port(number: int) -> dict[str, t.Any]:
    flavor = "m1.free" if number % 10 == 0 else "m1.tiny"
    return {
        "port_id": str(uuid.UUID(int=number)), "plug": "ovs", "unsupported_reason": None, "project_id": "0" * 32,
        "network_id": str(uuid.UUID(int=1)), "own_network": True, "claims": None, "fixed_ips": [], "other_subnets": [],
        "floating_ips": [], "qos_policy": None,
        "instance": {"id": str(uuid.UUID(int=10**6 + number)), "name": HOSTILE, "flavor": {"name": flavor, "extra_specs": {}}},
    }  # fmt: skip


def told() -> dict[str, t.Any]:
    """A fifth of the limits would be raised, and of one compute nothing is known."""
    ports = {f"cmp{host:02d}": [port(number) for number in range(host, PORTS, HOSTS)] for host in range(HOSTS)}
    shape = {"ceil": "20mbit", "burst": "1mb", "exempt": []}
    results: dict[str, dict[str, t.Any] | None] = {}
    for host, of_host in ports.items():
        done = [
            {
                "port_id": one["port_id"], "done": "changed" if number % 5 == 0 else "unchanged", "why": HOSTILE, "reason": "",
                "change": "unchanged" if number % 5 else "loosened",
                "found": {"egress": {"rate": "20mbit" if number % 5 else "10mbit", **shape}, "ingress": None},
                "now": {"egress": {"rate": "20mbit", **shape}, "ingress": None},
            }
            for number, one in enumerate(of_host)
        ]  # fmt: skip
        results[host] = {"ports": done}
    results["cmp19"] = {"msg": HOSTILE}
    return preview(RuleBook(RULES), ports, results)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_browser()
    path = tmp_path_factory.mktemp("page") / "preview.html"
    path.write_text(limits_preview_page(told(), "2026-11-30T02:00:00Z"), encoding="utf-8")
    return path


def test_it_is_there_asks_nobody_and_fits_the_window(opened: tuple[Browser, int]) -> None:
    found, width = opened
    found.check(width)


def test_totals_come_first_and_what_nothing_is_known_of_is_told(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    assert found.text("about") == "2026-11-30T02:00:00Z; 1000 ports on 20 computes. Nothing was changed."
    counts = found.run("return [...document.querySelectorAll('#counts li')].map(e => e.textContent)")
    assert counts[:2] == ["900 get a limit", "100 have none"]
    assert {"190 loosened", "760 unchanged", "1 computes not known"} <= set(counts)
    assert found.rows("unknown-rows") == [[f"cmp19: what a run would change isn't known: {HOSTILE}"]]


def test_rules_that_decide_nothing_are_first_and_say_why(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    (idle, *others) = found.rows("rules")
    assert idle == ["rule 1 'typo'", "none", "0", "0", f"matches no port: no port has the flavor {HOSTILE}"]
    assert [row[2] for row in others] == ["100", "900"]


def test_ports_without_a_limit_are_listed_when_asked_for(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    ((why, _ports),) = found.rows("unlimited")
    assert why == "not limited: rule 2 'free' because flavor is m1.free"
    found.open_details("#unlimited details")
    listed = "return [...document.querySelectorAll('#unlimited details tbody tr')].map(e => e.textContent)"
    assert found.run(listed)[0].startswith(f"cmp00 {uuid.UUID(int=0)}, instance ")
    assert found.run(listed)[-1] == "40 more"


def test_changes_are_filtered_and_drawn_in_parts(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    assert found.text("shown") == "190 of 190 changes"
    drawn = found.rows("changes")
    assert drawn[-1] == ["130 more"]
    assert drawn[0][0] == "loosened"
    assert drawn[0][3:] == ["upload 10mbit", "upload 20mbit", HOSTILE]
    found.enter("text", "cmp07 loosened")
    assert found.text("shown") == "10 of 190 changes"
    found.enter("text", "")


def test_all_ports_are_folded_and_can_be_searched(opened: tuple[Browser, int]) -> None:
    found, width = opened
    assert found.rows("ports") == []
    found.open_details("#all")
    assert found.rows("ports")[-1] == ["940 more"]
    found.enter("all-text", str(uuid.UUID(int=999)))
    ((host, port_id, _server, limit, _why),) = found.rows("ports")
    assert (host, port_id, limit) == ("cmp19", str(uuid.UUID(int=999)), "upload 20mbit, download 20mbit")
    assert found.run("return document.documentElement.scrollWidth") <= width


def test_what_tenants_wrote_is_text(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    assert found.run("return window.pwned === undefined")
    assert found.run("return document.images.length") == 0


def test_day_and_night_can_be_chosen(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    color = "return getComputedStyle(document.body).backgroundColor"
    before = found.run(color)
    found.run("document.getElementById('theme').click()")
    assert found.run(color) != before
