# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to tell a deployer, so that its next run keeps an option of nova-compute. Pure; the source of each is named."""

from __future__ import annotations

from .model import Deployment


def kept_by(made: Deployment, option: str, value: str) -> str:
    """Where to set an option of [DEFAULT] of nova-compute permanently, in words; empty where this host's file is the place."""
    if made.deployer == "kolla-ansible":  # ansible/roles/nova-cell/tasks/config.yml: the sources of merge_configs
        return (
            f"To keep it, put `[DEFAULT]` and `{option} = {value}` into config/nova/HOST/nova-compute.conf on the deploy host of "
            "kolla-ansible, HOST being its inventory's name of this host."
        )
    if made.deployer == "openstack-ansible":  # openstack-ansible-os_nova: defaults/main.yml
        return (
            f"To keep it, set `nova_nova_conf_overrides: {{DEFAULT: {{{option}: {value}}}}}` for this host, in /etc/openstack_deploy/host_vars "
            "of openstack-ansible's deploy host, beside what it holds already."
        )
    if made.deployer == "charm" and option == "reserved_host_disk_mb":  # charm-nova-compute: config.yaml
        return f"To keep it, run `juju config nova-compute reserved-host-disk={value}`, which sets it for all units of the application."
    return "" if made.deployer == "packages" else made.lasts
