# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Turn the variables of the role ceph_openstack into a host's clients, by their current names, and services' configuration. Pure.

Ceph has one key per client, so a key is rotated by replacing the client while both work: `names` has the current name of each client.
"""

from __future__ import annotations

import difflib
import typing as t
import uuid as uuids
from dataclasses import dataclass

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.keyrings import default_keyring

from .places import Places

Row = dict[str, t.Any]

_CINDER = "/etc/cinder/cinder.conf"


class CephNamesError(Exception):
    """An error for the operator."""


def short(name: str) -> str:
    """A client's name without `client.`, as in configuration files."""
    return name[len("client.") :] if name.startswith("client.") else name


def current_name(name: str, names: t.Mapping[str, str]) -> str:
    return str(names.get(short(name), short(name)))


def secret_uuid(name: str, names: t.Mapping[str, str], fsid: str, default: str) -> str:
    """The UUID of a client's secret: the given one, or the cluster's fsid as in Cinder; for a successor, a UUID derived from these.

    A client may have several secrets (kolla-ansible creates one for Cinder and one for Nova), and so may its successor. Raises CephNamesError
    where the fsid is no UUID.
    """
    now, first = current_name(name, names), default or fsid
    if now == short(name):
        return first
    try:
        several = "" if first.lower() == fsid.lower() else f" {first.lower()}"
        return str(uuids.uuid5(uuids.UUID(fsid), f"client.{now}{several}"))
    except ValueError:
        raise CephNamesError(f"The cluster's fsid is {fsid!r}, which is not a UUID.") from None


def only_backups(settings: t.Mapping[str, t.Any], names: t.Mapping[str, str]) -> set[str]:
    """The clients, by their current names, that cinder-backup alone uses."""
    cinder = settings.get("cinder") or {}
    mine = {short(row.get("client", "cinder")) for row in cinder.get("backends") or []}
    backup = {short((cinder.get("backup") or {}).get("client", "cinder-backup"))} - mine
    return {current_name(name, names) for name in backup}


def known_names(settings: t.Mapping[str, t.Any]) -> set[str]:
    """All clients in the role's variables, by the names used there."""
    found = {short(row["name"]) for row in settings.get("clients") or []}
    found |= {short(row["client"]) for row in settings.get("here") or []}
    for name, default in (("glance", "glance"), ("nova", "cinder")):
        if settings.get(name):
            found.add(short(settings[name].get("client", default)))
    cinder = settings.get("cinder") or {}
    found |= {short(row.get("client", "cinder")) for row in cinder.get("backends") or []}
    if cinder.get("backup") is not None:
        found.add(short(cinder["backup"].get("client", "cinder-backup")))
    return found


def check_names(names: t.Mapping[str, str], known: t.Collection[str] = ()) -> None:
    """Raise CephNamesError for names that another client already has. known, if given, are all clients in the role's variables."""
    _check_known("ceph_openstack_current", names, known)
    for old, new in names.items():
        if short(new) != short(old) and (short(new) in names or short(new) in known):
            what = "renamed as well" if short(new) in names else "another client in your variables"
            raise CephNamesError(
                f"ceph_openstack_current: {old} is renamed to {new}, but {new} is {what}; give the current name of each client."
            )
    now = [short(new) for new in names.values()]
    twice = sorted({name for name in now if now.count(name) > 1})
    if twice:
        raise CephNamesError(f"ceph_openstack_current: two clients are renamed to {twice[0]}; each needs its own name.")


def check_retired(retired: t.Mapping[str, str], names: t.Mapping[str, str], known: t.Collection[str]) -> None:
    """Raise CephNamesError for clients to retire that aren't predecessors of known clients."""
    _check_known("ceph_openstack_retire", retired, known)
    current = {current_name(name, names): name for name in known}
    for old, gone in retired.items():
        if short(gone) in current:
            raise CephNamesError(
                f"ceph_openstack_retire names {gone}, but that is the current name of {current[short(gone)]}. Give the name of {old}'s predecessor; if it "
                "has no successor yet, run rotate_ceph_keys first and keep ceph_openstack_current."
            )


