#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_reserved_disk
short_description: Set how much disk of a compute Nova must not give away
version_added: 0.1.0
description:
  - Sets C(reserved_host_disk_mb) in a nova.conf, and nothing else in it, and restarts the services that read it if that changed something.
    nova-compute tells Placement as it starts. A restart that a killed run left undone is made up for by the next.
  - The diff shows that option alone, for the lines around it may be passwords.
attributes:
  check_mode:
    support: full
    description: Reads the file and tells what would change.
  diff_mode:
    support: full
    description: Shows the option before and after.
  idempotent:
    support: full
    description: A second run changes nothing.
  platform:
    support: full
    platforms: posix
    description: Works on a file.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  mb:
    description: How much to reserve, in MB. Nova rounds it up to whole GB.
    type: int
    required: true
  conf:
    description: The file. Where nova-compute reads several, the one that comes last.
    type: path
    default: /etc/nova/nova.conf
  lower:
    description: Set it also where more is reserved. Off, a larger reservation is left alone, for it may be somebody's headroom.
    type: bool
    default: false
  services:
    description: What to restart, as systemd or C(/etc/init.d) name it. Empty where something else does it, as in containers.
    type: list
    elements: str
    default: []
seealso:
  - module: openstack_ops.day2.compute_audit
  - module: openstack_ops.day2.service_conf
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Keep 50 GB of this compute from being given away
  openstack_ops.day2.nova_reserved_disk:
    mb: 51200
"""

RETURN = r"""
before:
  description: What was reserved, in MB, null where the file said nothing.
  returned: success
  type: int
  sample: 0
after:
  description: What is reserved in the end.
  returned: success
  type: int
  sample: 51200
steps:
  description: What was done, in this order; in check mode what would be.
  returned: success
  type: list
  elements: str
  sample:
    - set reserved_host_disk_mb in DEFAULT of /etc/nova/nova.conf
    - restart nova-compute
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._audit.conf import OPTION, reservation
from ansible_collections.openstack_ops.day2.plugins.module_utils._conf.host import bring_about, read_text
from ansible_collections.openstack_ops.day2.plugins.module_utils._conf.model import ConfError, Wish


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            mb=dict(type="int", required=True),
            conf=dict(type="path", default="/etc/nova/nova.conf"),
            lower=dict(type="bool", default=False),
            services=dict(type="list", elements="str", default=[]),
        ),
        supports_check_mode=True,
    )
    path = module.params["conf"]

    def run(args: list[str]) -> tuple[int, str, str]:
        rc, out, err = module.run_command(args, environ_update={"LC_ALL": "C"})
        return rc, out, err

    try:
        before, after = reservation(path, read_text(path), module.params["mb"], lower=module.params["lower"])
        sections = {} if after == before else {"DEFAULT": {OPTION: str(after)}}
        wish = Wish(path, sections, None, tuple(module.params["services"]))
        outcome = bring_about([wish], run, check_mode=module.check_mode)
    except ConfError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(
            msg=f"{path} can't be used ({exc.strerror}); name nova-compute's file with conf, and become root."
        )
    result: dict[str, t.Any] = dict(changed=bool(outcome.steps), before=before, after=after, steps=outcome.steps)
    if module._diff:
        result["diff"] = dict(before_header=path, after_header=path, before=_line(before), after=_line(after))
    module.exit_json(**result)


def _line(value: t.Optional[int]) -> str:
    return "" if value is None else f"{OPTION} = {value}\n"


if __name__ == "__main__":
    main()
