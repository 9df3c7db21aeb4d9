# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where what Placement, Nova and the hosts say doesn't fit together, each with what would mend it. Pure.

A cloud moves while it is looked at. What is in motion (a build, a resize, a migration; whatever has changed since the first host was
looked at) is left out, and counted.
"""

from __future__ import annotations

import math
import shlex
import typing as t
from collections import Counter
from dataclasses import dataclass, field

from .books import book, in_gb, in_pool, reservation, reserved_too_little
from .model import CLASSES, GIB, SEVERITIES, Cloud, Finding, Node, Pool, Provider, Record

_HOST = "OS-EXT-SRV-ATTR:host"
_STATE = "OS-EXT-STS:vm_state"
_TASK = "OS-EXT-STS:task_state"
# Of what is on its way somewhere the books may say this or that.
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
# States in which the server's domain has to be defined on its host.
_DEFINED = ("active", "paused", "suspended", "stopped", "rescued", "soft-delete")
_PLAYBOOK = "ansible-playbook -i nova_computes.yml openstack_ops.day2."


@dataclass(frozen=True)
class Audited:
    nodes: list[Node]
    findings: list[Finding]
    in_motion: int
    """How many servers were left out because they were changing."""
    servers: int


@dataclass
class _Known:
    """The servers of the cloud, by what is asked about them."""

    by_id: dict[str, Record]
    moving: set[str]
    on_host: dict[str, list[Record]] = field(default_factory=dict)

    def host_of(self, uuid: str) -> str | None:
        found = self.by_id.get(uuid)
        return t.cast("str | None", found.get(_HOST)) if found else None


def audit(
    cloud: Cloud,
    hosts: t.Mapping[str, Record | None],
    inventory: t.Mapping[str, str] | None = None,
    *,
    only: t.Collection[str] | None = None,
    silent: t.Mapping[str, str] | None = None,
    rules: t.Mapping[str, list[Record] | str] | None = None,
    pools: t.Sequence[Pool] = (),
    cinder: t.Mapping[str, Record] | None = None,
) -> Audited:
    """By Nova's names: what compute_audit_info told of a host (None where it told nothing), and its name in the inventory.

    `silent` says why a host told nothing.
    With `only`, findings on other computes are left out.
    `rules`, where limits are compared with them, has for each host the rows of _qos.report.comparison, or why there are none.
    `pools` are what Nova keeps in Ceph, each pool once; the cloud has to know all its servers then.
    `cinder` has by host of cinder-volume the RBD backends of its cinder.conf.
    """
    return _Audit(cloud, hosts, inventory or {}, only, silent or {}, rules, cinder or {}).run(pools)


class _Audit:
    def __init__(
        self,
        cloud: Cloud,
        hosts: t.Mapping[str, Record | None],
        inventory: t.Mapping[str, str],
        only: t.Collection[str] | None,
        silent: t.Mapping[str, str],
        rules: t.Mapping[str, list[Record] | str] | None,
        cinder: t.Mapping[str, Record],
    ) -> None:
        self._cloud = cloud
        self._silent = silent
        self._rules = rules
        self._cinder = cinder
        self._hosts = hosts
        self._inventory = inventory
        self._only = only
        self._known = _known(cloud)
        self._providers = {one["uuid"]: one for one in cloud["providers"]}
        self._hypervisors: dict[str, list[Record]] = {}
        for one in cloud["hypervisors"]:
            self._hypervisors.setdefault(one["service"]["host"], []).append(one)
        self._held: dict[str, list[str]] = {}
        """By consumer: the providers on which it has something."""
        for provider in cloud["providers"]:
            for consumer in provider["allocations"]:
                self._held.setdefault(consumer, []).append(provider["uuid"])
        self._found: list[Finding] = []

    def run(self, pools: t.Sequence[Pool]) -> Audited:
        nodes = []
        for service in sorted(self._cloud["services"], key=lambda one: str(one["host"])):
            if self._only is None or service["host"] in self._only:
                nodes.append(self._node(service))
        if self._only is None:
            self._lost_providers()
        for pool in pools:
            self._images(pool)
        order = {name: number for number, name in enumerate(SEVERITIES)}
        unique = {one.id: one for one in self._found}
        found = sorted(unique.values(), key=lambda one: (order[one.severity], one.host, one.kind, one.subject))
        return Audited(nodes, found, len(self._known.moving & set(self._known.by_id)), len(self._known.by_id))

    def _add(
        self, kind: str, severity: str, host: str, subject: str, explanation: str, mend: str, on: str, name: str = ""
    ) -> None:
        self._found.append(Finding(kind, severity, host, subject, explanation, mend, on, name))

    # ----------------------------------------------------------------- node
    def _node(self, service: Record) -> Node:
        host = str(service["host"])
        hypervisors = self._hypervisors.get(host, [])
        hypervisor = hypervisors[0] if len(hypervisors) == 1 else None
        provider = self._providers.get(str(hypervisor["id"])) if hypervisor else None
        found = self._hosts.get(host)
        servers = self._known.on_host.get(host, [])
        made = reservation(provider, hypervisor, found)
        books = [book(provider, hypervisor, found, resource) for resource in CLASSES]
        if provider:
            self._allocations(host, provider)
        if hypervisor:
            self._unallocated(host, str(hypervisor["id"]), provider, servers)
            for one in books:
                self._negative(host, provider, one["resource"], one["negative"], servers)
            self._inventory_differs(host, provider, found)
        elif not hypervisors:
            self._add(
                "compute_not_mapped", "critical", host, host,
                f"nova-compute on {host} has registered, but Nova lists no hypervisor of it: the host isn't mapped to a cell, or nova-compute "
                "has never got through its start. Nothing is scheduled there.",
                "nova-manage cell_v2 discover_hosts", "nova",
            )  # fmt: skip
        unknown = dict(found["unknown"]) if found else {"host": self._silent.get(host) or "It wasn't looked at."}
        if found:
            self._domains(host, found, servers)
            self._folders(host, found)
            self._volumes(host, found)
            self._secrets(host, found)
            self._limits(host, found)
            if self._rules is not None:
                self._against_rules(host, self._rules.get(host, []))
            self._reserved(host, made)
        for part, why in unknown.items():
            self._add(
                "unknown", "warning" if part == "host" else "info", host, part,
                f"{part} of {host} is not known, so nothing about it is compared. {why}",
                f"{_PLAYBOOK}audit_computes --limit {shlex.quote(self._name(host))}", "controller",
            )  # fmt: skip
        lvm: Record = (found or {}).get("lvm") or {}
        return {
            "host": host,
            "inventory_hostname": self._inventory.get(host),
            "state": str(service.get("state", "unknown")),
            "status": str(service.get("status", "unknown")),
            "instances": len(servers),
            "unknown": unknown,
            "books": books,
            "reservation": made,
            "groups": list(lvm.get("groups", [])),
            "volumes": list(lvm.get("volumes", [])),
        }

    def _name(self, host: str) -> str:
        return self._inventory.get(host, host)

    def _still(self, uuid: str) -> bool:
        return uuid not in self._known.moving

    # --------------------------------------------------- Placement and Nova
    def _allocations(self, host: str, provider: Provider) -> None:
        migrations = {str(one.get("uuid")) for one in self._cloud["migrations"]}
        for consumer, resources in sorted(provider["allocations"].items()):
            if consumer in migrations or not self._still(consumer):
                continue
            holds = _resources(resources)
            server = self._known.by_id.get(consumer)
            if server is None:
                self._add(
                    "allocation_without_instance", "critical", host, consumer,
                    f"Placement keeps {holds} of {host} for {consumer}, which is no instance of Nova and no migration under way. "
                    "What it holds is given to nobody.",
                    f"openstack resource provider allocation delete {consumer}", "cloud",
                )  # fmt: skip
                continue
            lives = server.get(_HOST)
            if lives != host:
                if lives is None and server.get("status") != "SHELVED_OFFLOADED":
                    continue
                where = f"runs on {lives}" if lives else "is shelved away from any host"
                mend = f"nova-manage placement heal_allocations --instance {consumer} --force"
                if not lives:
                    mend = f"openstack resource provider allocation delete {consumer}"
                self._add(
                    "allocation_on_other_host", "critical", host, consumer,
                    f"Placement keeps {holds} of {host} for an instance that {where}; an evacuation or a migration that failed leaves this.",
                    mend, "cloud" if not lives else "nova", str(server.get("name") or ""),
                )  # fmt: skip
                continue
            self._allocation_size(host, server, resources)

    def _allocation_size(self, host: str, server: Record, resources: t.Mapping[str, int]) -> None:
        wanted = _wanted(server)
        if not wanted:
            return
        has = {
            "VCPU": resources.get("VCPU", 0) + resources.get("PCPU", 0),
            "MEMORY_MB": resources.get("MEMORY_MB", 0),
            "DISK_GB": resources.get("DISK_GB", 0),
        }
        if has != wanted:
            self._add(
                "allocation_differs", "warning", host, server["id"],
                f"Placement keeps {_resources(has)} for this instance, its flavor asks for {_resources(wanted)}.",
                f"nova-manage placement heal_allocations --instance {server['id']} --force", "nova", str(server.get("name") or ""),
            )  # fmt: skip

    def _unallocated(self, host: str, provider_id: str, provider: Provider | None, servers: list[Record]) -> None:
        if provider is None:
            self._add(
                "compute_without_provider", "critical", host, provider_id,
                f"Placement doesn't know the compute {host}, so nothing is scheduled there, and what runs there isn't counted.",
                "systemctl restart nova-compute", host,
            )  # fmt: skip
            return
        for server in servers:
            uuid = str(server["id"])
            if not self._still(uuid) or provider_id in self._held.get(uuid, []) or server.get(_STATE) == "error":
                continue
            self._add(
                "instance_without_allocation", "critical", host, uuid,
                f"This instance is on {host}, but Placement keeps nothing for it: what it takes is given away once more.",
                f"nova-manage placement heal_allocations --instance {uuid}" + (" --force" if self._held.get(uuid) else ""),
                "nova", str(server.get("name") or ""),
            )  # fmt: skip

    def _lost_providers(self) -> None:
        """Of computes that Nova has forgotten. Providers within others (NUMA cells, GPUs) are not asked for."""
        known = {str(one["id"]) for one in self._cloud["hypervisors"]}
        # Nova doesn't tell which is the provider of a host that isn't mapped; it is called like the host, perhaps with its domain.
        unmapped = {str(one["host"]).partition(".")[0] for one in self._cloud["services"]} - {
            host.partition(".")[0] for host in self._hypervisors
        }
        for provider in self._cloud["providers"]:
            if provider["uuid"] in known or "MEMORY_MB" not in provider["inventories"]:
                continue
            if provider["name"].partition(".")[0] in unmapped:
                continue
            holds = len(provider["allocations"])
            self._add(
                "provider_without_compute", "warning", provider["name"], provider["uuid"],
                f"Placement offers the resources of {provider['name']}, which is no hypervisor of Nova"
                + (f"; {holds} allocations are on it." if holds else "; nothing is allocated on it."),
                f"openstack resource provider delete {provider['uuid']}", "cloud",
            )  # fmt: skip
            for consumer, resources in sorted(provider["allocations"].items()):
                if consumer not in self._known.by_id and self._still(consumer):
                    self._add(
                        "allocation_without_instance", "critical", provider["name"], consumer,
                        f"Placement keeps {_resources(resources)} of {provider['name']} for {consumer}, which is no instance of Nova.",
                        f"openstack resource provider allocation delete {consumer}", "cloud",
                    )  # fmt: skip

    def _negative(
        self, host: str, provider: Provider | None, resource: str, why: str | None, servers: list[Record]
    ) -> None:
        if not why or not provider:
            return
        capacity = provider["inventories"][resource]
        missing = provider["usages"].get(resource, 0) - int(
            (capacity["total"] - capacity["reserved"]) * capacity["allocation_ratio"]
        )
        orphans = {
            consumer: parts.get(resource, 0) for consumer, parts in provider["allocations"].items()
            if consumer not in self._known.by_id and self._still(consumer)
        }  # fmt: skip
        lost = sum(orphans.values())
        moved = _to_move(provider, resource, missing, servers)
        if moved and capacity["total"] > capacity["reserved"]:
            mend = _migration(provider, resource, moved)
        else:
            mend = f"openstack compute service set --disable {shlex.quote(host)} nova-compute"
        if lost:
            why += f" {lost} of it are kept for nobody; those are findings of their own."
        if lost >= missing:
            mend = f"openstack resource provider allocation delete {max(orphans, key=lambda one: orphans[one])}"
        self._add(
            "negative", "critical", host, resource, f"{host} has less than no {resource} free. {why}", mend, "cloud"
        )

    def _inventory_differs(self, host: str, provider: Provider | None, found: Record | None) -> None:
        # Of a pool, Nova tells the raw size of the cluster.
        if not provider or not found or in_pool(found):
            return
        made = book(provider, None, found, "DISK_GB")
        if made["believed"] and made["real"] and abs(made["believed"]["total"] - made["real"]["total"]) > 1:
            self._add(
                "inventory_differs", "warning", host, "DISK_GB",
                f"Placement says that {host} has {made['believed']['total']} GiB of disk, the host has {made['real']['total']}. nova-compute "
                "tells Placement every minute; either it is down, or it looks at another place than the audit.",
                "systemctl restart nova-compute", host,
            )  # fmt: skip

    def _reserved(self, host: str, made: t.Any) -> None:
        if not made:
            return
        if reserved_too_little(made):
            current = made["current_mb"] if made["current_mb"] is not None else (made["in_effect_gb"] or 0) * 1024
            self._add(
                "disk_not_reserved", "critical", host, "DISK_GB",
                f"Nova may give away {(made['needed_mb'] - current) / 1024:.1f} GiB of {host} that aren't there. {made['why']} "
                f"reserved_host_disk_mb is {current}, {made['needed_mb']} makes the books right.",
                f"{_PLAYBOOK}reserve_disk --limit {shlex.quote(self._name(host))} -e mb={made['needed_mb']}",
                "controller",
            )  # fmt: skip
        if (
            made["current_mb"] is not None
            and made["in_effect_gb"] is not None
            and in_gb(made["current_mb"]) != made["in_effect_gb"]
        ):
            self._add(
                "reservation_not_in_effect", "warning", host, "DISK_GB",
                f"nova.conf of {host} reserves {made['current_mb']} MB of disk, Placement has {made['in_effect_gb']} GB reserved: nova-compute "
                "hasn't read its configuration since, or reads another.",
                "systemctl restart nova-compute", host,
            )  # fmt: skip

    # ------------------------------------------------------ Nova and libvirt
    def _domains(self, host: str, found: Record, servers: list[Record]) -> None:
        if not found.get("libvirt"):
            return
        domains = {one["uuid"]: one for one in found["libvirt"]["domains"]}
        for uuid, domain in sorted(domains.items()):
            if self._still(uuid) and self._known.host_of(uuid) != host:
                self._stranger(host, uuid, domain)
        for server in servers:
            uuid = str(server["id"])
            if not self._still(uuid) or server.get(_STATE) not in _DEFINED:
                continue
            if uuid not in domains:
                self._add(
                    "domain_missing", "critical", host, uuid,
                    f"Nova has this instance on {host} as {server.get(_STATE)}, libvirt there has no such domain.",
                    f"openstack server reboot --hard {uuid}", "cloud", str(server.get("name") or ""),
                )  # fmt: skip
                continue
            self._compare(host, server, domains[uuid])

    def _stranger(self, host: str, uuid: str, domain: Record) -> None:
        size = f"{domain['vcpus']} vCPUs, {domain['memory'] // (1 << 20)} MiB"
        running = domain["state"] not in ("shut off", "crashed")
        lives = self._known.host_of(uuid)
        gone = f"virsh undefine --managed-save --snapshots-metadata --checkpoints-metadata --nvram {uuid}"
        if running:
            gone = f"virsh destroy {uuid}; {gone}"
        if uuid in self._known.by_id and lives:
            self._add(
                "domain_on_other_host", "critical", host, uuid,
                f"libvirt on {host} has a domain ({domain['state']}, {size}) of an instance that Nova has on {lives}."
                + (" Two copies that run write to the same volumes." if running else ""),
                gone, host, str(domain["name"]),
            )  # fmt: skip
        elif domain["made_by_nova"]:
            self._add(
                "domain_unknown", "critical" if running else "warning", host, uuid,
                f"libvirt on {host} has a domain that Nova made ({domain['state']}, {size}) and doesn't know any more.",
                gone, host, str(domain["name"]),
            )  # fmt: skip
        elif running:
            self._add(
                "domain_foreign", "info", host, uuid,
                f"A domain that isn't Nova's runs on {host} ({size}). Nova counts what it takes as free; reserved_host_cpus and "
                "reserved_host_memory_mb can say so.",
                f"virsh shutdown {uuid}", host, str(domain["name"]),
            )  # fmt: skip

    def _compare(self, host: str, server: Record, domain: Record) -> None:
        uuid, name = str(server["id"]), str(server.get("name") or "")
        state, is_now = server.get(_STATE), domain["state"]
        restart = f"openstack server reboot --hard {uuid}"
        if state == "active" and is_now in ("shut off", "crashed"):
            self._add(
                "domain_not_running", "critical", host, uuid,
                f"Nova has this instance as active, its domain on {host} is {is_now}.", restart, "cloud", name,
            )  # fmt: skip
            return
        if state == "active" and is_now == "paused":
            self._add(
                "domain_paused", "critical", host, uuid,
                f"Nova has this instance as active, its domain on {host} is paused. QEMU pauses a guest whose disk can't be written, "
                "for instance because there is no room left.",
                f"virsh resume {uuid}", host, name,
            )  # fmt: skip
        if state == "stopped" and is_now == "running":
            self._add(
                "domain_running", "warning", host, uuid,
                f"Nova has this instance as stopped, its domain runs on {host}.", f"virsh shutdown {uuid}", host, name,
            )  # fmt: skip
        flavor: Record = server.get("flavor") or {}
        if is_now == "running" and flavor.get("vcpus") and flavor.get("ram"):
            has, wanted = (domain["vcpus"], domain["memory"] >> 20), (int(flavor["vcpus"]), int(flavor["ram"]))
            if has != wanted:
                self._add(
                    "domain_differs", "warning", host, uuid,
                    f"The domain has {has[0]} vCPUs and {has[1]} MiB, the flavor says {wanted[0]} and {wanted[1]}.", restart, "cloud", name,
                )  # fmt: skip

    # ------------------------------------------------------------- leftovers
    def _in_use(self, found: Record) -> tuple[set[str], list[str]] | None:
        """Instances that have a domain here, and the disks of all domains; None where that isn't known."""
        if not found.get("libvirt"):
            return None
        domains = found["libvirt"]["domains"]
        return {one["uuid"] for one in domains}, [
            str(disk["source"]) for one in domains for disk in one["disks"] if disk["source"]
        ]

    def _folders(self, host: str, found: Record) -> None:
        place: Record | None = found.get("instances")
        used = self._in_use(found)
        # Where libvirt doesn't answer, nobody knows that a folder isn't a guest's.
        if not place or used is None:
            return
        for entry in place["entries"]:
            uuid = entry["instance"]
            path = f"{place['path']}/{entry['name']}"
            if (
                entry["kind"] != "instance"
                or not self._still(uuid)
                or any(disk.startswith(path + "/") for disk in used[1])
            ):
                continue
            lives = self._known.host_of(uuid)
            if not entry["suffix"] and (uuid in used[0] or lives == host):
                continue
            if place["shared"] and lives:
                continue
            whose = f"an instance that Nova has on {lives}" if lives else "no instance that Nova has on a host"
            if lives == host:
                whose = "a resize or a deletion that is over"
            self._add(
                "leftover_directory", "warning", host, entry["name"],
                f"{path} ({entry['size'] / GIB:.1f} GiB) is of {whose}.",
                f"rm -r --one-file-system -- {shlex.quote(path)}", host,
            )  # fmt: skip

    def _volumes(self, host: str, found: Record) -> None:
        lvm: Record | None = found.get("lvm")
        used = self._in_use(found)
        if not lvm or used is None:
            return
        for volume in lvm["volumes"]:
            uuid = volume["instance"]
            if volume["maker"] != "nova" or not uuid or not self._still(uuid):
                continue
            if self._known.host_of(uuid) == host or uuid in used[0]:
                continue
            full = f"{volume['group']}/{volume['name']}"
            lives = self._known.host_of(uuid)
            whose = f"an instance that Nova has on {lives}" if lives else "no instance that Nova has on a host"
            self._add(
                "leftover_volume", "warning", host, full,
                f"The logical volume {full} ({volume['size'] / GIB:.1f} GiB) is of {whose}.",
                f"lvremove --yes {shlex.quote(full)}", host,
            )  # fmt: skip

    def _images(self, pool: Pool) -> None:
        everybody = {*self._known.by_id, *(str(one["id"]) for one in self._cloud["everybody"])}
        for image in pool["images"]:
            if image["instance"] in everybody or not self._still(image["instance"]):
                continue
            full = f"{pool['pool']}/{image['name']}"
            self._add(
                "leftover_image", "warning", pool["host"], full,
                f"The RBD image {full} (seen from {pool['host']}, cluster {pool['fsid']}) is called as Nova calls the disks of its instances, and "
                f"this cloud has no instance {image['instance']}. If no other Nova uses this pool, it is left over.",
                f"rbd rm {shlex.quote(full)}", "ceph",
            )  # fmt: skip

    # ---------------------------------------------------- secrets and limits
    def _secrets(self, host: str, found: Record) -> None:
        libvirt: Record | None = found.get("libvirt")
        if not libvirt or libvirt.get("secrets") is None:
            return
        there = {one["uuid"] for one in libvirt["secrets"]}
        wanted = Counter(str(disk["secret"]) for one in libvirt["domains"] for disk in one["disks"] if disk["secret"])
        named = {uuid: f"{guests} disks of guests on {host} name" for uuid, guests in wanted.items()}
        for where, told in sorted(self._cinder.items()):
            for backend, options in sorted(told["backends"].items()):
                # Without one, Cinder hands out the cluster's fsid, which the computes needn't know.
                uuid = options["rbd_secret_uuid"].lower()
                named.setdefault(uuid, f"cinder.conf of {where} (backend {backend}) has guests on {host} name")
        from_conf = (found.get("nova_conf") or {}).get("rbd_secret_uuid")
        named.setdefault(str(from_conf or "").lower(), f"nova.conf of {host} names")
        for uuid, who in sorted(named.items()):
            if not uuid or uuid in there:
                continue
            self._add(
                "secret_missing", "critical", host, uuid,
                f"{who} the libvirt secret {uuid}, which isn't there: no guest with such a disk can be started.",
                f"{_PLAYBOOK}connect_ceph --limit {shlex.quote(self._name(host))} -e ceph_openstack_secret_uuid={shlex.quote(uuid)}",
                "controller",
            )  # fmt: skip

    def _limits(self, host: str, found: Record) -> None:
        for port in found.get("limits") or []:
            taps = [name for name in port["devices"] if name.startswith(("tap", "qvo", "qvb"))]
            limited = port["egress"] or port["ingress"]
            if port["saved"] and not limited and taps and not port["owner"]:
                self._add(
                    "limit_lost", "warning", host, port["port_id"],
                    f"The port {port['port_id']} should be limited on {host}, and the kernel there limits nothing.",
                    f"{_PLAYBOOK}limit_instances --limit {shlex.quote(self._name(host))} -e @rules.yml", "controller",
                )  # fmt: skip

    def _against_rules(self, host: str, rows: list[Record] | str) -> None:
        if isinstance(rows, str):
            self._add(
                "unknown", "warning", host, "rules",
                f"What the rules want on {host} is not known, so its limits aren't compared with them. {rows}",
                f"{_PLAYBOOK}show_limits --limit {shlex.quote(self._name(host))} -e @rules.yml", "controller",
            )  # fmt: skip
            return
        by_port: dict[str, list[Record]] = {}
        for row in rows:
            if row["wrong"]:
                by_port.setdefault(str(row["port"]), []).append(row)
        for port, wrong in sorted(by_port.items()):
            run = "limit_instances" if any(row["wrong"] == "run" for row in wrong) else "show_limits"
            self._add(
                "limit_differs", "warning", host, port,
                f"On {host}, the port {port} isn't limited as the rules want it: "
                + "; ".join(f"its {row['direction']} {row['differs']}" for row in wrong) + ".",
                f"{_PLAYBOOK}{run} --limit {shlex.quote(self._name(host))} -e @rules.yml", "controller",
            )  # fmt: skip


