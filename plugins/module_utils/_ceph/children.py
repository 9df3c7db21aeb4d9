# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run functions in parallel, each in its own process with a user's rights and a time limit."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import select
import signal
import time
import typing as t
from dataclasses import dataclass

from .._common import OperatorError

#: The uid that reads with a group's rights if there is no user of the group's name.
_NOBODY = 65534
#: Seconds until a child that was killed is given up.
_REAPED = 10.0


@dataclass(frozen=True)
class Job:
    """A function to call, whose result must be JSON, and the user whose rights it gets (empty: ours). group is used if there is no such user."""

    call: t.Callable[[], t.Any]
    user: str = ""
    group: t.Optional[int] = None


@dataclass(frozen=True)
class Ended:
    """The result of a job: its value, or an error message, or neither if it ran out of time."""

    value: t.Any = None
    error: str = ""
    in_time: bool = True


def run_all(jobs: t.Sequence[Job], seconds: float) -> list[Ended]:
    """Run all jobs in parallel and kill those that haven't ended after this many seconds."""
    children = [_start(job) for job in jobs]
    texts = {pipe: b"" for _pid, pipe in children}
    waiting = set(texts)
    end = time.monotonic() + seconds
    try:
        while waiting and time.monotonic() < end:
            ready, _out, _err = select.select(list(waiting), [], [], max(0.0, end - time.monotonic()))
            for pipe in ready:
                part = os.read(pipe, 65536)
                texts[pipe] += part
                if not part:
                    waiting.discard(pipe)
    finally:
        for pid, pipe in children:
            os.close(pipe)
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            _reap(pid)
    return [Ended(in_time=False) if pipe in waiting else _ended(texts[pipe]) for _pid, pipe in children]


def _reap(pid: int) -> None:
    """Wait for a killed child. One that the kernel holds in I/O, such as on a disk that has died, is left after some seconds."""
    end = time.monotonic() + _REAPED
    while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < end:
        time.sleep(0.005)


def _ended(text: bytes) -> Ended:
    try:
        value, error = json.loads(text)
    except ValueError:
        return Ended(error="it was killed, or ended without a result.")
    return Ended(value, error)


def _start(job: Job) -> tuple[int, int]:
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid:
        os.close(theirs)
        return pid, ours
    try:
        os.close(ours)
        silence = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(silence, stream)
        with open(theirs, "w", encoding="utf-8") as out:
            out.write(json.dumps(_outcome(job)))
    finally:
        os._exit(0)  # don't run the parent's exit handlers


def _outcome(job: Job) -> tuple[t.Any, str]:
    try:
        become(job.user, job.group)
        return job.call(), ""
    except OperatorError as exc:
        return None, str(exc)
    except Exception as exc:
        return None, f"{type(exc).__name__}: {exc}"


def become(user: str, group: t.Optional[int] = None) -> None:
    """Switch to a user's rights permanently. A user that doesn't exist gets only the group's rights."""
    if not user and group is None:
        return
    try:
        found = pwd.getpwnam(user)
        groups, gid, uid = os.getgrouplist(user, found.pw_gid), found.pw_gid, found.pw_uid
    except KeyError:
        gid = int(user) if user.isdigit() else (_NOBODY if group is None else group)
        groups, uid = [gid], int(user) if user.isdigit() else _NOBODY
    os.setgroups(groups)
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