def _check_known(variable: str, names: t.Mapping[str, str], known: t.Collection[str]) -> None:
    for old in names:
        if known and short(old) not in known:
            near = difflib.get_close_matches(short(old), sorted(known), 1, 0.6)
            raise CephNamesError(
                f"{variable} names {old}, which isn't a client in your variables; "
                + (f"did you mean {near[0]}?" if near else f"your clients are {', '.join(sorted(known))}.")
            )


def clients(rows: t.Iterable[Row], names: t.Mapping[str, str], *, rotating: bool = False) -> list[Row]:
    """The cluster's clients by their current names; while rotating, renamed ones are successors."""
    check_names(names)
    found = []
    for row in rows:
        now = current_name(row["name"], names)
        heir = {"successor_of": short(row["name"])} if rotating and now != short(row["name"]) else {}
        found.append({**row, "name": now, **heir})
    return found


def here(
    rows: t.Iterable[Row], names: t.Mapping[str, str], fsid: str, default_uuid: str, uuids_of: t.Mapping[str, str]
) -> list[Row]:
    """A host's clients by their current names; a successor has its own keyring and secret.

    Each row has the UUID of the client's secret, even if that is on other hosts; uuids_of has the UUIDs from the services' variables.
    """
    check_names(names)
    found = []
    for row in rows:
        old = short(row["client"])
        new = current_name(old, names)
        made = {**row, "client": new}
        made["uuid"] = secret_uuid(old, names, fsid, row.get("uuid") or uuids_of.get(old) or default_uuid)
        reader = row.get("user") or row.get("group") or row.get("owner")
        if row.get("keyring") and reader:
            made["user"] = reader
        if new != old:
            if row.get("keyring"):
                made["keyring"] = _renamed(row["keyring"], old, new)
            if row.get("usage"):
                made["usage"] = f"{row['usage']} ({new})"
        found.append(made)
    return found


def uuids_of(settings: t.Mapping[str, t.Any]) -> dict[str, str]:
    """The UUIDs of clients' secrets in the variables of Cinder and Nova."""
    nova = settings.get("nova") or {}
    rows = [*((settings.get("cinder") or {}).get("backends") or []), *([nova] if nova else [])]
    return {short(row.get("client", "cinder")): row["uuid"] for row in reversed(rows) if row.get("uuid")}


def with_nova(rows: t.Iterable[Row], nova: t.Mapping[str, t.Any], conf: str = "") -> list[Row]:
    """Add to a host's clients what instances' disks in Ceph need: a guest uses the secret, but nova-compute creates and counts the images,
    with a keyring in librados' default path. Raises CephNamesError where Nova's client isn't among the host's.
    """
    rows = list(rows)
    if not nova:
        return rows
    client = short(nova.get("client", "cinder"))
    mine = [row for row in rows if short(row["client"]) == client]
    if not mine:
        raise CephNamesError(
            f"ceph_openstack_nova uses the client {client}, which ceph_openstack_here doesn't list; add {{client: {client}, secret: true}} there."
        )
    # A client may have a row for each of several secrets, or one for its secret and one for its keyring.
    added: Row = {}
    if not any(row.get("keyring") for row in mine):
        added = {"keyring": default_keyring(conf, f"client.{client}"), "group": "nova"}
    if not any(row.get("secret") for row in mine):
        added["secret"] = True
    return [
        {**added, **row, **({"secret": True} if "secret" in added else {})} if row is mine[0] else row for row in rows
    ]


def _renamed(path: str, old: str, new: str) -> str:
    folder, slash, file = path.rpartition("/")
    renamed = file.replace(f"client.{old}.", f"client.{new}.")
    if renamed == file:
        raise CephNamesError(
            f"The name of the keyring {path} doesn't contain client.{old}, so there is no name for the keyring of {new}; "
            f"rename it to CLUSTER.client.{old}.keyring."
        )
    return folder + slash + renamed


