# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module that does nothing with what it is given: Ansible's own share of a task."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(argument_spec={"ports": {"type": "list", "elements": "dict"}}, supports_check_mode=True)
    module.exit_json(changed=False, ports=module.params["ports"])


if __name__ == "__main__":
    main()
