# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that drains a compute, and one that returns it: look, plan, refuse or do, look again."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, listed, shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query

from .cloud import Cloud
from .model import MARKER, DrainPlan, Moved, Refusal, Server, Service, Step
from .move import Mover, Pace, Say, settle
from .plan import changed_since, classify, judge, pick_up
from .record import DrainRecord, Entry, load

# Seconds between two looks, and for which Placement may be behind Nova.
_POLL = 1.0
_PLACEMENT = 120


@dataclass(frozen=True)
class Options:
    """host: as Nova calls it. record: the path of the file. partial: do what can be done where something is refused.

    migrate: False for a drain that ends when the host is out of scheduling.
    """

    host: str
    record: str
    reason: str = "maintenance"
    servers: bool = False
    partial: bool = False
    migrate: bool = True
    pace: Pace = field(default_factory=Pace)


@dataclass
class Result:
    plan: DrainPlan
    moved: list[Moved] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)
    """What of the host's servers and allocations is still there after a drain, in words."""

    @property
    def failures(self) -> list[str]:
        return [f"{one.server}: {one.why.rstrip('.')}." for one in self.moved if one.verdict == "failed"]


def drain(query: Query, options: Options, *, check_mode: bool, say: Say) -> Result:
    """Take the host out of scheduling and move its servers away.

    Raises OperatorError where anything is refused and options.partial isn't set, before anything changes; OSError for the record.
    """
    cloud = Cloud(query, options.host)
    service = cloud.service()
    record = load(options.record, cloud.identity, options.host)
    fresh = record is None or record.returned or service.status == "enabled"
    if record is None or fresh:
        record = DrainRecord(options.record, cloud.identity, options.host)
    plan = plan_drain(cloud, service, record, options)
    _refuse(plan, options, "No server was moved" if service.ours else "Nothing was changed")
    if check_mode:
        return Result(plan)
    if fresh:
        record.save()  # before anything changes, in case it can't be written
    if plan.changes_service:
        cloud.set_service(service, plan.status, plan.reason)
        say(f"nova-compute: {plan.after}")
    if not options.migrate:
        plan.steps = []
        return Result(plan)
    mover = Mover(cloud, record, options.pace, "out", say)
    mover.run(plan.steps)
    seen = {one.server for one in plan.steps} | {one.server for one in plan.refused}
    # What was on its way to this host when it was disabled.
    while not mover.failed and (late := [one for one in cloud.servers() if one.id not in seen]):
        arrived = [_step_of(cloud, record, one, options, "out") for one in late]
        seen.update(one.id for one in late)
        plan.refused += [one for one in arrived if isinstance(one, Refusal)]
        mover.run([one for one in arrived if isinstance(one, Step)])
    return Result(plan, mover.done, _remaining(cloud, plan, say))


def plan_drain(cloud: Cloud, service: Service, record: DrainRecord, options: Options) -> DrainPlan:
    """Raises OperatorError where the host is down, so that nothing can leave it by a migration."""
    plan = DrainPlan(
        service, "disabled", service.reason if service.status == "disabled" else f"{MARKER}{options.reason}"
    )
    if service.status == "disabled" and not service.ours:
        plan.notes.append(
            f"nova-compute on {options.host} was disabled by somebody else ({shown(service.reason or 'no reason given')}); "
            "that stays, also when the host is returned."
        )
    there = {one.id: one for one in cloud.servers()}
    # Cold migrations of an earlier run that end elsewhere, in VERIFY_RESIZE.
    left = sorted(one for one, entry in record.servers.items() if entry.leg == "out" and one not in there)
    for server in (*there.values(), *map(cloud.server, left)):
        found = _step_of(cloud, record, server, options, "out")
        if isinstance(found, Step):
            plan.steps.append(found)
        elif found:
            plan.refused.append(found)
    begin = [one.server for one in plan.steps if not one.started]
    nowhere = cloud.without_target(begin) if begin else {}
    plan.refused += [Refusal(server, why) for server, why in nowhere.items()]
    plan.steps = [one for one in plan.steps if one.server not in nowhere]
    if plan.steps and not service.up:
        raise OperatorError(
            f"nova-compute on {options.host} is down{' (forced down)' if service.forced_down else ''}, so its {len(there)} servers can't "
            "be migrated. Start it again; if the host is lost, fence it and evacuate them (openstack server evacuate). Nothing was changed."
        )
    return plan


def give_back(query: Query, options: Options, *, check_mode: bool, say: Say) -> Result:
    """Put the host back into scheduling where we took it out, and its servers where that is asked for.

    Raises OperatorError where anything is refused and options.partial isn't set, before anything changes; OSError for the record.
    """
    cloud = Cloud(query, options.host)
    service = cloud.service()
    record = load(options.record, cloud.identity, options.host)
    plan = plan_return(cloud, service, record, options)
    _refuse(plan, options, "Nothing was changed")
    if check_mode:
        return Result(plan)
    if plan.changes_service:
        _wait_until_up(cloud, options, say)
        cloud.set_service(service, plan.status, plan.reason)
        say(f"nova-compute: {plan.after}")
    if record is None:
        return Result(plan)
    if plan.steps:
        _wait_until_offered(cloud, options, say)
    mover = Mover(cloud, record, options.pace, "back", say)
    mover.run(plan.steps)
    if plan.status == "enabled" and not record.returned:
        record.returned = True
        record.save()
    return Result(plan, mover.done)


