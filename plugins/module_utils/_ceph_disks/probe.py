# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads from devices, each disk in a process of its own: a disk that hangs costs a time limit and no more."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import typing as t
from functools import partial

from .._ceph.children import Job, run_all
from .._common import OperatorError
from . import parse

#: What is looked at for data of no known kind.
HEAD = 1 << 20


def probe_all(devices: t.Sequence[t.Sequence[str]], seconds: float) -> list[dict[str, t.Any]]:
    """For each disk, given with its partitions as paths: what probe() returns, or only `unknown`, a list of errors."""
    found = []
    for paths, ended in zip(devices, run_all([Job(partial(probe, paths)) for paths in devices], seconds)):
        if not ended.in_time:
            found.append({"unknown": [f"{paths[0]} didn't answer within {seconds:g} s"]})
        elif ended.error:
            found.append({"unknown": [ended.error]})
        else:
            found.append(ended.value)
    return found


def probe(paths: t.Sequence[str]) -> dict[str, t.Any]:
    """What a disk, the first path, and its partitions hold, as plain values.

    signatures are pairs of path and type, osds labels of BlueStore as keyword arguments, blank tells of the first MiB, exclusive whether
    the kernel would let somebody have the disk alone.
    """
    unknown: list[str] = []
    signatures: list[list[str]] = []
    osds = []
    blank: t.Optional[bool] = None
    for path in paths:
        try:
            signatures += [[path, kind] for kind in _signatures(path)]
        except (OperatorError, OSError) as exc:
            unknown.append(f"{path}: {exc}")
        try:
            head = _head(path)
        except OSError as exc:
            unknown.append(f"{path}: {exc.strerror or exc}")
            continue
        osd = parse.label(head[:4096], path)
        if osd:
            osds.append(osd.__dict__)
        if path == paths[0]:
            blank = not any(head)
    return dict(
        signatures=signatures, osds=osds, blank=blank, exclusive=_exclusive(paths[0]), unknown=unknown
    )  # fmt: skip


def _signatures(path: str) -> list[str]:
    program = shutil.which("wipefs", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not program:
        raise OperatorError("wipefs isn't installed on this host; install util-linux")
    done = subprocess.run(
        [program, "--no-act", "--parsable", path],
        stdin=subprocess.DEVNULL, capture_output=True, env={**os.environ, "LC_ALL": "C"},
        check=False,
    )  # fmt: skip
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip() or f"error {done.returncode}"
        raise OperatorError(f"wipefs said: {why[-200:]}")
    return parse.signatures(done.stdout.decode("utf-8", "replace"))


def _head(path: str) -> bytes:
    with open(path, "rb", buffering=0) as device:
        found = b""
        while len(found) < HEAD:
            part = device.read(HEAD - len(found))
            if not part:
                break
            found += part
    if not found:
        raise OSError(errno.ENODATA, "nothing can be read")
    return found


def _exclusive(path: str) -> t.Optional[bool]:
    """Whether nobody in the kernel has claimed the device: a mount, also one in a container, swap, RAID or the device mapper."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as exc:
        return False if exc.errno == errno.EBUSY else None
    return True
