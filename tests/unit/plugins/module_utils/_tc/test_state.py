# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
import typing as t
import zlib
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import parse_port

PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
GOOD = {"port_id": PORT, "plug": "ovs", "leaf": "sfq", "egress": {"rate": "20mbit", "ceil": "40mbit", "burst": "1mb"}}


NUMBERS = {**GOOD, "egress": {"rate": 20_000_000, "ceil": 40_000_000, "burst": 1 << 20}}


def line(entry: object, version: int = 1) -> str:
    text = entry if isinstance(entry, str) else json.dumps(entry)
    return f"{version} {zlib.crc32(text.encode()):08x} {text}\n"


@pytest.mark.parametrize(
    "entry",
    [
        "no JSON", "[]", "[[[", "null", "7", '"text"', [], {}, [GOOD], {**GOOD, "leaf": None}, {**GOOD, "leaf": []},
        {**GOOD, "egress": "20mbit"}, {**GOOD, "egress": []}, {**GOOD, "egress": 20}, {**GOOD, "egress": {"rate": []}},
        {**GOOD, "egress": {"rate": {}}}, {**GOOD, "egress": {}}, {**GOOD, "exempt": 7}, {**GOOD, "exempt": [[]]},
        {**GOOD, "exempt": {"a": 1}}, {**GOOD, "plug": {}}, {**GOOD, "port_id": None}, {**GOOD, "port_id": [PORT]},
        "[" * 100_000, {**GOOD, "state": "absent"}, {**GOOD, "state": "kept"}, {**GOOD, "egress": {"rate": "20mbps"}},
    ],
)  # fmt: skip
@pytest.mark.parametrize(("version", "good"), [(1, GOOD), (2, NUMBERS)])
def test_a_line_of_another_shape_with_the_right_checksum_costs_one_port(
    entry: t.Any, version: int, good: t.Any
) -> None:
    other = {**good, "port_id": PORT.replace("f", "0")}
    saved = state.decode(line(entry, version) + line(other, version))
    assert list(saved.ports) == [other["port_id"]]
    assert saved.damaged == [line(entry, version)]
    assert len(saved.problems) == 1
    assert saved.problems[0].startswith(f"{state.STATE_FILE}, line 1: ")
    assert len(saved.problems[0]) < 500


@pytest.mark.parametrize(
    "shape",
    [
        GOOD["egress"], {"rate": 20_000_000}, {"rate": True, "ceil": 8, "burst": 8}, {"rate": 8.0, "ceil": 8, "burst": 8},
        {"rate": 0, "ceil": 8, "burst": 8}, {"rate": 16, "ceil": 8, "burst": 8}, {"rate": 8, "ceil": 8, "burst": 0},
        {"rate": 8, "ceil": 1 << 60, "burst": 8}, {"rate": 8, "ceil": 8, "burst": 1 << 32},
    ],
)  # fmt: skip
def test_error_numbers_that_no_run_has_saved(shape: t.Any) -> None:
    assert not state.decode(line({**NUMBERS, "egress": shape}, 2)).ports


def test_a_file_of_an_older_version_is_read_and_not_written_again_for_that() -> None:
    old = state.decode(line(GOOD))
    assert old.ports == state.decode(line(NUMBERS, 2)).ports
    assert not old.problems
    assert state.render(old).endswith(line(json.dumps(NUMBERS, sort_keys=True), 2))


def test_what_is_written_is_read_again() -> None:
    port = parse_port({**GOOD, "exempt": ["192.0.2.0/24"], "why": "rule 1"}, "sfq", "")
    assert state.decode(state.render(state.Saved({PORT: port}))).ports == {PORT: port}


ENDING = {
    **NUMBERS,
    "until": 1000,
    "afterwards": [
        {"ingress": NUMBERS["egress"], "exempt": ["192.0.2.0/24"], "why": "rule 2", "until": 2000},
        {"why": "not limited since then"},
    ],
}


def test_limits_that_end_are_saved_with_what_follows() -> None:
    saved = state.decode(line(ENDING, 2))
    assert not saved.problems
    assert state.decode(state.render(saved)) == saved
    assert saved.at(999).ports == saved.ports
    assert saved.at(1000).ports[PORT].ingress == saved.ports[PORT].egress
    assert (saved.at(1000).ports[PORT].egress, saved.at(1000).ports[PORT].why) == (None, "rule 2")
    assert saved.at(2000).ports == {}


@pytest.mark.parametrize("until", ["2026-12-24T18:00Z", 1.5, True, 0, -5, 10**15, [], {}])
def test_error_an_end_that_no_run_has_saved(until: t.Any) -> None:
    saved = state.decode(line({**ENDING, "until": until}, 2))
    assert not saved.ports
    assert len(saved.problems) == 1


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_error_something_else_is_in_the_files_place(tmp_path: Path, make: t.Callable[[Path], None]) -> None:
    """At once: nobody waits for a writer at the other end of a pipe."""
    path = tmp_path / "limits.jsonl"
    make(path)
    with pytest.raises((OperatorError, OSError)):
        state.load(str(path))


def test_nothing_is_saved_where_there_is_no_file(tmp_path: Path) -> None:
    assert state.load(str(tmp_path / "folder" / "limits.jsonl")) == state.Saved()


def test_bytes_that_are_no_text_cost_their_line_and_survive_a_run(tmp_path: Path) -> None:
    path = tmp_path / "limits.jsonl"
    path.write_bytes(b"\xff\xfe\x00 1 0 \x80\r\n" + line(GOOD).encode())
    saved = state.load(str(path))
    assert (list(saved.ports), len(saved.damaged)) == ([PORT], 1)
    path.write_text(state.render(saved), encoding="utf-8", errors="surrogateescape")
    assert state.load(str(path)).ports == saved.ports
