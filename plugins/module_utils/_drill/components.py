# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be broken, as declared. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t
from dataclasses import dataclass, field

from .._common import OperatorError, shown

Record = t.Mapping[str, t.Any]

KINDS = ("unit", "container", "network", "command")
HOWS = ("stop", "hang", "kill")
ENGINES = ("podman", "docker")
#: A fault that lasts longer than this is no drill.
LONGEST = 3600

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.@:-]{0,62}\Z")
_UNIT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@:\\-]{0,200}\Z")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,200}\Z")
#: Without these nobody gets in, or nothing is undone.
_PROTECTED = re.compile(
    r"(sshd?(@.*)?|systemd-.*|dbus(-broker)?|user@.*|user-runtime-dir@.*|init|NetworkManager|networking|network|ifup@.*"
    r"|openstack-ops-.*)\.(service|socket)\Z"
)


@dataclass(frozen=True)
class Component:
    """One thing of a host that a drill may break.

    subject is the unit (with its suffix) or the container. peers are addresses or networks. commands has the argv of "break", "undo" and
    "check"; it is empty for other kinds.
    """

    name: str
    kind: str
    subject: str = ""
    how: str = "stop"
    engine: str = "podman"
    peers: tuple[str, ...] = ()
    commands: t.Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What would be done to it, in words: "stop the unit mariadb.service"."""
        if self.kind == "network":
            return f"drop packets to and from {', '.join(self.peers)}"
        if self.kind == "command":
            return f"run {self.commands['break'][0]}"
        return f"{self.how} the {self.kind} {self.subject}"


def protected(unit: str) -> bool:
    """Whether a unit is one by which Ansible gets in, or by which the host undoes the fault."""
    return bool(_PROTECTED.match(unit))


def parse(given: Record) -> Component:
    """A component of its options: name, kind, and by kind unit, container, engine, how, peers, break, undo, check.

    Raises OperatorError that names the component and the option.
    """
    name = str(given.get("name") or "")
    if not _NAME.match(name):
        raise OperatorError(
            f"A component is called {shown(name)}; wanted a name of letters, digits and '_.@: -', at most 63."
        )
    kind = str(given.get("kind") or "unit")
    if kind not in KINDS:
        raise OperatorError(f"{name}: kind is {shown(kind)}; wanted one of {', '.join(KINDS)}.")
    how = str(given.get("how") or "stop")
    if how not in HOWS:
        raise OperatorError(f"{name}: how is {shown(how)}; wanted one of {', '.join(HOWS)}.")
    if kind in ("network", "command") and how != "stop":
        raise OperatorError(f"{name}: how is {shown(how)}, which is for units and containers; leave it out.")
    if kind == "unit":
        return Component(name, kind, subject=_unit(name, str(given.get("unit") or "")), how=how)
    if kind == "container":
        return _container(name, how, given)
    if kind == "network":
        return Component(name, kind, peers=_peers(name, given.get("peers")))
    commands = {word: _argv(name, word, given.get(word)) for word in ("break", "undo", "check")}
    return Component(name, kind, commands=commands)


def _unit(name: str, unit: str) -> str:
    if unit and "." not in unit.rpartition("@")[0] + unit.rpartition("@")[2]:
        unit += ".service"
    if not _UNIT.match(unit) or not unit.endswith(".service"):
        raise OperatorError(f"{name}: unit is {shown(unit)}; wanted the name of a service, such as mariadb.service.")
    if protected(unit):
        raise OperatorError(f"{name}: {unit} is what Ansible gets in by, or what undoes a fault; it is never broken.")
    return unit


def _container(name: str, how: str, given: Record) -> Component:
    container, engine = str(given.get("container") or ""), str(given.get("engine") or "podman")
    if not _CONTAINER.match(container):
        raise OperatorError(f"{name}: container is {shown(container)}; wanted the name of a container.")
    if engine not in ENGINES:
        raise OperatorError(f"{name}: engine is {shown(engine)}; wanted one of {', '.join(ENGINES)}.")
    return Component(name, "container", subject=container, how=how, engine=engine)


def _peers(name: str, peers: t.Any) -> tuple[str, ...]:
    found = []
    for peer in peers if isinstance(peers, (list, tuple)) else []:
        try:
            network = ipaddress.ip_network(str(peer))
        except ValueError as exc:
            raise OperatorError(f"{name}: {shown(peer)} among peers isn't an address or a network ({exc}).") from None
        if network.is_loopback or network.is_multicast or network.num_addresses > 1 << 16:
            raise OperatorError(
                f"{name}: {shown(peer)} among peers is this host itself, or more than the hosts of one network; name the hosts."
            )
        found.append(str(network))
    if not found:
        raise OperatorError(f"{name}: peers is empty; wanted the addresses that the host should lose.")
    return tuple(found)


def _argv(name: str, word: str, argv: t.Any) -> tuple[str, ...]:
    if not isinstance(argv, (list, tuple)) or not argv or not all(isinstance(part, str) for part in argv):
        raise OperatorError(
            f"{name}: {word} isn't a list of a program and its arguments; a component of commands needs it."
        )
    if not argv[0].startswith("/") or any("\0" in part for part in argv):
        raise OperatorError(f"{name}: {word} begins with {shown(argv[0])}; wanted the program's path from / on.")
    return tuple(argv)


def parse_seconds(name: str, seconds: t.Any) -> int:
    """After how many seconds the host undoes the fault. Raises OperatorError unless that is 1 to LONGEST."""
    if isinstance(seconds, bool) or not str(seconds).isdigit() or not 1 <= int(seconds) <= LONGEST:
        raise OperatorError(
            f"{name}: the fault's seconds are {shown(seconds)}; wanted 1 to {LONGEST}, after which the host undoes it."
        )
    return int(seconds)
