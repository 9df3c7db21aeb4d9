# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files are read as the real oslo.config reads them, and edited without changing any other option. FUZZ=100000 tries more files."""

from __future__ import annotations

import io
import os
import random
import typing as t

import pytest
from oslo_config import cfg, iniparser

from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.ini import edited, read, same

FILES = int(os.environ.get("FUZZ", "5000"))

_STARTS = ["", "", "", " ", "\t", "\f", "  ", "\x1c", "\u00a0"]
_NAMES = ["a", "b", "B", "c d", "#e", ";f", "[g", "", "a]", "é"]
_SECTIONS = ["DEFAULT", "default", "x", "X", " x", "y z", "]", "[x", ""]
_VALUES = [
    "1",
    "",
    '"q"',
    "'q'",
    '"',
    "'",
    "\"q'",
    "# c",
    "; c",
    "v # c",
    "= 2",
    ": 3",
    "[x]",
    "\\",
    "\f",
    "v\f",
    "\u2028",
    "é",
]
_ENDS = ["\n"] * 8 + ["\r\n", "\r", "\n\n", "\n \n", "\n\f\n", "\r\r\n", "\x0b\n", "\x85"]


def _line(pick: random.Random) -> str:
    start = pick.choice(_STARTS)
    kind = pick.randrange(10)
    if kind < 2:
        return f"{start if pick.random() < 0.1 else ''}[{pick.choice(_SECTIONS)}]{pick.choice(['', '', '', ' ', ' # c', 'z'])}"
    if kind < 8:
        assign = pick.choice(["=", " = ", ":", " : ", "  =\t", "", "\f=\f"])
        return start + pick.choice(_NAMES) + assign + pick.choice(_VALUES)
    return start + pick.choice("#;") + pick.choice([" c", "a = 4", ""])


def _file(pick: random.Random) -> str:
    lines = [_line(pick) + pick.choice(_ENDS) for _line_number in range(pick.randrange(1, 8))]
    text = "[x]\n" * (pick.random() < 0.8) + "".join(lines)
    return text if pick.random() < 0.8 else text.rstrip("\r\n")


def oslo(text: str) -> dict[str, dict[str, str]] | None:
    """What oslo.config reads; None where it refuses the file."""
    parser = cfg.ConfigParser("a file", {})
    found: dict[str, dict[str, list[str]]] = {}
    parser._add_normalized(found)
    try:
        iniparser.BaseParser.parse(parser, io.StringIO(text, newline=None).readlines())
    except iniparser.ParseError:
        return None
    return {
        section: {name: values[-1] for name, values in options.items()} for section, options in found.items() if options
    }


def test_generated_files_are_read_and_edited_as_oslo_config_reads_them() -> None:
    pick, accepted = random.Random(15), 0
    for _line_number in range(FILES):
        text = _file(pick)
        theirs = oslo(text)
        ours = read(text)
        if theirs is None:
            continue
        accepted += 1
        assert ours == theirs, repr(text)
        section, option, value = (
            pick.choice(["DEFAULT", "x", "X", "new"]),
            pick.choice("abn"),
            pick.choice(["1", "7", "", '"q"']),
        )
        made = edited(text, {section: {option: value}})
        wanted = {name: dict(options) for name, options in theirs.items()}
        options = wanted.setdefault(section if section == "DEFAULT" else section.lower(), {})
        if not same(options.get(option), value):
            options[option] = value.strip('"')
        assert oslo(made) == wanted, (text, made)
        assert edited(made, {section: {option: value}}) == made
    assert accepted > FILES / 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[a]\nb = x\n # c\n", {"a": {"b": "x\n# c"}}, id="an indented comment continues the value"),
        pytest.param("[a]\nb = x\n\n[c]\n", {"a": {"b": "x"}}, id="a blank line ends it"),
        pytest.param("[a]\nb = x\rc = y\n", {"a": {"b": "x", "c": "y"}}, id="a lone carriage return ends a line"),
        pytest.param("[a]\nb = x\fy\n", {"a": {"b": "x\fy"}}, id="a form feed doesn't"),
        pytest.param("[a]\nb = 'x'\n", {"a": {"b": "x"}}, id="quotes"),
        pytest.param("[Libvirt]\nb = 1\n[libvirt]\nb = 2\n", {"libvirt": {"b": "2"}}, id="upper and lower case"),
        pytest.param("[a[1]]\nb = 1\n", {"a[1]": {"b": "1"}}, id="brackets in a section's name"),
    ],
)
def test_what_other_ini_files_do_not_have(text: str, expected: dict[str, t.Any]) -> None:
    assert read(text) == expected == oslo(text)


def test_an_option_whose_value_an_indented_comment_continues_is_set_as_a_whole() -> None:
    text = "[libvirt]\nb = x\n # c\n"
    assert edited(text, {"libvirt": {"a": "1"}}) == text + "a = 1\n"
    assert edited(text, {"libvirt": {"b": "x"}}) == "[libvirt]\nb = x\n"


def test_options_that_ceph_indents_are_options() -> None:
    text = "[global]\n\tfsid = x\n\tmon_host = y\n"
    assert read(text) == {"global": {"fsid": "x", "mon_host": "y"}}
