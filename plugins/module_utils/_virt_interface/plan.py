# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is desired and what is found to what has to be done. Pure; the only place that decides what "changed" means."""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field, replace

from .._common import OperatorError
from .._host.libvirt import DomainPlan
from .._kernel.device import Device
from .._tc import ownership
from .._tc.units import format_rate, format_size
from .limits import AVERAGE_BITS, BURST_UNIT, DesiredInterface, Limits, Rate

if t.TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

#: The class that libvirt makes on a tap, 1:1.
_LIBVIRTS_CLASS = 0x10001
_NONE = Limits()


@dataclass(frozen=True)
class Nic:
    """A domain's NIC. live is None where the domain doesn't run, config where libvirt keeps no configuration of it.

    switched: libvirt has made it a port of Open vSwitch (a virtualport), and leaves its limit to the switch.
    """

    domain: str
    uuid: str
    position: int
    mac: str
    device: str
    port_id: str
    switched: bool
    live: t.Optional[Limits]
    config: t.Optional[Limits]

    @property
    def called(self) -> str:
        return f"{self.domain}, NIC {self.position} ({self.device or self.mac})"

    def public(self) -> dict[str, t.Any]:
        return {
            "live": self.live.public() if self.live is not None else None,
            "config": self.config.public() if self.config is not None else None,
        }


def read_domain(name: str, uuid: str, live: str, config: str) -> list[Nic]:
    """The NICs in a domain's XML, live and configured; '' for what there isn't.

    They are told apart by MAC, as libvirt does: a NIC that was unplugged by half is in one of the two only. Raises OperatorError where several
    have the same MAC.
    """
    running, kept = _interfaces(live), _interfaces(config)
    macs = [_mac(one) for one in running or kept]
    nics = []
    for position, one in enumerate(running or kept, start=1):
        mac = _mac(one)
        if macs.count(mac) > 1:
            raise OperatorError(
                f"{name}: {macs.count(mac)} of its NICs have the MAC {mac}, so libvirt can't tell them apart."
            )
        same = next((other for other in kept if _mac(other) == mac), None)
        target, virtualport = one.find("target"), one.find("virtualport")
        parameters = one.find("virtualport/parameters")
        nics.append(
            Nic(
                name,
                uuid,
                position,
                mac,
                target.get("dev", "") if target is not None else "",
                (parameters.get("interfaceid", "") if parameters is not None else "").lower(),
                virtualport is not None and virtualport.get("type") == "openvswitch",
                _limits(one) if live else None,
                _limits(same) if same is not None else None,
            )
        )
    return nics


def _interfaces(xml: str) -> list[ET.Element]:
    return ET.fromstring(xml).findall("devices/interface") if xml else []


def _mac(interface: ET.Element) -> str:
    mac = interface.find("mac")
    return (mac.get("address", "") if mac is not None else "").lower()


def _limits(interface: ET.Element) -> Limits:
    return Limits(*(_rate(interface.find(f"bandwidth/{direction}")) for direction in ("inbound", "outbound")))


def _rate(element: t.Optional[ET.Element]) -> t.Optional[Rate]:
    if element is None or not int(element.get("average", 0)):
        return None
    return Rate(*(int(element.get(number, 0)) for number in ("average", "peak", "burst")))


@dataclass
class InterfacePlan(DomainPlan):
    """One desired interface: the NIC that was found, what is to be done, what will be there then."""

    desired: DesiredInterface
    nic: t.Optional[Nic]
    found: dict[str, t.Any]
    now: dict[str, t.Any]
    done: str = "unchanged"
    reason: str = ""
    limits: Limits = _NONE
    live: bool = False
    config: bool = False

    @property
    def called(self) -> str:
        return self.nic.called if self.nic else self.desired.domain

    def numbers(self, there: t.Mapping[str, t.Any]) -> str:
        """Both directions, in bit/s and bytes."""
        return ", ".join(f"{direction} {_rate_text(rate)}" for direction, rate in there.items())

    def refuse(self, done: str, reason: str) -> InterfacePlan:
        """The same NIC with nothing to do, because of reason."""
        return InterfacePlan(self.desired, self.nic, self.found, self.found, done, reason)

    def public(self) -> dict[str, t.Any]:
        nic = self.nic
        return {
            "domain": nic.domain if nic else self.desired.domain,
            "uuid": nic.uuid if nic else "",
            "nic": nic.position if nic else self.desired.nic,
            "mac": nic.mac if nic else self.desired.mac,
            "device": nic.device if nic else "",
            "port_id": self.desired.port_id or (nic.port_id if nic else ""),
            "why": self.desired.why,
            "found": self.found,
            "done": self.done,
            "reason": self.reason,
            "now": self.now,
        }