def plan_return(cloud: Cloud, service: Service, record: DrainRecord | None, options: Options) -> DrainPlan:
    """Raises OperatorError where the host can't be put back, or servers can't be brought to it."""
    plan = DrainPlan(service, service.status, service.reason)
    if service.ours:
        plan.status, plan.reason = "enabled", ""
    elif service.status == "disabled":
        plan.notes.append(
            f"nova-compute on {options.host} stays disabled, for somebody else disabled it ({shown(service.reason or 'no reason given')})."
        )
    if service.forced_down and service.ours:
        raise OperatorError(
            f"nova-compute on {options.host} is forced down; clear that first "
            f"(openstack compute service set --up {options.host} nova-compute). Nothing was changed."
        )
    if not options.servers:
        return plan
    if record is None:
        raise OperatorError(
            f"There is no record {options.record} of what was moved away from {options.host}; name the one of the drain, "
            "or return the host without its servers. Nothing was changed."
        )
    for uuid in sorted(record.servers):
        found: Step | Refusal | None = None
        server = cloud.server(uuid)
        if record.servers[uuid].leg == "out":
            found = _step_of(cloud, record, server, options, "out")
        if isinstance(found, Step) and found.started:
            found = Refusal(uuid, "is still being moved away; drain the host again first, which waits for that")
        else:
            found = _step_of(cloud, record, server, options, "back")
        if isinstance(found, Step):
            plan.steps.append(found)
        elif found:
            plan.refused.append(found)
    if plan.steps and plan.status != "enabled":
        raise OperatorError(
            f"{len(plan.steps)} servers should come back to {options.host}, where nova-compute stays disabled by somebody else "
            f"({shown(service.reason or 'no reason given')}), so Nova would put none there. Enable it first. Nothing was changed."
        )
    return plan


def _step_of(
    cloud: Cloud, record: DrainRecord, server: Server | None, options: Options, leg: str
) -> Step | Refusal | None:
    """What is to be done with a server, as it was just told; None where it is as it should be, or gone (None)."""
    if server is None:
        return None
    uuid = server.id
    entry = record.servers.get(uuid) or Entry()
    back = leg == "back"
    source, dest = (entry.to, options.host) if back else (options.host, "")
    if back and (not entry.to or entry.to == options.host):
        return None
    migrations = (
        cloud.migrations(uuid) if server.task or server.status == "VERIFY_RESIZE" or entry.leg or not back else []
    )
    if entry.leg == leg:
        known = (entry.how, entry.since)
        if found := pick_up(server, migrations, source, known=known):
            return found
        step = Step(uuid, entry.how, source, dest, entry.since, started=True)
        ended = judge(step, server, migrations)
        if isinstance(ended, Moved) and ended.verdict == "moved":
            settle(record, ended)
            entry = record.servers.get(uuid) or Entry()
    elif not back and (found := pick_up(server, migrations, source, known=None)):
        return found
    if (server.host == options.host and back) or (server.host != options.host and not back):
        return None
    if back:
        migrations = cloud.migrations(uuid)
        # What failed or was begun by us and came to nothing is newer than the one that put it there.
        ours = [one for one in migrations if one.id <= entry.migration or not one.failed]
        if why := changed_since(server, ours, host=entry.to, migration=entry.migration, image=entry.image):
            return Refusal(uuid, why)
    return classify(server, migrations, cold=options.pace.cold, dest=dest)


def _refuse(plan: DrainPlan, options: Options, nothing: str) -> None:
    if plan.refused and not options.partial:
        told = listed([one.text for one in plan.refused], 10, "; ")
        raise OperatorError(
            f"{len(plan.refused)} of the servers of {options.host} can't be moved: {told}. {nothing}. "
            "Look after them, or leave them where they are with partial."
        )


def _wait_until_up(cloud: Cloud, options: Options, say: Say) -> None:
    """Raises OperatorError where nova-compute doesn't report in time."""
    _wait_until(
        lambda: cloud.service().up, f"nova-compute on {options.host} is up", options, say,
        f"nova-compute on {options.host} is still down after {options.pace.timeout} s, so it stays disabled; look into its log, and run again.",
    )  # fmt: skip


def _wait_until_offered(cloud: Cloud, options: Options, say: Say) -> None:
    """Raises OperatorError where Placement doesn't offer the host in time, though its service is enabled."""
    _wait_until(
        lambda: not cloud.disabled_in_placement(), f"Placement offers {options.host}", options, say,
        f"nova-compute on {options.host} is enabled, but Placement still has it as disabled after {options.pace.timeout} s, so Nova would put "
        "no server there; restart nova-compute, and run again.",
    )  # fmt: skip


def _wait_until(holds: t.Callable[[], bool], what: str, options: Options, say: Say, otherwise: str) -> None:
    """Raises OperatorError, with this text, where something doesn't hold in time; each half minute, say what is waited for."""
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > options.pace.timeout:
            raise OperatorError(otherwise)
        if int(time.monotonic() - began) % 30 == 0:
            say(f"waiting until {what}")
        time.sleep(_POLL)


def _remaining(cloud: Cloud, plan: DrainPlan, say: Say) -> list[str]:
    """What Nova and Placement still have on the host. Placement gets things back a moment after Nova has told that a migration ended."""
    began, told = time.monotonic(), list[str]()
    while True:
        try:
            there = [one.id for one in cloud.servers()]
            held = sorted(cloud.allocations() - set(there))
        except OperatorError as exc:
            return [f"whether it is empty isn't known: {str(exc).rstrip('.')}"]
        if not held or there or time.monotonic() - began > _PLACEMENT:
            break
        if told != held:
            say(f"waiting until Placement has given back {listed(held)}")
        told = held
        time.sleep(_POLL)
    why = {one.server: one.why for one in plan.refused}
    said = [f"{one} {why.get(one, 'is still there')}" for one in there]
    return said + [
        f"Placement still has allocations of {one}, a server or a migration that Nova doesn't list there"
        for one in held
    ]
