# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_compute_service
short_description: Disable a compute in Nova with a reason, and enable it again
version_added: 0.1.0
description:
  - Disables the C(nova-compute) service of a host in Nova, so that no new instances are scheduled there, or enables it.
  - A service that somebody has disabled for another reason is left alone in both directions. What is put back is only
    what was taken out with the same O(reason).
  - Runs where Ansible runs, whatever C(delegate_to) says, and asks Nova as P(openstack_ops.day2.nova_computes#inventory) does.
    So C(OS_*) variables count there, and not those of the task's C(environment).
requirements:
  - openstacksdk >= 1.0
attributes:
  check_mode:
    support: full
    description: Asks, and changes nothing.
  diff_mode:
    support: full
    description: Shows the service's status and reason before and after.
extends_documentation_fragment:
  - openstack_ops.day2.cloud
  - openstack_ops.day2.attributes
options:
  host:
    description: The host as Nova calls it.
    type: str
    required: true
  state:
    description: Whether new instances may be scheduled on the host.
    type: str
    choices: [disabled, enabled]
    required: true
  reason:
    description: Why, for those who read C(openstack compute service list --long).
    type: str
    required: true
seealso:
  - module: openstack_ops.day2.compute_drain
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: No new instances on this compute
  openstack_ops.day2.nova_compute_service:
    cloud: production
    region: "{{ compute.region }}"
    host: "{{ compute.host }}"
    state: disabled
    reason: instances volume is being resized
"""

RETURN = r"""
status:
  description: The service's status at the end, V(enabled) or V(disabled).
  returned: success
  type: str
  sample: disabled
disabled_reason:
  description: Why it is disabled; empty if it is enabled or no reason was given.
  returned: success
  type: str
  sample: instances volume is being resized
"""
