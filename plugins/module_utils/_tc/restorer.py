# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restorer: applies the saved limits again when a port's device appears or somebody removes a limit.

It listens to rtnetlink, so it needs neither udev nor polling and notices everything the same way: boot, an instance's hard
reboot, an incoming live migration, a restart of Open vSwitch (which removes qdiscs silently), `tc qdisc del` by
hand. A qdisc that somebody else put in a limit's place is left alone and reported.

Limits that end are followed by what is saved behind them, without a run of Ansible.
"""

from __future__ import annotations

import errno
import math
import os
import select
import shutil
import socket
import subprocess
import sys
import time
import typing as t

from .._common import OperatorError
from .._kernel import netlink
from . import batch, state
from .apply import restore

if t.TYPE_CHECKING:
    from .plan import PortPlan
    from .ports import Port

#: Events come in bursts; those within this time are handled together.
_GATHER_SECONDS = 0.02
#: Stop reading events after this time, so that a flood of them doesn't block the work.
_DRAIN_SECONDS = 0.2
#: A tap is left alone until nothing has happened to it for this long, ...
_REST_SECONDS = 0.3
#: ... or until this long after the first event, if they don't stop. libvirt makes an instance's tap, clears its root and
#: adds its own <bandwidth>, a process each. What we put there in between makes libvirt fail ("Exclusivity flag on"), and with it the
#: start of the instance. The other devices of a port are nobody else's to shape.
_REST_AT_MOST_SECONDS = 3.0
#: Notices a state file that a killed run has left behind without touching the kernel.
_IDLE_SECONDS = 30.0
#: Somebody who removes a limit this often, within a minute, means it; the log says so and the port rests a minute.
_PATIENCE = 20

_REMOVED = (netlink.RTM_DELQDISC, netlink.RTM_DELTCLASS, netlink.RTM_DELTFILTER)
#: Everything that rtnetlink says about qdiscs, classes and filters.
_TC = range(netlink.RTM_NEWQDISC, netlink.RTM_GETTFILTER)


class Restorer:
    """Knows the saved ports, which devices are theirs, and what has happened to them since the last restore."""

    def __init__(self, batch: batch.Batch, path: str = state.STATE_FILE) -> None:
        self._batch = batch
        self._path = path
        self._saved: dict[str, Port] = {}
        self._ports: dict[str, Port] = {}  # the same with the limits that count by now
        self._owners: dict[str, str] = {}  # device name -> port id
        self._indexes: dict[int, str] = {}  # ifindex -> device name
        self._signature: object = None
        self._due: set[str] = set()  # ids of the ports whose limits may have to be applied again
        self._stirred: dict[
            str, tuple[float, float]
        ] = {}  # id of a due port -> when something first and last happened to its tap
        self._restored: dict[str, list[float]] = {}
        self._complaints: dict[str, str] = {}
        self._next_end = math.inf  # when the next limit ends, in seconds since 1970

    def reload(self) -> None:
        """Read the state file if it is another one than last time; all its ports are then due. While it can't be read, those of before stay."""
        try:
            signature = _signature(self._path)
            if signature == self._signature:
                return
            saved = state.load(self._path)
        except (OperatorError, OSError) as exc:
            self._complain(
                "", f"{self._path} can't be read ({str(exc).rstrip('.')}); the limits that were read before stay."
            )
            if self._signature is None:
                self._due = set(self._ports)
            return
        self._complain("", "")
        self._signature = signature
        for problem in saved.problems:
            _say(problem)
        self._saved, self._ports = saved.ports, dict(saved.ports)
        self._owners = {
            port.device(prefix): port.port_id for port in saved.ports.values() for prefix in ("tap", "qvb", "ifb")
        }
        self._indexes = {index: name for index, name in socket.if_nameindex() if name in self._owners}
        self._due = set(saved.ports)
        self._stirred = {port_id: when for port_id, when in self._stirred.items() if port_id in self._due}

    def _end_limits(self) -> None:
        """Go on to what follows the limits that have ended, or back where the clock was set back: their ports are due."""
        now = time.time()
        for port_id, port in self._saved.items():
            current = port.at(now)
            if current is not self._ports[port_id] and current != self._ports[port_id]:
                self._ports[port_id] = current
                self._due.add(port_id)
        self._next_end = min((port.until for port in self._ports.values() if port.until is not None), default=math.inf)

    def notice(self, buffer: bytes) -> None:
        """Take in what one recv brought."""
        now = time.monotonic()
        for kind, start, end in netlink.messages(buffer):
            if kind == netlink.RTM_NEWLINK:
                index, name = netlink.link_name(buffer, start, end)
                if name in self._owners:
                    self._happened(name, now, due=self._indexes.get(index) != name)
                    self._indexes[index] = name
            elif kind == netlink.RTM_DELLINK:
                index, name = netlink.link_name(buffer, start, end)
                self._indexes.pop(index, None)
                if name.startswith("ifb") and name in self._owners:
                    self._happened(name, now, due=True)
            elif kind in _TC:
                index, _handle, _parent = netlink.tc_message(buffer, start)
                if index in self._indexes:
                    self._happened(self._indexes[index], now, due=kind in _REMOVED)

    def _happened(self, name: str, now: float, *, due: bool) -> None:
        """Something happened to a device; due says that its port's limit may have to be applied again."""
        port_id = self._owners[name]
        if due:
            self._due.add(port_id)
        if port_id in self._due and name.startswith("tap"):
            first, _last = self._stirred.get(port_id, (now, now))
            self._stirred[port_id] = (first, now)

    def _rested(self, port_id: str) -> float:
        """When the port may be touched."""
        first, last = self._stirred.get(port_id, (-math.inf, -math.inf))
        return min(last + _REST_SECONDS, first + _REST_AT_MOST_SECONDS)

    @property
    def wait(self) -> float:
        """Seconds until there is something to do even if nothing happens."""
        next_due = min((self._rested(port_id) for port_id in self._due), default=math.inf)
        return min(max(0.0, min(next_due - time.monotonic(), self._next_end - time.time())), _IDLE_SECONDS)

    def notice_all(self) -> None:
        """Events were lost: everything is due."""
        self._signature = None

    def settle(self, drain: t.Callable[[], None]) -> None:
        """Restore what is due, under the host's lock so that a run in progress ends first. drain takes in the events that wait."""
        if not self._due:
            self.reload()
        self._end_limits()
        began = time.monotonic()
        if not any(self._rested(port_id) <= began for port_id in self._due):
            return
        told: set[str] = set()

        def acted(touched: list[str]) -> None:
            """Most of what was told of these ports by now is what our own statements did; looking again finds the rest."""
            drain()
            ours = self._due.intersection(touched)
            told.update(ours)
            # Not what was told of ports that were looked at again before these: that is somebody else's doing.
            self._forget(ours)

        with state.locked(300):
            self.reload()
            self._end_limits()
            rested = {port_id for port_id in self._due if self._rested(port_id) <= began}
            self._forget(rested)
            due = [self._ports[port_id] for port_id in sorted(rested) if port_id in self._ports]
            plans = restore([port for port in due if self._patient(port, began)], self._batch, acted)
        for plan in plans:
            if plan.done == "failed" and plan.port.port_id in told:
                self._happened(plan.port.device("tap"), time.monotonic(), due=True)
            elif plan.retry:
                later = time.monotonic() + _IDLE_SECONDS
                self._due.add(plan.port.port_id)
                self._stirred[plan.port.port_id] = (later, later)
        self._report(plans, began)

    def _forget(self, port_ids: set[str]) -> None:
        self._due -= port_ids
        for port_id in port_ids:
            self._stirred.pop(port_id, None)

    def _report(self, plans: list[PortPlan], began: float) -> None:
        done = [plan for plan in plans if plan.done not in ("refused", "failed") and plan.acts]
        for plan in done:
            self._restored.setdefault(plan.port.port_id, []).append(began)
        if done:
            names = ", ".join(plan.port.device("tap") for plan in done[:3]) + (", ..." if len(done) > 3 else "")
            _say(f"limits of {len(done)} ports applied ({names}) in {1000 * (time.monotonic() - began):.0f} ms")
        for plan in plans:
            self._complain(plan.port.port_id, plan.reason if plan.done in ("refused", "failed") else "")

    def _patient(self, port: Port, now: float) -> bool:
        recent = [when for when in self._restored.get(port.port_id, ()) if now - when < 60]
        self._restored[port.port_id] = recent
        if len(recent) < _PATIENCE:
            return True
        self._complain(
            port.port_id,
            f"Port {port.port_id}: its limit was removed {len(recent)} times within a minute; it gets a minute's rest.",
        )
        return False

    def _complain(self, port_id: str, reason: str) -> None:
        """Report a port's problem once, not at every event."""
        if reason and self._complaints.get(port_id) != reason:
            _say(reason)
        self._complaints[port_id] = reason


