# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an instance may go: the nodes with what is free in their trees of providers, and how often something fits there. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._aggregates.specs import (
    SCOPE,
    Metadata,
    asked_of_aggregates,
    unmet,
    values_of,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.filters import (
    capabilities,
    compute_filter,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.model import (
    DISABLED,
    Cause,
    Compute,
    Group,
    Needs,
    Provider,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.needs import needs_of
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.placement import capacity_of, unit_causes

from .context import Context, is_bare_metal
from .model import Record

#: The trait of a provider whose inventories belong to all computes of its aggregates.
SHARES = "MISC_SHARES_VIA_AGGREGATE"
_NOBODY = Needs("", ())

Free = list[dict[str, int]]
"""By provider of a tree: how much of each class may still be allocated; 0 where it is overcommitted."""


@dataclass(frozen=True)
class Place:
    """A node that instances may go to. against: why none can be scheduled there. unknown: why nothing can be said of it."""

    name: str
    compute: Compute
    free: Free
    against: str
    unknown: str
    bare_metal: bool
    metadata: Metadata
    shared: frozenset[str] = field(default_factory=frozenset)
    """Classes of which there is something outside of the computes' trees."""

    @property
    def usable(self) -> bool | None:
        return False if self.against else None if self.unknown else True

    @property
    def tree(self) -> tuple[Provider, ...]:
        return self.compute.tree or ()

    def total(self, resource: str) -> int:
        """How much of a class its tree has for instances, free or not."""
        return sum(capacity_of(one.inventories[resource]) for one in self.tree if resource in one.inventories)


class Fit(t.NamedTuple):
    """How often something fits. unknown: why that is only the most that it can be; empty where it is the number."""

    times: int
    unknown: str = ""


def places(context: Context) -> list[Place]:
    """All nodes of all services, sorted by name. One of a service that Nova tells no node of is there, too, and unknown or against."""
    having: dict[str, set[str]] = {}
    for trait, uuids in context.cloud["traits"].items():
        for uuid in uuids or ():
            having.setdefault(uuid, set()).add(trait)
    shared = frozenset(
        name for one in context.outside() if SHARES in having.get(one["uuid"], ()) for name in one["inventories"]
    )
    aggregates: dict[str, list[Record]] = {}
    for one in context.cloud["aggregates"]:
        for host in one["hosts"]:
            aggregates.setdefault(str(host), []).append(one)
    trees: dict[str, list[Provider]] = {}
    for row in context.cloud["providers"]:
        traits = frozenset(having.get(row["uuid"], ()))
        trees.setdefault(row["root"], []).append(Provider(row["uuid"], row["inventories"], row["usages"], traits))
    found = []
    for service in context.cloud["services"]:
        host = str(service["host"])
        told = context.hypervisors.get(host, [])
        nodes: list[Record | None] = [one for one in told if is_bare_metal(one)]
        if len(nodes) < len(told) or not told:
            nodes.append(context.current(host))
        for node in nodes:
            found.append(_place(context, service, node, trees, tuple(aggregates.get(host, ())), shared))
    return sorted(found, key=lambda one: one.name)


def _place(
    context: Context,
    service: Record,
    node: Record | None,
    trees: t.Mapping[str, list[Provider]],
    aggregates: tuple[Record, ...],
    shared: frozenset[str],
) -> Place:
    host = str(service["host"])
    root = str(node["id"]) if node else ""
    tree = tuple(sorted(trees.get(root, ()), key=lambda one: (one.uuid != root, one.uuid)))
    compute = Compute(host, str((node or {}).get("hypervisor_hostname", "")), service, node, aggregates, tree or None)
    against = "; ".join(map(str, compute_filter(_NOBODY, compute)))
    unknown = ""
    if not against:
        if host in context.cloud["unreached"] or not compute.reached:
            unknown = f"Nova doesn't reach the database of the cell of {host}"
        elif service.get("status") != "enabled" or service.get("state") != "up":
            unknown = "Nova doesn't tell whether its nova-compute is enabled and up"
        elif not node and context.hypervisors.get(host):
            unknown = "Nova has several hypervisors of it, and which is the right one isn't known"
        elif not node:
            against = "Nova has no hypervisor of it"
        elif not tree:
            against = "Placement has no provider of it"
        elif DISABLED in tree[0].traits:
            against = f"Placement's provider of it has the trait {DISABLED}"
    bare_metal = bool(node and is_bare_metal(node))
    name = f"{host}/{compute.node}" if bare_metal else host
    free = [{name: left(one, name) for name in one.inventories} for one in tree]
    return Place(name, compute, free, against, unknown, bare_metal, values_of(compute.metadata), shared)


def needs_of_flavor(flavor: Record, traits: t.Mapping[str, list[str] | None]) -> Needs:
    """What a flavor, also one within a server, asks Placement for. traits: who has those that flavors name; None where Placement knows no such trait."""
    subject = str(flavor.get("name") or flavor.get("original_name") or "")
    if not {"vcpus", "ram", "disk"} <= set(flavor):
        return Needs(subject, (), unjudged=("Nova doesn't tell what its flavor asks for.",))
    needs = needs_of(subject, flavor)
    more = [] if "extra_specs" in flavor else ["Nova doesn't tell the flavor's extra specs."]
    if any("PCPU" in one.resources for one in needs.groups):
        more.append("Whether the pinned CPUs that are free are of one NUMA node can't be asked.")
    for one in needs.groups:
        # Placement refuses a request that names such a trait, even one that may not be there.
        one.required |= {trait for trait in one.forbidden if trait in traits and traits[trait] is None}
    return replace(needs, unjudged=(*needs.unjudged, *more))


def left(provider: Provider, resource: str) -> int:
    return max(0, capacity_of(provider.inventories[resource]) - int(provider.usages.get(resource, 0)))


def fit(needs: Needs, place: Place, free: Free | None = None) -> Fit:
    """How often an instance with these needs fits onto a place as it is, or with other amounts free. Nothing fits where the place is unusable."""
    if place.against:
        return Fit(0)
    if place.unknown and not place.tree:
        return Fit(0, place.unknown)
    against, unknown = _suits(needs, place)
    if against:
        return Fit(0)
    unknown = place.unknown or unknown or next(iter(needs.unjudged), "")
    asking = [one for one in needs.groups if one.resources]
    times: list[int] = []
    for one in asking:
        found, shared = _times(one, place, place.free if free is None else free)
        if shared:
            unknown = unknown or "some of what it asks for is shared by several computes, which isn't counted"
        if found is not None:
            times.append(found)
    if not times:
        return Fit(0, unknown or "what it asks for isn't known")
    most = min(times)
    classes = [name for one in asking for name in one.resources]
    if len(set(classes)) < len(classes):
        unknown = unknown or "it asks for the same class of resources in several groups"
    if any(one.suffix and not one.resources and (one.required or one.forbidden) for one in needs.groups):
        unknown = unknown or "it asks for traits in a group without resources"
    return Fit(most, unknown if most else "")


def _suits(needs: Needs, place: Place) -> tuple[str, str]:
    """Why traits, aggregates and capabilities speak against a place, and why they may."""
    if needs.zone and str(place.compute.service.get("zone") or "") != needs.zone:
        return "another zone", ""
    traits = {trait for one in place.tree for trait in one.traits}
    for one in needs.groups:
        if one.required - traits or (place.tree and one.forbidden & place.tree[0].traits and not one.suffix):
            return "traits", ""
    unknown = ""
    asked_traits = {trait for one in needs.groups for trait in one.required}
    for key in place.metadata:
        scope, _colon, trait = key.partition(":")
        if scope == "trait" and trait not in asked_traits:
            unknown = f"an aggregate is for flavors with the trait {shown(trait)}, if Nova isolates aggregates"
    if needs.extra_specs:
        scoped = {key: value for key, value in needs.extra_specs.items() if key.startswith(f"{SCOPE}:")}
        if unmet(scoped, place.metadata):
            return "aggregates", ""
        if unmet(needs.extra_specs, place.metadata):
            keys = ", ".join(sorted(map(shown, set(asked_of_aggregates(needs.extra_specs)))))
            unknown = unknown or f"whether Nova's filters ask aggregates for the extra spec {keys} isn't known"
        for cause in capabilities(needs, place.compute):
            if not isinstance(cause, Cause):
                return "capabilities", ""
            unknown = unknown or cause.text
    return "", unknown


def _times(group: Group, place: Place, free: Free) -> tuple[int | None, bool]:
    """How often a group fits, and whether that is only the most, since a class of it is shared; None where all of it is.

    With a suffix all of it comes from one provider.
    """
    tree = place.tree
    having = {name: [index for index, one in enumerate(tree) if name in one.inventories] for name in group.resources}
    shared = any(name in place.shared and not indexes for name, indexes in having.items())
    if group.suffix:
        suited = [
            index for index, one in enumerate(tree) if group.required <= one.traits and not group.forbidden & one.traits
        ]
        if shared:
            return None, True
        amounts = group.resources.items()
        return sum(min(_of(tree[one], free[one], name, n) for name, n in amounts) for one in suited), False
    found = [
        sum(_of(tree[one], free[one], name, group.resources[name]) for one in indexes)
        for name, indexes in having.items()
        if indexes or name not in place.shared
    ]
    return min(found, default=None), shared


def _of(provider: Provider, free: t.Mapping[str, int], name: str, amount: int) -> int:
    row = provider.inventories.get(name)
    return 0 if row is None or unit_causes(name, amount, row) else free[name] // amount


def take(needs: Needs, place: Place, free: Free) -> bool:
    """Take what one more instance needs away from what is free; False, and nothing is taken, where it doesn't fit."""
    if fit(needs, place, free).times < 1:
        return False
    for group in needs.groups:
        for name, amount in group.resources.items():
            index = next((one for one in range(len(place.tree)) if _of(place.tree[one], free[one], name, amount)), None)
            if index is not None:
                free[index][name] -= amount
    return True
