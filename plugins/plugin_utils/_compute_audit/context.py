# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts of an audit share: the servers by what is asked about them, and the findings so far. Pure."""

from __future__ import annotations

import typing as t
from collections import Counter
from datetime import datetime

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import UUID
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.contradictions import without_servers

from .kinds import Kind
from .model import Cloud, Finding, Provider, Record
from .remedies import Remedy, beside

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import CinderConf, Facts

HOST = "OS-EXT-SRV-ATTR:host"
STATE = "OS-EXT-STS:vm_state"
TASK = "OS-EXT-STS:task_state"
# While a server is in one of these, allocations may be on either host.
_MOVING = (
    "BUILD",
    "REBUILD",
    "RESIZE",
    "VERIFY_RESIZE",
    "REVERT_RESIZE",
    "MIGRATING",
    "PASSWORD",
    "REBOOT",
    "HARD_REBOOT",
    "UNKNOWN",
)


class Context:
    """The cloud, what the hosts told, and what was found. The arguments are those of audit()."""

    def __init__(
        self,
        cloud: Cloud,
        hosts: t.Mapping[str, Facts | None],
        inventory: t.Mapping[str, str],
        *,
        silent: t.Mapping[str, str],
        rules: t.Mapping[str, list[Record] | str] | None,
        cinder: t.Mapping[str, CinderConf],
        irreversible: bool,
    ) -> None:
        self.cloud = cloud
        self.hosts = hosts
        self.inventory = inventory
        self.silent = silent
        self.rules = rules
        self.cinder = cinder
        self.irreversible = irreversible
        self.findings: list[Finding] = []
        self.providers = {one["uuid"]: one for one in cloud["providers"]}
        self.hypervisors: dict[str, list[Record]] = {}
        for one in cloud["hypervisors"]:
            self.hypervisors.setdefault(one["service"]["host"], []).append(one)
        self.hypervisor_ids = {str(one["id"]) for one in cloud["hypervisors"]}
        self.evacuated = _evacuated(cloud["evacuations"])
        """By instance and host that it left, the last evacuation."""
        self.stuck: set[str] = set()
        """Instances that are in motion for so long that they are judged all the same."""
        self.held = _held(cloud["providers"])
        """By consumer: the providers on which it has something."""
        self.by_id = {str(one["id"]): one for one in cloud["servers"]}
        self.moving = _moving(cloud)
        migrations = [*cloud["migrations"], *cloud["ended"]]
        self.migrations = {str(one.get("uuid")) for one in migrations}
        self.ending = {str(one.get("uuid")) for one in migrations if one.get("status") != "finished"}
        """Those that give back by themselves what they hold: none that waits for a confirmation."""
        self._absent = set(cloud["absent"])
        left = Counter(str(one.get("source_compute")) for one in migrations if one.get("status") == "completed")
        running = without_servers(cloud["hypervisors"], cloud["servers"])
        # nova-compute counts again a minute later at most, also what has just been migrated away.
        self._without = {host: number for host, number in running.items() if number > left[host]}
        self.on_host: dict[str, list[Record]] = {}
        for one in self.by_id.values():
            if one.get(HOST):
                self.on_host.setdefault(str(one[HOST]), []).append(one)

    def add(
        self,
        kind: Kind,
        *,
        host: str,
        subject: str,
        explanation: str,
        remedy: Remedy,
        name: str = "",
        severity: str | None = None,
    ) -> None:
        """Note a finding, with its kind's severity unless another one is given."""
        found = self.hosts.get(remedy.on)
        remedy = beside(remedy, found.get("commands") if found else None)
        if remedy.refused:
            explanation = f"{explanation} {remedy.refused}"
        if remedy.irreversible and remedy.command and not self.irreversible:
            explanation += " Its remedy can't be undone; compute_audit_irreversible=true has the audit tell it."
            remedy = remedy._replace(command="")
        self.findings.append(
            Finding(
                kind=kind,
                severity=severity or kind.severity,
                host=host,
                subject=subject,
                explanation=explanation,
                remedy=remedy.command,
                remedy_on=remedy.on,
                irreversible=remedy.irreversible,
                name=name,
            )
        )

    def name(self, host: str) -> str:
        """What the inventory calls a host."""
        return self.inventory.get(host, host)

    def still(self, uuid: str) -> bool:
        """Whether an instance is known not to change: Nova lists it so, or says that it has none of this id."""
        return uuid not in self.moving and (uuid in self.by_id or self.is_absent(uuid))

    def is_absent(self, uuid: str) -> bool:
        """Whether Nova has no such instance. What no list has may still be one of a cell that didn't answer, so it is asked for by id."""
        return uuid not in self.by_id and (uuid in self._absent or not UUID.match(uuid))

    def unsure(self, host: str) -> str:
        """Why nothing can be said of what Nova has on a host; empty where something can."""
        if host in self.cloud["unreached"]:
            return f"Nova doesn't reach the database of the cell of {host}."
        if running := self._without.get(host):
            return f"Nova lists no server on {host}, while nova-compute there has told of {running}."
        return ""

    def tree(self, hypervisor: Record) -> list[Provider]:
        """The provider of a hypervisor and those within it (GPUs, NUMA cells)."""
        return [one for one in self.cloud["providers"] if str(hypervisor["id"]) in (one["uuid"], one["root"])]

    def outside(self) -> list[Provider]:
        """Providers of no hypervisor that aren't a compute's either, as those of a disk that several computes share."""
        return [
            one
            for one in self.cloud["providers"]
            if one["root"] not in self.hypervisor_ids and "MEMORY_MB" not in one["inventories"]
        ]

    def current(self, host: str) -> Record | None:
        """The hypervisor of a host: its only one, or that whose name libvirt tells; None where neither is."""
        found = [one for one in self.hypervisors.get(host, []) if not is_bare_metal(one)]
        if len(found) == 1:
            return found[0]
        told = self.hosts.get(host)
        libvirt = told["libvirt"] if told else None
        named = [one for one in found if libvirt and one.get("hypervisor_hostname") == libvirt["hostname"]]
        return named[0] if len(named) == 1 else None

    def host_of(self, uuid: str) -> str | None:
        """Nova's name of the host of an instance; None where there is no such instance, or it is on no host."""
        found = self.by_id.get(uuid)
        return t.cast("str | None", found.get(HOST)) if found else None


