#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: virt_domain_tune
short_description: Set CPU shares, CPU quota and disk throttles of libvirt domains, live and persistent
version_added: 0.1.0
description:
  - Sets the CPU shares and the quota of a domain's vCPUs, and the bytes and operations a second of its disks, as C(virsh schedinfo) and
    C(virsh blkdeviotune) do with C(--live --config), without a restart of the instance, reads them back, and takes them away again. Where
    the domain doesn't run, only its configuration is changed.
  - Disks are throttled by QEMU itself, so it works for RBD, logical volumes, qcow2 and raw files, and NFS.
  - All instances of a host belong in one call. What can't be done to one doesn't keep the others from theirs.
  - A hard reboot makes Nova recreate the domain from the flavor, without these settings, and so does the start of an instance that
    was stopped. As with M(openstack_ops.day2.virt_interface_limit), nothing on the host brings it back. Run this again then.
  - What libvirt would write into a configuration with which the domain could not start any more is refused before.
attributes:
  diff_mode:
    support: full
    description: Shows the numbers before and after of the parts that change.
extends_documentation_fragment:
  - openstack_ops.day2.libvirt
  - openstack_ops.day2.attributes
options:
  domains:
    description: The domains, and what each is given. A part (the CPU, or a disk) may be listed once.
    type: list
    elements: dict
    required: true
    suboptions:
      domain:
        description: The domain's name (C(instance-0000002a)) or UUID, which is the instance's id in Nova.
        type: str
        required: true
      cpu:
        description: What the domain's vCPUs may use. Left out, it stays as it is; so do shares or quota alone.
        type: dict
        suboptions:
          shares:
            description:
              - The domain's weight when domains compete for CPU, libvirt's C(cpu_shares). No limit.
              - At most 10000 where the host has cgroup v2, 262144 with cgroup v1. A domain that was given none has 100, or 1024.
            type: int
          vcpu_quota:
            description: How many microseconds of each O(domains[].cpu.vcpu_period) each vCPU may run, from 1000; V(-1) for no limit.
            type: int
          vcpu_period:
            description: The period in microseconds, 1000 to 1000000. V(100000) if left out.
            type: int
          state:
            description:
              - V(absent) takes the quota away and gives the shares that a domain has which was never given any, whoever has set them.
              - It doesn't remember what the flavor (C(quota:cpu_shares)) had set.
            type: str
            choices: [present, absent]
            default: present
      disks:
        description: The disks and their throttles. What is left out of a throttle isn't limited.
        type: list
        elements: dict
        suboptions:
          disk:
            description: The disk's target in the domain (C(vda)), or its serial, which is the volume's id in Cinder.
            type: str
            required: true
          total_bytes_sec:
            description:
              - Bytes a second, read and written. A whole number from 65536, or one with a unit, V(20MB) (of 1000) or V(20MiB) (of 1024).
              - Totals exclude reads and writes of the same kind. QEMU refuses both.
            type: str
          read_bytes_sec:
            description: Bytes a second that are read.
            type: str
          write_bytes_sec:
            description: Bytes a second that are written.
            type: str
          total_iops_sec:
            description: Operations a second, reads and writes.
            type: int
          read_iops_sec:
            description: Reads a second.
            type: int
          write_iops_sec:
            description: Writes a second.
            type: int
          total_bytes_sec_max:
            description: Bytes a second while a burst lasts. At least O(domains[].disks[].total_bytes_sec).
            type: str
          total_bytes_sec_max_length:
            description: How many seconds a burst lasts. V(1) if left out. Wants O(domains[].disks[].total_bytes_sec_max).
            type: int
          read_bytes_sec_max:
            description: Bytes a second while a burst lasts. At least O(domains[].disks[].read_bytes_sec).
            type: str
          read_bytes_sec_max_length:
            description: How many seconds a burst lasts. V(1) if left out. Wants O(domains[].disks[].read_bytes_sec_max).
            type: int
          write_bytes_sec_max:
            description: Bytes a second while a burst lasts. At least O(domains[].disks[].write_bytes_sec).
            type: str
          write_bytes_sec_max_length:
            description: How many seconds a burst lasts. V(1) if left out. Wants O(domains[].disks[].write_bytes_sec_max).
            type: int
          total_iops_sec_max:
            description: Operations a second while a burst lasts. At least O(domains[].disks[].total_iops_sec).
            type: int
          total_iops_sec_max_length:
            description: How many seconds a burst lasts. V(1) if left out. Wants O(domains[].disks[].total_iops_sec_max).
            type: int
          read_iops_sec_max:
            description: Reads a second while a burst lasts. At least O(domains[].disks[].read_iops_sec).
            type: int
          read_iops_sec_max_length:
            description: How many seconds a burst lasts. V(1) if left out. Wants O(domains[].disks[].read_iops_sec_max).
            type: int
          write_iops_sec_max:
            description: Writes a second while a burst lasts. At least O(domains[].disks[].write_iops_sec).
            type: int
          write_iops_sec_max_length:
            description: How many seconds a burst lasts. V(1) if left out. Wants O(domains[].disks[].write_iops_sec_max).
            type: int
          size_iops_sec:
            description: An operation of more bytes than this counts as several. Wants a limit of operations.
            type: int
          state:
            description: V(absent) takes the disk's throttle away, whoever has set it. It doesn't remember.
            type: str
            choices: [present, absent]
            default: present
      why:
        description: A remark for the result, for example a ticket.
        type: str
        default: ''
  strict:
    description: Fail when a listed domain is not on this host. Otherwise this is only told in the result.
    type: bool
    default: false
notes:
  - A disk that the domain hasn't is refused with those that it has, before anything is changed.
  - A disk that is throttled together with another one (a C(group_name)) is refused, because what is set for one counts for all.
