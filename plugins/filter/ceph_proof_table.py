# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ceph_proof_table: what verify_ceph found, on each host."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph.report import proof_table


def ceph_proof_table(hosts: t.Iterable[str], hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    return proof_table({host: hostvars[host].get("ceph_openstack_proof") for host in hosts})


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ceph_proof_table": ceph_proof_table}
