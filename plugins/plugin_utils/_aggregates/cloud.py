# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks Nova for aggregates and flavors, and has it change them."""

from __future__ import annotations

import typing as t
from urllib.parse import quote

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, changed_meanwhile
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query, find_region
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.connect import Region, Service
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.contradictions import unreached

from .model import ZONE, Declared, Record, State, parse_state
from .plan import AggregatesPlan, Step, check_instances, find_flavor, plan

#: With this one Nova tells flavors with their extra specs; it has it since Rocky.
_WITH_SPECS = (2, 61)
#: With this one it tells services of cells that are down.
_NEWEST = (2, 69)
_NEEDS = "arranging hosts needs the admin role, or policies that let another role change aggregates and flavors."


def bring_about(query: Query, declared: Declared, *, remove: bool, check_mode: bool) -> AggregatesPlan:
    """Look, change what is to be changed, and look again.

    Raises OperatorError where Nova can't be asked, where something is refused, or where Nova doesn't do it.
    """
    cloud = _Cloud(query)
    made = plan(cloud.read(), declared, remove=remove)
    cloud.check_instances(made)
    if made.changed and not check_mode:
        cloud.apply(made)
        after = plan(cloud.read(), declared, remove=True)
        if after.changed:
            raise changed_meanwhile(f"The cloud's {after.steps[0].text}")
    return made


class _Cloud:
    def __init__(self, query: Query) -> None:
        config = find_region(query)
        region = Region(config, _NEEDS)
        region.log_in()
        self._nova: Service = region.nova()
        newest = self._nova.newest_microversion()
        if newest < _WITH_SPECS:
            raise OperatorError(
                f"Nova of the cloud {config.name} knows microversions up to {newest[0]}.{newest[1]} only; 2.61 is needed to tell "
                "flavors' extra specs."
            )
        self._version = "{}.{}".format(*min(newest, _NEWEST))
        self._services: list[Record] = []

    def read(self) -> State:
        """Raises OperatorError."""
        read, version = self._nova.read, self._version
        self._services = read("/os-services", "services", [("binary", "nova-compute")], version)
        flavors = read("/flavors/detail", "flavors", [("is_public", "none")], version)
        hidden = [str(one["name"]) for one in flavors if "extra_specs" not in one]
        if hidden:
            raise OperatorError(
                f"Nova shows no extra specs of the flavor {hidden[0]} to this user, so what it fits can't be told: {_NEEDS}"
            )
        return parse_state(read("/os-aggregates", "aggregates", [], version), flavors, self._services)

    def check_instances(self, made: AggregatesPlan) -> None:
        """Raise OperatorError where a zone would change under instances, or under what can't be known."""
        silent = set(unreached(self._services))
        if away := [one.host for one in made.moves if one.host in silent]:
            raise OperatorError(
                f"The zone of {away[0]} would change, and Nova doesn't reach the database of its cell, so what runs there is unknown; "
                "look after the cell first."
            )
        check_instances(made.moves, {one.host: self._instances(one.host) for one in made.moves})

    def _instances(self, host: str) -> list[str]:
        """Ids of all instances on a host. Soft-deleted ones are left out unless asked for, and Nova keeps their zone, too."""
        params = [("all_tenants", "1"), ("soft_deleted", "1"), ("host", host)]
        return sorted(str(one["id"]) for one in self._nova.read("/servers", "servers", params, self._version))

    def apply(self, made: AggregatesPlan) -> None:
        """Raises OperatorError, with the steps that were done before."""
        ids = {name: one.id for name, one in made.before.aggregates.items()}
        done: list[str] = []
        for step in made.steps:
            try:
                self._do(step, made, ids)
            except OperatorError as exc:
                before = f" Done before that: {'; '.join(done)}." if done else ""
                raise OperatorError(f"{step.text}: {exc}{before} Run again when that is corrected.") from None
            done.append(step.text)

    def _do(self, step: Step, made: AggregatesPlan, ids: dict[str, int | None]) -> None:
        if step.kind in ("set_specs", "drop_spec"):
            path = f"/flavors/{find_flavor(made.before, step.name).id}/os-extra_specs"
            if step.kind == "set_specs":
                self._nova.post(path, {"extra_specs": step.value}, self._version)
            else:
                self._nova.delete(f"{path}/{quote(step.value, safe=':')}", self._version)
            return
        if step.kind == "create":
            wanted = {"name": step.name, **({ZONE: step.value} if step.value else {})}
            answer = self._nova.post("/os-aggregates", {"aggregate": wanted}, self._version)
            ids[step.name] = int(answer["aggregate"]["id"])
            return
        actions: dict[str, t.Callable[[], Record]] = {
            "add_host": lambda: {"add_host": {"host": step.value}},
            "remove_host": lambda: {"remove_host": {"host": step.value}},
            "set_zone": lambda: {"set_metadata": {"metadata": {ZONE: step.value}}},
            "set_metadata": lambda: {"set_metadata": {"metadata": step.value}},
        }
        self._nova.post(f"/os-aggregates/{ids[step.name]}/action", actions[step.kind](), self._version)
