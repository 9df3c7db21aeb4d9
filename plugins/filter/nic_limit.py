# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter nic_limit: from the answers of somebody who wants one NIC limited to virt_interface_limit's `interfaces`."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.module_utils._domif.model import DomifError, parse_wishes

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
                raise DomifError(f"The request has the unknown key '{str(key)[:40]}'.")
            if value in (None, ""):
                continue
            if key in _DIRECTIONS:
                numbers = {name: _number(f"{key}.{name}", value.get(name)) for name in _NUMBERS}
                given = {name: number for name, number in numbers.items() if number is not None}
                if given:
                    item[key] = {"average": None, **given}
            else:
                item[key] = _number(key, value) if key == "nic" else str(value)
        if item.get("state", "present") not in ("present", "absent"):
            raise DomifError(f"state is '{item['state'][:40]}', not present or absent.")
        parse_wishes([item])
    except DomifError as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from exc
    return [item]


def _number(where: str, value: object) -> int | None:
    """A whole number, also as the text that the command line and a survey make of it; None where it was left empty."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()) or len(text) > 20:
        raise DomifError(f"{where} is '{text[:40]}', not a whole number.")
    return int(text)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"nic_limit": nic_limit}
