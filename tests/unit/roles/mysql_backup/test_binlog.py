# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read of a binary log, in whatever pieces it comes."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.mysql_backup.files.mysql_backup.binlog import Mark, Scanner, first_at, state
from roles.mysql_backup.files.mysql_backup.failure import BackupError


def event(kind: int, when: int, body: bytes, end: int = 0) -> bytes:
    return struct.pack("<IBIIIH", when, kind, 1, 19 + len(body), end, 0) + body


def listed(known: dict[tuple[int, int], int]) -> bytes:
    rows = (struct.pack("<IIQ", domain, server, sequence) for (domain, server), sequence in known.items())
    return event(163, 1, struct.pack("<I", len(known) | 1 << 28) + b"".join(rows) + b"sums")


def log(*times: int, begin: int = 6) -> bytes:
    """A log whose transactions have these times."""
    text = b"\xfebin" + event(15, 1, b"x" * 80) + listed({(0, 1): begin, (3, 9): 4})
    for number, when in enumerate(times, begin + 1):
        gtid = struct.pack("<QIB", number, 0, 0) + b"\0" * 6
        text += event(162, when, gtid, len(text) + 19 + len(gtid) + 36) + event(23, when, b"r" * 900)
    return text


def scanned(text: bytes, pieces: int) -> Scanner:
    scanner = Scanner("binlog.000001", 100)
    for at in range(0, len(text), pieces):
        scanner.feed(text[at : at + pieces])
    scanner.finish()
    return scanner


@given(st.lists(st.integers(1, 50), max_size=8), st.integers(1, 3000))
def test_pieces_do_not_matter(times: list[int], pieces: int) -> None:
    whole, cut = (scanned(log(*times), size) for size in (1 << 20, pieces))
    assert (cut.begin, cut.end, cut.marks, cut.shift, cut.bytes) == (
        whole.begin,
        whole.end,
        whole.marks,
        whole.shift,
        whole.bytes,
    )
    assert whole.begin == {"0-1": 6, "3-9": 4}
    assert whole.end == {"0-1": 6 + len(times), "3-9": 4}


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.integers(0, 52))
def test_the_cut_is_before_the_first_transaction_of_the_moment_or_later(times: list[int], moment: int) -> None:
    text = log(*times)
    cut = first_at(scanned(text, 1 << 20).marks, moment)
    first = next((number for number, when in enumerate(times) if when >= moment), None)
    assert cut == (None if first is None else len(log(*times[:first])))


def test_a_log_that_is_encrypted_in_the_server_has_other_positions() -> None:
    assert scanned(log(5), 100).shift == 36
    assert scanned(log(5, 6), 100).marks == [Mark(5, len(log())), Mark(6, len(log(5)))]


def test_a_time_after_the_log_was_closed_is_none() -> None:
    marks = scanned(log(5, 3000, 6, 100, 101), 100).marks
    assert marks == [Mark(5, len(log())), Mark(6, len(log(5, 3000))), Mark(100, len(log(5, 3000, 6)))]


def test_a_log_of_more_than_4_gib_has_positions_that_begin_again() -> None:
    scanner = Scanner("binlog.000001", 100)
    scanner.feed(log())
    scanner.bytes += 1 << 32  # a transaction with as many
    scanner.feed(event(162, 5, struct.pack("<QIB", 7, 0, 0), len(log()) + 19 + 13 + 36))
    assert scanner.shift == 36


def test_what_the_server_says_of_its_gtids() -> None:
    assert state("") == {}
    assert state("0-1-7,0-2-3,5-1-10") == {"0-1": 7, "0-2": 3, "5-1": 10}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"#!/bin/sh\n" * 9, "isn't a binary log"),
        (b"\xfebin" + event(15, 1, b""), "doesn't begin with a list of GTIDs"),
        (b"\xfebin", "doesn't begin"),
        (b"\xfebin" + struct.pack("<IBIIIH", 1, 15, 1, 3, 0, 0) + b"x", "is damaged at byte 4: an event of 3 bytes"),
    ],
)
def test_what_is_no_log_is_told(text: bytes, said: str) -> None:
    with pytest.raises(BackupError, match=said):
        scanned(text, 7)


def transaction(flags: int, *events: bytes) -> bytes:
    return event(162, 5, struct.pack("<QIB", 7, 0, flags) + b"\0" * 6) + b"".join(events)


