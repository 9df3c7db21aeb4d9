# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the instances of a compute would fit onto the others, if it failed. An estimate: first fit decreasing. Pure."""

from __future__ import annotations

import itertools
import typing as t
from dataclasses import replace

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.model import Group, Needs

from .context import Context
from .model import Record
from .places import Free, Place, fit, needs_of_flavor, take

_ELSEWHERE = "it fits only in another zone, and whether it may leave its own isn't known"
_Candidate = tuple[Place, str]
"""A place, and why it isn't known whether the instance fits there; empty where it is."""


class _Asked(t.NamedTuple):
    uuid: str
    shape: str
    """The same for instances that ask for the same."""
    needs: Needs


class Failures:
    """Tells for one compute after the other. Where instances of a shape may go is found once for all of them."""

    def __init__(self, context: Context, places: t.Sequence[Place]) -> None:
        self._context = context
        self._places = [one for one in places if not one.bare_metal]
        self._zones = sorted({_zone(one) for one in self._places})
        self._where: dict[str, tuple[dict[str, list[_Candidate]], str]] = {}

    def of(self, place: Place) -> Record:
        """absorbed (None where it isn't known), why (it isn't), how many instances, the ids of those left, and why of the others it isn't known."""
        servers = self._context.on_host.get(place.compute.host, [])
        if why := self._context.unsure(place.compute.host):
            return _told(servers, [], {}, f"{why} What it has isn't known.")
        asked = [self._asked(place, one) for one in servers]
        size = {name: max(1, place.total(name)) for one in asked for name in _amounts(one.needs)}
        asked.sort(key=lambda one: (-_share(one.needs, size), one.shape, one.uuid))
        taken: dict[str, Free] = {}
        not_placed: list[str] = []
        unknown: dict[str, str] = {}
        for _shape, same in itertools.groupby(asked, key=lambda one: one.shape):
            group = list(same)
            needs, own = group[0].needs, _zone(place)
            candidates, perhaps = self._candidates(group[0].shape, needs, own)
            current = next(candidates, None)
            for one in group:
                while current and (current[0] is place or not _put(needs, current[0], taken)):
                    current = next(candidates, None)
                why = next(iter(needs.unjudged), "") or perhaps
                if current:
                    why = current[1] or ("" if _zone(current[0]) == own else _ELSEWHERE)
                if why:
                    unknown[one.uuid] = why
                elif not current:
                    not_placed.append(one.uuid)
        return _told(servers, not_placed, unknown, "")

    def _asked(self, place: Place, server: Record) -> _Asked:
        uuid, flavor = str(server["id"]), server.get("flavor") or {}
        needs = needs_of_flavor(flavor, self._context.cloud["traits"])
        held: dict[str, int] = {}
        for one in self._context.held.get(uuid, ()):
            if any(one == provider.uuid for provider in place.tree):
                for name, amount in self._context.providers[one]["allocations"][uuid].items():
                    held[name] = held.get(name, 0) + amount
        if held:
            required = {trait for one in needs.groups for trait in one.required}
            forbidden = {trait for one in needs.groups for trait in one.forbidden}
            needs = replace(needs, groups=(Group("", held, required, forbidden),), group_policy="")
        parts = [
            (one.suffix, sorted(one.resources.items()), sorted(one.required), sorted(one.forbidden))
            for one in needs.groups
        ]
        return _Asked(uuid, repr((parts, sorted(needs.extra_specs.items()), needs.unjudged)), needs)

    def _candidates(self, shape: str, needs: Needs, zone: str) -> tuple[t.Iterator[_Candidate], str]:
        """Where such an instance fits while nothing else moves there, in its own zone first; and why it may fit elsewhere, too."""
        if shape not in self._where:
            found: dict[str, list[_Candidate]] = {}
            perhaps = ""
            for one in self._places:
                times, unknown = fit(needs, one)
                if times:
                    found.setdefault(_zone(one), []).append((one, unknown))
                perhaps = perhaps or ("" if times else unknown)
            self._where[shape] = found, perhaps
        where, perhaps = self._where[shape]
        order = (zone, *(one for one in self._zones if one != zone))
        return itertools.chain.from_iterable(where.get(one, ()) for one in order), perhaps


def _told(servers: list[Record], not_placed: list[str], unknown: dict[str, str], why: str) -> Record:
    absorbed = None if why else False if not_placed else None if unknown else True
    return {
        "absorbed": absorbed,
        "why": why,
        "instances": len(servers),
        "left": sorted(not_placed),
        "unknown": dict(sorted(unknown.items())),
    }


def _zone(place: Place) -> str:
    return str(place.compute.service.get("zone") or "")


def _amounts(needs: Needs) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in needs.groups:
        for name, amount in one.resources.items():
            found[name] = found.get(name, 0) + amount
    return found


def _share(needs: Needs, size: t.Mapping[str, int]) -> float:
    """Of the compute that fails, the largest share that an instance has of any resource."""
    return max((amount / size[name] for name, amount in _amounts(needs).items()), default=0.0)


def _put(needs: Needs, place: Place, taken: dict[str, Free]) -> bool:
    """Put one more instance onto a place, where it fits beside those that are there already."""
    if place.name not in taken:
        taken[place.name] = [dict(one) for one in place.free]
    return take(needs, place, taken[place.name])
