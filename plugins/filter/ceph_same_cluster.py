# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ceph_same_cluster: whether two of a run's clusters are one."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph.clusters import same_cluster


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ceph_same_cluster": same_cluster}
