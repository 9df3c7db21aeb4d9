# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ceph_plan: what the variables of the role ceph_openstack mean for a host."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph import data_pools, places, services

_NO_FSID = "00000000-0000-0000-0000-000000000000"


def ceph_plan(settings: t.Mapping[str, t.Any], fsid: str = "", uuid: str = "") -> dict[str, t.Any]:
    names, retired = (
        {services.short(old): services.short(new) for old, new in (settings.get(key) or {}).items()}
        for key in ("current", "retire")
    )
    try:
        known = services.known_names(settings)
        services.check_names(names, known)
        services.check_retired(retired, names, known)
        rotating = bool(settings.get("rotating"))
        at = places.places_of(settings.get("deployment"))
        rows = services.with_nova(settings.get("here") or [], settings.get("nova") or {}, settings.get("conf") or "")
        data = data_pools.data_pools(settings.get("pools") or [])
        makes = data_pools.default_data_pools(settings, rows, data)
        found: dict[str, t.Any] = {
            "clients": services.clients(settings.get("clients") or [], names, rotating=rotating),
            "retired": [
                {"name": gone, "state": "absent", "successor": services.current_name(old, names)}
                for old, gone in retired.items()
            ],
        }
        if fsid or at.made:  # what can't be is said before the cluster is asked
            uuids = fsid or _NO_FSID
            # While keys are rotated, ceph.conf doesn't know the successors yet.
            rows = data_pools.with_data(rows, data, {} if rotating else makes)
            here = services.here(rows, names, uuids, uuid, services.uuids_of(settings))
            conf = settings.get("conf") or "/etc/ceph/ceph.conf"
            of_host = {
                "here": at.keyrings(here, services.only_backups(settings, names), settings),
                "ceph_conf": data_pools.ceph_conf(makes, names),
                "conf_files": at.ceph_confs(conf, here, settings),
                "files": services.service_files(
                    {"conf": conf, **settings}, names, uuids, uuid, settings.get("alike") or {}, at
                ),
                "libvirt": {"uri": at.uri, "stored_in": at.stored_in},
                "confs": at.confs,
            }
            found.update(of_host if fsid else {})
    except (services.CephNamesError, OperatorError) as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from None
    return found


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ceph_plan": ceph_plan}
