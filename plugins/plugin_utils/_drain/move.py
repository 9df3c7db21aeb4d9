# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migrates servers, so many at once, and waits until Nova has ended each."""

from __future__ import annotations

import time
import typing as t
from collections import deque
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError

from .cloud import Cloud
from .model import Moved, Refusal, Server, Step
from .plan import CONFIRM, classify, judge
from .record import DrainRecord, Entry

# Seconds between two looks, and between two lines on what is under way.
_POLL = 1.0
_PROGRESS = 30.0
# Looks at a migration that may fail one after the other: Nova's API may be restarted meanwhile.
_UNANSWERED = 10

Say = t.Callable[[str], None]


@dataclass(frozen=True)
class Pace:
    """parallel: migrations at once. timeout: seconds for each. stop_on_failure: begin no more after one that failed."""

    parallel: int = 2
    timeout: int = 3600
    stop_on_failure: bool = False
    cold: bool = False


@dataclass
class _Active:
    step: Step
    began: float
    confirmed: bool = False
    unanswered: int = 0


@dataclass
class Mover:
    """Carries out steps. Everything begun is in the record before Nova is asked for it. leg: "out" or "back"."""

    cloud: Cloud
    record: DrainRecord
    pace: Pace
    leg: str
    say: Say
    done: list[Moved] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return any(one.verdict == "failed" for one in self.done)

    def run(self, steps: t.Sequence[Step]) -> None:
        """Until each has ended, well or not. Raises OSError where the record can't be written; nothing new is begun then."""
        queue, active = deque(sorted(steps, key=lambda one: not one.started)), list[_Active]()
        total, said = len(queue), time.monotonic()
        while queue or active:
            while queue and len(active) < self.pace.parallel and not (self.failed and self.pace.stop_on_failure):
                if begun := self._begin(queue.popleft()):
                    active.append(begun)
            if not active:
                break
            time.sleep(_POLL)
            active = [one for one in active if not self._look(one)]
            if active and time.monotonic() - said > _PROGRESS:
                said = time.monotonic()
                self.say(
                    f"{len(self.done)} of {total} ended; under way: {', '.join(one.step.server for one in active)}"
                )
        for step in queue:
            self._end(step, Moved(step.server, step.source, "", step.how, 0, "refused", "not begun after a failure"))

    def _begin(self, step: Step) -> _Active | None:
        began = time.monotonic()
        try:
            server = self.cloud.server(step.server)
            if step.started:
                self._note(step, server)
                self.say(f"{step.server}: its {step.how} migration is under way already")
                return _Active(step, began)
            if server is None or server.host != step.source:
                where = f"it is on {server.host} already" if server else "deleted meanwhile"
                self._end(
                    step, Moved(step.server, step.source, server.host if server else "", step.how, 0, "gone", where)
                )
                return None
            again = classify(server, self.cloud.migrations(step.server), cold=self.pace.cold, dest=step.dest)
            if isinstance(again, Refusal):
                self._end(step, Moved(step.server, step.source, "", step.how, 0, "failed", again.why))
                return None
            self._note(again, server)
            self.cloud.start(again)
        except OperatorError as exc:
            self._end(step, Moved(step.server, step.source, "", step.how, 0, "failed", str(exc)))
            return None
        self.say(f"{step.server}: {again.how} migration begun")
        return _Active(again, began)

    def _look(self, active: _Active) -> bool:
        """Whether it has ended."""
        step, seconds = active.step, int(time.monotonic() - active.began)
        try:
            found = judge(step, self.cloud.server(step.server), self.cloud.migrations(step.server))
            if found == CONFIRM and not active.confirmed:
                self.cloud.confirm(step.server)
                active.confirmed = True
            active.unanswered = 0
        except OperatorError as exc:
            active.unanswered += 1
            if active.unanswered < _UNANSWERED and seconds < self.pace.timeout:
                return False
            # The migration goes on without us; the next run picks it up.
            found = Moved(step.server, step.source, "", step.how, 0, "failed", f"how far it is isn't known: {exc}")
        if isinstance(found, str):
            if seconds < self.pace.timeout:
                return False
            why = f"not ended after {seconds} s; it goes on, and the next run waits for it"
            found = Moved(step.server, step.source, "", step.how, 0, "failed", why)
        found.seconds = seconds
        if found.verdict == "failed" and found.migration and (fault := self.cloud.fault(step.server)):
            found.why += f": {fault}"
        self._end(step, found)
        return True

    def _note(self, step: Step, server: Server | None) -> None:
        entry = self.record.servers.setdefault(step.server, Entry(to=step.source))
        entry.leg, entry.how, entry.since = self.leg, step.how, step.since
        if server:
            entry.image = server.image
        self.record.save()

    def _end(self, step: Step, moved: Moved) -> None:
        self.done.append(moved)
        settle(self.record, moved)
        self.record.save()
        where = f" to {moved.dest}" if moved.verdict == "moved" else ""
        self.say(f"{step.server}: {moved.verdict}{where}{f', {moved.why}' if moved.why else ''} ({moved.seconds} s)")


def settle(record: DrainRecord, moved: Moved) -> None:
    """Write into the record how it ended with a server. One that came back, went by itself or never left needs none."""
    entry = record.servers.get(moved.server)
    if entry is None:
        return
    if moved.verdict == "moved" and moved.dest != record.host:
        entry.to, entry.migration, entry.leg = moved.dest, moved.migration, ""
    elif moved.verdict in ("moved", "gone") or (entry.to in ("", record.host) and moved.migration):
        del record.servers[moved.server]
    elif moved.migration:
        entry.leg = ""  # Nova has ended it as failed, and the server is where it was
