# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What isn't known is named, and nothing is judged by it; what can't be undone stands apart."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Finding, Record
from tests.unit.plugins.plugin_utils._compute_audit.world import (
    GIB,
    LOST,
    ONE,
    TWO,
    World,
    domain,
    entry,
    server,
    volume,
)


def _plant(world: World) -> None:
    """Everything of an instance that Nova doesn't have."""
    other = "4" + LOST[1:]
    world.cloud["absent"].append(other)
    world.add_domain(domain(LOST))
    world.add_entry(entry(other, other, size=0))
    world.host["lvm"]["volumes"].append(volume(f"{other}_disk", "nova", instance=other))
    world.hold(LOST, VCPU=1)


def _answered_as_unknown(world: World) -> None:
    """With a filter Nova leaves the servers of such a cell out; by its id each is told, without its host."""
    world.cloud["servers"] = [{"id": ONE, "status": "UNKNOWN"}, {"id": TWO, "status": "UNKNOWN"}]
    world.cloud["hypervisors"][0]["running_vms"] = 2


def _not_answered(world: World) -> None:
    world.cloud["servers"] = []
    world.cloud["unanswered"] = {ONE: "Nova's /servers was answered with HTTP 500.", TWO: "So."}


def _unreached(world: World) -> None:
    world.cloud["servers"] = []
    world.cloud["absent"] = [ONE, TWO, LOST]
    world.cloud["unreached"] = ["cmp01"]
    world.cloud["hypervisors"] = []


@pytest.mark.parametrize("spoil", [_answered_as_unknown, _not_answered, _unreached])
def test_a_cell_that_does_not_answer_has_nobody_destroyed(world: World, spoil: t.Callable[[World], None]) -> None:
    spoil(world)
    findings = world.audit().findings
    assert {(one.kind.value, one.subject) for one in findings} == {("unknown", "servers")}
    assert not any(one.irreversible or "virsh" in one.remedy for one in findings)


def test_what_nova_was_not_asked_for_is_not_called_absent(world: World) -> None:
    _plant(world)
    world.cloud["absent"] = []
    world.cloud["lost_providers"] = []
    world.cloud["providers"].append(
        {"uuid": LOST, "name": "gone", "root": LOST, "inventories": {"MEMORY_MB": {}}, "usages": {}, "allocations": {}}
    )
    assert world.found() == set()


def _copy(world: World, state: str, theirs: str | None) -> Finding:
    world.add_domain(domain(LOST, state=state))
    world.add_server(server(LOST, **{"OS-EXT-SRV-ATTR:host": "cmp02"}))
    world.others["cmp02"] = {"libvirt": {"domains": [domain(LOST, state=theirs)] if theirs else []}}
    (found,) = (one for one in world.audit().findings if one.kind == "domain_on_other_host")
    return found


@pytest.mark.parametrize(
    ("state", "theirs", "removed"),
    [
        ("running", "running", True),
        ("shut off", "running", True),
        ("shut off", "shut off", True),
        ("running", "shut off", False),
        ("running", None, False),
        ("shut off", None, False),
    ],
)
def test_a_domain_is_only_removed_where_the_host_that_nova_names_has_it(
    world: World, state: str, theirs: str | None, removed: bool
) -> None:
    found = _copy(world, state, theirs)
    assert bool(found.remedy) is found.irreversible is removed
    assert ("whatever Nova says" in found.explanation) is not removed


@pytest.mark.parametrize("other", [None, {"libvirt": None}])
def test_a_domain_is_not_removed_where_the_other_host_told_nothing(world: World, other: Record | None) -> None:
    world.add_domain(domain(LOST))
    world.add_server(server(LOST, **{"OS-EXT-SRV-ATTR:host": "cmp02"}))
    world.others["cmp02"] = t.cast("Record", other)
    (found,) = (one for one in world.audit().findings if one.kind == "domain_on_other_host")
    assert found.remedy == ""
    assert "may be the only one" in found.explanation


def test_a_domain_of_an_instance_that_nova_has_on_no_host_is_known(world: World) -> None:
    world.add_domain(domain(LOST))
    world.add_server(server(LOST, status="ERROR", **{"OS-EXT-SRV-ATTR:host": None, "OS-EXT-STS:vm_state": "error"}))
    (found,) = world.audit().findings
    assert (found.kind, found.remedy) == ("domain_on_other_host", "")
    assert "that Nova has on no host (as ERROR)" in found.explanation


def test_a_folder_on_a_file_system_that_others_may_see_is_an_instance_s_own(world: World) -> None:
    world.host["instances"]["kind"] = "fuse.something"
    world.add_entry(entry(LOST, LOST, size=0))
    world.add_server(server(LOST, **{"OS-EXT-SRV-ATTR:host": "cmp02"}))
    assert world.found() == set()


def test_what_can_not_be_undone_is_told_only_on_request_and_last(world: World) -> None:
    _plant(world)
    silent = world.audit(irreversible=False).findings
    apart = {one.id for one in silent if one.irreversible}
    assert {one.split(":")[0] for one in apart} == {"domain_unknown", "leftover_directory", "leftover_volume"}
    assert all(
        one.remedy == "" and "compute_audit_irreversible=true" in one.explanation for one in silent if one.irreversible
    )
    told = world.audit()
    made = report.report(told, taken="2026-11-27T13:00:00Z", cloud="lab", region="", requests=20)
    lines = report.lines(told, made)
    line = lines.index("What can't be undone. Look at each by hand first:")
    assert not any("virsh" in one or "lvremove" in one for one in lines[:line])
    assert sum(one.irreversible for one in told.findings) == 3


def test_without_nova_conf_nothing_is_said_about_the_disk(world: World) -> None:
    """Guests may lie in a pool of Ceph: a host whose nova.conf is in a container's image."""
    world.host |= {"nova_conf": None, "unknown": {"nova_conf": "It isn't there."}}
    world.host["instances"] |= {"total": 200 * GIB, "used": 48 * GIB, "free": 152 * GIB}
    world.provider["inventories"]["DISK_GB"]["total"] = 3000
    assert world.found() == {("unknown", "nova_conf")}
    (node,) = world.audit().nodes
    assert node["reservation"] is None


def test_where_two_files_disagree_on_images_type_nothing_is_said_about_the_disk(world: World) -> None:
    world.host["nova_conf"]["images_type"] = None
    world.provider["inventories"]["DISK_GB"]["total"] = 3000
    assert world.found() == set()


def test_a_container_s_path_is_known_by_the_folder_s_name(world: World) -> None:
    world.host["instances"]["path"] = "/var/lib/docker/volumes/nova_compute/_data/instances"
    (disk,) = (one for one in world.audit().nodes[0]["capacity"] if one["resource"] == "DISK_GB")
    assert disk["actual"]
    assert disk["actual"]["promised"] == 20
    # A domain of another name has its disk in the folder of an instance that is gone.
    inside = domain("5" + LOST[1:], made_by_nova=False, state="shut off")
    inside["disks"][0]["source"] = f"/var/lib/nova/instances/{LOST}/disk"
    world.add_domain(inside)
    world.add_entry(entry(LOST, LOST, size=0))
    assert world.found() == set()
