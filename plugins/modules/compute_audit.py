# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compute_audit
short_description: Compare what Nova and Placement believe of computes with what the computes have
version_added: 0.1.0
description:
  - Reads Nova's services, hypervisors, servers and migrations and Placement's providers, joins them with what
    M(openstack_ops.day2.compute_audit_info) told of each host, and tells where they don't fit together, each time with the
    command that would mend it. Nothing is mended.
  - Runs once for all hosts, where Ansible runs. The number of requests grows with the computes, not with the servers (but for
    pages of 1000).
  - What is in motion (builds, resizes, migrations, whatever changed since O(since)) is left out and counted.
  - The role P(openstack_ops.day2.compute_audit#role) calls both modules.
requirements:
  - openstacksdk
attributes:
  check_mode:
    support: full
    description: Compares and tells, and writes no file.
  diff_mode:
    support: none
    description: Only reports are written.
    details: A report is long; the difference of two isn't for a terminal.
  idempotent:
    support: full
    description: A second run is changed only if it finds something else. The files are written anew all the same.
  platform:
    support: full
    platforms: posix
    description: Works wherever openstacksdk does.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  hosts:
    description: The inventory's names of the computes.
    type: list
    elements: str
    required: true
  register:
    description:
      - The variable of each host in which M(openstack_ops.day2.compute_audit_info) was registered. A host without it is
        compared with nothing, which is a finding of its own.
    type: str
    default: compute_audit_info
  images_register:
    description:
      - The variable of a host in which M(openstack_ops.day2.compute_audit_info) was registered that looked at the part V(rbd_images).
        One host for each pool is enough. The ids of all servers are read then, a request per 1000.
    type: str
  rules_register:
    description:
      - The variable of each host in which M(openstack_ops.day2.tc_htb) or M(openstack_ops.day2.virt_interface_limit) was registered,
        run in check mode with what the rules want. Left out, limits aren't compared with rules.
    type: str
  cinder:
    description:
      - The results of M(openstack_ops.day2.compute_audit_info) in a loop over hosts with cinder-volume, each with its C(item) and
        the part V(cinder).
    type: list
    elements: dict
    default: []
  since:
    description: When the first host was looked at, in UTC, as V(2026-11-27T13:00:00Z). What has changed since is left out.
    type: str
    required: true
  cloud:
    description: A cloud of C(clouds.yaml). Without it, the environment (C(OS_CLOUD), or C(OS_AUTH_URL) and so on) says which.
    type: str
  clouds_yaml_path:
    description: The client configuration to read before those that openstacksdk looks for.
    type: str
  region:
    description: The region, where the cloud has several.
    type: str
  interface:
    description: Which of the catalog's endpoints to use.
    type: str
    choices: [public, internal, admin]
  timeout:
    description: Seconds to wait for each answer. Left out, it is C(api_timeout) in C(clouds.yaml), or 60.
    type: float
  only_hosts:
    description:
      - Tell only of computes among O(hosts). Off, the others are compared as far as Nova and Placement go, and providers of
        computes that Nova has forgotten are told, too.
    type: bool
    default: true
  json:
    description: Where to write the report as JSON, as C(plugins/plugin_utils/_audit/schema-1.json) describes it.
    type: str
  html:
    description: Where to write it as a page that needs no server and no network.
    type: str
seealso:
  - module: openstack_ops.day2.compute_audit_info
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Compare, after compute_audit_info was registered on each host
  openstack_ops.day2.compute_audit:
    hosts: "{{ ansible_play_hosts_all }}"
    since: "{{ began }}"
    html: audit.html
  run_once: true
"""

RETURN = r"""
text:
  description: The nodes as a table, and the findings, for a terminal. Nothing in it was written by a tenant.
  returned: success
  type: list
  elements: str
summary:
  description: How many findings there are of each severity.
  returned: success
  type: dict
  sample: {critical: 2, warning: 1, info: 0}
findings:
  description: The findings as in the JSON report. C(name) is what a tenant wrote.
  returned: success
  type: list
  elements: dict
reservations:
  description: By the inventory's name, the C(reserved_host_disk_mb) of those that reserve too little.
  returned: success
  type: dict
  sample: {cmp01: 51200}
requests:
  description: How many requests the APIs were asked.
  returned: success
  type: int
"""
