# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The existing state of hosts and a cluster as variables of the role ceph_openstack, and where they contradict each other. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.caps import pools_of

from .clusters import same_cluster
from .data_pools import data_pools_of
from .services import short

Row = dict[str, t.Any]


def adopted(cluster: t.Mapping[str, t.Any], hosts: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """Turn the results of ceph_cluster_info and, by host, ceph_host_info into common and hosts' variables and a list of contradictions."""
    told: list[str] = []
    prints = {client["fingerprint"]: client["name"] for client in cluster["clients"] if client["fingerprint"]}
    caps = {client["name"]: client["caps"] for client in cluster["clients"]}
    found: dict[str, Row] = {}
    for host, one in sorted(hosts.items()):
        if "secrets" not in one:
            told.append(f"{host}: nothing is known about it; it was unreachable, or the task failed.")
            continue
        told += [f"{host}: {why}" for why in (one.get("unknown") or {}).values()]
        said = one.get("conf") or {}
        if said.get("fsid") and said["fsid"].lower() != cluster["fsid"].lower():
            told.append(
                f"{host}: {said['path']} belongs to the cluster {said['fsid']}, not {cluster['fsid']}; it isn't adopted."
            )
            continue
        found[host] = _host(host, one, cluster["fsid"], prints, caps, told)
    used = sorted({row["client"] for variables in found.values() for row in variables.get("ceph_openstack_here", [])})
    told += _fleet(found)
    clients = [{"name": name, "caps": dict(caps[f"client.{name}"])} for name in used if f"client.{name}" in caps]
    named = {pool for client in clients for some in pools_of(client["caps"].get("osd", "")) for pool in some}
    there = {pool["name"]: pool for pool in cluster["pools"]}
    data = data_pools_of(hosts, found, there, told)
    rows = [there[name] for name in there if name in named | set(data.values()) and _of_rbd(there[name], told)]
    pools = [
        {
            "name": pool["name"],
            **({"erasure_profile": pool["erasure_profile"]} if pool.get("erasure_profile") else {}),
            **({"data_pool": data[pool["name"]]} if pool["name"] in data else {}),
        }
        for pool in rows
    ]
    return {
        "common": {"ceph_openstack_pools": pools, "ceph_openstack_clients": clients},
        "hosts": found,
        "contradictions": told,
    }


def adopted_each(
    answers: t.Sequence[t.Mapping[str, t.Any]], hosts: t.Mapping[str, t.Mapping[str, t.Any]]
) -> dict[str, t.Any]:
    """adopted() for each cluster: answers are results of ceph_cluster_info, with the cluster and its hosts as item.

    Of several clusters, each host's variables have those of its cluster, and nothing is common.
    """
    each = [adopted(answer, {host: hosts[host] for host in answer["item"]["hosts"]}) for answer in answers]
    if len(each) == 1:
        return each[0]
    twice = same_cluster(answers)
    return {
        "common": {},
        "hosts": {host: {**one["common"], **said} for one in each for host, said in one["hosts"].items()},
        "contradictions": [told for one in each for told in one["contradictions"]] + ([twice] if twice else []),
    }


def _of_rbd(pool: t.Mapping[str, t.Any], told: list[str]) -> bool:
    if "rbd" in str(pool.get("application", "")).split(","):
        return True
    told.append(
        f"The pool {pool['name']} doesn't have the application rbd; it isn't adopted (ceph osd pool application enable {pool['name']} rbd)."
    )
    return False


def _host(
    host: str,
    one: t.Mapping[str, t.Any],
    fsid: str,
    prints: t.Mapping[str, str],
    caps: t.Mapping[str, t.Any],
    told: list[str],
) -> Row:
    here: list[Row] = []
    uses = _of_this_cluster(host, one, told)
    for secret in one.get("secrets") or []:
        name = prints.get(secret["fingerprint"], "")
        if not name:
            why = "can't be read" if secret.get("private") else "doesn't belong to any client of this cluster"
            told.append(f"{host}: the key in secret {secret['uuid']} ({secret['usage']}) {why}; it isn't adopted.")
            continue
        row = {"client": short(name), "secret": True, "uuid": secret["uuid"], "usage": secret["usage"]}
        here.append({**row, **({"ephemeral": True} if secret.get("ephemeral") else {})})
    for keyring in one.get("keyrings") or []:
        for client, fingerprint in keyring["clients"].items():
            if client == "client.admin" or not client.startswith("client."):
                continue
            if prints.get(fingerprint) != client:
                told.append(
                    f"{host}: {keyring['path']} has a different key of {client} than the cluster; it isn't adopted."
                )
                continue
            _add_keyring(here, short(client), keyring)
    variables: Row = {}
    for row in here:
        row.update(_pools(caps.get(f"client.{row['client']}", {}), row["client"], uses))
    if here:
        variables["ceph_openstack_here"] = here
    _services(host, uses, fsid, caps, variables, told)
    if one.get("conf") and one["conf"]["path"] != "/etc/ceph/ceph.conf":
        variables["ceph_openstack_conf"] = one["conf"]["path"]
    return variables


def _of_this_cluster(host: str, one: t.Mapping[str, t.Any], told: list[str]) -> list[t.Mapping[str, t.Any]]:
    """What services of a host say about the cluster of its configuration file; one with another file uses another cluster."""
    found = []
    for use in one.get("uses") or []:
        if use.get("same_conf", True):
            found.append(use)
        else:
            told.append(
                f"{host}: {use['name']} uses the cluster of {use['conf']}; it isn't adopted. Adopt that cluster in a run of its own, "
                f"with ceph_openstack_conf: {use['conf']}."
            )
    return found


def _add_keyring(here: list[Row], client: str, keyring: t.Mapping[str, t.Any]) -> None:
    """Add a keyring to the row with the client's secret, or as a row of its own."""
    said = {"keyring": keyring["path"], **{name: keyring[name] for name in ("owner", "group", "mode")}}
    for row in here:
        if row["client"] == client and "keyring" not in row:
            row.update(said)
            return
    here.append({"client": client, **said})


def _pools(caps: t.Mapping[str, str], client: str, uses: t.Sequence[t.Mapping[str, t.Any]]) -> Row:
    """The pools that a client may write and read according to its caps, or to the services if its caps name no pools."""
    write, read = pools_of(caps.get("osd", ""))
    write = write or {use["pool"] for use in uses if use["client"] == client}
    return {"write": sorted(write), "read": sorted(read - write)}


def _services(
    host: str,
    uses: t.Sequence[t.Mapping[str, t.Any]],
    fsid: str,
    caps: t.Mapping[str, t.Any],
    variables: Row,
    told: list[str],
) -> None:
    backends: list[Row] = []
    for use in uses:
        if f"client.{use['client']}" not in caps:
            told.append(
                f"{host}: {use['name']} uses client.{use['client'] or '(none)'}, which the cluster doesn't know."
            )
            continue
        if not use.get("plain", True):
            told.append(
                f"{host}: {use['name']} is configured for all backends at once or in an older form; it isn't adopted, and connect_ceph leaves it alone."
            )
            continue
        row: Row = {"client": use["client"], "pool": use["pool"]}
        if use.get("uuid") is not None:
            row["uuid"] = use["uuid"] or fsid
        name = use["name"].rpartition(" ")[2]
        if use["service"] == "glance":
            shown = {} if use.get("more") else {"direct_url": False}
            if "ceph_openstack_glance" in variables:
                told.append(
                    f"{host}: {use['name']} is one more store in this cluster, and the role sets one of each host; it isn't adopted, and connect_ceph "
                    "leaves it alone."
                )
                continue
            variables["ceph_openstack_glance"] = {**row, "store": name, **shown}
        elif use["service"] == "nova":
            variables["ceph_openstack_nova"] = row
        elif use.get("uuid") is None:
            variables.setdefault("ceph_openstack_cinder", {})["backup"] = row
        else:
            backends.append({"name": name, **row, **({} if use.get("more") else {"volume_backend_name": ""})})
    if backends:
        variables.setdefault("ceph_openstack_cinder", {})["backends"] = backends


def _fleet(found: t.Mapping[str, Row]) -> list[str]:
    """Where hosts contradict each other."""
    told = []
    held: dict[str, dict[str, set[str]]] = {}
    for host, variables in found.items():
        for row in variables.get("ceph_openstack_here", []):
            if row.get("secret"):
                held.setdefault(row["client"], {}).setdefault(host, set()).add(row["uuid"])
    for client, hosts in held.items():
        first = next(iter(hosts))
        told += [
            f"{host}: the key of client.{client} is in secret {' and '.join(sorted(uuids))}, on {first} in {' and '.join(sorted(hosts[first]))}; "
            "instances can't migrate between them."
            for host, uuids in hosts.items()
            if uuids != hosts[first]
        ]
    for host, variables in found.items():
        rows = [
            *(variables.get("ceph_openstack_cinder") or {}).get("backends", []),
            variables.get("ceph_openstack_nova") or {},
        ]
        for row in rows:
            lacking = [
                other for other, uuids in held.get(row.get("client", ""), {}).items() if row["uuid"] not in uuids
            ]
            if lacking:
                told.append(
                    f"{host}: {row.get('name', 'Nova')} gives guests the secret {row['uuid']}, but {', '.join(lacking[:5])} has the key of "
                    f"client.{row['client']} in another one; guests with its volumes wouldn't start there."
                )
    return told
