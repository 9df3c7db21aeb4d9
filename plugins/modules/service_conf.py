#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_conf
short_description: Options in the configuration of OpenStack's services, and restarts where they changed
version_added: 0.1.0
description:
  - Sets options in ini files as OpenStack's services and Ceph read them. Comments, order and all other options stay as they are.
  - Restarts exactly those services one of whose files changed. All files of a host in one call, all checked before the first is written.
  - A run that was killed between writing and restarting is completed by the next, because what has to be restarted is noted first, in
    C(/var/lib/openstack_ops.day2/restart).
  - A service that is stopped stays stopped.
  - Files are edited in place. Those in C(PROJECT.conf.d) would be easier to own, but what they say counts less than a file that is named on the
    command line with C(--config-file), as most distributions start these services. One of them that contradicts is refused.
attributes:
  check_mode:
    support: full
    description: Shows the steps; reads only.
  diff_mode:
    support: full
    description: Shows the options before and after; nothing else of the files, where passwords may be.
  idempotent:
    support: full
    description: A second run changes nothing.
  platform:
    support: full
    platforms: linux
    description: Works on Linux, with systemd or init scripts.
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
options:
  files:
    description: The files. The options are shown in diffs, so no passwords in them.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The file. It has to be there, unless it is O(files[].whole).
        type: path
        required: true
      sections:
        description: Options with their values, by section. Values are texts, numbers, true or false.
        type: dict
        required: true
      whole:
        description: Whether the file holds nothing else. It is made then, and what others have put into it goes.
        type: bool
        default: false
      owner:
        description: The file's owner, where it is O(files[].whole). Others keep theirs.
        type: str
        default: root
      group:
        description: The file's group, where it is O(files[].whole).
        type: str
        default: root
      mode:
        description: The file's mode, where it is O(files[].whole).
        type: str
        default: "0644"
      services:
        description: The services that read it, as systemd or C(/etc/init.d) name them. Empty where they are restarted by something else.
        type: list
        elements: str
        default: []
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: A backend for Cinder
  openstack_ops.day2.service_conf:
    files:
      - path: /etc/cinder/cinder.conf
        services: [cinder-volume]
        sections:
          DEFAULT:
            enabled_backends: fast
          fast:
            volume_driver: cinder.volume.drivers.rbd.RBDDriver
            rbd_pool: fast
            rbd_user: cinder
"""

RETURN = r"""
steps:
  description: What was done, in this order; in check mode what would be.
  returned: success
  type: list
  elements: str
  sample:
    - set enabled_backends in DEFAULT of /etc/cinder/cinder.conf
    - restart cinder-volume
restarted:
  description: The services that were restarted; in check mode that would be.
  returned: success
  type: list
  elements: str
  sample: [cinder-volume]
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._conf import host, model


def wish_of(row: dict[str, t.Any]) -> model.Wish:
    path = os.path.normpath(row["path"])
    owned = model.Owned(row["owner"], row["group"], model.parse_mode(path, row["mode"])) if row["whole"] else None
    return model.Wish(path, model.sections_of(path, row["sections"]), owned, tuple(row["services"]))


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            files=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    path=dict(type="path", required=True),
                    sections=dict(type="dict", required=True),
                    whole=dict(type="bool", default=False),
                    owner=dict(type="str", default="root"),
                    group=dict(type="str", default="root"),
                    mode=dict(type="str", default="0644"),
                    services=dict(type="list", elements="str", default=[]),
                ),
            ),
        ),
        supports_check_mode=True,
    )

    def run(args: list[str]) -> tuple[int, str, str]:
        rc, out, err = module.run_command(args, environ_update={"LC_ALL": "C"})
        return rc, out, err

    try:
        wishes = [wish_of(row) for row in module.params["files"]]
        outcome = host.bring_about(wishes, run, check_mode=module.check_mode)
    except model.ConfError as exc:
        module.fail_json(msg=str(exc))
    except OSError as exc:
        module.fail_json(msg=f"The host refused: {exc}. What was begun is completed by the next run.")
    result: dict[str, t.Any] = dict(changed=bool(outcome.steps), steps=outcome.steps, restarted=outcome.restarted)
    if module._diff:
        result["diff"] = [
            dict(before_header=path, after_header=path, before=before, after=outcome.after[path])
            for path, before in outcome.before.items()
            if before != outcome.after[path]
        ]
    module.exit_json(**result)


if __name__ == "__main__":
    main()
