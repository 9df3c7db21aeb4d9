# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options in other people's files: only what is asked for changes, and read as the services read it."""

from __future__ import annotations

import configparser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.module_utils._conf.model import (
    Actual,
    Owned,
    Wish,
    edited,
    overruled,
    plan,
    read,
    sections_of,
    shown,
)

FILE = """\
# site settings
[DEFAULT]
# enabled_backends = commented
enabled_backends = lvm
debug=True
pci = {"a":
  "b"}

[lvm]
volume_driver: LVM

[database]
connection = mysql://cinder:secret@db/cinder
"""


@pytest.mark.parametrize(
    ("sections", "changed"),
    [
        pytest.param({}, {}, id="nothing wanted"),
        pytest.param({"DEFAULT": {"enabled_backends": "lvm", "debug": "true"}}, {}, id="all is there, True is true"),
        pytest.param(
            {"DEFAULT": {"enabled_backends": "rbd"}},
            {"enabled_backends = lvm": "enabled_backends = rbd"},
            id="another value",
        ),
        pytest.param({"DEFAULT": {"new": "1"}}, {'  "b"}': '  "b"}\nnew = 1'}, id="a new option ends its section"),
        pytest.param({"lvm": {"volume_driver": "X"}}, {"volume_driver: LVM": "volume_driver = X"}, id="written with a colon"),
        pytest.param(
            {"DEFAULT": {"pci": "none"}}, {'pci = {"a":\n  "b"}': "pci = none"}, id="a value of several lines goes as a whole"
        ),
    ],
)  # fmt: skip
def test_only_what_is_asked_for_changes(sections: dict[str, dict[str, str]], changed: dict[str, str]) -> None:
    wanted = FILE
    for old, new in changed.items():
        assert wanted.count(old + "\n") == 1
        wanted = wanted.replace(old + "\n", new + "\n")
    assert edited(FILE, sections) == wanted
    assert edited(wanted, sections) == wanted


def test_a_section_that_is_not_there_comes_last() -> None:
    assert edited(FILE, {"rbd": {"rbd_pool": "volumes"}}) == FILE + "\n[rbd]\nrbd_pool = volumes\n"
    assert edited("", {"rbd": {"rbd_pool": "volumes"}}) == "[rbd]\nrbd_pool = volumes\n"


def test_of_an_option_that_is_there_twice_the_one_that_counts_is_set() -> None:
    text = "[a]\nx = 1\nx = 2\n[b]\nx = 3\n[a]\ny = 4\n"
    assert edited(text, {"a": {"x": "5", "z": "6"}}) == "[a]\nx = 1\nx = 5\n[b]\nx = 3\n[a]\ny = 4\nz = 6\n"


def test_an_empty_section_of_somebody_is_used() -> None:
    assert edited("[rbd]\n\n[lvm]\na = 1\n", {"rbd": {"b": "2"}}) == "[rbd]\nb = 2\n\n[lvm]\na = 1\n"


def test_ends_of_lines_stay_as_they_are() -> None:
    text = "[a]\r\nx = 1\r\n[b]\ny = 2"
    assert edited(text, {"a": {"x": "1"}}) == text
    assert edited(text, {"b": {"z": "3"}}) == "[a]\r\nx = 1\r\n[b]\ny = 2\nz = 3\n"


_WORD = st.text("abcxyz_", min_size=1, max_size=6)
_VALUE = st.text("abc =:#;[]'\"", max_size=8).map(str.strip)
_SECTIONS = st.dictionaries(_WORD, st.dictionaries(_WORD, _VALUE, min_size=1, max_size=3), max_size=3)


@given(_SECTIONS, _SECTIONS)
def test_what_was_set_is_read_back_also_by_others_and_a_second_time_changes_nothing(
    there: dict[str, dict[str, str]], wanted: dict[str, dict[str, str]]
) -> None:
    text = edited("# begin\n", there)
    made = edited(text, wanted)
    assert edited(made, wanted) == made
    merged = {section: {**there.get(section, {}), **wanted.get(section, {})} for section in {*there, *wanted}}
    assert read(made) == merged
    parser = configparser.RawConfigParser(strict=False, default_section="none", comment_prefixes=("#", ";"))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(made)
    assert {section: dict(parser[section]) for section in parser.sections()} == merged


OURS = Owned("root", "root", 0o644)


def test_services_are_restarted_where_their_file_changed_and_where_a_killed_run_has_not() -> None:
    wishes = [
        Wish("/a.conf", {"x": {"y": "1"}}, None, ("one", "both")),
        Wish("/b.conf", {"x": {"y": "1"}}, OURS, ("two", "both")),
        Wish("/c.conf", {"x": {"y": "1"}}, None, ("three",)),
    ]
    right = Actual("[x]\ny = 1\n", OURS)
    made = plan(wishes, {"/a.conf": Actual("[x]\n", OURS), "/b.conf": right, "/c.conf": right}, {"three", "elsewhere"})
    assert made.steps == [
        "set y in x of /a.conf",
        "restart one",
        "restart both",
        "restart three, which a killed run has left undone",
    ]
    assert plan(wishes, dict.fromkeys(("/a.conf", "/b.conf", "/c.conf"), right), set()).steps == []


def test_a_file_of_ours_holds_nothing_else() -> None:
    wish = Wish("/b.conf", {"x": {"y": "1"}}, OURS)
    assert plan([wish], {"/b.conf": Actual("[x]\ny = 1\nz = 2\n", OURS)}, ()).steps == ["write /b.conf"]
    other = Actual("[x]\ny = 1\n", Owned("root", "root", 0o600))
    assert plan([wish], {"/b.conf": other}, ()).steps == ["set owner and mode (root:root 0644) of /b.conf"]


def test_a_file_beside_it_may_say_the_same_and_nothing_else() -> None:
    wish = Wish("/etc/cinder/cinder.conf", {"DEFAULT": {"debug": "true"}})
    assert overruled(wish, {"/etc/cinder/cinder.conf.d/a.conf": "[DEFAULT]\ndebug = True\n[x]\ndebug = 1\n"}) == ""
    assert "a.conf sets debug in section DEFAULT as well" in overruled(wish, {"/d/a.conf": "[DEFAULT]\ndebug = no\n"})


def test_diffs_show_no_more_than_what_is_asked_for() -> None:
    wish = Wish("/etc/cinder/cinder.conf", {"DEFAULT": {"enabled_backends": "rbd"}, "rbd": {"rbd_pool": "volumes"}})
    assert shown(wish, FILE) == "[DEFAULT]\nenabled_backends = lvm\n"
    assert shown(wish, wish.text(FILE)) == "[DEFAULT]\nenabled_backends = rbd\n[rbd]\nrbd_pool = volumes\n"


def test_values_become_text() -> None:
    assert sections_of("/x", {"a": {"b": True, "c": 3, "d": 0.5, "e": ""}}) == {
        "a": {"b": "true", "c": "3", "d": "0.5", "e": ""}
    }
