# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Placement keeps for each compute, beside what Nova and the host have. Pure."""

from __future__ import annotations

import math
import typing as t
from collections import Counter

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.placement import capacity_of

from .capacity import allocated, compare, in_gb, in_pool, reserved_too_little, why_negative
from .context import HOST, STATE, Context
from .kinds import Kind
from .model import Provider, Record
from .remedies import Remedy, irreversible, playbook, remedy

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import Facts

#: Of these classes Nova alone keeps something in a compute's provider.
_NOVAS = ("VCPU", "PCPU", "MEMORY_MB", "DISK_GB", "VGPU", "MEM_ENCRYPTION_CONTEXT")


def _heal(consumer: str, *, force: bool) -> Remedy:
    line = "nova-manage placement heal_allocations --instance {uuid}" + (" --force" if force else "")
    return remedy("nova", line, uuid=consumer)


def _delete(consumer: str) -> Remedy:
    return remedy("cloud", "openstack resource provider allocation delete {uuid}", uuid=consumer)


def allocations(context: Context, host: str, tree: t.Sequence[Provider]) -> None:
    """What Placement keeps in the providers of a host, and for which consumer."""
    for consumer, resources in _by_consumer(tree).items():
        if consumer in context.migrations or not context.still(consumer):
            continue
        server = context.by_id.get(consumer)
        if server is None:
            _of_nobody(context, host, consumer, resources)
        elif server.get(HOST) != host:
            holding = [one["uuid"] for one in tree if consumer in one["allocations"]]
            _on_other_host(context, host, server, _resources(resources), holding)
        else:
            _allocation_size(context, host, server, _by_consumer([*tree, *context.outside()])[consumer])


def _by_consumer(providers: t.Iterable[Provider]) -> dict[str, dict[str, int]]:
    held: dict[str, Counter[str]] = {}
    for provider in providers:
        for consumer, resources in provider["allocations"].items():
            held.setdefault(consumer, Counter()).update(resources)
    return {consumer: dict(resources) for consumer, resources in sorted(held.items())}


def _of_nobody(context: Context, host: str, consumer: str, resources: t.Mapping[str, int]) -> None:
    # Other services may keep something of their own kind in a compute's provider, for consumers of their own.
    if not any(name in _NOVAS or name.startswith("CUSTOM_PCI_") for name in resources):
        return
    context.add(
        Kind.ALLOCATION_WITHOUT_INSTANCE,
        host=host,
        subject=consumer,
        explanation=f"Placement keeps {_resources(resources)} of {host} for {consumer}, which is no instance of Nova and no migration under way. "
        "What it holds is given to nobody.",
        remedy=_delete(consumer),
    )


def _on_other_host(context: Context, host: str, server: Record, holds: str, providers: list[str]) -> None:
    uuid, lives = str(server["id"]), server.get(HOST)
    if lives is None and server.get("status") != "SHELVED_OFFLOADED":
        return
    where = f"runs on {lives}" if lives else "is shelved away from any host"
    said = f"Placement keeps {holds} of {host} for an instance that {where}"
    severity = None
    evacuation = context.evacuated.get((uuid, host))
    if evacuation and evacuation.get("status") in ("done", "completed"):
        down = any(one["host"] == host and one.get("state") == "down" for one in context.cloud["services"])
        severity = "info" if down else "warning"
        said += ": it was evacuated. nova-compute on the host frees this when it starts" + (
            "." if down else ", and it runs."
        )
    elif evacuation:
        said += f": its evacuation is {evacuation.get('status')}."
    else:
        said += "; a migration that failed leaves this."
    line = "openstack resource provider allocation unset " + " ".join(
        f"--provider {{uuid_{number}}}" for number in range(len(providers))
    )
    named = {f"uuid_{number}": one for number, one in enumerate(providers)}
    context.add(
        Kind.ALLOCATION_ON_OTHER_HOST,
        host=host,
        subject=uuid,
        severity=severity,
        explanation=said,
        remedy=remedy("cloud", line + " {uuid}", uuid=uuid, **named) if lives else _delete(uuid),
        name=str(server.get("name") or ""),
    )


