# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the hosts of a run mean the same cluster, which is asked once for all of them. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown

#: What is used once, with the first host's variables, for all hosts of a run.
SHARED = (
    "ceph_openstack_admin_host",
    "ceph_openstack_admin_conf",
    "ceph_openstack_admin_name",
    "ceph_openstack_admin_keyring",
    "ceph_openstack_pools",
    "ceph_openstack_clients",
    "ceph_openstack_current",
    "ceph_openstack_retire",
)
#: Of this, the entries about clients are the cluster's; those about files are each host's own.
#: Of keys, only whether there are any: then the cluster isn't asked, and each host has its own.
PARTLY_SHARED = ("ceph_openstack_take_away", "ceph_openstack_keys")


def disagreement(values: t.Mapping[str, t.Mapping[str, t.Any]], defaults: t.Mapping[str, t.Any]) -> str:
    """An error for the first variable in which a host differs from the first one; empty where all agree. values are by host and name."""
    hosts = list(values)
    for name in (*SHARED, *PARTLY_SHARED):
        first = _of(name, values[hosts[0]], defaults) if hosts else None
        for host in hosts[1:]:
            other = _of(name, values[host], defaults)
            if other != first:
                return (
                    f"{host} and {hosts[0]} disagree about {name} ({shown(other)}, {shown(first)}), and one run works with one cluster, which it asks "
                    "once for all its hosts. Run it for the hosts of each cluster by themselves, by the playbook's _target or by --limit."
                )
    return ""


def _of(name: str, values: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any]) -> t.Any:
    found = values.get(name, defaults.get(name))
    if name == "ceph_openstack_keys":
        return "given" if found else "not given"
    if name not in PARTLY_SHARED:
        return found
    return sorted({str(entry) for entry in found or [] if str(entry).startswith("client.")})
