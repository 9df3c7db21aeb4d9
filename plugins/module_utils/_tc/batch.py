# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tc and ip: one process for all statements. Decides nothing."""

from __future__ import annotations

import re
import typing as t

from .._common import OperatorError, Run

if t.TYPE_CHECKING:
    from collections.abc import Sequence

_FAILED = re.compile(r"Command failed -:(\d+)")


class Batch:
    """tc and ip in batch mode, going on after a failed statement so that the other ports are still done."""

    def __init__(self, run: Run, tc: str, ip: str) -> None:
        self._run = run
        self._commands = {"tc": [tc, "-force", "-batch", "-"], "ip": [ip, "-force", "-batch", "-"]}

    def limits_packets(self) -> bool:
        """Whether this tc knows police's pkts_rate, as iproute2 does since 5.13."""
        _rc, out, err = self._run([self._commands["tc"][0], "actions", "add", "action", "police", "help"], "")
        return "pkts_rate" in out + err

    def __call__(self, tool: str, statements: Sequence[str]) -> dict[int, str]:
        """Run the statements; return {index: error} of those that failed."""
        if not statements:
            return {}
        rc, _out, err = self._run(self._commands[tool], "\n".join(statements) + "\n")
        if rc == 0:
            return {}
        errors: dict[int, str] = {}
        said: list[str] = []
        for line in err.splitlines():
            match = _FAILED.search(line)
            if match:
                errors[int(match.group(1)) - 1] = " ".join(said) or f"{tool} said no more than that it failed"
                said = []
            elif line.strip() and not line.startswith("We have an error talking"):
                said.append(line.strip())
        if not errors:
            raise OperatorError(f"{tool} -batch ended with {rc}: {err.strip() or 'without a word'}")
        return errors
