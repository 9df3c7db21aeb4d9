# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host's limits counted, for the textfile collector of Prometheus' node_exporter. A timer runs this each minute.

The kernel and the saved limits are read as show_limits reads them; nothing is changed but one file. Counters begin anew with
their device, as Prometheus expects of counters.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import typing as t
from dataclasses import dataclass, field

from .._common import OperatorError
from .._host import files
from .._kernel.netlink import Kernel
from . import state
from .limits import of_port
from .metrics_files import SETTINGS_FILE
from .plan import PortDevices, survey_ports

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .._kernel.device import Device, Stats
    from .limits import Counted, Survey

FILE_NAME = "instance_qos.prom"

#: Metric of a limit, its type, its help, and what tells it of a direction's limit and its counters; None for one that it hasn't.
_OF_LIMITS: tuple[tuple[str, str, str, t.Callable[[Counted, Stats], t.Optional[int]]], ...] = (
    ("bytes_total", "counter", "Bytes that passed the limit.", lambda one, stats: stats.bytes),
    ("packets_total", "counter", "Packets that passed the limit.", lambda one, stats: stats.packets),
    ("drops_total", "counter", "Packets for which the limit had no room.", lambda one, stats: stats.drops),
    ("pkts_drops_total", "counter", "Those that were too many packets a second.", lambda one, stats: one.pkts_drops if one.limit.shape.pkts_rate else None),
    ("overlimits_total", "counter", "How often traffic came to wait for the limit.", lambda one, stats: stats.overlimits),
    ("exempt_bytes_total", "counter", "Bytes of exempt traffic, which passed beside the limit.", lambda one, stats: one.exempt_bytes),
    ("backlog_bytes", "gauge", "Bytes that wait in the limit's queue.", lambda one, stats: stats.backlog),
    ("rate_bits_per_second", "gauge", "The limit.", lambda one, stats: one.limit.shape.rate or None),
    ("ceil_bits_per_second", "gauge", "The limit while the burst lasts.", lambda one, stats: one.limit.shape.ceil or None),
    ("pkts_rate", "gauge", "The limit in packets per second.", lambda one, stats: one.limit.shape.pkts_rate or None),
)  # fmt: skip
_UNREAD = "1 for a limit that is saved and can't be read: no_device (the instance may be off), or no_limit (it isn't on the device)."
_PORTS = "How many ports have a limit in the kernel."
_DAMAGED = "How many lines of the saved limits can't be read."
_SUCCESS = (
    "Whether the kernel and the saved limits could be read; where not, the limits that are only told there are missing."
)
_SECONDS = "How long reading took."
_PREFIX = "instance_qos_"
_ESCAPES = {"\\": "\\\\", '"': '\\"'}


@dataclass(frozen=True)
class Settings:
    """Where to write, and what the kernel doesn't know: the compute's name, and instance and project of each port by its id."""

    directory: str
    compute: str
    ports: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def path(self) -> str:
        return f"{self.directory}/{FILE_NAME}"


@dataclass(frozen=True)
class Found:
    """A host's ports with their limits, how many lines of the saved ones are damaged, what couldn't be read and why, and how long it took."""

    ports: Sequence[Survey]
    damaged: int = 0
    unreadable: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def encode(settings: Settings) -> str:
    """Format the settings as their file has them."""
    told = {"directory": settings.directory, "compute": settings.compute, "ports": settings.ports}
    return json.dumps(told, sort_keys=True, indent=1) + "\n"


def load(path: str = SETTINGS_FILE) -> t.Optional[Settings]:
    """The settings; None where there are none. Raises OperatorError where the file has something else in it, OSError where it can't be read."""
    found = files.read(path)
    if found is None:
        return None
    try:
        told = json.loads(found.text)
        ports = {str(port_id): (str(instance), str(project)) for port_id, (instance, project) in told["ports"].items()}
        return Settings(str(told["directory"]), str(told["compute"]), ports)
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        raise OperatorError(
            f"{path} doesn't have the settings of metrics; run limit_instances.yml to write it again."
        ) from None


def look(saved_at: str = state.STATE_FILE) -> Found:
    """Read the kernel and the saved limits. What can't be read is part of the answer."""
    began = time.monotonic()
    unreadable = {}
    saved = state.Saved()
    devices: dict[str, Device] = {}
    try:
        saved = state.load(saved_at)
    except (OperatorError, OSError) as exc:
        unreadable["saved"] = str(exc)
    try:
        with Kernel() as kernel:
            devices = kernel.read(PortDevices((), everything=True), stats=True)
    except OSError as exc:
        unreadable["kernel"] = str(exc)
    ports = [] if "kernel" in unreadable else survey_ports((), saved.at(time.time()).ports, devices)
    return Found(ports, len(saved.damaged), unreadable, time.monotonic() - began)


