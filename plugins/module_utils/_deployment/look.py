# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which deployer made this host, and what it has. Reads only."""

from __future__ import annotations

import importlib.util
import re
import typing as t
from dataclasses import replace

from .._common import OperatorError, Run
from .._oslo_conf.precedence import ConfigFiles, effective
from . import kolla
from .containers import mounts
from .disk import Disk
from .makers import EDPM, HELM, MAKERS, SNAP, SNAP_VOLUME
from .model import Deployment, Service, outside
from .packaged import SOCKET, VENVS, on_host

_CHARMS = (
    "nova-compute",
    "nova-cloud-controller",
    "neutron-api",
    "glance",
    "cinder",
    "mysql-innodb-cluster",
    "rabbitmq-server",
    "ovn-chassis",
)

#: What is looked for, in words, for the error.
LOOKED_FOR = {
    "kolla-ansible": f"{kolla.NODE}/*/config.json or units kolla-*-container",
    "openstack-ansible": f"a link of /etc/nova, /etc/cinder, ... into {VENVS}, or DISTRIB_ID OSA in /etc/openstack-release",
    "charm": "/var/lib/juju/agents/unit-nova-compute-* and those of other charms",
    "snap": f"{SNAP} or {SNAP_VOLUME}",
    "edpm": f"{EDPM} with unit edpm_nova_compute",
    "helm": f"{HELM}",
    "packages": "units or configuration of Nova, Glance, Cinder, libvirt, MariaDB, RabbitMQ or Open vSwitch",
}


def _osa(disk: Disk) -> list[str]:
    links = [
        path
        for path in ("/etc/nova", "/etc/glance", "/etc/cinder", "/etc/neutron")
        if disk.link(path).startswith(VENVS)
    ]
    release = "/etc/openstack-release"
    return links or ([release] if 'DISTRIB_ID="OSA"' in disk.text(release) else [])


def _charm(disk: Disk) -> list[str]:
    return [path for name in _CHARMS for path in disk.names(f"/var/lib/juju/agents/unit-{name}-[0-9]*")]


def _snap(disk: Disk) -> list[str]:
    return [path for path in (SNAP, SNAP_VOLUME) if disk.is_folder(path)]


def _edpm(disk: Disk) -> list[str]:
    return [EDPM] if disk.is_folder(EDPM) and disk.unit("edpm_nova_compute") else []


def _helm(disk: Disk) -> list[str]:
    return [HELM] if disk.is_folder(HELM) else []


_EVIDENCE: t.Mapping[str, t.Callable[[Disk], list[str]]] = {
    "kolla-ansible": kolla.evidence,
    "openstack-ansible": _osa,
    "charm": _charm,
    "snap": _snap,
    "edpm": _edpm,
    "helm": _helm,
}


class NotRecognised(OperatorError):
    """Nothing on a host tells which deployer made it."""


def which(disk: Disk) -> tuple[str, tuple[str, ...]]:
    """The deployer of this host and what tells it. Raises NotRecognised where none is found, OperatorError where several are."""
    found = {name: evidence(disk) for name, evidence in _EVIDENCE.items()}
    found = {name: paths for name, paths in found.items() if paths}
    if len(found) > 1:
        both = "; ".join(f"{name}: {', '.join(paths[:3])}" for name, paths in found.items())
        raise OperatorError(
            f"This host looks as if several deployers had made it ({both}), so it isn't known who reads which file. Remove what one of them "
            "has left behind, or name files and services yourself."
        )
    for name, paths in found.items():
        return name, tuple(paths)
    services = on_host(disk)
    if services:
        told = [one.unit or (one.conf or ("",))[0] for one in services.values() if one.unit or one.conf]
        return "packages", tuple(sorted(told))
    wanted = "; ".join(f"{name}: {what}" for name, what in LOOKED_FOR.items())
    raise NotRecognised(
        f"Nothing on this host tells which deployer made it. Looked for {wanted}. Run this on a host of the cloud, as root, or name files and "
        "services yourself."
    )


def look(run: Run, disk: t.Optional[Disk] = None) -> Deployment:
    """All that is known of this host. Raises OperatorError as which() does."""
    disk = disk or Disk()
    deployer, evidence = which(disk)
    made = MAKERS[deployer](disk, evidence)
    sockets = tuple(path for path in (SOCKET, *made.ovsdb) if disk.exists(path))
    return _with_instances(replace(made, ovsdb=sockets, libvirt_binding=_binding(made)), run, disk)


def _binding(made: Deployment) -> t.Optional[str]:
    """Where libvirt's Python binding is: for the host's Python that runs this, or beside nova-compute in its container."""
    if not made.libvirt_uri:
        return None
    if importlib.util.find_spec("libvirt"):
        return "host"
    compute = made.services.get("nova-compute")
    return "container" if compute and compute.exec and compute.container else None


def _with_instances(made: Deployment, run: Run, disk: Disk) -> Deployment:
    """The same with the instances path, inside and outside, where there is a nova-compute."""
    compute = made.services.get("nova-compute")
    if not compute:
        return made
    if compute.conf is None:
        return made.with_unknown("instances", "nova-compute's configuration isn't on this host.")
    inside, why = _inside(disk, compute)
    if not inside:
        return made.with_unknown("instances", why)
    if not compute.container:
        return replace(made, inside=inside, instances=inside)
    place, why = _place(made, compute, inside, run, disk)
    made = replace(made, inside=inside, instances=place)
    return made if place else made.with_unknown("instances", why)


def _inside(disk: Disk, compute: Service) -> tuple[str, str]:
    """The instances path as nova-compute has it; empty, with the reason, where that can't be told."""
    own: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in compute.conf or ():
        if disk.is_folder(path):
            folders.update((name, disk.text(name)) for name in disk.names(f"{path}/*.conf"))
        elif disk.is_file(path):
            own[path] = disk.text(path)
    if not own and not folders:
        return "", f"None of {', '.join(compute.conf or ())} is there."
    found = effective(ConfigFiles(own, folders), disk.start_of("nova-compute"))
    if any(found.is_undecided("DEFAULT", option) for option in ("instances_path", "state_path")):
        return "", "Files of nova-compute's configuration differ in it, and nova-compute doesn't run."
    state = found.value("DEFAULT", "state_path") or "/var/lib/nova"
    path = found.value("DEFAULT", "instances_path") or "$state_path/instances"
    path = re.sub(r"\$\{?state_path\}?", lambda _match: state, path)
    return (path, "") if path.startswith("/") and "$" not in path else ("", f"instances_path is {path[:60]!r}.")


def _place(made: Deployment, compute: Service, inside: str, run: Run, disk: Disk) -> tuple[t.Optional[str], str]:
    """Where that is on this host; None, with the reason, where it can't be told."""
    if made.engine is None:
        return None, "It isn't known which engine runs the containers."
    try:
        place = outside(mounts(run, made.engine, str(compute.container)), inside)
    except OperatorError as exc:
        place = kolla.volume(disk, made.engine, inside) if made.deployer == "kolla-ansible" else None
        return place, f"{exc} Start {compute.container}."
    return (
        place,
        f"{inside} lies in the layer of the container {compute.container}, which is lost when it is made anew.",
    )