def _allocation_size(context: Context, host: str, server: Record, resources: t.Mapping[str, int]) -> None:
    wanted = _wanted(server)
    if not wanted:
        return
    has = {
        "VCPU": resources.get("VCPU", 0) + resources.get("PCPU", 0),
        "MEMORY_MB": resources.get("MEMORY_MB", 0),
        "DISK_GB": resources.get("DISK_GB", 0),
    }
    if has != wanted:
        context.add(
            Kind.ALLOCATION_DIFFERS,
            host=host,
            subject=server["id"],
            explanation=f"Placement keeps {_resources(has)} for this instance, its flavor asks for {_resources(wanted)}.",
            remedy=_heal(str(server["id"]), force=True),
            name=str(server.get("name") or ""),
        )


def unallocated(
    context: Context, host: str, hypervisors: t.Sequence[Record], found: Facts | None, servers: list[Record]
) -> None:
    """Computes that Placement doesn't know, and instances for which it keeps nothing there."""
    known = {one["uuid"] for hypervisor in hypervisors for one in context.tree(hypervisor)}
    if not known:
        context.add(
            Kind.COMPUTE_WITHOUT_PROVIDER,
            host=host,
            subject=str(hypervisors[0]["id"]),
            explanation=f"Placement doesn't know the compute {host}, so nothing is scheduled there, and what runs there isn't counted.",
            remedy=remedy(host, "systemctl restart nova-compute"),
        )
        return
    domains = found["libvirt"]["domains"] if found and found["libvirt"] else []
    running = {one["uuid"] for one in domains if one["state"] == "running"}
    for server in servers:
        uuid = str(server["id"])
        held = context.held.get(uuid, [])
        # What has been in motion for long and holds nothing at all will not come to hold anything.
        if not (context.still(uuid) or (uuid in context.stuck and not held)) or known & set(held):
            continue
        # Where Nova has given up an instance, it has freed what it held; that counts again while its guest runs.
        if server.get(STATE) == "error" and uuid not in running:
            continue
        context.add(
            Kind.INSTANCE_WITHOUT_ALLOCATION,
            host=host,
            subject=uuid,
            explanation=f"This instance is on {host}, but Placement keeps nothing for it: what it takes is given away once more.",
            remedy=_heal(uuid, force=bool(held)),
            name=str(server.get("name") or ""),
        )


def lost_providers(context: Context) -> None:
    """Of computes that Nova has forgotten, and what providers of no compute keep for nobody."""
    lost = set(context.cloud["lost_providers"])
    # Nova doesn't tell which is the provider of a host that isn't mapped; it is called like the host, perhaps with its domain.
    unmapped = {str(one["host"]).partition(".")[0] for one in context.cloud["services"]} - {
        host.partition(".")[0] for host in context.hypervisors
    }
    for provider in context.outside():
        _nobody_s(context, [provider])
    for provider in context.cloud["providers"]:
        tree = [one for one in context.cloud["providers"] if one["root"] == provider["uuid"]]
        if provider["uuid"] not in lost or not any("MEMORY_MB" in one["inventories"] for one in tree):
            continue
        if provider["name"].partition(".")[0] in unmapped:
            continue
        holds = len(_by_consumer(tree))
        context.add(
            Kind.PROVIDER_WITHOUT_COMPUTE,
            host=provider["name"],
            subject=provider["uuid"],
            explanation=f"Placement offers the resources of {provider['name']}, which is no hypervisor of Nova"
            + (f"; {holds} allocations are on it." if holds else "; nothing is allocated on it."),
            remedy=irreversible("cloud", "openstack resource provider delete {uuid}", uuid=provider["uuid"]),
        )
        _nobody_s(context, [provider, *(one for one in tree if one is not provider)])


def _nobody_s(context: Context, tree: t.Sequence[Provider]) -> None:
    for consumer, resources in _by_consumer(tree).items():
        if context.is_absent(consumer) and context.still(consumer):
            _of_nobody(context, tree[0]["name"], consumer, resources)


def overcommitted(context: Context, host: str, tree: t.Sequence[Provider], servers: list[Record]) -> None:
    """Any class of any provider of a host of which more is given away than there may be."""
    for provider in tree:
        for resource in sorted(provider["inventories"]):
            inside = "" if provider["root"] == provider["uuid"] else f" of {provider['name']}"
            negative(context, host, provider, resource, inside, servers)


