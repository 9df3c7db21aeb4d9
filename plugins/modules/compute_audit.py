# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compute_audit
short_description: Compare what Nova and Placement account for with what computes have
version_added: 0.1.0
description:
  - Reads Nova's services, hypervisors, servers and migrations and Placement's providers, joins them with what
    M(openstack_ops.day2.compute_audit_info) told of each host, and tells where they don't fit together, each time with the
    command that would remedy it. Changes nothing.
  - Runs once for all hosts, where Ansible runs. The number of requests grows with the computes, not with the servers (but for
    pages of 1000). An instance that a host or Placement names and no list has is asked for by its id; only where Nova itself says
    that there is none, it is called absent.
  - Tells how many instances of each flavor still fit in the whole cloud and on which computes, what is stranded there, and whether the
    other computes could take the instances of one that fails.
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
    description: A second run is changed only if it finds something else. The files are rewritten in any case.
extends_documentation_fragment:
  - openstack_ops.day2.cloud
  - openstack_ops.day2.attributes
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
        run in check mode with the rules' limits. Without it, limits aren't compared with rules.
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
  only_hosts:
    description:
      - Tell only of computes among O(hosts). Off, the others are compared as far as Nova and Placement go, and providers of
        computes that Nova no longer knows are reported, too.
    type: bool
    default: true
  irreversible:
    description:
      - Tell commands that destroy something for good, too (C(virsh undefine), C(rm), C(lvremove), C(rbd rm), the deletion of a provider).
        Off, such a finding has no command.
    type: bool
    default: false
  stuck_after:
    description: Report what is in progress and hasn't changed for this many seconds.
    type: int
    default: 3600
  acknowledged:
    description:
      - Findings that may stay. They are in the files with their reason, but not in the summary and not among the lines.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: The finding's id, as in the JSON report, V(KIND:HOST:SUBJECT).
        type: str
        required: true
      reason:
        description: Why it may stay.
        type: str
        required: true
      until:
        description: The last day on which that counts, V(2027-03-31). Left out, it counts for good.
        type: str
  json:
    description:
      - Where to write the report as JSON, as C(docs/audit-report-1.json) describes it. A report that is there already is what this one is
        compared with.
    type: str
  html:
    description: Where to write it as a page that needs no server and no network.
    type: str
  csv:
    description: Where to write the findings as CSV.
    type: str
  metrics:
    description:
      - Where to write how many findings there are and what still fits, for the textfile collector of node_exporter. The name ends in
        C(.prom), and the file can be read by everybody.
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
  description: The nodes as a table, what still fits, and the findings, for a terminal. Nothing in it was written by a tenant.
  returned: success
  type: list
  elements: str
summary:
  description: The number of unacknowledged findings of each severity.
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
