# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a job in a child process, so that the parent can report if it is killed."""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import sys
import traceback
import typing as t


class Stopped(BaseException):
    """SIGTERM or SIGINT; a BaseException, so that only cleanup code sees it."""


def supervised(
    work: t.Callable[[], int], timeout: t.Optional[float], died: t.Callable[[str], None], hangup: bool = True
) -> int:
    """The exit code of `work`; `died` is called with the reason if the process was killed or timed out.

    Without `hangup`, it continues when the terminal or the connection is lost.
    """
    stops = (signal.SIGTERM, signal.SIGINT) + ((signal.SIGHUP,) if hangup else ())
    if not hangup:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    alive, held = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(alive)
            os.setpgid(0, 0)
            for number in stops:
                signal.signal(number, _stop)
            code = work()
        except Exception:  # a bug; os._exit would hide it
            traceback.print_exc()
        finally:
            gc.collect()  # close what generators still hold open, which os._exit doesn't
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)
    os.close(held)

    def forward(number: int, _frame: t.Any) -> None:
        with contextlib.suppress(OSError):
            os.kill(pid, number)

    for number in stops:
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
            died(f"The run was stopped after {(timeout or 0) / 3600:.1f} hours.")
        return os.WEXITSTATUS(status)
    died(f"The run was killed by signal {os.WTERMSIG(status)}.")
    return 1


def _stop(number: int, _frame: t.Any) -> None:
    raise Stopped(f"The run was stopped by signal {number}.")
