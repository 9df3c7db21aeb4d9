# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trunk's parent port: each subport's networks are exempt under the tag of its VLAN, by the rules for any port."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.report import _shape
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook

if t.TYPE_CHECKING:
    from .conftest import MakePort

LOCAL = ["224.0.0.0/24", "fe80::/10", "ff02::/16"]
RULE = {"name": "all", "limit": {"rate": "20mbit"}}


def subport(vlan: object, *own: str, others: t.Sequence[str] = (), own_network: bool = True) -> dict[str, t.Any]:
    return {
        "port_id": f"00000000-0000-4000-8000-{vlan!s:0>12}",
        "segmentation_id": vlan,
        "own_network": own_network,
        "fixed_ips": [{"cidr": cidr} for cidr in own],
        "other_subnets": [{"cidr": cidr} for cidr in others],
    }


def answer(make_port: MakePort, subports: list[dict[str, t.Any]], **settings: t.Any) -> dict[str, t.Any]:
    (found,) = RuleBook([RULE], **settings).answers(
        [make_port(subports=subports)], {"external_subnets": ["10.30.0.0/16"]}
    )
    return found.public()


def test_each_subports_networks_are_exempt_in_its_vlan(make_port: MakePort) -> None:
    found = answer(make_port, [subport(200, "10.2.0.0/24", others=["fd00:2::/64"]), subport(100, "10.1.0.0/24")])
    assert found["exempt"] == ["192.168.111.0/24", *LOCAL]
    assert found["vlans"] == [
        {"id": 100, "exempt": ["10.1.0.0/24", *LOCAL]},
        {"id": 200, "exempt": ["10.2.0.0/24", "fd00:2::/64", *LOCAL]},
    ]
    assert "not exempt" not in found["why"]


def test_a_port_that_is_no_trunks_has_none(make_port: MakePort) -> None:
    assert "vlans" not in answer(make_port, [])
    (old,) = RuleBook([RULE]).answers([make_port()])
    assert "vlans" not in old.public()


JUDGED = {
    "no network of its own": (subport(7, "10.1.0.0/24", own_network=False), {}, [], "under VLAN 7: its network isn't its project's own"),
    "half of the internet": (subport(7, "0.0.0.0/1"), {}, LOCAL, "under VLAN 7: 0.0.0.0/1 (outside exempt_within)"),
    "what leaves by a route": (subport(7, "10.30.1.0/24"), {}, LOCAL, "under VLAN 7: 10.30.1.0/24 (overlaps 10.30.0.0/16 of an external network)"),
    "a service of the provider's": (subport(7, "10.20.1.0/24"), {"never_exempt": ["10.20.0.0/16"]}, LOCAL,
                                    "under VLAN 7: 10.20.1.0/24 (overlaps 10.20.0.0/16 of never_exempt)"),
    "only its own subnets": (subport(7, "10.1.0.0/24", others=["10.2.0.0/24"]), {"exempt": "own_subnets"}, ["10.1.0.0/24", *LOCAL], ""),
    "nothing but what finds neighbours": (subport(7, "10.1.0.0/24"), {"exempt": "none"}, [], ""),
    "what is exempt for all": (subport(7, "10.1.0.0/24"), {"exempt": "none", "exempt_also": ["10.99.0.0/24"]}, ["10.99.0.0/24"], ""),
}  # fmt: skip


@pytest.mark.parametrize(("one", "settings", "exempt", "note"), JUDGED.values(), ids=JUDGED)
def test_a_subport_is_judged_as_any_port(
    make_port: MakePort, one: dict[str, t.Any], settings: dict[str, t.Any], exempt: list[str], note: str
) -> None:
    found = answer(make_port, [one], **settings)
    assert found["vlans"] == [{"id": 7, "exempt": exempt}]
    assert found["why"].partition("not exempt ")[2] == note


def test_very_many_subports_have_one_bound(make_port: MakePort) -> None:
    """A VLAN counts, even one of which nothing is exempt; what is beyond the bound is limited, and that is told."""
    many = [subport(vlan, f"10.{vlan >> 8}.{vlan & 255}.0/24") for vlan in range(4094, 0, -1)]
    found = answer(make_port, many)
    assert [vlan["id"] for vlan in found["vlans"]] == [*range(1, 32)]  # the port's own subnet is the first of 32
    assert "not exempt VLANs 32, 33, 34 and 4060 more (more than exempt_at_most=32 subnets)" in found["why"]
    assert len(answer(make_port, many, exempt="none")["vlans"]) == 32
    assert len(answer(make_port, many, exempt_at_most=5000)["vlans"]) == 4094
    assert "vlans" not in answer(make_port, many, exempt_at_most=0)
    two = [subport(1, "10.1.0.0/24", "10.2.0.0/24"), subport(2, "10.3.0.0/24"), subport(3, "10.4.0.0/24")]
    found = answer(make_port, two, exempt_at_most=2)
    assert found["vlans"] == [{"id": 1, "exempt": ["10.1.0.0/24", *LOCAL]}]
    assert "under VLAN 1: 10.2.0.0/24 (more than exempt_at_most=2 subnets); VLANs 2, 3 (more than" in found[
        "why"
    ].replace(" and ", ", ")


@pytest.mark.parametrize("vlan", [0, 4095, None, "100"])
def test_what_is_in_no_tag_is_left_out(make_port: MakePort, vlan: object) -> None:
    assert "vlans" not in answer(make_port, [subport(vlan, "10.1.0.0/24")])


def test_another_segmentation_id_is_another_limit(make_port: MakePort) -> None:
    book = RuleBook([RULE])
    one, same, other = book.answers([make_port(subports=[subport(vlan, "10.1.0.0/24")]) for vlan in (100, 100, 101)])
    assert one.gives(same)
    assert not one.gives(other)


def test_libvirt_exempts_nothing_under_a_tag_either(make_port: MakePort) -> None:
    assert "vlans" not in answer(make_port, [subport(100, "10.1.0.0/24")], backend="libvirt", exempt="none")


def test_reports_tell_the_vlan_with_its_networks() -> None:
    limit = {"rate": "20mbit", "ceil": "40mbit", "burst": "25mb", "exempt": ["192.168.111.0/24", *LOCAL], "leaf": "sfq"}
    vlans = [{"id": 7, "exempt": ["10.1.0.0/24", *LOCAL]}, {"id": 8, "exempt": []}]
    assert _shape(limit).endswith("exempt 192.168.111.0/24)")
    assert _shape({**limit, "vlans": vlans}).endswith("exempt 192.168.111.0/24; in VLAN 7 10.1.0.0/24)")
    assert _shape({**limit, "exempt": [], "vlans": vlans}).endswith("exempt in VLAN 7 10.1.0.0/24)")
    assert _shape({**limit, "exempt": []}).endswith("exempt nothing)")
