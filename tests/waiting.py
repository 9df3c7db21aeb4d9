# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for states. Each wait has an end, for what never comes, and says then what it waited for and what it saw last."""

from __future__ import annotations

import shlex
import subprocess
import time
import typing as t

PATIENCE = 300
"""Seconds: more than a busy machine takes. What is waited for ends a wait."""
PATIENCE_TO_MAKE = 600
"""Seconds for a program that installs packages, boots machines or a cloud, or runs playbooks on them."""


def until(
    what: str,
    holds: t.Callable[[], t.Any],
    *,
    seen: t.Callable[[], object] | None = None,
    process: subprocess.Popen[t.Any] | None = None,
    seconds: float = PATIENCE,
    every: float = 0.1,
) -> t.Any:
    """Wait until a state holds; what `holds` returned then. What it returned last, or what `seen` returns, is told in the error.

    With a process that has to live meanwhile, an error once it has ended. Asked once more at the end: the machine may have slept.
    """
    end = time.monotonic() + seconds
    while True:
        ended, late = process is not None and process.poll() is not None, time.monotonic() > end
        found = holds()
        if found:
            return found
        if ended or late:
            why = f"The process has ended ({process.returncode})" if ended and process else f"After {seconds:g} s"
            raise AssertionError(f"{why} and still not: {what}. Seen last: {seen() if seen else repr(found)}")
        time.sleep(every)


def until_in_shell(what: str, holds: str, *, seen: str = ":", seconds: int = PATIENCE, every: float = 0.1) -> str:
    """A line of sh that waits until a command succeeds; otherwise it says what it waited for and what `seen` prints, and exits."""
    told = shlex.quote(f"After {seconds} s still not: {what}. Seen last:")
    return (
        f"_end=$(($(date +%s) + {seconds})); until {holds}; do "
        f'[ "$(date +%s)" -lt "$_end" ] || {{ echo {told} >&2; {{ {seen}; }} >&2; exit 1; }}; sleep {every:g}; done'
    )
