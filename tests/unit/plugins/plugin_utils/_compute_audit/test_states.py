# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hypervisors of a host, states that last, evacuations, and providers within and beside a compute's."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Finding, Provider, Record
from tests.unit.plugins.plugin_utils._compute_audit.world import (
    COMPUTE,
    LOST,
    ONE,
    TAKES,
    TWO,
    World,
    domain,
    inventory,
    server,
)

NOW = "2026-11-29T12:00:00Z"
SECOND = "9cd1a3a8-938d-426c-a9e9-61c7fec1fcbd"


def _provider(uuid: str, root: str, name: str, **resources: int) -> Provider:
    return {
        "uuid": uuid,
        "name": name,
        "root": root,
        "inventories": {key: inventory(amount) for key, amount in resources.items()},
        "usages": {},
        "allocations": {},
    }


def _hold(provider: Provider, consumer: str, **resources: int) -> None:
    provider["allocations"][consumer] = resources
    for key, amount in resources.items():
        provider["usages"][key] = provider["usages"].get(key, 0) + amount


def _second_hypervisor(world: World, kind: str = "QEMU") -> Record:
    first = world.cloud["hypervisors"][0]
    first.update(hypervisor_hostname="cmp01.example.com", hypervisor_type=kind)
    second = first | {"id": SECOND, "hypervisor_hostname": "cmp01"}
    world.cloud["hypervisors"].append(second)
    return second


def test_two_hypervisors_of_a_host_are_told_and_the_audit_goes_on(world: World) -> None:
    _second_hypervisor(world)
    world.hold(LOST, VCPU=1)
    world.add_domain(domain(LOST, made_by_nova=False))
    assert world.found() == {
        ("duplicate_hypervisor", "cmp01"),
        ("allocation_without_instance", LOST),
        ("domain_foreign", LOST),
    }
    # libvirt's own name tells which it is, and its numbers are compared.
    world.host["libvirt"]["hostname"] = "cmp01.example.com"
    told = world.audit()
    assert told.nodes[0]["capacity"][0]["allocated"]
    assert any("libvirt calls itself cmp01.example.com" in one.explanation for one in told.findings)


def test_an_orphan_on_the_stale_hypervisor_is_told(world: World) -> None:
    _second_hypervisor(world)
    stale = _provider(SECOND, SECOND, "cmp01", MEMORY_MB=1024, VCPU=4)
    _hold(stale, LOST, VCPU=1)
    world.cloud["providers"].append(stale)
    assert ("allocation_without_instance", LOST) in world.found()


@pytest.mark.parametrize("nodes", [1, 2])
def test_bare_metal_hosts_are_not_compared(world: World, nodes: int) -> None:
    _second_hypervisor(world, "ironic")
    del world.cloud["hypervisors"][nodes:]
    world.hold(LOST, VCPU=1)
    assert world.found() == set()


def test_a_bare_metal_host_without_a_node_is_perhaps_right(world: World) -> None:
    world.cloud["hypervisors"][0].update(hypervisor_type="ironic", service={"host": "ironic1"})
    world.host = t.cast("t.Any", None)
    (found,) = (one for one in world.audit().findings if one.kind == "compute_not_mapped")
    assert found.severity == "info"


def _migrating(world: World, **changes: t.Any) -> None:
    world.cloud["migrations"].append(
        {
            "id": 7,
            "uuid": LOST,
            "instance_uuid": TWO,
            "status": "running",
            "migration_type": "live-migration",
            "source_compute": "cmp01",
            "dest_compute": "cmp02",
            "updated_at": "2023-11-20T00:00:00.000000",
        }
        | changes
    )


def _stuck(world: World) -> list[Finding]:
    return [one for one in world.audit(now=NOW).findings if one.kind == "stuck"]


def test_a_migration_that_runs_since_2023_is_told_with_its_age(world: World) -> None:
    _migrating(world)
    (found,) = _stuck(world)
    assert "hasn't changed for 1105 days" in found.explanation
    assert found.remedy == f"openstack server migration abort {TWO} 7"


@pytest.mark.parametrize(
    "changes",
    [{"updated_at": "2026-11-29T11:30:00.000000"}, {"status": "completed"}, {"status": "finished"}],
    ids=["a recent one", "one that has ended", "one that waits for a confirmation"],
)
def test_other_migrations_are_not_stuck(world: World, changes: dict[str, str]) -> None:
    _migrating(world, **changes)
    assert _stuck(world) == []


def test_an_instance_that_is_stuck_and_holds_nothing_is_told_twice(world: World) -> None:
    _migrating(world)
    del world.provider["allocations"][TWO]
    assert {(one.kind.value, one.subject) for one in world.audit(now=NOW).findings} == {
        ("stuck", LOST),
        ("instance_without_allocation", TWO),
    }


@pytest.mark.parametrize(
    ("changes", "severity", "words"),
    [
        ({"OS-EXT-STS:task_state": "deleting"}, "warning", "ACTIVE (deleting)"),
        ({"status": "BUILD"}, "warning", "is BUILD and"),
        ({"status": "VERIFY_RESIZE"}, "info", "to be confirmed or reverted"),
    ],
)
def test_states_that_last_are_told(world: World, changes: dict[str, str], severity: str, words: str) -> None:
    world.cloud["servers"][0].update(changes, updated="2026-11-29T08:00:00Z")
    (found,) = _stuck(world)
    assert (found.subject, found.severity) == (ONE, severity)
    assert words in found.explanation
    assert "4 hours" in found.explanation
    world.cloud["servers"][0].update(updated="2026-11-29T11:59:00Z")
    assert _stuck(world) == []


