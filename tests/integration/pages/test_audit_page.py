# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page in a real browser, as wide as a screen and as narrow as a phone, with 5000 findings on 50 computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.browser import HOSTILE, Browser, browser, need_browser
from tests.integration.pages.crowded import large, write_page


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_browser()
    return write_page(tmp_path_factory.mktemp("page"), large())


def test_it_is_there_asks_nobody_and_fits_the_window(opened: tuple[Browser, int]) -> None:
    found, width = opened
    found.check(width)
    assert found.run("return document.querySelectorAll('#nodes .node').length") == 50


def test_what_tenants_wrote_is_text(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    assert found.run("return window.pwned === undefined")
    assert found.run("return document.images.length") == 0
    found.run("document.querySelector('.node details').open = true")
    assert HOSTILE in found.run("return document.querySelector('.finding .top').textContent")


def test_findings_are_filtered_sorted_and_drawn_as_they_are_looked_at(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    rows = "return document.querySelectorAll('.finding').length"
    drawn = found.run(rows)
    assert 0 < drawn <= 100
    found.run("document.querySelector('#end button').click()")
    assert found.run(rows) == 2 * drawn
    found.enter("host", "cmp07")
    found.enter("severity", "warning")
    shown = found.text("shown")
    assert shown == "33 of 5000 findings"
    assert set(found.run("return [...document.querySelectorAll('.finding .top b')].map(e => e.textContent)")) == {
        "warning"
    }
    found.enter("sort", "kind")
    kinds = found.run(
        "return [...document.querySelectorAll('.finding .top span:nth-child(2)')].map(e => e.textContent)"
    )
    assert kinds == sorted(kinds)
    assert len(set(kinds)) > 1
    found.enter("text", "number 4231.")
    assert found.text("shown") == "No finding is like that."
    found.enter("host", "")
    found.enter("severity", "")
    assert found.text("shown") == "1 of 5000 findings"
    found.enter("text", "")


def test_what_is_new_and_what_is_acknowledged_is_told(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    about = found.text("about")
    assert "Since 2026-11-26T13:00:00Z: 1 new, 1 gone, 0 not looked at" in about
    only = "return [...document.querySelectorAll('.finding > p:nth-child(3)')].map(e => e.textContent)"
    expected = {
        "number 4999.": "New",
        "number 4998.": "Since 2026-11-27T13:00:00Z",
        "number 4997.": f"Acknowledged until 2027-03-31: {HOSTILE}",
    }
    for words, said in expected.items():
        found.enter("text", words)
        assert found.run(only) == [said]
    found.enter("text", "")


def test_room_of_1000_computes_is_drawn_in_parts_filtered_and_sorted(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    names = (
        "return [...document.querySelectorAll('#room-computes tbody td[data-head=Compute]')].map(e => e.textContent)"
    )
    assert found.text("room-about").startswith("999 of 1000 computes take")
    assert found.run("return document.querySelectorAll('#room-flavors tbody tr').length") == 50
    drawn = len(found.run(names))
    assert 0 < drawn <= 100
    found.run("document.querySelector('#room-computes button').click()")
    assert len(set(found.run(names))) == 2 * drawn
    found.enter("room-text", "cmp09")
    found.enter("room-sort", "name")
    assert found.run(names)[:2] == ["cmp0900", "cmp0901"]
    assert found.run("return document.querySelector('#room-computes button').textContent") == f"{100 - drawn} more"
    found.enter("room-text", "cmp0001")
    row = "return [...document.querySelectorAll('#room-computes tbody td')].map(e => e.textContent)"
    assert found.run(row)[2] == "no: nova-compute is disabled, and nobody said why, some projects only"
    assert HOSTILE in found.run(row)[1]
    told = "return [...document.querySelectorAll('#room-flavors tbody tr')].map(e => e.textContent).filter(e => e.includes('numa'))"
    assert "0 computes" in found.run(told)[0]
    found.enter("room-text", "")


def test_each_node_has_a_chart_of_both(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    charts = found.run(
        "return [...document.querySelector('.node').querySelectorAll('svg')].map(s => [s.getAttribute('aria-label'),"
        " new Set([...s.children].map(r => r.getAttribute('y'))).size, s.getBoundingClientRect().width])"
    )
    assert len(charts) == 3
    for label, bars, width in charts:
        assert "Placement has given away" in label
        assert bars == 2
        assert width > 100


def test_day_and_night_can_be_chosen(opened: tuple[Browser, int]) -> None:
    found, _width = opened
    color = "return getComputedStyle(document.body).backgroundColor"
    before = found.run(color)
    found.run("document.getElementById('theme').click()")
    assert found.run(color) != before
    found.run("document.getElementById('theme').click()")
    assert found.run(color) == before


def test_it_is_dark_where_the_reader_s_system_is(page: Path) -> None:
    with browser(390, 844, dark=True) as found:
        found.open(page)
        assert found.run("return matchMedia('(prefers-color-scheme: dark)').matches")
        assert found.run("return getComputedStyle(document.body).backgroundColor") == "rgb(20, 24, 28)"


def test_it_is_painted(opened: tuple[Browser, int], tmp_path: Path) -> None:
    found, width = opened
    image = found.screenshot()
    (tmp_path / "page.png").write_bytes(image)
    assert int.from_bytes(image[16:20], "big") == width
    # An empty page is a few hundred bytes.
    assert len(image) > 20_000