def _known(cloud: Cloud) -> _Known:
    servers = {str(one["id"]): one for one in cloud["servers"]}
    moving = {str(one["id"]) for one in cloud["recent"]}
    for uuid, one in servers.items():
        # A server of a cell that is down has neither a host nor a state.
        if one.get(_TASK) or one.get("status") in _MOVING or _HOST not in one:
            moving.add(uuid)
    moving |= {str(one["instance_uuid"]) for one in cloud["migrations"] if one.get("instance_uuid")}
    known = _Known(servers, moving)
    for one in servers.values():
        if one.get(_HOST):
            known.on_host.setdefault(str(one[_HOST]), []).append(one)
    return known


def _wanted(server: Record) -> dict[str, int] | None:
    """What the flavor makes Nova ask Placement for; None where that takes more than the numbers of the flavor."""
    flavor: Record = server.get("flavor") or {}
    specs: t.Mapping[str, str] | None = flavor.get("extra_specs")
    if specs is None or any(key.startswith(("resources", "hw:", "pci_passthrough:", "accel:")) for key in specs):
        return None
    if any(flavor.get(key) is None for key in ("vcpus", "ram", "disk", "ephemeral", "swap")):
        return None
    # Booted from a volume, it has no root disk of its own. Nova tells its image as an empty text then.
    root = int(flavor["disk"]) if server.get("image") else 0
    disk = root + int(flavor["ephemeral"]) + -(-int(flavor["swap"]) // 1024)
    return {"VCPU": int(flavor["vcpus"]), "MEMORY_MB": int(flavor["ram"]), "DISK_GB": disk}


def _resources(parts: t.Mapping[str, int]) -> str:
    return ", ".join(f"{amount} {name}" for name, amount in sorted(parts.items()) if amount) or "nothing"


def _migration(provider: Provider, resource: str, server: str) -> str:
    """
    For a migration, Nova has Placement keep the source's resources anew, which Placement refuses where there is less than none. So the ratio is
    raised for that long, to what leaves nothing to give away.
    """
    capacity = provider["inventories"][resource]
    enough = math.ceil(1000 * provider["usages"][resource] / (capacity["total"] - capacity["reserved"])) / 1000
    change = (
        f"openstack resource provider inventory set {provider['uuid']} --amend --resource {resource}:allocation_ratio="
    )
    migrate = f"openstack server migrate --live-migration --wait {server}"
    # With all digits: rounded, the one could be too little, and the other not what it was.
    return f"{change}{enough:.15g} && {migrate}; {change}{capacity['allocation_ratio']:.15g}"


def _to_move(provider: Provider, resource: str, missing: int, servers: list[Record]) -> str:
    """The smallest instance that makes room enough, else the largest one."""
    sizes = sorted(
        (provider["allocations"].get(str(one["id"]), {}).get(resource, 0), str(one["id"]))
        for one in servers
        if one.get(_STATE) == "active"
    )
    fitting = [uuid for size, uuid in sizes if size >= missing]
    return (fitting or [uuid for _size, uuid in reversed(sizes)] or [""])[0]
