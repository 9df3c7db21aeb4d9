#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_pool_info
short_description: Show the usage of a Ceph cluster's pools
version_added: 0.1.0
description:
  - Reads what each pool holds, what that takes with all copies, how much more fits, and its quotas.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
  - openstack_ops.day2.ceph_admin
seealso:
  - module: openstack_ops.day2.ceph_objects
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: What the pools hold
  openstack_ops.day2.ceph_pool_info:
  register: found

- name: Show it
  openstack_ops.day2.show_text:
    text: "{{ found.text }}"
"""

RETURN = r"""
pools:
  description: The pools, the fullest first. Sizes in bytes.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The pool.
      type: str
    stored:
      description: What clients have written.
      type: int
    used:
      description: What it takes on the OSDs, with all copies.
      type: int
    objects:
      description: Number of objects.
      type: int
    max_avail:
      description: What clients can still write, before the first OSD is full.
      type: int
    fits:
      description: What clients can still write, also by the quotas; 0 where one is reached and writes hang.
      type: int
    percent_used:
      description: Of all that the pool could hold, in percent.
      type: float
    quota_max_bytes:
      description: The most that it may hold; 0 for no limit.
      type: int
    quota_max_objects:
      description: The most objects that it may hold; 0 for no limit.
      type: int
    copies:
      description: The number of copies; of an erasure-coded pool, the chunks of data and of coding, as V(4+2).
      type: str
    erasure_profile:
      description: The profile of an erasure-coded pool; empty for a replicated one.
      type: str
  sample:
    - {name: volumes, stored: 5368709120, used: 16106127360, objects: 1290, max_avail: 96636764160, fits: 96636764160, percent_used: 5.26,
       quota_max_bytes: 21990232555520, quota_max_objects: 0, copies: "3", erasure_profile: ""}
text:
  description: The same as a table for people.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import monitors
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.usage import read_usage, usage_text
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run


def job(module: AnsibleModule) -> Outcome:
    with monitors.monitors_of(module) as cluster:
        df = cluster.call("df", {"detail": "detail"}, ("df", "detail"))
        pools = cluster.call("osd pool ls", {"detail": "detail"}, ("osd", "pool", "ls", "detail"))
        coded = {row["erasure_code_profile"] for row in pools if row.get("erasure_code_profile")}
        found = read_usage(df, pools, cluster.profiles(coded) if coded else {})
    return Outcome(False, dict(pools=[one.public() for one in found], text=usage_text(found)))


def main() -> None:
    run(AnsibleModule(argument_spec=monitors.ADMIN_SPEC, supports_check_mode=True), job)


if __name__ == "__main__":
    main()
