# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the variables of the role ceph_openstack mean for a host: clients by their current names, and services' configuration. Pure.

A client is replaced by another one while both work, because Ceph knows one key for each: `names` says what a client is called now.
"""

from __future__ import annotations

import typing as t
import uuid as uuids

Row = dict[str, t.Any]


class CephNamesError(Exception):
    """A sentence for the operator."""


def short(name: str) -> str:
    """A client's name without `client.`, as configuration files have it."""
    return name[len("client.") :] if name.startswith("client.") else name


def current_name(name: str, names: t.Mapping[str, str]) -> str:
    return str(names.get(short(name), short(name)))


def secret_uuid(name: str, names: t.Mapping[str, str], fsid: str, default: str) -> str:
    """The UUID of a client's secret: the given one, the cluster's fsid as Cinder has it, or, of a successor, always the same."""
    now = current_name(name, names)
    if now == short(name):
        return default or fsid
    try:
        return str(uuids.uuid5(uuids.UUID(fsid), f"client.{now}"))
    except ValueError:
        raise CephNamesError(f"The cluster's fsid is {fsid!r}, which is not a UUID.") from None


def check_names(names: t.Mapping[str, str]) -> None:
    """Raise CephNamesError for names that would take somebody else's place."""
    for old, new in names.items():
        if short(new) in names and short(new) != short(old):
            raise CephNamesError(
                f"ceph_openstack_current: {old} is called {new}, and {new} something else again; name for each client what it is called now."
            )
    now = [short(new) for new in names.values()]
    twice = sorted({name for name in now if now.count(name) > 1})
    if twice:
        raise CephNamesError(
            f"ceph_openstack_current: two clients are called {twice[0]}; each needs a name of its own."
        )


def clients(rows: t.Iterable[Row], names: t.Mapping[str, str]) -> list[Row]:
    """Clients of the cluster, by their current names."""
    check_names(names)
    return [{**row, "name": current_name(row["name"], names)} for row in rows]


def here(rows: t.Iterable[Row], names: t.Mapping[str, str], fsid: str, default_uuid: str) -> list[Row]:
    """What a host holds of clients, by their current names: keyring and secret are other ones than those of the predecessor."""
    check_names(names)
    found = []
    for row in rows:
        old = short(row["client"])
        new = current_name(old, names)
        made = {**row, "client": new}
        if row.get("secret") and (new != old or not row.get("uuid")):
            made["uuid"] = secret_uuid(old, names, fsid, default_uuid)
        if new != old:
            if row.get("keyring"):
                made["keyring"] = _renamed(row["keyring"], old, new)
            if row.get("usage"):
                made["usage"] = f"{row['usage']} ({new})"
        found.append(made)
    return found


def with_nova(rows: t.Iterable[Row], nova: t.Mapping[str, t.Any]) -> list[Row]:
    """
    What a host holds of clients, with what instances' disks in Ceph want: a guest uses the secret, but nova-compute makes and counts the images,
    with a keyring where librados looks for one.
    """
    rows = list(rows)
    if not nova:
        return rows
    client = short(nova.get("client", "cinder"))
    if all(short(row["client"]) != client for row in rows):
        raise CephNamesError(
            f"ceph_openstack_nova has Nova use the client {client}, and ceph_openstack_here doesn't name it; add {{client: {client}, secret: true}} there."
        )
    keyring = {"keyring": f"/etc/ceph/ceph.client.{client}.keyring", "group": "nova"}
    return [
        {**({} if row.get("keyring") else keyring), **row, "secret": True} if short(row["client"]) == client else row
        for row in rows
    ]


def _renamed(path: str, old: str, new: str) -> str:
    folder, slash, file = path.rpartition("/")
    renamed = file.replace(f"client.{old}.", f"client.{new}.")
    if renamed == file:
        raise CephNamesError(
            f"The keyring {path} of client {old} doesn't name it, so that of {new} can't be put beside it; call it CLUSTER.client.{old}.keyring."
        )
    return folder + slash + renamed


