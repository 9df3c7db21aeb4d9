# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the timer on the host that writes what limits counted for node_exporter, or takes it away.

As with the restorer, the program is this very package, copied from the module's own payload. The two share nothing on the host:
whatever becomes of the metrics, limits are kept.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import typing as t
from dataclasses import dataclass, field

from .._common import OperatorError, changed_meanwhile, shown
from .._host import files
from . import metrics, restorer_service
from .metrics_files import PROGRAM, SERVICE, SERVICE_FILE, SETTINGS_FILE, TIMER, TIMER_FILE, installed

if t.TYPE_CHECKING:
    from .._common import Run

#: One closed package, as the restorer's: it reads as that reads, but changes nothing.
_PARTS = (
    "_common",
    *(f"_host/{name}" for name in ("__init__", "files", "lock")),
    *(f"_kernel/{name}" for name in ("__init__", "device", "flower", "netlink", "ovsdb")),
    *(
        f"_tc/{name}"
        for name in (
            "__init__",
            "htb",
            "limits",
            "metrics",
            "metrics_files",
            "ownership",
            "plan",
            "ports",
            "state",
            "times",
            "units",
        )
    ),
)
_MAIN = "from day2._tc.metrics import main\n\nmain()\n"
#: What systemd and the textfile collector take as a path without quoting.
_DIRECTORY = re.compile(r"(/[A-Za-z0-9_.@+~:-]+)+\Z")
_WRITES = re.compile(r"^ReadWritePaths=-(/\S+)$", re.MULTILINE)
_SERVICE = """\
# Written by openstack_ops.day2.tc_htb_metrics.
[Unit]
Description=What bandwidth limits of OpenStack instances counted, for node_exporter

[Service]
Type=oneshot
ExecStart={python} -I {program}
TimeoutStartSec=5min
# Nothing waits for it.
Nice=10
CPUWeight=20
# For the folder, which may be another account's.
CapabilityBoundingSet=CAP_DAC_OVERRIDE
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=-{directory}
ProtectHome=read-only
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProcSubset=pid
{confined}"""
_TIMER = """\
# Written by openstack_ops.day2.tc_htb_metrics.
[Unit]
Description=What bandwidth limits of OpenStack instances counted, for node_exporter, each minute

[Timer]
OnBootSec=30s
OnUnitActiveSec=1min
AccuracySec=5s

[Install]
WantedBy=timers.target
"""


def check_directory(text: str) -> str:
    """The folder of the textfile collector. Raises OperatorError for what isn't the plain path of one."""
    if not _DIRECTORY.match(text) or {".", ".."} & set(text.split("/")):
        raise OperatorError(
            f"directory {shown(text)} isn't the path of a folder from / on, without . and .., made of letters, digits and _.@+~:-; give the "
            "folder that node_exporter's --collector.textfile.directory names."
        )
    return text


def wanted_files(python: str, settings: metrics.Settings) -> dict[str, str]:
    """{path: content} of the program, its settings and its units, which this interpreter runs."""
    return {
        **restorer_service.closed_package(PROGRAM, _PARTS, _MAIN),
        SETTINGS_FILE: metrics.encode(settings),
        SERVICE_FILE: _SERVICE.format(
            python=python,
            program=PROGRAM,
            directory=settings.directory,
            confined=restorer_service.CONFINED,
        ),
        TIMER_FILE: _TIMER,
    }


@dataclass(frozen=True)
class Actual:
    """What is on the host: contents of the files that would be written, by path; whether the wanted folder is there; where the
    installed unit writes, and whether it has; whether the timer is installed and runs; whether what it starts failed the last time.
    """

    contents: dict[str, str] = field(default_factory=dict)
    folder: bool = False
    path: str = ""
    written: bool = False
    installed: bool = False
    running: bool = False
    failing: bool = False

    @property
    def word(self) -> str:
        """running, stopped (it is installed) or absent."""
        return "running" if self.running else "stopped" if self.installed else "absent"


@dataclass(frozen=True)
class MetricsPlan:
    """What has to be done: a folder to make, files to write, the timer to enable, metrics to write at once, a file of metrics and all else
    to remove.
    """

    make: str = ""
    write: dict[str, str] = field(default_factory=dict)
    enable: bool = False
    start: bool = False
    forget: str = ""
    remove: bool = False

    @property
    def acts(self) -> bool:
        return bool(self.make or self.write or self.enable or self.start or self.forget or self.remove)


