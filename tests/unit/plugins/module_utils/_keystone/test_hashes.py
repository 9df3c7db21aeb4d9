# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes that Keystone's own code has made (16.0.2, 23.0.2 and 27.0.0) are known by their form, and compared by Keystone's libraries."""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import typing as t
from types import SimpleNamespace

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone import hashes
from ansible_collections.openstack_ops.day2.plugins.module_utils._keystone.hashes import Kind, kind_of, verifier

PASSWORD = "sécret-1".encode()
BCRYPT = "$2b$12$OjddkXTMZCuZtyoKCYIk2.YHUpEZ.u0k6SJ5JZcfvdc84IVrVnKma"
BCRYPT_SHA256 = "$bcrypt-sha256$v=2,t=2b,r=12$7gtLzAnznx8eoSZLfkG75O$D8o62kAR7kkDh9GeOuQFvRmzKhkEQmy"
BCRYPT_SHA256_OLD = "$bcrypt-sha256$2b,12$7gtLzAnznx8eoSZLfkG75O$D8o62kAR7kkDh9GeOuQFvRmzKhkEQmy"
SHA512 = "$6$rounds=10000$usesomesalt$" + "a" * 86
MADE = {
    "scrypt, 16.0.2": "$scrypt$ln=16,r=8,p=1$TQlBiHFuTUkJYUyJ0RrjnA$LN/ZvBtK0HoyFXSbLRQk+de+QVlVCUD4pmHTu6MTsXU",
    "scrypt, 27.0.0": "$scrypt$ln=16,r=8,p=1$vvpmpCaQ3L7h7XbP1NzNUA$578xLQsutkk6ctZYJ3JawQnQmvCJBbdLCDAIfvHxT+w",
    "pbkdf2, 16.0.2": "$pbkdf2-sha512$25000$zhkDYIwRwnivlZJS6l1LaQ$SE7Cz6m7gOQ8TKOV6PFJ2x1ip/fHcEUqRcaN./7VdHiSNZ1cVAPUA/2VYBS6gWm2ZAQnPxDzlPIjwMDgvlqQ8A",
    "pbkdf2, 27.0.0": "$pbkdf2-sha512$25000$HFRHqg/oRIQpoi33g+rNDg$1ztxEviduLM7tboHixrkk527yEFGocUbfM8Edj5/7gzRDC5NJ2nz6rKpXb3SMDfCLVjSS3jDq+J+x1Cbvso/rw",
}  # fmt: skip


@pytest.mark.parametrize("hashed", MADE.values(), ids=MADE)
def test_keystones_own_hashes_are_compared(hashed: str) -> None:
    verify = verifier(hashed)
    assert verify(PASSWORD)
    assert not verify(PASSWORD + b"x")


@pytest.mark.parametrize(
    ("hashed", "kind"),
    [
        (BCRYPT, Kind("bcrypt", {"rounds": 12})),
        (BCRYPT_SHA256, Kind("bcrypt_sha256", {"rounds": 12})),
        (BCRYPT_SHA256_OLD, Kind("bcrypt_sha256", {"rounds": 12})),
        (MADE["scrypt, 16.0.2"], Kind("scrypt", {"n": 65536, "r": 8, "p": 1})),
        (MADE["pbkdf2, 27.0.0"], Kind("pbkdf2_sha512", {"rounds": 25000})),
        (SHA512, Kind("sha512_crypt", {"rounds": 10000})),
        ("$6$salt$" + "a" * 86, Kind("sha512_crypt", {"rounds": 5000})),
        ("", Kind("none", {})),
        ("$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA", Kind("unknown", {})),
        ("$2b$12$tooshort", Kind("unknown", {})),
        ("plain", Kind("unknown", {})),
    ],
)
def test_kinds(hashed: str, kind: Kind) -> None:
    assert kind_of(hashed) == kind


