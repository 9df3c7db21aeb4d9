# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the components of a host are there and whole, and whether they may be broken at all."""

from __future__ import annotations

import ipaddress
import os
import re
import typing as t
from dataclasses import dataclass

from .._common import listed
from .._host import processes
from . import faults
from .components import Component, protected

if t.TYPE_CHECKING:
    from .._common import Run
    from .components import Record

_PROPERTIES = (
    "Id", "LoadState", "ActiveState", "SubState", "RefuseManualStop", "RefuseManualStart", "Transient", "MainPID", "RequiredBy",
    "BoundBy", "ConsistsOf", "TriggeredBy",
)  # fmt: skip
#: What stops when a unit stops, and what would start it again at once.
_ALONG = ("RequiredBy", "BoundBy", "ConsistsOf", "TriggeredBy")
_UNIT = re.compile(r"/([^/\n]+\.service)(?=/|$)", re.MULTILINE)


@dataclass(frozen=True)
class State:
    """A component as found: state is active, down, absent, refused or unknown; why says more where it isn't active.

    along are units that stop with it.
    """

    name: str
    state: str
    why: str = ""
    along: tuple[str, ...] = ()

    def public(self) -> Record:
        """As a module tells it."""
        return {"name": self.name, "state": self.state, "why": self.why, "along": list(self.along)}


def look(component: Component, run: Run) -> State:
    """The state of a component. What can't be asked is unknown, never down."""
    try:
        if component.kind == "unit":
            return _unit(component, run)
        if component.kind == "container":
            return _container(component, run)
        if component.kind == "network":
            return _network(component, run)
        rc, _out, _err = run(list(component.commands["check"]), "")
    except OSError as exc:
        return State(component.name, "unknown", f"{exc.filename or 'a program'}: {exc.strerror or exc}")
    if rc == 0:
        return State(component.name, "active")
    return State(component.name, "down", f"its check {component.commands['check'][0]} ended with {rc}")


def _show(unit: str, run: Run) -> dict[str, str]:
    rc, out, err = run(["systemctl", "show", f"--property={','.join(_PROPERTIES)}", "--", unit], "")
    shown = dict(line.split("=", 1) for line in out.splitlines() if "=" in line)
    if rc != 0 or "LoadState" not in shown:
        raise OSError(0, err.strip() or f"systemctl show ended with {rc}", unit)
    return shown


def _unit(component: Component, run: Run) -> State:
    name, unit = component.name, component.subject
    shown = _show(unit, run)
    if shown["LoadState"] != "loaded":
        return State(name, "absent", f"this host has no unit {unit} that could be started ({shown['LoadState']})")
    if shown.get("ActiveState") != "active":
        return State(name, "down", f"{unit} is {shown.get('ActiveState', 'unknown')}")
    if shown.get("Transient") == "yes":
        return State(name, "refused", f"{unit} is transient: stopped, it is gone, and nothing could start it")
    if "yes" in (shown.get("RefuseManualStop"), shown.get("RefuseManualStart")):
        return State(name, "refused", f"{unit} refuses to be stopped or started by hand")
    if component.how != "stop" and shown.get("MainPID", "0") == "0":
        return State(name, "refused", f"{unit} has no process of its own that could {component.how}")
    own = {unit, shown.get("Id", unit)}
    along = _along(shown, run)
    above = _above()
    guarded = sorted(one for one in own | set(along) if protected(one) or one in above)
    if guarded:
        return State(name, "refused", f"{listed(guarded)} would stop, by which Ansible gets in or a fault is undone")
    targets = [one for one in along if not one.endswith((".service", ".socket", ".timer", ".path"))]
    if targets:
        return State(name, "refused", f"{listed(targets)} would stop with {unit}; break what needs it instead")
    if component.how == "stop":
        return State(name, "active", along=tuple(along))
    return State(name, "active", along=tuple(one for one in along if one.endswith(".service")))


def _along(shown: dict[str, str], run: Run) -> list[str]:
    """The active units that stop along, and those that would start it again."""
    found: list[str] = []
    seen = {shown.get("Id", "")}
    waiting = [shown]
    while waiting:
        one = waiting.pop()
        for name in " ".join(one.get(key, "") for key in _ALONG).split():
            if name in seen:
                continue
            seen.add(name)
            other = _show(name, run)
            if other.get("ActiveState") in ("active", "activating", "reloading"):
                found.append(name)
                waiting.append(other)
    return sorted(found)


def _above() -> set[str]:
    """The services in which this process and those above it run."""
    found: set[str] = set()
    for pid in _ancestors():
        found |= set(_UNIT.findall(processes.read(f"/proc/{pid}/cgroup")))
    return found


def _ancestors() -> t.Iterator[int]:
    pid = os.getpid()
    while pid > 1:
        yield pid
        found = re.search(r"^PPid:\s*(\d+)", processes.read(f"/proc/{pid}/status"), re.MULTILINE)
        pid = int(found.group(1)) if found else 0


def _container(component: Component, run: Run) -> State:
    name = component.name
    rc, out, err = run(list(faults.inspect(component.engine, component.subject)), "")
    if rc != 0:
        if "no such" in err.lower():
            return State(name, "absent", f"this host has no container {component.subject}")
        return State(name, "unknown", f"{component.engine} inspect ended with {rc}")
    if out.strip() == faults.RUNS:
        return State(name, "active")
    return State(name, "down", f"the container {component.subject} doesn't run, or is paused")


def _network(component: Component, run: Run) -> State:
    networks = [ipaddress.ip_network(peer) for peer in component.peers]
    for client in clients():
        if any(client in network for network in networks):
            return State(component.name, "refused", f"Ansible comes in from {client}, which is among its peers")
    rc, out, err = run(["nft", "list", "tables"], "")
    if rc != 0:
        return State(component.name, "unknown", f"nft list tables ended with {rc}: {err.strip()}")
    if f"table inet {faults.TABLE}" in out.splitlines():
        return State(component.name, "down", f"the table {faults.TABLE} of nftables is there already")
    return State(component.name, "active")


def clients() -> list[t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]]:
    """From where the ssh sessions come that this process runs in."""
    found = []
    for pid in _ancestors():
        for part in processes.read(f"/proc/{pid}/environ").split("\0"):
            if part.startswith("SSH_CONNECTION="):
                address = part.partition("=")[2].split()[0].partition("%")[0]
                try:
                    client = ipaddress.ip_address(address)
                except ValueError:
                    continue
                found.append(getattr(client, "ipv4_mapped", None) or client)
    return found


def is_broken(component: Component, run: Run) -> bool:
    """Whether a component that was broken is down. One that was killed may be up again, that is what its test is about."""
    if component.how == "kill":
        return True
    if component.kind == "unit" and component.how == "hang":
        pid = _show(component.subject, run).get("MainPID", "0")
        return bool(re.search(r"^State:\s*[Tt]", processes.read(f"/proc/{pid}/status"), re.MULTILINE))
    return look(component, run).state == "down"
