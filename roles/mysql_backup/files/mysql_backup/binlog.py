# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads binary logs of MariaDB as far as it takes to put them in order and to find a moment in them. Pure: no I/O.

Every transaction begins with a GTID event, whose time is that of the statement that committed it. Every log begins with the state of all
GTIDs before it. So two logs follow each other if the second one begins with the state that the first one ends with, whatever they are called.

A change is there as rows or as the statement that made it. With binlog_format = ROW all are rows; with MIXED those are that a statement
might not repeat; a session can choose for itself.
"""

from __future__ import annotations

import re
import struct
import typing as t
import zlib

from .failure import BackupError

MAGIC = b"\xfebin"
_HEADER = struct.Struct("<IBIIIH")  # time, type, server id, length, end in the server's file, flags
_GTID, _GTID_LIST = 162, 163
_QUERY, _LOAD_DATA, _COMPRESSED_QUERY = 2, 18, 165
_FLAGS = 12  # of a GTID event: where they are
_STANDALONE = 1  # of these: a single statement of its own, as DDL is
_TEXT = 1 << 16  # bytes of a statement that are looked at
_COUNT = (1 << 28) - 1  # of the GTIDs in a list; the bits above are flags
# What a transaction has beside changes: its frame, temporary tables, the table whose rows are behind it.
_NO_CHANGE = re.compile(rb"BEGIN|COMMIT|ROLLBACK|SAVEPOINT|XA |CREATE|DROP")
_NO_CODE = re.compile(
    rb"""'(?:[^'\\]|\\.|'')*(?:'|$)|"(?:[^"\\]|\\.|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|/\*(?![!M]).*?(?:\*/|$)|(?:--\s|\#)[^\n]*""",
    re.DOTALL | re.VERBOSE,
)
_CREATE = re.compile(rb"\s*CREATE\s", re.IGNORECASE)
_FROM_SELECT = re.compile(
    rb"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMPORARY\s+)?TABLE\b.*\bSELECT\b", re.DOTALL | re.IGNORECASE
)
# Functions for which MIXED writes rows; in small letters, and without a look at what is before them, they are found six times as fast.
_FUNCTION = rb"(?:uuid|uuid_short|sys_guid|rand|random_bytes|sysdate|found_rows|row_count|load_file)\s*\("
_UNREPEATABLE = re.compile(_FUNCTION), re.compile(rb"(?<![\w.@$])" + _FUNCTION)

#: The last sequence number of each domain and server, as texts: "0-1" is domain 0, server 1.
State = t.Dict[str, int]


class Mark(t.NamedTuple):
    """The first transaction of a log that has this time or a later one."""

    time: int  # s since 1970
    offset: int  # byte at which it begins


def state(text: str) -> State:
    """Of what the server says of its GTIDs: 0-1-7,0-2-3."""
    found = {}
    for one in filter(None, text.split(",")):
        domain, server, sequence = one.split("-")
        found[f"{domain}-{server}"] = int(sequence)
    return found


def first_at(marks: t.Iterable[Mark], time: int) -> t.Optional[int]:
    """Where the first transaction of this time or a later one begins; None where all are earlier."""
    return next((one.offset for one in marks if one.time >= time), None)


