#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_objects
short_description: Manage pools and clients of a Ceph cluster, all in one call
version_added: 0.1.0
description:
  - Creates pools and clients, and brings their settings and caps to what is listed. All in one connection.
  - Pools and clients that are not listed stay as they are, and so do settings that are not named.
  - Caps are checked before anything changes, because Ceph stores what it doesn't understand (V(profile rdb)) without a word.
  - A client's key is made once, by the cluster, and is never part of a result.
  - The C(ceph) command takes a second per object, the Python bindings of librados milliseconds.
requirements:
  - The C(rbd) command for new pools with the application V(rbd).
attributes:
  check_mode:
    support: full
    description: Shows the steps; reads only.
  diff_mode:
    support: full
    description: Shows pools and clients before and after.
  platform:
    support: full
    platforms: linux
    description: Works on Linux, where the cluster can be administered.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
  - openstack_ops.day2.ceph_admin
options:
  pools:
    description: The pools, replicated unless O(pools[].erasure_profile) says otherwise.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The pool.
        type: str
        required: true
      state:
        description: Whether it should exist. To delete one takes O(pools[].delete_really) as well.
        type: str
        choices: [present, absent]
        default: present
      application:
        description:
          - What it is for. Without one, Ceph warns of it.
          - For V(rbd), a pool that is new or was never used is initialized (C(rbd pool init)). The first volumes would do that otherwise, each
            for itself. Pools with anything in them, and erasure-coded ones, stay as they are.
        type: str
        default: rbd
      size:
        description: Copies of each object.
        type: int
      min_size:
        description: Copies that must be there for it to be written.
        type: int
      pg_num:
        description:
          - Placement groups. With it, O(pools[].pg_autoscale_mode) is V(off) unless that is V(warn).
          - What counts is where the cluster is going (C(pg_num_target)); getting there takes its time.
        type: int
      pg_autoscale_mode:
        description: Whether Ceph sets O(pools[].pg_num) itself.
        type: str
        choices: ["on", "off", warn]
      target_size_ratio:
        description: The share of the cluster that the pool is expected to take, relative to that of other pools. For the autoscaler.
        type: float
      quota_max_bytes:
        description: The most that it may hold, as V(500G) or V(500GiB), both in powers of 1024; V(0) for no limit.
        type: str
      quota_max_objects:
        description: The most objects that it may hold; V(0) for no limit.
        type: int
      crush_rule:
        description: The rule that places its objects.
        type: str
      erasure_profile:
        description:
          - The erasure-code profile with which it is made. Such a pool holds only the data of images; see O(pools[].data_pool). With the application
            V(rbd) it is told to allow overwrites (C(allow_ec_overwrites)), for which all its OSDs must be BlueStore's.
          - Ceph can't change it later. A pool that is there with another profile, or replicated, is refused.
        type: str
      erasure_settings:
        description:
          - The settings of O(pools[].erasure_profile), for example C(k=4), C(m=2) and C(crush-failure-domain=host). C(k) and C(m) are needed. With
            them, a profile that isn't there is created. One that is there is never changed, and refused where it says something else.
        type: dict
      data_pool:
        description:
          - The pool that has the data of this pool's images. Their names and metadata stay in this one, which has to be replicated. It has to exist, or to
            be listed as well.
          - Clients whose osd caps name this pool get the same for the data pool.
          - Ceph doesn't note this in the pool. Which data pool an image gets is up to C(rbd_default_data_pool) of the client that makes it.
        type: str
      delete_really:
        description: The pool's name once more, for O(pools[].state=absent). All that is in the pool is lost.
        type: str
  clients:
    description: Clients with their caps.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The client, with or without C(client.) in front.
        type: str
        required: true
      state:
        description: Whether it should exist. One that is connected to a monitor isn't removed.
        type: str
        choices: [present, absent]
        default: present
      caps:
        description:
          - What it may do, by daemon (mon, osd, mgr, mds), each as Ceph writes it, for example V(profile rbd pool=volumes). They replace
            those that it has, unless that would take rights away; see O(take_away).
        type: dict
        default: {}
      successor_of:
        description:
          - The client whose place it takes. Then a client of this name that is there already, with other caps, is refused as somebody else's.
        type: str
      successor:
        description:
          - With O(clients[].state=absent), the client that has taken its place. One whose caps aren't the same is refused.
        type: str
  take_away:
    description:
      - Clients (C(client.NAME)) that may lose caps which they have and O(clients[].caps) don't cover. Without it, that is refused, because guests may
        use them.
    type: list
    elements: str
    default: []