@dataclass(frozen=True)
class _Names:
    """Decides names and UUIDs in services' files. alike has, by client, the clients with the same caps."""

    names: t.Mapping[str, str]
    fsid: str
    default_uuid: str
    alike: t.Mapping[str, t.Sequence[str]]
    places: Places

    def user(self, client: str) -> str:
        return current_name(client, self.names)

    def users_before(self, client: str) -> list[str]:
        """The clients that this one may replace in a file: itself; a successor may replace any client with the same caps."""
        now = self.user(client)
        if now == short(client):
            return [now]
        return [short(client), *map(short, self.alike.get(f"client.{now}", ()))]

    def uuid(self, client: str, given: str) -> str:
        return secret_uuid(client, self.names, self.fsid, given or self.default_uuid)

    def uuid_before(self, client: str, option: str) -> Row:
        """Guests refer to the UUID, so it must not change, except for a successor, which has its own."""
        return {option: []} if self.user(client) == short(client) else {}


def service_files(
    services: t.Mapping[str, t.Any],
    names: t.Mapping[str, str],
    fsid: str,
    default_uuid: str,
    alike: t.Mapping[str, t.Sequence[str]],
    places: Places,
) -> list[Row]:
    """The files of Glance, Cinder and Nova on a host, as parameters of service_conf. services are the role's variables.

    Raises OperatorError where nobody would read a file.
    """
    check_names(names)
    now = _Names(names, fsid, default_uuid, alike, places)
    return [
        make(given, services["conf"], now)
        for name, make in (("glance", _glance), ("cinder", _cinder), ("nova", _nova))
        if services.get(name)
        for given in (_apart(services[name], places) if name == "cinder" else [services[name]])
    ]


def _apart(given: t.Mapping[str, t.Any], places: Places) -> list[t.Mapping[str, t.Any]]:
    """What cinder-volume and cinder-backup are to have; apart where each has a file of its own."""
    if not given.get("backends") or given.get("backup") is None or given.get("path"):
        return [given]
    if places.conf("cinder-volume", _CINDER) == places.conf("cinder-backup", _CINDER):
        return [given]
    return [
        {key: one for key, one in given.items() if key not in left}
        for left in (("backup",), ("backends", "enabled_backends"))
    ]


def _file(
    path: str, given: t.Mapping[str, t.Any], services: list[str], sections: Row, kept: Row, places: Places
) -> Row:
    keep = places.keep(services[0])
    for section, options in (given.get("options") or {}).items():
        sections[section] = {**sections.get(section, {}), **options}
    return {
        "path": given.get("path") or places.conf(services[0], path),
        "services": given["services"] if "services" in given else [places.unit(name) for name in services],
        "sections": sections,
        **({"keep": keep} if keep else {}),
        **kept,
    }


def _default_conf(conf: str, option: str) -> list[str]:
    """The option for the cluster's configuration file, if that is librados' default path anyway."""
    return [option] if conf == "/etc/ceph/ceph.conf" else []


def _glance(given: t.Mapping[str, t.Any], conf: str, now: _Names) -> Row:
    store, client = given.get("store", "ceph"), given.get("client", "glance")
    # Without the URL, Cinder and Nova copy images instead of cloning them.
    url: Row = {"DEFAULT": {"show_image_direct_url": True}} if given.get("direct_url", True) else {}
    kept: Row = {
        "defaults": {**url, "glance_store": {"default_backend": store}},
        "unset": {store: _default_conf(conf, "rbd_store_ceph_conf")},
        "was": {store: {"rbd_store_pool": [], "rbd_store_user": now.users_before(client), "rbd_store_ceph_conf": []}},
    }
    sections: Row = {
        store: {
            "rbd_store_pool": given.get("pool", "images"),
            "rbd_store_user": now.user(client),
            "rbd_store_ceph_conf": conf,
        }
    }
    if "enabled_backends" in given:
        kept["lists"] = {"DEFAULT": {"enabled_backends": given["enabled_backends"]}}
    else:
        kept["adds"] = {"DEFAULT": {"enabled_backends": f"{store}:rbd"}}
    if "default_backend" in given:
        sections["glance_store"] = {"default_backend": given["default_backend"]}
    return _file("/etc/glance/glance-api.conf", given, ["glance-api"], sections, kept, now.places)


