# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the keeper on the host as a systemd service, or takes it away.

The program is this very package, copied from the module's own payload: what restores a limit is what made it.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pkgutil
import shutil
import sys
import typing as t

from . import keeper
from .model import TcError

if t.TYPE_CHECKING:
    from .cli import Run

UNIT = "openstack-ops-tc-htb.service"
UNIT_FILE = "/etc/systemd/system/" + UNIT
PROGRAM = "/usr/local/lib/openstack_ops.day2/tc_keeper"
STATE_FOLDER = "/var/lib/openstack_ops.day2/tc_htb"

_PARTS = ("__init__", "cli", "device", "host", "keeper", "model", "netlink", "ovsdb", "plan", "state", "units")
_MAIN = "from _tc.keeper import main\n\nmain()\n"
_SERVICE = """\
# Written by openstack_ops.day2.tc_htb; removed with the last limit.
[Unit]
Description=Bandwidth limits of OpenStack instances, applied whenever a port's device appears
ConditionPathExists={state}
Before=libvirtd.service virtqemud.service nova-compute.service docker.service
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={python} -I {program}
Restart=always
RestartSec=1
# When a host boots, everything wants the CPU at once; this needs milliseconds of it, and late limits are no limits.
Nice=-10
CPUWeight=1000
# The second one for Open vSwitch's socket, where the switch runs as a user of its own.
CapabilityBoundingSet=CAP_NET_ADMIN CAP_DAC_OVERRIDE
NoNewPrivileges=yes

[Install]
WantedBy=multi-user.target
"""


def wanted_files() -> dict[str, str]:
    """{path: content} of the program and its unit."""
    package = str(keeper.__package__)
    files = {f"{PROGRAM}/__main__.py": _MAIN}
    for part in _PARTS:
        source = pkgutil.get_data(package, part + ".py")
        if source is None:
            raise TcError(f"The module's own payload lacks {package}.{part}; this is a bug of openstack_ops.day2.")
        files[f"{PROGRAM}/_tc/{part}.py"] = source.decode()
    files[UNIT_FILE] = _SERVICE.format(python=sys.executable, program=PROGRAM, state=STATE_FOLDER)
    return files


def require_systemd() -> None:
    if not os.path.isdir("/run/systemd/system"):
        raise TcError(
            "persist: true needs systemd, and this host was not booted with it; without persist the limits last "
            "until the devices go."
        )


class Service:
    """The keeper on this host: what of it is there, and how to make it be there or not."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._differing = {path for path, content in wanted_files().items() if _content(path) != content}
        self._installed = os.path.lexists(UNIT_FILE) or os.path.isdir(PROGRAM)
        shown = self._systemctl("show", "--property=ActiveState,UnitFileState", UNIT) if self._installed else ""
        self._running = "ActiveState=active" in shown and "UnitFileState=enabled" in shown

    @property
    def word(self) -> str:
        """running, stopped (it is installed) or absent."""
        return "running" if self._running else "stopped" if self._installed else "absent"

    def differs(self, *, wanted: bool) -> bool:
        """Whether anything has to be done to have the keeper, or to have it gone."""
        return bool(self._differing) or not self._running if wanted else self._installed

    def install(self) -> None:
        for path, content in wanted_files().items():
            if path in self._differing:
                _replace(path, content)
        self._systemctl("daemon-reload")
        self._systemctl("enable", UNIT)
        self._systemctl("restart", UNIT)
        _write_through()

    def remove(self) -> None:
        if os.path.lexists(UNIT_FILE):
            self._systemctl("disable", "--now", UNIT)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(UNIT_FILE)
        self._systemctl("daemon-reload")
        for folder in (PROGRAM, STATE_FOLDER):
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(folder)
            with contextlib.suppress(OSError):  # another part of the collection may live beside it
                os.rmdir(os.path.dirname(folder))

    def _systemctl(self, *args: str) -> str:
        rc, out, err = self._run(["systemctl", *args], "")
        if rc != 0:
            raise TcError(f"systemctl {' '.join(args)} ended with {rc}: {err.strip() or out.strip()}")
        return out


def _write_through() -> None:
    """What was installed outlives a power cut from now on: names in folders, and systemd's link, are on the disk only after this."""
    wants = glob.glob(f"/etc/systemd/system/*.wants/{UNIT}")
    above = os.path.dirname(PROGRAM)
    for folder in sorted({os.path.dirname(path) for path in (*wanted_files(), *wants, above)} | {above}):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _content(path: str) -> t.Optional[str]:
    try:
        with open(path, encoding="utf-8") as lines:
            return lines.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _replace(path: str, content: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    temporary = path + ".new"
    with open(temporary, "w", encoding="utf-8") as out:
        out.write(content)
        os.fchmod(out.fileno(), 0o644)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
