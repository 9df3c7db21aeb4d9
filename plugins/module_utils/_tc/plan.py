# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan the steps from the kernel's state to the desired ports. Pure; the only place that decides what "changed" means.

Where a direction is shaped:

    plug         download (Neutron's ingress)     upload (Neutron's egress)
    ovs_hybrid   root of the tap                  root of qvb
    others       root of the tap                  root of an ifb, to which clsact on the tap redirects

The legacy agent shapes the download on qvo. But qvo is a port of Open vSwitch, which removes the root qdisc from its ports
when it restarts, and which owns it as soon as Neutron sets a QoS policy. The tap of a hybrid plug is on a Linux
bridge, out of the switch's reach. A limit found on qvo is moved: first the tap is limited, then qvo is cleared.
`clsact` is used instead of `ingress`, because Open vSwitch removes the latter from its ports when it restarts.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field, replace

from .._kernel.device import CLSACT_INGRESS, Device, Filter
from .._kernel.ovsdb import Switch
from .htb import Shaper, describe, filter_del, police_of, shape_statements
from .limits import DIRECTIONS, Both, Counted, Survey, change, end_of, loses, of_port, public
from .ownership import EXEMPT, LIMITED, complete, legacy_made, ours, owner
from .ports import Port, Shape

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_DEVICE_NAME = re.compile(r"(tap|qvb|qvo|ifb)([0-9a-f]{8}-[0-9a-f]{2})\Z")
_ETH_P_ALL = 0x0003

#: The qdiscs and actions that a direction's statements need from the kernel, by their names in errors.
_BASE = ("htb", "u32")
_UPLOAD_NATIVE = ("ifb", "mirred", "clsact")
#: The part of tc itself that a limit of packets needs, beside those of the kernel.
TC_PKTS_RATE = "tc pkts_rate"
_PACKETS = ("police", "pkts_rate", TC_PKTS_RATE)
#: Any limit, where only its presence matters.
_ANY = Shape(8, 8, 1)


#: A host without Open vSwitch, or where it doesn't matter.
NO_SWITCH = Switch()


class PortDevices:
    """The names of devices to read: those of the ports with these ids, or of all ports."""

    def __init__(self, port_ids: Iterable[str], *, everything: bool) -> None:
        self._keys = {port_id[:11] for port_id in port_ids}
        self._everything = everything

    def __contains__(self, name: object) -> bool:
        match = _DEVICE_NAME.match(str(name))
        return match is not None and (self._everything or match.group(2) in self._keys)


@dataclass
class PortPlan:
    """A port: what was found, what to do, and the state afterwards."""

    port: Port
    found: Both
    now: Both
    done: str = "unchanged"
    reason: str = ""
    links_before: list[str] = field(default_factory=list)
    statements: list[str] = field(default_factory=list)
    links_after: list[str] = field(default_factory=list)
    needs: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)  # names of devices whose root is as desired
    retry: bool = False  # the reason for refusing it may be temporary
    saved: t.Optional[Port] = None  # the port as it is saved on the host

    @property
    def acts(self) -> bool:
        return bool(self.links_before or self.statements or self.links_after)

    @property
    def rescheduled(self) -> bool:
        """Whether the limits end at another time than the host knows, or others follow."""
        if self.done in ("kept", "refused"):
            return False
        known = (self.saved.until, self.saved.afterwards) if self.saved else (None, ())
        return (self.port.until, self.port.afterwards) != known

    @property
    def change(self) -> str:
        """What becomes of the limits. What they lose at an end counts when the host gets to know it, not at every run until then."""
        return (loses(self.found, self.port) if self.rescheduled else "") or change(self.found, self.now)

    def refuse(self, done: str, reason: str, *, retry: bool = False) -> PortPlan:
        """The same port with nothing to do, for the given reason."""
        return PortPlan(self.port, self.found, self.found, done, reason, retry=retry)

    def public(self) -> dict[str, t.Any]:
        return {
            "port_id": self.port.port_id,
            "plug": self.port.plug,
            "why": self.port.why,
            "found": public(self.found),
            "done": self.done,
            "change": self.change,
            "reason": self.reason,
            "now": public(self.now),
            **end_of(self.port),
        }


