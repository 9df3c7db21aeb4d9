# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client's key may do in each pool: ask all OSDs at once, like librbd does. Changes nothing."""

from __future__ import annotations

import contextlib
import json
import struct
import threading
import time
import typing as t
from dataclasses import dataclass, field

from .._common import OperatorError, no_binding
from .image_probe import data_of_an_image
from .monitors import Access, connect
from .objects import ERASURE

try:
    import rados
except ImportError:
    rados = None

#: Removing an object that doesn't exist changes nothing, but the OSD checks the permission to write first.
_NOBODY = "openstack_ops.day2.this-object-is-never-there"
#: LIBRADOS_OPERATION_FULL_TRY: get an answer from a full pool instead of hanging.
_FULL_TRY = 64
_EPERM = (-1, -13)
_READS, _READS_CLASS, _WRITES, _WRITES_CLASS = (
    "reads",
    "reads with RBD's methods",
    "writes",
    "writes with RBD's methods",
)


@dataclass(frozen=True)
class Found:
    """What is known about a pool: the OSDs' answers by kind of request, and its flags and quota from the monitors."""

    answers: t.Mapping[str, int]
    flags: str = ""
    erasure: bool = False
    quota: str = ""

    def may(self, *kinds: str) -> t.Optional[bool]:
        """Whether the client may do all of these; None if an OSD hasn't answered."""
        if any(self.answers.get(kind) in _EPERM for kind in kinds):
            return False
        return True if all(kind in self.answers for kind in kinds) else None


@dataclass
class Report:
    """Messages: passed checks, and problems."""

    checked: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def probe(
    client: str,
    access: Access,
    key: str,
    write: t.Sequence[str],
    read: t.Sequence[str],
    which: str,
    data: t.Sequence[tuple[str, str]] = (),
) -> dict[str, t.Any]:
    """Use the pools with a key, and make an image in each of data, which are pairs of a pool and its data pool.

    Returns checked, problems and the cluster's fsid; raises OperatorError if it can't connect.
    """
    if rados is None:
        raise no_binding("rados")
    try:
        cluster = connect(access, key)
    except OperatorError as exc:
        raise OperatorError(f"With {which}: {exc}") from None
    report = Report([f"the cluster lets {client} in with {which}"])
    pools = cluster.list_pools()
    for pool in (*write, *read):
        if pool not in pools:
            report.problems.append(
                f"The cluster has no pool {pool}, which {client} should use; it has {', '.join(sorted(pools)) or 'none'}."
            )
    details = _details(cluster)
    answers = _ask(cluster, pools, access.timeout)
    for pool in sorted(pools):
        row = details.get(pool, {})
        found = Found(answers[pool], row.get("flags_names", ""), row.get("type") == ERASURE, _quota(row))
        judge(client, pool, found, write, read, report, access.timeout)
    for pool, other in [] if report.problems else data:  # an image in a pool that is full would hang
        problem = data_of_an_image(cluster, client, pool, other)
        if problem:
            report.problems.append(problem)
        else:
            report.checked.append(f"an image that {client} makes in {pool} has its data in {other}")
    if write:
        _judge_blocklist(client, cluster, report)
    # The process ends now; shutting the connection down would wait for OSDs that don't answer.
    return {"checked": report.checked, "problems": report.problems, "fsid": str(cluster.get_fsid())}


def _details(cluster: t.Any) -> dict[str, t.Any]:
    """The monitors' details of pools by name, if the client may read them."""
    command = json.dumps({"prefix": "osd pool ls", "detail": "detail", "format": "json"})
    rc, out, _err = cluster.mon_command(command, b"")
    return {row["pool_name"]: row for row in json.loads(out)} if rc == 0 else {}


def _quota(row: t.Mapping[str, t.Any]) -> str:
    limits = [f"{row['quota_max_objects']} objects"] if row.get("quota_max_objects") else []
    return " or ".join(limits + ([f"{row['quota_max_bytes']} bytes"] if row.get("quota_max_bytes") else []))


