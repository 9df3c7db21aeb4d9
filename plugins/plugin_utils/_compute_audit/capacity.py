# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The capacity of a node: what Placement and Nova account for beside what the host has, in numbers and in words. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.placement import capacity_of

from .model import GIB, MIB, Actual, Allocated, ByNova, Capacity, Provider, Record, Reservation

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import (
        Domain,
        Facts,
        Instances,
    )

_UNITS = {"VCPU": "vCPUs", "MEMORY_MB": "MiB of RAM", "DISK_GB": "GiB of disk"}
_THINGS = {"VCPU": "CPUs", "MEMORY_MB": "MiB of RAM", "DISK_GB": "GiB of disk"}
_FIELDS = {
    "VCPU": ("vcpus", "vcpus_used", None),
    "MEMORY_MB": ("memory_mb", "memory_mb_used", "free_ram_mb"),
    "DISK_GB": ("local_gb", "local_gb_used", "free_disk_gb"),
}


class Disk(t.NamedTuple):
    """The store that Nova takes an instance's disks from, in bytes."""

    what: str
    total: int
    used: int
    free: int
    guests: int
    promised: int
    others: tuple[tuple[str, int], ...]
    """What takes room there and is no instance's, the largest first."""


def allocated(provider: Provider | None, resource: str) -> Allocated | None:
    inventory = provider["inventories"].get(resource) if provider else None
    if not provider or not inventory:
        return None
    ratio = float(inventory["allocation_ratio"])
    capacity = capacity_of(inventory)
    allocated = int(provider["usages"].get(resource, 0))
    return {
        "total": int(inventory["total"]),
        "reserved": int(inventory["reserved"]),
        "ratio": ratio,
        "capacity": capacity,
        "allocated": allocated,
        "free": capacity - allocated,
    }


def by_nova(hypervisor: Record | None, resource: str) -> ByNova | None:
    """Nova tells these up to microversion 2.87."""
    total, used, free = _FIELDS[resource]
    if not hypervisor or hypervisor.get(total) is None or hypervisor.get(used) is None:
        return None
    left = hypervisor.get(free) if free else None
    return {
        "total": int(hypervisor[total]),
        "used": int(hypervisor[used]),
        "free": int(left if left is not None else hypervisor[total] - hypervisor[used]),
    }


def in_pool(found: Facts) -> bool:
    """Whether Nova keeps the instances' disks in a pool of Ceph."""
    return str((found["nova_conf"] or {}).get("images_type")).lower() == "rbd"


def store(found: Facts) -> Disk | None:
    """Where the instances' disks of this host lie. None where that isn't known, or is no disk of this host."""
    conf = found["nova_conf"]
    # Unread, or set to two values of which nobody knows the one that counts: that is not the default.
    if conf is None or ("images_type" in conf and conf["images_type"] is None) or in_pool(found):
        return None
    kind = str(conf.get("images_type") or "default").lower()
    return _group(found, str(conf.get("images_volume_group") or "")) if kind == "lvm" else _folder(found)


def _group(found: Facts, name: str) -> Disk | None:
    lvm = found["lvm"]
    group = next((one for one in lvm["groups"] if one["name"] == name), None) if lvm else None
    if not lvm or not group:
        return None
    # A volume in a thin pool takes nothing of the group; the pool does.
    volumes = [one for one in lvm["volumes"] if one["group"] == name and not one["pool"]]
    guests = sum(one["size"] for one in volumes if one["maker"] == "nova")
    used = group["size"] - group["free"]
    others = [(f"{one['name']} ({one['maker']})", one["size"]) for one in volumes if one["maker"] != "nova"]
    hidden = used - guests - sum(size for _name, size in others)
    if hidden > 0:
        others.append(("metadata and hidden volumes of LVM", hidden))
    return Disk(f"the group {name}", group["size"], used, group["free"], guests, guests, _sorted(others))