def service_files(
    services: t.Mapping[str, t.Any], names: t.Mapping[str, str], fsid: str, default_uuid: str
) -> list[Row]:
    """The files of Glance, Cinder and Nova on a host, as service_conf takes them. services: what the role's variables say."""
    check_names(names)
    files = []
    if services.get("glance"):
        files.append(_glance(services["glance"], services["conf"], names))
    if services.get("cinder"):
        files.append(_cinder(services["cinder"], services["conf"], names, fsid, default_uuid))
    if services.get("nova"):
        files.append(_nova(services["nova"], services["conf"], names, fsid, default_uuid))
    return files


def _file(path: str, given: t.Mapping[str, t.Any], services: list[str], sections: Row) -> Row:
    for section, options in (given.get("options") or {}).items():
        sections[section] = {**sections.get(section, {}), **options}
    return {"path": given.get("path", path), "services": given.get("services", services), "sections": sections}


def _glance(given: t.Mapping[str, t.Any], conf: str, names: t.Mapping[str, str]) -> Row:
    store = given.get("store", "ceph")
    return _file(
        "/etc/glance/glance-api.conf",
        given,
        ["glance-api"],
        {
            "DEFAULT": {
                "enabled_backends": given.get("enabled_backends", f"{store}:rbd"),
                # Or Cinder and Nova copy images instead of cloning them.
                "show_image_direct_url": True,
            },
            "glance_store": {"default_backend": given.get("default_backend", store)},
            store: {
                "rbd_store_pool": given.get("pool", "images"),
                "rbd_store_user": current_name(given.get("client", "glance"), names),
                "rbd_store_ceph_conf": conf,
            },
        },
    )


def _cinder(given: t.Mapping[str, t.Any], conf: str, names: t.Mapping[str, str], fsid: str, default_uuid: str) -> Row:
    backends, backup = given.get("backends") or [], given.get("backup")
    if not backends and backup is None:
        raise CephNamesError("ceph_openstack_cinder has neither backends nor backup; give what Cinder keeps in Ceph.")
    sections: Row = {"DEFAULT": {}}
    services = []
    if backends:
        every = [backend["name"] for backend in backends]
        sections["DEFAULT"]["enabled_backends"] = given.get("enabled_backends", ",".join(every))
        services.append("cinder-volume")
    for backend in backends:
        client = backend.get("client", "cinder")
        kept = current_name(client, names) == short(client) and backend.get("uuid")
        sections[backend["name"]] = {
            "volume_driver": "cinder.volume.drivers.rbd.RBDDriver",
            "volume_backend_name": backend.get("volume_backend_name", backend["name"]),
            "rbd_pool": backend.get("pool", "volumes"),
            "rbd_user": current_name(client, names),
            "rbd_ceph_conf": conf,
            "rbd_secret_uuid": kept or secret_uuid(client, names, fsid, default_uuid),
            **(backend.get("options") or {}),
        }
    if backup is not None:
        sections["DEFAULT"].update(
            backup_driver="cinder.backup.drivers.ceph.CephBackupDriver",
            backup_ceph_conf=conf,
            backup_ceph_user=current_name(backup.get("client", "cinder-backup"), names),
            backup_ceph_pool=backup.get("pool", "backups"),
        )
        services.append("cinder-backup")
    return _file("/etc/cinder/cinder.conf", given, services, sections)


def _nova(given: t.Mapping[str, t.Any], conf: str, names: t.Mapping[str, str], fsid: str, default_uuid: str) -> Row:
    client = given.get("client", "cinder")
    kept = current_name(client, names) == short(client) and given.get("uuid")
    return _file(
        "/etc/nova/nova.conf",
        given,
        ["nova-compute"],
        {
            "libvirt": {
                "images_type": "rbd",
                "images_rbd_pool": given.get("pool", "vms"),
                "images_rbd_ceph_conf": conf,
                "rbd_user": current_name(client, names),
                "rbd_secret_uuid": kept or secret_uuid(client, names, fsid, default_uuid),
            }
        },
    )
