# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from the database, what is told of it, and that no password and no hash is in anything that is told."""

from __future__ import annotations

import dataclasses
import shutil
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone import database, hashes, report
from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone.candidates import (
    DEFAULTS,
    candidates_of,
    packed,
    unpacked,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone.database import Found, Password, User

DAY = 86400 * 1000000
NOW = 2000 * DAY
BCRYPT = "$2b$12$OjddkXTMZCuZtyoKCYIk2.YHUpEZ.u0k6SJ5JZcfvdc84IVrVnKma"


class FakeClient:
    """Answers as the client does with --batch and --skip-column-names."""

    def __init__(
        self, *rows: str, columns: str = "id local_user_id password_hash created_at_int expires_at_int"
    ) -> None:
        self.rows, self.columns = rows, columns
        self.asked: list[tuple[list[str], str]] = []
        self.error = ""

    def __call__(self, args: list[str], data: str = "") -> tuple[int, str, str]:
        self.asked.append((args, data))
        assert data.startswith("SET SESSION TRANSACTION READ ONLY;\nSELECT ")
        if self.error:
            return 1, "", self.error
        if "information_schema" in data:
            return 0, "\n".join(self.columns.split()) + "\n", ""
        if "NOW(6)" in data:
            return 0, f"{NOW}\n", ""
        return 0, "".join(row + "\n" for row in self.rows), ""


def row(name: str, hashed: str, *, created: int = NOW - 3 * DAY, expires: str = "NULL", enabled: str = "1") -> str:
    fields = (f"id-{name}", name, "Default")
    return "\t".join(
        [
            *(field.encode().hex().upper() for field in fields),
            enabled,
            "7",
            hashed.encode().hex(),
            str(created),
            expires,
        ]
    )


@pytest.fixture(autouse=True)
def client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/mysql" if name == "mysql" else None)


def read(client: FakeClient, **options: str) -> Found:
    return database.read(client, options.get("name", "keystone"), options.get("defaults_file", ""))


def told(client: FakeClient) -> dict[str, dict[str, t.Any]]:
    return {one.user.name: one.public() for one in report.rows(read(client))}


def test_users_and_their_passwords() -> None:
    client = FakeClient(
        row("admin", "$old", created=NOW - 900 * DAY, expires=str(NOW - 3 * DAY)),
        row("admin", BCRYPT),
        row("two\tlines\n", "$first", created=NOW - 9 * DAY),
        row("two\tlines\n", BCRYPT, expires=str(NOW + 2 * DAY), enabled="NULL"),
        row("late", BCRYPT, created=0, expires=str(NOW - DAY), enabled="0"),
        row("nothing", "").replace("\t7\t", "\tNULL\t").replace(str(NOW - 3 * DAY), "NULL"),
    )
    rows = told(client)
    assert rows["admin"] == {
        "id": "id-admin", "name": "admin", "domain": "Default", "enabled": True, "algorithm": "bcrypt", "cost": {"rounds": 12},
        "age_days": 3, "expires_in_days": None, "expired": False, "passwords": 2, "current_passwords": 1, "matches": [],
        "not_compared": "",
    }  # fmt: skip
    assert (rows["two\tlines\n"]["current_passwords"], rows["two\tlines\n"]["expires_in_days"]) == (2, 2)
    assert (rows["late"]["expired"], rows["late"]["age_days"], rows["late"]["enabled"]) == (True, None, False)
    assert (rows["nothing"]["algorithm"], rows["nothing"]["passwords"]) == ("none", 0)
    counts = report.counts(report.rows(read(client)))
    assert counts == {
        "users": 4, "algorithms": {"bcrypt": 3, "none": 1}, "expired": 1, "several_current": 1, "matched": 0, "not_compared": 0,
    }  # fmt: skip


def test_how_the_client_is_called() -> None:
    client = FakeClient()
    read(client, defaults_file="/root/read.cnf")
    args = {tuple(args) for args, _data in client.asked}
    assert args == {
        ("/usr/bin/mysql", "--defaults-file=/root/read.cnf", "--binary-mode", "--local-infile=0", "--default-character-set=utf8mb4",
         "--batch", "--skip-column-names", "--database=keystone"),
    }  # fmt: skip


def test_hashes_that_an_old_release_left_in_their_old_column() -> None:
    client = FakeClient(columns="password password_hash created_at_int expires_at_int")
    read(client)
    assert "COALESCE(p.password_hash, p.password)" in client.asked[-1][1]


@pytest.mark.parametrize(
    ("client", "sentence"),
    [
        (FakeClient(columns="id password"), "no table password with created_at_int, expires_at_int, password_hash"),
        (FakeClient(columns=""), "or hidden from this account"),
        (FakeClient("4142\tx"), "a line of another shape"),
    ],
)
def test_a_database_that_is_not_keystones(client: FakeClient, sentence: str) -> None:
    with pytest.raises(OperatorError) as error:
        read(client)
    assert sentence in str(error.value)


def test_a_server_that_refuses() -> None:
    client = FakeClient()
    client.error = (
        "mysql: [Warning] x\nERROR 1045 (28000): Access denied for user 'x'@'localhost' (using password: NO)\n"
    )
    with pytest.raises(OperatorError, match=r"can't be read: ERROR 1045 \(28000\): Access denied .* Run it as root"):
        read(client)
    client.error = "ERROR 1049 (42000): Unknown database 'keystone'\n"
    with pytest.raises(OperatorError, match="Unknown database 'keystone'.* name the database if it has another name"):
        read(client)
    with pytest.raises(OperatorError, match="which is no database's name"):
        read(client, name="a;b")


def test_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(OperatorError, match="install mariadb-client"):
        read(FakeClient())


@pytest.fixture
def users() -> list[report.Told]:
    made = [
        User(name, name, "Default", True, (Password(f"hash of {name}", 1, None),)) for name in ("ann", "bob", "eve")
    ]
    rows = report.rows(Found(tuple(made), NOW))
    for one in rows:
        one.algorithm = "bcrypt"
    return rows


def compare(users: list[report.Told], monkeypatch: pytest.MonkeyPatch, **answers: t.Any) -> list[str]:
    def verifier(hashed: str) -> hashes.Verify:
        answer = answers[hashed.rpartition(" ")[2]]
        if isinstance(answer, Exception):
            raise answer
        return lambda password: password == answer.encode() if answer != "broken" else 1 / 0 > 1

    monkeypatch.setattr(hashes, "verifier", verifier)
    ticks = iter(range(100))
    return report.compare(
        users,
        [("one", "p1"), ("two", "p2")],
        own_name=True,
        seconds=answers.get("seconds", 50),
        clock=lambda: next(ticks),
    )


def test_matches_are_labels(users: list[report.Told], monkeypatch: pytest.MonkeyPatch) -> None:
    assert compare(users, monkeypatch, ann="p2", bob="bob", eve="other") == []
    assert [one.matches for one in users] == [["two"], ["own name"], []]
    assert report.counts(users)["matched"] == 2


def test_what_was_not_compared_is_told(users: list[report.Told], monkeypatch: pytest.MonkeyPatch) -> None:
    problems = compare(
        users, monkeypatch, ann=hashes.MissingLibrary("bcrypt"), bob=hashes.NotComparable(), eve="broken"
    )
    assert [one.not_compared for one in users] == ["library", "unknown", "unknown"]
    assert len(problems) == 1
    assert problems[0].startswith(
        "1 user(s) have hashes of bcrypt, which this host's Python can't compare; install python3-bcrypt,"
    )


def test_time_that_is_up(users: list[report.Told], monkeypatch: pytest.MonkeyPatch) -> None:
    (problem,) = compare(users, monkeypatch, ann="p2", bob="bob", eve="eve", seconds=4)
    assert [one.not_compared for one in users] == ["", "time", "time"]
    assert "The time was up (4 s) before all candidates were compared with the hashes of 2 user(s)" in problem


def test_candidates_travel_packed() -> None:
    made = candidates_of(
        ["a1", {"label": "vault", "password": "b2"}], {"db": "c3", "n": 5, "none": None}, defaults=True
    )
    assert made[:3] == [("candidate 1", "a1"), ("vault", "b2"), ("db", "c3")]
    assert len(made) == 3 + len(DEFAULTS)
    assert "cubswin" not in packed(made)
    assert unpacked(packed(made)) == made
    assert unpacked("") == []


@pytest.mark.parametrize(
    ("given", "named", "sentence"),
    [
        ([""], {}, "Candidate 1: isn't a text; put it in quotes."),
        ([17], {}, "Candidate 1: isn't a text; put it in quotes."),
        ([{"label": "x"}], {}, "Candidate 1: has other keys than label and password, or no password."),
        ([{"label": "xyzzy", "password": "xyzzy"}], {}, "Candidate 1: its label has the password in it"),
        ([{"label": "the xyzzy", "password": "xyzzy"}], {}, "Candidate 1: its label has the password in it"),
        (["a\0b"], {}, "Candidate 1: has a zero byte"),
        ([{"label": "db", "password": "q"}], {"db": "r"}, "The label 'db' is taken"),
        ([{"label": "own name", "password": "q"}], {}, "The label 'own name' is taken"),
        ([], {"x": "q", "is xyzzy": "xyzzy"}, "Candidate 2 of the file: its label has the password in it"),
        ([], {"a": 1}, "The file of candidates has no text in it"),
    ],
)
def test_candidates_that_are_none(given: list[t.Any], named: dict[str, t.Any], sentence: str) -> None:
    with pytest.raises(OperatorError) as error:
        candidates_of(given, named, defaults=False)
    assert sentence in str(error.value)
    assert "xyzzy" not in str(error.value)


@pytest.mark.parametrize("text", ["xyzzy", "eHl6enk=", "W1sxXV0="])
def test_what_the_filter_has_not_packed(text: str) -> None:
    with pytest.raises(OperatorError, match="isn't what the filter"):
        unpacked(text)


def test_totals_come_first_and_then_who_needs_a_look(users: list[report.Told]) -> None:
    ann, bob, eve = users
    ann.user = dataclasses.replace(ann.user, name="ann\x1b[2J\nbob")
    ann.cost = {"rounds": 12}
    bob.matches, eve.not_compared = ["own name"], "time"
    assert report.lines(users) == [
        "3 local user(s): 1 with a known password, 1 not compared, 0 expired, 0 with several current passwords.",
        "user         domain   algorithm  cost       age, days  expires, days  current  known as  not compared",
        "bob          Default  bcrypt                     1999                       1  own name",
        "eve          Default  bcrypt                     1999                       1            time",
        "ann?[2J?bob  Default  bcrypt     rounds=12       1999                       1",
    ]
    assert [line.split()[0] for line in report.lines(users * 21)[2:]] == ["bob", "eve"] * 21 + ["and"]
    assert report.lines([])[1:] == []
