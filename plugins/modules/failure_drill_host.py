#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: failure_drill_host
short_description: Break one component of a host for a few seconds; the host restores it by itself
version_added: 0.1.0
description:
  - Tells whether components are whole, breaks one of them, or undoes what a drill has broken. M(openstack_ops.day2.failure_drill) calls it,
    and measures meanwhile what users notice; the role C(failure_drill) does all of it.
  - Before anything is broken, the host has a program that undoes it, a timer of systemd that starts it after O(seconds), and a service that
    starts it after a reboot. Where it isn't proved that both are there, nothing is broken. Neither Ansible nor the network is needed then.
  - The program tries until the component is proved to be whole.
  - A host has one fault at most.
requirements:
  - systemd, and C(podman), C(docker) or C(nft) for components of these kinds
attributes:
  check_mode:
    support: full
    description: Refuses what a run would refuse, and breaks nothing.
  diff_mode:
    support: none
    description: Shows nothing.
    details: What it changes is there for some seconds; what was done is in the result.
  platform:
    support: full
    platforms: linux
    description: Works where systemd is the init.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  state:
    description:
      - V(seen) only looks.
      - V(broken) breaks the component for O(seconds).
      - V(whole) undoes the host's fault at once, if there is one, and removes what the drill has left there.
    type: str
    choices: [seen, broken, whole]
    default: seen
  components:
    description: The components to look at; exactly one to break.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is called in errors and reports.
        type: str
        required: true
      kind:
        description:
          - V(unit) is a service of systemd, V(container) one of podman or docker, V(network) the packets between the host and its peers.
          - V(command) is whatever commands on this host break, for example the power of another one, through its IPMI.
        type: str
        choices: [unit, container, network, command]
        default: unit
      unit:
        description: The service. Those that stop with it are started with it.
        type: str
      container:
        description: The container's name.
        type: str
      engine:
        description: What runs the container.
        type: str
        choices: [podman, docker]
        default: podman
      how:
        description: V(stop) in good order, V(hang) (its processes are stopped, or the container paused) or V(kill).
        type: str
        choices: [stop, hang, kill]
        default: stop
      peers:
        description: Addresses or networks that the host should lose, in both directions. Never those that Ansible comes from.
        type: list
        elements: str
      break:
        description: The program that breaks it, with its arguments. Secrets belong in a file that it reads.
        type: list
        elements: str
      undo:
        description: The program that undoes it. It may be run several times.
        type: list
        elements: str
      check:
        description: A program that ends with 0 as long as the component is whole.
        type: list
        elements: str
  seconds:
    description: After how many seconds the host undoes the fault, at most 3600. Required to break something.
    type: int
  drill:
    description: What the drill is called in the host's record of it.
    type: str
    default: by hand
  wait:
    description: For V(whole), how many seconds to wait until the fault is undone.
    type: int
    default: 300
seealso:
  - module: openstack_ops.day2.failure_drill
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Whether RabbitMQ is whole
  openstack_ops.day2.failure_drill_host:
    components:
      - {name: rabbitmq, unit: rabbitmq-server.service}

- name: Stop it for 30 seconds
  openstack_ops.day2.failure_drill_host:
    state: broken
    seconds: 30
    components:
      - {name: rabbitmq, unit: rabbitmq-server.service}

- name: Undo it now
  openstack_ops.day2.failure_drill_host:
    state: whole
"""

RETURN = r"""
components:
  description: The components, in the order given, as they were before.
  returned: success
  type: list
  elements: dict
  sample: [{name: rabbitmq, state: active, why: '', along: []}]
  contains:
    name:
      description: As given.
      type: str
    state:
      description: V(active), V(down), V(absent) (there is no such thing), V(refused) (it must not be broken) or V(unknown).
      type: str
    why:
      description: Why it isn't active.
      type: str
    along:
      description: The units that stop with it.
      type: list
      elements: str
fault:
  description: The fault that isn't undone yet, with the seconds that are left. Null where there is none.
  returned: success
  type: dict
  sample: {component: rabbitmq, drill: by hand, left: 29.8}
undone:
  description: The host's uptime in seconds when its last fault was undone. Null where that isn't known, for example after a reboot.
  returned: success
  type: float
uptime:
  description: The host's uptime in seconds.
  returned: success
  type: float
machine:
  description: What tells this host apart from the one on which Ansible runs.
  returned: success
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill import host
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.components import parse, parse_seconds
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner


def argument_spec() -> dict[str, t.Any]:
    options = dict(
        name=dict(type="str", required=True),
        kind=dict(type="str", choices=["unit", "container", "network", "command"], default="unit"),
        unit=dict(type="str"),
        container=dict(type="str"),
        engine=dict(type="str", choices=["podman", "docker"], default="podman"),
        how=dict(type="str", choices=["stop", "hang", "kill"], default="stop"),
        peers=dict(type="list", elements="str"),
        undo=dict(type="list", elements="str"),
        check=dict(type="list", elements="str"),
        **{"break": dict(type="list", elements="str")},
    )
    return dict(
        state=dict(type="str", choices=["seen", "broken", "whole"], default="seen"),
        components=dict(type="list", elements="dict", default=[], options=options),
        seconds=dict(type="int"),
        drill=dict(type="str", default="by hand"),
        wait=dict(type="int", default=300),
    )


def job(module: AnsibleModule) -> Outcome:
    params = module.params
    components = [parse(one) for one in params["components"]]
    act = runner(module)
    if params["state"] == "seen":
        return Outcome(False, host.seen(components, act))
    if params["state"] == "whole":
        changed, result = host.whole(components, act, params["wait"], check=module.check_mode)
        return Outcome(changed, result)
    if len(components) != 1:
        raise OperatorError(f"{len(components)} components are given to break; a host has one fault at a time.")
    seconds = parse_seconds(components[0].name, params["seconds"])
    return Outcome(True, host.broken(components[0], act, seconds, params["drill"], check=module.check_mode))


def main() -> None:
    run(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), job)


if __name__ == "__main__":
    main()
