# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ceph_clusters: the clusters of a run, each with its hosts."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph.clusters import (
    NAMES,
    clusters,
    disagreement,
    settled,
)

_DEFAULTS = Path(__file__).resolve().parents[2] / "roles" / "ceph_openstack" / "defaults" / "main.yml"


def ceph_clusters(
    hosts: t.Iterable[str],
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    own: t.Mapping[str, t.Any] | None = None,
    *,
    with_keys: bool = False,
) -> list[dict[str, t.Any]]:
    # Each look into hostvars makes all variables of a host anew.
    each = ((host, hostvars[host]) for host in hosts)
    inventory = {host: {name: said[name] for name in NAMES if name in said} for host, said in each}
    values = settled(inventory, yaml.safe_load(_DEFAULTS.read_text(encoding="utf-8")), dict(own or {}))
    if with_keys:
        values = {host: {**said, "ceph_openstack_keys": {}} for host, said in values.items()}
    told = disagreement(values)
    if told:
        raise AnsibleFilterError(f"Nothing was changed. {told}")
    return clusters(values)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ceph_clusters": ceph_clusters}
