# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of a fault, and the program by which the host undoes it. Pure."""

from __future__ import annotations

import shlex
import typing as t
from dataclasses import dataclass

if t.TYPE_CHECKING:
    from .components import Component

Argv = t.Tuple[str, ...]

TABLE = "openstack_ops_drill"
RUNS = "true false"
"""What `inspect` says of a container that runs and isn't paused."""

_SCRIPT = """\
#!/bin/sh
# Written by openstack_ops.day2.failure_drill_host: undoes the fault of a drill, and tries until that is proved.
cd {folder} || exit 1
[ -e fault.json ] || exit 0
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
whole() {{
  {checks}
}}
while :; do
{undo}
  left=60
  while [ $left -gt 0 ]; do
    if whole >/dev/null 2>&1; then
      {{ cut -d' ' -f1 /proc/uptime; cat /proc/sys/kernel/random/boot_id; }} >undone.new || exit 1
      mv undone.new undone && rm -f fault.json && sync
      exit
    fi
    left=$((left - 1))
    sleep 1
  done
done
"""


@dataclass(frozen=True)
class Fault:
    """breaks: commands and their standard input. undo: commands that may fail. checks: all succeed once it is undone."""

    breaks: tuple[tuple[Argv, str], ...]
    undo: tuple[Argv, ...]
    checks: tuple[Argv, ...]


def fault_of(component: Component, along: t.Sequence[str] = ()) -> Fault:
    """The fault of a component; along are the units that stop with it, and have to start with it."""
    if component.kind == "unit":
        return _of_unit(component, along)
    if component.kind == "container":
        return _of_container(component)
    if component.kind == "network":
        return _of_network(component)
    commands = component.commands
    return Fault(((commands["break"], ""),), (commands["undo"],), (commands["check"],))


def _of_unit(component: Component, along: t.Sequence[str]) -> Fault:
    unit = component.subject
    units = (unit, *along)
    # A unit that is started from a unit, and waited for, would be a circle while the host boots.
    start: tuple[Argv, ...] = (
        ("systemctl", "reset-failed", *units),
        ("systemctl", "start", "--no-block", *units),
    )
    checks = tuple(("systemctl", "is-active", "--quiet", one) for one in units)
    if component.how == "stop":
        return Fault(((("systemctl", "stop", *units), ""),), start, checks)
    if component.how == "kill":
        return Fault(((("systemctl", "kill", "--signal=SIGKILL", unit), ""),), start, checks)
    resume: Argv = ("systemctl", "kill", "--signal=SIGCONT", unit)
    return Fault(((("systemctl", "kill", "--signal=SIGSTOP", unit), ""),), (resume, *start), (*checks, resume))


def _of_container(component: Component) -> Fault:
    engine, name = component.engine, component.subject
    words = {"stop": ("stop", "start"), "hang": ("pause", "unpause"), "kill": ("kill", "start")}[component.how]
    undo: tuple[Argv, ...] = ((engine, words[1], name),)
    if component.how == "hang":
        undo += ((engine, "start", name),)  # after a reboot it is stopped
    return Fault((((engine, words[0], name), ""),), undo, (running(engine, name),))


def inspect(engine: str, name: str) -> Argv:
    """The command that asks for a container's state."""
    return (engine, "inspect", "--type", "container", "--format", "{{.State.Running}} {{.State.Paused}}", name)


def running(engine: str, name: str) -> Argv:
    """A command that succeeds where a container runs and isn't paused."""
    return ("sh", "-c", f'test "$({_join(inspect(engine, name))})" = "{RUNS}"')


def _of_network(component: Component) -> Fault:
    lines = [f"table inet {TABLE} {{"]
    for hook, side in (("input", "saddr"), ("output", "daddr")):
        lines += [f"  chain {hook} {{", f"    type filter hook {hook} priority -300; policy accept;"]
        lines += [f"    {'ip6' if ':' in peer else 'ip'} {side} {peer} drop" for peer in component.peers]
        lines.append("  }")
    lines.append("}")
    gone: Argv = ("sh", "-c", f"! nft list table inet {TABLE}")
    undo: Argv = ("nft", "delete", "table", "inet", TABLE)
    return Fault(((("nft", "-f", "-"), "\n".join(lines) + "\n"),), (undo,), (gone,))


def script(fault: Fault, folder: str) -> str:
    """The program that undoes a fault: runs its commands, waits for its checks, and tries again until they succeed."""
    undo = "\n".join(f"  timeout 60 {_join(argv)} >/dev/null 2>&1 </dev/null" for argv in fault.undo)
    checks = " &&\n  ".join(f"timeout 60 {_join(argv)} </dev/null" for argv in fault.checks)
    return _SCRIPT.format(folder=shlex.quote(folder), undo=undo, checks=checks)


def _join(argv: t.Sequence[str]) -> str:
    return " ".join(shlex.quote(part) for part in argv)
