# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The archive of binary logs and the moments in it, with their locks and reports; what the commands have in common."""

from __future__ import annotations

import syslog
import time
import typing as t

from . import archive, backup, binlogs, pointintime, restore
from .failure import BackupError
from .locks import RELEASE, lock
from .report import Reporter, say
from .server import Server
from .settings import Settings
from .supervise import Stopped


def archive_binlogs(settings: Settings) -> int:
    """Archive the binary logs up to now and report it; the exit code."""
    with lock(settings, "binlogs.lock"):
        try:
            done = _archived(settings)
            again = Reporter(settings).read().get("binlogs", {}).get("success") != 1
            if (done.added or again) and settings.copy_to:
                backup.copy_off(settings, binlogs.Store(settings).folder)
        except (BackupError, OSError, Stopped) as exc:
            binlogs_ended(settings, "failed", str(exc), success=0)
            return 1
    message = f"Every moment from {binlogs.local(done.since)} to {binlogs.local(done.covered)} can be restored."
    if not done.since:
        message = "No moment can be restored yet: there is no good backup from which the archived logs lead on; the next run makes one."
    if done.statements:
        message += (
            f" Where the way to it leads through {done.statements[-1]} only with --force, for there are statements that may not repeat what they did "
            f"(binlog_format) in {len(done.statements)} of the logs."
        )
    if done.gap:
        message = f"{done.gap}. {message}"
    binlogs_ended(
        settings,
        "gap" if done.gaps else "good",
        message,
        success=int(not done.gap),
        covered=done.covered,
        since=done.since,
        gaps=done.gaps,
    )
    return 1 if done.gap else 0


def _archived(settings: Settings) -> binlogs.Pass:
    server = Server(settings.defaults_file)
    server.require(server.for_binlogs())
    return binlogs.archive_new(settings, server)


def binlogs_ended(settings: Settings, state: str, message: str, **more: int) -> None:
    """Record the end of a pass; `more` are numbers of the status, success among them."""
    if not more["success"]:
        say(syslog.LOG_ERR, message)
    Reporter(settings).update(binlogs=dict(more, state=state, ended=int(time.time()), message=message))


def check_until(name: str, accounts: bool) -> None:
    """Raise BackupError for what can't be asked for together with a moment."""
    if name != "latest":
        raise BackupError(f"Give the name of a backup or --until; it chooses one by itself, perhaps not {name}.")
    if accounts:
        raise BackupError(
            "Accounts don't come with --until. Restore those of the backup before that: mysql-backup restore NAME --accounts."
        )


def plan_at(settings: Settings, when: str, plan_of: t.Callable[[str], restore.RestorePlan]) -> dict[str, t.Any]:
    """The plan for a moment. It archives nothing, so a moment of which the logs are still the server's alone is noted."""
    until, covered, notes = pointintime.moment(when), binlogs.Store(settings).covered(), []
    if covered and covered < until <= time.time():
        notes = [f"What was committed after {binlogs.local(covered)} is archived before the restore."]
        until = covered
    way = pointintime.route(settings, until)
    plan = plan_of(way.base.manifest.name).public()
    return dict(plan, **way.public(), problems=[*plan["problems"], *way.problems()], notes=[*plan["notes"], *notes])


def _route(settings: Settings, when: str) -> pointintime.Route:
    """The way to the moment; what the server has written until now is archived first."""
    until = pointintime.moment(when)
    try:
        with lock(settings, "binlogs.lock", RELEASE):
            _archived(settings)
    except BackupError as exc:
        say(syslog.LOG_WARNING, f"The newest binary logs couldn't be archived before: {exc}")
    return pointintime.route(settings, until)


def made_at(settings: Settings, when: str, wanted: t.Sequence[str], identity: archive.Identity, force: bool) -> str:
    """Name of a new backup of the state at the moment; BackupError where there is no exact way to it. Only for the holder of the lock."""
    way = _route(settings, when)
    problems = way.problems()
    if problems and not force:
        raise BackupError(f"Nothing was changed. {problems[0]}")
    with lock(settings, "verify.lock"):  # which is the one for scratch servers
        taken = pointintime.make(settings, way, wanted, identity)
    for warning in taken.warnings:
        say(syslog.LOG_WARNING, warning)
    made = taken.backup.manifest
    say(
        syslog.LOG_INFO,
        f"Made {made.name}, the state of {made.until}, from {made.base} and {len(way.logs)} binary logs.",
    )
    return made.name
