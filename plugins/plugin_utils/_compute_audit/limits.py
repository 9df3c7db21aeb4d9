# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets and bandwidth limits that should be on a host. Pure."""

from __future__ import annotations

import typing as t
from collections import Counter

from .context import Context
from .kinds import Kind
from .model import Record
from .remedies import playbook

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import Facts


def secrets(context: Context, host: str, found: Facts) -> None:
    libvirt = found["libvirt"]
    if not libvirt or libvirt["secrets"] is None:
        return
    there = {one["uuid"] for one in libvirt["secrets"]}
    wanted = Counter(str(disk["secret"]) for one in libvirt["domains"] for disk in one["disks"] if disk["secret"])
    named = {uuid: f"{guests} disks of guests on {host} name" for uuid, guests in wanted.items()}
    for where, told in sorted(context.cinder.items()):
        for backend, options in sorted(told["backends"].items()):
            # Without one, Cinder hands out the cluster's fsid, which the computes needn't know.
            uuid = options["rbd_secret_uuid"].lower()
            named.setdefault(uuid, f"cinder.conf of {where} (backend {backend}) has guests on {host} name")
    from_conf = (found["nova_conf"] or {}).get("rbd_secret_uuid")
    named.setdefault(str(from_conf or "").lower(), f"nova.conf of {host} names")
    for uuid, who in sorted(named.items()):
        if not uuid or uuid in there:
            continue
        context.add(
            Kind.SECRET_MISSING,
            host=host,
            subject=uuid,
            explanation=f"{who} the libvirt secret {uuid}, which isn't there: no guest with such a disk can be started.",
            remedy=playbook("connect_ceph", context.name(host), "-e ceph_openstack_secret_uuid={uuid}", uuid=uuid),
        )


def lost_limits(context: Context, host: str, found: Facts) -> None:
    for port in found["limits"] or []:
        taps = [name for name in port["devices"] if name.startswith(("tap", "qvo", "qvb"))]
        limited = port["egress"] or port["ingress"]
        if port["saved"] and not limited and taps and not port["owner"]:
            context.add(
                Kind.LIMIT_LOST,
                host=host,
                subject=port["port_id"],
                explanation=f"The port {port['port_id']} should be limited on {host}, and the kernel there limits nothing.",
                remedy=playbook("limit_instances", context.name(host), "-e @rules.yml"),
            )


def differing_limits(context: Context, host: str, rows: list[Record] | str) -> None:
    if isinstance(rows, str):
        context.add(
            Kind.UNKNOWN,
            host=host,
            subject="rules",
            explanation=f"What the rules want on {host} is not known, so its limits aren't compared with them. {rows}",
            remedy=playbook("show_limits", context.name(host), "-e @rules.yml"),
        )
        return
    by_port: dict[str, list[Record]] = {}
    for row in rows:
        if row["wrong"]:
            by_port.setdefault(str(row["port"]), []).append(row)
    for port, wrong in sorted(by_port.items()):
        run = "limit_instances" if any(row["wrong"] == "run" for row in wrong) else "show_limits"
        context.add(
            Kind.LIMIT_DIFFERS,
            host=host,
            subject=port,
            explanation=f"On {host}, the port {port} isn't limited as the rules want it: "
            + "; ".join(f"its {row['direction']} {row['differs']}" for row in wrong)
            + ".",
            remedy=playbook(run, context.name(host), "-e @rules.yml"),
        )
