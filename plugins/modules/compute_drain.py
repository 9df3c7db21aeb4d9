# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compute_drain
short_description: Migrate all servers off a compute, and migrate them back
version_added: 0.1.0
description:
  - Takes a compute out of Nova's scheduling with a reason and migrates its servers to where the scheduler finds room, or puts it back
    into scheduling and migrates the same servers back.
  - Tells before anything changes which servers can't be moved, and why. Then nothing is done, unless O(partial) says so.
  - A server that runs or is paused moves live, with block migration where its disks aren't shared. One that is stopped, or has devices of
    its host, moves only where O(cold) allows it. The resize that Nova makes of a cold migration is confirmed.
  - Servers that are locked, busy, suspended, rescued, shelved, in error or wait for their user to confirm a resize aren't touched, nor are
    those for which Placement or their server group leaves no other compute.
  - Before a migration is begun it is noted in O(record). Killed and run again, it waits for what is under way and begins nothing twice.
  - A service that somebody else disabled, or forced down, stays so in both directions.
  - Runs where Ansible runs, whatever C(delegate_to) says, and asks Nova as P(openstack_ops.day2.nova_computes#inventory) does.
    So C(OS_*) variables count there, and not those of the task's C(environment). The host itself isn't connected to.
requirements:
  - openstacksdk >= 1.0
attributes:
  check_mode:
    support: full
    description: Asks, predicts every step, refuses what a run would refuse, and changes nothing.
  diff_mode:
    support: full
    description: Shows the service and each server's compute before and after.
extends_documentation_fragment:
  - openstack_ops.day2.cloud
  - openstack_ops.day2.attributes
options:
  host:
    description: The host as Nova calls it.
    type: str
    required: true
  state:
    description: Whether the host should be empty and out of scheduling, or back in scheduling.
    type: str
    choices: [drained, returned]
    required: true
  record:
    description:
      - A file where Ansible runs, one for each host, that says where each server came from. Kept from the drain until the return.
      - Created with its folder, only for its owner. A folder of another user isn't trusted.
    type: path
    required: true
  reason:
    description: Why, for those who read C(openstack compute service list --long). It is preceded by C(openstack_ops.day2 drain).
    type: str
    default: maintenance
  cold:
    description: Allow cold migrations. They stop a server that runs.
    type: bool
    default: false
  partial:
    description: Move what can be moved, and leave the rest where it is.
    type: bool
    default: false
  servers:
    description:
      - With O(state=returned), also bring back the servers that O(record) names. Those that somebody migrated, resized or rebuilt since
        are refused.
    type: bool
    default: false
  migrate:
    description:
      - Switch it off for a drain that only takes the host out of scheduling, so that no server of another host that is drained first is
        put there.
    type: bool
    default: true
  parallel:
    description: How many migrations at once.
    type: int
    default: 2
  migration_timeout:
    description: Seconds to wait for each migration, and for C(nova-compute) to be up. A migration isn't aborted then; the next run waits on.
    type: int
    default: 3600
  stop_on_failure:
    description: After a migration that failed, begin no more.
    type: bool
    default: false
seealso:
  - module: openstack_ops.day2.compute_canary
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Empty this compute
  openstack_ops.day2.compute_drain:
    cloud: production
    region: "{{ compute.region }}"
    host: "{{ compute.host }}"
    state: drained
    record: /var/lib/openstack_ops.day2/{{ inventory_hostname }}.json
    reason: a new kernel

- name: Put it back, with its servers
  openstack_ops.day2.compute_drain:
    cloud: production
    region: "{{ compute.region }}"
    host: "{{ compute.host }}"
    state: returned
    servers: true
    record: /var/lib/openstack_ops.day2/{{ inventory_hostname }}.json
"""

RETURN = r"""
text:
  description: Totals, a table of the servers, what remains, and notes.
  returned: success, or after a failed migration
  type: list
  elements: str
  sample: ["cmp01: 2 moved; nova-compute disabled (openstack_ops.day2 drain: a new kernel)."]
status:
  description: The service's status at the end, V(enabled) or V(disabled).
  returned: success, or after a failed migration
  type: str
  sample: disabled
disabled_reason:
  description: Why it is disabled; empty if it is enabled or no reason was given.
  returned: success, or after a failed migration
  type: str
  sample: "openstack_ops.day2 drain: a new kernel"
steps:
  description: What was planned, the same in check mode.
  returned: success, or after a failed migration
  type: list
  elements: str
  sample: ["480cb82d-9bc5-4034-a14d-8799e33aad97: migrate live, from cmp01 to where the scheduler finds room"]
servers:
  description: How it went with each server.
  returned: success, or after a failed migration
  type: list
  elements: dict
  contains:
    server:
      description: Its id.
      type: str
    from:
      description: The host it was on.
      type: str
    to:
      description: The host it is on now. Empty where it wasn't moved.
      type: str
    how:
      description: V(live) or V(cold).
      type: str
    seconds:
      description: How long that took.
      type: int
    verdict:
      description: V(moved), V(failed), V(refused), V(gone), or V(planned) in check mode.
      type: str
    why:
      description: Nova's fault, or why it wasn't moved.
      type: str
remaining:
  description: After a drain, what of the host's servers and of its allocations in Placement is still there.
  returned: success, or after a failed migration
  type: list
  elements: str
  sample: []
notes:
  description: What was left alone, and why.
  returned: success, or after a failed migration
  type: list
  elements: str
  sample: []
"""
