# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How Neutron has plugged a port on its host. Pure."""

from __future__ import annotations

import typing as t


class Plug(t.NamedTuple):
    kind: str
    reason: str | None
    prefixes: tuple[str, ...]

    def devices(self, port_id: str) -> dict[str, str]:
        # Nova, Neutron and os-vif all cut at 14 characters: a prefix of three and eleven of the port's id.
        return {prefix: prefix + port_id[:11] for prefix in self.prefixes}


_HYBRID = ("tap", "qbr", "qvb", "qvo")

# Why traffic of these ports does not pass a device of the host's kernel that tc could shape.
_VNIC_TYPES = {
    "direct": "is a PCI virtual function (SR-IOV) that the guest drives itself",
    "direct-physical": "is a whole PCI device that the guest drives itself",
    "macvtap": "is a macvtap device on a PCI virtual function, not a tap of Neutron's",
    "vdpa": "is a vDPA device whose traffic the network card moves",
    "virtio-forwarder": "is moved by the network card's virtio forwarder",
    "accelerator-direct": "is a device of an accelerator card that the guest drives itself",
    "accelerator-direct-physical": "is an accelerator card that the guest drives itself",
    "smart-nic": "is plugged on a smart network card",
    "remote-managed": "is plugged on a network card with a control plane of its own",
    "baremetal": "is a network card of a bare metal node",
}
_VIF_TYPES = {
    "vhostuser": "is a vhost-user socket between the guest and a switch in user space",
    "hw_veb": "is a PCI virtual function (SR-IOV) that the guest drives itself",
    "hostdev_physical": "is a whole PCI device that the guest drives itself",
    "macvtap": "is a macvtap device, not a tap of Neutron's",
    "agilio_ovs": "is moved by an Agilio network card",
}


def classify(port: dict[str, t.Any]) -> Plug:
    """How the port is plugged on its host, and which devices that makes there."""
    vif, vnic = vif_type(port), vnic_type(port)
    details: dict[str, t.Any] = port.get("binding:vif_details") or {}
    host = port.get("binding:host_id")
    if vif == "unbound":
        return unsupported(
            "The port is not bound to a host, so it has no device; it gets one when its instance starts."
        )
    if vif == "binding_failed":
        return unsupported(
            f"Neutron could not bind the port to {host}, so it has no device; "
            "look after the network agent there, then hard-reboot the instance."
        )
    if vnic != "normal":
        what = _VNIC_TYPES.get(vnic, "is of a kind that this collection does not know")
        return unsupported(f"The port {what} (vnic_type {vnic}): tc on the host does not see its traffic.")
    if vif == "bridge":
        return Plug("bridge", None, ("tap",))
    if vif == "ovs" and details.get("datapath_type") == "netdev":
        return unsupported(
            "The port's switch is Open vSwitch in user space (datapath_type netdev): tc on the host does not see its "
            "traffic."
        )
    if vif == "ovs":
        if details.get("ovs_hybrid_plug"):
            return Plug("ovs_hybrid", None, _HYBRID)
        return Plug("ovn" if "ovn" in (details.get("bound_drivers") or {}).values() else "ovs", None, ("tap",))
    if vif in _VIF_TYPES:
        return unsupported(f"The port {_VIF_TYPES[vif]} (vif_type {vif}): tc on the host does not see its traffic.")
    return unsupported(f"The port's vif_type is {vif}, which this collection does not know.")


def unsupported(reason: str) -> Plug:
    return Plug("unsupported", reason, ())


def vif_type(port: dict[str, t.Any]) -> str:
    return port.get("binding:vif_type") or "unbound"


def vnic_type(port: dict[str, t.Any]) -> str:
    return port.get("binding:vnic_type") or "normal"
