#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_client_secret
short_description: Manage Ceph clients' keys in a host's libvirt secrets and keyring files
version_added: 0.1.0
description:
  - Makes sure that libvirt holds the keys of Ceph clients, each in the secret that guests' disks name by its UUID, and that the
    clients' keyring files are there. All clients of a host, of one or several clusters, in one call.
  - Values are compared by reading them back, so a key that was rotated, or stored wrongly, is seen and replaced.
  - Keys go to libvirt through its API and to files that only their owner and group can read. They are in no argument, result or diff.
  - Everything is checked for all clients before anything changes. A run that was killed is completed by the next.
requirements:
  - The Python bindings of libvirt (python3-libvirt) on the host, which C(nova-compute) brings, where a uuid is given
attributes:
  check_mode:
    support: full
    description: Shows the steps; reads only.
  diff_mode:
    support: full
    description: Shows secrets and keyring files before and after, and whether they hold the key; never the key.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  clients:
    description: The clients.
    type: list
    elements: dict
    required: true
    suboptions:
      client:
        description: The client, with or without C(client.) in front.
        type: str
        required: true
      state:
        description: Whether its secret and keyring file should exist.
        type: str
        choices: [present, absent]
        default: present
      secret:
        description: Whether libvirt should hold its key. If not, there is only the file.
        type: bool
        default: false
      uuid:
        description: The secret's UUID, by default O(uuid).
        type: str
      usage:
        description: The secret's usage name, by default C(client.NAME secret). libvirt allows each only once.
        type: str
      private:
        description:
          - Whether libvirt keeps the value to itself. Then it can't be read back, so a fingerprint of the last value that
            was set here (in C(/var/lib/openstack_ops.day2), for root only) is compared, and what others set isn't seen.
        type: bool
        default: false
      ephemeral:
        description: Whether libvirt keeps it in memory only. It is gone when libvirtd restarts.
        type: bool
        default: false
      replace:
        description: >-
          What to do with secrets that are in the way, because they have this usage name, or this UUID with another usage name: undefine
          them. Guests that name them can't be started any more. Without it, that is refused.
        type: bool
        default: false
      keyring:
        description: >-
          The keyring file, for example V(/etc/ceph/ceph.client.cinder.keyring). Of one that is there, only this client's entry is changed.
        type: path
      owner:
        description: The file's owner.
        type: str
        default: root
      group:
        description: The file's group.
        type: str
        default: root
      mode:
        description: The file's mode. One that lets everybody read it is refused.
        type: str
        default: "0640"
      services:
        description:
          - The services whose containers copy the keyring as they start. Where it changes, they are noted for M(openstack_ops.day2.service_conf), whose
            O(openstack_ops.day2.service_conf#module:restart) should have RV(restart).
        type: list
        elements: str
        default: []
      keep:
        description: What an operator should know where this client changes, such as where the host's deployer has to have its key, too. Shown as a warning.
        type: str
        default: ""
  keys:
    description:
      - The clients' keys, by C(client.NAME), as RV(openstack_ops.day2.ceph_client_keys#module:client_keys) has them. Each client that is to be
        present needs one.
      - In check mode one may be empty, for a client that doesn't exist yet.
    type: raw
    default: {}
  uuid:
    description: The UUID of secrets that don't say their own. It has to be Cinder's C(rbd_secret_uuid), which is the cluster's fsid by default.
    type: str
  uri:
    description: The libvirt that holds the secrets.
    type: str
    default: qemu:///system
  stored_in:
    description:
      - The folder of this host that libvirt's container copies C(/etc/libvirt/secrets) from whenever it starts, with kolla-ansible
        V(/etc/kolla/nova-libvirt/secrets). The secrets are in libvirt at once, and in files there for its next start.
      - Without it, a secret that a container of libvirt would lose is refused.
    type: path
seealso:
  - module: openstack_ops.day2.ceph_objects
  - module: openstack_ops.day2.ceph_client_proof
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: The key of client.cinder where guests' disks look for it
  openstack_ops.day2.ceph_client_secret:
    uuid: "{{ found.fsid }}"
    keys: "{{ found.client_keys }}"
    clients:
      - client: cinder
        secret: true
        keyring: /etc/ceph/ceph.client.cinder.keyring
        group: nova
"""

RETURN = r"""
steps:
  description: What was done, in this order; in check mode what would be.
  returned: success
  type: list
  elements: str
  sample:
    - define secret 457eb676-33da-42ec-9a8c-9293d545c337 (client.cinder secret)
    - set its value to the key of client.cinder
    - write /etc/ceph/ceph.client.cinder.keyring
restart:
  description: The services that have to be restarted, because their keyring changed now or in a run that was killed before it did so; in check mode those
    that would have to be.
  returned: success
  type: list
  elements: str
  sample: []
clients:
  description: What of each client is on the host at the end; in check mode as planned. With O(stored_in), C(secret_stored) is whether its files hold it.
  returned: success
  type: list
  elements: dict
  sample:
    - client: client.cinder
      secret: {uuid: 457eb676-33da-42ec-9a8c-9293d545c337, usage: client.cinder secret, private: false, ephemeral: false, kind: ceph}
      secret_holds_the_key: true
      keyring: {path: /etc/ceph/ceph.client.cinder.keyring, owner: root, group: nova, mode: "0640"}
      keyring_holds_the_key: true
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import secrets_apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.caps import entity
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.client_secrets import (
    DesiredClient,
    Keyring,
    Secret,
    check_uuid,
    decode_key,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run


def argument_spec() -> dict[str, t.Any]:
    return dict(
        clients=dict(
            type="list",
            elements="dict",
            required=True,
            options=dict(
                client=dict(type="str", required=True),
                state=dict(type="str", choices=["present", "absent"], default="present"),
                # A yes or no, and a path: no secrets.
                secret=dict(type="bool", default=False, no_log=False),
                uuid=dict(type="str"),
                usage=dict(type="str"),
                private=dict(type="bool", default=False),
                ephemeral=dict(type="bool", default=False),
                replace=dict(type="bool", default=False),
                keyring=dict(type="path", no_log=False),
                owner=dict(type="str", default="root"),
                group=dict(type="str", default="root"),
                mode=dict(type="str", default="0640"),
                services=dict(type="list", elements="str", default=[]),
                keep=dict(type="str", default=""),
            ),
        ),
        # Not a dict: Ansible would parse a key that is given as a text, and show part of it as a name.
        keys=dict(type="raw", default={}, no_log=True),
        uuid=dict(type="str"),
        uri=dict(type="str", default="qemu:///system"),
        stored_in=dict(type="path"),
    )


def desired_of(
    row: dict[str, t.Any], keys: dict[str, str], default_uuid: str, stored_in: str, check_mode: bool
) -> DesiredClient:
    client = entity(row["client"])
    present = row["state"] == "present"
    if not (row["secret"] or row["keyring"]):
        raise OperatorError(f"{client} has neither secret: true nor a keyring; give one of them, or both.")
    uuid = row["uuid"] or default_uuid
    if row["secret"] and not uuid:
        raise OperatorError(
            f"{client} is to have a secret, but neither it nor the module is given a uuid; give Cinder's rbd_secret_uuid."
        )
    key = None
    if present and keys.get(client):
        if not isinstance(keys[client], str):
            raise OperatorError(f"The key of {client} isn't a text, such as `ceph auth print-key {client}` prints.")
        key = decode_key(keys[client], client)
    elif present and not check_mode:
        raise OperatorError(
            f"{client} is to be present, but no key is given; ceph_client_keys reads it from the cluster."
        )
    try:
        mode = int(row["mode"], 8)
    except ValueError:
        raise OperatorError(f"mode {row['mode']!r} of {client} isn't octal; write it as 0640.") from None
    return DesiredClient(
        client=client,
        secret=Secret(check_uuid(uuid), row["usage"] or f"{client} secret", row["private"], row["ephemeral"])
        if row["secret"]
        else None,
        key=key,
        keyring=Keyring(os.path.normpath(row["keyring"]), row["owner"], row["group"], mode) if row["keyring"] else None,
        present=present,
        replace=row["replace"],
        stored_in=stored_in,
        services=tuple(row["services"]),
    )


def job(module: AnsibleModule) -> Outcome:
    params = module.params
    if not isinstance(params["keys"], dict):
        raise OperatorError(
            "keys is a text or a list; give a dict with the key of each client.NAME, as ceph_client_keys has it."
        )
    desired = [
        desired_of(row, params["keys"], params["uuid"] or "", params["stored_in"] or "", module.check_mode)
        for row in params["clients"]
    ]
    host = secrets_apply.SecretHost(params["uri"])
    act = secrets_apply.check if module.check_mode else secrets_apply.apply
    try:
        if any(one.secret for one in desired):
            host.open()
        outcome = act(host, desired)
    finally:
        host.close()
    diff = dict(before=dict(clients=outcome.before), after=dict(clients=outcome.after))
    told = [row["keep"] for row in params["clients"] if row["keep"] and entity(row["client"]) in outcome.changed]
    result = dict(steps=outcome.steps, clients=outcome.after, restart=outcome.restart)
    return Outcome(bool(outcome.steps), result, diff=diff, warnings=list(dict.fromkeys(told)))


def main() -> None:
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True)
    run(module, job, "What was begun is completed by the next run.")


if __name__ == "__main__":
    main()
