# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run in a process of its own, so that somebody is left to tell when it is killed."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
import traceback
import typing as t


class Stopped(BaseException):
    """SIGTERM or SIGINT; a BaseException, so that only clean-up code gets to see it."""


def supervised(work: t.Callable[[], int], timeout: float, died: t.Callable[[str], None]) -> int:
    """The exit code of `work`; `died` gets a sentence when there is none because the process was killed."""
    alive, held = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(alive)
            os.setpgid(0, 0)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, _stop)
            code = work()
        except Exception:  # a mistake of ours; os._exit would swallow it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    os.close(held)

    def forward(number: int, _frame: t.Any) -> None:
        with contextlib.suppress(OSError):
            os.kill(pid, number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, forward)
    # The other end of the pipe is open in the worker alone, so this returns when the worker is gone.
    late = not select.select([alive], [], [], timeout)[0]
    if late:
        os.kill(pid, signal.SIGTERM)
        if not select.select([alive], [], [], 60)[0]:
            os.kill(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)  # mysqldump and the compressors of a worker that was killed
    if os.WIFEXITED(status):
        if late:
            died(f"The run was stopped after {timeout / 3600:.1f} hours.")
        return os.WEXITSTATUS(status)
    time.sleep(0.2)  # until the kernel has released the worker's lock
    died(f"The run was killed by signal {os.WTERMSIG(status)}.")
    return 1


def _stop(number: int, _frame: t.Any) -> None:
    raise Stopped(f"The run was stopped by signal {number}.")
