# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What to tell a deployer, so that its next run keeps a change of this host. Pure; the source of each is named."""

from __future__ import annotations

from .model import Deployment

#: Files of kolla-ansible's deploy host that a service's own configuration is merged of (ansible/roles/*/tasks/config.yml, merge_configs), and the folder
#: of those that are copied for it (tasks/external_ceph.yml).
_KOLLA = {
    "nova-compute": ("config/nova/nova-compute.conf", "config/nova"),
    "libvirt": ("", "config/nova"),
    "cinder-volume": ("config/cinder/cinder-volume.conf", "config/cinder/cinder-volume"),
    "cinder-backup": ("config/cinder/cinder-backup.conf", "config/cinder/cinder-backup"),
    "glance-api": ("config/glance/glance-api.conf", "config/glance"),
}


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


def file_kept_by(made: Deployment, service: str, name: str = "", *, gone: bool = False) -> str:
    """What becomes of a change to a service's file, and where it belongs so that it stays, in words; empty where this host's file is the place.

    name is that of a file beside the service's own configuration. Of configuration, the options are to follow. gone is whether a
    keyring's client leaves the host.
    """
    if made.deployer == "packages":
        return ""
    own, folder = _KOLLA.get(service, ("", "")) if made.deployer == "kolla-ansible" else ("", "")
    where = f"{folder}/{name}" if name and folder else own
    if name.endswith(".keyring"):
        told = f"Remove {where} there, too." if gone else f"To keep it, put the same into {where} there."
        return f"{made.lasts} {told}".lstrip() if where else made.lasts
    options = f"To keep it, put these options into {where} there:" if where else "These options belong there:"
    return f"{made.lasts} {options}".lstrip()
