# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clusters of a run. Each is asked once, with the variables of its first host, for all of its hosts. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown

from .services import Row, short, uuids_of

#: How a cluster is reached; hosts with the same of all of these have the same cluster.
ADMIN = (
    "ceph_openstack_admin_host",
    "ceph_openstack_admin_conf",
    "ceph_openstack_admin_name",
    "ceph_openstack_admin_keyring",
    "ceph_openstack_admin_command",
)
#: What is used once for all hosts of a cluster.
SHARED = ("ceph_openstack_pools", "ceph_openstack_clients", "ceph_openstack_current", "ceph_openstack_retire")
#: Of this, the entries about clients are the cluster's; those about files are each host's own.
_TAKE_AWAY = "ceph_openstack_take_away"
#: What ceph_plan has to know for the clients of a cluster.
_SETTINGS = ("pools", "clients", "here", "current", "retire", "glance", "cinder", "nova")
NAMES = (
    *ADMIN,
    *SHARED,
    _TAKE_AWAY,
    *(
        f"ceph_openstack_{name}"
        for name in ("keys", "fsid", "secret_uuid", "here", "glance", "cinder", "nova", "timeout")
    ),
)


def settled(hosts: t.Mapping[str, Row], defaults: Row, own: Row) -> dict[str, Row]:
    """The role's variables of each host.

    hosts have those of the inventory; the role's defaults are given apart, and own are the variables as a task of the first host has them. Where these
    differ from the inventory's, the play or its caller sets them, for all hosts alike.
    """
    first = next(iter(hosts.values()), {})
    common = {**defaults, **{name: value for name, value in own.items() if name not in first}}
    above = {name: value for name, value in own.items() if name in first and first[name] != value}
    return {host: {**common, **said, **above} for host, said in hosts.items()}


def clusters(values: t.Mapping[str, Row]) -> list[Row]:
    """The clusters, each with its hosts, from settled(). Hosts with keys of their own don't ask theirs, so they are in none.

    A cluster has name, admin (host, conf, name, keyring, command, timeout), hosts, pools, take_away, clients (those whose keys any host
    gets), settings, which are ceph_plan's, and shared, the variables that all of its hosts have alike.
    """
    found: dict[tuple[str, ...], Row] = {}
    for host, said in values.items():
        if said["ceph_openstack_keys"]:
            continue
        key = _reached(said)
        names = [short(row["client"]) for row in said["ceph_openstack_here"]]
        if key in found:
            found[key]["hosts"].append(host)
            found[key]["clients"] += [name for name in names if name not in found[key]["clients"]]
            continue
        admin = {name[len("ceph_openstack_admin_") :]: said[name] for name in ADMIN}
        found[key] = {
            "name": said["ceph_openstack_admin_host"],
            "admin": {**admin, "timeout": said["ceph_openstack_timeout"]},
            "hosts": [host],
            "pools": said["ceph_openstack_pools"],
            "take_away": said[_TAKE_AWAY],
            "clients": list(dict.fromkeys([*names, *map(short, said["ceph_openstack_current"].values())])),
            "settings": {name: _plain(said[f"ceph_openstack_{name}"]) for name in _SETTINGS},
            "shared": {name: said[name] for name in (*ADMIN, *SHARED)},
        }
    _tell_apart(list(found.values()))
    return list(found.values())


def _reached(said: Row) -> tuple[str, ...]:
    """How a host's cluster is reached, which tells one cluster from another."""
    return tuple(str(said[name]) for name in ADMIN)


def _plain(value: t.Any) -> t.Any:
    """Without `options` of services' files: a cluster isn't told them, and Ansible shows a loop's item where a task fails."""
    if isinstance(value, t.Mapping):
        return {key: _plain(one) for key, one in value.items() if key != "options"}
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value


def _tell_apart(found: t.Sequence[Row]) -> None:
    """Add to the names of clusters that are administered on one host what else differs."""
    for option in ("conf", "name", "keyring", "command"):
        alike: dict[str, list[Row]] = {}
        for cluster in found:
            alike.setdefault(cluster["name"], []).append(cluster)
        for several in alike.values():
            if len({cluster["admin"][option] for cluster in several}) > 1:
                for cluster in several:
                    cluster["name"] = f"{cluster['name']} {cluster['admin'][option]}".rstrip()


def disagreement(values: t.Mapping[str, Row]) -> str:
    """An error for the first variable in which hosts of a cluster differ; empty where all agree. values are from settled()."""
    firsts: dict[tuple[str, ...], str] = {}
    held: dict[tuple[str, ...], dict[str, tuple[str, str]]] = {}
    for host, said in values.items():
        given = bool(said["ceph_openstack_keys"])
        key = ("", str(said["ceph_openstack_fsid"]).lower()) if given else _reached(said)
        first = firsts.setdefault(key, host)
        where = f"fsid {key[1]}" if given else f"administered on {key[0]}"
        for name in () if given else (*SHARED, _TAKE_AWAY):
            one, other = _of(name, values[first]), _of(name, said)
            if one != other:
                return (
                    f"{host} and {first} have the same cluster ({where}), but disagree about {name} ({shown(other)}, {shown(one)}), which it is told once "
                    "for all of its hosts. Set it in variables of all of them; for another cluster, set ceph_openstack_admin_host or _admin_conf."
                )
        for client, uuid in _secrets(said).items():
            one, before = held.setdefault(key, {}).setdefault(client, (uuid, host))
            if one != uuid:
                return (
                    f"{host} and {before} have the same cluster ({where}), but are to have the key of client.{client} in secrets with different UUIDs "
                    f"({uuid or 'the fsid'}, {one or 'the fsid'}); instances couldn't migrate between them. Set ceph_openstack_secret_uuid for both."
                )
    return ""


def same_cluster(answers: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    """An error for two of a run's clusters that are one, by their answers; empty where each is another. An answer has fsid and, as item, the cluster."""
    seen: dict[str, str] = {}
    for answer in answers:
        name, fsid = answer["item"]["name"], answer.get("fsid", "")
        if fsid and seen.setdefault(fsid, name) != name:
            return (
                f"{seen[fsid]} and {name} administer the same cluster ({fsid}). It would be told twice, perhaps something else. Give all of its hosts "
                "the same ceph_openstack_admin_host, _admin_conf, _admin_name, _admin_keyring and _admin_command."
            )
    return ""


def _secrets(said: Row) -> dict[str, str]:
    """By client, the UUID that the variables give its secret; empty for the fsid. A row that says its own is a host's own matter."""
    uuids = uuids_of({name: said[f"ceph_openstack_{name}"] for name in ("cinder", "nova")})
    rows = [row for row in said["ceph_openstack_here"] if row.get("secret") and not row.get("uuid")]
    return {
        short(row["client"]): (uuids.get(short(row["client"])) or said["ceph_openstack_secret_uuid"]).lower()
        for row in rows
    }


def _of(name: str, said: Row) -> t.Any:
    if name != _TAKE_AWAY:
        return said[name]
    return sorted({str(entry) for entry in said[name] if str(entry).startswith("client.")})