def _rate_text(rate: t.Optional[t.Mapping[str, int]]) -> str:
    if not rate:
        return "not limited"
    more = [f"peak {format_rate(rate['peak'] * AVERAGE_BITS)}"] if rate["peak"] else []
    more += [f"burst {format_size(rate['burst'] * BURST_UNIT)}"] if rate["burst"] else []
    return format_rate(rate["average"] * AVERAGE_BITS) + (f" ({', '.join(more)})" if more else "")


@dataclass(frozen=True)
class Surroundings:
    """What else is on the host: devices with their qdiscs, the ports whose limits tc_htb has saved (the first 11
    characters of their ids), and the devices that Open vSwitch polices."""

    devices: Mapping[str, Device] = field(default_factory=dict)
    saved: Container[str] = ()
    policed: Container[str] = ()


def device_names(nics: Sequence[Nic]) -> set[str]:
    """The devices to read of these NICs: the tap, and for a hybrid plug its qvb and qvo."""
    return {name for nic in nics if nic.device for name in (nic.device, *_beside(nic))}


def _beside(nic: Nic) -> list[str]:
    return [prefix + nic.device[3:] for prefix in ("qvb", "qvo")] if nic.device.startswith("tap") else []


def choose(desired: DesiredInterface, nics: Sequence[Nic]) -> t.Optional[Nic]:
    """The NIC that is meant, None where its domain or it is not on this host. Raises OperatorError where it could be several, or the domain has
    fewer NICs.
    """
    there = [nic for nic in nics if not desired.domain or desired.domain.lower() in (nic.domain.lower(), nic.uuid)]
    if desired.nic:
        found = [nic for nic in there if nic.position == desired.nic]
        if there and not found:
            raise OperatorError(f"{desired.called}: the domain has {len(there)} NIC(s); 1 is the first.")
    elif desired.mac:
        found = [nic for nic in there if nic.mac == desired.mac]
    else:
        tap = "tap" + desired.port_id[:11]
        found = [nic for nic in there if nic.port_id == desired.port_id or (not nic.port_id and nic.device == tap)]
    if len(found) > 1:
        names = ", ".join(nic.domain for nic in found)
        raise OperatorError(f"{desired.called}: is in {names}; name the domain that is meant.")
    return found[0] if found else None


def plan_all(interfaces: Sequence[DesiredInterface], nics: Sequence[Nic], host: Surroundings) -> list[InterfacePlan]:
    """One plan for each, in the order given; raises OperatorError if two of them mean the same NIC."""
    plans = []
    meant: dict[tuple[str, str], DesiredInterface] = {}
    for desired in interfaces:
        nic = choose(desired, nics)
        if nic is not None and meant.setdefault((nic.uuid, nic.mac), desired) is not desired:
            raise OperatorError(f"{nic.called} is listed twice; merge the two entries.")
        plans.append(plan(desired, nic, host))
    return plans


def plan(desired: DesiredInterface, nic: t.Optional[Nic], host: Surroundings) -> InterfacePlan:
    if nic is None:
        nothing: dict[str, t.Any] = {"live": None, "config": None}
        if desired.kept:
            return InterfacePlan(desired, None, nothing, nothing, "kept")
        return InterfacePlan(desired, None, nothing, nothing, "gone", f"{desired.called}: is not on this host.")
    found = nic.public()
    limits = _for_the_switch(desired.limits) if nic.switched else desired.limits
    made = InterfacePlan(desired, nic, found, found, limits=limits)
    if desired.kept:
        return made.refuse("kept", "")
    stray, lost = _drift(nic, host)
    made.live = nic.live is not None and (nic.live != limits or bool(stray or lost))
    made.config = nic.config is not None and nic.config != limits
    owner = _owner(nic, host) if nic.live is not None or desired.limits.any else ""
    if owner and (desired.limits.any or made.acts):
        return made.refuse(
            "refused",
            f"{nic.called}: {owner}. Nothing was changed on this NIC; remove that first, or leave the NIC to it.",
        )
    inbound = limits.inbound
    if nic.switched and inbound is not None and inbound.peak > inbound.average:
        return made.refuse(
            "refused",
            f"{nic.called}: libvirt leaves the limit of this port to Open vSwitch, which lets it run permanently at the peak "
            "and not for a burst. Nothing was changed on this NIC; leave peak out, or make it the average.",
        )
    if made.acts:
        made.reason = stray or lost
        made.now = {
            "live": limits.public() if nic.live is not None else None,
            "config": limits.public() if nic.config is not None else None,
        }
        made.done = _word(desired, nic)
    return made


