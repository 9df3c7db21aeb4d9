# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is exempt under the tags of a trunk's VLANs."""

from __future__ import annotations

import ipaddress
import os
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import flower, modules
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import ROOT, Filter
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.limits import of_port
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ownership import EXEMPT, LIMITED
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Vlan, parse_port, parse_ports
from tests.unit.plugins.module_utils._tc.fake_kernel import FakeKernel
from tests.unit.plugins.module_utils._tc.test_plan import IFB, PORT, QVB, TAP, hybrid, native, plan, run

RATE = {"rate": "20mbit"}
ONE = {"id": 100, "exempt": ["192.168.111.0/24", "fd00:1::/64"]}
OTHER = {"id": 200, "exempt": ["192.168.111.0/24"]}
BARE = {"id": 100, "exempt": []}
PLUGS = pytest.mark.parametrize(("plug", "kernel_of"), [("ovs_hybrid", hybrid), ("ovs", native)])


def trunk(plug: str, *vlans: dict[str, t.Any], **more: t.Any) -> dict[str, t.Any]:
    return {"plug": plug, "egress": RATE, "ingress": RATE, "exempt": ["10.0.0.0/8"], "vlans": list(vlans), **more}


CHANGES = {
    "a trunk": ([[ONE, OTHER]], "created"),
    "a port becomes a trunk's": ([[], [ONE]], "changed"),
    "a subport more": ([[ONE], [ONE, OTHER]], "changed"),
    "a subport less": ([[ONE, OTHER], [ONE]], "changed"),
    "another segmentation id": ([[ONE], [{**ONE, "id": 101}]], "changed"),
    "another network": ([[ONE], [{**ONE, "exempt": ["10.9.0.0/16"]}]], "changed"),
    "nothing of its own any more": ([[ONE], [BARE]], "changed"),
    "a subport of which nothing is exempt": ([[BARE], []], "changed"),
    "all of IPv4 and IPv6": ([[{"id": 1, "exempt": ["0.0.0.0/0", "::/0"]}]], "created"),
    "the same again": ([[ONE], [ONE]], "unchanged"),
}


@PLUGS
@pytest.mark.parametrize(("states", "done"), CHANGES.values(), ids=CHANGES)
def test_transitions(plug: str, kernel_of: t.Callable[[], FakeKernel], states: list[t.Any], done: str) -> None:
    kernel = kernel_of()
    for vlans in states:
        last = run(kernel, trunk(plug, *vlans))
        told = last.public()["now"]
        assert told["egress"].get("vlans", []) == told["ingress"].get("vlans", []) == vlans
        # What another run finds, which wants something else.
        found = plan(kernel, {"plug": plug, "egress": RATE}).public()["found"]
        assert found["ingress"].get("vlans", []) == vlans
    assert last.done == done


@PLUGS
def test_each_direction_matches_its_side(plug: str, kernel_of: t.Callable[[], FakeKernel]) -> None:
    statements = plan(kernel_of(), trunk(plug, ONE)).statements
    for device, side in ((TAP, "src"), (QVB if plug == "ovs_hybrid" else IFB, "dst")):
        told = [
            one.partition(" flower ")[2]
            for one in statements
            if f"filter add dev {device} parent 1: protocol 802.1Q prio 4" in one
        ]
        assert told == [
            "vlan_id 100 vlan_ethtype arp flowid 1:1",
            "vlan_id 100 vlan_ethtype ipv6 ip_proto icmpv6 type 132/252 ip_ttl 255 flowid 1:1",
            "vlan_id 100 vlan_ethtype ipv6 ip_proto icmpv6 type 136/254 ip_ttl 255 flowid 1:1",
            f"vlan_id 100 vlan_ethtype ipv4 {side}_ip 192.168.111.0/24 flowid 1:1",
            f"vlan_id 100 vlan_ethtype ipv6 {side}_ip fd00:1::/64 flowid 1:1",
        ]


