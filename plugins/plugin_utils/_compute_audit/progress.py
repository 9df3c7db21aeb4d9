# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells how far an audit is, while the cloud is read."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import Future
from dataclasses import dataclass

Say = t.Callable[[str], None]
_T = t.TypeVar("_T")

#: Seconds between two lines on a long list of requests.
EVERY = 10.0


@dataclass
class Progress:
    """Says in which part an audit is, and of parts that take longer than EVERY seconds how much is read."""

    say: Say = lambda _line: None
    _said: float = 0.0

    def part(self, line: str) -> None:
        """The next part begins."""
        self._said = time.monotonic()
        self.say(line)

    def results(self, what: str, futures: t.Sequence[Future[_T]]) -> list[_T]:
        """The results of requests in their order. `what` they read is said with their number. Raises what they raise."""
        found: list[_T] = []
        for future in futures:
            found.append(future.result())
            if time.monotonic() - self._said >= EVERY and len(found) < len(futures):
                self.part(f"{len(found)} of {len(futures)} {what} read")
        return found
