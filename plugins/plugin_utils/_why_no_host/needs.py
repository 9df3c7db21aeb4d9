# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova asks Placement and its filters for, from a flavor, an image, and what ports ask for. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown

from .model import DISABLED, Group, Needs, Record, ServerGroup

_SPEC = re.compile(r"(resources|trait)([a-zA-Z0-9_-]{1,64})?:(.*)\Z")
# Properties of images by their names before and after Icehouse.
_OLD_NAMES = {"architecture": "hw_architecture", "hypervisor_type": "img_hv_type", "vm_mode": "hw_vm_mode"}
# What these ask for, Nova works out from what no API tells.
_NOT_JUDGED = {
    "hw:numa_nodes": "whether a NUMA topology fits on a compute",
    "hw:mem_page_size": "whether huge pages are free",
    "hw:cpu_thread_policy": "whether pinned CPUs with such threads are free",
    "hw:mem_encryption": "whether a compute encrypts memory",
    "hw:pmem": "whether persistent memory is free",
    "hw:tpm_version": "whether a compute has a virtual TPM",
    "pci_passthrough:alias": "whether a PCI device is free",
    "accel:device_profile": "whether an accelerator is free",
}
_DIRECT = ("direct", "direct-physical", "macvtap", "remote-managed", "virtio-forwarder")


def needs_of(
    subject: str,
    flavor: Record,
    *,
    image: t.Mapping[str, t.Any] | None = None,
    from_volume: bool = False,
    zone: str = "",
    server_group: ServerGroup | None = None,
    ports: t.Iterable[Record] = (),
    notes: t.Iterable[str] = (),
) -> Needs:
    """The needs of an instance. flavor: vcpus, ram in MiB, disk, ephemeral in GiB, swap in MiB, extra_specs."""
    specs = {str(key): str(value) for key, value in (flavor.get("extra_specs") or {}).items()}
    properties = _properties(image or {})
    groups, ignored = _of_specs(specs)
    unjudged = [f"{key}: {what} can't be asked." for key, what in _NOT_JUDGED.items() if key in specs]
    images = {key: f"image {key.replace(':', '_')}" for key in _NOT_JUDGED if key.replace(":", "_") in properties}
    unjudged += [f"{name}: {_NOT_JUDGED[key]} can't be asked." for key, name in images.items()]
    first = groups.setdefault("", Group())
    first.required |= {key.partition(":")[2] for key, value in properties.items() if _required(key, value)}
    policy = specs.get("hw:cpu_policy") or properties.get("hw_cpu_policy", "")
    unjudged += _add_flavor(first, [one for suffix, one in groups.items() if suffix], flavor, policy, from_volume)
    for number, port in enumerate(ports):
        unjudged += _add_port(groups, number, port)
    for one in groups.values():
        one.resources = {name: amount for name, amount in one.resources.items() if amount}
    return Needs(
        subject,
        tuple(groups[suffix] for suffix in sorted(groups)),
        specs,
        specs.get("group_policy", ""),
        zone,
        properties,
        server_group,
        (*notes, *unjudged, *ignored),
        tuple(unjudged),
    )


def _required(key: str, value: str) -> bool:
    return key.startswith("trait:") and value == "required"


def _properties(image: t.Mapping[str, t.Any]) -> dict[str, str]:
    return {_OLD_NAMES.get(key, key): value for key, value in image.items() if isinstance(value, str)}


def _of_specs(specs: t.Mapping[str, str]) -> tuple[dict[str, Group], list[str]]:
    """The groups, and what of the extra specs Nova ignores."""
    groups: dict[str, Group] = {}
    notes = []
    for key, value in sorted(specs.items()):
        if not (found := _SPEC.match(key)):
            continue
        kind, suffix, name = found.groups()
        group = groups.setdefault(suffix or "", Group(suffix or ""))
        if kind == "resources" and value.isdecimal():
            group.resources[name] = int(value)
        elif kind == "trait" and value in ("required", "forbidden"):
            (group.required if value == "required" else group.forbidden).add(name)
        else:
            notes.append(f"Nova ignores the extra spec {shown(f'{key}={value}')}, which it can't read.")
    return groups, notes


def _add_flavor(first: Group, others: t.Sequence[Group], flavor: Record, policy: str, from_volume: bool) -> list[str]:
    """What the flavor itself asks for goes where extra specs don't say another amount."""
    given = {name for one in (first, *others) for name in one.resources}
    if not given & {"VCPU", "PCPU"}:
        first.resources["PCPU" if policy == "dedicated" else "VCPU"] = int(flavor["vcpus"])
    if "MEMORY_MB" not in given:
        first.resources["MEMORY_MB"] = int(flavor["ram"])
    if "DISK_GB" not in given:
        swap = -(-int(flavor.get("swap") or 0) // 1024)
        own = int(flavor.get("ephemeral") or flavor.get("OS-FLV-EXT-DATA:ephemeral") or 0) + swap
        first.resources["DISK_GB"] = own + (0 if from_volume else int(flavor["disk"]))
    return ["hw:cpu_policy=mixed: which CPUs are pinned isn't judged."] if policy == "mixed" else []


def _add_port(groups: dict[str, Group], number: int, port: Record) -> list[str]:
    """The request groups of a port (since Neutron knows several) or its only one, and what of it isn't judged."""
    request = port.get("resource_request") or {}
    parts = request.get("request_groups") or ([request] if request.get("resources") or request.get("required") else [])
    for inner, part in enumerate(parts):
        suffix = f"_port{number}_{inner}"
        resources = {str(name): int(amount) for name, amount in (part.get("resources") or {}).items()}
        groups[suffix] = Group(suffix, resources, set(map(str, part.get("required") or ())))
    notes = []
    if port.get("binding:vnic_type") in _DIRECT:
        notes.append(
            f"The port {port['id']} wants a {port['binding:vnic_type']} device; whether one is free can't be asked."
        )
    return notes


def query_of(needs: Needs) -> list[tuple[str, str]]:
    """The question for Placement's allocation candidates, without the zone."""
    params: list[tuple[str, str]] = []
    for one in needs.groups:
        if one.resources:
            amounts = ",".join(f"{name}:{amount}" for name, amount in sorted(one.resources.items()))
            params.append((f"resources{one.suffix}", amounts))
        forbidden = one.forbidden | ({DISABLED} if not one.suffix else set())
        traits = [*sorted(one.required), *(f"!{name}" for name in sorted(forbidden))]
        if traits and one.resources:
            params.append((f"required{one.suffix}", ",".join(traits)))
    if sum(bool(one.suffix) for one in needs.groups) > 1:
        params.append(("group_policy", needs.group_policy or "none"))
    return params


def in_words(needs: Needs) -> str:
    """What is asked for, in one line."""
    parts = [f"{amount} {name}" for one in needs.groups for name, amount in sorted(one.resources.items())]
    parts += [f"trait {name}" for one in needs.groups for name in sorted(one.required)]
    parts += [f"not trait {name}" for one in needs.groups for name in sorted(one.forbidden)]
    parts += [f"{key}={shown(value)}" for key, value in sorted(needs.extra_specs.items()) if not _SPEC.match(key)]
    parts += [
        f"image {key}={shown(needs.image[key])}"
        for key in ("hw_architecture", "img_hv_type", "hw_vm_mode")
        if key in needs.image
    ]
    if needs.zone:
        parts.append(f"zone {shown(needs.zone)}")
    if needs.server_group:
        parts.append(f"server group {shown(needs.server_group.name)} ({needs.server_group.policy})")
    return ", ".join(parts)