def _for_the_switch(limits: Limits) -> Limits:
    """For Open vSwitch libvirt makes the average a min-rate and the peak the max-rate: without a peak there is no limit."""
    inbound = limits.inbound
    if inbound is None or inbound.peak:
        return limits
    return replace(limits, inbound=replace(inbound, peak=inbound.average))


def _word(desired: DesiredInterface, nic: Nic) -> str:
    if not desired.limits.any:
        return "removed"
    return "changed" if (nic.live or _NONE).any or (nic.config or _NONE).any else "created"


def left_over(nic: Nic, host: Surroundings) -> bool:
    """After a failure: the device isn't as libvirt reports it. (Before, an ingress qdisc could be somebody else's.)"""
    tap = host.devices.get(nic.device)
    hooked = tap is not None and tap.hook is not None and nic.live is not None and nic.live.outbound is None
    return hooked or any(_drift(nic, host))


def _drift(nic: Nic, host: Surroundings) -> tuple[str, str]:
    """(what libvirt has left behind, what somebody has taken away) as messages: libvirt reports what it was told last."""
    tap = host.devices.get(nic.device)
    if nic.live is None or tap is None:
        return "", ""
    if nic.live.inbound is None and _libvirts_root(tap):
        return f"{nic.called}: libvirt reported no limit, but had left a qdisc on the device.", ""
    gone = []
    if nic.live.inbound is not None and (tap.root is None or tap.root.kind != "htb" or _other_rate(nic, tap)):
        gone.append("inbound")
    if nic.live.outbound is not None and (tap.hook is None or tap.hook.kind != "ingress"):
        gone.append("outbound")
    if gone:
        return "", f"{nic.called}: libvirt reported a limit for {' and '.join(gone)} that the kernel no longer had."
    return "", ""


def _other_rate(nic: Nic, tap: Device) -> bool:
    """The class that libvirt has made has another rate than libvirt says."""
    found, wanted = tap.classes.get(_LIBVIRTS_CLASS), nic.live.inbound if nic.live else None
    if nic.switched or found is None or wanted is None or not _libvirts_root(tap):
        return False
    rates = (wanted.average, max(wanted.average, wanted.peak))
    return (found.rate, found.ceil) != tuple(rate * AVERAGE_BITS for rate in rates)


def _libvirts_root(tap: Device) -> bool:
    return ownership.owner(tap).startswith("libvirt")


def _owner(nic: Nic, host: Surroundings) -> str:
    """Who else shapes the NIC's device, as part of a message; empty where nobody does, or libvirt alone."""
    if nic.device.startswith("tap") and nic.device[3:] in host.saved:
        return "tc_htb keeps a limit for this port (the role instance_qos, its backend tc), and its restorer would bring it back"
    ours = [name for name in (nic.device, *_beside(nic)) if name in host.devices and ownership.ours(host.devices[name])]
    if ours:
        return f"{ours[0]} has a limit of tc_htb (the role instance_qos, its backend tc)"
    tap = host.devices.get(nic.device)
    if tap is None:
        return ""
    live = nic.live or _NONE
    if ownership.owner(tap) and not _libvirts_root(tap) and not (nic.switched and live.inbound):
        return f"{tap.name} has {ownership.owner(tap)}"
    if tap.hook is not None and tap.hook.kind != "ingress":
        return f"{tap.name} has filters at its {tap.hook.kind} hooks, where libvirt's limit of what the instance sends goes"
    if tap.hook is not None and live.outbound is None:
        if nic.device in host.policed:
            return f"{tap.name} has Open vSwitch's policing, as a Neutron QoS policy sets it"
        if not (_libvirts_root(tap) and live.inbound is None):  # what libvirt has left behind
            return f"{tap.name} has an ingress qdisc that libvirt knows nothing of"
    return ""
