# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Report the result of a run: to the status file, node_exporter, syslog, and by standard error to cron's mail."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sys
import syslog
import time
import typing as t

from .durable import read_json, write_json, write_text
from .settings import Settings

METRICS: t.Sequence[tuple[str, str, str, str]] = (
    # metric, section and field of the status file, help
    ("run_started_timestamp_seconds", "run", "started", "When the last run began."),
    (
        "run_ended_timestamp_seconds",
        "run",
        "ended",
        "When the last run ended; older than its start while it runs, or if it was killed.",
    ),
    ("run_success", "run", "success", "1 if the last run made a good backup."),
    ("run_warnings", "run", "warned", "How many warnings the last run gave."),
    ("good_timestamp_seconds", "good", "ended", "When the last good backup was complete."),
    ("good_size_bytes", "good", "size", "Size of the last good backup on disk."),
    ("good_duration_seconds", "good", "seconds", "How long the last good backup took."),
    ("good_backups", "good", "number", "How many good backups are on disk."),
    ("copied_timestamp_seconds", "copied", "ended", "When backups were last copied off the host."),
    ("binlogs_success", "binlogs", "success", "1 if the last pass archived all binary logs, and no gap was found."),
    ("binlogs_covered_timestamp_seconds", "binlogs", "covered", "Until when the archived binary logs have everything."),
    (
        "binlogs_since_timestamp_seconds",
        "binlogs",
        "since",
        "From when on every moment until then can be restored; 0 for none.",
    ),
    ("binlogs_gaps", "binlogs", "gaps", "How many gaps the archived binary logs have."),
    (
        "restore_incomplete",
        "restore",
        "incomplete",
        "How many databases are half restored because a restore was stopped.",
    ),
    ("verified_timestamp_seconds", "verified", "ended", "When a backup was last restored into a scratch server."),
    ("verified_success", "verified", "good", "1 if that backup was good."),
)


class Reporter:
    """The status of this host's backups."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._path = os.path.join(settings.state, "status.json")

    def read(self) -> dict[str, dict[str, t.Any]]:
        try:
            return read_json(self._path)
        except (OSError, ValueError):
            return {}

    def update(self, **sections: t.Mapping[str, t.Any]) -> None:
        """Merge sections into the status file, and rewrite the metrics."""
        with open(self._path + ".lock", "a", encoding="utf-8") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # a run and a verification may end at the same moment
            status = self.read()
            for name, values in sections.items():
                status[name] = dict(status.get(name, {}), **values)
            write_json(self._path, status, mode=0o644)
            if self._settings.metrics:
                write_text(self._settings.metrics, metrics(status, self._settings.name))

    def started(self) -> t.Optional[str]:
        """Record the start of a run; returns a warning if the previous one never ended."""
        before = self.read().get("run", {})
        self.update(run={"state": "running", "started": int(time.time()), "pid": os.getpid(), "message": ""})
        if before.get("state") == "running":
            return f"The run that began at {stamp(before.get('started', 0))} ended without a result."
        return None

    def ended(self, state: str, message: str, warnings: t.Sequence[str] = (), **good: t.Any) -> None:
        """Record and report the end of a run."""
        now = int(time.time())
        run = {
            "state": state,
            "ended": now,
            "message": message,
            "success": int(state != "failed"),
            "warnings": list(warnings),
            "warned": len(warnings),
        }
        for warning in warnings:
            say(syslog.LOG_WARNING, warning)
        say(syslog.LOG_ERR if state == "failed" else syslog.LOG_INFO, message)
        self.update(run=run, **({"good": dict(good, ended=now)} if good else {}))


def say(priority: int, message: str) -> None:
    """Write a line to syslog; warnings and errors also go to standard error, which cron mails."""
    # Names of databases are in it, and whoever may make one could write to the operator's terminal, or end the line.
    message = "".join(one if one.isprintable() else repr(one)[1:-1] for one in " ".join(message.split()))
    syslog.openlog("mysql-backup", syslog.LOG_PID, syslog.LOG_DAEMON)
    syslog.syslog(priority, message)
    if priority <= syslog.LOG_WARNING:
        with contextlib.suppress(OSError):  # the terminal may be gone
            print(f"mysql-backup: {message}", file=sys.stderr, flush=True)


def stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def metrics(status: t.Mapping[str, t.Mapping[str, t.Any]], name: str) -> str:
    """The status in node_exporter's textfile format."""
    lines = []
    for metric, section, key, text in METRICS:
        value = status.get(section, {}).get(key)
        if value is not None:
            full = f"mysql_backup_{metric}"
            lines += [f"# HELP {full} {text}", f"# TYPE {full} gauge", f'{full}{{name="{name}"}} {float(value):.10g}']
    return "\n".join(lines) + "\n"
