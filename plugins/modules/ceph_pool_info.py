#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_pool_info
short_description: What the pools of a Ceph cluster hold
version_added: 0.1.0
description:
  - Reads what each pool holds, what that takes with all copies, how much more fits, and its quotas.
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
  ansible.builtin.debug:
    msg: "{{ found.text }}"
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
    percent_used:
      description: Of all that the pool could hold, in percent.
      type: float
    quota_max_bytes:
      description: The most that it may hold; 0 for no limit.
      type: int
    quota_max_objects:
      description: The most objects that it may hold; 0 for no limit.
      type: int
  sample:
    - {name: volumes, stored: 5368709120, used: 16106127360, objects: 1290, max_avail: 96636764160, percent_used: 5.26,
       quota_max_bytes: 21990232555520, quota_max_objects: 0}
text:
  description: The same as a table for people.
  returned: success
  type: list
  elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph import cluster
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.model import CephError
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.use import read_use, use_text


def main() -> None:
    module = AnsibleModule(argument_spec=cluster.ADMIN_SPEC, supports_check_mode=True)
    try:
        with cluster.monitors_of(module) as monitors:
            found = read_use(monitors.call("df", {"detail": "detail"}, ("df", "detail")))
    except CephError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg=cluster.no_way_in(exc))
    result: dict[str, t.Any] = dict(changed=False, pools=[one.public() for one in found], text=use_text(found))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
