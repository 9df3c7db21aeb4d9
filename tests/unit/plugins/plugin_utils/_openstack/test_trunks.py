# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose traffic passes a port because it is the parent of a trunk."""

from __future__ import annotations

import copy
import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.computes import (
    InstancePort,
    Lists,
    Record,
    build,
)

FIXTURES = Path(__file__).with_name("fixtures")


@pytest.fixture
def lists() -> Lists:
    return t.cast(Lists, json.loads((FIXTURES / "lists-2025.1.json").read_text()))


def port_of(lists: Lists, server: str) -> Record:
    (server_id,) = [row["id"] for row in lists["servers"] if row["name"] == server]
    (port,) = [row for row in lists["ports"] if row["device_id"] == server_id]
    return port


def below(lists: Lists, parent: Record, vlan: object, name: str, **changes: t.Any) -> Record:
    """Give the port's trunk a subport, which nobody has bound."""
    port = copy.deepcopy(parent)
    port.update(
        id=f"{name:0<8}-0000-4000-8000-000000000000",
        device_id="",
        device_owner="trunk:subport",
        **{"binding:host_id": ""},
    )
    port.update(changes)
    lists["ports"].append(port)
    if not lists["trunks"]:
        lists["trunks"].append({"id": "mine", "port_id": parent["id"], "sub_ports": []})
    lists["trunks"][0]["sub_ports"].append(
        {"port_id": port["id"], "segmentation_id": vlan, "segmentation_type": "vlan"}
    )
    return port


def shown(lists: Lists, port: Record) -> InstancePort:
    (found,) = [one for host in build(lists) for one in host["instance_ports"] if one["port_id"] == port["id"]]
    return found


def test_a_parent_tells_its_subports_in_the_order_of_their_vlans(lists: Lists) -> None:
    parent = port_of(lists, "acme-gold")
    (other,) = [port for port in lists["ports"] if port["id"] == port_of(lists, "globex-app1")["id"]]
    assert shown(lists, parent)["subports"] == []
    for vlan, name in ((300, "c"), (100, "a"), (200, "b")):
        below(lists, parent, vlan, name)
    found = shown(lists, parent)
    assert [(one["segmentation_id"], one["port_id"][0]) for one in found["subports"]] == [
        (100, "a"),
        (200, "b"),
        (300, "c"),
    ]
    for one in found["subports"]:
        assert (one["own_network"], one["fixed_ips"], one["other_subnets"]) == (
            found["own_network"], found["fixed_ips"], found["other_subnets"],
        )  # fmt: skip
    assert shown(lists, other)["subports"] == []


@pytest.mark.parametrize(
    "changes",
    [{"project_id": "somebody-else", "tenant_id": "somebody-else"}, {"network_id": "not-listed"}],
    ids=["another project's port", "a network that isn't known"],
)
def test_a_subport_has_a_network_of_its_own_only_with_the_parents_project(lists: Lists, changes: Record) -> None:
    parent = port_of(lists, "acme-gold")
    below(lists, parent, 100, "a", **changes)
    below(lists, parent, 101, "b")
    assert [one["own_network"] for one in shown(lists, parent)["subports"]] == [False, True]


def test_another_projects_network_is_no_trunks_own_though_its_subport_is_of_that_project(lists: Lists) -> None:
    parent, stranger = port_of(lists, "acme-gold"), port_of(lists, "globex-app1")
    below(lists, parent, 100, "a", **{key: stranger[key] for key in ("project_id", "network_id", "fixed_ips")})
    (one,) = shown(lists, parent)["subports"]
    assert not one["own_network"]


def test_what_is_in_one_list_alone_comes_with_the_next_run(lists: Lists) -> None:
    parent = port_of(lists, "acme-gold")
    lists["ports"].remove(below(lists, parent, 100, "a"))
    below(lists, parent, 101, "b")
    lists["trunks"] += [
        {
            "id": "of a port that has gone",
            "port_id": "gone",
            "sub_ports": [{"port_id": parent["id"], "segmentation_id": 1, "segmentation_type": "vlan"}],
        },
        {"id": "without subports", "port_id": parent["id"], "sub_ports": None},
    ]
    assert [one["segmentation_id"] for one in shown(lists, parent)["subports"]] == [101]


def test_what_has_no_vlans_tag_is_left_out(lists: Lists) -> None:
    parent = port_of(lists, "acme-gold")
    below(lists, parent, 100, "a")
    lists["trunks"][0]["sub_ports"][0]["segmentation_type"] = "another"
    assert shown(lists, parent)["subports"] == []
