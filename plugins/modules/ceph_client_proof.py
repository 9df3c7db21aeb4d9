#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_client_proof
short_description: Verify that the secret, key, caps and configuration of Ceph clients match
version_added: 0.1.0
description:
  - Does on a host what a guest's disk would do, without a guest that hangs. Takes the key that libvirt holds, connects to the
    cluster with it, reads the pools that the client has to read, and asks the OSDs whether it may write where it has to, and only there; with
    RBD's own methods, too, and whether it may take over the locks of a host that has died.
  - Does the same with a keyring, and once more as the user of the service that reads it, where that service looks for it.
  - Compares clients, pools and UUIDs in C(cinder.conf), C(glance-api.conf) and C(nova.conf) with O(clients).
  - Nothing that hangs keeps it from ending. A pool that is full, at its quota, or whose OSDs don't answer is named.
  - Changes nothing, neither on the host nor in the cluster. With O(clients[].data_pools) alone, an image of 1 MiB is made, written and removed.
requirements:
  - python3-rados, which ceph-common brings, and python3-libvirt where a uuid is given
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
  - openstack_ops.day2.ceph_host
options:
  clients:
    description: The clients, and what is to be proved of each.
    type: list
    elements: dict
    required: true
    suboptions:
      client:
        description: The client, with or without C(client.) in front.
        type: str
        required: true
      secret:
        description: Whether libvirt has to hold its key.
        type: bool
        default: false
      uuid:
        description: The secret's UUID, by default O(uuid). Without O(clients[].secret), what services' files are compared with.
        type: str
      keyring:
        description: A keyring file that holds its key.
        type: path
      user:
        description: >-
          The user whose service reads the keyring, besides those whose configuration names the client. One that isn't there stands for its group.
        type: str
      write:
        description: Pools that it reads and writes.
        type: list
        elements: str
        default: []
      read:
        description: Pools that it reads and must not write. Nor must it write any other pool of the cluster.
        type: list
        elements: str
        default: []
      data_pools:
        description:
          - By pools in which it makes images on this host, the pools where their data should go. With O(clients[].keyring), it makes
            an image in each (C(openstack_ops.day2.proof.HOST.CLIENT)), writes it, sees where the data is, and removes it. Not in check mode,
            and not where something else is wrong with the client.
          - Needs C(python3-rbd).
        type: dict
        default: {}
  uuid:
    description: The UUID of secrets that don't say their own.
    type: str
  compare:
    description: Whether services' files are compared with O(clients). V(false) for successors that no service has been told of yet.
    type: bool
    default: true
  timeout:
    description: Seconds to wait for a monitor.
    type: int
    default: 5
  fail:
    description: Whether the module fails where something is wrong. V(false) leaves that to who reads the result.
    type: bool
    default: true
  conf_as:
    description: By what path the services' configuration names O(conf), where their containers copy it from there. By default O(conf).
    type: path
seealso:
  - module: openstack_ops.day2.ceph_client_secret
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Can guests on this compute use their volumes
  openstack_ops.day2.ceph_client_proof:
    uuid: 457eb676-33da-42ec-9a8c-9293d545c337
    clients:
      - client: cinder
        secret: true
        write: [volumes, vms]
        read: [images]
"""

RETURN = r"""
proven:
  description: Whether everything passed.
  returned: always
  type: bool
  sample: true
clients:
  description: What was looked at for each client, and what is wrong.
  returned: always
  type: list
  elements: dict
  sample:
    - client: client.cinder
      checked:
        - secret 457eb676-33da-42ec-9a8c-9293d545c337 holds a key
        - the cluster lets client.cinder in with the key in secret 457eb676-33da-42ec-9a8c-9293d545c337
        - client.cinder reads images and can't write it
        - client.cinder reads and writes volumes
        - client.cinder may take over locks of hosts that have died
      problems: []
secrets:
  description: The UUIDs of the secrets that were asked for, by client, to be compared with other hosts.
  returned: always
  type: dict
  sample: {client.cinder: [457eb676-33da-42ec-9a8c-9293d545c337]}
fsid:
  description: The cluster's id; empty where no client could connect.
  returned: always
  type: str
uses:
  description: What services' files of this host say about this cluster.
  returned: always
  type: list
  elements: dict
  sample:
    - {service: cinder, name: "Cinder's backend rbd", client: cinder, pool: volumes, conf: /etc/ceph/ceph.conf, uuid: 457eb676-33da-42ec-9a8c-9293d545c337}
"""

import typing as t
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import proof, secrets_apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.caps import check_name, entity
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.client_secrets import check_uuid
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run


def claim_of(row: dict[str, t.Any], default_uuid: str) -> proof.Claim:
    client = entity(row["client"])
    if not (row["secret"] or row["keyring"]):
        raise OperatorError(
            f"{client} has neither secret: true nor a keyring, so there is no key of it to try; give one."
        )
    uuid = row["uuid"] or default_uuid
    if row["secret"] and not uuid:
        raise OperatorError(
            f"{client} is to have a secret, but neither it nor the module is given a uuid; give Cinder's rbd_secret_uuid."
        )
    return proof.Claim(
        client=client,
        uuid=check_uuid(uuid) if uuid else "",
        secret=row["secret"],
        keyring=row["keyring"] or "",
        user=row["user"] or "",
        write=tuple(check_name(pool, "pool") for pool in row["write"]),
        read=tuple(check_name(pool, "pool") for pool in row["read"]),
        data_pools=tuple((check_name(str(pool), "pool"), str(data)) for pool, data in row["data_pools"].items()),
    )


def job(module: AnsibleModule) -> Outcome:
    params = module.params
    claims = [claim_of(row, params["uuid"] or "") for row in params["clients"]]
    if module.check_mode:
        claims = [replace(claim, data_pools=()) for claim in claims]
    paths = proof.paths_of(params) if params["compare"] else {}
    uses = [use for service, path in paths.items() for use in proof.read_uses(service, path)]

    def open_host() -> secrets_apply.SecretHost:
        host = secrets_apply.SecretHost(params["uri"])
        host.open()
        return host

    named = params["conf_as"] or params["conf"]
    verdicts = proof.prove(open_host, claims, params["conf"], params["timeout"], uses, named)
    problems = [problem for verdict in verdicts for problem in verdict.public()["problems"]]
    secrets: dict[str, list[str]] = {}
    for claim in claims:
        if claim.secret:
            secrets.setdefault(claim.client, []).append(claim.uuid)
    result = dict(
        proven=not problems,
        clients=[verdict.public() for verdict in verdicts],
        secrets=secrets,
        fsid=next((verdict.fsid for verdict in verdicts if verdict.fsid), ""),
        uses=[use.public() for use in uses if proof.same_file(use.conf, named)],
    )
    return Outcome(False, result, failures=problems if params["fail"] else ())


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            clients=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    client=dict(type="str", required=True),
                    # A yes or no, and a path: no secrets.
                    secret=dict(type="bool", default=False, no_log=False),
                    uuid=dict(type="str"),
                    keyring=dict(type="path", no_log=False),
                    user=dict(type="str"),
                    write=dict(type="list", elements="str", default=[]),
                    read=dict(type="list", elements="str", default=[]),
                    data_pools=dict(type="dict", default={}),
                ),
            ),
            uuid=dict(type="str"),
            compare=dict(type="bool", default=True),
            timeout=dict(type="int", default=5),
            fail=dict(type="bool", default=True),
            conf_as=dict(type="path"),
            **proof.HOST_SPEC,
        ),
        supports_check_mode=True,
    )
    run(module, job)


if __name__ == "__main__":
    main()
