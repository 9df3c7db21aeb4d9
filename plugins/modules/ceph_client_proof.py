#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_client_proof
short_description: Prove that secret, key, caps and configuration of Ceph clients belong together
version_added: 0.1.0
description:
  - Does on a host what a guest's disk would do, without a guest that hangs. Takes the key that libvirt holds, connects to the
    cluster with it, reads the pools that the client has to read, and asks the OSDs whether it may write where it has to, and only there.
  - Compares the UUID that Cinder tells guests with that of the secret.
  - Changes nothing, neither on the host nor in the cluster.
requirements:
  - python3-rados, which ceph-common brings, and python3-libvirt where a uuid is given
attributes:
  check_mode:
    support: full
    description: Reads only.
  diff_mode:
    support: N/A
    description: Changes nothing.
  idempotent:
    support: full
    description: Changes nothing.
  platform:
    support: full
    platforms: linux
    description: Works on Linux.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
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
        description: The secret's UUID, by default O(uuid).
        type: str
      keyring:
        description: A keyring file that holds its key.
        type: path
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
  uuid:
    description: The UUID of secrets that don't say their own.
    type: str
  cinder_conf:
    description: Cinder's configuration, on hosts where C(cinder-volume) runs. Its RBD backends are compared with O(clients).
    type: path
  conf:
    description: The cluster's configuration file on this host.
    type: path
    default: /etc/ceph/ceph.conf
  uri:
    description: The libvirt that holds the secrets.
    type: str
    default: qemu:///system
  timeout:
    description: Seconds to wait for a monitor.
    type: int
    default: 5
  fail:
    description: Whether the module fails where something is wrong. V(false) leaves that to who reads the result.
    type: bool
    default: true
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
  description: Whether all is as it should be.
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
      problems: []
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import node, proof
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.model import CephError, check_name, entity
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.secret import check_uuid


def claim_of(row: dict[str, t.Any], default_uuid: str) -> proof.Claim:
    client = entity(row["client"])
    if not (row["secret"] or row["keyring"]):
        raise CephError(f"{client} has neither secret: true nor a keyring, so there is no key of it to try; give one.")
    uuid = row["uuid"] or default_uuid
    if row["secret"] and not uuid:
        raise CephError(
            f"{client} shall have a secret, but neither it nor the module is given a uuid; give Cinder's rbd_secret_uuid."
        )
    return proof.Claim(
        client=client,
        uuid=check_uuid(uuid) if row["secret"] else "",
        keyring=row["keyring"] or "",
        write=tuple(check_name(pool, "pool") for pool in row["write"]),
        read=tuple(check_name(pool, "pool") for pool in row["read"]),
    )


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
                    write=dict(type="list", elements="str", default=[]),
                    read=dict(type="list", elements="str", default=[]),
                ),
            ),
            uuid=dict(type="str"),
            cinder_conf=dict(type="path"),
            conf=dict(type="path", default="/etc/ceph/ceph.conf"),
            uri=dict(type="str", default="qemu:///system"),
            timeout=dict(type="int", default=5),
            fail=dict(type="bool", default=True),
        ),
        supports_check_mode=True,
    )
    params = module.params
    host = node.Host(params["uri"])
    try:
        claims = [claim_of(row, params["uuid"] or "") for row in params["clients"]]
        if any(claim.uuid for claim in claims):
            host.open()
        cinder = proof.read_cinder(params["cinder_conf"]) if params["cinder_conf"] else {}
        verdicts = [proof.prove(host, claim, params["conf"], params["timeout"], cinder) for claim in claims]
    except CephError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg=f"The host refused: {exc}.")
    finally:
        host.close()
    problems = [problem for verdict in verdicts for problem in verdict.problems]
    result: dict[str, t.Any] = dict(proven=not problems, clients=[verdict.public() for verdict in verdicts])
    if problems and params["fail"]:
        module.fail_json(msg=" ".join(problems), **result)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
