# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders, volumes and images that no instance uses. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import size_text

from .context import Context
from .kinds import Kind
from .model import LOCAL, Pool
from .remedies import irreversible

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.facts import Facts


def folders(context: Context, host: str, found: Facts) -> None:
    place = found["instances"]
    used = _in_use(found)
    # Where libvirt doesn't answer, nobody knows that a folder isn't a guest's.
    if not place or used is None:
        return
    for entry in place["entries"]:
        uuid = entry["instance"]
        path = f"{place['path']}/{entry['name']}"
        if (
            entry["kind"] != "instance"
            or not uuid
            or not context.still(uuid)
            # By its name alone: in a container, libvirt sees the same folder at another path.
            or any(f"/{entry['name']}/" in disk for disk in used[1])
        ):
            continue
        lives = context.host_of(uuid)
        if not entry["suffix"] and (uuid in used[0] or lives == host):
            continue
        # Where other hosts may see the folder too, it is the instance's own. Which kind of file system they do, nobody knows wholly.
        if lives and lives != host and (place["shared"] or place["kind"] not in LOCAL):
            continue
        whose = f"an instance that Nova has on {lives}" if lives else "no instance that Nova has on a host"
        if lives == host:
            whose = "a resize or a deletion that is over"
        context.add(
            Kind.LEFTOVER_DIRECTORY,
            host=host,
            subject=entry["name"],
            explanation=f"{path} ({size_text(entry['size'])}) is of {whose}.",
            remedy=irreversible(host, "rm -r --one-file-system -- {path}", path=path),
        )


def volumes(context: Context, host: str, found: Facts) -> None:
    lvm = found["lvm"]
    used = _in_use(found)
    if not lvm or used is None:
        return
    for volume in lvm["volumes"]:
        uuid = volume["instance"]
        if volume["maker"] != "nova" or not uuid or not context.still(uuid):
            continue
        if context.host_of(uuid) == host or uuid in used[0]:
            continue
        full = f"{volume['group']}/{volume['name']}"
        lives = context.host_of(uuid)
        whose = f"an instance that Nova has on {lives}" if lives else "no instance that Nova has on a host"
        context.add(
            Kind.LEFTOVER_VOLUME,
            host=host,
            subject=full,
            explanation=f"The logical volume {full} ({size_text(volume['size'])}) is of {whose}.",
            remedy=irreversible(
                host,
                "lvremove --yes {name_group}/{name_volume}",
                name_group=volume["group"],
                name_volume=volume["name"],
            ),
        )


def images(context: Context, pool: Pool) -> None:
    everybody = {*context.by_id, *(str(one["id"]) for one in context.cloud["everybody"])}
    for image in pool["images"]:
        if image["instance"] in everybody or not context.still(image["instance"]):
            continue
        full = f"{pool['pool']}/{image['name']}"
        context.add(
            Kind.LEFTOVER_IMAGE,
            host=pool["host"],
            subject=full,
            explanation=f"The RBD image {full} (seen from {pool['host']}, cluster {pool['fsid']}) is called as Nova calls the disks of its instances, and "
            f"this cloud has no instance {image['instance']}. If no other Nova uses this pool, it is left over.",
            remedy=irreversible(
                "ceph", "rbd rm {name_pool}/{name_image}", name_pool=pool["pool"], name_image=image["name"]
            ),
        )


def _in_use(found: Facts) -> tuple[set[str], list[str]] | None:
    """Instances that have a domain here, and the disks of all domains; None where that isn't known."""
    if not found["libvirt"]:
        return None
    domains = found["libvirt"]["domains"]
    return {one["uuid"] for one in domains}, [
        str(disk["source"]) for one in domains for disk in one["disks"] if disk["source"]
    ]
