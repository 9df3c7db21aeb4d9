# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cutting the text of mysqldump, in chunks of any size."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roles.mysql_backup.files.mysql_backup.dumptext import Contents, DumpReader, Section, differences, label
from roles.mysql_backup.files.mysql_backup.failure import BackupError

# Databases keystone, nova (two tables, a view, an event, a routine) and `o``dd`; mariadb-dump 10.19 of 10.11.19.
RECORDED = (Path(__file__).parent / "fixtures" / "mariadb-dump-10.11.sql").read_bytes()
DATABASES = ["keystone", "nova", "o`dd"]


def cut(text: bytes, size: int, databases: list[str] | None = None) -> tuple[DumpReader, dict[Section, bytes]]:
    """The sections of a dump that arrives `size` bytes at a time."""
    reader = DumpReader(DATABASES if databases is None else databases)
    found: dict[Section, bytes] = {}
    for start in range(0, len(text), size):
        for section, piece in reader.feed(text[start : start + size]):
            found[section] = found.get(section, b"") + piece
    for section, piece in reader.finish():
        found[section] = found.get(section, b"") + piece
    return reader, found


def contents(text: bytes, size: int) -> dict[str, dict[str, int | str]]:
    counted = Contents()
    reader = DumpReader(DATABASES)
    for start in range(0, len(text), size):
        for section, piece in reader.feed(text[start : start + size]):
            counted.add(section, piece)
    for section, piece in reader.finish():
        counted.add(section, piece)
    assert counted.bytes == len(text)
    return counted.public()


def test_every_byte_comes_out_in_order_and_where_it_belongs() -> None:
    reader, found = cut(RECORDED, len(RECORDED))
    assert b"".join(found.values()) == RECORDED
    assert reader.completed
    assert [label(section) for section in found] == [
        "preamble ",
        "database keystone",
        "structure keystone.project",
        "rows keystone.project",
        "events keystone",
        "routines keystone",
        "database nova",
        "structure nova.instances",
        "rows nova.instances",
        "placeholder nova.running",
        "structure nova.tags",
        "rows nova.tags",
        "events nova",
        "routines nova",
        "database o`dd",
        "events o`dd",
        "routines o`dd",
        "database keystone",
        "database nova",
        "view nova.running",
        "database o`dd",
        "epilogue ",
    ]
    assert b"CREATE ALGORITHM" in found[Section("view", "nova", "running", views=True)]
    assert b"trigger" in found[Section("rows", "nova", "instances")].lower()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 400))
def test_the_size_of_the_chunks_means_nothing(size: int) -> None:
    assert cut(RECORDED, size)[1] == cut(RECORDED, len(RECORDED))[1]
    assert contents(RECORDED, size) == contents(RECORDED, len(RECORDED))


def test_the_place_in_the_binary_log_belongs_to_no_object() -> None:
    # Dumped again without it, the last object still has to be the same.
    place = RECORDED.index(b"\n-- The deferred gtid")
    without = RECORDED[:place] + RECORDED[RECORDED.index(b"/*!40103 SET TIME_ZONE=@OLD") :]
    assert contents(without, 999) == contents(RECORDED, 999)


def test_rows_are_counted() -> None:
    counted = contents(RECORDED, 1000)
    assert counted["rows nova.instances"]["rows"] == 3
    assert counted["rows nova.tags"]["rows"] == 0
    assert counted["rows keystone.project"]["rows"] == 2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, len(RECORDED) - 60))
def test_a_dump_that_stops_early_is_not_complete(length: int) -> None:
    with contextlib.suppress(BackupError):
        assert not cut(RECORDED[:length], 700)[0].completed


@pytest.mark.parametrize(
    ("planted", "error"),
    [
        (
            "keystone",
            "The dump has database keystone at an impossible position. A routine, trigger or event of database nova",
        ),
        ("o`dd", "The dump has database o`dd at an impossible position"),
        ("elsewhere", "The dump has database elsewhere at an impossible position"),
    ],
)
def test_a_routine_that_looks_like_a_database_ends_the_backup(planted: str, error: str) -> None:
    name = planted.replace("`", "``").encode()
    place = RECORDED.index(b"PROCEDURE `p`")
    text = RECORDED[:place] + b"\n--\n-- Current Database: `" + name + b"`\n--\n" + RECORDED[place:]
    with pytest.raises(BackupError) as caught:
        cut(text, 500)
    assert error in str(caught.value)


def test_a_view_round_without_views_is_refused() -> None:
    text = b"-- head\n\n--\n-- Current Database: `a`\n--\n\n--\n-- Current Database: `a`\n--\n"
    with pytest.raises(BackupError):
        cut(text, 100, ["a"])


def test_text_after_the_end_is_refused() -> None:
    end = b"\n/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;\n"
    text = b"-- head\n\n--\n-- Current Database: `a`\n--\n" + end + b"\n--\n-- Table structure for table `t`\n--\n"
    reader = DumpReader(["a"])
    list(reader.feed(text[: -len(b"\n--\n-- Table structure for table `t`\n--\n")]))
    with pytest.raises(BackupError) as caught:
        list(reader.feed(b"\n--\n-- Table structure for table `t`\n--\n" + b" " * 100))
    assert str(caught.value) == "The dump goes on after its end, with structure t."


@given(
    st.dictionaries(
        st.sampled_from(["rows a.t", "rows a.u", "view a.v"]), st.fixed_dictionaries({"bytes": st.integers()})
    )
)
def test_nothing_differs_from_itself(entries: dict[str, dict[str, int]]) -> None:
    assert differences(entries, entries) == []


def test_differences_name_the_object_and_both_sides() -> None:
    before: dict[str, dict[str, object]] = {
        "rows a.t": {"rows": 2, "crc32": "aa"},
        "structure a.t": {"crc32": "1"},
        "view a.v": {"crc32": "2"},
    }
    after: dict[str, dict[str, object]] = {
        "rows a.t": {"rows": 3, "crc32": "bb"},
        "structure a.t": {"crc32": "9"},
        "rows a.new": {"rows": 0},
    }
    assert differences(before, after) == [
        "rows a.new exists but isn't in the backup",
        "rows a.t is crc32 bb, rows 3, was crc32 aa, rows 2",
        "structure a.t is crc32 9, was crc32 1",
        "view a.v is missing",
    ]
    assert differences(before, after, rows_only=True) == [
        "rows a.new exists but isn't in the backup",
        "rows a.t is crc32 bb, rows 3, was crc32 aa, rows 2",
    ]