def _folder(found: Facts) -> Disk | None:
    place = found["instances"]
    if not place:
        return None
    inside = [one for one in place["entries"] if one["kind"] == "instance"]
    guests = sum(one["size"] for one in inside)
    others = [(f"{place['path']}/{one['name']}", one["size"]) for one in place["entries"] if one["kind"] != "instance"]
    elsewhere = place["used"] - guests - sum(size for _name, size in others)
    if elsewhere > 0:
        others.append((f"other files on the file system at {place['mount']}", elsewhere))
    blocked = place["total"] - place["used"] - place["free"]
    if blocked > 0:
        others.append(("blocks that the file system keeps for root", blocked))
    promised = 0
    for domain in found["libvirt"]["domains"] if found["libvirt"] else []:
        for disk in domain["disks"]:
            if disk["kind"] == "file" and _is_inside(str(disk["source"] or ""), place):
                promised += disk["virtual"] or disk["actual"] or 0
    return Disk(
        f"the file system at {place['mount']}",
        place["total"],
        place["total"] - place["free"],
        place["free"],
        guests,
        max(promised, guests),
        _sorted(others),
    )


def _is_inside(path: str, place: Instances) -> bool:
    """Whether a disk lies in the instances path, which a libvirt in a container has at another path: the folder's name tells it, too."""
    inside = (one["name"] for one in place["entries"] if one["kind"] == "instance")
    return path.startswith(place["path"] + "/") or any(f"/{name}/" in path for name in inside)


def _sorted(others: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(((name, size) for name, size in others if size > 0), key=lambda one: (-one[1], one[0])))