def is_bare_metal(hypervisor: Record) -> bool:
    return str(hypervisor.get("hypervisor_type")).lower() == "ironic"


def moment(text: t.Any) -> datetime | None:
    """A time as Nova writes it, with or without its zone, which is UTC."""
    try:
        return datetime.fromisoformat(str(text).rstrip("Z")).replace(tzinfo=None)
    except ValueError:
        return None


def _evacuated(evacuations: t.Iterable[Record]) -> dict[tuple[str, str], Record]:
    ordered = sorted(evacuations, key=lambda one: str(one.get("created_at")))
    return {(str(one.get("instance_uuid")), str(one.get("source_compute"))): one for one in ordered}


def _held(providers: t.Iterable[Provider]) -> dict[str, list[str]]:
    held: dict[str, list[str]] = {}
    for provider in providers:
        for consumer in provider["allocations"]:
            held.setdefault(consumer, []).append(provider["uuid"])
    return held


def _moving(cloud: Cloud) -> set[str]:
    moving = {str(one["id"]) for one in cloud["recent"]}
    for one in cloud["servers"]:
        # A server of a cell that is down has neither a host nor a state.
        if one.get(TASK) or one.get("status") in _MOVING or HOST not in one:
            moving.add(str(one["id"]))
    return moving | {str(one["instance_uuid"]) for one in cloud["migrations"] if one.get("instance_uuid")}
