# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services of kolla-ansible: a container each, started by a unit, with a folder of configuration that it copies as it starts.

As of kolla-ansible: ansible/roles/*/templates/*.json.j2 (config.json), */defaults/main.yml (names of containers, volumes),
ansible/module_utils/kolla_systemd_worker.py (units); and of kolla: kolla/common/users.py (numbers of accounts).
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

from .disk import Disk
from .model import Service

#: node_config_directory and container_config_directory.
NODE = "/etc/kolla"
INSIDE = "/var/lib/kolla/config_files"
UNIT = "kolla-{}-container"
#: By a link to the volume kolla_logs (roles/common/tasks/bootstrap.yml, since 2025.2 roles/logs/tasks/main.yml).
LOGS = ("/var/log/kolla/*/*.log",)
_EXEC_START = re.compile(r"^ExecStart=/usr/bin/(docker|podman) start -a (\S+)$", re.MULTILINE)
#: container_engine_volumes_path, by engine.
VOLUMES = {"docker": "/var/lib/docker/volumes", "podman": "/var/lib/containers/storage/volumes"}


@dataclass(frozen=True)
class Contained:
    """A service as kolla has it: folder of its configuration, container, where its main file lies inside, account with its number."""

    folder: str
    container: str
    main: str
    user: str
    number: int


CONTAINED: t.Mapping[str, Contained] = {
    "nova-compute": Contained("nova-compute", "nova_compute", "/etc/nova/nova.conf", "nova", 42436),
    "nova-conductor": Contained("nova-conductor", "nova_conductor", "/etc/nova/nova.conf", "nova", 42436),
    "nova-scheduler": Contained("nova-scheduler", "nova_scheduler", "/etc/nova/nova.conf", "nova", 42436),
    "nova-api": Contained("nova-api", "nova_api", "/etc/nova/nova.conf", "nova", 42436),
    "neutron-server": Contained("neutron-server", "neutron_server", "/etc/neutron/neutron.conf", "neutron", 42435),
    "neutron-rpc-server": Contained(
        "neutron-rpc-server", "neutron_rpc_server", "/etc/neutron/neutron.conf", "neutron", 42435
    ),
    "glance-api": Contained("glance-api", "glance_api", "/etc/glance/glance-api.conf", "glance", 42415),
    "cinder-volume": Contained("cinder-volume", "cinder_volume", "/etc/cinder/cinder.conf", "cinder", 42407),
    "cinder-backup": Contained("cinder-backup", "cinder_backup", "/etc/cinder/cinder.conf", "cinder", 42407),
    "libvirt": Contained("nova-libvirt", "nova_libvirt", "/etc/libvirt/libvirtd.conf", "root", 0),
    "mariadb": Contained("mariadb", "mariadb", "my.cnf", "mysql", 42434),
    "rabbitmq": Contained("rabbitmq", "rabbitmq", "/etc/rabbitmq/rabbitmq.conf", "rabbitmq", 42439),
    "ovs": Contained("openvswitch-vswitchd", "openvswitch_vswitchd", "", "root", 0),
}


def evidence(disk: Disk) -> list[str]:
    """What of kolla-ansible is on this host. Its deploy host has /etc/kolla, too, but no config.json in it."""
    return disk.names(f"{NODE}/*/config.json") or disk.names("/etc/systemd/system/kolla-*-container.service")


def services(disk: Disk) -> tuple[dict[str, Service], t.Optional[str], dict[str, str]]:
    """The services by name, the container engine, and by service what isn't known of it."""
    engine = _engine(disk)
    found, unknown = {}, {}
    for name, one in CONTAINED.items():
        unit: t.Optional[str] = disk.unit(UNIT.format(one.container))
        listed = disk.text(f"{NODE}/{one.folder}/config.json")
        if not unit and not listed:
            continue
        rows = _rows(listed)
        conf, write, problem = _conf(one, rows)
        if not unit:
            problem = problem or (
                f"{NODE}/{one.folder} is there, but no unit {UNIT.format(one.container)}: kolla-ansible has taken the service from this host, "
                "or is older than 2023.1."
            )
        if problem:
            unknown[name] = problem
        found[name] = Service(
            name,
            conf=conf,
            write=write,
            files=_here(one, rows or []),
            unit=unit,
            container=one.container,
            restart=("systemctl", "restart", unit) if unit else None,
            exec=(engine, "exec", "-i", one.container) if engine else None,
            user=one.user,
            uid=one.number,
            gid=one.number,
        )
    return found, engine, unknown


def _engine(disk: Disk) -> t.Optional[str]:
    """The engine that the units start containers with; without units, the one that has volumes of kolla's."""
    units = [disk.text(path) for path in disk.names("/etc/systemd/system/kolla-*-container.service")]
    named = {match.group(1) for text in units for match in [_EXEC_START.search(text)] if match}
    if not units:
        named = {engine for engine, path in VOLUMES.items() if disk.is_folder(f"{path}/kolla_logs")}
    return named.pop() if len(named) == 1 else None


def _rows(listed: str) -> t.Optional[list[tuple[str, str]]]:
    """Source and destination of what a config.json has copied, both inside the container; None for a text that isn't one."""
    try:
        return [(str(row["source"]), str(row["dest"])) for row in json.loads(listed)["config_files"]]
    except (ValueError, LookupError, TypeError):
        return None


def _here(one: Contained, rows: list[tuple[str, str]]) -> dict[str, str]:
    """By the path inside the container, the file or folder of this host that it is copied from at each start."""
    start = INSIDE + "/"
    return {dest: f"{NODE}/{one.folder}/{source[len(start) :]}" for source, dest in rows if source.startswith(start)}


def _conf(
    one: Contained, rows: t.Optional[list[tuple[str, str]]]
) -> tuple[t.Optional[tuple[str, ...]], t.Optional[str], str]:
    """The files on this host that the container makes its configuration of, the main one of them, and a problem."""
    path = f"{NODE}/{one.folder}/config.json"
    if not one.main:
        return (), None, ""
    if rows is None:
        return (
            None,
            None,
            f"{path} isn't there, or isn't what kolla's images read; kolla-ansible may keep it in another folder.",
        )
    suffix = one.main.rpartition(".")[2]
    own: list[str] = []
    write = None
    for dest, here in _here(one, rows).items():
        if not dest.endswith("." + suffix):
            continue
        is_main = dest == one.main or (one.main == "my.cnf" and dest.endswith("/my.cnf"))
        if is_main:
            write = here
            own.insert(0, here)
        elif one.main.startswith("/") and dest.startswith(one.main.rpartition("/")[0] + "/"):
            own.append(here)
    if not write:
        return None, None, f"{path} names no source of {one.main}."
    return tuple(own), write, ""


def volume(disk: Disk, engine: t.Optional[str], path: str) -> t.Optional[str]:
    """Where /var/lib/nova of nova_compute lies by kolla's defaults, for when its engine doesn't answer; None where that isn't there."""
    for name, folder in VOLUMES.items():
        place = f"{folder}/nova_compute/_data"
        if engine in (None, name) and path.startswith("/var/lib/nova/") and disk.is_folder(place):
            return place + path[len("/var/lib/nova") :]
    return None
