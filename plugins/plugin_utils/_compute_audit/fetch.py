# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Nova and Placement for what an audit compares. However many servers there are, the requests are those of the computes, and one for
each id that one side names and the other one's list lacks: a list may lack what a cell didn't tell in time, so only a service's own 404 for
the id is taken for absence.

First what Placement holds, then the servers: one that is made meanwhile isn't missed, and one that goes is reported as recently changed.
"""

from __future__ import annotations

import re
import typing as t
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID, OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack import contradictions
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query, find_regions
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.connect import Region, Service, part
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.model import DISABLED

from .context import HOST, is_bare_metal, moment
from .model import UNDER_WAY, Cloud, Provider, Record
from .places import SHARES
from .progress import Progress

# With this microversion Nova tells the migrations that changed since a time.
_CHANGED_MIGRATIONS = (2, 59)
_SERVERS: tuple[t.Literal["servers", "recent", "everybody"], ...] = ("servers", "recent", "everybody")
# Nova gives back what a migration held after its end, and nova-compute counts its instances once a minute.
_AFTERWARDS = timedelta(minutes=2)
# And with this one Placement tells trees of providers.
_TREES = (1, 14)
# And with this one those that have a trait.
_BY_TRAIT = (1, 18)
_OWN_TRAITS = {DISABLED, SHARES}
_TRAIT = re.compile(r"trait[a-zA-Z0-9_-]{0,64}:[A-Z0-9_]{1,255}\Z")
# Servers that are on no host, yet known.
_HOMELESS = ("BUILD", "ERROR", "SHELVED_OFFLOADED")


@dataclass(frozen=True)
class Answer:
    cloud: Cloud
    requests: int


def fetch(
    query: Query,
    since: str,
    *,
    mentioned: t.Iterable[str] = (),
    everybody: bool = False,
    progress: Progress | None = None,
) -> Answer:
    """Everything about the cloud's region. `since`: when the first host was looked at, in UTC, as 2026-11-27T13:00:00Z.

    `mentioned` are the ids of instances that the hosts name; a host's text is asked for only if it is an id.
    With `everybody` also the ids of all servers, those on no known compute included; a request per 1000 servers.
    `progress` is told which part is read.
    Raises OperatorError where several regions are meant, or an API can't be asked.
    """
    regions = find_regions(query)
    if len(regions) != 1:
        names = ", ".join(str(region.region_name) for region in regions)
        raise OperatorError(f"The cloud {regions[0].name} has the regions {names}; name one of them for an audit.")
    region = Region(regions[0])

    def ask(pool: ThreadPoolExecutor, nova: Service, version: str) -> Cloud:
        asking = _Asking(region, pool, nova, version, progress or Progress())
        cloud = asking.lists(since, everybody=everybody)
        cloud["cloud"], cloud["region"] = str(regions[0].name), regions[0].region_name or ""
        asking.confirm(cloud, mentioned)
        asking.room(cloud)
        return cloud

    return Answer(region.read(ask), region.requests)


class _Asking:
    """Asks one region, several requests side by side."""

    def __init__(
        self, region: Region, pool: ThreadPoolExecutor, nova: Service, version: str, progress: Progress
    ) -> None:
        self._progress = progress
        self._region = region
        self._pool = pool
        self._nova = nova
        self._version = version

    def _read(self, path: str, key: str, *params: tuple[str, str]) -> Future[list[Record]]:
        return self._pool.submit(self._nova.read, path, key, params, self._version)

    def _services(self) -> Future[list[Record]]:
        return self._read("/os-services", "services", ("binary", "nova-compute"))

    def _under_way(self) -> list[Future[list[Record]]]:
        return [self._read("/os-migrations", "migrations", ("status", status)) for status in UNDER_WAY]

    def lists(self, since: str, *, everybody: bool) -> Cloud:
        read, progress = self._read, self._progress
        progress.part("reading Placement's resource providers")
        small = {"services": self._services(), "hypervisors": read("/os-hypervisors/detail", "hypervisors")}
        placement = self._region.service("placement", "Placement")
        trees = "1.14" if placement.newest_microversion() >= _TREES else None
        listed = part("Placement", placement.get("/resource_providers", microversion=trees), "resource_providers", list)
        asked = [self._pool.submit(_provider, placement, one) for one in listed]
        providers = progress.results("resource providers", asked)
        services, hypervisors = small["services"].result(), small["hypervisors"].result()
        progress.part(f"reading Nova's servers on {len(services)} computes")
        # Soft-deleted ones wait on their hosts with all they have, and Nova leaves them out unless they are asked for.
        tenants, hidden = ("all_tenants", "1"), ("soft_deleted", "1")
        servers = [
            read("/servers/detail", "servers", tenants, hidden, ("host", one["host"])) for one in _by_host(services)
        ]
        servers += [read("/servers/detail", "servers", tenants, ("status", status)) for status in _HOMELESS]
        whole = [read("/servers", "servers", tenants, hidden)] if everybody else []
        migrations = self._under_way()
        evacuations = read("/os-migrations", "migrations", ("migration_type", "evacuation"))
        by_id = {str(one["id"]): one for part in progress.results("lists of servers", servers) for one in part}
        under_way = [one for part in migrations for one in part.result()]
        # Last, so that whatever changed until now is among them; Nova tells deleted ones, too. What a migration held goes after its end.
        changed = read("/servers", "servers", tenants, ("changes-since", since))
        ended: list[Record] = []
        if tuple(int(part) for part in self._version.split(".")) >= _CHANGED_MIGRATIONS:
            begun, ended = self._changed(since)
            under_way += begun
        return {
            "cloud": "",
            "region": "",
            "services": services,
            "hypervisors": hypervisors,
            "servers": list(by_id.values()),
            "recent": changed.result(),
            "everybody": [one for part in whole for one in part.result()],
            "migrations": under_way,
            "ended": ended,
            "evacuations": evacuations.result(),
            "providers": [one for one in providers if one],
            "absent": [],
            "unanswered": {},
            "lost_providers": [],
            "unreached": [],
            "flavors": [],
            "aggregates": [],
            "traits": {},
            "unread": "",
        }

    def _changed(self, since: str) -> tuple[list[Record], list[Record]]:
        """The migrations that changed since a moment, and those that ended shortly before it."""
        first = moment(since)
        earlier = f"{first - _AFTERWARDS:%Y-%m-%dT%H:%M:%SZ}" if first else since
        later: list[Record] = []
        ended: list[Record] = []
        for one in self._read("/os-migrations", "migrations", ("changes-since", earlier)).result():
            last = moment(one.get("updated_at"))
            over = one.get("status") not in UNDER_WAY and first and last and last < first
            (ended if over else later).append(one)
        return later, ended

    def confirm(self, cloud: Cloud, mentioned: t.Iterable[str]) -> None:
        """Ask by id for whatever is named and in no list. Raises OperatorError where Nova hides what an audit needs."""
        consumers = {consumer for one in cloud["providers"] for consumer in one["allocations"]}
        named = {one for one in (*mentioned, *consumers) if UUID.match(one)}
        suspects = sorted(named - {str(one["id"]) for part in _SERVERS for one in cloud[part]} - _migrations(cloud))
        if suspects:
            self._progress.part(f"asking Nova for {len(suspects)} ids that no list has")
        answers = self._progress.results("ids", [self._pool.submit(self._server, one) for one in suspects])
        for suspect, answer in zip(suspects, answers, strict=True):
            if isinstance(answer, OperatorError):
                cloud["unanswered"][suspect] = str(answer)
            elif answer is None:
                cloud["absent"].append(suspect)
            else:
                cloud["servers"].append(answer)
        if set(cloud["absent"]) & consumers:
            # What isn't a server may be a migration that began, or that a cell didn't tell of, meanwhile.
            cloud["migrations"] += [one for part in self._under_way() for one in part.result()]
            cloud["absent"] = sorted(set(cloud["absent"]) - _migrations(cloud))
        # Once more, for a cell that has failed since, and for a list that was too short.
        again = self._services().result()
        cloud["unreached"] = sorted({*contradictions.unreached([*cloud["services"], *again])})
        cloud["services"] = list({str(one["host"]): one for one in (*again, *cloud["services"])}.values())
        self._confirm_placement(cloud)
        if contradictions.hides_hosts(cloud["servers"]):
            raise OperatorError(self._region.not_admin("Nova shows no server's host"))

    def _confirm_placement(self, cloud: Cloud) -> None:
        """Ask by id for hypervisors, providers and allocations that one list names or needs and another one lacks."""
        known = {str(one["id"]) for one in cloud["hypervisors"]}
        strangers = [
            one["uuid"] for one in cloud["providers"] if one["root"] == one["uuid"] and one["uuid"] not in known
        ]
        for uuid, found in zip(strangers, self._pool.map(self._hypervisor, strangers), strict=True):
            if found is None:
                cloud["lost_providers"].append(uuid)
            elif "service" in found:
                cloud["hypervisors"].append(found)
        placement = self._region.service("placement", "Placement")
        providers = {one["uuid"]: one for one in cloud["providers"]}
        unlisted = {str(one["id"]) for one in cloud["hypervisors"] if not is_bare_metal(one)} - set(providers)
        for one in self._pool.map(partial(_by_id, placement), sorted(filter(UUID.match, unlisted))):
            if one:
                providers[one["uuid"]] = one
        held = {consumer for one in providers.values() for consumer in one["allocations"]}
        hosts = {str(one["host"]) for one in cloud["services"]}
        without = [str(one["id"]) for one in cloud["servers"] if one.get(HOST) in hosts and str(one["id"]) not in held]
        for consumer, parts in zip(without, self._pool.map(partial(_allocations, placement), without), strict=True):
            for uuid, resources in parts.items():
                one = providers.get(uuid) or _by_id(placement, uuid)
                if one and consumer not in one["allocations"]:
                    one["allocations"][consumer] = resources
                    one["usages"] = dict(Counter(one["usages"]) + Counter(resources))
                if one:
                    providers[uuid] = one
        cloud["providers"] = list(providers.values())

    def room(self, cloud: Cloud) -> None:
        """What tells where an instance of a flavor may go. Without it the rest can be told all the same."""
        try:
            flavors = self._read("/flavors/detail", "flavors", ("is_public", "none"))
            aggregates = self._read("/os-aggregates", "aggregates").result()
            told = flavors.result()
            cloud["traits"] = self._traits([*told, *(one.get("flavor") or {} for one in cloud["servers"])])
        except OperatorError as exc:
            cloud["unread"] = str(exc)
            return
        cloud["flavors"], cloud["aggregates"] = told, aggregates

    def _traits(self, flavors: t.Iterable[Record]) -> dict[str, list[str] | None]:
        """Who has the traits that flavors name, and those that an audit asks for itself. A request per trait."""
        named = {key.partition(":")[2] for one in flavors for key in one.get("extra_specs") or {} if _TRAIT.match(key)}
        placement = self._region.service("placement", "Placement")
        if placement.newest_microversion() < _BY_TRAIT:
            raise OperatorError("Placement is older than microversion 1.18, and doesn't tell who has a trait.")
        params = [("name", "in:" + ",".join(sorted(named | _OWN_TRAITS)))]
        answer = placement.get("/traits", params, "1.18") or {}
        known = sorted(map(str, answer.get("traits", [])))
        found: dict[str, list[str] | None] = dict.fromkeys(named)

        def having(trait: str) -> list[str]:
            listed = placement.get("/resource_providers", [("required", trait)], "1.18") or {}
            return [str(one["uuid"]) for one in listed.get("resource_providers", [])]

        return found | dict(zip(known, self._pool.map(having, known), strict=True))

    def _server(self, uuid: str) -> Record | OperatorError | None:
        """What Nova has of an id; None where it says that there is no such server."""
        try:
            answer = self._nova.get(f"/servers/{uuid}", microversion=self._version, missing_ok=True)
        except OperatorError as exc:
            return exc
        return t.cast(Record, answer["server"]) if answer else None

    def _hypervisor(self, uuid: str) -> Record | None:
        """What Nova has of an id; None where it says that there is no such hypervisor, nothing where it doesn't tell."""
        try:
            answer = self._nova.get(f"/os-hypervisors/{uuid}", microversion=self._version, missing_ok=True)
        except OperatorError:
            return {}
        return None if answer is None else t.cast(Record, answer.get("hypervisor") or {})


