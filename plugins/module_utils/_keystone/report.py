# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be told of local users' passwords: never a hash, never a candidate."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from .._text import MOST_ROWS, printable, table
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

    @property
    def needs_a_look(self) -> bool:
        return bool(self.matches or self.not_compared or self.expired or self.current > 1)

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


def lines(told: t.Sequence[Told]) -> list[str]:
    """Totals, and a table of the users, those that need a look first; of many users these alone."""
    counted = counts(told)
    shown = sorted(told, key=lambda one: not one.needs_a_look)
    if len(shown) > MOST_ROWS:
        shown = [one for one in shown if one.needs_a_look]
    made = [
        f"{counted['users']} local user(s): {counted['matched']} with a known password, {counted['not_compared']} not compared, "
        f"{counted['expired']} expired, {counted['several_current']} with several current passwords."
    ]
    if shown:
        made += table(_HEAD, map(_row, shown))
    if len(shown) < len(told):
        made.append(f"and {len(told) - len(shown)} user(s) with nothing to look at")
    return made


_HEAD = ("user", "domain", "algorithm", "cost", "age, days", "expires, days", "current", "known as", "not compared")


def _row(one: Told) -> list[object]:
    cost = " ".join(f"{name}={number}" for name, number in one.cost.items())
    days = ["" if number is None else number for number in (one.age, one.expires)]
    names = [printable(one.user.name), printable(one.user.domain)]
    return [*names, one.algorithm, cost, *days, one.current, ", ".join(one.matches), one.not_compared]


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
