#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: failure_drill
short_description: Choose and break components while probes watch, and write the drill's report
version_added: 0.1.0
description:
  - The role C(failure_drill) calls these steps in their order, and explains the options that have the same names there.
  - V(targets) checks the declaration and asks no host. V(plan) chooses what to break. V(fault) breaks one component of one host by
    M(openstack_ops.day2.failure_drill_host), with C(delegate_to) that host, while the probes run. V(report) writes what was seen.
  - V(plan) and V(fault) refuse where anything that is declared isn't whole, a probe fails, the time is outside the windows, a host has
    another fault, or is the one that Ansible runs on.
  - Probes run where Ansible runs. What a command among them says is never read.
requirements:
  - tzdata where Ansible runs, for other time zones than UTC
attributes:
  check_mode:
    support: full
    description: Refuses what a run would refuse, except for what only probes of the kind C(command) find. Breaks nothing.
  diff_mode:
    support: none
    description: Shows nothing.
    details: What it changes is there for some seconds; what was done is in the result.
  platform:
    support: full
    platforms: posix
    description: The hosts of the components need systemd.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  step:
    description: What to do.
    type: str
    choices: [targets, plan, fault, report]
    required: true
  components:
    description: As C(failure_drill_components).
    type: list
    elements: dict
    required: true
  probes:
    description: As C(failure_drill_probes).
    type: list
    elements: dict
    required: true
  windows:
    description: As C(failure_drill_windows).
    type: list
    elements: dict
    required: true
  timezone:
    description: As C(failure_drill_timezone).
    type: str
    default: UTC
  hosts:
    description: The hosts of the play.
    type: list
    elements: str
    required: true
  register:
    description: The variable of each host that has what M(openstack_ops.day2.failure_drill_host) told.
    type: str
    default: failure_drill_seen
  seconds:
    description: As C(failure_drill_seconds).
    type: int
    default: 60
  faults:
    description: As C(failure_drill_faults).
    type: int
    default: 1
  budget:
    description: As C(failure_drill_budget).
    type: int
    default: 600
  seed:
    description: As C(failure_drill_seed).
    type: str
    default: ''
  chosen:
    description: As C(failure_drill_chosen).
    type: list
    elements: str
    default: []
  recovery:
    description: As C(failure_drill_recovery).
    type: int
    default: 300
  component:
    description: For V(fault), the component's name.
    type: str
    default: ''
  host:
    description: For V(fault), its host.
    type: str
    default: ''
  plan:
    description: For V(report), the result of V(plan).
    type: dict
    default: {}
  results:
    description: For V(report), RV(fault) of each fault.
    type: list
    elements: dict
    default: []
  json:
    description: As C(failure_drill_json).
    type: str
    default: ''
  html:
    description: As C(failure_drill_html).
    type: str
    default: ''
seealso:
  - module: openstack_ops.day2.failure_drill_host
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Check what is declared
  openstack_ops.day2.failure_drill:
    step: targets
    components:
      - {name: rabbitmq, unit: rabbitmq-server, hosts: controllers, redundancy: rabbitmq}
    probes:
      - {name: tokens, kind: http, url: "https://cloud.example.com:5000/v3", allowed: 10}
    windows:
      - {days: [tue, wed, thu], from: "10:00", to: "16:00"}
    hosts: "{{ ansible_play_hosts_all }}"
  run_once: true
"""

RETURN = r"""
asked:
  description: For V(targets), what M(openstack_ops.day2.failure_drill_host) has to look at, by host.
  returned: success
  type: dict
faults:
  description: For V(plan), the faults in their order.
  returned: success
  type: list
  elements: dict
  sample: [{component: rabbitmq, host: ctl1, seconds: 60, what: stop the unit rabbitmq-server.service}]
seed:
  description: For V(plan), the seed, given or new.
  returned: success
  type: str
taken:
  description: For V(plan), the time.
  returned: success
  type: str
fault:
  description: For V(fault), what was seen.
  returned: success
  type: dict
  contains:
    component:
      description: Its name.
      type: str
    host:
      description: Its host.
      type: str
    what:
      description: What was done to it.
      type: str
    began:
      description: When that began, in UTC.
      type: str
    seconds:
      description: After how many seconds the host was to undo it.
      type: int
    undone:
      description: Whether it is C(known) to be undone, and after how many C(seconds) of the host's own clock, null where that isn't known.
      type: dict
    verdict:
      description: V(held), V(missed) or V(unknown).
      type: str
    why:
      description: What went wrong beside the probes.
      type: str
    probes:
      description: For each probe its verdict and why, allowed seconds, C(at_least) and C(at_most) seconds of outage, and each outage.
      type: list
      elements: dict
recovered:
  description: For V(fault), whether it is undone and all probes pass again.
  returned: success
  type: bool
report:
  description: For V(report), all of it, as in O(json).
  returned: success
  type: dict
verdict:
  description: For V(report), V(held), V(missed) or V(unknown).
  returned: success
  type: str
text:
  description: For V(plan) and V(report), the same in lines.
  returned: success
  type: list
  elements: str
"""