seealso:
  - module: openstack_ops.day2.ceph_client_secret
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Pools and clients for Glance and Cinder
  openstack_ops.day2.ceph_objects:
    pools:
      - name: images
        target_size_ratio: 0.2
      - name: volumes
        target_size_ratio: 0.7
        quota_max_bytes: 20T
    clients:
      - name: glance
        caps:
          mon: profile rbd
          osd: profile rbd pool=images
          mgr: profile rbd pool=images
      - name: cinder
        caps:
          mon: profile rbd
          osd: profile rbd pool=volumes, profile rbd-read-only pool=images
          mgr: profile rbd pool=volumes

- name: Volumes with their data in an erasure-coded pool
  openstack_ops.day2.ceph_objects:
    pools:
      - name: volumes-data
        erasure_profile: volumes-4-2
        erasure_settings: {k: 4, m: 2, crush-failure-domain: host}
      - name: volumes
        data_pool: volumes-data

- name: A pool that is no longer needed, with all its contents
  openstack_ops.day2.ceph_objects:
    pools:
      - name: old-volumes
        state: absent
        delete_really: old-volumes
"""

RETURN = r"""
steps:
  description: What was done, in this order; in check mode what would be.
  returned: success
  type: list
  elements: str
  sample:
    - create pool volumes
    - enable the application rbd on pool volumes
    - create client.cinder
    - initialize pool volumes for RBD
pools:
  description: The listed pools as they are at the end; in check mode as planned.
  returned: success
  type: list
  elements: dict
  sample: [{name: volumes, application: rbd, size: 3, min_size: 2, pg_num: 32, pg_autoscale_mode: "on", crush_rule: replicated_rule}]
