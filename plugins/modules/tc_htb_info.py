#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tc_htb_info
short_description: Show the bandwidth limits of instance ports on a compute host, with their counters
version_added: 0.1.0
description:
  - Reads the limits that M(openstack_ops.day2.tc_htb) sets from the kernel, with the bytes and drops that they counted,
    and the limits that are saved on the host for the restorer. Changes nothing, and needs no root.
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
options:
  port_ids:
    description:
      - Ids of the ports in Neutron.
      - Empty for every port of the host that has a limit, a saved limit, or a device that somebody else shapes.
    type: list
    elements: str
    default: []
seealso:
  - module: openstack_ops.day2.tc_htb
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Read all limits of this compute
  openstack_ops.day2.tc_htb_info:
  register: limits

- name: Show what was dropped
  ansible.builtin.debug:
    msg: "{{ item.port_id }} {{ item.ingress.drops }}"
  loop: "{{ limits.ports | selectattr('ingress') }}"
"""

RETURN = r"""
ports:
  description: One entry per port, in the order given, or by id.
  returned: success
  type: list
  elements: dict
  contains:
    port_id:
      description: The port's id; where only its devices are known, the 11 characters in their names.
      type: str
    devices:
      description: Which of the port's tap, qvb, qvo and ifb devices are on this host.
      type: list
      elements: str
    egress:
      description:
        - The limit on what the instance sends, null without one. The burst is rounded as the kernel's ticks round it.
        - The counters (bytes, packets, drops, overlimits, and backlog in bytes) are those of the limited traffic since
          the device was limited.
        - A limit of packets alone has V(none) for rate, ceil and burst. With one of packets, C(pkts_rate) and C(pkts_burst) are there, too,
          and C(pkts_drops), the part of C(drops) that were too many packets.
      type: dict
      sample: {rate: 20mbit, ceil: 40mbit, burst: 25000000b, exempt: [192.168.111.0/24], leaf: sfq,
               device: qvbfc618310-b9, bytes: 123456, packets: 99, drops: 0, overlimits: 3, backlog: 0,
               exempt_bytes: 7890}
    ingress:
      description: The same for what the instance receives.
      type: dict
    owner:
      description: Who else shapes a device of this port, empty if nobody does.
      type: str
    saved:
      description: The limit as saved on the host for the restorer, null if none is saved.
      type: dict
restorer:
  description: The restorer on this host, V(running), V(stopped) or V(absent).
  returned: success
  type: str
problems:
  description: Lines of the saved state that can't be read, each with the reason.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, restorer_service
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import check_port_id


def job(module: AnsibleModule) -> Outcome:
    written = enumerate(module.params["port_ids"], start=1)
    ports, problems = apply.survey([check_port_id(text, f"port_ids[{n}]") for n, text in written])
    restorer = restorer_service.Service(runner(module)).word
    return Outcome(
        changed=False, result=dict(ports=[port.public() for port in ports], restorer=restorer, problems=problems)
    )


def main() -> None:
    spec = dict(port_ids=dict(type="list", elements="str", default=[]))
    run(AnsibleModule(argument_spec=spec, supports_check_mode=True), job)


if __name__ == "__main__":
    main()
