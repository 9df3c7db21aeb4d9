# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be told of local users' passwords: never a hash, never a candidate."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from . import hashes
from .candidates import OWN_NAME
from .database import Found, User

_DAY = 86400 * 1000000


@dataclass
class Told:
    """One user's row. matches are labels; not_compared says why the candidates weren't compared, '' where they were."""

    user: User
    algorithm: str
    cost: t.Mapping[str, int]
    current: int
    age: t.Optional[int]
    expires: t.Optional[int]
    expired: bool
    matches: list[str] = field(default_factory=list)
    not_compared: str = ""

    def public(self) -> dict[str, t.Any]:
        return {
            "id": self.user.id,
            "name": self.user.name,
            "domain": self.user.domain,
            "enabled": self.user.enabled,
            "algorithm": self.algorithm,
            "cost": dict(self.cost),
            "age_days": self.age,
            "expires_in_days": self.expires,
            "expired": self.expired,
            "passwords": len(self.user.passwords),
            "current_passwords": self.current,
            "matches": self.matches,
            "not_compared": self.not_compared,
        }


def rows(found: Found) -> list[Told]:
    """A row for each user, of the newest password, which is the one that Keystone asks for."""
    made = []
    for user in found.users:
        newest = user.passwords[-1] if user.passwords else None
        kind = hashes.kind_of(newest.hashed if newest else "")
        valid = [one for one in user.passwords if one.expires is None or one.expires > found.now]
        expires = newest.expires if newest else None
        made.append(
            Told(
                user,
                kind.algorithm,
                kind.cost,
                len(valid),
                (found.now - newest.created) // _DAY if newest and newest.created else None,
                (expires - found.now) // _DAY if expires is not None else None,
                expires is not None and expires <= found.now,
            )
        )
    return made


def compare(
    told: t.Sequence[Told],
    candidates: t.Sequence[tuple[str, str]],
    *,
    own_name: bool,
    seconds: float,
    clock: t.Callable[[], float] = time.monotonic,
) -> list[str]:
    """Compare each user's newest hash with the candidates, for so long. Returns what kept some from being compared, for operators."""
    end = clock() + seconds
    missing: dict[str, list[Told]] = {}
    packages: dict[str, str] = {}
    late = 0
    for one in told:
        if one.algorithm == hashes.NONE:
            continue
        tried = [*candidates, *([(OWN_NAME, one.user.name)] if own_name else [])]
        try:
            verify = hashes.verifier(one.user.passwords[-1].hashed)
        except hashes.MissingLibrary as exc:
            one.not_compared = "library"
            missing.setdefault(exc.algorithm, []).append(one)
            packages[exc.algorithm] = exc.package
            continue
        except hashes.NotComparable:
            one.not_compared = "unknown"
            continue
        for label, password in tried:
            if clock() >= end:
                one.not_compared = "time"
                late += 1
                break
            try:
                if verify(password.encode("utf-8", "surrogatepass")):
                    one.matches.append(label)
            except Exception:  # a library's own errors may repeat the hash
                one.not_compared = "unknown"
                break
    problems = [
        f"{len(users)} user(s) have hashes of {algorithm}, which this host's Python can't compare; install {packages[algorithm]}, or "
        "set ansible_python_interpreter to one that has it, such as Keystone's own."
        for algorithm, users in sorted(missing.items())
    ]
    if late:
        problems.append(
            f"The time was up ({seconds:g} s) before all candidates were compared with the hashes of {late} user(s); give more seconds, "
            "or fewer candidates."
        )
    return problems


def counts(told: t.Sequence[Told]) -> dict[str, t.Any]:
    algorithms: dict[str, int] = {}
    for one in told:
        algorithms[one.algorithm] = algorithms.get(one.algorithm, 0) + 1
    return {
        "users": len(told),
        "algorithms": algorithms,
        "expired": sum(one.expired for one in told),
        "several_current": sum(one.current > 1 for one in told),
        "matched": sum(bool(one.matches) for one in told),
        "not_compared": sum(bool(one.not_compared) for one in told),
    }