def _signature(path: str) -> object:
    """What is another one as soon as the file is. Raises OSError where nobody can look."""
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return "absent"
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def _say(message: str) -> None:
    sys.stdout.write(message + "\n")  # stdout goes to the journal
    sys.stdout.flush()


def _run(args: list[str], data: str) -> tuple[int, str, str]:
    done = subprocess.run(args, input=data.encode(), capture_output=True, check=False)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def _ready() -> None:
    """Tell systemd (Type=notify) that no event is missed from now on."""
    address = os.environ.get("NOTIFY_SOCKET")
    if address:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect("\0" + address[1:] if address.startswith("@") else address)
            sock.sendall(b"READY=1")


def _drain(events: socket.socket, restorer: Restorer) -> None:
    """Take in the events that wait, without waiting; in a storm, not for long."""
    until = time.monotonic() + _DRAIN_SECONDS
    while time.monotonic() < until:
        try:
            restorer.notice(events.recv(1 << 18, socket.MSG_DONTWAIT))
        except BlockingIOError:
            return
        except OSError as exc:
            if exc.errno != errno.ENOBUFS:
                raise
            restorer.notice_all()


def _find(tool: str) -> str:
    path = shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin:/bin")
    if path is None:
        raise OperatorError(f"{tool} is not on this host; install iproute2.")
    return path


def main() -> t.NoReturn:
    """Restore limits for as long as the process runs. Raises SystemExit with the reason where it can't go on."""
    os.environ["LC_ALL"] = "C"
    try:
        restorer = Restorer(batch.Batch(_run, _find("tc"), _find("ip")))
        with netlink.open_socket(netlink.RTMGRP_LINK | netlink.RTMGRP_TC) as events:

            def drain() -> None:
                _drain(events, restorer)

            _ready()  # before the lock is needed: the run that waits for systemctl holds it
            restorer.settle(drain)
            while True:
                if select.select([events], [], [], restorer.wait)[0]:
                    time.sleep(_GATHER_SECONDS)
                    drain()
                restorer.settle(drain)
    except OperatorError as exc:
        raise SystemExit(str(exc)) from None
