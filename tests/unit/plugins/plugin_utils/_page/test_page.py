# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages share one design, and nothing in their data can leave the script element that holds them."""

from __future__ import annotations

import json
import re
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._page import page
from tests.places import ROOT

HOSTILE = "</script><script>alert(1)</script><!--&amp; @STYLE@ \u2028"
TEMPLATES = sorted((ROOT / "plugins").rglob("*.html"))
PAGES = [path for path in TEMPLATES if path.name != "head.html"]
every_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))


def test_data_come_back_as_they_were_and_end_nothing() -> None:
    drawn = page.draw('<script type="application/json">@DATA@</script>', data={"name": HOSTILE})
    assert drawn.count("</script>") == 1
    inside = drawn.partition(">")[2].partition("</script>")[0]
    assert not {"<", ">", "&", "\u2028"} & set(inside)
    assert json.loads(inside) == {"name": HOSTILE}


def test_a_mark_in_data_stays_what_it_is() -> None:
    assert page.draw("@ONE@ @TWO@", one="@TWO@", two=2) == '"@TWO@" 2'


def test_a_mark_that_stands_for_nothing_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        page.draw("@NOTHING@")


@every_page
def test_every_page_has_the_one_design_and_brings_none_of_its_own(path: Path) -> None:
    text = path.read_text()
    assert all(f"@{mark}@" in text for mark in ("HEAD", "STYLE", "SCRIPT"))
    assert "Content-Security-Policy" not in text
    assert "prefers-color-scheme" not in text
    assert 'id="theme"' in text


@every_page
def test_no_page_makes_markup_of_text(path: Path) -> None:
    code = path.read_text() + path.parents[1].joinpath("_page/script.js").read_text()
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function", code)
    assert not re.search(r"(src|href)=|https?://(?!www\.gnu\.org|www\.w3\.org)", code)


def test_the_drawn_page_asks_nobody() -> None:
    drawn = page.draw("@HEAD@")
    assert "default-src 'none'" in drawn
    assert 'name="color-scheme" content="light dark"' in drawn


def test_a_file_is_replaced_as_a_whole_and_left_alone_where_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "page.html"
    page.replace(path, "one", 0o600)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("one", 0o600)

    def broken(*_args: t.Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fchmod", broken)
    with pytest.raises(OSError, match="No space left"):
        page.replace(path, "two", 0o600)
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("page.html", "one")]


def test_a_place_is_a_file_in_a_folder_that_can_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert page.place("~/page.html") == tmp_path / "page.html"
    with pytest.raises(OperatorError, match=r"There is no folder .*/absent for the report page.html; make it"):
        page.place("~/absent/page.html")
    with pytest.raises(OperatorError, match="a folder has that name; name a file"):
        page.place(str(tmp_path))
    # root may write anywhere, and may run the tests.
    monkeypatch.setattr("os.access", lambda folder, _mode: folder != tmp_path)
    with pytest.raises(OperatorError, match=r"for the report page.html can't be written to by whoever runs Ansible"):
        page.place("~/page.html")
    assert list(tmp_path.iterdir()) == []
