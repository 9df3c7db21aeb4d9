# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The room that is left: how many instances of each flavor still fit and where, and what is stranded. Pure.

It is counted as Placement counts, for a flavor alone: images, ports, server groups and quotas may ask for more. What can't be judged by
what the APIs tell is unknown, and neither fits nor doesn't. For each flavor each node is looked at once.
"""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed, shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.model import Needs

from .context import Context
from .failures import Failures
from .model import CLASSES, Record
from .places import Fit, Place, fit, needs_of_flavor, places

#: A flavor that fits less often is told on the terminal.
FEW = 10
#: And so is a compute of which a larger share of something is stranded.
MUCH = 0.2

_UNITS = {"VCPU": "vCPUs", "MEMORY_MB": "MiB of RAM", "DISK_GB": "GiB of disk"}
_WORDS = {"VCPU": "vCPUs", "MEMORY_MB": "RAM", "DISK_GB": "disk"}


class _Flavor(t.NamedTuple):
    row: Record
    needs: Needs
    amounts: dict[str, int]
    fits: dict[str, Fit]
    """By place, all of them."""


def room(context: Context) -> Record:
    """Of the whole cloud, in the form that docs/audit-report-1.json describes; with `unknown` alone where the APIs didn't tell what it needs."""
    unread = context.cloud["unread"]
    found = places(context) if not unread else []
    flavors = [
        _flavor(one, context, found)
        for one in sorted(context.cloud["flavors"], key=lambda one: str(one["name"]))
        if not one.get("OS-FLV-DISABLED:disabled")
    ]
    failures = Failures(context, found)
    computes = [_compute(one, flavors, failures) for one in found]
    return {
        "unknown": unread,
        "flavors": [_public(one) for one in flavors],
        "computes": computes,
        "zones": _groups(found, computes, flavors, lambda one: [str(one.compute.service.get("zone") or "")]),
        "aggregates": _groups(
            found, computes, flavors, lambda one: [str(aggregate["name"]) for aggregate in one.compute.aggregates]
        ),
        "largest": _largest(found),
    }


def _flavor(row: Record, context: Context, found: t.Iterable[Place]) -> _Flavor:
    needs = needs_of_flavor(row, context.cloud["traits"])
    amounts: dict[str, int] = {}
    for one in needs.groups:
        for name, amount in one.resources.items():
            amounts[name] = amounts.get(name, 0) + amount
    return _Flavor(row, needs, amounts, {one.name: fit(needs, one) for one in found})


def _public(flavor: _Flavor) -> Record:
    unknown: dict[str, list[str]] = {}
    for name, one in flavor.fits.items():
        if one.unknown:
            unknown.setdefault(one.unknown, []).append(name)
    known = {name: one.times for name, one in flavor.fits.items() if one.times and not one.unknown}
    return {
        "name": str(flavor.row["name"]),
        "id": str(flavor.row["id"]),
        "asks": dict(sorted(flavor.amounts.items())),
        "fits": sum(known.values()),
        "computes": known,
        "unknown": unknown,
    }


def _compute(place: Place, flavors: t.Sequence[_Flavor], failures: Failures) -> Record:
    return {
        "name": place.name,
        "host": place.compute.host,
        "zone": str(place.compute.service.get("zone") or ""),
        "aggregates": [str(one["name"]) for one in place.compute.aggregates],
        "usable": place.usable,
        "why": place.against or place.unknown,
        "only_some_projects": any(key.startswith("filter_tenant_id") for key in place.metadata),
        "capacity": {name: place.total(name) for name in CLASSES},
        "free": {name: _free(place, name) for name in CLASSES},
        "stranded": _stranded(place, flavors) if place.usable and not place.bare_metal else [],
        "failure": None if place.bare_metal else failures.of(place),
    }


def _free(place: Place, name: str) -> int:
    return sum(one.get(name, 0) for one in place.free)


