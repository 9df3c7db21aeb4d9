#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compute_audit_info
short_description: Gather a compute's resources and instances, for comparison with Nova and Placement
version_added: 0.1.0
description:
  - Looks in one call at libvirt's domains with their disks and at its secrets, at LVM's groups and volumes and who made each,
    at the file system and the folders of the instances, at nova.conf, and at bandwidth limits. Changes nothing.
  - Over a read-only connection libvirt doesn't reveal the value of a secret; only UUIDs and usages are read.
  - With C(images_type = rbd) in nova.conf it asks Ceph with Nova's own user and keyring how full Nova's pool is, and lists the
    images in it on request (V(rbd_images) in O(parts)).
  - A part that can't be looked at is null and is named in RV(found.unknown) with the reason. It is never taken for empty.
  - M(openstack_ops.day2.compute_audit) compares what several hosts tell with Nova and Placement.
requirements:
  - python3-libvirt, lvm2, and python3-rados and python3-rbd on the host, for those parts
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
options:
  host:
    description: The host as Nova calls it. Empty for C(host) of nova.conf, or the machine's own name.
    type: str
    default: ""
  instances_path:
    description:
      - Where the instances are. Empty for what nova.conf says, or C(/var/lib/nova/instances). Where nova-compute runs in a container and
        O(nova_conf) is empty, for where its engine has put that path of the container.
    type: str
    default: ""
  nova_conf:
    description:
      - nova-compute's configuration files and folders of such files, in its order. Missing ones are left out. Empty for those that the host's
        deployer has nova-compute read, as M(openstack_ops.day2.deployment_info) tells.
      - The folders have the last word where nova-compute runs without C(--config-file), the files where it runs with it. Where it doesn't
        run, an option that a file and a folder set to different values is unknown.
    type: list
    elements: path
    default: []
  cinder_conf:
    description: cinder-volume's configuration files and folders of such files, for the part V(cinder). Empty as with O(nova_conf).
    type: list
    elements: path
    default: []
  uri:
    description:
      - The libvirt to ask. Empty for the one by which the host's deployer has it reached, or V(qemu:///system) where O(nova_conf) is given.
    type: str
    default: ""
  deployment:
    description:
      - What M(openstack_ops.day2.deployment_info) has told of this host, its RV(ignore:deployment). By default the host is asked where
        O(nova_conf), or O(cinder_conf) for its part, is empty.
    type: dict
  parts:
    description:
      - What to look at. nova.conf is always read, where it is there. A part that isn't listed is null.
      - V(rbd_images) lists a pool, which all computes share, and V(cinder) is of a host with cinder-volume; so neither is asked of
        every compute.
    type: list
    elements: str
    choices: [memory, instances, lvm, libvirt, limits, rbd, rbd_images, cinder]
    default: [memory, instances, lvm, libvirt, limits, rbd]
seealso:
  - module: openstack_ops.day2.compute_audit
  - module: openstack_ops.day2.deployment_info
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Look at this compute
  openstack_ops.day2.compute_audit_info:
  register: compute_audit_info

- name: Show volumes that neither Nova nor this host has made
  ansible.builtin.debug:
    msg: "{{ compute_audit_info.found.lvm.volumes | selectattr('maker', 'eq', 'foreign') }}"
"""

RETURN = r"""
found:
  description: The host. Sizes are in bytes.
  returned: success
  type: dict
  contains:
    host:
      description: Nova's name of this host.
      type: str
    commands:
      description:
        - C(unit), nova-compute's unit, and C(virsh), the container engine and the container that virsh runs in, empty for the host itself. Each is null
          where it isn't known, and both together where RV(deployment) is.
      type: dict
    unknown:
      description: By part (C(libvirt), C(lvm), ...), why it couldn't be looked at, or not wholly.
      type: dict
    cpus:
      description: The CPUs (threads) that the kernel runs.
      type: int
    memory:
      description: RAM, C(total) and C(available).
      type: dict
    nova_conf:
      description: The options of nova.conf that matter here, and C(files), where they were found. Never a secret.
      type: dict
    instances:
      description:
        - The instances path, its mount point, the C(total), C(used) and C(free) bytes of its file system (C(free) for others than
          root), whether other hosts see it too (C(shared)), and the C(entries) in it with their sizes.
      type: dict
    lvm:
      description:
        - C(groups) with size and free bytes, and C(volumes), each with its C(maker) (V(nova), V(cinder), V(instances), V(system) or
          V(foreign)) and C(why).
      type: dict
    libvirt:
      description:
        - C(domains) with state, vCPUs, memory, disks (C(virtual) and C(actual) size) and tap devices; C(secrets) with UUID, kind and
          usage.
      type: dict
    limits:
      description: Ports with a bandwidth limit, a saved one or an owner of their devices, as M(openstack_ops.day2.tc_htb_info) has them.
      type: list
      elements: dict
    rbd:
      description:
        - The pool that Nova keeps the instances' disks in, with the cluster's C(fsid), and the bytes C(stored) in it and C(free), both
          without copies. Null where Nova keeps them elsewhere.
      type: dict
    rbd_images:
      description: The C(images) of that pool that are called as Nova calls its disks, each with its C(instance).
      type: dict
    cinder:
      description: The C(files) of Cinder's configuration, and its RBD C(backends) with C(rbd_user), C(rbd_secret_uuid) and C(rbd_pool).
      type: dict
deployment:
  description: The host, as M(openstack_ops.day2.deployment_info) tells it. Null where it wasn't asked for, or isn't recognised.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.collect import ENVIRONMENT, Look
from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.places import Places, places
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.given import given_or_found
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner

PARTS = ["memory", "instances", "lvm", "libvirt", "limits", "rbd"]


def job(module: AnsibleModule) -> Outcome:
    params = module.params
    run_command = runner(module, ENVIRONMENT)
    told = Places(params["uri"], params["nova_conf"], params["cinder_conf"], params["instances_path"])
    found, made = places(
        told,
        lambda: given_or_found(params["deployment"], run_command),
        cinder="cinder" in params["parts"],
    )
    facts = Look(run_command, places=found, host=params["host"]).look(params["parts"])
    return Outcome(changed=False, result=dict(found=facts, deployment=made.public() if made else None))


def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            host=dict(type="str", default=""),
            instances_path=dict(type="str", default=""),
            nova_conf=dict(type="list", elements="path", default=[]),
            cinder_conf=dict(type="list", elements="path", default=[]),
            uri=dict(type="str", default=""),
            deployment=dict(type="dict"),
            parts=dict(type="list", elements="str", choices=[*PARTS, "rbd_images", "cinder"], default=PARTS),
        ),
        supports_check_mode=True,
    )
    run(module, job)


if __name__ == "__main__":
    main()
