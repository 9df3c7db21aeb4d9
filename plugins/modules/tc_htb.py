#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: tc_htb
short_description: Hold the ports of OpenStack instances to a bandwidth on their compute host
version_added: 0.1.0
description:
  - Shapes what each listed instance port sends and receives with the kernel's HTB, and leaves traffic to and from
    exempt networks (the tenant's own subnets) alone.
  - All ports of a host belong in one call. The kernel's state is read once, all changes go through one C(tc -batch).
  - >-
    A limit that exists is changed in place, never by way of no limit. Rules that an agent with the same class ids made
    (C(htb 1: default 100) with the classes C(1:100) and C(1:1) on qvb and qvo) are recognised and adopted.
  - >-
    A class runs at O(ports[].egress.ceil) only while its bucket of O(ports[].egress.burst) has tokens and then falls to
    O(ports[].egress.rate). A port that was quiet for a while has its burst allowance back.
  - >-
    O(ports[].egress.pkts_rate) drops packets above a number per second in the same place, before they take room in the queue.
  - Devices are found by the port id, as Neutron, Nova and os-vif name them (a prefix and the first 11 characters).
    What the instance receives is shaped at the root of its tap. What it sends is shaped on qvb with the hybrid plug;
    with the other plugs C(clsact) on the tap redirects it to an ifb device of the port's own.
requirements:
  - iproute2 on the host
  - a kernel with HTB, u32 and the chosen leaf; ifb, mirred and clsact for what native plugs send; act_police for packets per second
attributes:
  check_mode:
    support: full
    description: Predicts exactly what the run does, and touches nothing.
  diff_mode:
    support: full
    description: Shows the limits before and after of the ports that change.
  idempotent:
    support: full
    description: A second run changes nothing, for every legal rate, burst and network.
  platform:
    support: full
    platforms: linux
    description: Works on Linux, on rtnetlink and iproute2.
extends_documentation_fragment:
  - openstack_ops.day2.attributes
options:
  ports:
    description:
      - The ports and their limits. A port may be listed once.
      - The inventory P(openstack_ops.day2.nova_computes#inventory) and the filter
        P(openstack_ops.day2.port_limits#filter) make this list.
    type: list
    elements: dict
    default: []
    suboptions:
      port_id:
        description: The port's id in Neutron, a UUID.
        type: str
        required: true
      plug:
        description:
          - How the port is plugged.
          - V(ovs_hybrid) is tap, qbr, qvb and qvo; V(bridge) a tap on a Linux bridge; V(ovs) and V(ovn) a tap that is
            itself a port of Open vSwitch.
        type: str
        choices: [ovs_hybrid, bridge, ovs, ovn]
        required: true
      egress:
        description: What the instance sends (upload, Neutron's egress). Left out, it is not limited.
        type: dict
        suboptions: &limit
          rate:
            description:
              - The sustained rate, for example V(20mbit), V(20 Mbit/s) or V(20M).
              - A number alone, and units that may mean bytes (V(20mbps), V(20MB/s)), are refused.
              - Needed unless O(ports[].egress.pkts_rate) is given.
            type: str
          ceil:
            description:
              - The peak while the burst lasts, written like the rate. Twice the rate if left out.
            type: str
          burst:
            description:
              - The bucket, a size in tc's own syntax, at most 4 GiB and 274 s of the rate. As in tc, V(200mbit) as a
                size is 200 * 131072 bytes.
              - 10 s of the rate if left out.
            type: str
          pkts_rate:
            description:
              - How many packets per second, whatever their size, for example V(50000), V(50k) or V(50kpps). More are dropped, not queued.
              - It may be given alone or with a rate. Traffic that is exempt isn't counted.
              - What the kernel passes as one packet is one, such as a super-packet of TCP segmentation offload.
              - Needs C(act_police), Linux 5.13 and iproute2 5.13 on the host. Ports that ask for it on a host without these are refused with
                the reason and not touched.
            type: str
            version_added: 0.1.0
          pkts_burst:
            description:
              - How many packets may come at once after a quiet time.
              - A tenth of a second of O(ports[].egress.pkts_rate) if left out, and at least 32.
            type: str
            version_added: 0.1.0
      ingress:
        description: What the instance receives (download, Neutron's ingress). Left out, it is not limited.
        type: dict
        suboptions: *limit
      exempt:
        description:
          - Networks whose traffic is not limited, IPv4 and IPv6. Matched by destination for what the instance sends, by
            source for what it receives.
          - ARP and IPv6's neighbour discovery are never limited.
          - An address with bits set behind its prefix is refused, because it tends to be a typing error.
        type: list
        elements: str
        default: []
      vlans:
        description:
          - What is exempt under the tag of a VLAN, where the port is the parent of a trunk. O(ports[].exempt) is for traffic without a tag alone.
          - Needs C(cls_flower) of Linux 5.16 or later on the host; an older one goes by the addresses inside a tunnel, which tenants choose.
            Where the kernel lacks it, the port is limited without these exemptions, with a warning.
        type: list
        elements: dict
        default: []
        version_added: 0.1.0
        suboptions: &vlans
          id:
            description: The VLAN's id, 1 to 4094; the C(segmentation_id) of the trunk's subport.
            type: int
            required: true
          exempt:
            description:
              - As O(ports[].exempt), under this tag. ARP and IPv6's neighbour discovery are never limited there, either.
            type: list
            elements: str
            default: []
      why:
        description: A remark for the result, for example which rule this limit comes from. At most 1000 characters.
        type: str
        default: ''
      until:
        description:
          - When these limits end, for example V(2026-12-24T18:00+01:00). O(ports[].afterwards) follows, without a run of Ansible. The clock is
            the host's.
          - A date and a time in ISO 8601 with the zone; without one it is refused.
          - Needs O(persist), because the restorer ends the limits.
        type: str
        version_added: 0.1.0
      afterwards:
        description:
          - What follows the limits that end at O(ports[].until), in this order. Each but the last ends, too. Without any the port isn't limited then.
        type: list
        elements: dict
        default: []
        version_added: 0.1.0
        suboptions:
          egress:
            description: As O(ports[].egress).
            type: dict
            suboptions: *limit
          ingress:
            description: As O(ports[].ingress).
            type: dict
            suboptions: *limit
          exempt:
            description: As O(ports[].exempt).
            type: list
            elements: str
            default: []
          vlans:
            description: As O(ports[].vlans).
            type: list
            elements: dict
            default: []
            suboptions: *vlans
          why:
            description: As O(ports[].why).
            type: str
            default: ''
          until:
            description: As O(ports[].until).
            type: str
      state:
        description:
          - V(absent) removes the port's limits in both directions.
          - V(kept) leaves the port as it is, limited or not, and keeps O(purge) from it.
        type: str
        choices: [present, absent, kept]
        default: present
      last_resort:
        description:
          - Set this limit only where the port has none of ours yet, nor a saved one. A port that has one is V(kept), whatever that is.
        type: bool
        default: false
        version_added: 0.1.0
  purge:
    description:
      - Also remove limits of ours from ports that are not listed, and forget their saved state.
      - Ours is what has exactly the classes described above on a device named like a port's. Other qdiscs are left
        alone.
    type: bool
    default: false
  leaf:
    description:
      - The queue inside each class. V(none) is HTB's own first-in-first-out of the device's txqueuelen.
      - A kernel that lacks the leaf is reported with the leaves that it has.
    type: str
    choices: [sfq, fq_codel, pfifo, none]
    default: sfq
  takeover:
    description:
      - Replace what somebody else made on a device of a listed port (libvirt's own bandwidth, Open vSwitch's QoS of a
        Neutron policy, a qdisc made by hand). Without it such a port is refused with the reason and not touched, and
        the other ports are done.
      - Whoever made it may make it again. Better take the other limit away at its source.
    type: bool
    default: false
  strict:
    description: Fail when a device of a listed port is not on this host. Otherwise this is only told in the result.
    type: bool
    default: false
  persist:
    description:
      - Keep the limits on the host, in C(/var/lib/openstack_ops.day2/tc_htb/limits.jsonl), and have a small service
        (C(openstack-ops-tc-htb.service), the restorer) apply them whenever a port's device appears or somebody removes a
        limit, such as after a reboot of the host, a hard reboot of the instance, or a restart of Open vSwitch.
      - V(false) adds nothing, but keeps what is saved in step with this call.
      - When nothing is left to keep, the restorer is removed with its files.
    type: bool
    default: false
seealso:
  - module: openstack_ops.day2.tc_htb_info
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Limit one port
  openstack_ops.day2.tc_htb:
    ports:
      - port_id: fc618310-b936-4247-a5e4-2389a9d8c50e
        plug: ovs_hybrid
        egress: {rate: 20mbit, ceil: 40mbit, burst: 200mbit}
        ingress: {rate: 20mbit}
        exempt: [192.168.111.0/24, "fd00:1::/64"]

- name: Give a port more until the evening of that day, and then what it had
  openstack_ops.day2.tc_htb:
    ports:
      - port_id: fc618310-b936-4247-a5e4-2389a9d8c50e
        plug: ovs_hybrid
        egress: {rate: 100mbit}
        until: "2026-12-24T18:00+01:00"
        afterwards:
          - egress: {rate: 20mbit}
    persist: true

- name: Limit all ports of this compute, and no others, and keep it so
  openstack_ops.day2.tc_htb:
    ports: "{{ instance_ports | openstack_ops.day2.port_limits(rules) }}"
    purge: true
    persist: true
  vars:
    rules:
      - name: everybody
        limit:
          egress: {rate: 100mbit}
          ingress: {rate: 100mbit}

- name: Remove all limits of this host and the restorer with them
  openstack_ops.day2.tc_htb:
    ports: []
    purge: true
"""

RETURN = r"""
ports:
  description: One entry per listed port, in the order given, then one per purged port.
  returned: success, and when only some ports could not be done
  type: list
  elements: dict
  sample:
    - port_id: fc618310-b936-4247-a5e4-2389a9d8c50e
      plug: ovs_hybrid
      why: "rule 1 'everybody'"
      found: {egress: null, ingress: null}
      done: created
      change: created
      reason: ''
      now:
        egress: {rate: 20mbit, ceil: 40mbit, burst: 25mb, exempt: [192.168.111.0/24], leaf: sfq}
        ingress: {rate: 20mbit, ceil: 40mbit, burst: 25000000b, exempt: [192.168.111.0/24], leaf: sfq}
  contains:
    port_id:
      description: The port's id; of a purged port whose id is nowhere saved, the 11 characters in its device names.
      type: str
    plug:
      description: As given.
      type: str
    why:
      description: As given.
      type: str
    found:
      description: The limit in each direction before, none where it is null.
      type: dict
    done:
      description:
        - One of V(created), V(changed), V(adopted) (rules of another agent with the same class ids), V(removed), V(unchanged), V(kept),
          V(gone) (a device is not on this host; what is there was done), V(refused), V(failed).
      type: str
    change:
      description:
        - What becomes of the limit itself, V(removed), V(loosened) (a higher rate or peak), V(created), V(changed) or V(unchanged); the worse of
          both directions.
      type: str
    reason:
      description: Why a port is gone, refused or failed, or that it is kept without any limit.
      type: str
    until:
      description: When the limits end, in UTC.
      returned: where they end
      type: str
    now:
      description: The limit in each direction after, as read from the kernel; in check mode as predicted.
      type: dict
in_sync:
  description:
    - Whether the host was as asked for already, with nothing to change, nothing to warn of, and nothing refused or failed.
    - It says so also where C(changed_when) has replaced what the module says of changes.
  returned: success, and when only some ports could not be done
  type: bool
  sample: false
counts:
  description: How many ports each word of RV(ports[].done) stands for.
  returned: success, and when only some ports could not be done
  type: dict
  sample: {adopted: 0, changed: 0, created: 1, failed: 0, gone: 0, kept: 0, refused: 0, removed: 0, unchanged: 19}
restorer:
  description:
    - What the restorer is after the call, V(running) or V(absent); V(stopped) where it is installed and doesn't run, because
      something failed.
  returned: success, and when only some ports could not be done
  type: str
  sample: running
metrics:
  description: Whether the timer of M(openstack_ops.day2.tc_htb_metrics) is on the host.
  returned: success, and when only some ports could not be done
  type: bool
  sample: false
"""

import functools
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import (
    apply,
    batch,
    metrics_files,
    restorer_service,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import (
    LEAVES,
    PLUGS,
    parse_ports,
)


def argument_spec() -> dict[str, t.Any]:
    limit = dict(
        rate=dict(type="str"),
        ceil=dict(type="str"),
        burst=dict(type="str"),
        pkts_rate=dict(type="str"),
        pkts_burst=dict(type="str"),
    )
    phase = dict(
        egress=dict(type="dict", options=limit),
        ingress=dict(type="dict", options=limit),
        exempt=dict(type="list", elements="str", default=[]),
        vlans=dict(
            type="list",
            elements="dict",
            default=[],
            options=dict(id=dict(type="int", required=True), exempt=dict(type="list", elements="str", default=[])),
        ),
        why=dict(type="str", default=""),
        until=dict(type="str"),
    )
    return dict(
        ports=dict(
            type="list",
            elements="dict",
            default=[],
            options=dict(
                port_id=dict(type="str", required=True),
                plug=dict(type="str", choices=list(PLUGS), required=True),
                **phase,
                afterwards=dict(type="list", elements="dict", default=[], options=phase),
                state=dict(type="str", choices=["present", "absent", "kept"], default="present"),
                last_resort=dict(type="bool", default=False),
            ),
        ),
        purge=dict(type="bool", default=False),
        leaf=dict(type="str", choices=list(LEAVES), default="sfq"),
        takeover=dict(type="bool", default=False),
        strict=dict(type="bool", default=False),
        persist=dict(type="bool", default=False),
    )


def job(module: AnsibleModule) -> Outcome:
    params = module.params
    request = apply.Request(
        parse_ports(params["ports"], params["leaf"]),
        purge=params["purge"],
        takeover=params["takeover"],
        persist=params["persist"],
    )
    if request.persist:
        restorer_service.require_systemd()
    elif any(port.until is not None for port in request.ports):
        raise OperatorError("A port has until, which needs persist: true, since the restorer ends its limits.")
    run_command = runner(module)
    service = functools.partial(restorer_service.settle, run_command, check=module.check_mode)
    # Nothing runs them in check mode, but where packets are limited: tc is asked whether it can. What a host lacks is told before a run.
    tc, ip = (module.get_bin_path(name, required=not module.check_mode) for name in ("tc", "ip"))
    if module.check_mode:
        outcome = apply.check(request, service, batch.Batch(run_command, tc, ip) if tc and ip else None)
    else:
        apply.rooted()
        outcome = apply.apply(request, batch.Batch(run_command, tc, ip), service)
    failures = outcome.reasons(strict=params["strict"])
    return Outcome(
        changed=outcome.changed,
        result=dict(
            ports=[plan.public() for plan in outcome.plans],
            in_sync=not (outcome.changed or failures or outcome.problems),
            counts=outcome.counts,
            restorer=outcome.service,
            metrics=metrics_files.installed(),
            # What was asked for is in ports; a second time would be a third of what 1000 ports send through the wire.
            invocation=dict(module_args=dict(params, ports=f"{len(params['ports'])} ports")),
        ),
        diff=outcome.diff,
        warnings=outcome.problems,
        failures=failures,
    )


def main() -> None:
    run(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), job)


if __name__ == "__main__":
    main()
