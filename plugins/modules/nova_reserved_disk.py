#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_reserved_disk
short_description: Set the disk space of a compute that Nova must not allocate
version_added: 0.1.0
description:
  - Sets C(reserved_host_disk_mb) in a nova.conf, and nothing else in it, and restarts the services that read it if that changed something.
    nova-compute tells Placement as it starts. A restart that a killed run left undone is made up for by the next.
  - The diff shows that option alone, for the lines around it may be passwords.
  - Which file nova-compute reads, and what restarts it, is asked of the host as M(openstack_ops.day2.deployment_info) does. Where nobody would
    read the file, nothing is written. Where a deployer rewrites the file, a warning and RV(keep) say what to configure there.
attributes:
  check_mode:
    support: full
    description: Reads the file and tells what would change.
  diff_mode:
    support: full
    description: Shows the option before and after.
  platform:
    support: full
    platforms: posix
    description: Works on a file.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  mb:
    description: How much to reserve, in MB. Nova rounds it up to whole GB.
    type: int
    required: true
  conf:
    description:
      - The file. Where nova-compute reads several, the one that comes last. By default the one that the host's deployer has nova-compute
        read.
    type: path
  lower:
    description: Set it also where more is reserved. Off, a larger reservation is left alone, for it may be somebody's headroom.
    type: bool
    default: false
  services:
    description:
      - What to restart, as systemd or C(/etc/init.d) name it. By default nova-compute's unit on this host. An empty list where something else
        restarts it.
    type: list
    elements: str
  deployment:
    description: What M(openstack_ops.day2.deployment_info) has told of this host, its RV(ignore:deployment). By default the host is asked.
    type: dict
seealso:
  - module: openstack_ops.day2.compute_audit
  - module: openstack_ops.day2.deployment_info
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
keep:
  description:
    - What to tell the host's deployer so that its next run keeps the reservation. Empty where this host's file is the place, and where
      O(conf) and O(services) were given.
  returned: success
  type: str
  sample: ""
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.given import given_or_found
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.model import Deployment
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.overrides import kept_by
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import apply, nova_disk, plan


def job(module: AnsibleModule) -> Outcome:
    params = module.params
    conf, services, made = place(module)
    numbers: dict[str, int | None] = {}

    def desire() -> list[plan.DesiredFile]:
        text = apply.read_text(conf)
        before, after = nova_disk.reservation(conf, text, params["mb"], lower=params["lower"])
        numbers.update(before=before, after=after)
        return [nova_disk.desired_file(conf, after, services)]

    applied = apply.bring_about(desire, runner(module), check_mode=module.check_mode)
    keep = kept_by(made, nova_disk.OPTION, str(numbers["after"])) if made else ""
    warnings = [f"{conf}: {made.lasts} {keep}"] if made and keep and applied.steps else []
    return Outcome(bool(applied.steps), dict(numbers, steps=applied.steps, keep=keep), applied.diff, warnings=warnings)


def place(module: AnsibleModule) -> tuple[str, list[str], Deployment | None]:
    """The file, what is to be restarted, and the host where it was asked. Raises OperatorError where nobody would read the file."""
    conf, services = module.params["conf"], module.params["services"]
    if conf and services is not None:
        return conf, services, None
    made = given_or_found(module.params["deployment"], runner(module))
    file = conf or made.file_of("nova-compute")
    return file, [made.unit_of("nova-compute")] if services is None else services, made


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            mb=dict(type="int", required=True),
            conf=dict(type="path"),
            lower=dict(type="bool", default=False),
            services=dict(type="list", elements="str"),
            deployment=dict(type="dict"),
        ),
        supports_check_mode=True,
    )
    run(module, job, "Become root.")


if __name__ == "__main__":
    main()
