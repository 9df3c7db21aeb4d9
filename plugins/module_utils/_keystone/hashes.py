# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hashes of passwords: which algorithm made them at which cost, and whether a password is behind one.

Verified by the libraries that Keystone itself uses: bcrypt and cryptography, and passlib for what only older releases have made.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib
import re
import typing as t
from dataclasses import dataclass

UNKNOWN = "unknown"
NONE = "none"

_BCRYPT = re.compile(r"\$2[abxy]?\$(?P<rounds>\d\d)\$[./A-Za-z0-9]{53}\Z")
_BCRYPT_SHA256 = re.compile(
    r"\$bcrypt-sha256\$(?:v=(?P<version>2),t=(?P<kind>2[ab]),r=|(?P<old_kind>2[ab]),)(?P<rounds>\d{1,2})"
    r"\$(?P<salt>[./A-Za-z0-9]{22})\$(?P<digest>[./A-Za-z0-9]{31})\Z"
)
_SCRYPT = re.compile(
    r"\$scrypt\$ln=(?P<ln>\d{1,2}),r=(?P<r>\d{1,4}),p=(?P<p>\d{1,4})\$(?P<salt>[^$]+)\$(?P<digest>[^$]+)\Z"
)
_PBKDF2 = re.compile(r"\$pbkdf2-sha512\$(?P<rounds>\d{1,9})\$(?P<salt>[^$]+)\$(?P<digest>[^$]+)\Z")
_SHA512 = re.compile(r"\$6\$(?:rounds=(?P<rounds>\d{1,9})\$)?[^$]{0,16}\$[./A-Za-z0-9]{86}\Z")
_FORMS = (
    ("bcrypt", _BCRYPT),
    ("bcrypt_sha256", _BCRYPT_SHA256),
    ("scrypt", _SCRYPT),
    ("pbkdf2_sha512", _PBKDF2),
    ("sha512_crypt", _SHA512),
)
#: What a hash may cost to compare: no Keystone makes dearer ones, and one that was made up must not take the host's memory.
_DEAREST = {"bcrypt": 16, "bcrypt_sha256": 16, "pbkdf2_sha512": 2000000, "sha512_crypt": 2000000}
_MOST_MEMORY = 1 << 28
#: How much of a password goes into a bcrypt hash: 72 bytes, and 54 in Keystone's releases before 2023.
_BCRYPT_BYTES = (72, 54)
_PACKAGES = {
    "bcrypt": "python3-bcrypt",
    "bcrypt_sha256": "python3-bcrypt",
    "scrypt": "python3-cryptography or python3-passlib",
    "pbkdf2_sha512": "python3-cryptography or python3-passlib",
    "sha512_crypt": "python3-passlib",
}

Verify = t.Callable[[bytes], bool]


class MissingLibrary(Exception):
    """The library that compares hashes of this algorithm isn't there; package says what brings it."""

    def __init__(self, algorithm: str) -> None:
        super().__init__(algorithm)
        self.algorithm = algorithm
        self.package = _PACKAGES[algorithm]


class NotComparable(Exception):
    """A hash that no library here can compare, or only at a cost that no Keystone's hash has."""


@dataclass(frozen=True)
class Kind:
    """Which algorithm made a hash, and its cost by the algorithm's own names: rounds, or n, r and p. Never the hash."""

    algorithm: str
    cost: t.Mapping[str, int]


def kind_of(hashed: str) -> Kind:
    """The algorithm is 'none' for no hash, 'unknown' for one that no release of Keystone's makes."""
    if not hashed:
        return Kind(NONE, {})
    for algorithm, form in _FORMS:
        found = form.match(hashed)
        if found:
            return Kind(algorithm, _cost(algorithm, found))
    return Kind(UNKNOWN, {})


def _cost(algorithm: str, found: t.Match[str]) -> dict[str, int]:
    if algorithm == "scrypt":
        return {"n": 1 << int(found.group("ln")), "r": int(found.group("r")), "p": int(found.group("p"))}
    return {"rounds": int(found.group("rounds") or 5000)}  # sha512_crypt says nothing where it is its default


