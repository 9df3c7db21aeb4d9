# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What has been in motion for so long that it will not end by itself. Pure."""

from __future__ import annotations

import typing as t
from datetime import timedelta

from .context import HOST, TASK, Context, moment
from .kinds import Kind
from .model import UNDER_WAY, Record
from .remedies import Remedy, remedy

_CHANGING = ("BUILD", "REBUILD", "RESIZE", "REVERT_RESIZE", "MIGRATING", "PASSWORD", "REBOOT", "HARD_REBOOT")


def stuck(context: Context, now: str, after: int, only: t.Collection[str] | None) -> None:
    """Tell what hasn't changed for `after` seconds before `now`, and note its instances as to be judged all the same."""
    told = set()
    for one in context.cloud["migrations"]:
        age = _age(now, one.get("updated_at") or one.get("created_at"))
        instance, host = str(one.get("instance_uuid")), str(one.get("source_compute") or "")
        # One that is finished waits for somebody's confirmation; its instance tells that.
        if (
            one.get("status") not in UNDER_WAY
            or one["status"] == "finished"
            or age is None
            or age.total_seconds() < after
        ):
            continue
        told.add(instance)
        context.stuck.add(instance)
        if only is None or host in only:
            context.add(
                Kind.STUCK,
                host=host,
                subject=str(one.get("uuid") or one.get("id")),
                explanation=f"The {one.get('migration_type')} of {instance} from {host} to {one.get('dest_compute')} is {one['status']} and hasn't "
                f"changed for {_text(age)}.",
                remedy=_abort(one, instance),
            )
    for server in context.by_id.values():
        _server(context, server, now, after, told, only)


def _server(
    context: Context, server: Record, now: str, after: int, told: set[str], only: t.Collection[str] | None
) -> None:
    uuid, host, age = str(server["id"]), str(server.get(HOST) or ""), _age(now, server.get("updated"))
    task, status = server.get(TASK), server.get("status")
    waits = status == "VERIFY_RESIZE" and not task
    if uuid in told or age is None or age.total_seconds() < after or not (task or waits or status in _CHANGING):
        return
    if not waits:
        context.stuck.add(uuid)
    if only is not None and host not in only:
        return
    context.add(
        Kind.STUCK,
        host=host,
        subject=uuid,
        severity="info" if waits else None,
        explanation=f"This instance has been waiting for {_text(age)} for its resize to be confirmed or reverted; it holds resources on both hosts."
        if waits
        else f"This instance is {status}"
        + (f" ({task})" if task else "")
        + f" and hasn't changed for {_text(age)}. Look into nova-compute's log, then set its state (openstack server set --state).",
        remedy=Remedy("cloud", ""),
        name=str(server.get("name") or ""),
    )


def _abort(migration: Record, instance: str) -> Remedy:
    number = str(migration.get("id", ""))
    if (
        migration.get("migration_type") != "live-migration"
        or migration["status"] != "running"
        or not number.isdecimal()
    ):
        return Remedy("cloud", "")
    return remedy("cloud", "openstack server migration abort {uuid} {word}", uuid=instance, word=number)


def _age(now: str, since: t.Any) -> timedelta | None:
    present, past = moment(now), moment(since)
    return present - past if present and past else None


def _text(age: timedelta) -> str:
    hours = int(age.total_seconds()) // 3600
    return (
        f"{hours // 24} days"
        if hours >= 48
        else f"{hours} hours"
        if hours >= 2
        else f"{int(age.total_seconds()) // 60} minutes"
    )
