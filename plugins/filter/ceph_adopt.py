# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ceph_adopt: an existing Ceph setup as variables of the role ceph_openstack."""

from __future__ import annotations

import typing as t

import yaml

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph.adopt import adopted, adopted_each


def ceph_adopt(
    clusters: t.Mapping[str, t.Any] | t.Sequence[t.Mapping[str, t.Any]], hosts: t.Mapping[str, t.Mapping[str, t.Any]]
) -> dict[str, t.Any]:
    found = adopted(clusters, hosts) if isinstance(clusters, t.Mapping) else adopted_each(clusters, hosts)
    same: dict[str, list[str]] = {}
    for host, variables in found["hosts"].items():
        same.setdefault(_text(variables), []).append(host)
    text = ["# for all hosts", *_text(found["common"]).splitlines()] if found["common"] else []
    for variables_text, names in same.items():
        text += ["", f"# for {', '.join(names)}", *variables_text.splitlines()]
    text += ["", *[f"# CONTRADICTION {one}" for one in found["contradictions"]]] if found["contradictions"] else []
    return {**found, "text": text}


def _text(variables: t.Mapping[str, t.Any]) -> str:
    # Plain types only: values from hosts come wrapped.
    return yaml.safe_dump(_plain(variables), sort_keys=False, width=140) if variables else "# nothing of Ceph"


def _plain(value: t.Any) -> t.Any:
    if isinstance(value, t.Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if isinstance(value, (bool, int, float)) or value is None else str(value)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ceph_adopt": ceph_adopt}
