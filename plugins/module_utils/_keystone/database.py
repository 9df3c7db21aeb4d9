# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Local users and the hashes of their passwords, read from Keystone's database by the server's own client. Changes nothing."""

from __future__ import annotations

import re
import shutil
import typing as t
from dataclasses import dataclass

from .._common import OperatorError, Run, shown

# No statement reaches a shell or a file through the client, and what is asked could change nothing.
_SAFE = ("--binary-mode", "--local-infile=0", "--default-character-set=utf8mb4", "--batch", "--skip-column-names")
_READ_ONLY = "SET SESSION TRANSACTION READ ONLY;\n"
_COLUMNS = (
    "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'password';\n"
)
_NOW = "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED);\n"
# In hex, so that no name and no hash can end a field or a line. Up to Rocky, the hash of a user that nobody has touched since is in
# the column password.
_USERS = """SELECT HEX(u.id), HEX(l.name), HEX(COALESCE(d.name, l.domain_id)), u.enabled, p.id, HEX({hash}), p.created_at_int, p.expires_at_int
FROM local_user l JOIN user u ON u.id = l.user_id LEFT JOIN project d ON d.id = l.domain_id LEFT JOIN password p ON p.local_user_id = l.id
ORDER BY l.id, p.created_at_int, p.id;
"""
_NEEDED = {"password_hash", "created_at_int", "expires_at_int"}
_NULL = "NULL"
_LONGEST_COMPLAINT = 400


@dataclass(frozen=True)
class Password:
    """A password's hash, and in microseconds since 1970 when it was made (0: not known) and when it expires (None: never)."""

    hashed: str
    created: int
    expires: t.Optional[int]

    def __repr__(self) -> str:
        return "Password(...)"


@dataclass(frozen=True)
class User:
    """A local user of Keystone's; passwords from the oldest to the newest, which is the one that counts. enabled None: not known."""

    id: str
    name: str
    domain: str
    enabled: t.Optional[bool]
    passwords: tuple[Password, ...]


@dataclass(frozen=True)
class Found:
    """All local users, and the server's time in microseconds since 1970."""

    users: tuple[User, ...]
    now: int


def read(run: Run, database: str, defaults_file: str) -> Found:
    """Raises OperatorError where the server doesn't answer, or the database isn't Keystone's (from Queens on)."""
    if not re.match(r"[A-Za-z0-9_$-]{1,64}\Z", database):
        raise OperatorError(f"database is {shown(database)}, which is no database's name.")
    program = shutil.which("mariadb") or shutil.which("mysql")
    if program is None:
        raise OperatorError("Neither mariadb nor mysql is installed on this host; install mariadb-client.")
    options = [f"--defaults-file={defaults_file}"] if defaults_file else []
    command = [program, *options, *_SAFE, f"--database={database}"]

    def ask(statement: str) -> list[list[str]]:
        rc, out, err = run(command, _READ_ONLY + statement)
        if rc != 0:
            raise OperatorError(f"The database {database} can't be read: {_refusal(err)}. {_WAY_OUT}")
        return [line.split("\t") for line in out.splitlines()]

    columns = {row[0] for row in ask(_COLUMNS)}
    if not columns >= _NEEDED:
        raise OperatorError(
            f"The database {database} has no table password with {', '.join(sorted(_NEEDED - columns))}, so it isn't Keystone's, of a "
            "release before Queens, or hidden from this account; name the database, or grant SELECT on it."
        )
    hashed = "COALESCE(p.password_hash, p.password)" if "password" in columns else "p.password_hash"
    (now,), *_rest = ask(_NOW)
    return Found(tuple(_users(ask(_USERS.replace("{hash}", hashed)))), int(now))


_WAY_OUT = (
    "Run it as root on the host that has Keystone's database, name the database if it has another name, or give a defaults_file "
    "with an account that may SELECT there."
)


def _users(rows: t.Sequence[t.Sequence[str]]) -> list[User]:
    names: dict[str, tuple[str, str, t.Optional[bool]]] = {}
    passwords: dict[str, list[Password]] = {}
    for row in rows:
        if len(row) != 8:
            raise OperatorError(
                "The server's answer has a line of another shape than was asked for; nothing of it is shown."
            )
        identity, name, domain = (_text(field) for field in row[:3])
        names[identity] = (name, domain, None if row[3] == _NULL else row[3] != "0")
        of_user = passwords.setdefault(identity, [])
        if row[4] != _NULL:
            expires = None if row[7] == _NULL else int(row[7])
            of_user.append(Password(_text(row[5]), int(row[6]), expires))
    return [User(identity, *names[identity], tuple(passwords[identity])) for identity in names]


def _text(field: str) -> str:
    return "" if field == _NULL else bytes.fromhex(field).decode("utf-8", "replace")


def _refusal(said: str) -> str:
    """What the client complained about, in a line, without statements that it repeats."""
    told = said.splitlines()
    lines = [line for line in told if line.startswith("ERROR")] or told[-1:]
    text = " ".join(lines[0].split()).rstrip(".") if lines else "the client said nothing"
    return re.sub(r"(to use near) '.*", r"\1 a text that is not shown here", text)[:_LONGEST_COMPLAINT]
