# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: why_no_host
short_description: Explain for each compute why the scheduler rejects it
version_added: 0.1.0
description:
  - Puts what a flavor needs, or an instance that failed with C(No valid host was found), to each compute, and tells in words what of
    Placement or which of Nova's filters speaks against it; and step by step, who is left. Changes nothing.
  - Placement is judged by resources (inventory, allocation ratio, what is reserved, C(min_unit), C(max_unit), C(step_size)), required and
    forbidden traits, the zone, and its own answer to the whole question.
  - Of an instance, its flavor, image, zone, server group and ports are read. What it was booted with and no API keeps (a host that was
    named, networks of an instance without ports) can't be.
  - What can't be asked (a cell that is down, HTTP 403) is reported as unknown, and counts neither for nor against a compute.
  - Which filters the scheduler uses no API tells; see O(filters).
  - Runs where Ansible runs, whatever C(delegate_to) says, and asks the APIs as P(openstack_ops.day2.nova_computes#inventory) does.
    So C(OS_*) variables count there, and not those of the task's C(environment).
requirements:
  - openstacksdk >= 1.0
extends_documentation_fragment:
  - openstack_ops.day2.cloud
  - openstack_ops.day2.attributes.info
options:
  flavor:
    description: A flavor's name or id. This or O(instance) is needed.
    type: str
  instance:
    description: The id of an instance.
    type: str
  image:
    description: With O(flavor), the id or name of the image.
    type: str
  zone:
    description: With O(flavor), the availability zone that is asked for.
    type: str
  filters:
    description:
      - The scheduler's filters in their order, C(enabled_filters) of C([filter_scheduler]) in the C(nova.conf) of nova-scheduler.
        Those that can't be judged are named in RV(notes).
      - Besides those of the default, C(IoOpsFilter) and C(AggregateIoOpsFilter) can be judged.
    type: list
    elements: str
    default:
      - ComputeFilter
      - ComputeCapabilitiesFilter
      - ImagePropertiesFilter
      - ServerGroupAntiAffinityFilter
      - ServerGroupAffinityFilter
      - AggregateInstanceExtraSpecsFilter
  max_io_ops:
    description: C(max_io_ops_per_host) of C([filter_scheduler]). Matters where O(filters) has one for I/O operations.
    type: int
    default: 8
seealso:
  - module: openstack_ops.day2.host_aggregates
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Why does this instance find no host?
  openstack_ops.day2.why_no_host:
    cloud: production
    instance: 4cd1a3a8-938d-426c-a9e9-61c7fec1fcbd
  register: why

- name: Tell
  openstack_ops.day2.show_text:
    text: "{{ why.text }}"
"""

RETURN = r"""
text:
  description: All of it for a terminal, a line each.
  returned: success
  type: list
  elements: str
  sample:
    - "The flavor 'm1.ssd': none of 2 computes could take it."
    - "It asks for 1 DISK_GB, 256 MEMORY_MB, 1 VCPU, aggregate_instance_extra_specs:disk='ssd'."
    - "ComputeFilter: of 2 leaves 1: cmp02."
    - "AggregateInstanceExtraSpecsFilter: of 1 leaves none."
    - "cmp01: ComputeFilter: nova-compute is disabled, because 'broken fan'."
    - "cmp02: AggregateInstanceExtraSpecsFilter: the flavor asks for disk 'ssd', and no aggregate of it has that key."
left:
  description: The computes against which nothing is known.
  returned: success
  type: list
  elements: str
  sample: []
steps:
  description: Where computes drop out, C(Placement) first, then the filters in their order.
  returned: success
  type: list
  elements: dict
  contains:
    by:
      description: C(Placement) or the filter.
      type: str
    before:
      description: How many computes it was given.
      type: int
    after:
      description: Those that it leaves.
      type: list
      elements: str
  sample:
    - {"by": "ComputeFilter", "before": 2, "after": ["cmp02"]}
computes:
  description: Each compute with all that speaks against it.
  returned: success
  type: list
  elements: dict
  contains:
    host:
      description: Nova's name of the host.
      type: str
    node:
      description: The name of its hypervisor; empty where Nova tells none.
      type: str
    causes:
      description: C(by), C(text), and C(known), which is false where it couldn't be asked.
      type: list
      elements: dict
  sample:
    - {"host": "cmp01", "node": "cmp01.example.com", "causes": [{"by": "ComputeFilter", "text": "nova-compute is down", "known": true}]}
notes:
  description: What isn't judged or couldn't be read, and why.
  returned: success
  type: list
  elements: str
  sample: []
"""
