#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_host
short_description: Look whether a host has what a change needs, before anything changes
version_added: 0.1.0
description:
  - Looks in one call whether the module runs as root, and whether programs, bindings for Python, services and files are there. Changes nothing.
  - Fails if anything is missing, and says of everything that is missing what brings it.
  - The playbooks that change hosts ask all of them first, and let M(openstack_ops.day2.preflight) end the run in one error for all.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
options:
  programs:
    description: Programs by name or path. With V(dumpe2fs or xfs_info), either is enough.
    type: list
    elements: str
    default: []
  bindings:
    description: Bindings that the Python needs which runs modules.
    type: list
    elements: str
    choices: [libvirt, rados, rbd]
    default: []
  services:
    description: Services as systemd or C(/etc/init.d) name them, whether they run or not. With V(nova-api or nova-scheduler), either is enough.
    type: list
    elements: str
    default: []
  files:
    description: Files that the services read.
    type: list
    elements: path
    default: []
seealso:
  - module: openstack_ops.day2.preflight
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Look what each host lacks
  openstack_ops.day2.preflight_host:
    programs: [tc, ip]
    services: [nova-compute]
  become: true
  register: seen
  failed_when: false

- name: End the run if a host lacks something
  openstack_ops.day2.preflight:
    register: seen
  run_once: true
"""

RETURN = r"""
missing:
  description: What is missing, each with what brings it. Empty if the host has everything.
  returned: always
  type: list
  elements: str
  sample:
    - tc isn't installed on this host; install iproute2.
"""

import importlib
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import no_binding
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import files
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, missing_program, run, runner
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import apply


def without_any(given: list[str], there: t.Callable[[str], object]) -> t.Iterator[list[str]]:
    """Of rows such as "a or b", those of which nothing is there."""
    for row in given:
        names = [name.strip() for name in row.split(" or ") if name.strip()]
        if names and not any(there(name) for name in names):
            yield names


def job(module: AnsibleModule) -> Outcome:
    missing = []
    if os.geteuid() != 0:
        user, _group = files.names(os.geteuid(), os.getegid())
        missing.append(
            f"Modules run as {user} on this host, not as root; check ansible_become and ansible_become_user."
        )
    for programs in without_any(module.params["programs"], module.get_bin_path):
        missing.append(" Or: ".join(map(missing_program, programs)))
    for binding in module.params["bindings"]:
        try:
            importlib.import_module(binding)
        except ImportError:
            missing.append(str(no_binding(binding)))
    run_command = runner(module)
    for services in without_any(module.params["services"], lambda name: apply.manager_of(name, run_command)):
        missing.append(apply.no_service(*services))
    missing += [apply.no_file(path) for path in module.params["files"] if not os.path.exists(path)]
    return Outcome(changed=False, result={"missing": missing}, failures=missing)


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            programs=dict(type="list", elements="str", default=[]),
            bindings=dict(type="list", elements="str", choices=["libvirt", "rados", "rbd"], default=[]),
            services=dict(type="list", elements="str", default=[]),
            files=dict(type="list", elements="path", default=[]),
        ),
        supports_check_mode=True,
    )
    run(module, job)


if __name__ == "__main__":
    main()
