# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """How modules that administer a Ceph cluster get in."""

    DOCUMENTATION = r"""
requirements:
  - The Python bindings of librados (python3-rados) for the interpreter that Ansible uses there, or the C(ceph) command, there or in a container
options:
  conf:
    description: The cluster's configuration file on this host.
    type: path
    default: /etc/ceph/ceph.conf
  name:
    description: The client that administers the cluster.
    type: str
    default: client.admin
  keyring:
    description: The file with its key. Without it, the configuration's own places.
    type: path
  timeout:
    description: Seconds to wait until a monitor is connected. It then has 60 s to answer each command.
    type: int
    default: 5
  command:
    description:
      - What leads to a C(ceph) command where the host has none, for example V(podman exec ceph-mon-a) or V(cephadm shell --). O(conf) and O(keyring) are then
        files in the container.
      - Empty for the bindings, or the host's own command.
      - V(cephadm shell --) starts a container for each command, which takes some seconds. Podman copies what such a container prints to the journal, and
        that has the keys of all clients, unless C(log_driver) in C([containers]) of C(containers.conf) is V(none). What C(podman exec) prints isn't copied.
    type: str
    default: ""
"""