def _ask(cluster: t.Any, pools: t.Sequence[str], timeout: int) -> dict[str, dict[str, int]]:
    """The OSDs' answers for each pool that arrived in time."""
    answers: dict[str, dict[str, int]] = {pool: {} for pool in pools}
    missing = threading.Semaphore(0)
    kept: list[t.Any] = []  # librados writes into these

    def note(pool: str, kind: str) -> t.Callable[..., None]:
        def done(completion: t.Any, *_result: t.Any) -> None:
            answers[pool][kind] = completion.get_return_value()
            missing.release()

        return done

    asked = 0
    for pool in pools:
        with contextlib.suppress(rados.ObjectNotFound):  # deleted meanwhile
            ioctx = cluster.open_ioctx(pool)
            kept.append(ioctx)
            kept.append(ioctx.aio_stat("rbd_directory", note(pool, _READS)))
            first = struct.pack("<IQ", 0, 1)  # dir_list: from the first name on, one
            kept.append(
                ioctx.aio_execute("rbd_directory", "rbd", "dir_list", first, oncomplete=note(pool, _READS_CLASS))
            )
            remove, execute = rados.WriteOp().create(), rados.WriteOp().create()
            remove.remove()
            execute.execute("rbd", "dir_remove_image", 2 * (struct.pack("<I", 1) + b"-"))
            for kind, operation in ((_WRITES, remove), (_WRITES_CLASS, execute)):
                kept += [
                    operation,
                    ioctx.operate_aio_write_op(operation, _NOBODY, oncomplete=note(pool, kind), flags=_FULL_TRY),
                ]
            asked += 4
    end = time.monotonic() + min(timeout, 4)
    for _one in range(asked):
        if not missing.acquire(timeout=max(0.0, end - time.monotonic())):
            break
    return {pool: dict(found) for pool, found in answers.items()}


def judge(
    client: str,
    pool: str,
    found: Found,
    write: t.Collection[str],
    read: t.Collection[str],
    report: Report,
    timeout: int,
) -> None:
    """A pool's verdict."""
    profile = "rbd" if pool in write else "rbd-read-only"
    if pool not in write and pool not in read:
        if found.may(_WRITES):
            kind = " (It is erasure-coded: name the data pool of one that it writes in write.)" if found.erasure else ""
            report.problems.append(
                f"{client} may write the pool {pool}, which it shouldn't; its osd caps are too wide.{kind}"
            )
        return
    needed = [_READS, _READS_CLASS, *([_WRITES, _WRITES_CLASS] if pool in write else [])]
    may = {kind: found.may(kind) for kind in needed}
    if found.erasure:
        may = {kind: one for kind, one in may.items() if kind in (_READS, _WRITES)}  # no directory of images is there
    advice = f"its osd caps need `profile {profile} pool={pool}`."
    denied = [kind for kind, one in may.items() if one is False]
    if denied:
        classes = denied[0] in (_READS_CLASS, _WRITES_CLASS)
        what = "call RBD's methods (class-read, x) in" if classes else "read" if denied[0] == _READS else "write"
        why = " librbd can't open an image there;" if classes else ""
        report.problems.append(f"{client} may not {what} the pool {pool};{why} {advice}")
    elif None in may.values():
        report.problems.append(
            f"The OSDs don't answer {client} for the pool {pool} within {min(timeout, 4)} s, so guests hang; its PGs may be inactive "
            "(ceph pg dump_stuck, ceph osd tree)."
        )
    elif pool in write and "full" in found.flags.split(","):
        at_quota = "full_quota" in found.flags
        why = f"at its quota ({found.quota})" if at_quota else "full"
        way = "Raise it (ceph osd pool set-quota) or" if at_quota else "Add OSDs or"
        report.problems.append(f"The pool {pool} is {why}, so writes of {client} hang. {way} remove what isn't needed.")
    elif pool in write:
        report.checked.append(f"{client} reads and writes {pool}")
    elif found.may(_WRITES):
        report.problems.append(f"{client} may write the pool {pool}, which it shouldn't; its osd caps are too wide.")
    else:
        report.checked.append(f"{client} reads {pool} and can't write it")


def _judge_blocklist(client: str, cluster: t.Any, report: Report) -> None:
    """Whether it may blocklist, asked with an address that is none: who may not is refused before that is looked at."""
    for prefix in ("osd blocklist", "osd blacklist"):  # the latter before Ceph 16
        command = json.dumps({"prefix": prefix, "blocklistop": "add", "blacklistop": "add", "addr": "nowhere/0"})
        rc, _out, err = cluster.mon_command(command, b"")
        if "not known" not in err:
            break
    if rc in _EPERM:
        report.problems.append(
            f"{client} may not blocklist others, so when a host dies, no other can take over the locks of its images, and guests that are "
            "started again can't write. Its mon caps need `profile rbd`."
        )
    elif rc == -22:
        report.checked.append(f"{client} may take over locks of hosts that have died")
