# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tc_htb's words and virt_interface_limit's, one from the other. Pure: no Ansible, no I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.limits import Limit, change
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Shape
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import format_rate
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.limits import (
    AVERAGE_BITS,
    BURST_UNIT,
    most_burst,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import Shape as Numbers
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import may_have_vif_quota

Item = t.Mapping[str, t.Any]

#: libvirt's directions are the instance's, as Neutron's are: it receives what comes inbound, ingress.
_DIRECTIONS = {"ingress": "inbound", "egress": "outbound"}


def interfaces(
    ports: t.Iterable[Item],
    items: t.Iterable[Item],
    limits: t.Mapping[str, t.Mapping[str, Numbers]],
    *,
    despite_vif_quota: bool,
) -> list[dict[str, t.Any]]:
    """Turn items for tc_htb's `ports`, and their limits in numbers by port id, into virt_interface_limit's `interfaces`.

    libvirt doesn't remember who has set a limit. So that of a flavor's quota:vif_* is not taken away, it would be Nova's.
    Raises RulesError for rates that libvirt can't have.
    """
    known = {port["port_id"]: port for port in ports}
    made = []
    problems: list[str] = []
    for item in items:
        port = known.get(item["port_id"])
        # Whether there is another limit isn't known here, so a last resort is none.
        state = "kept" if item.get("last_resort") else item["state"]
        one = {"port_id": item["port_id"], "state": state, "why": item["why"]}
        if port and port["instance"]:
            one["domain"] = port["instance"]["id"]
        if item["state"] == "absent" and port and may_have_vif_quota(port) and not despite_vif_quota:
            one["state"] = "kept"
        if state == "present":
            for direction, numbers in limits[item["port_id"]].items():
                shape, word = Shape.of(**numbers), _DIRECTIONS[direction]
                if shape.pkts_rate:
                    problems.append(
                        f"{item['why']}: {direction} limits packets per second, which libvirt can't; leave out pkts_rate, or use the backend tc"
                    )
                elif shape.rate < AVERAGE_BITS:
                    problems.append(
                        f"{item['why']}: {direction} {format_rate(shape.rate)} is below {format_rate(AVERAGE_BITS)}, the smallest "
                        "rate that libvirt knows"
                    )
                one[word] = _rate(shape, peaks=word == "inbound")
        made.append(one)
    if problems:
        raise RulesError(problems)
    return made


def _rate(shape: Shape, *, peaks: bool) -> dict[str, int]:
    """A limit in libvirt's units, rounded down so that nobody gets more than was said. A policer has no peak."""
    average = shape.rate // AVERAGE_BITS
    peak = shape.ceil // AVERAGE_BITS
    burst = max(1, min(shape.burst // BURST_UNIT, most_burst(average)))
    return {"average": average, **({"peak": peak} if peaks and peak > average else {}), "burst": burst}


def as_ports(result: Item | None) -> Item | None:
    """A result of virt_interface_limit with `ports` as tc_htb would tell them; any other as it is."""
    if not result or "interfaces" not in result:
        return result
    return {**result, "ports": [_as_port(one) for one in result["interfaces"]]}


def _as_port(one: Item) -> dict[str, t.Any]:
    found, now = _limits(one["found"]), _limits(one["now"])
    told = {
        when: {way: _text(limit, way) for way, limit in both.items()} for when, both in (("found", found), ("now", now))
    }
    return {**one, **told, "change": change(found, now)}


def _limits(found: Item) -> dict[str, Limit | None]:
    """A NIC's limits as those of a port: the running domain's, or the configured ones where it doesn't run."""
    limits = found["live"] or found["config"] or {}
    return {direction: _limit(limits.get(word)) for direction, word in _DIRECTIONS.items()}


def _limit(rate: Item | None) -> Limit | None:
    """libvirt's numbers in bit/s and bytes; 0 for what it wasn't told."""
    if not rate:
        return None
    average, peak = rate["average"], max(rate["average"], rate["peak"])
    return Limit(Shape(average * AVERAGE_BITS, peak * AVERAGE_BITS, rate["burst"] * BURST_UNIT), (), "")


def _text(limit: Limit | None, direction: str) -> dict[str, t.Any] | None:
    """A limit for people. What comes from the instance is policed: that has no peak, and by default a burst of a second's traffic."""
    if limit is None:
        return None
    shape = limit.shape
    if direction == "ingress":
        told = shape.public()
        return {**told, "burst": told["burst"] if shape.burst else "none", "exempt": []}
    burst = shape.burst or shape.rate // AVERAGE_BITS * BURST_UNIT
    return {**Shape(shape.rate, shape.ceil, burst).public(), "ceil": "none", "exempt": []}