@pytest.mark.parametrize(
    "hashed",
    [
        "$argon2id$v=19$m=65536,t=3,p=4$c2FsdA$aGFzaA",
        "",
        BCRYPT.replace("$12$", "$31$"),
        MADE["scrypt, 16.0.2"].replace("ln=16", "ln=40"),
        MADE["pbkdf2, 16.0.2"].replace("$25000$", "$999999999$"),
        MADE["pbkdf2, 16.0.2"].replace("$zhk", "$*hk"),
    ],
)
def test_what_can_not_be_compared_is_not_tried(hashed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib, "import_module", _with({"bcrypt": SimpleNamespace()}))
    with pytest.raises(hashes.NotComparable):
        verifier(hashed)


def _with(modules: dict[str, t.Any], missing: str = "passlib") -> t.Callable[[str], t.Any]:
    """Imports these, and none that begin with `missing`."""
    real = importlib.import_module

    def find(name: str) -> t.Any:
        if name in modules:
            return modules[name]
        if name.startswith(missing):
            raise ImportError(name)
        return real(name)

    return find


class FakeBcrypt:
    """Refuses more than 72 bytes, as bcrypt does since 5.0."""

    def __init__(self, good: bytes) -> None:
        self.good = good
        self.asked: list[tuple[bytes, bytes]] = []

    def checkpw(self, password: bytes, hashed: bytes) -> bool:
        if len(password) > 72:
            raise ValueError("password cannot be longer than 72 bytes")
        self.asked.append((password, hashed))
        return password == self.good


@pytest.mark.parametrize("length", [8, 54, 72])
def test_a_long_password_is_cut_as_keystone_cuts_it(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeBcrypt(b"x" * length)
    monkeypatch.setattr(importlib, "import_module", _with({"bcrypt": fake}))
    assert verifier(BCRYPT)(b"x" * (length if length == 8 else 100))
    assert {hashed for _password, hashed in fake.asked} == {BCRYPT.encode()}


@pytest.mark.parametrize("old", [True, False])
def test_bcrypt_sha256_hands_bcrypt_a_digest(old: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    salt = b"7gtLzAnznx8eoSZLfkG75O"
    digest = hashlib.sha256(PASSWORD).digest() if old else hmac.new(salt, PASSWORD, "sha256").digest()
    fake = FakeBcrypt(base64.b64encode(digest))
    monkeypatch.setattr(importlib, "import_module", _with({"bcrypt": fake}))
    assert verifier(BCRYPT_SHA256_OLD if old else BCRYPT_SHA256)(PASSWORD)
    assert fake.asked[0][1] == b"$2b$12$7gtLzAnznx8eoSZLfkG75OD8o62kAR7kkDh9GeOuQFvRmzKhkEQmy"


@pytest.mark.parametrize(
    ("hashed", "missing", "package"),
    [
        (BCRYPT, ("bcrypt",), "python3-bcrypt"),
        (BCRYPT_SHA256, ("bcrypt",), "python3-bcrypt"),
        (SHA512, ("passlib",), "python3-passlib"),
        (MADE["scrypt, 16.0.2"], ("cryptography", "passlib"), "python3-cryptography or python3-passlib"),
        (MADE["pbkdf2, 16.0.2"], ("cryptography", "passlib"), "python3-cryptography or python3-passlib"),
    ],
)
def test_a_library_that_is_missing_is_named(
    hashed: str, missing: tuple[str, ...], package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def find(name: str) -> t.Any:
        raise ImportError(name) if name.startswith(missing) else AssertionError(name)

    monkeypatch.setattr(importlib, "import_module", find)
    with pytest.raises(hashes.MissingLibrary) as error:
        verifier(hashed)
    assert error.value.package == package


@pytest.mark.parametrize(("name", "hashed"), [("scrypt", MADE["scrypt, 16.0.2"]), ("sha512_crypt", SHA512)])
def test_passlib_compares_what_the_others_do_not(name: str, hashed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handler = SimpleNamespace(verify=lambda password, given: (password, given) == (PASSWORD, hashed))
    passlib = {"passlib.hash": SimpleNamespace(**{name: handler})}
    monkeypatch.setattr(importlib, "import_module", _with(passlib, missing="cryptography"))
    assert verifier(hashed)(PASSWORD)
