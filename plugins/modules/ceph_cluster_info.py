#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_cluster_info
short_description: Show the pools and clients of a Ceph cluster
version_added: 0.1.0
description:
  - Reads the cluster's id, its monitors, its pools, and its clients with their caps. Keys are shown as fingerprints, from which the key can't be recovered.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
  - openstack_ops.day2.ceph_admin
seealso:
  - module: openstack_ops.day2.ceph_host_info
  - module: openstack_ops.day2.ceph_objects
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: What is there already
  openstack_ops.day2.ceph_cluster_info:
  register: cluster
"""

RETURN = r"""
fsid:
  description: The cluster's id.
  returned: success
  type: str
mon_host:
  description: The monitors' addresses, as a client's C(ceph.conf) has them.
  returned: success
  type: str
pools:
  description: The pools and their settings.
  returned: success
  type: list
  elements: dict
clients:
  description: The clients, with C(name), C(caps) and C(fingerprint).
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import monitors
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.survey import fingerprint
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run


def job(module: AnsibleModule) -> Outcome:
    with monitors.monitors_of(module) as cluster:
        found = cluster.read()
        keys = cluster.keys(sorted(found.clients))
    clients = [
        {**found.clients[name].public(), "fingerprint": fingerprint(keys.keys[name])} for name in sorted(found.clients)
    ]
    pools = [found.pools[name].public() for name in sorted(found.pools)]
    return Outcome(False, dict(fsid=keys.fsid, mon_host=keys.mon_host, pools=pools, clients=clients))


def main() -> None:
    run(AnsibleModule(argument_spec=monitors.ADMIN_SPEC, supports_check_mode=True), job)


if __name__ == "__main__":
    main()
