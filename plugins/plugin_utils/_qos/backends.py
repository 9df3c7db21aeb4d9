# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tc_htb's words and virt_interface_limit's, one from the other. Pure: no Ansible, no I/O."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Shape, parse_port
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import format_rate, format_size
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.limits import (
    AVERAGE_BITS,
    BURST_UNIT,
    most_burst,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import may_have_vif_quota

Item = t.Mapping[str, t.Any]

#: libvirt's directions are the instance's, as Neutron's are: it receives what comes inbound, ingress.
_DIRECTIONS = {"ingress": "inbound", "egress": "outbound"}


def interfaces(ports: t.Iterable[Item], items: t.Iterable[Item], *, despite_vif_quota: bool) -> list[dict[str, t.Any]]:
    """Turn items for tc_htb's `ports` into those for virt_interface_limit's `interfaces`.

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
            shapes = parse_port(item, "sfq", "")
            for direction, word in _DIRECTIONS.items():
                shape = getattr(shapes, direction)
                if shape is None:
                    continue
                if shape.rate < AVERAGE_BITS:
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
    ports = [{**one, "found": _shapes(one["found"]), "now": _shapes(one["now"])} for one in result["interfaces"]]
    return {**result, "ports": ports}


def _shapes(found: Item) -> dict[str, t.Any]:
    """A NIC's limits as those of a port: the running domain's, or the configured ones where it doesn't run."""
    limits = found["live"] or found["config"] or {}
    return {direction: _shape(limits.get(word), peaks=word == "inbound") for direction, word in _DIRECTIONS.items()}


def _shape(rate: Item | None, *, peaks: bool) -> dict[str, t.Any] | None:
    if not rate:
        return None
    return {
        "rate": format_rate(rate["average"] * AVERAGE_BITS),
        "ceil": format_rate(max(rate["average"], rate["peak"]) * AVERAGE_BITS) if peaks else "none",
        "burst": format_size((rate["burst"] or rate["average"]) * BURST_UNIT) if rate["burst"] or not peaks else "none",
        "exempt": [],
    }
