# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is exempt under the tags of a trunk's VLANs, against a kernel with cls_flower; test_vlans.py boots one for these tests."""

from __future__ import annotations

import time
import typing as t

from tests.integration.tc_htb.frames import ARP, discovery, ethernet, ipv4, ipv6, send, tagged
from tests.integration.tc_htb.namespace import PORT, Plug, kernel_text, shell
from tests.integration.tc_htb.packets import KEY, PLUGS, counted, limit, plug_in, restored
from tests.waiting import until, until_in_shell

ID = 100
RATE = {"rate": "64kbit", "ceil": "64kbit", "burst": "2000b"}
#: One that lets all pass, to be counted.
WIDE = {"rate": "1gbit"}
LOCAL = ["224.0.0.0/24", "fe80::/10", "ff02::/16"]
SUBPORT: dict[str, t.Any] = {"id": ID, "exempt": ["192.168.111.0/24", "fd00:1::/64", *LOCAL]}

INSIDE, INSIDE6 = ipv4("192.168.111.1", "192.168.111.2"), ipv6("fd00:1::1", "fd00:1::2")
NEIGHBOUR = discovery("2001:db8::1", "2001:db8::2", 135)
#: A frame, and the tags under which it passes outside the limit; 0 is none.
FRAMES: dict[str, tuple[bytes, tuple[int, ...]]] = {
    "IPv4 of the subport": (INSIDE, (ID,)),
    "IPv6 of the subport": (INSIDE6, (ID,)),
    "IPv4 of the parent": (ipv4("10.9.0.1", "10.9.0.2"), (0,)),
    "other IPv4": (ipv4("192.168.112.1", "192.168.112.2"), ()),
    "other IPv6": (ipv6("fd00:2::1", "fd00:2::2"), ()),
    "IPv6 between neighbours": (ipv6("fe80::1", "fe80::2"), (ID,)),
    "multicast": (ipv4("224.0.0.18", "224.0.0.18", 112), (ID,)),
    "arp": (ethernet(ARP, b"\0\x01\x08\0\x06\x04\0\x01"), (0, ID)),
    "router advertisement": (discovery("2001:db8::1", "2001:db8::2", 134), (0, ID)),
    "neighbour solicitation": (NEIGHBOUR, (0, ID)),
    "redirect": (discovery("2001:db8::1", "2001:db8::2", 137), (0, ID)),
    "forwarded, so no neighbour": (discovery("2001:db8::1", "2001:db8::2", 135, hops=254), ()),
    "echo request": (discovery("2001:db8::1", "2001:db8::2", 128), ()),
}


