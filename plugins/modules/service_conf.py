#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_conf
short_description: Set options of OpenStack services, and restart services whose configuration changed
version_added: 0.1.0
description:
  - Sets options in ini files as OpenStack's services and Ceph read them. Comments, order and all other options stay as they are.
  - Restarts exactly those services one of whose files changed. All files of a host in one call, all checked before the first is written.
  - A run that was killed between writing and restarting is completed by the next, because what has to be restarted is noted first, in
    C(/var/lib/openstack_ops.day2/restart). What that run has left beside a file is removed.
  - A service that is stopped stays stopped.
  - Files are edited in place. A service reads C(PROJECT.conf) and then C(PROGRAM.conf), such as C(nova.conf) and C(nova-compute.conf), and those in
    C(PROJECT.conf.d) and C(PROGRAM.conf.d) as well. The folders have the last word where it is started plainly; where it is
    started with C(--config-file), the file that is named there has it. How a service was started is read from its running process.
    A file that would keep a wanted option from taking effect is refused; where the service doesn't run, any file that contradicts.
  - One run at a time changes configuration on a host; others wait.
attributes:
  check_mode:
    support: full
    description: Shows the steps; reads only.
  diff_mode:
    support: full
    description: >-
      Shows the wanted options before and after; nothing else of the files, where passwords may be. Of options that look like a password, a key or
      an address with a password in it, it shows only whether they change.
  platform:
    support: full
    platforms: linux
    description: Works on Linux, with systemd or init scripts.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: The file. It has to be there, unless O(files[].create) is true.
        type: path
        required: true
      sections:
        description: Options with their values, by section. Values are texts, numbers, true or false. Needed unless O(files[].state) is V(absent).
        type: dict
      state:
        description: V(absent) removes the file, and restarts its services if it was there. It must be one of one's own (O(files[].only)).
        type: str
        choices: [present, absent]
        default: present
      covers:
        description:
          - Options by section that are lists with commas, and all entries that the services' other files may have there. Another entry is refused,
            because this file would take it away.
        type: dict
        default: {}
      defaults:
        description: Options by section that are set only where nothing sets them yet.
        type: dict
        default: {}
      adds:
        description: Options by section that are lists with commas, and what they get where they lack it. Other entries stay.
        type: dict
        default: {}
      lists:
        description: >-
          Options by section that are lists with commas, with all their entries. An entry that is there and isn't wanted is refused, unless O(take_away)
          names it, as V(lvm in enabled_backends of /etc/cinder/cinder.conf).
        type: dict
        default: {}
      was:
        description: >-
          By section and option, the values that O(files[].sections) may replace. Any other value that is there is refused, unless O(take_away) names the
          option, as V(rbd_pool in rbd of /etc/cinder/cinder.conf).
        type: dict
        default: {}
      unset:
        description: By section, options of O(files[].sections) that are left out where nothing sets them, because the service takes the wanted value anyway.
        type: dict
        default: {}
      ceph:
        description: Whether it is a C(ceph.conf), where C(mon_host) and C(mon host) are the same option.
        type: bool
        default: false
      create:
        description: Whether the file is made where it isn't there, and a folder C(PROJECT.conf.d) that it is to lie in. One that is there is edited
          like any other.
        type: bool
        default: false
      only:
        description: Whether it is a file of one's own, from which all options but these are dropped.
        type: bool
        default: false
      owner:
        description: The owner of a file that is made.
        type: str
        default: root
      group:
        description: The group of a file that is made.
        type: str
        default: root
      mode:
        description: The mode of a file that is made.
        type: str
        default: "0644"
      services:
        description: The services that read it, as systemd or C(/etc/init.d) name them. Empty where they are restarted by something else.
        type: list
        elements: str
        default: []
      keep:
        description: What an operator should know where this file changes, such as where its owner has to set it, too. Shown as a warning, with
          the options as they are then, passwords hidden.
        type: str
        default: ""
  restart:
    description: Services to restart whether or not a file changes here, because an earlier task of the run has changed what they read.
    type: list
    elements: str
    default: []
  take_away:
    description: What may be replaced, or dropped from lists, in the words of the refusal.
    type: list
    elements: str
    default: []
seealso:
  - module: openstack_ops.day2.deployment_info
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

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host.files import Owned
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import apply, plan
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.keep import Kept


def desired_file(row: dict[str, t.Any]) -> plan.DesiredFile:
    path = os.path.normpath(row["path"])
    absent = row["state"] == "absent"
    if absent and not row["only"]:
        raise OperatorError(
            f"{path} isn't said to be a file of your own, so it isn't removed; set only: true if it is."
        )
    if not absent and row["sections"] is None:
        raise OperatorError(f"{path} has no sections; give the options that it should have, or set state: absent.")
    owned = Owned(row["owner"], row["group"], plan.parse_mode(path, row["mode"])) if row["create"] else None
    if absent:
        return plan.DesiredFile(path, {}, owned, tuple(row["services"]), only=True, absent=True)
    sections, defaults, adds, lists, covers = (
        plan.sections_of(path, row[kind]) for kind in ("sections", "defaults", "adds", "lists", "covers")
    )
    kept = Kept(defaults, adds, lists, row["was"], row["unset"])
    return plan.DesiredFile(
        path, sections, owned, tuple(row["services"]), kept, row["ceph"], row["only"], covers=covers
    )


def job(module: AnsibleModule) -> Outcome:
    desired = [desired_file(row) for row in module.params["files"]]
    # Ansible shows a module's parameters at -vvv and in its log; these values are hidden there, too.
    module.no_log_values.update(plan.secrets_of(desired))
    applied = apply.bring_about(
        lambda: desired,
        runner(module),
        check_mode=module.check_mode,
        yes=module.params["take_away"],
        due=module.params["restart"],
    )
    changed = {one["after_header"]: one["after"].split("\n") for one in applied.diff}
    told = [
        " ".join([row["keep"], *(f"`{line}`" for line in changed[os.path.normpath(row["path"])] if line)])
        for row in module.params["files"]
        if row["keep"] and os.path.normpath(row["path"]) in changed
    ]
    result = dict(steps=applied.steps, restarted=applied.restarted)
    return Outcome(bool(applied.steps), result, applied.diff, warnings=list(dict.fromkeys(told)))


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            files=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    path=dict(type="path", required=True),
                    sections=dict(type="dict"),
                    state=dict(type="str", choices=["present", "absent"], default="present"),
                    covers=dict(type="dict", default={}),
                    defaults=dict(type="dict", default={}),
                    adds=dict(type="dict", default={}),
                    lists=dict(type="dict", default={}),
                    was=dict(type="dict", default={}),
                    unset=dict(type="dict", default={}),
                    ceph=dict(type="bool", default=False),
                    create=dict(type="bool", default=False),
                    only=dict(type="bool", default=False),
                    owner=dict(type="str", default="root"),
                    group=dict(type="str", default="root"),
                    mode=dict(type="str", default="0644"),
                    services=dict(type="list", elements="str", default=[]),
                    keep=dict(type="str", default=""),
                ),
            ),
            restart=dict(type="list", elements="str", default=[]),
            take_away=dict(type="list", elements="str", default=[]),
        ),
        supports_check_mode=True,
    )
    run(module, job, "The next run completes what this one began.")


if __name__ == "__main__":
    main()
