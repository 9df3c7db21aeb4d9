#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloud_report_info
short_description: Gather what this collection's roles keep on a host, for the cloud report
version_added: 0.1.0
description:
  - Reads in one call the bandwidth limits and their restorer, the status of mysql-backup, the status of central logs with the expiry
    of its certificates, how full the file system of the instances is, and resizes of volumes that didn't end. Changes nothing.
  - A part that isn't on this host is null. One that can't be read is null and named in RV(found.unknown) with the reason.
  - M(openstack_ops.day2.cloud_report) makes one page of what several hosts tell.
  - Needs root, for files that only root may read.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
options:
  instances_path:
    description: Where the instances are.
    type: path
    default: /var/lib/nova/instances
seealso:
  - module: openstack_ops.day2.cloud_report
  - module: openstack_ops.day2.compute_audit_info
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Read what is kept on this host
  openstack_ops.day2.cloud_report_info:
  register: info
  become: true

- name: Tell when the last good backup was made
  ansible.builtin.debug:
    msg: "{{ (info.found.backups.good.ended_age / 3600) | round(1) }} hours ago"
  when: info.found.backups.good
"""

RETURN = r"""
found:
  description: The host. Ages are in seconds by its own clock.
  returned: success
  type: dict
  contains:
    unknown:
      description: By part, why it couldn't be read.
      type: dict
    limits:
      description:
        - How many ports have a limit in the kernel (C(limited)) and how many a saved one (C(saved)), limits that aren't saved
          (C(unsaved)), saved ones that aren't in force although the port's device is there (C(missing), C(missing_ports)), unreadable
          lines of the saved state, and the C(restorer), V(running), V(stopped) or V(absent).
      type: dict
    backups:
      description: The last run of mysql-backup, its last good backup, copy, verification and restore, each null if there was none.
      type: dict
    logs_node:
      description:
        - Of a node of central logs, when it was last looked after (C(looked_age)), whether rsyslog runs (C(active)), what the last look
          found wrong (C(told)), and the C(seconds_left) of its certificates.
      type: dict
    logs_server:
      description: The same of the server.
      type: dict
    volume:
      description: The file system at O(instances_path), its C(size) and C(free) bytes, and its C(files) and free ones.
      type: dict
    instances:
      description:
        - Where nova-compute's configuration has the instances (C(path)), and whether that is another file system than the one of
          O(instances_path) (C(elsewhere)). Null where no nova-compute was found.
      type: dict
    resizes:
      description: The volumes whose resize was begun and didn't end (C(unfinished)).
      type: dict
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._cloud_report.collect import INSTANCES, Look
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner


def job(module: AnsibleModule) -> Outcome:
    look = Look(runner(module), time.time(), instances_path=module.params["instances_path"])
    return Outcome(changed=False, result=dict(found=look.look()))


def main() -> None:
    spec = dict(instances_path=dict(type="path", default=INSTANCES))
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), job)


if __name__ == "__main__":
    main()