def negative(
    context: Context, host: str, provider: Provider, resource: str, inside: str, servers: list[Record]
) -> None:
    why = why_negative(resource, allocated(provider, resource))
    if not why:
        return
    missing = provider["usages"].get(resource, 0) - capacity_of(provider["inventories"][resource])
    if missing <= sum(provider["allocations"].get(one, {}).get(resource, 0) for one in context.ending):
        return
    orphans = {
        consumer: parts.get(resource, 0)
        for consumer, parts in provider["allocations"].items()
        if context.is_absent(consumer) and context.still(consumer)
    }
    lost = sum(orphans.values())
    moved = _to_move(provider, resource, missing, servers)
    capacity = provider["inventories"][resource]
    if moved and capacity["total"] > capacity["reserved"]:
        way_out = _migration(provider, resource, moved)
    else:
        way_out = remedy("cloud", "openstack compute service set --disable {word} nova-compute", word=host)
    if lost:
        why += f" {lost} of it are kept for nobody; those are findings of their own."
    if lost >= missing:
        way_out = _delete(max(orphans, key=lambda one: orphans[one]))
    context.add(
        Kind.NEGATIVE,
        host=host,
        subject=f"{resource}{inside}",
        explanation=f"{host} has less than no {resource}{inside} free. {why}",
        remedy=way_out,
    )


def inventory_differs(context: Context, host: str, provider: Provider | None, found: Facts | None) -> None:
    # Of a pool, Nova tells the raw size of the cluster.
    if not provider or not found or in_pool(found):
        return
    made = compare(provider, None, found, "DISK_GB")
    if made["allocated"] and made["actual"] and abs(made["allocated"]["total"] - made["actual"]["total"]) > 1:
        context.add(
            Kind.INVENTORY_DIFFERS,
            host=host,
            subject="DISK_GB",
            explanation=f"Placement says that {host} has {made['allocated']['total']} GiB of disk, the host has {made['actual']['total']}. nova-compute "
            "tells Placement every minute; either it is down, or it looks at another place than the audit.",
            remedy=remedy(host, "systemctl restart nova-compute"),
        )


def reserved(context: Context, host: str, made: t.Any) -> None:
    if not made:
        return
    if reserved_too_little(made):
        current = made["current_mb"] if made["current_mb"] is not None else (made["in_effect_gb"] or 0) * 1024
        context.add(
            Kind.DISK_NOT_RESERVED,
            host=host,
            subject="DISK_GB",
            explanation=f"Nova may give away {(made['needed_mb'] - current) / 1024:.1f} GiB of {host} that aren't there. {made['why']} "
            f"reserved_host_disk_mb is {current}, it should be {made['needed_mb']}.",
            remedy=playbook("reserve_disk", context.name(host), f"-e nova_disk_reservation_mb={made['needed_mb']}"),
        )
    if (
        made["current_mb"] is not None
        and made["in_effect_gb"] is not None
        and in_gb(made["current_mb"]) != made["in_effect_gb"]
    ):
        context.add(
            Kind.RESERVATION_NOT_IN_EFFECT,
            host=host,
            subject="DISK_GB",
            explanation=f"nova.conf of {host} reserves {made['current_mb']} MB of disk, Placement has {made['in_effect_gb']} GB reserved: nova-compute "
            "hasn't read its configuration since, or reads another.",
            remedy=remedy(host, "systemctl restart nova-compute"),
        )


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


def _migration(provider: Provider, resource: str, server: str) -> Remedy:
    """
    For a migration, Nova has Placement keep the source's resources anew, which Placement refuses where there is less than none. So the ratio is
    raised for that long, to what leaves nothing to give away.
    """
    capacity = provider["inventories"][resource]
    enough = math.ceil(1000 * provider["usages"][resource] / (capacity["total"] - capacity["reserved"])) / 1000
    change = f"openstack resource provider inventory set {{uuid}} --amend --resource {resource}:allocation_ratio="
    migrate = "openstack server migrate --live-migration --wait {uuid_server}"
    # With all digits: rounded, the one could be too little, and the other not what it was.
    line = f"{change}{enough:.15g} && {migrate}; {change}{capacity['allocation_ratio']:.15g}"
    return remedy("cloud", line, uuid=provider["uuid"], uuid_server=server)


def _to_move(provider: Provider, resource: str, missing: int, servers: list[Record]) -> str:
    """The smallest instance that makes room enough, else the largest one."""
    sizes = sorted(
        (provider["allocations"].get(str(one["id"]), {}).get(resource, 0), str(one["id"]))
        for one in servers
        if one.get(STATE) == "active"
    )
    fitting = [uuid for size, uuid in sizes if size >= missing]
    return (fitting or [uuid for _size, uuid in reversed(sizes)] or [""])[0]
