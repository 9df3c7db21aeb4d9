#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: show_text
short_description: Print lines of text as they are
version_added: 0.1.0
description:
  - Prints lines, such as those of a table, without the quotes, escapes and commas of the JSON list that M(ansible.builtin.debug) prints.
  - The lines are in Ansible's output, in its log (C(ANSIBLE_LOG_PATH)) and in the output of AWX's jobs, and in the result. With a callback that
    writes JSON (P(ansible.posix.json#callback), P(ansible.posix.jsonl#callback)) they are in the result alone.
  - Each element of O(text) is one line. Tabs become blanks, and what isn't printable a question mark, line breaks and terminal escapes
    included, so that a name that a tenant gave can't forge a line or move the cursor.
  - Prints nothing if the task has C(no_log).
  - Runs on the controller, whatever C(delegate_to) says.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
options:
  text:
    description: A list of lines, or a text that is one line. Nothing is printed for an empty list.
    type: raw
    required: true
seealso:
  - module: ansible.builtin.debug
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: What was done
  openstack_ops.day2.show_text:
    text: "{{ (ansible_play_hosts_all | openstack_ops.day2.limits_summary(hostvars)).text }}"
  run_once: true
"""

RETURN = r"""
text:
  description: The lines that were printed.
  returned: success
  type: list
  elements: str
  sample: ["host   limited  created", "cmp01       11       11"]
"""
