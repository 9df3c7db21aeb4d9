# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compute_canary
short_description: Test a compute with a small server that is removed afterwards
version_added: 0.1.0
description:
  - Boots a small server on exactly this compute, in the project of the credentials, and looks whether users would get what they need. Then
    removes it, with its port and volume, also after a failure.
  - First removes what a killed run left of this host. Only a server or volume with the name C(openstack-ops-canary-HOST), the metadata
    C(openstack_ops.day2:canary=HOST) and this project as its owner is removed; everything else is left alone.
  - Each check ends as V(passed), V(failed) or V(unknown), with the reason. V(failed) is the compute's own fault as far as is known.
    What proves nothing of the compute is V(unknown), such as a scheduler that puts nothing there or a volume that Cinder doesn't make.
    V(unknown) isn't V(passed), and the task fails for both. Leave out a check that your cloud can't answer.
  - An image, flavor or network that can't be used, a quota without room, and a network without a free address are refused before anything
    is booted.
  - The scheduler puts nothing on a compute that is disabled, so return it first.
  - Don't prove one compute twice at the same time; one run would take the other's canary for its own.
  - Runs where Ansible runs, whatever C(delegate_to) says, and asks Nova as P(openstack_ops.day2.nova_computes#inventory) does.
    So C(OS_*) variables count there, and not those of the task's C(environment). Only O(limit) connects to the host.
requirements:
  - openstacksdk >= 1.0
attributes:
  check_mode:
    support: full
    description: Says what would be booted where and what would be removed, refuses what a run would refuse, and changes nothing.
  diff_mode:
    support: full
    description: Shows what earlier runs left, and goes.
extends_documentation_fragment:
  - openstack_ops.day2.cloud
  - openstack_ops.day2.attributes
options:
  host:
    description: The host as Nova calls it.
    type: str
    required: true
  state:
    description: Whether to prove the compute, or only to remove what earlier runs left of it.
    type: str
    choices: [proved, absent]
    default: proved
  image:
    description: Name or id of an image. Required for O(state=proved).
    type: str
  flavor:
    description: Name or id of a flavor. Required for O(state=proved).
    type: str
  network:
    description: Name or id of a network; V(none) for a canary without one. Required for O(state=proved).
    type: str
  security_groups:
    description: Names of security groups of the project. Empty for the default one, which allows no incoming traffic.
    type: list
    elements: str
    default: []
  console:
    description: Look whether there is a console log.
    type: bool
    default: true
  dhcp_pattern:
    description: A regular expression that a line of the console log has to match when the guest has got its address, as your image prints it.
    type: str
  metadata_pattern:
    description: The same for when the guest has got its metadata.
    type: str
  reach:
    description: Whether the canary has to answer on a TCP port, or to ping, where Ansible runs. Its first address is asked, IPv4 before IPv6.
    type: str
    choices: [none, ping, tcp]
    default: none
  reach_port:
    description: The TCP port for O(reach=tcp).
    type: int
    default: 22
  limit:
    description:
      - Look whether the compute's kernel has a bandwidth limit of the canary's port, by M(openstack_ops.day2.tc_htb_info) on the task's host.
      - Only where something limits new instances by itself, such as the event source with the role P(openstack_ops.day2.instance_qos#role).
    type: bool
    default: false
  volume_size:
    description: Create a volume of so many GiB and attach it. V(0) for none.
    type: int
    default: 0
  volume_type:
    description: Its type. Cinder's default where it isn't given.
    type: str
  volume_pattern:
    description: A regular expression for the console log, for when the guest has seen the volume or has written to it.
    type: str
  migrate:
    description: Migrate the canary live to where the scheduler finds room, and back.
    type: bool
    default: false
  check_timeout:
    description: Seconds for each check, each migration, and the removal.
    type: int
    default: 300
seealso:
  - module: openstack_ops.day2.compute_drain
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Prove this compute
  openstack_ops.day2.compute_canary:
    cloud: production
    region: "{{ compute.region }}"
    host: "{{ compute.host }}"
    image: cirros-0.6.2
    flavor: m1.tiny
    network: provider
    dhcp_pattern: "udhcpc: lease of .* obtained"
    metadata_pattern: "successful after .* tries"
    volume_size: 1
    migrate: true
  throttle: 2

- name: Remove what killed runs left
  openstack_ops.day2.compute_canary:
    cloud: production
    host: "{{ compute.host }}"
    state: absent
"""

RETURN = r"""
text:
  description: The verdict, a table of the checks, the steps, what remains, and notes.
  returned: success, or after a check that isn't passed
  type: list
  elements: str
  sample: ["cmp01: passed (5 passed)."]
verdict:
  description:
    - V(failed) where a check failed, else V(unknown) where one is unknown, else V(passed). V(planned) in check mode. Empty with O(state=absent).
  returned: success, or after a check that isn't passed
  type: str
  sample: passed
checks:
  description: How each check ended, in their order.
  returned: success, or after a check that isn't passed
  type: list
  elements: dict
  contains:
    check:
      description: V(service), V(boot), V(port), V(console), V(dhcp), V(metadata), V(reach), V(limit), V(volume), V(written), V(migration) or V(removal).
      type: str
    verdict:
      description: V(passed), V(failed) or V(unknown); V(planned) in check mode.
      type: str
    why:
      description: What was found, or why it failed or isn't known.
      type: str
    seconds:
      description: How long it took.
      type: int
steps:
  description: What was planned, the same in check mode.
  returned: success, or after a check that isn't passed
  type: list
  elements: str
  sample: ["boot openstack-ops-canary-cmp01 on cmp01 (image cirros-0.6.2, flavor m1.tiny, on the network provider)", "remove all of it"]
remaining:
  description: What of the canary could not be removed, and why.
  returned: success, or after a check that isn't passed
  type: list
  elements: str
  sample: []
notes:
  description: What was left alone or isn't known, and why.
  returned: success, or after a check that isn't passed
  type: list
  elements: str
  sample: []
"""