def plan_ports(
    ports: Sequence[Port],
    devices: Mapping[str, Device],
    *,
    takeover: bool = False,
    switch: Switch = NO_SWITCH,
) -> list[PortPlan]:
    """One plan per port, in the order given. switch is what Open vSwitch's database says on this host."""
    return [
        _leave(port, devices)
        if port.kept or (port.last_resort and _has_ours(port, devices))
        else _plan_port(port, devices, takeover=takeover, switch=switch)
        for port in ports
    ]


def _has_ours(port: Port, devices: Mapping[str, Device]) -> bool:
    """Whether any of the port's devices has a limit of ours, in whichever direction."""
    found = (devices.get(port.device(prefix)) for prefix in ("tap", "qvb", "qvo", "ifb"))
    return any(device is not None and ours(device) for device in found)


def _leave(port: Port, devices: Mapping[str, Device]) -> PortPlan:
    """Keep a port as it is; the reason says if it has no limit although there is a device to limit."""
    there = _survey_port(port.port_id, None, devices)
    found = {direction: counted.limit if counted else None for direction, counted in there.limits.items()}
    shaped = any(found.values()) or there.owner
    limitable = any(device.startswith(("tap", "qvb")) for device in there.devices)
    reason = f"Port {port.port_id} has no limit, and keeps that: {port.why}" if limitable and not shaped else ""
    return PortPlan(port, found, found, "kept", reason)


def plan_purge(ports: Sequence[Port], saved: Mapping[str, Port], devices: Mapping[str, Device]) -> list[PortPlan]:
    """Plans that remove our limits from ports that are not listed, found by their devices or in the saved state."""
    listed = {port.port_id[:11] for port in ports}
    known = {port_id[:11]: port for port_id, port in saved.items() if port_id[:11] not in listed}
    for name, device in devices.items():
        match = _DEVICE_NAME.match(name)
        if match and match.group(2) not in listed and (complete(device) or name.startswith("ifb")):
            key = match.group(2)
            known.setdefault(key, Port(key, "ovs_hybrid" if "qvb" + key in devices else "ovs"))
    return [
        _plan_port(Port(port.port_id, port.plug, leaf=port.leaf, why="not listed"), devices)
        for _key, port in sorted(known.items())
    ]


def survey_ports(port_ids: Iterable[str], saved: Mapping[str, Port], devices: Mapping[str, Device]) -> list[Survey]:
    """The actual state of each of the ports, or without port_ids of each port that has a limit or a saved one."""
    full = {port_id[:11]: port_id for port_id in saved}
    full.update({port_id[:11]: port_id for port_id in port_ids})
    keys = [port_id[:11] for port_id in port_ids] or sorted(
        set(full) | {match.group(2) for match in map(_DEVICE_NAME.match, devices) if match}
    )
    found = [_survey_port(full.get(key, key), saved.get(full.get(key, key)), devices) for key in keys]
    return [one for one in found if port_ids or one.egress or one.ingress or one.owner or one.saved]


def _survey_port(port_id: str, saved: t.Optional[Port], devices: Mapping[str, Device]) -> Survey:
    port = Port(port_id, "ovs")
    tap, qvb, qvo, ifb = (devices.get(port.device(prefix)) for prefix in ("tap", "qvb", "qvo", "ifb"))
    upload = qvb if qvb is not None else (ifb if _redirects(tap, ifb) else None)
    download = qvo if qvo is not None and ours(qvo) and not (tap is not None and ours(tap)) else tap
    both = Port(port_id, "ovs_hybrid" if qvb is not None else "ovs", egress=_ANY, ingress=_ANY)
    owners = _owners(both, tap, qvb, qvo, ifb)
    return Survey(
        port_id,
        devices=sorted(name for name, _device in _named(tap, qvb, qvo, ifb)),
        egress=_with_counters(upload),
        ingress=_with_counters(download),
        owner="; ".join(f"{place} has {owner}" for place, owner in sorted(owners.items())),
        saved=saved,
    )