def test_a_changed_segmentation_id_leaves_other_filters_alone() -> None:
    kernel = hybrid()
    run(kernel, trunk("ovs_hybrid", ONE, OTHER))
    statements = plan(kernel, trunk("ovs_hybrid", ONE, {**OTHER, "id": 201})).statements
    assert len(statements) == 2 * 2 * 4
    assert all("protocol 802.1Q prio 4" in one for one in statements)


def test_what_others_have_put_between_goes() -> None:
    kernel = hybrid()
    run(kernel, trunk("ovs_hybrid", ONE))
    keys, _words = flower.network(100, ipaddress.ip_network("192.168.111.0/24"), "src")
    filters = kernel.devices[TAP].filters
    clean = list(filters)
    for wrong in (
        Filter(ROOT, 4, 0x8100, 77, "flower", keys[:1], EXEMPT),
        Filter(ROOT, 4, 0x8100, 77, "flower", (*keys, (b"", b"\6", 9, 0)), EXEMPT),
        Filter(ROOT, 4, 0x8100, 77, "flower", keys, LIMITED),
        Filter(ROOT, 4, 0x8100, 77, "flower", keys, EXEMPT, -1),
        Filter(ROOT, 7, 0x8100, 77, "flower", keys, EXEMPT),
        Filter(ROOT, 4, 0x8100, 0x80000800, "u32", keys, EXEMPT),
    ):
        filters[:] = [*clean, wrong]
        statements = plan(kernel, trunk("ovs_hybrid", ONE)).statements
        assert len(statements) == 1, wrong
        # What isn't of ours at all goes with its priority.
        assert ("handle" in statements[0]) == ((wrong.kind, wrong.prio) == ("flower", 4))
        assert all(one.startswith(f"filter del dev {TAP} parent 1: protocol 802.1Q") for one in statements)


@given(
    vlan=st.integers(1, 4094),
    network=st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)),
    length=st.integers(0, 128),
    match=st.sampled_from(("src", "dst")),
)
def test_a_network_is_read_back(vlan: int, network: t.Any, length: int, match: str) -> None:
    given_ = ipaddress.ip_network((int(network), min(length, network.max_prefixlen)), strict=False)
    if network.version == 6:
        given_ = ipaddress.IPv6Network((int(network), length), strict=False)
    keys, words = flower.network(vlan, given_, match)
    assert (flower.vlan_of(keys), flower.network_of(keys, match)) == (vlan, given_)
    assert words.endswith(f"{match}_ip {given_}")


def test_what_says_nothing_of_packets_is_no_key() -> None:
    """Newer kernels tell in how many devices a filter is; flags and the outer protocol are no difference either."""
    told = {1: b"", 3: b"", 8: b"\x81\0", 22: b"\0\0\0\1", 86: b"\0\0\0\0", 23: b"d\0", 25: b"\x08\x06"}
    assert flower.keys(told) == ((b"", b"d\0", 23, 0), (b"", b"\x08\x06", 25, 0))
    assert flower.vlan_of(flower.keys({25: b"\x08\x06"})) is None
    assert flower.network_of(flower.keys({25: b"\x08\x00"}), "src") is None


@pytest.mark.parametrize(
    ("vlans", "problem"),
    [
        ([{"id": 0}], "vlans[1].id '0' isn't the id of a VLAN; give a number from 1 to 4094."),
        ([ONE, {"id": 4095}], "vlans[2].id '4095' isn't the id of a VLAN"),
        ([{"id": None}], "vlans[1].id (missing) isn't the id of a VLAN"),
        ([{"id": True}], "vlans[1].id 'True' isn't the id of a VLAN"),
        ([ONE, ONE], "vlans[2].id 100 is listed twice; merge the two entries."),
        ([{"id": 5, "exempt": ["192.0.2.1/24"]}], "vlans[1].exempt: '192.0.2.1/24' is a host's address, not a network"),
    ],
)
def test_what_is_no_vlan_is_refused(vlans: list[dict[str, t.Any]], problem: str) -> None:
    with pytest.raises(OperatorError) as caught:
        parse_ports([{"port_id": PORT, **trunk("ovs", *vlans)}], "sfq")
    assert f"Port {PORT}: {problem}" in str(caught.value)


