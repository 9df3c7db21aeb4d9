#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_client_keys
short_description: Read the keys of Ceph clients, to hand them on
version_added: 0.1.0
description:
  - Reads the keys of clients, and the cluster's fsid, which is what Cinder takes for C(rbd_secret_uuid) where none is given.
  - The result holds secrets. Always use it with C(no_log) and C(register), as in the example, and never with C(set_fact) and a fact cache.
requirements:
  - The Python bindings of librados (python3-rados), or the C(ceph) command
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
    description: Works on Linux, where the cluster can be administered.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - openstack_ops.day2.ceph_admin
options:
  clients:
    description: The clients, with or without C(client.) in front. One that the cluster doesn't know has an empty key.
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

- name: Hand it to the libvirt of this host
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
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import cluster
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.model import CephError, entity


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            clients=dict(type="list", elements="str", required=True),
            **cluster.ADMIN_SPEC,
        ),
        supports_check_mode=True,
    )
    params = module.params
    try:
        clients = [entity(name) for name in params["clients"]]
        with cluster.monitors_of(module) as monitors:
            fsid, mon_host, keys = monitors.keys(clients)
    except CephError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg=cluster.no_way_in(exc))
    result: dict[str, t.Any] = dict(changed=False, fsid=fsid, mon_host=mon_host, client_keys=keys)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
