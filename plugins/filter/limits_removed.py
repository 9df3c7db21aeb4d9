# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter limits_removed: how many limits a run of the role instance_qos would remove or loosen, on all hosts together."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.removals import RemovalsError, removals


def limits_removed(
    hosts: t.Iterable[str], hostvars: t.Mapping[str, t.Mapping[str, t.Any]], variable: str, at_most: object
) -> dict[str, t.Any]:
    try:
        return removals({host: hostvars[host].get(variable) for host in hosts}, at_most)
    except RemovalsError as exc:
        raise AnsibleFilterError(f"{exc}.") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"limits_removed": limits_removed}
