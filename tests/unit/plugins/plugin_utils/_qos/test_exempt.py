# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tenants choose the CIDRs of their subnets; operators say which of them count."""

from __future__ import annotations

import ipaddress
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.exempt import (
    PRIVATE,
    Exemptions,
    Network,
    parse_network,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook

if t.TYPE_CHECKING:
    from .conftest import MakePort


def networks(*texts: str) -> list[Network]:
    return [ipaddress.ip_network(text) for text in texts]


def default(*never: str, at_most: int = 32) -> Exemptions:
    return Exemptions(networks(*PRIVATE), networks(*never), at_most)


REFUSED = {
    "half of the internet": ("0.0.0.0/1", "outside exempt_within"),
    "everything": ("0.0.0.0/0", "outside exempt_within"),
    "more than an approved range": ("10.0.0.0/7", "outside exempt_within"),
    "somebody's public network": ("203.0.113.0/24", "outside exempt_within"),
    "a shared address": ("100.64.0.0/24", "outside exempt_within"),
    "all of IPv6": ("::/0", "outside exempt_within"),
    "global IPv6": ("2001:db8::/64", "outside exempt_within"),
    "IPv4 in disguise": ("::ffff:0:0/96", "outside exempt_within"),
    "around the provider's service": ("10.0.0.0/8", "overlaps 10.20.0.0/16 of never_exempt"),
    "inside the provider's network": ("10.20.30.0/24", "overlaps 10.20.0.0/16 of never_exempt"),
    "the provider's IPv6": ("fd00::/8", "overlaps fd00:20::/32 of never_exempt"),
}


@pytest.mark.parametrize(("cidr", "reason"), REFUSED.values(), ids=list(REFUSED))
@pytest.mark.parametrize("where", ["own", "others"])
def test_a_tenant_cannot_exempt(cidr: str, reason: str, where: str, make_port: MakePort) -> None:
    port = make_port(**{"own": [], where: [cidr]})
    assert default("10.20.0.0/16", "fd00:20::/32").of(port, "own_network", ()) == ([], f"not exempt: {cidr} ({reason})")


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "10.30.0.0/16", "10.30.40.0/24"])
@pytest.mark.parametrize("where", ["own", "others"])
def test_what_leaves_by_a_route_to_an_external_network_is_not_exempt(
    cidr: str, where: str, make_port: MakePort
) -> None:
    """A member makes a subnet of the network's private floating IPs; nobody has listed these in never_exempt."""
    external = {"external_subnets": ["10.30.0.0/16", "2001:db8::/64"]}
    port = make_port(**{"own": [], where: [cidr]})
    (answer,) = RuleBook([{"name": "all", "limit": {"rate": "20mbit"}}]).answers([port], external)
    assert (answer.exempt, answer.why.partition("; ")[2]) == (
        (),
        f"not exempt: {cidr} (overlaps 10.30.0.0/16 of an external network)",
    )
    (elsewhere,) = RuleBook([{"name": "all", "limit": {"rate": "20mbit"}}]).answers([port], {"external_subnets": None})
    assert elsewhere.exempt == (ipaddress.ip_network(cidr),)


def test_each_regions_external_networks_count_there_alone(make_port: MakePort) -> None:
    book = RuleBook([{"name": "all", "limit": {"rate": "20mbit"}}])
    computes = [{"external_subnets": subnets} for subnets in (["192.168.0.0/16"], [], ["192.168.111.0/24"])]
    assert [book.answers([make_port()], one)[0].exempt for one in computes] == [
        (),
        tuple(networks("192.168.111.0/24")),
        (),
    ]


@pytest.mark.parametrize("mode", ["own_network", "own_subnets"])
def test_a_network_of_somebody_elses_is_not_exempt(mode: str, make_port: MakePort) -> None:
    """Shared, external or another project's: whoever is there isn't the tenant."""
    port = make_port(own=["10.0.0.0/16"], others=["10.1.0.0/16"], own_network=False)
    also = networks("192.0.2.0/24")
    granted, note = default().of(port, mode, also)
    assert granted == networks("192.0.2.0/24")
    assert note == "not exempt: its network isn't its project's own"
    assert default().of(port, "none", also) == (networks("192.0.2.0/24"), "")


def test_an_operator_can_approve_public_ranges(make_port: MakePort) -> None:
    exemptions = Exemptions(networks("2001:db8:100::/40"), (), 32)
    port = make_port(own=["2001:db8:100:7::/64", "192.168.111.0/24"])
    assert exemptions.of(port, "own_network", ()) == (
        networks("2001:db8:100:7::/64"),
        "not exempt: 192.168.111.0/24 (outside exempt_within)",
    )


def test_hundreds_of_subnets_are_bounded_and_the_ports_own_come_first(make_port: MakePort) -> None:
    others = [f"10.{number}.0.0/24" for number in range(200)]
    granted, note = default(at_most=5).of(make_port(others=others), "own_network", networks("198.51.100.0/24"))
    assert granted == networks(
        "10.0.0.0/24",
        "10.1.0.0/24",
        "10.10.0.0/24",
        "10.100.0.0/24",
        "192.168.111.0/24",
        "198.51.100.0/24",
    )
    assert (
        note
        == "not exempt: 10.101.0.0/24, 10.102.0.0/24, 10.103.0.0/24 and 193 more (more than exempt_at_most=5 subnets)"
    )


def test_an_address_without_a_known_subnet_is_passed_over(make_port: MakePort) -> None:
    port = make_port()
    port["fixed_ips"][0]["cidr"] = None
    assert default().of(port, "own_network", ()) == ([], "")


@pytest.mark.parametrize("written", [None, 7, True, b"10.0.0.0/8", ["10.0.0.0/8"], "", "10.0.0.0/33", "fe80::%eth0/64"])
def test_what_is_no_network(written: object) -> None:
    with pytest.raises(ValueError, match="is not a network; write it like"):
        parse_network(written)


_subnets = st.builds(
    lambda address, prefix: str(ipaddress.ip_network((address, prefix), strict=False)),
    st.integers(0, 2**32 - 1),
    st.integers(0, 32),
)


@given(own=st.lists(_subnets, max_size=5), others=st.lists(_subnets, max_size=40), never=_subnets)
def test_whatever_a_tenant_does_only_approved_addresses_are_exempt(
    own: list[str], others: list[str], never: str
) -> None:
    port: dict[str, t.Any] = {
        "own_network": True,
        "fixed_ips": [{"cidr": cidr} for cidr in own],
        "other_subnets": [{"cidr": cidr} for cidr in others],
    }
    exemptions = default(never)
    granted, _note = exemptions.of(port, "own_network", ())
    within = networks(*PRIVATE[:3])
    for network in granted:
        assert any(network.subnet_of(t.cast("ipaddress.IPv4Network", allowed)) for allowed in within)  # type: ignore[arg-type]
        assert not network.overlaps(ipaddress.ip_network(never))
    assert exemptions.of({**port, "other_subnets": port["other_subnets"][::-1]}, "own_network", ())[0] == granted
