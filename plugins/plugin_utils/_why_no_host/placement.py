# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Placement says of a compute: inventory, ratio, reserved, units, traits and zone. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown

from .model import DISABLED, PLACEMENT, Cause, Compute, Group, Needs, Provider


def placement_causes(needs: Needs, compute: Compute, candidates: t.Collection[str] | None) -> list[Cause]:
    """Why Placement doesn't offer a compute. candidates: the root providers that it offers without regard to the zone; None if unknown."""
    causes = _zone(needs, compute)
    if compute.tree is None:
        return [*causes, Cause(PLACEMENT, compute.why_unknown, known=False)]
    root = compute.tree[0]
    if candidates is not None and root.uuid in candidates:
        return causes
    found = [text for one in needs.groups for text in _group(one, compute.tree)]
    if DISABLED in root.traits and compute.reached:
        left = (
            ""
            if compute.service.get("status") == "disabled"
            else (
                " although nova-compute is enabled; it takes the trait away when it is disabled and enabled once more"
            )
        )
        found.append(f"it has the trait {DISABLED}{left}")
    causes += [Cause(PLACEMENT, text) for text in found]
    if not found and candidates is not None:
        # Placement leaves it out, so this is known, but for the reason.
        text = "Placement doesn't offer it, and each resource and trait by itself is there; only their combination can be the reason"
        causes.append(Cause(PLACEMENT, text))
    return causes


def _zone(needs: Needs, compute: Compute) -> list[Cause]:
    if not needs.zone or not compute.reached:
        return []
    zone = str(compute.service.get("zone") or "")
    if zone != needs.zone:
        return [Cause(PLACEMENT, f"it is in the zone {shown(zone)}, asked for is {shown(needs.zone)}")]
    told = [
        one for one in compute.aggregates if one["metadata"].get("availability_zone") == needs.zone and one.get("uuid")
    ]
    if compute.tree and told and not compute.tree[0].aggregates & {str(one["uuid"]) for one in told}:
        text = (
            f"Placement doesn't know that it is in the aggregate {shown(told[0]['name'])} of the zone; "
            "run nova-manage placement sync_aggregates"
        )
        return [Cause(PLACEMENT, text)]
    return []


def _group(group: Group, tree: t.Sequence[Provider]) -> list[str]:
    """What of a group the providers of a compute lack, each in words."""
    found = []
    for name, amount in sorted(group.resources.items()):
        with_it = [one for one in tree if name in one.inventories]
        problems = [_resource(name, amount, one) for one in with_it]
        if not with_it:
            found.append(f"it has no {name} at all, asked for are {amount}")
        elif all(problems):
            # The roomiest says most.
            found.append(min(problems, key=len) if len(problems) > 1 else problems[0])
    traits = {trait for one in tree for trait in one.traits}
    found += [f"it lacks the trait {name}, which is required" for name in sorted(group.required - traits)]
    found += [f"it has the trait {name}, which is forbidden" for name in sorted(group.forbidden & tree[0].traits)]
    return found


def _resource(name: str, amount: int, provider: Provider) -> str:
    """Why a provider can't give an amount of a class; empty where it can."""
    row = provider.inventories[name]
    if against := unit_causes(name, amount, row):
        return against
    capacity, used = capacity_of(row), int(provider.usages.get(name, 0))
    if used + amount <= capacity:
        return ""
    ratio = float(row.get("allocation_ratio", 1.0))
    reckoned = f"({row['total']} - {int(row.get('reserved', 0))} reserved) x {ratio:g} = {capacity}"
    return f"{max(capacity - used, 0)} {name} are free, asked for are {amount}; of {reckoned}, {used} are allocated"


def capacity_of(row: t.Mapping[str, t.Any]) -> int:
    """How much of an inventory may be allocated, as Placement itself has it."""
    return int((int(row["total"]) - int(row.get("reserved", 0))) * float(row.get("allocation_ratio", 1.0)))


def unit_causes(name: str, amount: int, row: t.Mapping[str, t.Any]) -> str:
    """Why an inventory never gives this amount to one instance, however much is free; empty where it may."""
    most, least = int(row.get("max_unit", row["total"])), int(row.get("min_unit", 1))
    if amount > most:
        return f"it gives at most {most} {name} to one instance (max_unit), asked for are {amount}"
    if amount < least:
        return f"it gives at least {least} {name} to one instance (min_unit), asked for are {amount}"
    if amount % (step := int(row.get("step_size", 1))):
        return f"it gives {name} in steps of {step} (step_size), asked for are {amount}"
    return ""
