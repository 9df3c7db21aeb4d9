# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether flavors find a host, and aggregates a flavor. Pure."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, first_of, shown

from .model import Aggregate, Declared, Flavor, State
from .specs import SCOPE, asked_of_aggregates, unmet, values_of

# Metadata that other filters, weighers and Placement read, and no flavor.
_NOT_FOR_FLAVORS = re.compile(
    r"(cpu|ram|disk)_allocation_ratio|max_(io_ops|instances)_per_host|instance_type|filter_tenant_id\w*|\w+_multiplier|trait:.*"
)


def check_reach(before: State, after: State, declared: Declared, flavors: t.Collection[str]) -> None:
    """Raise OperatorError where a flavor would fit no host, or an aggregate be reached by no flavor.

    flavors: the ids of the declared ones. Of the others only those count that fit a host before.
    """
    problems = []
    hosts, hosts_before = _by_host(after), _by_host(before)
    for flavor in after.flavors.values():
        if _fitting(flavor, hosts):
            continue
        if flavor.id in flavors:
            problems.append(f"flavor {flavor.name} would fit no host: {_nowhere(flavor, hosts)}.")
        elif _fitting(before.flavors[flavor.id], hosts_before):
            problems.append(
                f"flavor {flavor.name}, which isn't declared, would fit no host any more: {_nowhere(flavor, hosts)}."
            )
    for one in declared.aggregates:
        if not one.without_flavors:
            problems += _unreached(after.aggregates[one.name], after, hosts)
    if problems:
        raise OperatorError(f"Refused: {first_of(problems)} Correct the metadata or the flavors' extra specs.")


def _by_host(state: State) -> dict[str, dict[str, set[str]]]:
    return {host: values_of(one.all_metadata() for one in state.of_host(host)) for host in sorted(state.hosts)}


def _fitting(flavor: Flavor, hosts: t.Mapping[str, t.Mapping[str, set[str]]]) -> set[str]:
    return {host for host, metadata in hosts.items() if not unmet(flavor.extra_specs, metadata)}


def _nowhere(flavor: Flavor, hosts: t.Mapping[str, t.Mapping[str, set[str]]]) -> str:
    """Which of its extra specs no host meets; or that no host meets all."""
    asked = asked_of_aggregates(flavor.extra_specs)
    parts = []
    for key, value in sorted(asked.items()):
        values = {one for metadata in hosts.values() for one in metadata.get(key, ())}
        if all(unmet({f"{SCOPE}:{key}": value}, metadata) for metadata in hosts.values()):
            there = f"there is {', '.join(sorted(map(shown, values)))}" if values else "no aggregate with hosts has it"
            parts.append(f"it asks for {key} {shown(value)}, and {there}")
    return "; ".join(parts) or f"each of {', '.join(sorted(asked))} is there, but on no host all of them"


def _unreached(aggregate: Aggregate, after: State, hosts: t.Mapping[str, t.Mapping[str, set[str]]]) -> list[str]:
    keys = {key for key in aggregate.metadata if not _NOT_FOR_FLAVORS.fullmatch(key)}
    there = aggregate.hosts & hosts.keys()
    if not there:
        return []
    for flavor in after.flavors.values():
        asks = not keys or keys & asked_of_aggregates(flavor.extra_specs).keys()
        if asks and _fitting(flavor, {host: hosts[host] for host in there}):
            return []
    metadata = ", ".join(f"{key}={aggregate.metadata[key]}" for key in sorted(keys))
    return [
        f"no flavor reaches the aggregate {aggregate.name} by its metadata {metadata}; declare a flavor with {SCOPE}:{min(keys)}, "
        f"or set without_flavors for the aggregate."
        if keys
        else f"no flavor fits a host of the aggregate {aggregate.name}; declare one, or set without_flavors for the aggregate."
    ]