@pytest.mark.parametrize(
    ("state", "domain_state", "kind"),
    [
        ("error", "running", "domain_running"),
        ("suspended", "running", "domain_running"),
        ("paused", "shut off", "domain_not_running"),
        ("error", "shut off", None),
        ("suspended", "shut off", None),
        ("paused", "paused", None),
    ],
)
def test_states_that_the_guest_contradicts_are_told(
    world: World, state: str, domain_state: str, kind: str | None
) -> None:
    world.cloud["servers"][0]["OS-EXT-STS:vm_state"] = state
    world.domains[0]["state"] = domain_state
    assert world.found() == ({(kind, ONE)} if kind else set())


def test_an_instance_in_error_that_runs_and_holds_nothing_is_told(world: World) -> None:
    world.cloud["servers"][0].update({"OS-EXT-STS:vm_state": "error", "status": "ERROR"})
    del world.provider["allocations"][ONE]
    assert world.found() == {("instance_without_allocation", ONE), ("domain_running", ONE)}


@pytest.mark.parametrize(
    ("status", "state", "severity"),
    [("done", "down", "info"), ("done", "up", "warning"), ("failed", "down", "critical"), (None, "down", "critical")],
)
def test_an_evacuation_that_is_done_is_none_that_failed(
    world: World, status: str | None, state: str, severity: str
) -> None:
    world.hold(LOST, VCPU=1)
    world.add_server(server(LOST, **{"OS-EXT-SRV-ATTR:host": "cmp02"}))
    world.cloud["services"][0]["state"] = state
    if status:
        world.cloud["evacuations"] = [{"instance_uuid": LOST, "source_compute": "cmp01", "status": status}]
    (found,) = (one for one in world.audit().findings if one.kind == "allocation_on_other_host")
    assert found.severity == severity
    assert found.remedy == f"openstack resource provider allocation unset --provider {COMPUTE} {LOST}"


def test_an_orphan_on_a_provider_within_a_compute_s_is_told(world: World) -> None:
    card = _provider(SECOND, COMPUTE, "cmp01_gpu", VGPU=8)
    _hold(card, LOST, VGPU=1)
    world.cloud["providers"].append(card)
    assert world.found() == {("allocation_without_instance", LOST)}


def test_what_another_service_keeps_in_a_compute_s_provider_is_its_own(world: World) -> None:
    world.provider["inventories"]["CUSTOM_X"] = inventory(4)
    world.hold(LOST, VCPU=0)
    world.provider["allocations"][LOST] = {"CUSTOM_X": 1}
    assert world.found() == set()


def test_disk_on_a_provider_that_computes_share_is_part_of_an_allocation(world: World) -> None:
    share = _provider(SECOND, SECOND, "share", DISK_GB=1000)
    world.cloud["providers"].append(share)
    del world.provider["inventories"]["DISK_GB"]
    for one in (ONE, TWO):
        world.provider["allocations"][one] = {key: TAKES[key] for key in ("VCPU", "MEMORY_MB")}
        _hold(share, one, DISK_GB=10)
    assert world.found() == set()
    _hold(share, LOST, DISK_GB=10)
    (found,) = world.audit().findings
    assert (found.kind, found.host) == ("allocation_without_instance", "share")


def test_overcommit_of_any_class_is_told(world: World) -> None:
    card = _provider(SECOND, COMPUTE, "cmp01_gpu", VGPU=1)
    card["usages"] = {"VGPU": 3}
    world.cloud["providers"].append(card)
    world.provider["inventories"]["PCPU"] = inventory(2)
    world.provider["usages"]["PCPU"] = 4
    assert world.found() == {("negative", "PCPU"), ("negative", "VGPU of cmp01_gpu")}


@pytest.mark.parametrize(("status", "told"), [("running", False), ("completed", False), ("finished", True)])
def test_what_a_migration_gives_back_by_itself_is_not_negative(world: World, status: str, told: bool) -> None:
    _migrating(world, status=status)
    world.hold(LOST, VCPU=100)
    assert (("negative", "VCPU") in world.found()) is told
    # What is missing beyond it is told.
    world.hold(ONE, VCPU=100)
    assert ("negative", "VCPU") in world.found()


@pytest.mark.parametrize(("status", "known"), [("running", False), ("completed", True)])
def test_what_has_just_been_migrated_away_does_not_make_a_host_unknown(world: World, status: str, known: bool) -> None:
    """nova-compute tells how many run there once a minute."""
    for one in world.cloud["servers"]:
        one["OS-EXT-SRV-ATTR:host"] = "cmp02"
    world.cloud["hypervisors"][0]["running_vms"] = 1
    _migrating(world, status=status)
    assert (("unknown", "servers") not in world.found()) is known
    world.cloud["hypervisors"][0]["running_vms"] = 2
    assert ("unknown", "servers") in world.found()


def test_what_ended_just_before_is_judged_but_not_what_it_left_behind(world: World) -> None:
    _migrating(world, status="completed")
    world.cloud["ended"] = [world.cloud["migrations"].pop()]
    world.hold(LOST, VCPU=100)
    world.domains[1].update(state="paused")
    assert world.found() == {("domain_paused", TWO)}
