# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fault that a host undoes by itself: written down, with a timer and a unit of the boot, before anything is broken."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import shutil
import time
import typing as t

from .._common import OperatorError
from .._host import files

if t.TYPE_CHECKING:
    from .._common import Run
    from .components import Record

FOLDER = "/var/lib/openstack_ops.day2/drill"
SERVICE = "openstack-ops-drill-undo.service"
TIMER = "openstack-ops-drill-undo.timer"
UNIT_FILE = "/etc/systemd/system/" + SERVICE
_UNIT = f"""\
# Written by openstack_ops.day2.failure_drill_host; removed when the drill has ended.
[Unit]
Description=Undo the fault of a drill
ConditionPathExists={FOLDER}/fault.json
StartLimitIntervalSec=0

[Service]
Type=simple
ExecStart=/bin/sh {FOLDER}/undo
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""


class Armed:
    """The fault of this host, if it has one."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def read(self) -> t.Optional[dict[str, t.Any]]:
        """The fault that isn't undone yet, with `left`, its seconds until then; None where there is none.

        A record that can't be read is a fault all the same. Raises OSError where the host refuses.
        """
        found = files.read(f"{FOLDER}/fault.json")
        if found is None:
            return None
        try:
            record = dict(json.loads(found.text))
            same_boot = record["boot_id"] == boot_id()
            left = float(record["until"]) - uptime() if same_boot else 0.0
            return {"component": str(record["component"]), "drill": str(record["drill"]), "left": round(left, 1)}
        except (ValueError, KeyError, TypeError):
            return {"component": "unknown", "drill": "unknown", "left": 0.0}

    def present(self) -> bool:
        """Whether anything of a drill is on this host."""
        return os.path.lexists(UNIT_FILE) or os.path.isdir(FOLDER)

    def arm(self, component: str, drill: str, seconds: int, script: str) -> None:
        """Make the host undo a fault after the seconds, and after a reboot, and prove that it will. Raises OperatorError where it won't."""
        files.make_folder(os.path.dirname(FOLDER))
        files.make_folder(FOLDER, 0o700)
        files.remove(f"{FOLDER}/undone")
        files.replace(f"{FOLDER}/undo", script, files.Owned("root", "root", 0o700))
        record = {
            "component": component, "drill": drill, "boot_id": boot_id(), "seconds": seconds, "until": uptime() + seconds,
        }  # fmt: skip
        files.replace(f"{FOLDER}/fault.json", json.dumps(record) + "\n", files.Owned("root", "root", 0o600))
        files.replace(UNIT_FILE, _UNIT, files.Owned("root", "root", 0o644))
        self._run(["systemctl", "stop", TIMER], "")
        self._systemctl("daemon-reload")
        self._systemctl("enable", SERVICE)
        for link in glob.glob(f"/etc/systemd/system/*.wants/{SERVICE}"):
            files.sync_folder(os.path.dirname(link))
        self._must(
            [
                "systemd-run",
                "--quiet",
                f"--unit={SERVICE}",
                f"--on-active={seconds}s",
                "--timer-property=AccuracySec=100ms",
            ]
        )
        self._prove()

    def _prove(self) -> None:
        rc, out, _err = self._run(["systemctl", "is-enabled", SERVICE], "")
        timer = self._systemctl("show", "--property=ActiveState,SubState,Unit", TIMER).split()
        wanted = {"ActiveState=active", "SubState=waiting", f"Unit={SERVICE}"}
        if rc != 0 or not wanted <= set(timer):
            raise OperatorError(
                f"This host wouldn't undo the fault by itself ({SERVICE}: {out.strip() or 'unknown'}; {TIMER}: {' '.join(timer)}), "
                "so nothing was broken."
            )

    def undo_now(self, seconds: float) -> None:
        """Begin to undo the fault at once, and wait for it. Raises OperatorError where it isn't undone after the seconds."""
        self._systemctl("start", SERVICE)
        deadline = time.monotonic() + seconds
        while self.read() is not None:
            if time.monotonic() > deadline:
                raise OperatorError(
                    f"The fault {self.read_name()} isn't undone after {seconds:.0f} s; {SERVICE} goes on trying. "
                    f"See {FOLDER}/undo for what it does."
                )
            time.sleep(0.2)

    def read_name(self) -> str:
        """The component of the fault."""
        return str((self.read() or {}).get("component", "of the drill"))

    def undone(self) -> t.Optional[float]:
        """The host's uptime when the last fault was undone; None where it isn't, or the host booted since."""
        found = files.read(f"{FOLDER}/undone")
        lines = found.text.split() if found else []
        if len(lines) != 2 or lines[1] != boot_id():
            return None
        with contextlib.suppress(ValueError):
            return float(lines[0])
        return None

    def clean(self) -> None:
        """Leave nothing of the drill on the host. Only where the fault is undone."""
        self._run(["systemctl", "stop", TIMER], "")
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(FOLDER)
        with contextlib.suppress(OSError):  # another part of the collection may live beside it
            os.rmdir(os.path.dirname(FOLDER))
        if os.path.lexists(UNIT_FILE):
            self._systemctl("disable", SERVICE)
            files.remove(UNIT_FILE)
            self._systemctl("daemon-reload")

    def _systemctl(self, *args: str) -> str:
        return self._must(["systemctl", *args])

    def _must(self, argv: list[str]) -> str:
        rc, out, err = self._run(argv, "")
        if rc != 0:
            raise OperatorError(f"{' '.join(argv[:2])} ended with {rc}: {err.strip() or out.strip()}")
        return out


def boot_id() -> str:
    """The id of this boot."""
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as lines:
        return lines.read().strip()


def uptime() -> float:
    """Seconds since the boot."""
    with open("/proc/uptime", encoding="ascii") as lines:
        return float(lines.read().split()[0])


def machine(run: Run) -> Record:
    """By which a host is told from the one that Ansible runs on: boot_id, init (its mount namespace), container (its kind, or empty)."""
    container = ""
    with contextlib.suppress(OSError):
        rc, out, _err = run(["systemd-detect-virt", "--container"], "")
        container = out.strip() if rc == 0 else ""
    return {"boot_id": boot_id(), "init": init(), "container": container}


def init() -> str:
    """The mount namespace of the first process; empty where it can't be read."""
    try:
        return os.readlink("/proc/1/ns/mnt")
    except OSError:
        return ""
