# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module does on a host: look, break one component, undo."""

from __future__ import annotations

import contextlib
import os
import time
import typing as t

from .._common import OperatorError
from .._host import lock
from . import armed, faults
from .look import is_broken, look

if t.TYPE_CHECKING:
    from .._common import Run
    from .components import Component

_LOCK = "failure_drill"
_WAIT = 120.0
_EFFECT = 30.0


def seen(components: t.Sequence[Component], run: Run) -> dict[str, t.Any]:
    """The states of components, the host's fault, and which machine this is. Raises OSError where the host refuses."""
    fault = armed.Armed(run)
    return {
        "components": [look(one, run).public() for one in components],
        "fault": fault.read(),
        "undone": fault.undone(),
        "uptime": armed.uptime(),
        "machine": armed.machine(run),
    }


def broken(component: Component, run: Run, seconds: int, drill: str, *, check: bool = False) -> dict[str, t.Any]:
    """Break a component for the seconds; the host undoes it by itself. With check, only refuse.

    Raises OperatorError where it isn't whole, must not be broken or isn't broken afterwards (then it is undone), or where the host
    wouldn't undo it.
    """
    if not os.path.isdir("/run/systemd/system"):
        raise OperatorError("This host was not booted with systemd, so nothing on it would undo the fault.")
    with lock.locked(_LOCK, _WAIT):
        fault = armed.Armed(run)
        there = fault.read()
        if there:
            raise OperatorError(
                f"This host still has the fault {there['component']} of a drill, which it undoes in {max(0.0, there['left']):.0f} s; "
                "a host has one fault at a time. Wait, or undo it with state=whole."
            )
        found = look(component, run)
        if found.state != "active":
            raise OperatorError(f"{component.name} is {found.state}: {found.why}. So it isn't broken.")
        result = {
            "components": [found.public()], "fault": None, "undone": None, "uptime": armed.uptime(), "machine": armed.machine(run),
        }  # fmt: skip
        if check:
            return result
        wanted = faults.fault_of(component, found.along)
        try:
            fault.arm(component.name, drill, seconds, faults.script(wanted, armed.FOLDER))
        except (OperatorError, OSError):
            _clean(fault)
            raise
        result["uptime"] = armed.uptime()
        try:
            _break(component, wanted, run)
            _prove(component, fault, run)
        except (OperatorError, OSError):
            _undo(fault)
            raise
        return {**result, "fault": fault.read()}


def _break(component: Component, fault: faults.Fault, run: Run) -> None:
    for argv, data in fault.breaks:
        rc, _out, err = run(list(argv), data)
        if rc != 0:
            raise OperatorError(
                f"{component.name}: {' '.join(argv[:2])} ended with {rc} ({err.strip()[:200]}). The host undoes what it did."
            )


def _prove(component: Component, fault: armed.Armed, run: Run) -> None:
    """That the component is down. Some commands, such as those of an IPMI, take effect only after a while."""
    deadline = time.monotonic() + _EFFECT
    while not is_broken(component, run):
        if fault.read() is None:  # its time was up meanwhile
            return
        if time.monotonic() > deadline:
            raise OperatorError(
                f"{component.name}: after the fault ({component.text}) it isn't down; something else may have started it. "
                "The host undoes the fault. Declare what starts it as well, or correct the commands."
            )
        time.sleep(0.5)


def _undo(fault: armed.Armed) -> None:
    """After a failure, which nothing here may hide. The timer does it once more."""
    with contextlib.suppress(OperatorError, OSError):
        if fault.read() is not None:
            fault.undo_now(_WAIT)
        fault.clean()


def _clean(fault: armed.Armed) -> None:
    with contextlib.suppress(OperatorError, OSError):
        fault.clean()


def whole(
    components: t.Sequence[Component], run: Run, seconds: float, *, check: bool = False
) -> tuple[bool, dict[str, t.Any]]:
    """Undo the host's fault now, and leave nothing of the drill there: whether that changes anything, and what was seen before.

    Raises OperatorError where it isn't undone after the seconds.
    """
    with lock.locked(_LOCK, _WAIT):
        result = seen(components, run)
        fault = armed.Armed(run)
        changed = fault.present()
        if changed and not check:
            if result["fault"]:
                fault.undo_now(seconds)
            result["undone"] = fault.undone()
            fault.clean()
        return changed, result
