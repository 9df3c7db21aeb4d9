# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which servers can be migrated, how, and how far a migration is. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown

from .model import COLD, LIVE, Migration, Moved, Refusal, Server, Step

#: Of each state in which Nova doesn't migrate, what to do about it.
_WAYS_OUT = {
    "VERIFY_RESIZE": "its user has to confirm or revert its resize first (openstack server resize confirm|revert)",
    "SUSPENDED": "resume it first (openstack server resume)",
    "RESCUE": "unrescue it first (openstack server unrescue)",
    "ERROR": "look after it first (openstack server show tells its fault)",
    "SHELVED": "its user has to unshelve it, or you offload it (openstack server shelve --offload)",
    "SOFT_DELETED": "restore it or delete it for good (openstack server delete --force)",
    "UNKNOWN": "Nova doesn't reach its cell's database; look after that first",
}
WAIT, CONFIRM = "wait", "confirm"


def classify(server: Server, migrations: t.Sequence[Migration], *, cold: bool, dest: str = "") -> Step | Refusal:
    """How a server that stands still moves away from its host, or why it doesn't. migrations: its own, in any order."""
    since = max((one.id for one in migrations), default=0)
    if server.lock:
        return Refusal(
            server.id, f"is locked ({shown(server.lock)}); unlock it if you may (openstack server unlock {server.id})"
        )
    if server.task:
        return Refusal(server.id, f"is busy ({shown(server.task)}); run again when that has ended")
    how = ""
    if server.status in ("ACTIVE", "PAUSED") and not server.devices:
        how = LIVE
    elif server.status == "SHUTOFF" or server.status == "ACTIVE":
        what = f"has devices of its host ({', '.join(server.devices)})" if server.status == "ACTIVE" else "is stopped"
        if not cold:
            return Refusal(server.id, f"{what}, so it moves only by a cold migration; allow that with cold")
        how = COLD
    elif server.status == "PAUSED":
        return Refusal(
            server.id, f"is paused and has devices of its host ({', '.join(server.devices)}); unpause it first"
        )
    if not how:
        way_out = _WAYS_OUT.get(server.status, "Nova migrates it in no such state; look after it first")
        return Refusal(server.id, f"is {server.status}: {way_out}")
    return Step(server.id, how, server.host, dest, since)


def pick_up(
    server: Server, migrations: t.Sequence[Migration], source: str, *, known: tuple[str, int] | None
) -> Step | Refusal | None:
    """A migration away from source that is under way already. None where there is none.

    known: how and since of one that an earlier run began, by its record. A cold one that isn't known isn't ours to confirm.
    """
    if known:
        ours = of_ours(migrations, known[0], known[1], source)
        if ours and not ours.failed and (ours.under_way or server.host == source):
            return Step(server.id, known[0], source, ours.dest, known[1], started=True)
        return None
    newest = max(migrations, key=lambda one: one.id, default=None)
    if newest is None or newest.source != source or not newest.under_way:
        return None
    if newest.how == LIVE:
        return Step(server.id, LIVE, source, newest.dest, newest.id - 1, started=True)
    return Refusal(
        server.id,
        f"is being moved by a {newest.how} migration of somebody else's, which they have to confirm; run again after that",
    )


def of_ours(migrations: t.Sequence[Migration], how: str, since: int, source: str) -> Migration | None:
    """The migration that a run began after it had seen the id `since` as the newest."""
    newer = [one for one in migrations if one.id > since and one.source == source]
    first = min(newer, key=lambda one: one.id, default=None)
    return first if first and first.how == how else None


def judge(step: Step, server: Server | None, migrations: t.Sequence[Migration]) -> str | Moved:
    """How far a migration that was started is: WAIT, CONFIRM, or how it ended. The server was read before its migrations."""
    if server is None:
        return Moved(step.server, step.source, "", step.how, 0, "gone", "deleted meanwhile")
    ours = of_ours(migrations, step.how, step.since, step.source)

    def ended(verdict: str, why: str = "") -> Moved:
        return Moved(step.server, step.source, server.host, step.how, 0, verdict, why, ours.id if ours else 0)

    if ours is None:
        # Nova's API writes the task before it answers, and the migration's record before the task ends.
        return WAIT if server.task else ended("failed", "Nova began no migration")
    if server.status == "ERROR" and not server.task:
        return ended("failed", "is in ERROR now")
    if ours.failed:
        return WAIT if server.task else ended("failed", f"its migration ended as {ours.status}")
    if ours.succeeded:
        return ended("moved") if server.host != step.source and not server.task else WAIT
    if step.how == COLD and server.status == "VERIFY_RESIZE" and ours.status == "finished" and not server.task:
        return CONFIRM
    return WAIT


def changed_since(server: Server, migrations: t.Sequence[Migration], *, host: str, migration: int, image: str) -> str:
    """Why a server isn't as we left it on host, by the id of our migration and its image; empty where it is."""
    if server.host != host:
        return f"is on {server.host or 'no host'} now and not on {host}, where it was put; somebody has moved it since"
    if max((one.id for one in migrations), default=0) != migration:
        return "was migrated or resized since; somebody wants it where it is"
    if server.image != image:
        return "was rebuilt from another image since"
    return ""