def verifier(hashed: str) -> Verify:
    """A function that tells whether a password is behind the hash. Raises MissingLibrary and NotComparable."""
    kind = kind_of(hashed)
    algorithm, cost = kind.algorithm, kind.cost
    if algorithm in (NONE, UNKNOWN):
        raise NotComparable
    dear = cost.get("rounds", 0) > _DEAREST.get(algorithm, 0)
    if algorithm == "scrypt":
        dear = 128 * cost["n"] * cost["r"] > _MOST_MEMORY or cost["p"] > 16
    if dear:
        raise NotComparable
    makers: dict[str, t.Callable[[str], Verify]] = {
        "bcrypt": _bcrypt,
        "bcrypt_sha256": _bcrypt_sha256,
        "scrypt": _scrypt,
        "pbkdf2_sha512": _pbkdf2,
        "sha512_crypt": lambda text: _passlib("sha512_crypt", text),
    }
    return makers[algorithm](hashed)


def _parts(form: t.Pattern[str], hashed: str) -> t.Match[str]:
    found = form.match(hashed)
    if found is None:
        raise NotComparable
    return found


def _library(name: str, algorithm: str) -> t.Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise MissingLibrary(algorithm) from None


def _passlib(algorithm: str, hashed: str) -> Verify:
    handler = getattr(_library("passlib.hash", algorithm), algorithm)
    return lambda password: bool(handler.verify(password, hashed))


def _bcrypt(hashed: str) -> Verify:
    library = _library("bcrypt", "bcrypt")

    def verify(password: bytes) -> bool:
        # Keystone cuts before it hashes; newer libraries refuse what is longer instead.
        cuts = {password[:length] for length in _BCRYPT_BYTES}
        return any(library.checkpw(cut, hashed.encode()) for cut in cuts)

    return verify


def _bcrypt_sha256(hashed: str) -> Verify:
    library = _library("bcrypt", "bcrypt_sha256")
    found = _parts(_BCRYPT_SHA256, hashed)
    salt = found.group("salt")
    kind = found.group("kind") or found.group("old_kind")
    inner = f"${kind}${int(found.group('rounds')):02d}${salt}{found.group('digest')}".encode()

    def verify(password: bytes) -> bool:
        if found.group("version"):
            digest = hmac.new(salt.encode(), password, hashlib.sha256).digest()
        else:
            digest = hashlib.sha256(password).digest()
        return bool(library.checkpw(base64.b64encode(digest), inner))

    return verify


def _scrypt(hashed: str) -> Verify:
    found = _parts(_SCRYPT, hashed)
    salt, digest = _decoded(found.group("salt")), _decoded(found.group("digest"))
    cost = kind_of(hashed).cost
    try:
        module = _library("cryptography.hazmat.primitives.kdf.scrypt", "scrypt")
    except MissingLibrary:
        return _passlib("scrypt", hashed)
    return _derived(
        lambda: module.Scrypt(salt=salt, length=len(digest), n=cost["n"], r=cost["r"], p=cost["p"], backend=_backend()),
        digest,
    )


def _pbkdf2(hashed: str) -> Verify:
    found = _parts(_PBKDF2, hashed)
    salt, digest, rounds = _decoded(found.group("salt")), _decoded(found.group("digest")), int(found.group("rounds"))
    try:
        module = _library("cryptography.hazmat.primitives.kdf.pbkdf2", "pbkdf2_sha512")
        algorithms = _library("cryptography.hazmat.primitives.hashes", "pbkdf2_sha512")
    except MissingLibrary:
        return _passlib("pbkdf2_sha512", hashed)
    return _derived(
        lambda: module.PBKDF2HMAC(
            algorithm=algorithms.SHA512(), length=len(digest), salt=salt, iterations=rounds, backend=_backend()
        ),
        digest,
    )


def _backend() -> t.Any:
    """Releases of cryptography before 3.1 want to be told; later ones take and ignore it."""
    return importlib.import_module("cryptography.hazmat.backends").default_backend()


def _derived(make: t.Callable[[], t.Any], digest: bytes) -> Verify:
    return lambda password: hmac.compare_digest(make().derive(password), digest)


def _decoded(text: str) -> bytes:
    """passlib's base64: without padding, and in pbkdf2 with a dot for the plus."""
    try:
        return base64.b64decode(text.replace(".", "+") + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise NotComparable from None
