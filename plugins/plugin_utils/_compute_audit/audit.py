# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where what Placement, Nova and the hosts say doesn't fit together, each with its remedy. Pure.

A cloud moves while it is looked at. What is in motion (a build, a resize, a migration; whatever has changed since the first host was
looked at) is left out, and counted.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed

from .capacity import compare, reservation
from .context import Context, is_bare_metal
from .domains import domains
from .kinds import Kind
from .leftovers import folders, images, volumes
from .limits import differing_limits, lost_limits, secrets
from .model import CLASSES, SEVERITIES, Cloud, Finding, Node, Pool, Record
from .placement import allocations, inventory_differs, lost_providers, overcommitted, reserved, unallocated
from .remedies import Remedy, playbook, remedy
from .room import room
from .stuck import stuck

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import CinderConf, Facts


@dataclass(frozen=True)
class Audited:
    nodes: list[Node]
    findings: list[Finding]
    in_motion: int
    """How many servers were left out because they were changing."""
    servers: int
    room: Record
    """What still fits in the whole cloud, as room.room tells it."""


def audit(
    cloud: Cloud,
    hosts: t.Mapping[str, Facts | None],
    inventory: t.Mapping[str, str] | None = None,
    *,
    only: t.Collection[str] | None = None,
    silent: t.Mapping[str, str] | None = None,
    rules: t.Mapping[str, list[Record] | str] | None = None,
    pools: t.Sequence[Pool] = (),
    cinder: t.Mapping[str, CinderConf] | None = None,
    irreversible: bool = False,
    now: str = "",
    stuck_after: int = 3600,
) -> Audited:
    """By Nova's names: what compute_audit_info told of a host (None where it told nothing), and its name in the inventory.

    `silent` says why a host told nothing.
    With `only`, findings on other computes are left out.
    `rules`, where limits are compared with them, has for each host the rows of _qos.report.comparison, or why there are none.
    `pools` are what Nova keeps in Ceph, each pool once; the cloud has to know all its servers then.
    `cinder` has by host of cinder-volume the RBD backends of its cinder.conf.
    What is in motion and hasn't changed for `stuck_after` seconds before `now` is told.
    Only with `irreversible` are commands told that destroy something for good.
    """
    context = Context(
        cloud,
        hosts,
        inventory or {},
        silent=silent or {},
        rules=rules,
        cinder=cinder or {},
        irreversible=irreversible,
    )
    stuck(context, now, stuck_after, only)
    nodes = []
    for service in sorted(cloud["services"], key=lambda one: str(one["host"])):
        if only is None or service["host"] in only:
            nodes.append(_node(context, service))
    if only is None:
        lost_providers(context)
    for pool in pools:
        images(context, pool)
    _unanswered(context)
    order = {name: number for number, name in enumerate(SEVERITIES)}
    unique = {one.id: one for one in context.findings}
    found = sorted(unique.values(), key=lambda one: (order[one.severity], one.host, one.kind, one.subject))
    return Audited(nodes, found, len(context.moving & set(context.by_id)), len(context.by_id), room(context))


def _unanswered(context: Context) -> None:
    """Name what Nova, asked for by its id, told nothing of."""
    if unanswered := context.cloud["unanswered"]:
        ids = sorted(unanswered)
        context.add(
            Kind.UNKNOWN,
            host=context.cloud["cloud"],
            subject="servers",
            explanation=f"Whether Nova has {listed(ids)} is not known, so nothing about them is judged. {unanswered[ids[0]]}",
            remedy=remedy("cloud", "openstack server show {uuid}", uuid=ids[0]),
        )


def _node(context: Context, service: Record) -> Node:
    host = str(service["host"])
    hypervisor, found = context.current(host), context.hosts.get(host)
    tree = context.tree(hypervisor) if hypervisor else []
    provider = next((one for one in tree if one["root"] == one["uuid"]), None)
    servers = context.on_host.get(host, [])
    made = reservation(provider, hypervisor, found)
    rows = [compare(provider, hypervisor, found, resource) for resource in CLASSES]
    unsure = context.unsure(host)
    if unsure:
        context.add(
            Kind.UNKNOWN,
            host=host,
            subject="servers",
            explanation=f"{unsure} What {host} holds isn't compared with Nova's servers.",
            remedy=playbook("audit_computes", context.name(host)),
        )
    else:
        _with_servers(context, host, found, servers)
    overcommitted(context, host, tree, servers)
    if hypervisor:
        inventory_differs(context, host, provider, found)
    unknown = dict(found["unknown"]) if found else {"host": context.silent.get(host) or "It wasn't looked at."}
    if found:
        secrets(context, host, found)
        lost_limits(context, host, found)
        if context.rules is not None:
            differing_limits(context, host, context.rules.get(host, []))
        reserved(context, host, made)
    for part, why in unknown.items():
        context.add(
            Kind.UNKNOWN,
            host=host,
            subject=part,
            severity="warning" if part == "host" else "info",
            explanation=f"{part} of {host} is not known, so nothing about it is compared. {why}",
            remedy=playbook("audit_computes", context.name(host)),
        )
    lvm = found["lvm"] if found else None
    return {
        "host": host,
        "inventory_hostname": context.inventory.get(host),
        "state": str(service.get("state", "unknown")),
        "status": str(service.get("status", "unknown")),
        "instances": len(servers),
        "unknown": unknown,
        "capacity": rows,
        "reservation": made,
        "groups": lvm["groups"] if lvm else [],
        "volumes": lvm["volumes"] if lvm else [],
    }


def _with_servers(context: Context, host: str, found: Facts | None, servers: list[Record]) -> None:
    """Whatever is judged by which servers Nova has on a host."""
    told = context.hypervisors.get(host, [])
    hypervisors = [one for one in told if not is_bare_metal(one)]
    if len(hypervisors) > 1:
        _duplicates(context, host, hypervisors)
    for hypervisor in hypervisors:
        allocations(context, host, context.tree(hypervisor))
    if hypervisors:
        unallocated(context, host, hypervisors, found, servers)
    elif not told:
        _not_mapped(context, host, found)
    if found:
        domains(context, host, found, servers)
        folders(context, host, found)
        volumes(context, host, found)


def _duplicates(context: Context, host: str, hypervisors: list[Record]) -> None:
    current = context.current(host)
    named = ", ".join(sorted(str(one.get("hypervisor_hostname")) for one in hypervisors))
    context.add(
        Kind.DUPLICATE_HYPERVISOR,
        host=host,
        subject=host,
        explanation=f"Nova has {len(hypervisors)} hypervisors of {host}: {named}. All but one are stale, as after the host's name has changed; each offers "
        "the host's resources once more. "
        + (
            f"libvirt calls itself {current['hypervisor_hostname']}."
            if current
            else "Which is the right one isn't known."
        ),
        remedy=Remedy("cloud", ""),
    )


def _not_mapped(context: Context, host: str, found: Facts | None) -> None:
    # A nova-compute of bare metal has no node while its peers have them all.
    ironic = any(is_bare_metal(one) for one in context.cloud["hypervisors"]) and not (found and found.get("libvirt"))
    context.add(
        Kind.COMPUTE_NOT_MAPPED,
        host=host,
        subject=host,
        severity="info" if ironic else None,
        explanation=f"nova-compute on {host} has registered, but Nova lists no hypervisor of it: the host isn't mapped to a cell, or nova-compute "
        "has never got through its start. Nothing is scheduled there."
        + (" If it is one for bare metal, its peers have the nodes, and nothing is wrong." if ironic else ""),
        remedy=remedy("nova", "nova-manage cell_v2 discover_hosts"),
    )