def plan(actual: Actual, settings: t.Optional[metrics.Settings], wanted: t.Mapping[str, str]) -> MetricsPlan:
    """From what is there to what is wanted; without settings, to nothing. Pure."""
    if settings is None:
        return MetricsPlan(forget=actual.path if actual.written else "", remove=actual.installed)
    write = {path: text for path, text in wanted.items() if actual.contents.get(path) != text}
    enable = not actual.running or bool({SERVICE_FILE, TIMER_FILE} & set(write))
    return MetricsPlan(
        make="" if actual.folder else settings.directory,
        write=write,
        enable=enable,
        start=enable or bool(write) or not actual.folder or actual.failing,
        forget=actual.path if actual.written and actual.path != settings.path else "",
    )


class Service:
    """The timer on this host."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def wanted(self, settings: t.Optional[metrics.Settings]) -> dict[str, str]:
        """{path: content} for these settings; nothing without them."""
        if settings is None:
            return {}
        unit = files.read(SERVICE_FILE)
        return wanted_files(restorer_service.interpreter(self._run, unit.text if unit else None), settings)

    def look(self, wanted: t.Mapping[str, str], settings: t.Optional[metrics.Settings]) -> Actual:
        """Raises OperatorError or OSError where something can't be read."""
        contents = {path: found.text for path in wanted for found in [files.read(path)] if found is not None}
        there = installed()
        shows = self._systemctl("show", "--property=ActiveState,UnitFileState", TIMER) if there else ""
        ended = self._systemctl("show", "--property=Result", SERVICE) if there else ""
        unit = files.read(SERVICE_FILE)
        named = _WRITES.search(unit.text if unit else "")
        path = f"{named.group(1)}/{metrics.FILE_NAME}" if named else ""
        return Actual(
            contents=contents,
            folder=settings is not None and os.path.isdir(settings.directory),
            path=path,
            written=bool(path) and os.path.lexists(path),
            installed=there,
            running="ActiveState=active" in shows and "UnitFileState=enabled" in shows,
            failing="Result=" in ended and "Result=success" not in ended,
        )

    def apply(self, steps: MetricsPlan) -> None:
        """Raises OperatorError where systemctl or the first writing of metrics fails, OSError where the host refuses."""
        if steps.remove:
            self._remove(steps.forget)
            return
        if steps.make:
            files.make_folder(steps.make)
        for path, content in steps.write.items():
            if path == SERVICE_FILE:  # until it is replaced, it tells the next run where the metrics were
                _forget(steps.forget)
            files.make_folder(os.path.dirname(path))
            files.replace(path, content, files.Owned("root", "root", 0o644))
        if steps.enable:
            self._systemctl("daemon-reload")
            self._systemctl("enable", TIMER)
            self._systemctl("restart", TIMER)
        if steps.start:
            self._systemctl("start", SERVICE)

    def _remove(self, forget: str) -> None:
        if os.path.lexists(TIMER_FILE):
            self._systemctl("disable", "--now", TIMER)
        if os.path.lexists(SERVICE_FILE):
            self._systemctl("stop", SERVICE)
        _forget(forget)
        for path in (TIMER_FILE, SERVICE_FILE):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        self._systemctl("daemon-reload")
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(PROGRAM)
        with contextlib.suppress(OSError):  # another part of the collection may live beside it
            os.rmdir(os.path.dirname(PROGRAM))

    def _systemctl(self, *args: str) -> str:
        rc, out, err = self._run(["systemctl", *args], "")
        if rc != 0:
            more = f" `journalctl -u {SERVICE}` says why." if args == ("start", SERVICE) else ""
            raise OperatorError(f"systemctl {' '.join(args)} ended with {rc}: {err.strip() or out.strip()}{more}")
        return out


def _forget(path: str) -> None:
    """Remove a file of metrics, and what was left of writing it."""
    for one in (path, *files.leftovers(path)) if path else ():
        files.remove(one)


@dataclass(frozen=True)
class Change:
    """What was there, what that took to become as wanted, and what the timer is then: running, stopped or absent."""

    before: Actual
    plan: MetricsPlan
    after: str


def settle(run: Run, settings: t.Optional[metrics.Settings], *, check: bool = False) -> Change:
    """Have the timer with these settings, or without settings have it gone.

    With check, only predict. Raises OperatorError and OSError as the steps do.
    """
    service = Service(run)
    wanted = service.wanted(settings)
    before = service.look(wanted, settings)
    steps = plan(before, settings, wanted)
    if steps.acts and not check:
        service.apply(steps)
        if plan(service.look(wanted, settings), settings, wanted).acts:
            raise changed_meanwhile("The timer of limits' metrics")
    return Change(before, steps, "absent" if settings is None else "running")