seealso:
  - module: openstack_ops.day2.virt_interface_limit
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Half a CPU for each vCPU, and 20 MiB/s with bursts of 100 MiB/s for 10 s
  openstack_ops.day2.virt_domain_tune:
    domains:
      - domain: 480cb82d-9bc5-4034-a14d-8799e33aad97
        cpu: {shares: 50, vcpu_quota: 50000, vcpu_period: 100000}
        disks:
          - disk: vda
            total_bytes_sec: 20MiB
            total_bytes_sec_max: 100MiB
            total_bytes_sec_max_length: 10
            total_iops_sec: 500

- name: Reads and writes of a volume each for itself
  openstack_ops.day2.virt_domain_tune:
    domains:
      - domain: instance-0000002a
        disks:
          - disk: 3f1a6a08-61a4-4d4c-9c0e-2a3d8e5b7c11
            read_iops_sec: 400
            write_iops_sec: 100

- name: No limit any more
  openstack_ops.day2.virt_domain_tune:
    domains:
      - domain: instance-0000002a
        cpu: {state: absent}
        disks:
          - disk: vda
            state: absent
"""

RETURN = r"""
parts:
  description: One entry for each CPU and disk that was listed, in the order given, the CPU of a domain before its disks.
  returned: success, and when only some parts could not be done
  type: list
  elements: dict
  sample:
    - domain: instance-0000002a
      uuid: 480cb82d-9bc5-4034-a14d-8799e33aad97
      part: disk
      disk: vda
      why: ''
      found: {live: {}, config: {}}
      done: created
      reason: ''
      now:
        live: {total_bytes_sec: 20971520}
        config: {total_bytes_sec: 20971520}
  contains:
    domain:
      description: The domain's name; as given where it isn't on this host.
      type: str
    uuid:
      description: The domain's UUID.
      type: str
    part:
      description: V(cpu) or V(disk).
      type: str
    disk:
      description: The disk's target; empty for the CPU.
      type: str
    why:
      description: As given.
      type: str
    found:
      description:
        - The numbers before, C(live) of the running domain as the kernel and QEMU have them (null where it doesn't run) and C(config) of
          its configuration (null where libvirt keeps none).
        - Of a CPU C(shares), C(vcpu_quota) and C(vcpu_period), null where nothing is set. Of a disk the numbers that are set.
      type: dict
    done:
      description:
        - What was done, or in check mode would be. V(created), V(changed), V(removed), V(unchanged), V(gone) (not on this host),
          V(refused) (throttled together with another disk) or V(failed).
      type: str
    reason:
      description: Why it was refused, failed or is gone.
      type: str
    now:
      description: The numbers after, as read back from libvirt; in check mode as predicted.
      type: dict
counts:
  description: How many parts each word of RV(parts[].done) stands for.
  returned: success, and when only some parts could not be done
  type: dict
  sample: {changed: 0, created: 1, failed: 0, gone: 0, refused: 0, removed: 0, unchanged: 1}
text:
  description: A line for each part, what was done and its numbers now.
  returned: success, and when only some parts could not be done
  type: list
  elements: str
  sample: ["instance-0000002a, disk vda: created; now total_bytes_sec 20 MiB, total_iops_sec 500"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune import apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune.wanted import parse_domains


def argument_spec() -> dict[str, t.Any]:
    state = dict(type="str", choices=["present", "absent"], default="present")
    throttle = dict(
        total_bytes_sec=dict(type="str"),
        total_bytes_sec_max=dict(type="str"),
        total_bytes_sec_max_length=dict(type="int"),
        read_bytes_sec=dict(type="str"),
        read_bytes_sec_max=dict(type="str"),
        read_bytes_sec_max_length=dict(type="int"),
        write_bytes_sec=dict(type="str"),
        write_bytes_sec_max=dict(type="str"),
        write_bytes_sec_max_length=dict(type="int"),
        total_iops_sec=dict(type="int"),
        total_iops_sec_max=dict(type="int"),
        total_iops_sec_max_length=dict(type="int"),
        read_iops_sec=dict(type="int"),
        read_iops_sec_max=dict(type="int"),
        read_iops_sec_max_length=dict(type="int"),
        write_iops_sec=dict(type="int"),
        write_iops_sec_max=dict(type="int"),
        write_iops_sec_max_length=dict(type="int"),
        size_iops_sec=dict(type="int"),
    )
    return dict(
        domains=dict(
            type="list",
            elements="dict",
            required=True,
            options=dict(
                domain=dict(type="str", required=True),
                cpu=dict(
                    type="dict",
                    options=dict(
                        shares=dict(type="int"), vcpu_quota=dict(type="int"), vcpu_period=dict(type="int"), state=state
                    ),
                ),
                disks=dict(
                    type="list",
                    elements="dict",
                    options=dict(disk=dict(type="str", required=True), state=state, **throttle),
                ),
                why=dict(type="str", default=""),
            ),
        ),
        uri=dict(type="str", default="qemu:///system"),
        strict=dict(type="bool", default=False),
    )


def job(module: AnsibleModule) -> Outcome:
    parts = parse_domains(module.params["domains"])
    act = apply.check if module.check_mode else apply.apply
    with apply.Libvirt.open(module.params["uri"]) as libvirt:
        outcome = act(parts, libvirt, apply.this_host())
    failing = ("refused", "failed", "gone") if module.params["strict"] else ("refused", "failed")
    return Outcome(
        outcome.changed,
        dict(
            parts=[plan.public() for plan in outcome.plans],
            counts=outcome.counts,
            text=[plan.text for plan in outcome.plans],
        ),
        diff=outcome.diff,
        failures=[plan.reason for plan in outcome.plans if plan.done in failing],
    )


def main() -> None:
    run(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), job)


if __name__ == "__main__":
    main()
