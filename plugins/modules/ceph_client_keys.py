#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_client_keys
short_description: Read the keys of Ceph clients from the cluster
version_added: 0.1.0
description:
  - Reads the keys of clients, and the cluster's fsid, which is what Cinder takes for C(rbd_secret_uuid) where none is given.
  - The result holds secrets. Always use it with C(no_log) and C(register), as in the example, and never with C(set_fact) and a fact cache.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
  - openstack_ops.day2.ceph_admin
options:
  clients:
    description:
      - The clients, with or without C(client.) in front. One that the cluster doesn't know has an empty key.
      - With none, no right to read keys is needed.
    type: list
    elements: str
    required: true
seealso:
  - module: openstack_ops.day2.ceph_client_secret
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: The key of client.cinder
  openstack_ops.day2.ceph_client_keys:
    clients: [cinder]
  no_log: true
  register: found

- name: Give it to the libvirt of this host
  openstack_ops.day2.ceph_client_secret:
    keys: "{{ found.client_keys }}"
    uuid: "{{ found.fsid }}"
    clients:
      - client: cinder
        secret: true
"""

RETURN = r"""
fsid:
  description: The cluster's id.
  returned: success
  type: str
  sample: 2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e
mon_host:
  description: The monitors' addresses, as a client's C(ceph.conf) has them.
  returned: success
  type: str
  sample: "[v2:192.0.2.11:3300/0,v1:192.0.2.11:6789/0]"
client_keys:
  description: Clients, as C(client.NAME), and their keys. Empty for those that the cluster doesn't know.
  returned: success
  type: dict
same_caps:
  description: Of each client that the cluster knows, by C(client.NAME), the clients that have the same caps, itself among them. A predecessor has.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import monitors
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.caps import entity
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run


def job(module: AnsibleModule) -> Outcome:
    clients = [entity(name) for name in module.params["clients"]]
    with monitors.monitors_of(module) as cluster:
        found = cluster.keys(clients)
    return Outcome(
        False,
        dict(fsid=found.fsid, mon_host=found.mon_host, client_keys=found.keys, same_caps=found.alike),
    )


def main() -> None:
    spec = dict(clients=dict(type="list", elements="str", required=True), **monitors.ADMIN_SPEC)
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), job)


if __name__ == "__main__":
    main()
