# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova's filters say of a compute, as far as its APIs tell what they judge by. Pure."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._aggregates.specs import (
    asked_of_aggregates,
    matches,
    unmet,
    values_of,
)

from .model import Cause, Compute, Needs

#: What another property of an image means for a host's, by Nova's names of architectures.
_ARCHITECTURES = {"amd64": "x86_64", "x64": "x86_64", "i386": "i686", "x86": "i686", "x86_32": "i686"}
#: What a hypervisor of the type runs.
_RUNS = {"qemu": {"qemu", "kvm"}}
# Attributes of a host in the scheduler that the API of hypervisors tells under the same name.
_TOLD = ("hypervisor_type", "hypervisor_version", "hypervisor_hostname", "cpu_info")
# Others, which it doesn't tell.
_UNTOLD = {
    "host", "nodename", "uuid", "total_usable_ram_mb", "total_usable_disk_gb", "disk_mb_used", "free_ram_mb", "free_disk_mb",
    "vcpus_total", "vcpus_used", "pci_stats", "numa_topology", "host_ip", "supported_instances", "stats", "num_instances",
    "num_io_ops", "failed_builds", "cell_uuid", "cpu_allocation_ratio", "ram_allocation_ratio", "disk_allocation_ratio",
}  # fmt: skip


def compute_filter(_needs: Needs, compute: Compute) -> list[str]:
    service = compute.service
    if service.get("status") == "disabled":
        reason = service.get("disabled_reason")
        return ["nova-compute is disabled" + (f", because {shown(reason)}" if reason else ", and nobody said why")]
    if service.get("forced_down"):
        return ["nova-compute is forced down"]
    if service.get("state") == "down":
        return [
            f"nova-compute is down, and was last heard of at {service.get('updated_at') or 'an unknown time'} (UTC)"
        ]
    return []


def aggregate_specs(needs: Needs, compute: Compute) -> list[str]:
    metadata = values_of(compute.metadata)
    asked = asked_of_aggregates(needs.extra_specs)
    texts = []
    for key in unmet(needs.extra_specs, metadata):
        values = ", ".join(sorted(map(shown, metadata.get(key, ()))))
        there = f"its aggregates say {values}" if values else "no aggregate of it has that key"
        texts.append(f"the flavor asks for {key} {shown(asked[key])}, and {there}")
    return texts


def capabilities(needs: Needs, compute: Compute) -> list[str | Cause]:
    found: list[str | Cause] = []
    for key, asked in sorted(needs.extra_specs.items()):
        parts = key.split(":")
        scoped = parts[0] == "capabilities" and len(parts) > 1
        path = parts[1:] if scoped else parts
        if not scoped and (len(parts) > 1 or parts[0] not in (*_TOLD, *_UNTOLD)):
            continue
        if path[0] not in _TOLD or compute.hypervisor is None:
            text = f"the flavor asks for {shown(key)} {shown(asked)}, which no API tells of a host"
            found.append(Cause("ComputeCapabilitiesFilter", text, known=False))
            continue
        value: t.Any = compute.hypervisor
        for part in path:
            value = _loaded(value).get(part) if isinstance(_loaded(value), dict) else None
        if value is None or not matches(str(value), asked):
            found.append(
                f"the flavor asks for {shown(key)} {shown(asked)}, and it has {'none' if value is None else shown(value)}"
            )
    return found


def image_properties(needs: Needs, compute: Compute) -> list[str | Cause]:
    found: list[str | Cause] = []
    hypervisor = compute.hypervisor or {}
    image = needs.image

    def differs(what: str, asked: str, has: str, fits: bool) -> None:
        if not has:
            found.append(
                Cause(
                    "ImagePropertiesFilter",
                    f"the image wants {what} {shown(asked)}, and its own isn't told",
                    known=False,
                )
            )
        elif not fits:
            found.append(f"the image wants {what} {shown(asked)}, and it has {shown(has)}")

    if asked := image.get("hw_architecture"):
        has = str((_loaded(hypervisor.get("cpu_info")) or {}).get("arch") or "")
        wanted = _ARCHITECTURES.get(asked.lower(), asked.lower())
        emulated = any(f"COMPUTE_ARCH_{wanted.upper()}" in one.traits for one in compute.tree or ())
        differs("the architecture", asked, has, wanted == has or (wanted, has) == ("i686", "x86_64") or emulated)
    if asked := image.get("img_hv_type"):
        has = str(hypervisor.get("hypervisor_type") or "")
        differs("the hypervisor", asked, has, asked.lower() in _RUNS.get(has.lower(), {has.lower()}))
    if image.get("hw_vm_mode", "hvm") != "hvm" or "img_hv_requested_version" in image:
        text = "the image wants a virtual machine mode or a version of the hypervisor, which no API tells of a host"
        found.append(Cause("ImagePropertiesFilter", text, known=False))
    return found


def anti_affinity(needs: Needs, compute: Compute) -> list[str | Cause]:
    group = needs.server_group
    if group is None or group.policy != "anti-affinity":
        return []
    there = group.members.get(compute.host, 0)
    if there >= group.at_most:
        allowed = "none may run beside another" if group.at_most == 1 else f"at most {group.at_most} may be on one host"
        return [f"{there} of the server group {shown(group.name)} run there, and {allowed}"]
    return [Cause("ServerGroupAntiAffinityFilter", group.unknown, known=False)] if group.unknown else []


def affinity(needs: Needs, compute: Compute) -> list[str | Cause]:
    group = needs.server_group
    if group is None or group.policy != "affinity":
        return []
    if group.members and compute.host not in group.members:
        return [
            f"the server group {shown(group.name)} is on {', '.join(sorted(group.members))}, and has to stay together"
        ]
    return [Cause("ServerGroupAffinityFilter", group.unknown, known=False)] if group.unknown else []


def io_ops(at_most: int, by_aggregate: bool) -> Filter:
    """The filter with the configured number, which an aggregate's max_io_ops_per_host takes the place of."""
    name = "AggregateIoOpsFilter" if by_aggregate else "IoOpsFilter"

    def judge(_needs: Needs, compute: Compute) -> list[str | Cause]:
        told = [one["max_io_ops_per_host"] for one in compute.metadata if "max_io_ops_per_host" in one]
        numbers = [int(one) for one in told if one.isdecimal()] if by_aggregate else []
        limit = min(numbers) if numbers and len(numbers) == len(told) else at_most
        if compute.busy is None:
            return [Cause(name, "how many of its instances are built or copied isn't known", known=False)]
        if compute.busy >= limit:
            return [
                f"{compute.busy} of its instances are built, resized, rescued or copied now, and the limit is {limit}"
            ]
        return []

    return judge


Filter = t.Callable[[Needs, Compute], t.Sequence["str | Cause"]]


def filters(max_io_ops: int) -> dict[str, Filter]:
    """Those of Nova's filters that can be judged, by name."""
    return {
        "ComputeFilter": compute_filter,
        "ComputeCapabilitiesFilter": capabilities,
        "ImagePropertiesFilter": image_properties,
        "ServerGroupAntiAffinityFilter": anti_affinity,
        "ServerGroupAffinityFilter": affinity,
        "AggregateInstanceExtraSpecsFilter": aggregate_specs,
        "IoOpsFilter": io_ops(max_io_ops, by_aggregate=False),
        "AggregateIoOpsFilter": io_ops(max_io_ops, by_aggregate=True),
    }


def _loaded(value: t.Any) -> t.Any:
    """What is JSON as text before microversion 2.28."""
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return {}
    return value
