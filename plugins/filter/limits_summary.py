# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter limits_summary: what a run of the role instance_qos did, on each host."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.report import summary


def limits_summary(
    hosts: t.Iterable[str],
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    why: bool = False,
    register: str = "instance_qos_result",
) -> dict[str, t.Any]:
    return summary({host: hostvars[host].get(register) for host in hosts}, why=why)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"limits_summary": limits_summary}
