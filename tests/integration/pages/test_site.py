# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation as a site, in a real browser, as wide as a screen and as narrow as a phone."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest

from tests.integration.browser import WINDOWS, Browser, browser, need_browser, opened_in
from tests.places import ROOT
from tests.waiting import PATIENCE_TO_MAKE, until

#: A list of everything, a guide with long commands, pages of a module and of a role with the tables of their options, and one with wide tables.
PAGES = ("docsite/contents", "docsite/guide_qos", "tc_htb_module", "mysql_backup_role", "docsite/guide_deployments")

# What leaves the window although nothing around it can be scrolled; and what can't be reached because it is cut off.
WIDE = """
const inside = e => { for (; e; e = e.parentElement) if (/auto|scroll/.test(getComputedStyle(e).overflowX)) return true; };
const wide = [...document.querySelectorAll('.content *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !inside(e));
const cut = [...document.querySelectorAll('.content pre')].filter(e => e.scrollWidth > e.clientWidth && !inside(e));
return [...wide, ...cut].map(e => e.outerHTML.slice(0, 100));
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    need_browser()
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([str(ROOT / "tools/docs"), str(folder)], check=True, timeout=PATIENCE_TO_MAKE)
    return folder / "html"


@pytest.mark.parametrize("window", WINDOWS)
def test_pages_fit_the_window(site: Path, window: str) -> None:
    with opened_in(window, site / "index.html") as (found, width):
        for page in PAGES:
            found.open(site / f"{page}.html")
            assert found.run("return innerWidth") == width, page
            assert found.run("return document.documentElement.scrollWidth") <= width, page
            assert found.run(WIDE) == [], page
            # What the theme itself marks as an error.
            assert found.run("return [...document.querySelectorAll('*')].filter(e => e.offsetParent && "
                             "getComputedStyle(e, '::before').content.includes('ERROR')).length") == 0, page  # fmt: skip
            # The title leaves room for what it is about.
            high = found.run("return document.querySelector('h1').getBoundingClientRect().height / innerHeight")
            assert 0 < high < 0.3, page


def _searched(found: Browser, site: Path, words: str) -> list[str]:
    found.call("POST", "/url", {"url": f"{(site / 'search.html').as_uri()}?q={words}"})
    results = "return [...document.querySelectorAll('#search-results li a')].map(a => a.getAttribute('href'))"
    return t.cast("list[str]", until(f"the search for {words} has found something", lambda: found.run(results)))


def test_what_a_page_says_is_found(site: Path) -> None:
    with browser(*WINDOWS["screen"]) as found:
        assert any("guide_qos" in link for link in _searched(found, site, "tenant+bandwidth"))


def test_commands_are_copied_without_prompts_and_output(site: Path) -> None:
    with browser(*WINDOWS["screen"]) as found:
        found.open(site / "docsite/guide_qos.html")
        blocks = found.run("return [...document.querySelectorAll('.highlight-console pre')].map(e => e.textContent)")
        # A button copies from a field of its own that has the focus then.
        found.run(
            "window.copied = []; document.addEventListener('copy', () => copied.push(document.activeElement.value))"
        )
        found.click(".highlight-console button.copybtn")
        copied = found.run("return copied")
        assert len(copied) == len(blocks) > 0
        for block, text in zip(blocks, copied, strict=True):
            lines = block.rstrip().replace("\\\n", "\\\\").splitlines()
            commands = [line[2:].replace("\\\\", "\\\n") for line in lines if line.startswith(("$ ", "# "))]
            assert text == "\n".join(commands)


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_dark_for_those_whose_screen_is(site: Path, dark: bool) -> None:
    with browser(*WINDOWS["phone"], dark=dark) as found:
        found.open(site / "docsite/guide_qos.html")
        red, green, blue = found.run(
            "return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
        )
        assert (red + green + blue < 3 * 64) is dark