def _with_counters(device: t.Optional[Device]) -> t.Optional[Counted]:
    limit = describe(device) if device is not None else None
    if device is None or limit is None:
        return None
    stats, exempt, leaf = device.classes[LIMITED].stats, device.classes.get(EXEMPT), device.leaves.get(LIMITED)
    if stats and leaf and leaf.drops is not None:
        # The class counts only what the leaf drops of the flow that just came; a leaf that is fair drops of the longest one.
        stats = replace(stats, drops=leaf.drops)
    police = police_of(device)
    if stats and police:
        stats = replace(stats, drops=stats.drops + police.drops)
    exempt_bytes = exempt.stats.bytes if exempt and exempt.stats else 0
    return Counted(limit, device.name, stats, exempt_bytes, police.drops if police else 0)


def _plan_port(
    port: Port, devices: Mapping[str, Device], *, takeover: bool = False, switch: Switch = NO_SWITCH
) -> PortPlan:
    tap, qvb, qvo, ifb = (devices.get(port.device(prefix)) for prefix in ("tap", "qvb", "qvo", "ifb"))
    hybrid = port.plug == "ovs_hybrid"
    wanted = of_port(port)
    up, down = (wanted[direction] for direction in DIRECTIONS)
    upload = Shaper(up, "dst") if up else None
    download = Shaper(down, "src") if down else None
    upload_device = qvb if hybrid else (ifb if _redirects(tap, ifb) else None)
    # The legacy agent's limit on qvo counts as the download limit while the tap has none.
    download_device = qvo if qvo and ours(qvo) and not (tap and ours(tap)) else tap
    plan = PortPlan(port, found={}, now={})
    _note_found(plan, "egress", upload_device, upload)
    _note_found(plan, "ingress", download_device, download)
    if port.limited:
        owners = _owners(port, tap, qvb, qvo, ifb, switch)
        if owners and not takeover:
            return plan.refuse("refused", _owned(port, owners))
        if switch.offload and upload and port.plug in ("ovs", "ovn"):
            return plan.refuse(
                "refused",
                f"Port {port.port_id}: Open vSwitch has other_config:hw-offload=true and uses the ingress hook of "
                f"{port.device('tap')} itself; limit only ingress, or use a Neutron QoS policy for the upload.",
            )
        for place in owners:
            plan.statements += _evict(place, devices)
        evicted = {name: None if name in owners else device for name, device in _named(tap, qvb, qvo, ifb)}
    else:
        evicted = dict(_named(tap, qvb, qvo, ifb))
    adopted = any(one is not None and legacy_made(one) for one in (qvb, qvo, tap))

    missing = []
    if download and tap is None:
        missing.append(port.device("tap"))
    elif tap is not None:
        _plan_root(plan, tap.name, evicted.get(tap.name), download)
    if qvo is not None and ours(qvo) and not (download and tap is None):
        plan.statements.append(f"qdisc del dev {qvo.name} root")

    missing += _plan_upload(plan, upload, tap, qvb, ifb, evicted)
    gone = set(missing)
    plan.now = {
        "egress": up if port.device("qvb" if hybrid else "tap") not in gone else None,
        "ingress": down if port.device("tap") not in gone else None,
    }
    if download and tap is None and plan.found["ingress"]:
        plan.now["ingress"] = plan.found["ingress"]  # the legacy agent's limit on qvo stays until the tap exists
    plan.done = _word(plan, adopted, bool(gone))
    if gone:
        plan.reason = _gone(port, gone)
    return plan


def _plan_upload(
    plan: PortPlan,
    upload: t.Optional[Shaper],
    tap: t.Optional[Device],
    qvb: t.Optional[Device],
    ifb: t.Optional[Device],
    evicted: Mapping[str, t.Optional[Device]],
) -> list[str]:
    """Plan the limit of what the instance sends; returns the names of missing devices."""
    port = plan.port
    missing = []
    if port.plug == "ovs_hybrid":
        if upload and qvb is None:
            missing.append(port.device("qvb"))
        elif qvb is not None:
            _plan_root(plan, qvb.name, evicted.get(qvb.name), upload)
        _remove_redirect(plan, tap, ifb)
        return missing
    if qvb is not None:
        _plan_root(plan, qvb.name, qvb, None)
    if upload and tap is None:
        missing.append(port.device("tap"))
    elif upload and tap is not None:
        _plan_redirect(plan, tap, ifb, upload, bool(_hook_owner(tap, ifb)))
    else:
        _remove_redirect(plan, tap, ifb)
    return missing


