# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The desired limits saved on the host, which the restorer applies again.

One file, replaced atomically so that a power cut leaves the old or the new one; one line per port, with a checksum,
so that a damaged line loses only one port: `2 CRC32 {"port_id": ..., as in tc_htb's option, but rates in bit/s, bursts in bytes and
ends in seconds since 1970}`. Limits that have ended stay in their line, with what follows them, until a run changes the file.
In lines that begin with 1, rates and bursts are texts as in the option. They are read, too, and stay until the file changes.
"""

from __future__ import annotations

import json
import os
import typing as t
import zlib
from dataclasses import asdict, astuple, dataclass, field, fields

from .._common import OperatorError
from .._host import files, lock
from .ports import LEAVES, Form, Phase, Port, Shape, parse_port, pkts_burst_bounds
from .times import YEAR_10000
from .units import MAX_PACKETS, MAX_RATE, MAX_SIZE

if t.TYPE_CHECKING:
    from collections.abc import Mapping

STATE_FILE = "/var/lib/openstack_ops.day2/tc_htb/limits.jsonl"
_FORMAT = "2"
_TEXTS = "1"
_HEADER = "# Limits that openstack_ops.day2.tc_htb keeps on this host. Written by it; a changed line is not read.\n"


@dataclass
class Saved:
    """The content of a state file: ports by id, damaged lines, and an error message for each of these."""

    ports: dict[str, Port] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def at(self, now: float) -> Saved:
        """With the limits that count at this time, in seconds since 1970: those that have ended count for nothing."""
        ports = {port_id: port.at(now) for port_id, port in self.ports.items()}
        lasting = {port_id: port for port_id, port in ports.items() if port.lasting}
        return Saved(lasting, self.damaged, self.problems)


def encode(port: Port) -> str:
    """Format a port as a line of the file."""
    entry = {"port_id": port.port_id, "plug": port.plug, "leaf": port.leaf, **_phase(port)}
    if port.afterwards:
        entry["afterwards"] = [_phase(phase) for phase in port.afterwards]
    text = json.dumps(entry, sort_keys=True)
    return f"{_FORMAT} {zlib.crc32(text.encode()):08x} {text}\n"


def _phase(phase: t.Union[Port, Phase]) -> dict[str, t.Any]:
    entry: dict[str, t.Any] = {}
    for name, shape in (("egress", phase.egress), ("ingress", phase.ingress)):
        if shape is not None:
            entry[name] = {key: number for key, number in asdict(shape).items() if number}
    if phase.exempt:
        entry["exempt"] = [str(network) for network in phase.exempt]
    if phase.vlans:
        entry["vlans"] = [{"id": vlan.id, "exempt": [str(network) for network in vlan.exempt]} for vlan in phase.vlans]
    if phase.why:
        entry["why"] = phase.why
    if phase.until is not None:
        entry["until"] = phase.until
    return entry


def decode(text: str, path: str = STATE_FILE) -> Saved:
    """Parse a file's text. Lines that can't be read become damaged, each with an error message in problems."""
    saved = Saved()
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            port = _decode_line(line.rstrip("\n"))
        except OperatorError as exc:
            saved.damaged.append(line if line.endswith("\n") else line + "\n")
            saved.problems.append(f"{path}, line {number}: {exc}")
            continue
        saved.ports[port.port_id] = port
    return saved


def _decode_line(line: str) -> Port:
    remedy = "run limit_instances.yml to save this port's limit again."
    version, _space, rest = line.partition(" ")
    if version not in (_FORMAT, _TEXTS):
        raise OperatorError(
            f"format {version[:10]!r} is neither {_TEXTS} nor {_FORMAT}, which this version reads; {remedy}"
        )
    checksum, _space, text = rest.partition(" ")
    try:
        if checksum != f"{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08x}":
            raise OperatorError(f"the line is damaged: its checksum doesn't match; {remedy}")
        entry = json.loads(text)
        leaf = entry.pop("leaf", None)
        if leaf not in LEAVES:
            raise OperatorError(f"leaf {leaf!r} is not one of {', '.join(LEAVES)}; {remedy}")
        port = parse_port(entry, leaf, "this line", _NUMBERS if version == _FORMAT else None)
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError):
        # The checksum matches, but we didn't write this.
        raise OperatorError(f"the line doesn't describe a port; {remedy}") from None
    if not port.lasting:  # an absent one, which a run would have left out
        raise OperatorError(f"the line has no limit of a port; {remedy}")
    return port


def _seconds(saved: object, _place: str) -> int:
    """The end of a line's limits. Raises TypeError or ValueError for what no run has written."""
    if isinstance(saved, bool) or not isinstance(saved, int):
        raise TypeError(saved)
    if not 0 < saved < YEAR_10000:
        raise ValueError(saved)
    return saved


def _numbers(saved: Mapping[str, t.Any], _place: str) -> Shape:
    """One direction's limit of a line. Raises ValueError, TypeError or LookupError for what no run has written."""
    shape = Shape(*(saved.get(one.name, 0) for one in fields(Shape)))
    if any(isinstance(number, bool) or not isinstance(number, int) for number in astuple(shape)):
        raise TypeError(shape)
    if not shape.rate and not shape.pkts_rate:
        raise ValueError(shape)
    if shape.rate and not (8 <= shape.rate <= shape.ceil <= 2 * MAX_RATE and 1 <= shape.burst <= MAX_SIZE):
        raise ValueError(shape)
    if shape.pkts_rate and not 1 <= shape.pkts_rate <= MAX_PACKETS:
        raise ValueError(shape)
    least, most = pkts_burst_bounds(shape.pkts_rate)
    if shape.pkts_rate and not least <= shape.pkts_burst <= most:
        raise ValueError(shape)
    return shape


_NUMBERS = Form(_numbers, _seconds)


def load(path: str = STATE_FILE) -> Saved:
    """What is saved; nothing where there is no file. Raises OperatorError where something else is in its place, OSError otherwise."""
    found = files.read(path)
    return Saved() if found is None else decode(found.text, path)


def next_saved(saved: Saved, desired: Mapping[str, Port], *, persist: bool, purge: bool) -> Saved:
    """The file's content after a run for these ports.

    With purge, only these are kept. Without persist, no port is added, but saved ones are updated so that the restorer doesn't
    restore an old limit.
    """
    ports = {} if purge else dict(saved.ports)
    for port_id, port in desired.items():
        if port.lasting and (persist or port_id in saved.ports):
            ports[port_id] = port
        else:
            ports.pop(port_id, None)
    return Saved(ports, [] if purge else saved.damaged)


def render(saved: Saved) -> str:
    return _HEADER + "".join(encode(port) for _id, port in sorted(saved.ports.items())) + "".join(saved.damaged)


def store(saved: Saved, path: str = STATE_FILE) -> None:
    """Replace the file, or remove it if it would be empty. Raises OSError if it can't be written, and OperatorError if
    another account could redirect the write."""
    if not saved.ports and not saved.damaged:
        files.remove(path)
        return
    files.make_folder(os.path.dirname(path))
    files.replace(path, render(saved), files.Owned("root", "root", 0o644))


def locked(seconds: float) -> t.ContextManager[int]:
    """Hold the host's lock on limits, for one run or the restorer at a time. The kernel releases it when the process ends.

    Raises OperatorError if another process holds it for longer than the given seconds.
    """
    return lock.locked("tc_htb", seconds)
