# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ceph_disk_table: what show_disks found, on each host."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph.disks import disk_table


def ceph_disk_table(
    hosts: t.Iterable[str],
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    variable: str = "show_disks_result",
    most: int = 0,
) -> dict[str, t.Any]:
    return disk_table({host: hostvars[host].get(variable) for host in hosts}, most)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ceph_disk_table": ceph_disk_table}