def render(settings: Settings, found: Found) -> str:
    """The host's metrics in Prometheus' text format."""
    where = {"compute": settings.compute}
    ports = _who(settings, found.ports)
    lines = list(_limits(ports))
    lines += _head("unread", "gauge", _UNREAD)
    lines += [_line("unread", labels, 1) for labels in _unread(ports)]
    if "kernel" not in found.unreadable:
        lines += _head("ports", "gauge", _PORTS)
        lines.append(_line("ports", where, sum(bool(one.egress or one.ingress) for one in found.ports)))
    if "saved" not in found.unreadable:
        lines += [*_head("damaged_lines", "gauge", _DAMAGED), _line("damaged_lines", where, found.damaged)]
    lines += _head("read_success", "gauge", _SUCCESS)
    lines += [
        _line("read_success", {**where, "what": what}, int(what not in found.unreadable))
        for what in ("kernel", "saved")
    ]
    lines += [*_head("read_seconds", "gauge", _SECONDS), _line("read_seconds", where, round(found.seconds, 6))]
    return "\n".join(lines) + "\n"


def _limits(ports: Sequence[tuple[dict[str, str], Survey]]) -> Iterator[str]:
    """All limits of one metric follow each other, as the format wants it."""
    limits = [
        (
            _labels({**who, "device": one.device, "direction": direction}),
            one,
            one.stats,
        )
        for who, port in ports
        for direction, one in port.limits.items()
        if one and one.stats
    ]
    for name, kind, text, value in _OF_LIMITS:
        yield from _head(name, kind, text)
        for labels, one, stats in limits:
            number = value(one, stats)
            if number is not None:
                yield f"{_PREFIX}{name}{labels} {number}"


def _unread(ports: Sequence[tuple[dict[str, str], Survey]]) -> Iterator[dict[str, str]]:
    for who, port in ports:
        saved = port.saved
        for direction, counted in port.limits.items():
            if saved and of_port(saved)[direction] and not counted:
                prefix = "qvb" if direction == "egress" and saved.plug == "ovs_hybrid" else "tap"
                there = saved.device(prefix) in port.devices
                reason = "no_limit" if there else "no_device"
                yield {**who, "direction": direction, "reason": reason}


def _who(settings: Settings, ports: Sequence[Survey]) -> list[tuple[dict[str, str], Survey]]:
    """Each port with the labels that tell whose it is; empty where the last run of Ansible didn't know.

    Of a port that isn't saved the kernel knows only the part of its id that names of devices have.
    """
    known = {port_id[:11]: (port_id, *names) for port_id, names in settings.ports.items()}
    found = []
    for port in ports:
        port_id, instance, project = known.get(port.port_id[:11], (port.port_id, "", ""))
        labels = {"compute": settings.compute, "project": project, "instance_uuid": instance, "port": port_id}
        found.append((labels, port))
    return found


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {_PREFIX}{name} {text}", f"# TYPE {_PREFIX}{name} {kind}"]


def _line(name: str, labels: Mapping[str, str], value: float) -> str:
    return f"{_PREFIX}{name}{_labels(labels)} {value}"


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    """A label's value that ends neither itself nor its line, and is UTF-8 whatever was in it."""
    return "".join(_ESCAPES.get(one, one if one.isprintable() else "\ufffd") for one in text)


def write(settings: Settings, found: Found) -> None:
    """Replace the file as a whole. The folder may be another account's. Raises OperatorError where that account could redirect the write,
    OSError where the host refuses.
    """
    for left in files.leftovers(settings.path):  # systemd runs one of us at a time
        with contextlib.suppress(OSError):
            files.remove(left)
    files.replace(settings.path, render(settings, found), files.Owned("root", "root", 0o644))


def main() -> None:
    """Write the metrics once. Raises SystemExit with the reason where that can't be done."""
    try:
        settings = load()
        if settings is None:
            raise OperatorError(f"{SETTINGS_FILE} isn't there; run limit_instances.yml to write it again.")
        found = look()
        for what, reason in found.unreadable.items():
            sys.stderr.write(f"{what}: {reason}\n")  # goes to the journal
        write(settings, found)
    except (OperatorError, OSError) as exc:
        raise SystemExit(str(exc)) from None
