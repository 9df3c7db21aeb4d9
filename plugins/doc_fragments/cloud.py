# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """Which cloud is asked, for modules that run where Ansible runs; CLOUD_OPTIONS of plugin_utils/_openstack/config.py.

    It stands before attributes: of two fragments with the same attribute, the first counts.
    """

    DOCUMENTATION = r"""
attributes:
  action_group:
    support: full
    membership: [openstack_ops.day2.openstack]
    description: Use C(group/openstack_ops.day2.openstack) in C(module_defaults) to set the cloud for all modules that ask it.
  platform:
    support: full
    platforms: posix
    description: Works wherever openstacksdk does.
options:
  cloud:
    description: A cloud of C(clouds.yaml). Without it, the environment (C(OS_CLOUD), or C(OS_AUTH_URL) and so on) says which.
    type: str
  clouds_yaml_path:
    description: The client configuration to read before those that openstacksdk looks for.
    type: str
  region:
    description: The region. Needed where the cloud has several in C(clouds.yaml).
    type: str
  interface:
    description: Which of the catalog's endpoints to use. Left out, it is what C(clouds.yaml) says, or V(public).
    type: str
    choices: [public, internal, admin]
  timeout:
    description: Seconds to wait for each answer. Left out, it is C(api_timeout) in C(clouds.yaml), or 60.
    type: float
"""
