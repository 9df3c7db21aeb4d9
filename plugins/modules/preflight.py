#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight
short_description: Refuse misspelt variables, wrong values and empty groups before anything changes
version_added: 0.1.0
description:
  - Fails if a variable of any host, or an extra variable, begins like those of a role or a playbook of this collection and isn't one of
    them. Ansible itself ignores such a variable, and the role goes on with its default.
  - Fails if the value of such a variable isn't of the type that the role's C(argument_specs) ask for, or isn't one of its choices.
    Values that are templates or encrypted are left to the role.
  - Fails if a pattern, or a group in it, matches no host, where Ansible would skip the play or the group and end with success.
  - Fails if C(--tags) would skip every task of the playbook.
  - Fails if hosts lack what a change needs, as M(openstack_ops.day2.preflight_host) has told.
  - All mistakes are listed in one error, with where each is set. Use it with C(run_once), or in a play on C(localhost). It runs on the
    controller alone.
  - Values of options that may hold a secret are never shown.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
options:
  roles:
    description: Roles of this collection. Every variable that begins with the name of one and an underscore must be in its C(argument_specs).
    type: list
    elements: str
    default: []
  playbook:
    description: A playbook whose own variables begin with its name and an underscore.
    type: str
  prefix:
    description:
      - What the variables of O(playbook) begin with, if it isn't its name and an underscore.
      - Others may use the prefix, too, so only variables whose names are close to one of O(variables) are refused.
    type: str
  variables:
    description: The variables of O(playbook).
    type: list
    elements: str
    default: []
  group:
    description: A group or pattern. It must match at least one host, and so must each of its parts but those with C(!) and C(&), regardless of C(--limit).
    type: str
  whole_group:
    description: Whether C(--limit) is refused that leaves out hosts of O(group), for what all of them have to agree to.
    type: bool
    default: false
  required:
    description: Variables that each host of O(group) must have.
    type: list
    elements: str
    default: []
  rules:
    description:
      - Whether to check C(instance_qos_rules) and the role's other options of the hosts in O(group), or else of the play's.
      - With V(required), a host without rules or C(instance_ports) is an error, unless its C(instance_qos_state) is C(absent).
        Without O(group), hosts of the play that don't use the role need neither; only the host that runs this has to have some.
    type: str
    choices: [ignore, if_set, required]
    default: ignore
  checks:
    description:
      - What has to hold of each host's options, for a task that is registered on each of them, without C(run_once). It never fails; with
        O(register), a second task makes one error of what doesn't hold on all hosts. Nothing else is checked then.
    type: list
    elements: dict
    suboptions:
      holds:
        description: Whether it does.
        type: bool
        required: true
      otherwise:
        description: What is wrong if it doesn't, and what to do.
        type: str
        required: true
  register:
    description:
      - The variable of each host of the play in which M(openstack_ops.day2.preflight_host), with C(failed_when) false, or O(checks) were
        registered. What hosts lack or were refused is one error, whatever the number of hosts. Nothing else is checked then.
      - A host that wasn't reached doesn't count. Ansible names it, and leaves it out of the rest of the run.
    type: str
seealso:
  - module: openstack_ops.day2.preflight_host
  - module: ansible.builtin.validate_argument_spec
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Check what was given
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Refuse unknown variables and an empty group
      openstack_ops.day2.preflight:
        roles: [instance_qos]
        group: nova_computes
        rules: required
"""

RETURN = r"""
missing:
  description: What is wrong where O(checks[].holds) is false. Empty if all hold.
  returned: with O(checks)
  type: list
  elements: str
"""
