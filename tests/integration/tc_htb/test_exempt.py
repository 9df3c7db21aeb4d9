# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which frames pass outside a limit, counted by the kernel on both plugs and in both directions."""

from __future__ import annotations

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply
from tests.integration.tc_htb.frames import ARP, discovery, ethernet, ipv4, ipv6, send
from tests.integration.tc_htb.namespace import PORT, Plug, kernel_text, shell, tc_htb

KEY = PORT[:11]
LIMIT = {"rate": "1mbit"}

#: What finds a neighbour, and what only looks so. The last four are of the internet: nobody's neighbour.
FRAMES = {
    "arp": (ethernet(ARP, b"\0\x01\x08\0\x06\x04\0\x01"), True),
    "router solicitation": (discovery("fe80::1", "ff02::2", 133), True),
    "router advertisement": (discovery("fe80::1", "ff02::1", 134), True),
    "duplicate address detection": (discovery("::", "ff02::1:ff00:1", 135), True),
    "neighbour solicitation": (discovery("2001:db8::1", "2001:db8::2", 135), True),
    "neighbour advertisement": (discovery("2001:db8::1", "2001:db8::2", 136), True),
    "redirect": (discovery("fe80::1", "2001:db8::2", 137), True),
    "multicast listener done": (discovery("fe80::1", "ff02::2", 132, hops=1), False),
    "below the types of neighbours": (discovery("fe80::1", "ff02::2", 131), False),
    "above the types of neighbours": (discovery("fe80::1", "ff02::2", 138), False),
    "forwarded, so no neighbour": (discovery("2001:db8::1", "2001:db8::2", 135, hops=254), False),
    "echo request": (discovery("2001:db8::1", "2001:db8::2", 128), False),
    "IPv6": (ipv6("2001:db8::1", "2001:db8::2"), False),
    "IPv4": (ipv4("198.51.100.1", "203.0.113.1"), False),
}


def exempt_bytes(direction: str) -> int:
    [port], _problems = apply.survey([PORT])
    counted = port.limits[direction]
    assert counted is not None
    return counted.exempt_bytes


@pytest.mark.parametrize("kind", ["ovs_hybrid", "ovs"])
def test_neighbours_are_found_outside_the_limit(plug: Plug, kind: str) -> None:
    plug.hybrid() if kind == "ovs_hybrid" else plug.native()
    tc_htb({"port_id": PORT, "plug": kind, "egress": LIMIT, "ingress": LIMIT})
    # What leaves through a device is sent on it, as a switch would; a native plug's upload comes from the instance.
    sides = {"ingress": "tap" + KEY, "egress": "qvb" + KEY if kind == "ovs_hybrid" else "vm-" + KEY}
    for direction, device in sides.items():
        for name, (frame, exempt) in FRAMES.items():
            before = exempt_bytes(direction)
            send(device, frame, 10)
            counted = exempt_bytes(direction) - before
            assert (counted >= 10 * len(frame)) == exempt, f"{direction} {name}: {counted} bytes"


def test_filters_of_versions_before_are_replaced_once(plug: Plug) -> None:
    """They had one for each of 133, 134 with 135, and 136 with 137."""
    plug.hybrid()
    desired = {"port_id": PORT, "plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT, "exempt": ["fd00:1::/64"]}
    made = tc_htb(desired)["ports"][0]["now"]
    new = kernel_text()
    for device in ("tap" + KEY, "qvb" + KEY):
        shell(f"tc filter del dev {device} parent 1: protocol ipv6 prio 2")
        for kind, mask in (("85", "ff"), ("86", "fe"), ("88", "fe")):
            shell(
                f"tc filter add dev {device} parent 1: protocol ipv6 prio 2 u32 match u32 0x00003aff 0x0000ffff at 4 "
                f"match u32 0x{kind}000000 0x{mask}000000 at 40 flowid 1:1"
            )
        shell(f"tc filter add dev {device} parent 1: protocol ipv6 prio 2 u32 "
              f"match ip6 {'src' if device.startswith('tap') else 'dst'} fd00:1::/64 flowid 1:1")  # fmt: skip
    predicted, done, again = tc_htb(desired, check=True), tc_htb(desired), tc_htb(desired)
    for told in (predicted, done):
        assert told["ports"][0]["found"] == told["ports"][0]["now"] == made
        assert (told["ports"][0]["done"], told["ports"][0]["change"]) == ("changed", "unchanged")
    assert not again["changed"]
    assert sorted(_matches(kernel_text())) == sorted(_matches(new))


def _matches(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.lstrip().startswith("match ")]


def test_the_link_s_own_addresses_are_exempt_like_networks(plug: Plug) -> None:
    plug.hybrid()
    desired = {"port_id": PORT, "plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT}
    tc_htb({**desired, "exempt": ["fe80::/10", "ff02::/16", "224.0.0.0/24"]})
    for direction, device, frame in (
        ("egress", "qvb" + KEY, ipv6("fe80::1", "fe80::2")),
        ("ingress", "tap" + KEY, ipv6("fe80::2", "ff02::fb")),
        ("egress", "qvb" + KEY, ipv4("192.0.2.1", "224.0.0.18", 112)),
    ):
        before = exempt_bytes(direction)
        send(device, frame, 10)
        assert exempt_bytes(direction) - before >= 10 * len(frame)