def _stranded(place: Place, flavors: t.Sequence[_Flavor]) -> list[Record]:
    """Of each resource what stays free whatever is booted, and which other one is used up then.

    The place is filled with the flavor that takes most of the resource, and then with all that still fit. What isn't known to fit counts as if
    it did: nothing is called stranded that may be used.
    """
    fitting = [one for one in flavors if one.fits[place.name].times or one.fits[place.name].unknown]
    if not flavors or any(not one.fits[place.name].times for one in fitting):
        return []
    smallest = {
        name: min((one.amounts[name] for one in flavors if one.amounts.get(name)), default=0) for name in CLASSES
    }
    rows = []
    for name in CLASSES:
        total = place.total(name)
        if total <= 0:
            continue
        free = {other: _free(place, other) for other in {*CLASSES, *(key for one in fitting for key in one.amounts)}}
        most = max(fitting, key=lambda one: one.fits[place.name].times * one.amounts.get(name, 0), default=None)
        if most:
            _fill(free, most, most.fits[place.name].times)
        for one in sorted(fitting, key=lambda one: -one.amounts.get(name, 0)):
            if one.amounts.get(name):
                _fill(free, one, min(free[key] // amount for key, amount in one.amounts.items()))
        short = [other for other in CLASSES if other != name and free[other] < smallest[other]]
        scarce = min(short, key=lambda other: free[other] / smallest[other], default=None)
        rows.append({"resource": name, "amount": free[name], "share": round(free[name] / total, 3), "scarce": scarce})
    return rows


def _fill(free: dict[str, int], flavor: _Flavor, times: int) -> None:
    for name, amount in flavor.amounts.items():
        free[name] = max(0, free[name] - max(0, times) * amount)


def _groups(
    found: t.Sequence[Place],
    computes: t.Sequence[Record],
    flavors: t.Sequence[_Flavor],
    names_of: t.Callable[[Place], list[str]],
) -> list[Record]:
    """Totals of the computes in each zone or aggregate. What is free and stranded, of those alone that take instances."""
    members: dict[str, list[tuple[Place, Record]]] = {}
    for place, row in zip(found, computes, strict=True):
        for name in names_of(place):
            members.setdefault(name, []).append((place, row))
    rows = []
    for name, inside in sorted(members.items()):
        usable = [row for _place, row in inside if row["usable"]]
        fits = {
            str(one.row["name"]): sum(
                one.fits[place.name].times for place, _row in inside if not one.fits[place.name].unknown
            )
            for one in flavors
        }
        rows.append(
            {
                "name": name,
                "computes": len(inside),
                "usable": len(usable),
                "unknown": sum(row["usable"] is None for _place, row in inside),
                "capacity": {key: sum(row["capacity"][key] for row in usable) for key in CLASSES},
                "free": {key: sum(row["free"][key] for row in usable) for key in CLASSES},
                "stranded": {
                    key: sum(one["amount"] for row in usable for one in row["stranded"] if one["resource"] == key)
                    for key in CLASSES
                },
                "fits": {key: times for key, times in fits.items() if times},
            }
        )
    return rows


def _largest(found: t.Iterable[Place]) -> str | None:
    """The compute on which Placement has given away most RAM."""

    def given(place: Place) -> int:
        return sum(one.usages.get("MEMORY_MB", 0) for one in place.tree)

    holding = [one for one in found if not one.bare_metal and given(one)]
    return max(holding, key=given).name if holding else None


def _stranded_in_words(row: Record) -> str:
    short = f", short of {_WORDS[row['scarce']]}" if row["scarce"] else ""
    return f"{row['amount']} {_UNITS[row['resource']]} ({100 * row['share']:.0f} %{short})"


def lines(made: Record) -> list[str]:
    """For a terminal: totals, and of the rest only what calls for something. Holds nothing that a tenant wrote."""
    if made["unknown"]:
        return [f"What still fits isn't known. {made['unknown']}"]
    computes = made["computes"]
    usable = [one for one in computes if one["usable"]]
    free = ", ".join(f"{sum(one['free'][key] for one in usable)} {unit}" for key, unit in _UNITS.items())
    said = [f"Room: {len(usable)} of {len(computes)} computes take instances; {free} are free there."]
    if some := [one["name"] for one in usable if one["only_some_projects"]]:
        said.append(f"Of these, {len(some)} are in aggregates for some projects alone: {listed(some)}.")
    known = [one for one in made["flavors"] if not one["unknown"]]
    nowhere = [shown(one["name"]) for one in known if not one["fits"]]
    few = [f"{shown(one['name'])} {one['fits']}" for one in known if 0 < one["fits"] < FEW]
    unknown = [
        f"{shown(one['name'])} (surely {one['fits']} times)"
        for one in made["flavors"]
        if one["unknown"] and one["fits"] < FEW
    ]
    wasted = sorted(
        ((one["name"], row) for one in usable for row in one["stranded"] if row["share"] > MUCH),
        key=lambda found: (-found[1]["share"], found[0]),
    )
    stranded = [f"{name} {_stranded_in_words(row)}" for name, row in wasted]
    failing = [(one["name"], one["failure"]) for one in computes if one["failure"] and one["failure"]["instances"]]
    left = [f"{name} {len(one['left'])} of {one['instances']}" for name, one in failing if one["absorbed"] is False]
    open_ = [name for name, one in failing if one["absorbed"] is None]
    for head, rows in (
        ("Flavors that fit nowhere", nowhere),
        (f"Flavors that fit fewer than {FEW} times", few),
        ("Flavors of which it isn't known how often they fit", unknown),
        (f"More than {100 * MUCH:.0f} % stranded, which no flavor can use", stranded),
        ("If it fails, instances that fit nowhere else", left),
        ("Whether the others would take all instances isn't known of", open_),
    ):
        if rows:
            said.append(f"{head}: {listed(rows, 10)}.")
    largest = next((one for one in computes if one["name"] == made["largest"]), None)
    if largest and largest["failure"]["absorbed"]:
        said.append(
            f"If the largest, {largest['name']}, fails, the others take its {largest['failure']['instances']} instances."
        )
    return said
