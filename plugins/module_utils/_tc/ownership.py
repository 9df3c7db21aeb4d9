# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who configured a device, as far as its qdiscs and classes show. Pure."""

from __future__ import annotations

import typing as t

from .._kernel.device import ROOT

if t.TYPE_CHECKING:
    from .._kernel.device import Device

DEFAULT_CLASS = 0x100
LIMITED = 0x10100  # 1:100
EXEMPT = 0x10001  # 1:1
#: Far above the rate of any NIC, so that HTB never delays exempt traffic (the legacy agent uses 10 Gbit/s).
EXEMPT_RATE = 10**12


def ours(device: Device) -> bool:
    """Whether we or the legacy agent created the root qdisc, even if the hierarchy is incomplete."""
    root = device.root
    return (
        root is not None
        and (root.kind, root.handle, root.setting) == ("htb", ROOT, DEFAULT_CLASS)
        and all(one.top for one in device.classes.values())
        and (not device.classes or LIMITED in device.classes or EXEMPT in device.classes)
    )


def complete(device: Device) -> bool:
    """Whether the hierarchy is ours and complete."""
    return ours(device) and LIMITED in device.classes and EXEMPT in device.classes


def legacy_made(device: Device) -> bool:
    """Whether the legacy agent created it, which its exempt class shows."""
    return complete(device) and device.classes[EXEMPT].rate != EXEMPT_RATE


def owner(device: Device) -> str:
    """Who else shapes this device; empty if nobody does, or only we do."""
    root = device.root
    if device.bare or ours(device) or root is None:
        return ""
    if root.kind == "htb" and root.handle == ROOT and root.setting == 1:
        if 0x1FFFE in device.classes:
            return "Open vSwitch's linux-htb, as a Neutron QoS policy sets it"
        return "libvirt's own <bandwidth>, as a flavor's quota:vif_* sets it"
    return f"a {root.kind} qdisc {root.handle >> 16:x}: made by hand or by another tool"
