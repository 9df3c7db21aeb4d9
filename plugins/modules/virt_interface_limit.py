#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virt_interface_limit
short_description: Limit NICs of running libvirt domains, live and persistent
version_added: 0.1.0
description:
  - Sets libvirt's own bandwidth of a domain's NICs, as C(virsh domiftune --live --config) does, without a restart of the instance,
    reads it back, and takes it away again. Where the domain doesn't run, only its configuration is changed.
  - Directions are seen from the instance. I(inbound) is what it receives (Neutron's ingress), I(outbound) what it sends
    (Neutron's egress).
  - All NICs of a host belong in one call. What can't be done to one doesn't keep the others from theirs.
  - libvirt can't exempt any traffic from a limit. Where tenants' internal traffic is to be free, use M(openstack_ops.day2.tc_htb).
  - A hard reboot makes Nova recreate the domain, without the limit, and so does the start of an instance that was stopped. Run this
    again then, for example after Nova's notification.
  - A limit of the same values is set again where libvirt still reports it but the kernel no longer has it, for example because
    Open vSwitch has removed the qdisc.
attributes:
  diff_mode:
    support: full
    description: Shows the limits before and after of the NICs that change.
extends_documentation_fragment:
  - openstack_ops.day2.libvirt
  - openstack_ops.day2.attributes
options:
  interfaces:
    description:
      - The NICs and their limits. A NIC may be listed once.
      - Which one is meant is said by exactly one of O(interfaces[].nic), O(interfaces[].mac) and O(interfaces[].port_id).
    type: list
    elements: dict
    required: true
    suboptions:
      domain:
        description:
          - The domain's name (C(instance-0000002a)) or UUID, which is the instance's id in Nova.
          - With O(interfaces[].mac) or O(interfaces[].port_id) it can be left out; then all domains of the host are looked through.
        type: str
      nic:
        description: The place of the NIC in the domain, 1 for the first. Wants O(interfaces[].domain).
        type: int
      mac:
        description: The NIC's MAC address.
        type: str
      port_id:
        description: The port's id in Neutron, a UUID.
        type: str
      inbound:
        description: What the instance receives. Left out, it is not limited.
        type: dict
        suboptions:
          average:
            description:
              - The sustained rate in kilobytes a second. libvirt's manual calls them so, and its tc statements make 1000 bytes
                of them, so V(2500) are 20 Mbit/s.
            type: int
            required: true
          peak:
            description:
              - The rate while the burst lasts, in kilobytes a second. The average if left out.
              - For a NIC that libvirt has made a port of Open vSwitch (C(virtualport)) the average, and refused if it is not. The
                switch takes the average for a minimum, and lets the port run permanently at the peak. There it is reported as
                the average, too, where it was left out.
            type: int
          burst:
            description:
              - How much is let through at the peak, in KiB (1024 bytes), at most 274 s of the average.
              - Left out, the kernel's own is a packet, and the peak is hardly seen.
            type: int
      outbound:
        description: What the instance sends. Left out, it is not limited.
        type: dict
        suboptions:
          average:
            description: The sustained rate in kilobytes (1000 bytes) a second.
            type: int
            required: true
          peak:
            description: Kept in the domain, but without effect. libvirt polices this direction, and a policer has no peak.
            type: int
          burst:
            description:
              - How much is let through at once, in KiB, at whatever speed the instance has. As many KiB as the average has kilobytes
                if left out, which is about a second of it.
              - What is above rate and burst is dropped, not queued. A small burst costs TCP much of the rate.
            type: int
      why:
        description: A remark for the result, for example which rule this limit comes from.
        type: str
        default: ''
      state:
        description:
          - V(absent) takes the limits away in both directions, whoever has set them in libvirt. It doesn't remember.
          - V(kept) leaves the NIC as it is.
        type: str
        choices: [present, absent, kept]
        default: present
  strict:
    description: Fail when a listed NIC or its domain is not on this host. Otherwise this is only told in the result.
    type: bool
    default: false
notes:
  - A NIC whose device somebody else shapes is refused with the owner's name, and left alone. That is M(openstack_ops.day2.tc_htb) (its
    limit or its saved one), a QoS policy of Neutron, or a qdisc made by hand. libvirt would wipe what it finds, and report nothing of it.
  - Where one of libvirt's tc statements fails, it leaves what the others have made and reports the limit of before. The module looks,
    cleans up through libvirt, and says so.
seealso:
  - module: openstack_ops.day2.tc_htb
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Hold the second NIC of an instance to 20 Mbit/s down and 8 Mbit/s up
  openstack_ops.day2.virt_interface_limit:
    interfaces:
      - domain: 480cb82d-9bc5-4034-a14d-8799e33aad97
        nic: 2
        inbound: {average: 2500, peak: 5000, burst: 2048}
        outbound: {average: 1000, burst: 1000}

- name: The same by a port's id, wherever it is on this host
  openstack_ops.day2.virt_interface_limit:
    interfaces:
      - port_id: fc618310-b936-4247-a5e4-2389a9d8c50e
        inbound: {average: 2500}

- name: No limit any more
  openstack_ops.day2.virt_interface_limit:
    interfaces:
      - domain: instance-0000002a
        mac: fa:16:3e:2e:1d:9b
        state: absent
"""

RETURN = r"""
interfaces:
  description: One entry per listed NIC, in the order given.
  returned: success, and when only some NICs could not be done
  type: list
  elements: dict
  sample:
    - domain: instance-0000002a
      uuid: 480cb82d-9bc5-4034-a14d-8799e33aad97
      nic: 2
      mac: fa:16:3e:2e:1d:9b
      device: tapfc618310-b9
      port_id: fc618310-b936-4247-a5e4-2389a9d8c50e
      why: ''
      found:
        live: {inbound: null, outbound: null}
        config: {inbound: null, outbound: null}
      done: created
      reason: ''
      now:
        live: {inbound: {average: 2500, peak: 5000, burst: 2048}, outbound: {average: 1000, peak: 0, burst: 1000}}
        config: {inbound: {average: 2500, peak: 5000, burst: 2048}, outbound: {average: 1000, peak: 0, burst: 1000}}
  contains:
    domain:
      description: The domain's name; as given where it isn't on this host.
      type: str
    uuid:
      description: The domain's UUID.
      type: str
    nic:
      description: The place of the NIC in the domain, 1 for the first.
      type: int
    mac:
      description: The NIC's MAC address.
      type: str
    device:
      description: The NIC's device on the host.
      type: str
    port_id:
      description: The port's id as given, or as libvirt knows it.
      type: str
    why:
      description: As given.
      type: str
    found:
      description:
        - The limits before, C(live) of the running domain (null where it doesn't run) and C(config) of its configuration (null
          where libvirt keeps none), each with C(inbound) and C(outbound).
        - A peak or burst of 0 was not given.
      type: dict
    done:
      description:
        - What was done, or in check mode would be. V(created), V(changed), V(removed), V(unchanged), V(kept), V(gone) (not on this host),
          V(refused) (somebody else shapes it) or V(failed).
      type: str
    reason:
      description: A remark, for example what was left behind and cleaned up.
      type: str
    now:
      description: The limits after, as read back from libvirt; in check mode as predicted.
      type: dict
in_sync:
  description:
    - Whether the host was as asked for already, with nothing to change and nothing that failed or was refused.
    - It says so also where C(changed_when) has replaced what the module says of changes.
  returned: success, and when only some NICs could not be done
  type: bool
  sample: false
counts:
  description: How many NICs each word of RV(interfaces[].done) stands for.
  returned: success, and when only some NICs could not be done
  type: dict
  sample: {changed: 0, created: 1, failed: 0, gone: 0, kept: 0, refused: 0, removed: 0, unchanged: 19}
text:
  description: A line for each NIC, what was done and its limits now.
  returned: success, and when only some NICs could not be done
  type: list
  elements: str
  sample: ["instance-0000002a, NIC 2 (tapfc618310-b9): created; now inbound 20mbit (peak 40mbit, burst 2mb), outbound 8mbit (burst 1000kb)"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface import apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.limits import parse_interfaces


def argument_spec() -> dict[str, t.Any]:
    limit = dict(
        average=dict(type="int", required=True),
        peak=dict(type="int"),
        burst=dict(type="int"),
    )
    return dict(
        interfaces=dict(
            type="list",
            elements="dict",
            required=True,
            options=dict(
                domain=dict(type="str"),
                nic=dict(type="int"),
                mac=dict(type="str"),
                port_id=dict(type="str"),
                inbound=dict(type="dict", options=limit),
                outbound=dict(type="dict", options=limit),
                why=dict(type="str", default=""),
                state=dict(type="str", choices=["present", "absent", "kept"], default="present"),
            ),
        ),
        uri=dict(type="str", default="qemu:///system"),
        strict=dict(type="bool", default=False),
    )


def job(module: AnsibleModule) -> Outcome:
    desired = parse_interfaces(module.params["interfaces"])
    act = apply.check if module.check_mode else apply.apply
    with apply.Libvirt.open(module.params["uri"]) as libvirt:
        outcome = act(desired, libvirt, apply.look_around)
    failing = ("refused", "failed", "gone") if module.params["strict"] else ("refused", "failed")
    failures = [
        plan.reason
        for word in (("refused", "failed"), ("gone",))
        for plan in outcome.plans
        if plan.done in word and plan.done in failing
    ]
    return Outcome(
        outcome.changed,
        dict(
            interfaces=[plan.public() for plan in outcome.plans],
            in_sync=not (outcome.changed or failures),
            counts=outcome.counts,
            text=[plan.text for plan in outcome.plans],
        ),
        diff=outcome.diff,
        failures=failures,
    )


def main() -> None:
    run(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), job)


if __name__ == "__main__":
    main()
