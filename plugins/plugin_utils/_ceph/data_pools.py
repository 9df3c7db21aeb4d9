# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pools have the data of other pools' images, and what follows from that on a host. Pure.

Ceph keeps it with the client that makes an image (`rbd_default_data_pool`), not with the pool. So a client can have only one data pool on a host.
"""

from __future__ import annotations

import typing as t

from .services import CephNamesError, Row, current_name, short

_SERVICES = ("glance", "cinder", "nova")


def data_pools(pools: t.Iterable[Row]) -> dict[str, str]:
    """The data pool of each pool that has one, from ceph_openstack_pools."""
    return {row["name"]: row["data_pool"] for row in pools if row.get("data_pool") and row.get("state") != "absent"}


def with_data(rows: t.Iterable[Row], data: t.Mapping[str, str], makes: t.Mapping[str, Row]) -> list[Row]:
    """A host's clients, who write and read the data pools of the pools that they write and read. makes is from default_data_pools()."""
    found = []
    for row in rows:
        mine = makes.get(short(row["client"])) if row.get("keyring") else None
        write, read = row.get("write") or [], row.get("read") or []
        written = list(dict.fromkeys([*write, *(data[pool] for pool in write if pool in data)]))
        also = [data[pool] for pool in read if pool in data and data[pool] not in written]
        lists = {"write": written, "read": list(dict.fromkeys([*read, *also]))}
        found.append(
            {**row, **({"data_pools": mine} if mine else {}), **{key: pools for key, pools in lists.items() if pools}}
        )
    return found


def default_data_pools(settings: t.Mapping[str, t.Any], rows: t.Iterable[Row], data: t.Mapping[str, str]) -> Row:
    """By client, as the variables name it, the pools in which it makes images on this host and their data pool: {cinder: {volumes: volumes-data}}.

    These are the pools of the services on the host; of a client with a keyring that none of them uses, those that it writes. A secret alone makes
    no images. Raises CephNamesError for a client whose pools have different data pools.
    """
    found: Row = {}
    for client, used in _makes({f"ceph_openstack_{name}": settings.get(name) for name in _SERVICES}, rows).items():
        several = {data.get(pool, "") for pool in used if pool not in data.values()}
        if len(several) > 1:
            said = ", ".join(f"{pool} ({data.get(pool, 'none')})" for pool in dict.fromkeys(used))
            raise CephNamesError(
                f"client.{client} makes images in pools with different data pools on this host: {said}. Ceph has one rbd_default_data_pool for "
                "each client; give these pools the same data_pool, or each a client of its own."
            )
        if several - {""}:
            found[client] = {pool: data[pool] for pool in used if pool in data}
    return found


def data_pools_of(
    hosts: t.Mapping[str, t.Mapping[str, t.Any]],
    found: t.Mapping[str, Row],
    pools: t.Mapping[str, Row],
    told: list[str],
) -> dict[str, str]:
    """The data pools of an existing setup: by pool, what ceph.conf says on the hosts where its images are made.

    hosts are results of ceph_host_info, and found their variables, by host. What contradicts goes to told, and isn't adopted.
    """
    data: dict[str, str] = {}
    said: dict[str, str] = {}
    for host, variables in found.items():
        sections = (hosts[host].get("conf") or {}).get("data_pools") or {}
        for client, used in _makes(variables, variables.get("ceph_openstack_here") or []).items():
            other = sections.get(f"client.{client}", sections.get("client", ""))
            if other and other not in pools:
                told.append(
                    f"{host}: ceph.conf names the data pool {other} for client.{client}, which the cluster doesn't have."
                )
                continue
            for pool in used:
                if pool == other or pools.get(pool, {}).get("erasure_profile"):
                    continue
                if said.setdefault(pool, host) != host and data.get(pool, "") != other:
                    told.append(
                        f"{host}: images that client.{client} makes in {pool} have their data in {other or pool}, on {said[pool]} in "
                        f"{data.get(pool) or pool}."
                    )
                elif other:
                    data[pool] = other
    return data


def _makes(variables: t.Mapping[str, t.Any], rows: t.Iterable[Row]) -> dict[str, list[str]]:
    """By client, the pools in which it makes images on a host."""
    pools = _of_services(variables)
    for row in rows:
        if row.get("keyring") and short(row["client"]) not in pools:
            pools[short(row["client"])] = list(row.get("write") or [])
    return pools


def _of_services(variables: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    """By client, the pools in which Glance, Cinder and Nova on this host make images."""
    cinder = variables.get("ceph_openstack_cinder") or {}
    rows = [(row, "cinder", "volumes") for row in cinder.get("backends") or []]
    if cinder.get("backup") is not None:
        rows.append((cinder["backup"], "cinder-backup", "backups"))
    for name, client, pool in (("glance", "glance", "images"), ("nova", "cinder", "vms")):
        given = variables.get(f"ceph_openstack_{name}")
        if given:
            rows.append((given, client, pool))
    found: dict[str, list[str]] = {}
    for row, client, pool in rows:
        found.setdefault(short(row.get("client", client)), []).append(row.get("pool", pool))
    return found


def ceph_conf(defaults: t.Mapping[str, t.Mapping[str, str]], names: t.Mapping[str, str]) -> Row:
    """What ceph.conf says of it, as `sections` and `was` of service_conf. Another data pool that is there isn't replaced without a yes."""
    option = "rbd default data pool"
    sections = {
        f"client.{current_name(client, names)}": next(iter(pools.values())) for client, pools in defaults.items()
    }
    return {
        "sections": {section: {option: pool} for section, pool in sections.items()},
        "was": {section: {option: []} for section in sections},
    }
