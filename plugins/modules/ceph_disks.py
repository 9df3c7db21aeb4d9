#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: ceph_disks
short_description: Show what each disk of a host is used for, and whether Ceph can have it
version_added: 0.1.0
description:
  - Tells of each disk of the host its name in C(/dev/disk/by-id), serial, model and size, what is on it (partitions, LVM, RAID, signatures,
    mounts, swap, processes that have it open, parts of OSDs), and whether Ceph may take it.
  - A disk is free only if every question was answered. One that can't be read, or that LVM, C(wipefs) or the kernel doesn't tell of, is not.
  - Nothing on the host is changed. OSDs are read from LVM's tags and BlueStore's labels, so neither C(ceph-volume) nor a cluster is needed.
requirements:
  - util-linux (C(wipefs)) and lvm2 on the host
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
options:
  state:
    description: V(listed) tells what is there.
    type: str
    choices: [listed]
    default: listed
  timeout:
    description: Seconds for all disks to answer. One that hangs is listed as unknown.
    type: int
    default: 60
notes:
  - A disk isn't free either if it is read-only, removable, smaller than 5 GiB, has no name in C(/dev/disk/by-id), tells no serial, has the serial of
    another disk, or has data in its first MiB without a signature.
seealso:
  - module: openstack_ops.day2.ceph_host_info
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: What disks are there
  openstack_ops.day2.ceph_disks:
  register: found

- name: Those that Ceph may take
  ansible.builtin.debug:
    msg: "{{ found.disks | selectattr('free') | map(attribute='name') }}"
"""

RETURN = r"""
disks:
  description: The disks of the host, by their kernel names.
  returned: success
  type: list
  elements: dict
  sample:
    - device: /dev/sdb
      name: ata-ST16000NM000J-2TW103_ZR5EXAMPLE
      names: [ata-ST16000NM000J-2TW103_ZR5EXAMPLE, wwn-0x5000c500example]
      serial: ZR5EXAMPLE
      model: ST16000NM000J-2T
      size: 16000900661248
      rotational: true
      partitions: []
      on_top: []
      signatures: []
      volume_groups: []
      mounts: []
      osds: []
      free: true
      why: []
  contains:
    device:
      description: Its name now. The next boot may give it another.
      type: str
    name:
      description: Its first name in C(/dev/disk/by-id), one that its label shows where there is such a name.
      type: str
    names:
      description: All its names there that don't come from what is on it.
      type: list
      elements: str
    serial:
      description: Its serial, as the kernel or else udev has it.
      type: str
    model:
      description: Its model.
      type: str
    size:
      description: Bytes.
      type: int
    rotational:
      description: Whether the kernel takes it for one that turns.
      type: bool
    partitions:
      description: The kernel's names of its partitions.
      type: list
      elements: str
    on_top:
      description: Names of logical volumes, arrays and other devices on top of it.
      type: list
      elements: str
    signatures:
      description: Types of what C(wipefs) knows on the disk, and with C(on PARTITION) on its partitions.
      type: list
      elements: str
    volume_groups:
      description: LVM's groups that it, or something on top of it, belongs to.
      type: list
      elements: str
    mounts:
      description: Where it, or something on top of it, is mounted, in any mount namespace; C(swap) for swap.
      type: list
      elements: str
    osds:
      description: The parts of OSDs on it. C(part) is block, db or wal, C(cluster) the cluster's fsid. C(id) is -1 where nothing there tells it.
      type: list
      elements: dict
    free:
      description: Whether Ceph may take it.
      type: bool
    why:
      description: Why not. What begins with C(unknown) couldn't be found out.
      type: list
      elements: str
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph_disks.look import Host
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph_disks.model import judge
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner


def argument_spec() -> dict[str, t.Any]:
    return dict(state=dict(type="str", choices=["listed"], default="listed"), timeout=dict(type="int", default=60))


def job(module: AnsibleModule) -> Outcome:
    disks = Host(runner(module), module.params["timeout"]).disks()
    return Outcome(False, dict(disks=[verdict.public() for verdict in judge(disks)]))


def main() -> None:
    run(AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True), job)


if __name__ == "__main__":
    main()
