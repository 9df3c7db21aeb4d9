#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cloud_report
short_description: Create one report on a whole cloud
version_added: 0.1.0
description:
  - Puts together what several hosts told to M(openstack_ops.day2.cloud_report_info), the last report of
    M(openstack_ops.day2.compute_audit) and the last proof of Ceph's clients, under one verdict. What is in trouble comes first, and only
    what needs a look has a line of its own. Changes nothing but the files of the report.
  - A part that isn't in use, or that couldn't be read, is V(unknown) with the reason, and never V(ok).
  - Runs where Ansible runs, whatever C(delegate_to) says.
attributes:
  check_mode:
    support: full
    description: Tells, and writes no file.
  diff_mode:
    support: none
    description: Only reports are written.
    details: A report tells ages, so that two always differ.
  idempotent:
    support: full
    description: It is never changed. The files are rewritten in any case.
  platform:
    support: full
    platforms: posix
    description: Works wherever Ansible does.
options:
  hosts:
    description: The hosts of the inventory, for example C(ansible_play_hosts_all).
    type: list
    elements: str
    required: true
  register:
    description: The variable of each host that has the result of M(openstack_ops.day2.cloud_report_info). One without it didn't answer.
    type: str
    default: cloud_report_info
  computes:
    description: The group of the computes. Limits, restorers, volumes and central logs are looked for there.
    type: str
    default: nova_computes
  databases:
    description: The group of database hosts. Backups are expected there.
    type: str
    default: mysql
  audit:
    description: The JSON report of M(openstack_ops.day2.compute_audit) on the machine that runs Ansible.
    type: str
  ceph:
    description: The JSON report of the playbook C(verify_ceph) there.
    type: str
  backup_hours:
    description: A last good backup that is older is critical.
    type: float
    default: 26
  verified_days:
    description: A last verification of a backup that is older is a warning.
    type: float
    default: 31
  certificate_days:
    description: A certificate that expires earlier is a warning, and critical in the last quarter.
    type: float
    default: 30
  evidence_days:
    description: O(audit) and O(ceph) that are older are a warning.
    type: float
    default: 7
  json:
    description: Where to write the report as JSON, for its owner alone. Left out, nowhere.
    type: str
  html:
    description: Where to write it as one HTML page that needs no server and no network, for its owner alone. Left out, nowhere.
    type: str
seealso:
  - module: openstack_ops.day2.cloud_report_info
  - module: openstack_ops.day2.compute_audit
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Read what is kept on each host
  openstack_ops.day2.cloud_report_info:
  register: cloud_report_info
  ignore_errors: true
  ignore_unreachable: true

- name: Make one page of it
  openstack_ops.day2.cloud_report:
    hosts: "{{ ansible_play_hosts_all }}"
    audit: audit.json
    html: report.html
  run_once: true
"""

RETURN = r"""
state:
  description: The worst state of a section, V(critical), V(warning), V(unknown) or V(ok).
  returned: success
  type: str
report:
  description: The report, as O(json) has it.
  returned: success
  type: dict
  contains:
    version:
      description: V(1). Keys may be added; those that are here stay as they are.
      type: int
    taken:
      description: When it was made, in UTC.
      type: str
    state:
      description: As RV(state).
      type: str
    verdict:
      description: All of it in one line.
      type: str
      sample: "Critical: MariaDB backups; unknown: Ceph's proof; 7 ok."
    hosts:
      description: How many hosts were asked.
      type: int
    silent:
      description: Those that didn't answer.
      type: list
      elements: str
    counts:
      description: How many sections there are of each state.
      type: dict
    sections:
      description: The report's parts, the worst first.
      type: list
      elements: dict
      contains:
        name:
          description: V(hosts), V(backups), V(limits), V(restorer), V(audit), V(capacity), V(ceph), V(volumes) or V(certificates).
          type: str
        title:
          description: The same for people.
          type: str
        state:
          description: The worst state of its rows; V(unknown) where it couldn't be read.
          type: str
        line:
          description: Totals, or why nothing is known.
          type: str
        rows:
          description: What needs a look, each with C(state), C(subject) (a host, or what else it is about) and C(text).
          type: list
          elements: dict
text:
  description: The report as lines of text.
  returned: success
  type: list
  elements: str
"""
