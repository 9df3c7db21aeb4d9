# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_aggregates
short_description: Arrange host aggregates, availability zones, and the flavors that ask for them
version_added: 0.1.0
description:
  - Brings Nova's host aggregates, their zones, hosts and metadata, and extra specs of flavors to what is declared, all in one call.
  - What isn't declared is left alone; other aggregates, their hosts, other keys of metadata and of extra specs, other flavors.
  - Refuses before anything changes a host in two zones, a zone that would change under instances, a flavor whose extra specs no host
    meets, an aggregate that no flavor reaches, and hosts and flavors that Nova doesn't have.
  - What extra specs mean is judged as Nova's AggregateInstanceExtraSpecsFilter does. Whether the scheduler uses that filter can't be asked;
    it has to be in C(enabled_filters) of C([filter_scheduler]).
  - M(openstack.cloud.host_aggregate) isn't used, for it takes each aggregate by itself, removes metadata that it isn't told of,
    has no diff, and looks neither at zones of other aggregates nor at instances and flavors.
  - Runs where Ansible runs, whatever C(delegate_to) says, and asks Nova as P(openstack_ops.day2.nova_computes#inventory) does.
    So C(OS_*) variables count there, and not those of the task's C(environment).
requirements:
  - openstacksdk >= 1.0
attributes:
  check_mode:
    support: full
    description: Asks, refuses what a run would refuse, and changes nothing.
  diff_mode:
    support: full
    description: Shows what is declared before and after; what goes as well as what comes.
extends_documentation_fragment:
  - openstack_ops.day2.cloud
  - openstack_ops.day2.attributes
options:
  aggregates:
    description: The aggregates. One that there isn't is created. None is deleted.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name.
        type: str
        required: true
      availability_zone:
        description: Its zone. Left out, it stays as it is. Nova can't take a zone away from an aggregate.
        type: str
      hosts:
        description: All its hosts, as Nova calls them. Others in it are removed, which requires O(remove). Left out, its hosts stay as they are.
        type: list
        elements: str
      metadata:
        description: Keys with their values. A value of V(null) means that the key is to be removed, which requires O(remove). Other keys stay.
        type: dict
        default: {}
      without_flavors:
        description: Its metadata isn't for flavors, for example for images, so no flavor has to reach it.
        type: bool
        default: false
  flavors:
    description: Flavors that exist, and extra specs that they should have.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Its name or id.
        type: str
        required: true
      extra_specs:
        description:
          - Keys with their values, for example C(aggregate_instance_extra_specs:ssd). A value of V(null) means that the key is to be
            removed, which requires O(remove). Other keys stay.
        type: dict
        required: true
  remove:
    description: Also remove hosts and keys that have to go. Without it, a run that would remove something is refused, and names it.
    type: bool
    default: false
seealso:
  - module: openstack_ops.day2.why_no_host
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Computes with SSDs, and the flavor for them
  openstack_ops.day2.host_aggregates:
    cloud: production
    aggregates:
      - name: ssd
        hosts: [cmp01, cmp02]
        metadata: {ssd: "true"}
    flavors:
      - name: m1.ssd
        extra_specs:
          aggregate_instance_extra_specs:ssd: "true"
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be, in order.
  returned: success
  type: list
  elements: str
  sample: ["ssd: add cmp02", "m1.ssd: set extra spec aggregate_instance_extra_specs:ssd=true"]
removed:
  description: Which hosts and keys went.
  returned: success
  type: list
  elements: str
  sample: ["cmp03 from aggregate ssd"]
aggregates:
  description: The declared aggregates at the end, by name.
  returned: success
  type: dict
  sample: {"ssd": {"availability_zone": "", "hosts": ["cmp01", "cmp02"], "metadata": {"ssd": "true"}}}
flavors:
  description: The declared flavors at the end, by name.
  returned: success
  type: dict
  sample: {"m1.ssd": {"extra_specs": {"aggregate_instance_extra_specs:ssd": "true"}}}
"""