def _migrations(cloud: Cloud) -> set[str]:
    return {str(one.get("uuid")) for one in (*cloud["migrations"], *cloud["ended"])}


def _by_host(services: t.Iterable[Record]) -> list[Record]:
    return sorted(services, key=lambda one: str(one["host"]))


def _provider(placement: Service, row: Record) -> Provider | None:
    """Two requests per provider, whatever runs there. None for one that has gone since the list was made."""
    path = f"/resource_providers/{row['uuid']}"
    inventories = placement.get(f"{path}/inventories", missing_ok=True)
    held = None if inventories is None else placement.get(f"{path}/allocations", missing_ok=True)
    if inventories is None or held is None:
        return None
    allocations: dict[str, dict[str, int]] = {
        consumer: one["resources"] for consumer, one in part("Placement", held, "allocations", dict).items()
    }
    usages: Counter[str] = Counter()
    for resources in allocations.values():
        usages.update(resources)
    return {
        "uuid": str(row["uuid"]),
        "name": str(row["name"]),
        "root": str(row.get("root_provider_uuid") or row["uuid"]),
        "inventories": part("Placement", inventories, "inventories", dict),
        "usages": dict(usages),
        "allocations": allocations,
    }


def _by_id(placement: Service, uuid: str) -> Provider | None:
    """A provider that no list has; None where Placement says that there is none."""
    row = placement.get(f"/resource_providers/{uuid}", missing_ok=True)
    return None if row is None else _provider(placement, {"name": "", **row, "uuid": uuid})


def _allocations(placement: Service, consumer: str) -> dict[str, dict[str, int]]:
    """By provider, what Placement keeps for a consumer."""
    held = part("Placement", placement.get(f"/allocations/{consumer}"), "allocations", dict)
    return {str(uuid): dict(one["resources"]) for uuid, one in held.items()}
