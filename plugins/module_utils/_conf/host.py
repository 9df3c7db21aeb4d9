# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration files and services of this host."""

from __future__ import annotations

import glob
import os
import shutil
import typing as t
from dataclasses import dataclass

from .._files import ids, owner_of, replacing
from .model import Actual, ConfError, Owned, Plan, Wish, check, overruled, plan, shown

#: A file for each service that has to be restarted, from before its configuration changes until after its restart.
PENDING = "/var/lib/openstack_ops.day2/restart"

# Runs a command; returns (rc, stdout, stderr). (Python 3.7 has no Protocol.)
Run = t.Callable[[t.List[str]], t.Tuple[int, str, str]]


@dataclass(frozen=True)
class Outcome:
    """What was done (or would be), and of each file before and after, what was asked for."""

    steps: list[str]
    restarted: list[str]
    before: dict[str, str]
    after: dict[str, str]


def bring_about(wishes: t.Sequence[Wish], run: Run, *, check_mode: bool) -> Outcome:
    """Read, plan, refuse or do, look again."""
    check(wishes)
    actual = {wish.path: _actual(wish.path) for wish in wishes}
    for wish in wishes:
        _check_place(wish, actual[wish.path])
        sentence = overruled(wish, _beside(wish.path))
        if sentence:
            raise ConfError(sentence)
    made = plan(wishes, actual, _pending())
    managers = {name: _manager(name, run) for name in made.restart}
    before = {wish.path: shown(wish, actual[wish.path].text) for wish in wishes}
    after = {wish.path: shown(wish, wish.text(actual[wish.path].text or "")) for wish in wishes}
    if not check_mode:
        _apply(made, managers, run)
        left = plan(wishes, {wish.path: _actual(wish.path) for wish in wishes}, _pending())
        if left.steps:
            raise ConfError(f"{left.steps[0]}: still to be done after all was done; somebody else is at it. Run again.")
    return Outcome(made.steps, list(made.restart), before, after)


# ---------------------------------------------------------------------- look
def _actual(path: str) -> Actual:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as lines:
            found, text = os.fstat(lines.fileno()), lines.read()
    except FileNotFoundError:
        return Actual(None)
    return Actual(text, Owned(*owner_of(found)))


def read_text(path: str) -> str:
    """A file's text; bytes that are none come back when it is written."""
    text = _actual(path).text
    if text is None:
        raise ConfError(f"There is no {path} on this host; install the service that reads it first.")
    return text


def _pending() -> set[str]:
    try:
        return set(os.listdir(PENDING))
    except FileNotFoundError:
        return set()


def _check_place(wish: Wish, there: Actual) -> None:
    if wish.owned is None:
        if there.text is None:
            raise ConfError(f"There is no {wish.path} on this host; install the service that reads it first.")
        return
    folder = os.path.dirname(wish.path)
    if not os.path.isdir(folder):
        raise ConfError(f"There is no {folder} on this host for {wish.path}; install what reads it first.")
    _ids(wish.path, wish.owned)


def _ids(path: str, owned: Owned) -> tuple[int, int]:
    return ids(path, owned.owner, owned.group, ConfError)


def _beside(path: str) -> dict[str, str]:
    """Files in the folders that oslo.config reads as well. They count less than one that is named on the command line, and more than others."""
    folder = os.path.dirname(path)
    folders = {path + ".d", os.path.join(folder, os.path.basename(folder) + ".conf.d")}
    paths = sorted(one for found in folders for one in glob.glob(os.path.join(found, "*.conf")))
    return {one: _actual(one).text or "" for one in paths}


def _manager(service: str, run: Run) -> str:
    """Who restarts a service: systemd or an init script. ConfError for one that nobody knows."""
    if os.path.isdir("/run/systemd/system"):
        rc, out, _err = run(["systemctl", "show", "--property=LoadState", "--value", "--", service])
        if rc == 0 and out.strip() in ("loaded", "masked"):
            return "systemd"
    if os.path.exists(f"/etc/init.d/{service}"):
        return "init"
    raise ConfError(
        f"This host has no service {service!r}; `systemctl list-units '*{service.split('-')[0]}*'` tells what there is. "
        "Leave services empty where something else restarts them."
    )


# ----------------------------------------------------------------------- act
def _apply(made: Plan, managers: t.Mapping[str, str], run: Run) -> None:
    for service in made.restart:
        os.makedirs(PENDING, mode=0o755, exist_ok=True)
        with open(os.path.join(PENDING, service), "w", encoding="ascii") as note:
            os.fsync(note.fileno())
    for wish, _step in made.files:
        _write(wish)
    for service in made.restart:
        _restart(service, managers[service], run)
        os.unlink(os.path.join(PENDING, service))


def _restart(service: str, manager: str, run: Run) -> None:
    """One that somebody has stopped stays stopped: it reads its configuration when it starts."""
    if manager == "systemd":
        rc, out, err = run(["systemctl", "try-restart", "--", service])
    else:
        rc, out, err = run(["service", service, "status"])
        if rc:
            return
        rc, out, err = run(["service", service, "restart"])
    if rc:
        raise ConfError(
            f"{service} doesn't start with its new configuration: {(err or out).strip()[-300:] or f'exit code {rc}'}. "
            "Its log tells more; the next run tries again."
        )


def _write(wish: Wish) -> None:
    """Replace a file as a whole: a service never reads half of it, and of a service's own file, owner, mode and label stay."""
    path = os.path.realpath(wish.path)
    text = wish.text(_actual(path).text or "")
    with replacing(path) as out:
        out.write(text)
        if os.path.exists(path):
            found = os.stat(path)
            shutil.copystat(path, out.name)
            os.fchown(out.fileno(), found.st_uid, found.st_gid)
            os.utime(out.name)
        if wish.owned:
            os.fchown(out.fileno(), *_ids(path, wish.owned))
            os.fchmod(out.fileno(), wish.owned.mode)