def _note_found(plan: PortPlan, direction: str, actual: t.Optional[Device], wanted: t.Optional[Shaper]) -> None:
    """Note the limit of a direction's device. If it matches, use the desired figures, since the kernel stores a burst as time."""
    if actual and wanted and ours(actual) and not shape_statements(actual.name, actual, wanted):
        plan.found[direction] = wanted.limit
        plan.settled.add(actual.name)
    else:
        plan.found[direction] = describe(actual) if actual else None


def _gone(port: Port, names: set[str]) -> str:
    return f"Port {port.port_id}: {' and '.join(sorted(names))} {'is' if len(names) == 1 else 'are'} not on this host."


def _named(*devices: t.Optional[Device]) -> list[tuple[str, Device]]:
    return [(device.name, device) for device in devices if device is not None]


def _word(plan: PortPlan, adopted: bool, gone: bool) -> str:
    """What was done to a port, in one word."""
    if gone:
        return "gone"
    if not plan.acts:
        return "unchanged"
    if not plan.port.limited:
        return "removed"
    if adopted:
        return "adopted"
    return "changed" if any(plan.found.values()) else "created"


def _plan_root(plan: PortPlan, name: str, actual: t.Optional[Device], wanted: t.Optional[Shaper]) -> None:
    """Shape the root of a device that exists (actual is None where another owner's qdisc was just evicted)."""
    if name in plan.settled:
        return
    if wanted is None:
        if actual is not None and ours(actual):
            # What libvirt has put on each tap; the kernel's default would be a queue of a thousand packets.
            plan.statements.append(
                f"qdisc replace dev {name} root noqueue" if actual.tun else f"qdisc del dev {name} root"
            )
        return
    statements = shape_statements(name, actual, wanted)
    if statements:
        plan.statements += statements
        plan.needs.update(_BASE)
        if wanted.limit.leaf != "none":
            plan.needs.add(wanted.limit.leaf)
        if wanted.limit.shape.pkts_rate:
            plan.needs.update(_PACKETS)


def _plan_redirect(plan: PortPlan, tap: Device, ifb: t.Optional[Device], wanted: Shaper, foreign_hook: bool) -> None:
    """Plan the upload of a native plug: the ifb and its limit first, the redirect to it last."""
    name = plan.port.device("ifb")
    if ifb is None:
        # txqueuelen as on other devices: an ifb's default of 32 would limit the queue of a class without leaf.
        plan.links_before.append(f"link add name {name} txqueuelen 1000 type ifb")
    if ifb is None or not ifb.up:
        plan.links_before.append(f"link set dev {name} up")
    _plan_root(plan, name, ifb, wanted)
    if not _redirects(tap, ifb):
        if tap.hook is None or foreign_hook:
            plan.statements.append(f"qdisc add dev {tap.name} clsact")
        else:  # a redirect of ours that leads nowhere
            plan.statements += [filter_del(tap.name, "ingress", found) for found in tap.hook_filters]
        plan.statements.append(
            f"filter add dev {tap.name} ingress protocol all prio 1 u32 match u32 0 0 "
            f"action mirred egress redirect dev {name}"
        )
    if plan.acts:
        plan.needs.update(_UPLOAD_NATIVE)


def _remove_redirect(plan: PortPlan, tap: t.Optional[Device], ifb: t.Optional[Device]) -> None:
    """Remove the redirect before its target: a redirect to a missing device drops what the instance sends."""
    if tap is not None and tap.hook is not None and any(_redirect_like_ours(found) for found in tap.hook_filters):
        ours = [found for found in tap.hook_filters if _redirect_like_ours(found) and _points_to(found, ifb)]
        if ours and len(ours) == len(tap.hook_filters):
            plan.statements.append(f"qdisc del dev {tap.name} clsact")
        else:
            plan.statements += [filter_del(tap.name, "ingress", found) for found in ours]
    if ifb is not None:
        plan.links_after.append(f"link del dev {ifb.name}")


