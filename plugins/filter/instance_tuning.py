# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter instance_tuning: from the answers of somebody who wants one instance tuned to virt_domain_tune's `domains`."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune.wanted import NUMBERS, parse_domains

_CPU = ("shares", "vcpu_quota", "vcpu_period")
_PARTS = {"cpu": _CPU, "disk": NUMBERS}


def instance_tuning(request: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    if not isinstance(request, t.Mapping):
        raise AnsibleFilterError("instance_tuning: the request is not a dictionary.")
    try:
        known = {"domain", *(f"{part}_state" for part in _PARTS), "disk", *_CPU, *NUMBERS}
        for key in request:
            if key not in known:
                raise OperatorError(f"The request has the unknown key {shown(key)}.")
        item: dict[str, t.Any] = {"domain": str(request.get("domain") or "").strip()}
        cpu, disk = (_part(request, part) for part in _PARTS)
        if cpu:
            item["cpu"] = {name: _number(name, value) if name in _CPU else value for name, value in cpu.items()}
        name = str(request.get("disk") or "").strip()
        if disk and not name:
            raise OperatorError(
                "A disk is to be throttled, but none is named; give its target, such as vda, or its volume's id."
            )
        if name:
            item["disks"] = [{"disk": name, **disk}]
        parse_domains([item])
    except OperatorError as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from None
    return [item]


def _part(request: t.Mapping[str, t.Any], part: str) -> dict[str, t.Any]:
    """What is given of the CPU or the disk; what was left empty counts as not given."""
    given = {name: request[name] for name in _PARTS[part] if request.get(name) not in (None, "")}
    state = str(request.get(f"{part}_state") or "")
    if state not in ("", "present", "absent"):
        raise OperatorError(f"{part}_state is {shown(state)}, not present or absent.")
    return {**given, "state": state} if state else given


def _number(where: str, value: object) -> int:
    """A whole number, also as the text that the command line and a survey make of it."""
    text = str(value).strip()
    digits = text[1:] if text.startswith("-") else text
    if isinstance(value, bool) or not (digits.isascii() and digits.isdecimal()) or len(digits) > 20:
        raise OperatorError(f"{where} is {shown(text)}, not a whole number.")
    return int(text)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"instance_tuning": instance_tuning}
