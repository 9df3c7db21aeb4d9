# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What compute_audit_info tells of a host, in the types that the host's side writes and the audit reads. Sizes are in bytes.

For type checkers alone: on hosts, Python may be older than TypedDict.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from typing import TypedDict  # novm

    class NovaConf(TypedDict, total=False):
        """The options in effect; one that nobody set is missing, one of which it isn't known which file counts is None."""

        files: list[str]
        host: t.Optional[str]
        state_path: t.Optional[str]
        instances_path: t.Optional[str]
        reserved_host_disk_mb: t.Optional[int]
        reserved_host_memory_mb: t.Optional[int]
        reserved_host_cpus: t.Optional[int]
        images_type: t.Optional[str]
        images_volume_group: t.Optional[str]
        images_rbd_pool: t.Optional[str]
        images_rbd_ceph_conf: t.Optional[str]
        rbd_user: t.Optional[str]
        rbd_secret_uuid: t.Optional[str]

    class Memory(TypedDict):
        total: int
        available: int

    class Entry(TypedDict):
        """A file or folder in the instances path. kind: instance, nova or other. suffix: what follows the instance's id in its name."""

        name: str
        kind: str
        instance: t.Optional[str]
        suffix: str
        size: int
        folder: bool

    class Instances(TypedDict):
        """The instances path and its file system. shared: whether several hosts see it. free: for others than root."""

        path: str
        mount: str
        kind: str
        shared: bool
        total: int
        used: int
        free: int
        entries: list[Entry]

    class Group(TypedDict):
        name: str
        size: int
        free: int
        extent: int

    class Volume(TypedDict):
        """maker: nova, cinder, instances (it holds the instances path), system or foreign; why tells how that is known."""

        group: str
        name: str
        size: int
        maker: str
        why: str
        instance: t.Optional[str]
        pool: t.Optional[str]
        tags: list[str]

    class Lvm(TypedDict):
        groups: list[Group]
        volumes: list[Volume]

    class Disk(TypedDict):
        """A disk of a domain. virtual: what its guest sees. actual: what it takes on this host. Both None where that isn't known."""

        target: str
        kind: str
        protocol: t.Optional[str]
        source: t.Optional[str]
        secret: t.Optional[str]
        virtual: t.Optional[int]
        actual: t.Optional[int]

    class Domain(TypedDict):
        uuid: str
        name: str
        state: str
        made_by_nova: bool
        vcpus: int
        memory: int
        disks: list[Disk]
        taps: list[str]

    class Secret(TypedDict):
        uuid: str
        kind: str
        usage: str

    class Libvirt(TypedDict):
        """secrets: None where libvirt doesn't list them."""

        hostname: str
        cpus: int
        memory: int
        domains: list[Domain]
        secrets: t.Optional[list[Secret]]

    class PoolUse(TypedDict):
        """Nova's pool of Ceph, without the copies."""

        fsid: str
        pool: str
        stored: int
        free: int

    class Image(TypedDict):
        name: str
        instance: str

    class PoolImages(TypedDict):
        fsid: str
        pool: str
        images: list[Image]

    class CinderConf(TypedDict):
        """backends: by name, of those that use RBD, their options."""

        files: list[str]
        backends: t.Any

    class Commands(TypedDict):
        """How commands run on a host. unit: nova-compute's. virsh: the engine and the container that has it; empty on the host itself.

        None where it isn't known.
        """

        unit: t.Optional[str]
        virsh: t.Optional[list[str]]

    class Facts(TypedDict):
        """All of a host. What wasn't asked for, or couldn't be looked at, is None; unknown has the reason by the part's name."""

        host: str
        commands: t.Optional[Commands]
        nova_conf: t.Optional[NovaConf]
        cpus: int
        memory: t.Optional[Memory]
        instances: t.Optional[Instances]
        lvm: t.Optional[Lvm]
        libvirt: t.Optional[Libvirt]
        limits: t.Optional[list[dict[str, t.Any]]]
        rbd: t.Optional[PoolUse]
        rbd_images: t.Optional[PoolImages]
        cinder: t.Optional[CinderConf]
        unknown: dict[str, str]
