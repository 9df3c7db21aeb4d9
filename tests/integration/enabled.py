# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes enabled again, for those that boot something next."""

from __future__ import annotations

import typing as t

from openstack.connection import Connection

from tests.waiting import until


def enable(cloud: Connection, services: t.Iterable[t.Any]) -> None:
    """Enable these, and wait until Placement offers them all.

    nova-compute takes Placement's COMPUTE_STATUS_DISABLED away at once; but where it was writing there just then, with its next update.
    """
    hosts = {str(one.host) for one in services}
    api: t.Any = cloud.compute
    for one in services:
        api.enable_service(one)
    rows = api.get("/os-hypervisors/detail", microversion="2.53").json()["hypervisors"]
    waiting = {str(one["id"]) for one in rows if one["service"]["host"] in hosts}

    def offered() -> bool:
        waiting.intersection_update([node for node in waiting if _is_disabled(cloud, node)])
        return not waiting

    until(f"Placement offers {sorted(hosts)}", offered, seen=lambda: f"disabled: {sorted(waiting)}", every=0.5)


def _is_disabled(cloud: Connection, node: str) -> bool:
    answer = t.cast(t.Any, cloud.placement).get(f"/resource_providers/{node}/traits", microversion="1.28")
    return answer.status_code == 200 and "COMPUTE_STATUS_DISABLED" in answer.json()["traits"]
