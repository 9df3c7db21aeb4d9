# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Nova and Placement for what an audit compares. Lists only: however many servers there are, the requests are those of the computes.

First what Placement holds, then the servers: one that is made meanwhile isn't missed, and one that goes is told as recently changed.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._nova.client import (
    CloudError,
    Region,
    Service,
    Wish,
    find_regions,
)

from .model import Cloud, Provider, Record

# A migration in one of these holds allocations of its own, or is about to.
_UNDER_WAY = (
    "accepted",
    "queued",
    "preparing",
    "pre-migrating",
    "migrating",
    "running",
    "post-migrating",
    "finished",
    "confirming",
    "reverting",
)
# With this microversion Nova tells the migrations that changed since a time.
_CHANGED_MIGRATIONS = (2, 59)
# Servers that are on no host, yet known.
_HOMELESS = ("BUILD", "ERROR", "SHELVED_OFFLOADED")


@dataclass(frozen=True)
class Answer:
    cloud: Cloud
    requests: int


def fetch(wish: Wish, since: str, *, everybody: bool = False) -> Answer:
    """Everything about the wished cloud's region. `since`: when the first host was looked at, in UTC, as 2026-11-27T13:00:00Z.

    With `everybody` also the ids of all servers, those on no known compute included; a request per 1000 servers.
    """
    regions = find_regions(wish)
    if len(regions) != 1:
        names = ", ".join(str(region.region_name) for region in regions)
        raise CloudError(f"The cloud {regions[0].name} has the regions {names}; name one of them for an audit.")
    region = Region(regions[0], wish)

    def ask(pool: ThreadPoolExecutor, nova: Service, version: str) -> Cloud:
        placement = region.service("placement", "Placement")

        def read(path: str, key: str, *params: tuple[str, str]) -> Future[list[Record]]:
            return pool.submit(nova.read, path, key, params, version)

        small = {
            "services": read("/os-services", "services", ("binary", "nova-compute")),
            "hypervisors": read("/os-hypervisors/detail", "hypervisors"),
        }
        listed = placement.get("/resource_providers") or {}
        providers = list(pool.map(lambda one: _provider(placement, one), listed.get("resource_providers", [])))
        services, hypervisors = small["services"].result(), small["hypervisors"].result()
        tenants = ("all_tenants", "1")
        # Soft-deleted ones wait on their hosts with all they have, and Nova leaves them out unless they are asked for.
        hidden = ("soft_deleted", "1")
        servers = [
            read("/servers/detail", "servers", tenants, hidden, ("host", one["host"])) for one in _by_host(services)
        ]
        servers += [read("/servers/detail", "servers", tenants, ("status", status)) for status in _HOMELESS]
        whole = [read("/servers", "servers", tenants, hidden)] if everybody else []
        migrations = [read("/os-migrations", "migrations", ("status", status)) for status in _UNDER_WAY]
        by_id = {str(one["id"]): one for part in servers for one in part.result()}
        under_way = [one for part in migrations for one in part.result()]
        # Last, so that whatever changed until now is among them; Nova tells deleted ones, too. What a migration held goes after its end.
        changed = read("/servers", "servers", tenants, ("changes-since", since))
        if tuple(int(part) for part in version.split(".")) >= _CHANGED_MIGRATIONS:
            under_way += read("/os-migrations", "migrations", ("changes-since", since)).result()
        recent = changed.result()
        return {
            "cloud": str(regions[0].name),
            "region": regions[0].region_name or "",
            "services": services,
            "hypervisors": hypervisors,
            "servers": list(by_id.values()),
            "recent": recent,
            "everybody": [one for part in whole for one in part.result()],
            "migrations": under_way,
            "providers": [one for one in providers if one],
        }

    return Answer(region.read(ask), region.requests)


def _by_host(services: t.Iterable[Record]) -> list[Record]:
    return sorted(services, key=lambda one: str(one["host"]))


def _provider(placement: Service, row: Record) -> Provider | None:
    """Two requests per provider, whatever runs there. None for one that has gone since the list was made."""
    path = f"/resource_providers/{row['uuid']}"
    inventories = placement.get(f"{path}/inventories", missing_ok=True)
    held = placement.get(f"{path}/allocations", missing_ok=True) if inventories else None
    if not inventories or not held:
        return None
    allocations: dict[str, dict[str, int]] = {
        consumer: one["resources"] for consumer, one in held["allocations"].items()
    }
    usages: Counter[str] = Counter()
    for resources in allocations.values():
        usages.update(resources)
    return {
        "uuid": str(row["uuid"]),
        "name": str(row["name"]),
        "inventories": inventories["inventories"],
        "usages": dict(usages),
        "allocations": allocations,
    }
