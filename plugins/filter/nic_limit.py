# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter nic_limit: from a request for the limit of one NIC to virt_interface_limit's `interfaces`."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.units import (
    PACKET,
    UnitError,
    parse_rate,
    parse_size,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.limits import (
    AVERAGE_BITS,
    BURST_UNIT,
    parse_interfaces,
)

_TEXTS = ("domain", "mac", "port_id", "state")
_DIRECTIONS = ("inbound", "outbound")
_NUMBERS = ("average", "peak", "burst")


def nic_limit(request: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    if not isinstance(request, t.Mapping):
        raise AnsibleFilterError("nic_limit: the request is not a dictionary.")
    item: dict[str, t.Any] = {}
    try:
        for key, value in request.items():
            if key not in (*_TEXTS, "nic", *_DIRECTIONS):
                raise OperatorError(f"The request has the unknown key '{str(key)[:40]}'.")
            if value in (None, ""):
                continue
            if key in _DIRECTIONS:
                numbers = {name: _in_libvirts_unit(f"{key}.{name}", name, value.get(name)) for name in _NUMBERS}
                given = {name: number for name, number in numbers.items() if number is not None}
                if given:
                    item[key] = {"average": None, **given}
            else:
                item[key] = _number(key, value) if key == "nic" else str(value)
        if item.get("state", "present") not in ("present", "absent"):
            raise OperatorError(f"state is '{item['state'][:40]}', not present or absent.")
        parse_interfaces([item])
    except OperatorError as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from None
    return [item]


def _number(where: str, value: object) -> int | None:
    """A whole number, also as the text that the command line and a survey make of it; None where it was left empty."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()) or len(text) > 20:
        raise OperatorError(f"{where} is '{text[:40]}', not a whole number.")
    return int(text)


def _in_libvirts_unit(where: str, number: str, written: object) -> int | None:
    """A rate in 1000 bytes a second, or a burst in KiB; None where it was left empty."""
    if written is None or written == "":
        return None
    text = str(written).strip()
    if text.isascii() and text.isdecimal() and len(text) <= 20:
        amount = int(text)
        meant = (
            f"{amount}kb if KiB are meant"
            if number == "burst"
            else f"{amount}mbit if Mbit/s are meant, or {amount * 8}kbit for libvirt's {amount}"
        )
        raise OperatorError(f"{where} is {text}, which has no unit; write {meant}.")
    try:
        if number == "burst":
            size = parse_size(text)
            if size < PACKET:
                raise OperatorError(f"{where} is '{text}', less than a packet; give at least 2kb.")
            return size // BURST_UNIT
        rate = parse_rate(text)
    except UnitError as exc:
        raise OperatorError(f"{where}: {exc}.") from None
    if rate < AVERAGE_BITS:
        raise OperatorError(f"{where} is '{text}'; the least that libvirt can set is 8kbit.")
    return rate // AVERAGE_BITS


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"nic_limit": nic_limit}