def _cinder(given: t.Mapping[str, t.Any], conf: str, now: _Names) -> Row:
    backends, backup = given.get("backends") or [], given.get("backup")
    if not backends and backup is None:
        raise CephNamesError("ceph_openstack_cinder has neither backends nor backup; set what Cinder keeps in Ceph.")
    sections: Row = {}
    kept: Row = {"was": {}, "defaults": {}, "unset": {}}
    services = []
    if backends:
        every = ",".join(backend["name"] for backend in backends)
        if "enabled_backends" in given:
            kept["lists"] = {"DEFAULT": {"enabled_backends": given["enabled_backends"]}}
        else:
            kept["adds"] = {"DEFAULT": {"enabled_backends": every}}
        services.append("cinder-volume")
    for backend in backends:
        name, client = backend["name"], backend.get("client", "cinder")
        sections[name] = {
            "volume_driver": "cinder.volume.drivers.rbd.RBDDriver",
            "rbd_pool": backend.get("pool", "volumes"),
            "rbd_user": now.user(client),
            "rbd_ceph_conf": conf,
            "rbd_secret_uuid": now.uuid(client, backend.get("uuid", "")),
            **({"volume_backend_name": backend["volume_backend_name"]} if backend.get("volume_backend_name") else {}),
            **(backend.get("options") or {}),
        }
        if "volume_backend_name" not in backend:
            kept["defaults"][name] = {"volume_backend_name": name}
        kept["unset"][name] = _default_conf(conf, "rbd_ceph_conf")
        kept["was"][name] = {
            "volume_driver": [],
            "rbd_pool": [],
            "rbd_user": now.users_before(client),
            "rbd_ceph_conf": [],
            **now.uuid_before(client, "rbd_secret_uuid"),
        }
    if backup is not None:
        client = backup.get("client", "cinder-backup")
        sections["DEFAULT"] = {
            "backup_driver": "cinder.backup.drivers.ceph.CephBackupDriver",
            "backup_ceph_conf": conf,
            "backup_ceph_user": now.user(client),
            "backup_ceph_pool": backup.get("pool", "backups"),
        }
        kept["unset"]["DEFAULT"] = _default_conf(conf, "backup_ceph_conf")
        kept["was"]["DEFAULT"] = {
            "backup_driver": [],
            "backup_ceph_conf": [],
            "backup_ceph_user": now.users_before(client),
            "backup_ceph_pool": [],
        }
        services.append("cinder-backup")
    return _file(_CINDER, given, services, sections, kept, now.places)


def _nova(given: t.Mapping[str, t.Any], conf: str, now: _Names) -> Row:
    client = given.get("client", "cinder")
    sections: Row = {
        "libvirt": {
            "images_type": "rbd",
            "images_rbd_pool": given.get("pool", "vms"),
            "images_rbd_ceph_conf": conf,
            "rbd_user": now.user(client),
            "rbd_secret_uuid": now.uuid(client, given.get("uuid", "")),
        }
    }
    was = {
        "images_type": ["default"],
        "images_rbd_pool": [],
        "images_rbd_ceph_conf": [],
        "rbd_user": now.users_before(client),
        **now.uuid_before(client, "rbd_secret_uuid"),
    }
    kept = {"was": {"libvirt": was}, "unset": {"libvirt": _default_conf(conf, "images_rbd_ceph_conf")}}
    return _file("/etc/nova/nova.conf", given, ["nova-compute"], sections, kept, now.places)
