# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Where modules look for what a host has of Ceph."""

    DOCUMENTATION = r"""
options:
  conf:
    description: The cluster's configuration file on this host.
    type: path
    default: /etc/ceph/ceph.conf
  uri:
    description: The libvirt that holds the secrets.
    type: str
    default: qemu:///system
  cinder_conf:
    description: Cinder's configuration, by default C(/etc/cinder/cinder.conf) where that is there.
    type: path
  glance_conf:
    description: Glance's configuration, by default C(/etc/glance/glance-api.conf) where that is there.
    type: path
  nova_conf:
    description: Nova's configuration, by default C(/etc/nova/nova.conf) where that is there.
    type: path
"""
