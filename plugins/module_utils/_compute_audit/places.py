# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an audit looks on this host: what it was told, and of the rest what the host's deployer has made. Pure."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from .._common import OperatorError
from .._deployment.model import Deployment, Mount, outside

if t.TYPE_CHECKING:
    from .facts import Commands

SYSTEM = "qemu:///system"
#: Deployers that put no libvirt into a container or a snap.
_ON_HOST = ("packages", "openstack-ansible", "charm", "edpm")
Paths = t.Sequence[str]


@dataclass(frozen=True)
class Places:
    """conf, cinder_conf: files and folders that nova-compute and cinder-volume read, in their order. None where they aren't known.

    instances: where the instances are on this host; empty for what nova.conf says, None where it isn't known. inside: the same path in
    nova-compute's container; empty without one. unknown: the reason, by nova_conf, cinder and instances. commands: None where the host wasn't asked.
    """

    uri: str = SYSTEM
    conf: t.Optional[Paths] = None
    cinder_conf: t.Optional[Paths] = None
    instances: t.Optional[str] = ""
    inside: str = ""
    unknown: t.Mapping[str, str] = field(default_factory=dict)
    commands: t.Optional[Commands] = None

    def here(self, path: t.Optional[str]) -> t.Optional[str]:
        """Where a path of an instance's disk, as libvirt tells it, is on this host. One that isn't in the container's instances path stays."""
        if not (path and self.instances and self.inside):
            return path
        return outside([Mount(self.instances, self.inside)], path) or path


def places(told: Places, made: t.Callable[[], Deployment], *, cinder: bool) -> tuple[Places, t.Optional[Deployment]]:
    """What told leaves out (no conf, an empty uri) as the host's deployer has it, and the host where it was asked.

    cinder: whether cinder_conf is wanted. made() tells of the host, and isn't called for nothing; that it raises OperatorError is a reason in unknown.
    """
    wanted = {
        "nova_conf": ("nova-compute", told.conf),
        **({"cinder": ("cinder-volume", told.cinder_conf)} if cinder else {}),
    }
    missing = {part: name for part, (name, conf) in wanted.items() if not conf}
    if not missing:
        return replace(told, uri=told.uri or SYSTEM), None
    try:
        host = made()
    except OperatorError as exc:
        return replace(told, uri=told.uri or SYSTEM, unknown=dict.fromkeys(missing, str(exc))), None
    unknown: dict[str, str] = {}
    found = {part: _conf(host, name, part, unknown) for part, name in missing.items()}
    instances, inside = told.instances, ""
    compute = host.services.get("nova-compute")
    if compute and compute.container and not instances and not told.conf:
        instances, inside = host.instances, host.inside or ""
        if not instances:
            unknown["instances"] = (
                host.unknown.get("instances") or "It isn't known where on this host nova-compute's container has them."
            )
    conf, cinder_conf = found.get("nova_conf", told.conf), found.get("cinder", told.cinder_conf)
    uri = told.uri or host.libvirt_uri or SYSTEM
    return Places(uri, conf, cinder_conf, instances, inside, unknown, _commands(host)), host


def _commands(host: Deployment) -> Commands:
    compute, libvirt = host.services.get("nova-compute"), host.services.get("libvirt")
    unit = compute.unit if compute else None
    # A host that the inventory describes may have a libvirt that isn't told.
    here = libvirt.exec == () if libvirt else host.deployer in _ON_HOST
    virsh: t.Optional[list[str]] = [] if here else None
    if libvirt and libvirt.container and host.engine:
        virsh = [host.engine, libvirt.container]
    return {"unit": unit or ("nova-compute" if host.deployer == "packages" else None), "virsh": virsh}


def _conf(host: Deployment, name: str, part: str, unknown: dict[str, str]) -> t.Optional[Paths]:
    try:
        conf = host.service(name).conf
    except OperatorError as exc:
        unknown[part] = str(exc)
        return None
    if conf is None:
        unknown[part] = (
            host.unknown.get(name)
            or f"It isn't known which files of this host {name} reads; they belong to {host.owner}."
        )
    return conf
