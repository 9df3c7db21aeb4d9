# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""check_passwords on tables that Keystone made, with hashes that three of its releases made: each known password is found, none is shown."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import typing as t
from pathlib import Path

import pytest

from tests.integration.keystone_passwords import keystone
from tests.integration.mysql_backup.host import Database
from tests.integration.page import Newcomer, Page

# Each its own, so that what is shown by mistake tells of whom it is. The bootstrapped admin has Keystone's whole way from API to table.
ADMIN = "Zwetschge-admin-77"
PASSWORDS: dict[str, dict[str, str]] = {
    "train": {
        "bcrypt": "Zwetschge-tb-" + "ü" * 40, "scrypt": "Zwetschge-ts", "pbkdf2_sha512": "Zwetschge-tp", "sha512_crypt": "Zwetschge-t6",
    },
    "antelope": {"bcrypt": "Zwetschge-ab", "scrypt": "Zwetschge-as", "pbkdf2_sha512": "Zwetschge-ap"},
    "epoxy": {
        "bcrypt": "Zwetschge-eb-" + "ü" * 40, "bcrypt_sha256": "Zwetschge-e2", "scrypt": "Zwetschge-es", "pbkdf2_sha512": "Zwetschge-ep",
    },
}  # fmt: skip
LABELS = {
    f"{release}-{algorithm}": password for release, some in PASSWORDS.items() for algorithm, password in some.items()
}
_USER = """
INSERT INTO user (id, enabled, domain_id) VALUES ('id-{0}', 1, 'default');
INSERT INTO local_user (user_id, domain_id, name) VALUES ('id-{0}', 'default', '{0}');
"""
_PASSWORD = """
INSERT INTO password (local_user_id, password_hash, created_at, created_at_int, expires_at_int, self_service)
SELECT id, '{1}', NOW(), (UNIX_TIMESTAMP() - {2} * 86400) * 1000000, {3}, 0 FROM local_user WHERE name = '{0}';
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> t.Iterator[Database]:
    assert os.geteuid() == 0, "the server is root's: run this as root"
    made = Database(tmp_path_factory.mktemp("keystone"), "--skip-networking")
    made.install()
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def secrets(server: Database) -> list[str]:
    """Keystone's tables with its users; all passwords and hashes, none of which may be seen anywhere."""
    folder = server.folder
    conf = folder / "keystone.conf"
    (folder / "keys").mkdir()
    (folder / "keys/0").write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
    (folder / "keys/1").write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
    url = f"mysql+pymysql://root@localhost/keystone?unix_socket={server.socket}"
    conf.write_text(f"[database]\nconnection = {url}\n[fernet_tokens]\nkey_repository = {folder}/keys\n")
    server.ask("CREATE DATABASE keystone; CREATE USER reader@localhost IDENTIFIED BY 'Zwetschge-reader'")
    manage = ("epoxy", conf)
    keystone.manage(*manage, "db_sync")
    tables = ("user", "local_user", "password", "project")
    server.ask("".join(f"GRANT SELECT ON keystone.{name} TO reader@localhost;" for name in tables))
    keystone.manage(*manage, "bootstrap", OS_BOOTSTRAP_PASSWORD=ADMIN)
    for release, passwords in PASSWORDS.items():
        for algorithm, hashed in keystone.hashes(release, passwords).items():
            name = f"{release}-{algorithm}"
            server.ask("USE keystone;" + _USER.format(name) + _PASSWORD.format(name, hashed, 100, "NULL"))
    own = keystone.hashes("epoxy", {"bcrypt": "glance"})["bcrypt"]
    two = keystone.hashes("epoxy", {"bcrypt": "ADMIN_PASS"})["bcrypt"]
    server.ask(
        "USE keystone;"
        + "".join(_USER.format(name) for name in ("glance", "two", "strange", "empty"))
        + _PASSWORD.format("glance", own, 400, "(UNIX_TIMESTAMP() - 43200) * 1000000")
        + _PASSWORD.format("two", own, 300, "NULL")
        + _PASSWORD.format("two", two, 1, "(UNIX_TIMESTAMP() + 9.5 * 86400) * 1000000")
        + _PASSWORD.format("strange", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", 1, "NULL")
    )
    rows = server.ask("SELECT password_hash FROM keystone.password").split()
    assert len(rows) == len(LABELS) + 1 + 1 + 2 + 1
    return [ADMIN, *LABELS.values(), "ADMIN_PASS", "Zwetschge-reader", *rows, *(row.rpartition("$")[2] for row in rows)]


@pytest.fixture
def operator(package: Path, tmp_path: Path, server: Database, secrets: list[str]) -> Newcomer:
    there = Newcomer(tmp_path, package, PATH=os.environ["PATH"])
    there.copy(Page("passwords"))
    there.write("host_vars/db1.yml", {"ansible_connection": "local"})
    there.write("root.cnf", f"[client]\nsocket={server.socket}\n")
    there.write("reader.cnf", f"[client]\nsocket={server.socket}\nuser=reader\npassword=Zwetschge-reader\n")
    (there.home / "reader.cnf").chmod(0o600)
    there.write("old-passwords.yml", {**LABELS, "keystone_admin_password": ADMIN, "port": 3306})
    return there


def play(there: Newcomer, command: str, *more: str) -> tuple[str, dict[str, dict[str, t.Any]], dict[str, t.Any]]:
    """All that is said (-vvv, and the log) by a command of the guide's, the users by name, and the counts."""
    done = subprocess.run(
        [*shlex.split(command.removesuffix(" || true")), "-vvv", "--check", "--diff", *more],
        cwd=there.home, env={**there.environment, "ANSIBLE_LOG_PATH": str(there.home / "log"), "PWD": "/"},
        capture_output=True, text=True, timeout=600, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 2, said[-3000:]
    assert "TASK [Show the users" in said, said[-3000:]
    answer = said[said.index("=> {", said.index("TASK [Look at the local users")) + 3 :]
    found = json.JSONDecoder().raw_decode(answer)[0]
    printed = said.partition("TASK [Show the users")[2].splitlines()
    assert [line for line in found["text"] if line not in printed] == []
    return said + (there.home / "log").read_text(), {user["name"]: user for user in found["users"]}, found["counts"]


def host(there: Newcomer, release: str, account: str) -> list[str]:
    """What is the reader's own: a Python on the host, and the account."""
    python = keystone.venv(release) / "bin/python"
    return ["-e", f"ansible_python_interpreter={python}", "-e", f"check_passwords_defaults_file={there.home}/{account}"]


def test_every_known_password_is_found_and_none_is_shown(operator: Newcomer, secrets: list[str]) -> None:
    """With the Python of a Keystone that has passlib, by a read-only account."""
    _plain, with_file = Page("passwords").steps
    said, users, _counts = play(operator, with_file.command, *host(operator, "train", "reader.cnf"))
    for release, passwords in PASSWORDS.items():
        for algorithm in passwords:
            name = f"{release}-{algorithm}"
            assert (users[name]["algorithm"], users[name]["matches"], users[name]["age_days"]) == (
                algorithm,
                [name],
                100,
            )
            assert users[name]["cost"]
            assert users[name]["not_compared"] == ""
    assert users["admin"]["matches"] == ["keystone_admin_password"]
    assert (users["glance"]["matches"], users["glance"]["expired"], users["glance"]["expires_in_days"]) == (
        ["own name"],
        True,
        -1,
    )
    assert (users["two"]["current_passwords"], users["two"]["matches"], users["two"]["expires_in_days"]) == (
        2,
        ["default 12"],
        9,
    )
    assert (users["strange"]["algorithm"], users["strange"]["not_compared"]) == ("unknown", "unknown")
    assert (users["empty"]["algorithm"], users["empty"]["matches"]) == ("none", [])
    assert f"{len(LABELS) + 3} user(s) have a password that is known" in said
    assert [secret for secret in secrets if secret in said] == []


def test_a_library_that_is_missing_is_named_and_the_rest_compared(operator: Newcomer, secrets: list[str]) -> None:
    """With the Python of a Keystone that has no passlib any more."""
    own = json.dumps({"check_passwords_candidates": [LABELS["train-bcrypt"]], "check_passwords_guides": False})
    operator.write("own.yml", own)
    plain, _with_file = Page("passwords").steps
    said, users, counts = play(operator, plain.command, *host(operator, "epoxy", "root.cnf"), "-e", "@own.yml")
    assert (users["train-bcrypt"]["matches"], users["glance"]["matches"]) == (["candidate 1"], ["own name"])
    assert users["train-sha512_crypt"]["not_compared"] == "library"
    assert (
        "1 user(s) have hashes of sha512_crypt, which this host's Python can't compare; install python3-passlib" in said
    )
    assert counts["matched"] == 2
    assert counts["not_compared"] == 2
    assert counts["algorithms"]["unknown"] == counts["algorithms"]["none"] == 1
    assert [secret for secret in secrets if secret in said] == []


def test_a_database_without_users_is_not_a_clean_one(operator: Newcomer, server: Database) -> None:
    tables = ("user", "local_user", "password", "project")
    server.ask("CREATE DATABASE hollow;" + "".join(f"CREATE TABLE hollow.{one} LIKE keystone.{one};" for one in tables))
    plain, _with_file = Page("passwords").steps
    more = [*host(operator, "epoxy", "root.cnf"), "-e", "check_passwords_database=hollow"]
    said, users, _counts = play(operator, plain.command, *more)
    assert users == {}
    assert "The database hollow on db1 has no local user, so nothing was compared." in " ".join(said.split())

    # Nor one with a hash that nothing here knows.
    odd = _PASSWORD.format("odd", "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", 1, "NULL")
    server.ask("USE hollow;" + _USER.format("odd") + odd)
    said, users, _counts = play(operator, plain.command, *more)
    assert users["odd"]["not_compared"] == "unknown"
    assert "0 user(s) have a password that is known. The hashes of 1 weren't compared" in " ".join(said.split())
