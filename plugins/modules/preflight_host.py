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
  configured:
    description:
      - Services of OpenStack one of whose options the change sets, as M(openstack_ops.day2.deployment_info) names them. It is missing if
        nobody on the host would read it, or if the host's deployer isn't recognised.
    type: list
    elements: str
    default: []
  restarted:
    description: Services by the same names that the change stops or restarts. It is missing if the host has no unit of it.
    type: list
    elements: str
    default: []
  recognise:
    description:
      - Ask who made the host, also if no services are named. A host on which no deployer is recognised may then be one without OpenStack, and
        lacks nothing; one on which two are does.
    type: bool
    default: false
  deployment:
    description:
      - What M(openstack_ops.day2.deployment_info) has told of this host, its RV(ignore:deployment). By default the host is asked, if
        O(configured) or O(restarted) name services, or with O(recognise).
    type: dict
seealso:
  - module: openstack_ops.day2.deployment_info
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
deployment:
  description: The host, as M(openstack_ops.day2.deployment_info) tells it. Null where it wasn't asked for, or isn't recognised.
  returned: always
  type: dict
"""

import importlib
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, Run, no_binding
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.given import given_or_found
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.look import NotRecognised
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.model import Deployment
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
    made, unread = deployed(module.params, run_command)
    missing += unread
    told = {"missing": missing, "deployment": made.public() if made else None}
    return Outcome(changed=False, result=told, failures=missing)


def deployed(params: dict[str, t.Any], run_command: Run) -> tuple[Deployment | None, list[str]]:
    """The host as its deployer made it, where that is asked for; and an error for each of the services that it lacks."""
    named = params["configured"] or params["restarted"]
    if not named and not params["recognise"]:
        return None, []
    try:
        made = given_or_found(params["deployment"], run_command)
    except NotRecognised as exc:
        return None, [str(exc)] if named else []
    except OperatorError as exc:
        return None, [str(exc)]
    lacks = [
        *_lacking(params["configured"], made.file_of, os.path.exists, apply.no_file),
        *_lacking(
            params["restarted"], made.unit_of, lambda unit: apply.manager_of(unit, run_command), apply.no_service
        ),
    ]
    return made, list(dict.fromkeys(lacks))


def _lacking(
    names: list[str], of: t.Callable[[str], str], there: t.Callable[[str], object], error: t.Callable[[str], str]
) -> t.Iterator[str]:
    """An error for each of the services whose file or unit isn't known, or isn't there."""
    for name in names:
        try:
            found = of(name)
        except OperatorError as exc:
            yield str(exc)
        else:
            if not there(found):
                yield error(found)


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            programs=dict(type="list", elements="str", default=[]),
            bindings=dict(type="list", elements="str", choices=["libvirt", "rados", "rbd"], default=[]),
            services=dict(type="list", elements="str", default=[]),
            files=dict(type="list", elements="path", default=[]),
            configured=dict(type="list", elements="str", default=[]),
            restarted=dict(type="list", elements="str", default=[]),
            recognise=dict(type="bool", default=False),
            deployment=dict(type="dict"),
        ),
        supports_check_mode=True,
    )
    run(module, job)


if __name__ == "__main__":
    main()
