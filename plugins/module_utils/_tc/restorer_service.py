# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts the restorer on the host as a systemd service, or takes it away.

The program is this very package, copied from the module's own payload: what restores a limit is what made it.
"""

from __future__ import annotations

import contextlib
import glob
import os
import pkgutil
import re
import shutil
import sys
import typing as t

from .._common import OperatorError
from .._host import files, lock
from . import restorer

if t.TYPE_CHECKING:
    from .._common import Run

UNIT = "openstack-ops-tc-htb.service"
UNIT_FILE = "/etc/systemd/system/" + UNIT
#: Not in /usr/local, to which the group staff can write on some hosts.
PROGRAM = "/var/lib/openstack_ops.day2/tc_restorer"
STATE_FOLDER = "/var/lib/openstack_ops.day2/tc_htb"

#: The program is one closed package: these parts import nothing beside each other and Python's standard library.
_PARTS = (
    "_common",
    *(f"_host/{name}" for name in ("__init__", "files", "lock")),
    *(f"_kernel/{name}" for name in ("__init__", "device", "flower", "modules", "netlink", "ovsdb")),
    *(
        f"_tc/{name}"
        for name in (
            "__init__",
            "apply",
            "batch",
            "htb",
            "limits",
            "ownership",
            "plan",
            "ports",
            "restorer",
            "state",
            "times",
            "units",
        )
    ),
)
#: The host's own Python, which stays where it is when the distribution is upgraded. Ansible's may be of a venv, or of one release.
_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/libexec/platform-python")
_OLD_PYTHON = "import sys; sys.exit(sys.version_info < (3, 7))"
_MAIN = "from day2._tc.restorer import main\n\nmain()\n"
#: What the units of the restorer and of the limits' metrics may not do, the end of their section [Service].
CONFINED = """\
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
PrivateDevices=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
UMask=0077
"""
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
# It shares the lock in /run with the runs of Ansible, and writes nowhere else.
RuntimeDirectory={lock}
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=yes
ProtectSystem=strict
ProtectHome=yes
{confined}
[Install]
WantedBy=multi-user.target
"""


def wanted_files(python: str) -> dict[str, str]:
    """{path: content} of the program and its unit, which this interpreter runs."""
    wanted = closed_package(PROGRAM, _PARTS, _MAIN)
    wanted[UNIT_FILE] = _SERVICE.format(
        python=python,
        program=PROGRAM,
        state=STATE_FOLDER,
        lock=os.path.basename(lock.FOLDER),
        confined=CONFINED,
    )
    return wanted


def closed_package(program: str, parts: t.Iterable[str], main: str) -> dict[str, str]:
    """{path: content} of a folder that Python runs by itself: main, and these parts of module_utils as the package day2.

    Raises OperatorError where the module was sent without one of them.
    """
    package = str(restorer.__package__).rpartition(".")[0]
    wanted = {f"{program}/__main__.py": main, f"{program}/day2/__init__.py": ""}
    for part in parts:
        source = pkgutil.get_data(package, part + ".py")
        if source is None:
            raise OperatorError(
                f"The module's own payload lacks {package}.{part}; this is a bug of openstack_ops.day2."
            )
        wanted[f"{program}/day2/{part}.py"] = source.decode()
    return wanted


def interpreter(run: Run, unit: t.Optional[str]) -> str:
    """What runs the restorer: the host's own Python; where that is too old, what the installed unit names; else this one.

    Two runs with different interpreters of Ansible's come to the same answer. unit is the installed unit's text.
    """
    own = os.path.realpath(sys.executable)
    found = re.search(r"^ExecStart=(/\S+) -I ", unit or "", re.MULTILINE)
    named = found.group(1) if found and os.access(found.group(1), os.X_OK) else ""
    for path in _SYSTEM_PYTHONS:
        # One that runs it already needn't be asked again on every run.
        if os.access(path, os.X_OK) and (
            path == named or os.path.realpath(path) == own or run([path, "-I", "-c", _OLD_PYTHON], "")[0] == 0
        ):
            return path
    return named or own


def require_systemd() -> None:
    """Raise OperatorError on a host that wasn't booted with systemd."""
    if not os.path.isdir("/run/systemd/system"):
        raise OperatorError(
            "persist: true needs systemd, and this host was not booted with it; without persist the limits last "
            "until the devices go."
        )


class Service:
    """The restorer on this host: what of it is there, and how to make it be there or not."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._wanted: dict[str, str] = {}
        self._installed = os.path.lexists(UNIT_FILE) or os.path.isdir(PROGRAM)
        shown = self._systemctl("show", "--property=ActiveState,UnitFileState", UNIT) if self._installed else ""
        self._running = "ActiveState=active" in shown and "UnitFileState=enabled" in shown

    @property
    def word(self) -> str:
        """running, stopped (it is installed) or absent."""
        return "running" if self._running else "stopped" if self._installed else "absent"

    def differs(self, *, wanted: bool) -> bool:
        """Whether anything has to be done to have the restorer, or to have it gone."""
        return bool(self._differing()) or not self._running if wanted else self._installed

    def _differing(self) -> list[str]:
        """The files that aren't as they should be. What these are is asked only where the restorer is wanted: it may take another Python."""
        self._wanted = self._wanted or wanted_files(interpreter(self._run, _content(UNIT_FILE)))
        return [path for path, content in self._wanted.items() if _content(path) != content]

    def install(self) -> None:
        for path in self._differing():
            files.make_folder(os.path.dirname(path))
            files.replace(path, self._wanted[path], files.Owned("root", "root", 0o644))
        self._systemctl("daemon-reload")
        self._systemctl("enable", UNIT)
        self._systemctl("restart", UNIT)
        _write_through(self._wanted)

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
            raise OperatorError(f"systemctl {' '.join(args)} ended with {rc}: {err.strip() or out.strip()}")
        return out


def settle(run: Run, wanted: t.Optional[bool], *, check: bool = False) -> tuple[bool, str]:
    """Have the restorer, or have it gone (None: leave it as it is); returns whether that changes anything, and what it is then.

    With check, only predict. Hold the lock of the state: whether the restorer is needed follows from it.
    Raises OperatorError where systemctl fails, OSError where the host refuses.
    """
    service = Service(run)
    if wanted is None:
        return False, service.word
    differs = service.differs(wanted=wanted)
    if differs and not check:
        if wanted:
            service.install()
        else:
            service.remove()
    return differs, "running" if wanted else "absent"


def _write_through(paths: t.Iterable[str]) -> None:
    """What was installed outlives a power cut from now on: names in folders, and systemd's link, are on the disk only after this."""
    wants = glob.glob(f"/etc/systemd/system/*.wants/{UNIT}")
    above = os.path.dirname(PROGRAM)
    for folder in sorted({os.path.dirname(path) for path in (*paths, *wants, above)} | {above}):
        files.sync_folder(folder)


def _content(path: str) -> t.Optional[str]:
    try:
        with open(path, encoding="utf-8") as lines:
            return lines.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