def _redirect_like_ours(found: Filter) -> bool:
    return (
        (found.parent, found.prio, found.protocol, found.kind) == (CLSACT_INGRESS, 1, _ETH_P_ALL, "u32")
        and len(found.keys) == 1
        and found.keys[0][0] == b"\0\0\0\0"
        and found.redirect is not None
        and found.redirect >= 0
    )


def _points_to(found: Filter, ifb: t.Optional[Device]) -> bool:
    """Whether the redirect points to the ifb, or to a removed device (the kernel then says 0)."""
    return found.redirect == 0 or (ifb is not None and found.redirect == ifb.index)


def _redirects(tap: t.Optional[Device], ifb: t.Optional[Device]) -> bool:
    """Whether the tap redirects everything it receives to the ifb."""
    if tap is None or ifb is None or not ifb.up:
        return False
    filters = tap.hook_filters
    return len(filters) == 1 and _redirect_like_ours(filters[0]) and filters[0].redirect == ifb.index


def _hook_owner(tap: t.Optional[Device], ifb: t.Optional[Device]) -> dict[str, str]:
    """{place: owner} if somebody else uses the tap's ingress hook."""
    if tap is None or tap.hook is None:
        return {}
    place = f"{tap.name} ingress"
    if tap.hook.kind == "ingress":
        return {place: "an ingress qdisc, as Open vSwitch or libvirt make it to police what the instance sends"}
    if all(_redirect_like_ours(found) and _points_to(found, ifb) for found in tap.hook_filters):
        return {}
    return {place: "filters of another tool at its clsact hooks"}


def _owners(
    port: Port,
    tap: t.Optional[Device],
    qvb: t.Optional[Device],
    qvo: t.Optional[Device],
    ifb: t.Optional[Device],
    switch: Switch = NO_SWITCH,
) -> dict[str, str]:
    """{device or "device ingress": owner} for each place that somebody else shapes and a limit of this port meets."""
    roots = [device for device in ((tap, qvo) if port.ingress else ()) if device is not None]
    roots += [device for device in ((qvb, ifb) if port.egress else ()) if device is not None]
    owners = {device.name: owner(device) for device in roots if owner(device)}
    if port.egress is None:
        return owners
    if port.plug == "ovs_hybrid":
        if qvo is not None and qvo.hook is not None and qvo.hook.kind == "ingress":
            owners[f"{qvo.name} ingress"] = "Open vSwitch's policing, as a Neutron QoS policy sets it"
        if tap is not None and tap.hook is not None and tap.hook.kind == "ingress":
            owners[f"{tap.name} ingress"] = "an ingress qdisc, as libvirt makes it to police what the instance sends"
    else:
        owners.update(_hook_owner(tap, ifb))
        name = port.device("tap")
        if name in switch.policed:
            owners[f"{name} ingress"] = (
                f"Open vSwitch's policing at {switch.policed[name]} kbit/s, as a Neutron QoS policy sets it"
            )
    return owners


def _owned(port: Port, owners: Mapping[str, str]) -> str:
    places = "; ".join(f"{place} has {owner}" for place, owner in sorted(owners.items()))
    return (
        f"Port {port.port_id}: {places}. Nothing was changed on this port; remove that, "
        "or set takeover: true to have it replaced by this limit."
    )


def _evict(place: str, devices: Mapping[str, Device]) -> list[str]:
    """The statement that removes another owner's qdisc from a device's root or its hook."""
    name, _space, hook = place.partition(" ")
    if not hook:
        return [f"qdisc del dev {name} root"]
    # Ordered by Open vSwitch's database but not there yet, or kept out by our own clsact: nothing to remove.
    device = devices.get(name)
    theirs = device is not None and device.hook is not None and not _only_ours(device)
    return [f"qdisc del dev {name} parent ffff:fff1"] if theirs else []


def _only_ours(tap: Device) -> bool:
    return tap.hook is not None and tap.hook.kind == "clsact" and all(map(_redirect_like_ours, tap.hook_filters))