def actual(found: Facts | None, resource: str) -> Actual | None:
    if not found:
        return None
    libvirt = found["libvirt"]
    domains = libvirt["domains"] if libvirt else None
    if resource == "DISK_GB" and in_pool(found):
        return _pool(found, domains or [])
    if resource == "DISK_GB":
        disk = store(found)
        if not disk:
            return None
        return {
            "total": disk.total // GIB,
            "guests": -(-disk.guests // GIB),
            "others": -(-(disk.used - disk.guests) // GIB),
            "free": disk.free // GIB,
            "promised": -(-disk.promised // GIB),
        }
    if libvirt is None or domains is None:
        return None
    awake = [one for one in domains if one["state"] not in ("shut off", "crashed")]
    if resource == "VCPU":
        used = sum(one["vcpus"] for one in awake)
        total = libvirt["cpus"] or found["cpus"]
        return {
            "total": total,
            "guests": used,
            "others": 0,
            "free": total - used,
            "promised": sum(one["vcpus"] for one in domains),
        }
    memory = found["memory"]
    if not memory:
        return None
    used = sum(one["memory"] for one in awake) // MIB
    total, free = memory["total"] // MIB, memory["available"] // MIB
    return {
        "total": total,
        "guests": used,
        "others": max(0, total - free - used),
        "free": free,
        "promised": sum(one["memory"] for one in domains) // MIB,
    }


def _pool(found: Facts, domains: list[Domain]) -> Actual | None:
    """All of the pool, which other computes count as theirs, too; only what is promised is this host's."""
    pool = found["rbd"]
    if not pool:
        return None
    disks = [disk for one in domains for disk in one["disks"] if str(disk["source"]).startswith(pool["pool"] + "/")]
    return {
        "total": (pool["stored"] + pool["free"]) // GIB,
        "guests": -(-pool["stored"] // GIB),
        "others": 0,
        "free": pool["free"] // GIB,
        "promised": -(-sum(disk["virtual"] or 0 for disk in disks) // GIB),
    }


def compare(provider: Provider | None, hypervisor: Record | None, found: Facts | None, resource: str) -> Capacity:
    placed, told, there = allocated(provider, resource), by_nova(hypervisor, resource), actual(found, resource)
    return {
        "resource": resource,
        "allocated": placed,
        "nova": told,
        "actual": there,
        "words": _words(resource, placed, there, found),
        "negative": why_negative(resource, placed),
    }


def _words(resource: str, placed: Allocated | None, there: Actual | None, found: Facts | None) -> str:
    said = []
    unit, thing = _UNITS[resource], _THINGS[resource]
    if placed:
        allowed = f"{placed['ratio']:g} times" if placed["ratio"] != 1 else "no overcommit of"
        said.append(
            f"Placement has given away {placed['allocated']} of {placed['capacity']} {unit} "
            f"({allowed} {placed['total']} less {placed['reserved']} reserved)."
        )
    pool = found["rbd"] if found and resource == "DISK_GB" and in_pool(found) else None
    if there and pool:
        said.append(
            f"The pool {pool['pool']} has room for {there['total']} GiB and holds {there['guests']}, whichever compute they are of; "
            f"{there['promised']} are promised to guests of this host. Nova counts the whole cluster with its copies, once for each compute."
        )
    elif there:
        share = there["promised"] / there["total"] if there["total"] else 0.0
        said.append(
            f"The host has {there['total']} {thing} and has promised {there['promised']} to guests: "
            + (f"{share:.1f} times what there is." if share > 1 else f"{100 * share:.0f} % of what there is.")
        )
    if not there:
        said.append("What the host really has is not known.")
    return " ".join(said)


def why_negative(resource: str, placed: Allocated | None) -> str | None:
    """Why free capacity is negative; None where it isn't."""
    if not placed or placed["free"] >= 0:
        return None
    missing = f"{-placed['free']} {_UNITS.get(resource, resource)} more are given away than there may be"
    without_reserve = int(placed["total"] * placed["ratio"])
    if placed["allocated"] <= without_reserve:
        return f"{missing}: they would fit but for the {placed['reserved']} that are reserved, so the reservation came after the instances."
    if placed["total"] and placed["ratio"] < 1:
        return f"{missing}: the allocation ratio {placed['ratio']:g} lets only a part of the {placed['total']} be used."
    return (
        f"{missing}: {placed['allocated']} are allocated on {placed['total']} at a ratio of {placed['ratio']:g}. "
        "The ratio was lowered, the host became smaller, or instances were forced here past the scheduler."
    )


def reservation(provider: Provider | None, hypervisor: Record | None, found: Facts | None) -> Reservation | None:
    """The reserved_host_disk_mb that makes Placement right without patching Nova.

    Nova takes for used what is reserved and what its flavors ask for; used is the larger of that and what is really used. So
    reserved has to cover all that is no instance's, and what is really used beyond what the flavors ask for.
    """
    disk = store(found) if found else None
    if not found or not disk:
        return None
    placed, told = allocated(provider, "DISK_GB"), by_nova(hypervisor, "DISK_GB")
    asked_for = placed["allocated"] * GIB if placed else disk.guests
    if placed and told:
        # Nova's own count has the instances whose allocations are lost, too.
        asked_for = max(asked_for, (told["used"] - placed["reserved"]) * GIB)
    others = disk.used - disk.guests
    needed = max(others, disk.used - asked_for, 0)
    # Nova counts whole GiB, rounding the total down; what that leaves out needn't be reserved once more.
    slack = disk.total - disk.total // GIB * GIB
    largest = ", ".join(f"{name} {size / GIB:.1f} GiB" for name, size in disk.others[:3])
    why = (
        f"{disk.used / GIB:.1f} of {disk.total / GIB:.1f} GiB of {disk.what} are taken, {disk.guests / GIB:.1f} of them by instances"
        + (f"; the rest is {largest}." if largest else ".")
    )
    if needed > others:
        why += f" The instances take more than the {asked_for / GIB:.1f} GiB that their flavors ask for."
    current = (found["nova_conf"] or {}).get("reserved_host_disk_mb", 0) if found.get("nova_conf") else None
    return {
        "current_mb": current,
        "in_effect_gb": placed["reserved"] if placed else None,
        "needed_mb": max(0, -(-(needed - slack) // MIB)),
        "why": why,
    }


def in_gb(megabytes: int) -> int:
    """As Nova rounds it on its way to Placement."""
    return -(-megabytes // 1024)


def reserved_too_little(made: Reservation) -> bool:
    """Whether at least a whole GiB, the smallest that Placement gives away, isn't there but counted as free."""
    current = made["current_mb"]
    if current is None:
        if made["in_effect_gb"] is None:
            return False
        current = made["in_effect_gb"] * 1024
    return made["needed_mb"] - current >= 1024
