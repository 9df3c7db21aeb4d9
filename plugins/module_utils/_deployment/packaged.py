# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that run on the host itself, as distributions package them; and what the deployers that build on packages change."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from .disk import Disk
from .model import Service

VENVS = "/openstack/venvs/"
SOCKET = "/run/openvswitch/db.sock"


@dataclass(frozen=True)
class Packaged:
    """How a service lies on a host: names of its unit, its configuration in its order, the folder of the operator's files, its account."""

    units: tuple[str, ...]
    conf: tuple[str, ...]
    user: str
    folder: str = ""


def _oslo(project: str, service: str, conf: str = "") -> Packaged:
    """A service that reads its configuration by oslo.config."""
    folder = f"/etc/{project}"
    name = conf or project
    own = [f"{folder}/{name}.conf", *([f"{folder}/{service}.conf"] if service != name else [])]
    folders = [f"{folder}/{project}.conf.d", f"{folder}/{service}.conf.d"]
    units = (service, f"openstack-{service}")
    return Packaged(units, (*own, *dict.fromkeys(folders)), project, folders[0])


PACKAGED: t.Mapping[str, Packaged] = {
    "nova-compute": _oslo("nova", "nova-compute"),
    "nova-conductor": _oslo("nova", "nova-conductor"),
    "nova-scheduler": _oslo("nova", "nova-scheduler"),
    "nova-api": _oslo("nova", "nova-api"),
    "neutron-server": _oslo("neutron", "neutron-server"),
    "neutron-rpc-server": _oslo("neutron", "neutron-rpc-server"),
    "glance-api": _oslo("glance", "glance-api", "glance-api"),
    "cinder-volume": _oslo("cinder", "cinder-volume"),
    "cinder-backup": _oslo("cinder", "cinder-backup"),
    "libvirt": Packaged(
        ("libvirtd", "virtqemud"), ("/etc/libvirt/libvirtd.conf", "/etc/libvirt/virtqemud.conf"), "root"
    ),
    "mariadb": Packaged(
        ("mariadb", "mysql", "mysqld"),
        ("/etc/mysql/my.cnf", "/etc/my.cnf", "/etc/mysql/conf.d", "/etc/mysql/mariadb.conf.d", "/etc/my.cnf.d"),
        "mysql",
    ),
    "rabbitmq": Packaged(("rabbitmq-server",), ("/etc/rabbitmq/rabbitmq.conf",), "rabbitmq"),
    "ovs": Packaged(("openvswitch-switch", "openvswitch"), (), "root"),
}

#: Services whose configuration alone doesn't tell that they are on the host: many have it in common.
_OF_MANY = {"cinder-backup", "nova-conductor", "nova-scheduler", "nova-api", "neutron-server", "neutron-rpc-server"}


def on_host(disk: Disk, *, without: t.Container[str] = ()) -> dict[str, Service]:
    """The services of this host that run on it directly, by name."""
    found = {}
    for name, packaged in PACKAGED.items():
        unit = disk.unit(*packaged.units)
        conf = tuple(path for path in packaged.conf if disk.exists(path))
        if name in without or not (unit or (name not in _OF_MANY and any(disk.is_file(path) for path in conf))):
            continue
        service = Service(
            name,
            conf=conf,
            write=next((path for path in conf if disk.is_file(path)), None),
            folder=packaged.folder or None,
            unit=unit,
            restart=restart(disk, unit),
            exec=(),
            user=packaged.user,
        )
        found[name] = with_account(disk, service)
    return found


def with_account(disk: Disk, service: Service) -> Service:
    """The service with the numbers that this host has for its account."""
    account = disk.account(service.user) if service.user else None
    return replace(service, uid=account[0], gid=account[1]) if account else service


def restart(disk: Disk, unit: t.Optional[str]) -> t.Optional[tuple[str, ...]]:
    """The command that restarts a unit of systemd, or an init script."""
    if not unit:
        return None
    by_systemd = disk.exists("/run/systemd/system") or not disk.exists(f"/etc/init.d/{unit}")
    return ("systemctl", "restart", unit) if by_systemd else ("service", unit, "restart")


def in_venvs(disk: Disk, services: t.Mapping[str, Service]) -> dict[str, Service]:
    """The services of openstack-ansible, with the path of their programs, which lie in a virtual environment of each project."""
    found = dict(services)
    for name, service in services.items():
        where = disk.link(f"/etc/{service.user}")
        venv = where if where.startswith(VENVS) else _venv_of(disk.unit_text(service.unit or ""))
        if venv:
            programs = "/".join(venv.split("/")[:4]) + "/bin"
            beside = ("env", f"PATH={programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            found[name] = replace(service, exec=beside)
    return found


def _venv_of(unit: str) -> str:
    for line in unit.splitlines():
        key, _equals, command = line.partition("=")
        if key.strip() == "ExecStart" and command.strip().startswith(VENVS):
            return command.strip()
    return ""
