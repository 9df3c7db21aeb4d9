# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The wanted limits as they lie on the host, for the keeper to apply again.

One file, replaced as a whole so that a power cut leaves the old or the new one; one line per port, with a checksum,
so that a damaged line costs one port and not all: `1 CRC32 {"port_id": ..., as in tc_htb's option}`.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
import typing as t
import zlib
from dataclasses import dataclass, field

from .model import LEAVES, Port, TcError, parse_port

if t.TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

STATE_FILE = "/var/lib/openstack_ops.day2/tc_htb/limits.jsonl"
LOCK_FILE = "/run/openstack_ops.day2.tc_htb.lock"
_FORMAT = "1"
_HEADER = "# Limits that openstack_ops.day2.tc_htb keeps on this host. Written by it; a changed line is not read.\n"


@dataclass
class Saved:
    """What a state file holds: ports by id, and the lines that can't be read with the reason why."""

    ports: dict[str, Port] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def encode(port: Port) -> str:
    """A port as a line of the file."""
    wish: dict[str, t.Any] = {"port_id": port.port_id, "plug": port.plug, "leaf": port.leaf}
    for name, shape in (("egress", port.egress), ("ingress", port.ingress)):
        if shape is not None:
            wish[name] = shape.public()
    if port.exempt:
        wish["exempt"] = [str(network) for network in port.exempt]
    if port.why:
        wish["why"] = port.why
    text = json.dumps(wish, sort_keys=True)
    return f"{_FORMAT} {zlib.crc32(text.encode()):08x} {text}\n"


def decode(text: str, path: str = STATE_FILE) -> Saved:
    """Read a file's text; lines that can't be read are set aside with a sentence each."""
    saved = Saved()
    for number, line in enumerate(text.splitlines(keepends=True), start=1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            port = _decode_line(line.rstrip("\n"))
        except TcError as exc:
            saved.damaged.append(line if line.endswith("\n") else line + "\n")
            saved.problems.append(f"{path}, line {number}: {exc}")
            continue
        saved.ports[port.port_id] = port
    return saved


def _decode_line(line: str) -> Port:
    remedy = "run limit_instances.yml again to save this port's limit anew."
    version, _space, rest = line.partition(" ")
    if version != _FORMAT:
        raise TcError(f"format {version[:10]!r} is not the format {_FORMAT} that this version reads; {remedy}")
    checksum, _space, text = rest.partition(" ")
    if checksum != f"{zlib.crc32(text.encode('utf-8', 'surrogateescape')):08x}":
        raise TcError(f"the line is damaged, its checksum doesn't fit; {remedy}")
    wish = json.loads(text)
    leaf = wish.pop("leaf", None)
    if leaf not in LEAVES:
        raise TcError(f"leaf {leaf!r} is not one of {', '.join(LEAVES)}; {remedy}")
    return parse_port(wish, leaf, "this line")


def load(path: str = STATE_FILE) -> Saved:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as lines:
            return decode(lines.read(), path)
    except FileNotFoundError:
        return Saved()


def next_saved(saved: Saved, wanted: Mapping[str, Port], *, persist: bool, purge: bool) -> Saved:
    """What the file should hold after a run that wants these ports.

    With purge, nothing but these. Without persist no port is added, but those that are there are kept in step, lest
    the keeper fight for an old limit.
    """
    ports = {} if purge else dict(saved.ports)
    for port_id, port in wanted.items():
        if port.limited and (persist or port_id in saved.ports):
            ports[port_id] = port
        else:
            ports.pop(port_id, None)
    return Saved(ports, [] if purge else saved.damaged)


def render(saved: Saved) -> str:
    return _HEADER + "".join(encode(port) for _id, port in sorted(saved.ports.items())) + "".join(saved.damaged)


def store(saved: Saved, path: str = STATE_FILE) -> None:
    """Replace the file, or remove it where nothing is left to keep."""
    if not saved.ports and not saved.damaged:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    temporary = path + ".new"
    with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as out:
        out.write(render(saved))
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def locked(seconds: float, path: str = LOCK_FILE) -> Iterator[None]:
    """Hold the host's lock on limits: one run, or the keeper, at a time. Ends with its process, however it ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as exc:
                if exc.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                if time.monotonic() > deadline:
                    raise TcError(
                        f"Another run holds {path} for more than {seconds:.0f} s; wait for it or end it, then run again."
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)
