#!/usr/bin/python
# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: deployment_info
short_description: Detect a host's deployment tool and where its services read their configuration
version_added: 0.1.0
description:
  - Tells from facts on disk that the deployers' own sources promise, which one made this host - kolla-ansible, openstack-ansible, Juju's
    charms, Sunbeam's snaps, EDPM (Red Hat OpenStack Services on OpenShift), OpenStack-Helm, or packages of the distribution.
  - For each service that is found, it tells where its configuration is B(read) from, what its unit and its container are called, what restarts
    it, which account it runs as, and how to run a command beside it. Changes nothing.
  - What can't be told is null, and named in RV(deployment.unknown) with the reason. Where no deployer or several are recognised, it fails
    and says what it looked for and what it found.
  - Apart from files, it asks the container engine once what is mounted into nova-compute's container.
requirements:
  - root on the host
extends_documentation_fragment:
  - openstack_ops.day2.attributes.info
seealso:
  - module: openstack_ops.day2.compute_audit_info
author:
  - openstack_ops.day2 contributors (@openstack-ops)
"""

EXAMPLES = r"""
- name: Ask who made this host
  openstack_ops.day2.deployment_info:
  register: deployment_info

- name: Run nova-manage where nova-conductor runs
  ansible.builtin.command:
    argv: "{{ deployment_info.deployment.services['nova-conductor'].exec + ['nova-manage', 'cell_v2', 'list_cells'] }}"
  changed_when: false
"""

RETURN = r"""
deployment:
  description: The host.
  returned: success
  type: dict
  contains:
    deployer:
      description: V(kolla-ansible), V(openstack-ansible), V(charm), V(snap), V(edpm), V(helm) or V(packages).
      type: str
    evidence:
      description: The files, folders and units that told it.
      type: list
      elements: str
    owner:
      description: Who owns the services' configuration, in words.
      type: str
    lasts:
      description: What becomes of a change of it on this host, in words.
      type: str
    engine:
      description: V(docker) or V(podman). Null where services run without containers, or where it isn't known.
      type: str
    libvirt:
      description:
        - C(uri), by which libvirt is reached from the host, null without one; and C(binding), where Python's binding for it is, V(host)
          for the Python that runs this module, V(container) in nova-compute's container, or null.
      type: dict
    ovsdb:
      description: The sockets of Open vSwitch's databases that are there.
      type: list
      elements: str
    logs:
      description: Patterns of files on the host that services log to, because they log neither to syslog nor to the journal.
      type: list
      elements: str
    instances:
      description: C(inside), the instances path as nova-compute has it, and C(path), where that is on the host. Null where it isn't known.
      type: dict
    services:
      description:
        - By the names C(nova-compute), C(libvirt), C(glance-api), C(cinder-volume), C(cinder-backup), C(mariadb), C(rabbitmq), C(ovs), C(nova-conductor),
          C(nova-scheduler), C(nova-api), C(neutron-server) and C(neutron-rpc-server), those that are on this host.
        - Each has C(conf) (files and folders of files that it reads, in its order; null where they aren't on the host), C(write) (the file
          that an option is set in) and C(folder) (where a file of one's own is read, too), both null where a change here would be lost or
          read by nobody, C(files) (by paths as the service has them, the files and folders of the host that its container copies them from
          whenever it starts), C(unit), C(container), C(restart) (a command in words), C(exec) (words before a command that is to run beside it,
          null where the host can't), C(user), C(uid) and C(gid).
      type: dict
    unknown:
      description: By service, or C(instances), why something couldn't be told.
      type: dict
"""

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.look import look
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, run, runner


def job(module: AnsibleModule) -> Outcome:
    return Outcome(changed=False, result=dict(deployment=look(runner(module)).public()))


def main() -> None:
    run(AnsibleModule(argument_spec={}, supports_check_mode=True), job)


if __name__ == "__main__":
    main()