clients:
  description: The listed clients and their caps.
  returned: success
  type: list
  elements: dict
  sample: [{name: client.cinder, caps: {mon: profile rbd, osd: profile rbd pool=volumes}}]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import monitors
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.caps import (
    check_name,
    doubts,
    entity,
    with_data_pools,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.objects import (
    Client,
    DesiredObjects,
    Pool,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.usage import size_of
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run

_SETTINGS = (
    "application",
    "size",
    "min_size",
    "pg_num",
    "pg_autoscale_mode",
    "target_size_ratio",
    "quota_max_objects",
    "crush_rule",
    "erasure_profile",
)


def argument_spec() -> dict[str, t.Any]:
    return dict(
        pools=dict(
            type="list",
            elements="dict",
            default=[],
            options=dict(
                name=dict(type="str", required=True),
                state=dict(type="str", choices=["present", "absent"], default="present"),
                application=dict(type="str", default="rbd"),
                size=dict(type="int"),
                min_size=dict(type="int"),
                pg_num=dict(type="int"),
                pg_autoscale_mode=dict(type="str", choices=["on", "off", "warn"]),
                target_size_ratio=dict(type="float"),
                quota_max_bytes=dict(type="str"),
                quota_max_objects=dict(type="int"),
                crush_rule=dict(type="str"),
                erasure_profile=dict(type="str"),
                erasure_settings=dict(type="dict"),
                data_pool=dict(type="str"),
                delete_really=dict(type="str"),
            ),
        ),
        clients=dict(
            type="list",
            elements="dict",
            default=[],
            options=dict(
                name=dict(type="str", required=True),
                state=dict(type="str", choices=["present", "absent"], default="present"),
                caps=dict(type="dict", default={}),
                successor_of=dict(type="str"),
                successor=dict(type="str"),
            ),
        ),
        take_away=dict(type="list", elements="str", default=[]),
        **monitors.ADMIN_SPEC,
    )


def desired_of(params: dict[str, t.Any]) -> DesiredObjects:
    pools, absent = [], []
    rows = [row for row in params["pools"] if row["state"] == "present"]
    data_pools = {row["name"]: check_name(row["data_pool"], "pool") for row in rows if row["data_pool"]}
    for row in params["pools"]:
        name = check_name(row["name"], "pool")
        if row["state"] == "present":
            pools.append(_pool(name, row, data=name in data_pools.values()))
        elif row["delete_really"] == name:
            absent.append(name)
        else:
            raise OperatorError(
                f"Pool {name} would be deleted with all that is in it, but delete_really is {row['delete_really'] or '(nothing)'!r}; "
                "write the pool's name there once more if you mean it."
            )
    clients = params["clients"]
    return DesiredObjects(
        pools=tuple(pools),
        clients=tuple(
            Client(
                entity(row["name"]),
                _caps(row["caps"], data_pools),
                entity(row["successor_of"]) if row["successor_of"] else "",
                entity(row["name"]) in params["take_away"],
            )
            for row in clients
            if row["state"] == "present"
        ),
        absent_pools=tuple(absent),
        absent_clients=tuple(entity(row["name"]) for row in clients if row["state"] == "absent"),
        successors={entity(row["name"]): entity(row["successor"]) for row in clients if row["successor"]},
        profiles=_profiles(rows),
        data_pools=data_pools,
    )


def _caps(given: dict[str, t.Any], data_pools: dict[str, str]) -> dict[str, str]:
    caps = {str(daemon): str(text) for daemon, text in given.items()}
    return {**caps, "osd": with_data_pools(caps["osd"], data_pools)} if "osd" in caps else caps


def _profiles(rows: list[dict[str, t.Any]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        name, given = row["erasure_profile"], row["erasure_settings"]
        if given is None:
            continue
        if not name:
            raise OperatorError(
                f"Pool {row['name']}: erasure_settings are given, but no erasure_profile; name the profile."
            )
        settings = {
            str(key): str(value).lower() if isinstance(value, bool) else str(value) for key, value in given.items()
        }
        if found.setdefault(check_name(name, "erasure-code profile"), settings) != settings:
            raise OperatorError(
                f"Pool {row['name']}: another pool gives other erasure_settings for {name}; make them the same."
            )
    return found


def _pool(name: str, row: dict[str, t.Any], *, data: bool) -> Pool:
    quota = None
    if row["quota_max_bytes"] is not None:
        quota = size_of(row["quota_max_bytes"])
        if quota is None:
            raise OperatorError(
                f"Pool {name}: quota_max_bytes {row['quota_max_bytes']!r} is no size; write it as 500G or 20TiB, 0 for none."
            )
    overwrites = True if row["application"] == "rbd" and (data or row["erasure_profile"]) else None
    return Pool(
        name,
        quota_max_bytes=quota,
        allow_ec_overwrites=overwrites,
        **{setting: row[setting] for setting in _SETTINGS},
    )


def job(module: AnsibleModule) -> Outcome:
    desired = desired_of(module.params)
    act = monitors.check if module.check_mode else monitors.apply
    with monitors.monitors_of(module) as cluster:
        outcome = act(cluster, desired)
    before, after = (found.public(*desired.names) for found in (outcome.before, outcome.after))
    warnings = [doubt for client in desired.clients for doubt in doubts(client.name, client.caps)]
    return Outcome(
        outcome.changed, dict(steps=outcome.steps, **after), diff=dict(before=before, after=after), warnings=warnings
    )


def main() -> None:
    run(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), job)


if __name__ == "__main__":
    main()