def test_they_are_saved_for_the_restorer() -> None:
    later = {"egress": RATE, "vlans": [OTHER]}
    port = parse_port(
        {"port_id": PORT, **trunk("ovs", ONE, BARE | {"id": 7}), "until": "2030-01-01T00:00Z", "afterwards": [later]},
        "sfq",
        "",
    )
    assert state.decode(state.encode(port)).ports == {PORT: port}
    assert [vlan.id for vlan in port.vlans] == [7, 100]
    assert of_port(port.at(2e9))["egress"] is not None
    assert port.at(2e9).vlans == (Vlan(200, (ipaddress.ip_network("192.168.111.0/24"),)),)
    assert state.decode(state.encode(parse_port({"port_id": PORT, **trunk("ovs")}, "sfq", ""))).ports[PORT].vlans == ()


@pytest.mark.parametrize("lacks", [set(), {"flower"}])
def test_a_kernel_without_flower_limits_all_and_says_so(monkeypatch: pytest.MonkeyPatch, lacks: set[str]) -> None:
    kernel = hybrid()
    asked: list[set[str]] = []

    def kernel_lacks(needs: t.Iterable[str]) -> list[str]:
        asked.append(set(needs))
        return sorted(lacks & set(needs))

    monkeypatch.setattr(apply, "_read", lambda request: kernel.devices)
    monkeypatch.setattr(apply, "_load", lambda: (state.Saved(), ""))
    monkeypatch.setattr(modules, "kernel_lacks", kernel_lacks)
    for vlans in ([], [ONE]):
        ports = parse_ports([{"port_id": PORT, **trunk("ovs_hybrid", *vlans)}], "sfq")
        outcome = apply.check(apply.Request(ports))
        [planned] = outcome.plans
        assert planned.done == "created"
        assert any("flower" in one for one in planned.statements) == (bool(vlans) and not lacks)
        assert bool(outcome.problems) == (bool(vlans) and bool(lacks))
        assert ({"flower"} in asked) == bool(vlans)  # it may take the kernel some 100 ms
    assert all(
        f"Port {PORT} is a trunk's parent port, and this kernel has no cls_flower" in one for one in outcome.problems
    )


@pytest.mark.parametrize(
    ("release", "lacks"),
    [
        ("6.1.0-18-amd64", []),
        ("5.16.0", []),
        ("5.15.0-91-generic", ["flower"]),
        ("4.18.0-553.el8", ["flower"]),
        ("6", []),
    ],
)
def test_a_flower_that_looks_into_tunnels_exempts_nothing(
    monkeypatch: pytest.MonkeyPatch, release: str, lacks: list[str]
) -> None:
    """Before Linux 5.16, the addresses inside an IPIP or GRE packet decided, and a tenant writes what it likes there."""
    uname = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*uname[:2], release, *uname[3:])))
    monkeypatch.setattr(modules, "_loadable", set)
    assert modules.kernel_lacks({"flower", "htb"}) == lacks


def test_the_restorer_exempts_nothing_where_the_kernel_became_older(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = hybrid()
    run(kernel, trunk("ovs_hybrid", ONE))
    monkeypatch.setattr(apply, "_read", lambda request: kernel.devices)
    monkeypatch.setattr(modules, "kernel_lacks", sorted)
    told: list[str] = []

    def batch(tool: str, statements: t.Sequence[str]) -> dict[int, str]:
        told.extend(statements)
        return {}

    [port] = parse_ports([{"port_id": PORT, **trunk("ovs_hybrid", ONE)}], "sfq")
    apply.restore([port], t.cast("t.Any", batch), lambda port_ids: None)
    assert len(told) == 2 * 5
    assert all("filter del " in one and "protocol 802.1Q" in one for one in told)