def query(text: bytes, kind: int = 2) -> bytes:
    """A statement in the database `nova`, with 5 bytes of variables before it and a checksum behind."""
    return event(kind, 5, struct.pack("<IIBHH", 9, 0, 4, 0, 5) + b"v" * 5 + b"nova\0" + text + b"SUM!")


def compressed(text: bytes) -> bytes:
    return query(b"\x82" + struct.pack(">H", len(text)) + zlib.compress(text), 165)


ROWS = event(19, 5, b"r" * 40) + event(23, 5, b"r" * 90)
DML, DML_WITHOUT_XID, DDL, DDL_WITH_ROWS, ALONE = 0xC, 0x8, 0x29, 0x28, 0x9


@pytest.mark.parametrize("pieces", [1 << 20, 7])
@pytest.mark.parametrize(
    ("group", "statements", "unrepeatable"),
    [
        (transaction(DML, ROWS, query(b"SAVEPOINT `x`"), ROWS, query(b"ROLLBACK TO `x`"), query(b"COMMIT")), False, False),
        (transaction(DML, ROWS, query(b"XA END X'71',X'',1")), False, False),
        (transaction(DDL, query(b"ALTER TABLE t ADD COLUMN a CHAR(36) DEFAULT (UUID())")), False, False),
        (transaction(DDL, query(b"CREATE TABLE t (a INT COMMENT 'select it''s \\' uuid()')")), False, False),
        (transaction(DDL, query(b"CREATE TRIGGER b BEFORE INSERT ON t FOR EACH ROW SET @a = (SELECT UUID())")), False, False),
        (transaction(DDL_WITH_ROWS, query(b"CREATE TABLE `t` (\n  `select` char(36)\n)"), ROWS), False, False),
        (transaction(ALONE, query(b"FLUSH PRIVILEGES")), False, False),
        (transaction(ALONE, query(b"TRUNCATE TABLE `a`.`m` /* generated by server */")), False, False),
        (transaction(DML, query(b"UPDATE t SET a = 1")), True, False),
        (transaction(DML_WITHOUT_XID, query(b"INSERT INTO t VALUES ('uuid()', 2)"), query(b"COMMIT")), True, False),
        (transaction(DML, query(b"INSERT INTO t (uuid) VALUES (1) /* rand() */ -- rand()\n")), True, False),
        (transaction(DML, ROWS, query(b"SET STATEMENT max_statement_time=1 FOR DELETE FROM t")), True, False),
        (transaction(DML, event(17, 5, b"rows"), event(18, 5, b"l" * 90)), True, False),
        (transaction(DDL_WITH_ROWS, query(b"CREATE TEMPORARY TABLE u (a INT)"), query(b"INSERT INTO t VALUES (1)")), True, False),
        (transaction(DDL, query(b"CREATE OR REPLACE TABLE t AS SELECT 1")), True, False),
        (transaction(DDL, query(b"create table t select uuid() u")), True, True),
        (transaction(DML, query(b"UPDATE t SET a = 'it\\'s', b = rand ()")), True, True),
        (transaction(DML, compressed(b"INSERT INTO t VALUES ('" + b"x" * 900 + b"', SYSDATE())")), True, True),
        (transaction(DML, compressed(b"SAVEPOINT `" + b"x" * 300 + b"`"), ROWS), False, False),
        (transaction(DML, query(b"\x82nothing that is compressed", 165)), True, False),
        (transaction(DML, event(2, 5, b"short")), True, False),
    ],
)  # fmt: skip
def test_a_change_that_is_no_row_is_seen(group: bytes, statements: bool, unrepeatable: bool, pieces: int) -> None:
    found = scanned(log(5) + group + transaction(DML, ROWS), pieces)
    assert (found.statements, found.unrepeatable) == (statements, unrepeatable)
    assert found.end["0-1"] == 7


def test_only_the_beginning_of_a_long_statement_is_looked_at() -> None:
    scanner = scanned(log(5) + transaction(DML, query(b"INSERT INTO t VALUES ('" + b"x" * (1 << 20) + b"')")), 1 << 16)
    assert (scanner.statements, scanner.unrepeatable) == (True, False)
    assert len(scanner._held) < 1 << 17
