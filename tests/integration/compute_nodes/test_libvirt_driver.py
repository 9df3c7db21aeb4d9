# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Computes on which Nova's own libvirt driver has made everything: nothing is found, whatever state an instance is in; and what a finding
suggests is carried out by Nova."""

from __future__ import annotations

import typing as t

import pytest

from tests.integration.compute_nodes.node import INSTANCES, Node


@pytest.fixture(scope="module")
def node(nodes: list[Node]) -> Node:
    return nodes[0]


@pytest.fixture(scope="module")
def server(node: Node) -> str:
    return node.instance()


@pytest.mark.parametrize(
    ("act", "status", "back"),
    [
        ("", "ACTIVE", ""),
        ("pause_server", "PAUSED", "unpause_server"),
        ("suspend_server", "SUSPENDED", "resume_server"),
        ("stop_server", "SHUTOFF", "start_server"),
        ("rescue_server", "RESCUE", "unrescue_server"),
    ],
)
def test_nothing_is_found_in_any_state(node: Node, server: str, act: str, status: str, back: str) -> None:
    compute: t.Any = node.cloud.compute
    if act:
        getattr(compute, act)(server)
    compute.wait_for_server(compute.get_server(server), status=status, interval=0.5, wait=300)
    assert node.look()["findings"] == []
    if back:
        getattr(compute, back)(server)
        compute.wait_for_server(compute.get_server(server), interval=0.5, wait=300)


def test_a_guest_that_has_stopped_by_itself(node: Node, server: str) -> None:
    node.ssh(f"virsh -q destroy {server}")
    finding = node.finding("domain_not_running", server)
    node.remedy(finding)
    node.cloud.compute.wait_for_server(node.cloud.compute.get_server(server), interval=0.5, wait=300)
    assert node.state(server) == "running"
    assert node.found() == set()


def test_a_guest_that_has_gone(node: Node, server: str) -> None:
    node.ssh(f"virsh -q destroy {server}; virsh -q undefine {server}")
    finding = node.finding("domain_missing", server)
    node.remedy(finding)
    node.cloud.compute.wait_for_server(node.cloud.compute.get_server(server), interval=0.5, wait=300)
    assert node.state(server) == "running"
    assert node.found() == set()


def test_disk_that_is_taken_by_others(node: Node, server: str) -> None:
    """The whole case, with a nova-compute that reads the nova.conf that the playbook has changed."""
    node.ssh(
        f"mkdir {INSTANCES}/dumps; truncate -s 2500M {INSTANCES}/dumps/core; fallocate -l 2500M {INSTANCES}/dumps/core"
    )
    finding = node.finding("disk_not_reserved", "DISK_GB")
    assert "dumps" in finding["explanation"]
    node.remedy(finding)
    node.wait_for("DISK_GB", reserved=3)
    assert node.found() == set()
    # There is room for one GiB no more: 4 less 3 reserved, less the one of the instance.
    refused = node.schedule(1, "refused")
    assert refused.status == "ERROR"
    assert "No valid host" in node.fault(refused.id)


def test_more_memory_given_away_than_there_is(nodes: list[Node], server: str) -> None:
    """Nova refuses to migrate anything while Placement has less than nothing free."""
    node, other = nodes
    node.reserve_memory(16)
    finding = node.finding("negative", "MEMORY_MB")
    node.remedy(finding)
    assert node.cloud.compute.get_server(server).compute_host == other.host
    assert other.state(server) == "running"
    node.wait_until_empty()
    assert node.found() == set()
    assert other.found() == set()
