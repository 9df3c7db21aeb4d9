# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """For modules that change running domains through libvirt.

    It stands before attributes: of two fragments with the same attribute, the first counts.
    """

    DOCUMENTATION = r"""
requirements:
  - python3-libvirt on the host, which C(nova-compute) brings
attributes:
  check_mode:
    support: full
    description: Predicts what the run does, and touches nothing.
  platform:
    support: full
    platforms: linux
    description: Works where libvirt drives QEMU on Linux.
options:
  uri:
    description: Where libvirt is asked.
    type: str
    default: qemu:///system
"""
