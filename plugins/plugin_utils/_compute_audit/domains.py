# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""libvirt's domains beside Nova's instances. Pure."""

from __future__ import annotations

import typing as t

from .context import STATE, Context
from .kinds import Kind
from .model import Record
from .remedies import Remedy, irreversible, remedy

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import Domain, Facts

# States in which the server's domain has to be defined on its host.
_DEFINED = ("active", "paused", "suspended", "stopped", "rescued", "soft-delete")


def _reboot(server: str) -> Remedy:
    return remedy("cloud", "openstack server reboot --hard {uuid}", uuid=server)


def domains(context: Context, host: str, found: Facts, servers: list[Record]) -> None:
    if not found["libvirt"]:
        return
    domains = {one["uuid"]: one for one in found["libvirt"]["domains"]}
    for uuid, domain in sorted(domains.items()):
        if context.still(uuid) and context.host_of(uuid) != host:
            _stranger(context, host, uuid, domain)
    for server in servers:
        uuid = str(server["id"])
        if not context.still(uuid):
            continue
        if server.get(STATE) == "error" and uuid in domains:
            _runs_though(context, host, server, domains[uuid], _set_active(uuid))
        if server.get(STATE) not in _DEFINED:
            continue
        if uuid not in domains:
            context.add(
                Kind.DOMAIN_MISSING,
                host=host,
                subject=uuid,
                explanation=f"Nova has this instance on {host} as {server.get(STATE)}, libvirt there has no such domain.",
                remedy=_reboot(uuid),
                name=str(server.get("name") or ""),
            )
            continue
        _compare(context, host, server, domains[uuid])


def _set_active(server: str) -> Remedy:
    return remedy("cloud", "openstack server set --state active {uuid}", uuid=server)


def _runs_though(context: Context, host: str, server: Record, domain: Domain, cure: Remedy) -> None:
    if domain["state"] != "running":
        return
    context.add(
        Kind.DOMAIN_RUNNING,
        host=host,
        subject=str(server["id"]),
        explanation=f"Nova has this instance as {server.get(STATE)}, its domain runs on {host}.",
        remedy=cure,
        name=str(server.get("name") or ""),
    )


def _stranger(context: Context, host: str, uuid: str, domain: Domain) -> None:
    size = f"{domain['vcpus']} vCPUs, {domain['memory'] // (1 << 20)} MiB"
    running = _runs(domain)
    if uuid in context.by_id:
        _elsewhere(context, host, uuid, domain, size)
    elif domain["made_by_nova"]:
        context.add(
            Kind.DOMAIN_UNKNOWN,
            host=host,
            subject=uuid,
            severity="critical" if running else "warning",
            explanation=f"libvirt on {host} has a domain that Nova made ({domain['state']}, {size}), and Nova, asked for its id, has no such server.",
            remedy=_remove(host, uuid, domain),
            name=str(domain["name"]),
        )
    elif running:
        context.add(
            Kind.DOMAIN_FOREIGN,
            host=host,
            subject=uuid,
            explanation=f"A domain that isn't Nova's runs on {host} ({size}). Nova counts what it takes as free; reserved_host_cpus and "
            "reserved_host_memory_mb can say so.",
            remedy=remedy(host, "virsh shutdown {uuid}", uuid=uuid),
            name=str(domain["name"]),
        )


def _elsewhere(context: Context, host: str, uuid: str, domain: Domain, size: str) -> None:
    """A domain here of an instance that Nova has on another host, or on none. It may be the only one, whatever Nova says."""
    lives, status = context.host_of(uuid), context.by_id[uuid].get("status")
    there = context.hosts.get(lives) if lives else None
    other = there["libvirt"] if there else None
    theirs = next((one for one in other["domains"] if one["uuid"] == uuid), None) if other else None
    said = f"libvirt on {host} has a domain ({domain['state']}, {size}) of an instance that Nova has on {lives or 'no host'}"
    gone = Remedy(host, "")
    if not lives:
        said += f" (as {status})."
        gone = _remove(host, uuid, domain) if status == "SHELVED_OFFLOADED" else gone
    elif other is None:
        said += f". Whether {lives} has a domain of it isn't known: audit both, for this one may be the only one."
    elif theirs is None or (_runs(domain) and not _runs(theirs)):
        said += f". {lives} has no domain of it that runs, so the instance is here whatever Nova says. Have Nova's record corrected; remove nothing."
    else:
        said += ", which has one, too." + (" Two copies that run write to the same volumes." if _runs(domain) else "")
        gone = _remove(host, uuid, domain)
    context.add(
        Kind.DOMAIN_ON_OTHER_HOST, host=host, subject=uuid, explanation=said, remedy=gone, name=str(domain["name"])
    )


def _runs(domain: Domain) -> bool:
    return domain["state"] not in ("shut off", "crashed")


def _remove(host: str, uuid: str, domain: Domain) -> Remedy:
    line = "virsh undefine --managed-save --snapshots-metadata --checkpoints-metadata --nvram {uuid}"
    return irreversible(host, f"virsh destroy {{uuid}}; {line}" if _runs(domain) else line, uuid=uuid)


def _compare(context: Context, host: str, server: Record, domain: Domain) -> None:
    uuid, name = str(server["id"]), str(server.get("name") or "")
    state, is_now = server.get(STATE), domain["state"]
    if state in ("active", "paused") and is_now in ("shut off", "crashed"):
        context.add(
            Kind.DOMAIN_NOT_RUNNING,
            host=host,
            subject=uuid,
            explanation=f"Nova has this instance as {state}, its domain on {host} is {is_now}.",
            remedy=_reboot(uuid),
            name=name,
        )
        return
    if state == "active" and is_now == "paused":
        context.add(
            Kind.DOMAIN_PAUSED,
            host=host,
            subject=uuid,
            explanation=f"Nova has this instance as active, its domain on {host} is paused. QEMU pauses a guest whose disk can't be written, "
            "for instance because there is no room left.",
            remedy=remedy(host, "virsh resume {uuid}", uuid=uuid),
            name=name,
        )
    if state == "stopped":
        _runs_though(context, host, server, domain, remedy(host, "virsh shutdown {uuid}", uuid=uuid))
    if state == "suspended":
        _runs_though(context, host, server, domain, _set_active(uuid))
    flavor: Record = server.get("flavor") or {}
    if is_now == "running" and flavor.get("vcpus") and flavor.get("ram"):
        has, wanted = (domain["vcpus"], domain["memory"] >> 20), (int(flavor["vcpus"]), int(flavor["ram"]))
        if has != wanted:
            context.add(
                Kind.DOMAIN_DIFFERS,
                host=host,
                subject=uuid,
                explanation=f"The domain has {has[0]} vCPUs and {has[1]} MiB, the flavor says {wanted[0]} and {wanted[1]}.",
                remedy=_reboot(uuid),
                name=name,
            )
