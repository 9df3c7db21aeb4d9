# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ceph_disagreement: whether the hosts of a run mean the same cluster."""

from __future__ import annotations

import typing as t
from pathlib import Path

import yaml

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph.agree import PARTLY_SHARED, SHARED, disagreement

_DEFAULTS = Path(__file__).resolve().parents[2] / "roles" / "ceph_openstack" / "defaults" / "main.yml"


def ceph_disagreement(hosts: t.Iterable[str], hostvars: t.Mapping[str, t.Mapping[str, t.Any]]) -> str:
    names = (*SHARED, *PARTLY_SHARED)
    values = {host: {name: hostvars[host][name] for name in names if name in hostvars[host]} for host in hosts}
    return disagreement(values, yaml.safe_load(_DEFAULTS.read_text(encoding="utf-8")))


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ceph_disagreement": ceph_disagreement}