def desired(kind: str, *vlans: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    both = {"egress": RATE, "ingress": RATE, "exempt": ["10.9.0.0/16"]}
    return {"port_id": PORT, "plug": kind, **both, "vlans": list(vlans), **more}


def cable(plug: Plug, kind: str) -> dict[str, str]:
    """The port on a bridge, as on a compute; by direction, the far end to send from: the instance's, or the switch's.

    A tag is part of the frame there. The kernel moves it beside the packet on its way in, as it does at a real tap.
    """
    plug_in(plug, kind)
    near, far = (f"qvb{KEY}", f"qvo{KEY}") if kind == "ovs_hybrid" else ("near", "far")
    if kind != "ovs_hybrid":
        shell("ip link add near type veth peer name far && ip link set near up && ip link set far up")
    shell(
        f"ip link add cable type bridge && ip link set tap{KEY} master cable && ip link set {near} master cable && ip link set cable up"
    )
    forwarding = "bridge -d link show | grep -c 'state forwarding'"
    shell(until_in_shell("both ports forward", f"[ $({forwarding}) = 2 ]", seen="bridge link show", every=0.05))
    return {"egress": "vm-" + KEY, "ingress": far}


def passed(direction: str, device: str, frame: bytes, count: int = 5) -> bool:
    """Whether frames that are sent on the device pass outside the limit: all of them or none."""
    before = counted(direction)
    send(device, frame, count)

    def told() -> list[int]:
        """Packets that were limited, and exempt bytes; nothing until all have come."""
        after = counted(direction)
        new = [after[name] - before[name] for name in ("packets", "exempt_bytes")]
        # A tag that the kernel keeps beside the packet isn't counted.
        return new if new[0] >= count or new[1] >= count * (len(frame) - 8) else []

    limited, exempt = until(f"{count} frames have come", told, every=0.01)
    assert not (limited and exempt)
    return bool(exempt)


@PLUGS
def test_what_is_exempt_is_so_under_its_tag_alone(plug: Plug, kind: str) -> None:
    """With the tag in the frame, as a raw socket sends it, and beside it, where a VLAN's interface and Open vSwitch put it."""
    ends = cable(plug, kind)
    limit(desired(kind, SUBPORT, egress=WIDE, ingress=WIDE))
    for direction, device in ends.items():
        for tag in (ID, ID + 1):
            shell(f"ip link add link {device} name v{tag} type vlan id {tag} && ip link set v{tag} up")
        for name, (frame, tags) in FRAMES.items():
            for tag in (ID, ID + 1):
                for way, sent in (("in", (device, tagged(frame, tag))), ("beside", (f"v{tag}", frame))):
                    assert passed(direction, *sent) == (tag in tags), f"{direction} {name}, VLAN {tag} {way} the packet"
            assert passed(direction, device, frame) == (0 in tags), f"{direction} {name} without a tag"
        assert not passed(direction, device, tagged(INSIDE, 0)), "a tag that has only a priority"
        assert not passed(direction, device, tagged(tagged(INSIDE, ID), ID)), "two tags"
        for tag in (ID, ID + 1):
            shell(f"ip link del v{tag}")


@PLUGS
def test_what_is_not_exempt_is_held_to_the_limit(plug: Plug, kind: str) -> None:
    ends = cable(plug, kind)
    limit(desired(kind, SUBPORT))
    count = 400
    for direction, device in ends.items():
        for frame in (tagged(INSIDE, ID), tagged(INSIDE6, ID)):
            before = counted(direction)
            send(device, frame, count)
            wanted = before["exempt_bytes"] + count * (len(frame) - 4)
            until("all have passed", lambda: counted(direction)["exempt_bytes"] >= wanted, every=0.01)  # noqa: B023
            assert counted(direction)["packets"] == before["packets"]
        for frame in (INSIDE, tagged(INSIDE, ID + 1), tagged(INSIDE6, ID + 1)):
            before, began = counted(direction), time.monotonic()
            send(device, frame, count)
            until("the queue is full", lambda: counted(direction)["drops"] > before["drops"], every=0.01)  # noqa: B023
            after, seconds = counted(direction), time.monotonic() - began
            # The bucket of each round, what flows into it meanwhile, and what waited in the queue.
            assert (after["packets"] - before["packets"]) * (len(frame) - 4) <= 2 * 2000 + 8000 * seconds + 1600
            assert after["exempt_bytes"] == before["exempt_bytes"]


@PLUGS
def test_runs_follow_the_trunk_and_end_with_it(plug: Plug, kind: str) -> None:
    plug_in(plug, kind)
    limit(desired(kind))
    bare = kernel_text()
    other = {**SUBPORT, "id": ID + 1}
    for vlans in ([SUBPORT], [other], [SUBPORT, other], [SUBPORT, {"id": ID + 1, "exempt": []}], []):
        predicted = limit(desired(kind, *vlans), check=True)
        assert vlans != [SUBPORT] or kernel_text() == bare
        done = limit(desired(kind, *vlans))
        assert [plan.public() for plan in predicted.plans] == [plan.public() for plan in done.plans]
        assert (done.counts["changed"], done.plans[0].change) == (1, "changed")
        assert done.plans[0].public()["now"]["egress"].get("vlans", []) == [
            {**vlan, "exempt": sorted(vlan["exempt"])} for vlan in vlans
        ]
        again = limit(desired(kind, *vlans))
        assert not again.changed
        assert again.plans[0].found == done.plans[0].now
    assert kernel_text() == bare


def test_filters_of_other_hands_are_set_right(plug: Plug) -> None:
    kind = "ovs_hybrid"
    plug_in(plug, kind)
    limit(desired(kind, SUBPORT))
    clean = sorted(_keys(kernel_text()))
    place = f"filter add dev tap{KEY} parent 1: protocol 802.1Q prio 4 flower"
    for wrong in (
        f"vlan_id {ID} flowid 1:1",
        "vlan_ethtype ip src_ip 192.168.111.0/24 flowid 1:1",
        f"vlan_id {ID} vlan_ethtype ip src_ip 192.168.0.0/16 flowid 1:1",
        f"vlan_id {ID} vlan_ethtype ip src_ip 192.168.111.0/24 ip_proto tcp flowid 1:1",
        f"vlan_id {ID} vlan_prio 3 vlan_ethtype ip src_ip 192.168.111.0/24 flowid 1:1",
        f"vlan_id {ID + 1} vlan_ethtype arp flowid 1:100",
    ):
        shell(f"tc {place} {wrong}")
        assert limit(desired(kind, SUBPORT)).counts["changed"] == 1, wrong
        assert sorted(_keys(kernel_text())) == clean, wrong


def _keys(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.startswith("  ") and "dst_mac" not in line]


@PLUGS
def test_the_restorer_sets_it_again(plug: Plug, kind: str) -> None:
    plug_in(plug, kind)
    both = desired(kind, SUBPORT)
    limit(both, persist=True)
    before = sorted(_keys(kernel_text()))
    shell(f"tc qdisc del dev tap{KEY} root")
    shell(f"tc qdisc del dev {f'qvb{KEY}' if kind == 'ovs_hybrid' else f'ifb{KEY}'} root")
    restored()
    assert sorted(_keys(kernel_text())) == before
    assert not limit(both, persist=True).changed


def test_a_trunk_of_many_subports_is_one_dump_and_linear(plug: Plug) -> None:
    ends = cable(plug, "ovs_hybrid")
    many = [{"id": id_, "exempt": [f"10.{id_ >> 8}.{id_ & 255}.0/24"]} for id_ in range(1, 301)]
    made = limit(desired("ovs_hybrid", *many, egress=WIDE, ingress=WIDE))
    assert len([one for one in made.plans[0].statements if "flower" in one]) == 2 * 300 * 4
    assert not limit(desired("ovs_hybrid", *many, egress=WIDE, ingress=WIDE)).changed
    for id_, exempt in ((1, True), (300, True), (301, False)):
        frame = tagged(ipv4("10.1.44.1" if id_ > 1 else "10.0.1.1", "192.0.2.1"), id_)
        assert passed("ingress", ends["ingress"], frame) == exempt
