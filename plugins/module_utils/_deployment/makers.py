# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each deployer makes of a host. Reads only; the sources are named with each."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from . import kolla
from .disk import Disk
from .model import Deployment, Service
from .packaged import in_venvs, on_host, restart, with_account

SNAP = "/var/snap/openstack-hypervisor/common"
SNAP_VOLUME = "/var/snap/cinder-volume/common"
EDPM = "/var/lib/openstack/nova"
HELM = "/var/lib/openstack-helm"
_SYSTEM = "qemu:///system"

Evidence = t.Tuple[str, ...]


def packages(disk: Disk, evidence: Evidence) -> Deployment:
    services = on_host(disk)
    return Deployment(
        "packages",
        evidence,
        "the operator of this host",
        "Nothing but an operator writes over it.",
        services,
        libvirt_uri=_SYSTEM if "libvirt" in services else None,
    )


def kolla_ansible(disk: Disk, evidence: Evidence) -> Deployment:
    services, engine, unknown = kolla.services(disk)
    # Without nova_libvirt, it sets up the host's libvirt (enable_nova_libvirt_container).
    here = on_host(disk)
    if "libvirt" not in services and "nova-compute" in services and "libvirt" in here:
        services["libvirt"] = here["libvirt"]
    return Deployment(
        "kolla-ansible",
        evidence,
        "kolla-ansible",
        "kolla-ansible reconfigure, deploy and upgrade rewrite it from config/ of the deploy host (node_custom_config).",
        services,
        engine=engine,
        # Its containers share /run (docker) or /run/libvirt (podman) with the host.
        libvirt_uri=_SYSTEM if "libvirt" in services else None,
        logs=kolla.LOGS,
        unknown=unknown,
    )


def openstack_ansible(disk: Disk, evidence: Evidence) -> Deployment:
    """As of openstack-ansible-os_nova: vars/main.yml, vars/source_install.yml, handlers/main.yml; openstack_hosts: openstack-release.j2."""
    services = in_venvs(disk, on_host(disk))
    return Deployment(
        "openstack-ansible",
        evidence,
        "openstack-ansible",
        "Its playbooks rewrite it from user_variables.yml (*_overrides), and an upgrade leads /etc/PROJECT to another folder.",
        services,
        libvirt_uri=_SYSTEM if "libvirt" in services else None,
    )


def charm(disk: Disk, evidence: Evidence) -> Deployment:
    """As of charm-nova-compute: hooks/nova_compute_utils.py."""
    names = sorted({path.rpartition("/unit-")[2].rpartition("-")[0] for path in evidence})
    services = on_host(disk)
    return Deployment(
        "charm",
        evidence,
        f"the charms of Juju ({', '.join(names)})",
        "A hook of the charm rewrites PROJECT.conf from config-flags at any change; PROJECT.conf.d stays.",
        services,
        libvirt_uri=_SYSTEM if "libvirt" in services else None,
    )


def snap(disk: Disk, evidence: Evidence) -> Deployment:
    """As of snap-openstack-hypervisor: openstack_hypervisor/services.py, hooks.py, templates; snap-cinder-volume: cinder_volume/services.py."""
    services: dict[str, Service] = {}
    if SNAP in evidence:
        base = f"{SNAP}/etc/nova"
        services["nova-compute"] = _of_snap(
            disk, "nova-compute", "openstack-hypervisor.nova-compute", base, "nova.conf"
        )
        services["libvirt"] = _of_snap(
            disk, "libvirt", "openstack-hypervisor.libvirtd", f"{SNAP}/etc/libvirt", "libvirtd.conf"
        )
        if disk.exists(f"{SNAP}/run/openvswitch"):
            services["ovs"] = _of_snap(disk, "ovs", "openstack-hypervisor.ovs-vswitchd", "", "")
    if SNAP_VOLUME in evidence:
        base = f"{SNAP_VOLUME}/etc/cinder"
        services["cinder-volume"] = _of_snap(disk, "cinder-volume", "cinder-volume.cinder-volume", base, "cinder.conf")
    return Deployment(
        "snap",
        evidence,
        "Sunbeam's snap",
        "The snap rewrites PROJECT.conf whenever it is configured; PROJECT.conf.d beside it is the operator's.",
        services,
        libvirt_uri=f"qemu+unix:///system?socket={SNAP}/run/libvirt/libvirt-sock" if SNAP in evidence else None,
        # Its own switch, or MicroOVN's (ovs_switch_path in hooks.py; snapcraft.yaml of microovn).
        ovsdb=(f"{SNAP}/run/openvswitch/db.sock", "/var/snap/microovn/common/run/switch/db.sock"),
    )


def _of_snap(disk: Disk, name: str, app: str, base: str, conf: str) -> Service:
    unit = disk.unit(f"snap.{app}")
    files = [f"{base}/{conf}"] if conf else []
    folder = f"{base}/{conf}.d" if conf in ("nova.conf", "cinder.conf") else None
    service = Service(
        name,
        conf=(*files, folder) if folder else tuple(files),
        folder=folder,
        unit=unit,
        restart=restart(disk, unit),
        exec=None,  # snap run --shell takes a line for a shell, not a command in words
        user="root",
    )
    return with_account(disk, service)


def edpm(disk: Disk, evidence: Evidence) -> Deployment:
    """As of edpm-ansible: roles/edpm_nova (defaults, tasks/configure.yml, quadlet template, kolla_config), edpm_libvirt, edpm_ovs."""
    unit = disk.unit("edpm_nova_compute")
    compute = Service(
        "nova-compute",
        conf=(EDPM,),
        unit=unit,
        container="nova_compute",
        restart=restart(disk, unit),
        exec=("podman", "exec", "-i", "nova_compute"),
        user="nova",
        uid=42436,
        gid=42436,
    )
    # libvirt's own daemons and Open vSwitch run on the host.
    here = {name: one for name, one in on_host(disk).items() if name in ("libvirt", "ovs")}
    here = {name: replace(one, write=None) for name, one in here.items()}
    return Deployment(
        "edpm",
        evidence,
        "the data plane operator (edpm-ansible)",
        "A deployment of the data plane removes from this host what it didn't put there; set it in a ConfigMap of the OpenStackDataPlaneService.",
        {"nova-compute": compute, **here},
        engine="podman",
        libvirt_uri=_SYSTEM if "libvirt" in here else None,
    )


def helm(disk: Disk, evidence: Evidence) -> Deployment:
    """As of openstack-helm: nova/templates/daemonset-compute.yaml, bin/_nova-compute.sh.tpl, values.yaml; libvirt/templates."""
    services: dict[str, Service] = {}
    if disk.is_folder(f"{HELM}/compute/nova"):
        # Their units are pods; what restarts one, or runs beside it, is asked of Kubernetes, not of this host.
        services["nova-compute"] = Service("nova-compute", conf=None, exec=None, user="nova", uid=42424, gid=42424)
        services["libvirt"] = Service("libvirt", conf=None, exec=None, user="root", uid=0, gid=0)
    return Deployment(
        "helm",
        evidence,
        "Helm's values",
        "It comes from Kubernetes; set it in the values of the chart, such as conf.nova.",
        services,
        libvirt_uri=_SYSTEM if services else None,
    )


MAKERS: t.Mapping[str, t.Callable[[Disk, Evidence], Deployment]] = {
    "packages": packages,
    "kolla-ansible": kolla_ansible,
    "openstack-ansible": openstack_ansible,
    "charm": charm,
    "snap": snap,
    "edpm": edpm,
    "helm": helm,
}