class Scanner:
    """Follows the events of one log."""

    def __init__(self, name: str, closed: int) -> None:
        """`closed` is when the log was closed, in s since 1970."""
        self.begin: t.Optional[State] = None  # before the first transaction
        self.end: State = {}  # after the last one
        self.marks: list[Mark] = []
        self.shift = (
            0  # bytes by which positions in the server's file are ahead: it may be encrypted there, and isn't here
        )
        self.bytes = 0
        self.statements = False  # whether there are changes that are no rows
        self.unrepeatable = False  # whether the text of one shows that it gives other values when it is repeated
        self._name = name
        self._closed = closed
        self._held = b""
        self._skip = 0
        self._opened = False
        self._flags = 0  # of the latest GTID

    def feed(self, chunk: bytes) -> None:
        """Read on. Raises BackupError for what is no binary log."""
        self.bytes += len(chunk)
        if self._skip >= len(chunk):
            self._skip -= len(chunk)
            return
        text, at = self._held + chunk[self._skip :], 0
        self._skip, self._held = 0, b""
        if not self._opened:
            if len(text) < len(MAGIC):
                self._held = text
                return
            if not text.startswith(MAGIC):
                raise BackupError(f"{self._name} isn't a binary log that can be read.")
            self._opened, at = True, len(MAGIC)
        base = self.bytes - len(text)
        while len(text) - at >= _HEADER.size:
            when, kind, server, length, end, _flags = _HEADER.unpack_from(text, at)
            if length < _HEADER.size:
                raise BackupError(f"{self._name} is damaged at byte {base + at}: an event of {length} bytes.")
            seen = _seen(kind, length)
            if len(text) - at < seen:
                break
            body = text[at + _HEADER.size : at + seen]
            if kind in (_GTID, _GTID_LIST):
                self.shift = (end - (base + at + length)) % (1 << 32)  # as wide as the server's number
                self._know(kind, when, server, base + at, body)
            elif seen:
                self._judge(kind, body)
            if len(text) - at < length:
                self._skip = length - (len(text) - at)
                return
            at += length
        self._held = text[at:]

    def finish(self) -> None:
        """Raises BackupError where the log has no beginning."""
        if self.begin is None:
            raise BackupError(f"{self._name} doesn't begin with a list of GTIDs, as the logs of MariaDB do.")

    def _know(self, kind: int, when: int, server: int, offset: int, body: bytes) -> None:
        if kind == _GTID_LIST:
            number = struct.unpack_from("<I", body)[0] & _COUNT
            rows = struct.iter_unpack("<IIQ", body[4 : 4 + 16 * number])
            listed = {f"{domain}-{its}": sequence for domain, its, sequence in rows}
            if self.begin is None:
                self.begin, self.end = listed, dict(listed)
            return
        sequence, domain = struct.unpack_from("<QI", body)
        self.end[f"{domain}-{server}"] = sequence
        self._flags = body[_FLAGS] if len(body) > _FLAGS else 0
        # A clock that was ahead, or SET timestamp: with a time that had not come yet, all that follows would seem to be as late.
        if when <= self._closed and (not self.marks or when > self.marks[-1].time):
            self.marks.append(Mark(when, offset))

    def _judge(self, kind: int, body: bytes) -> None:
        """Of a statement: whether it changes rows, and repeats."""
        text = _statement(kind, body)
        if self._flags & _STANDALONE or _NO_CHANGE.match(text):
            changes = _CREATE.match(text) is not None and _FROM_SELECT.match(_NO_CODE.sub(b" ", text)) is not None
        else:
            changes = True
        self.statements = self.statements or changes
        if changes and not self.unrepeatable:
            quick, exact = _UNREPEATABLE
            self.unrepeatable = bool(quick.search(text.lower()) and exact.search(_NO_CODE.sub(b" ", text).lower()))


def _seen(kind: int, length: int) -> int:
    """How many bytes of an event matter here."""
    if kind in (_GTID, _GTID_LIST):
        return length
    return min(length, _TEXT) if kind in (_QUERY, _LOAD_DATA, _COMPRESSED_QUERY) else 0


def _statement(kind: int, body: bytes) -> bytes:
    """The beginning of the text in an event, empty where there is none; a checksum may follow it."""
    if kind == _LOAD_DATA or len(body) < 13:
        return b""
    database, _error, variables = struct.unpack_from("<BHH", body, 8)
    text = body[13 + variables + database + 1 :]
    if kind == _COMPRESSED_QUERY:
        try:
            return zlib.decompressobj().decompress(text[1 + (text[0] & 7) :], _TEXT)
        except (zlib.error, IndexError):
            return b""
    return text
