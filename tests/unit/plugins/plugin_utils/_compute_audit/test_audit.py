# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each thing that can be wrong is found, and nothing that is right."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import SEVERITIES, Pool
from tests.unit.plugins.plugin_utils._compute_audit.world import (
    COMPUTE,
    GIB,
    HOSTILE,
    LOST,
    ONE,
    TAKES,
    TWO,
    World,
    domain,
    entry,
    inventory,
    server,
    volume,
)

Spoil = t.Callable[[World], t.Any]


def _lost_provider(world: World) -> None:
    world.cloud["providers"].append(
        {
            "uuid": LOST,
            "name": "gone",
            "root": LOST,
            "inventories": {"MEMORY_MB": inventory(1)},
            "usages": {},
            "allocations": {},
        }
    )


def _resized_specs(world: World) -> None:
    world.provider["allocations"][ONE]["DISK_GB"] = 5


def _secret_of_a_disk(world: World) -> None:
    world.domains[0]["disks"][0]["secret"] = LOST


def _not_in_effect(world: World) -> None:
    world.host["nova_conf"]["reserved_host_disk_mb"] = 4000


def _negative(world: World) -> None:
    world.provider["inventories"]["VCPU"] = inventory(2, 1.0)


def _foreign_volume(world: World) -> World:
    world.use_lvm(volume("backup", size=60 * GIB))
    world.host["instances"]["entries"] = []
    return world


SPOILED: dict[str, tuple[Spoil, set[tuple[str, str]]]] = {
    "an allocation of nobody": (lambda world: world.hold(LOST, VCPU=1), {("allocation_without_instance", LOST)}),
    "an allocation of an instance on another host": (
        lambda world: (
            world.hold(LOST, VCPU=1),
            world.add_server(server(LOST, **{"OS-EXT-SRV-ATTR:host": "cmp02"})),
        ),
        {("allocation_on_other_host", LOST)},
    ),
    "an instance without allocation": (
        lambda world: world.provider["allocations"].pop(ONE),
        {("instance_without_allocation", ONE)},
    ),
    "an allocation smaller than the flavor": (_resized_specs, {("allocation_differs", ONE)}),
    "a compute that Placement does not know": (
        lambda world: world.cloud["providers"].clear(),
        {("compute_without_provider", COMPUTE)},
    ),
    "a compute that is not mapped to a cell": (
        lambda world: world.cloud["hypervisors"].clear(),
        {("compute_not_mapped", "cmp01")},
    ),
    "a provider of a compute that is gone": (_lost_provider, {("provider_without_compute", LOST)}),
    "more given away than there is": (_negative, {("negative", "VCPU")}),
    "a domain of a deleted instance": (lambda world: world.add_domain(domain(LOST)), {("domain_unknown", LOST)}),
    "a domain of an instance on another host": (
        lambda world: (
            world.add_domain(domain(LOST)),
            world.add_server(server(LOST, **{"OS-EXT-SRV-ATTR:host": "cmp02"})),
            world.others.update(cmp02={"libvirt": {"domains": [domain(LOST)]}}),
        ),
        {("domain_on_other_host", LOST)},
    ),
    "a domain of somebody else": (
        lambda world: world.add_domain(domain(LOST, made_by_nova=False)),
        {("domain_foreign", LOST)},
    ),
    "an instance without a domain": (lambda world: world.domains.pop(0), {("domain_missing", ONE)}),
    "an instance whose domain is off": (
        lambda world: world.domains[0].update(state="shut off"),
        {("domain_not_running", ONE)},
    ),
    "an instance whose domain is paused": (
        lambda world: world.domains[0].update(state="paused"),
        {("domain_paused", ONE)},
    ),
    "a stopped instance whose domain runs": (
        lambda world: world.cloud["servers"][0].update({"OS-EXT-STS:vm_state": "stopped", "status": "SHUTOFF"}),
        {("domain_running", ONE)},
    ),
    "a domain of another size": (lambda world: world.domains[0].update(vcpus=1), {("domain_differs", ONE)}),
    "a folder of a deleted instance": (
        lambda world: world.add_entry(entry(LOST, LOST, size=0)),
        {("leftover_directory", LOST)},
    ),
    "a folder of a resize that is over": (
        lambda world: world.add_entry(entry(f"{ONE}_resize", ONE, "_resize", size=0)),
        {("leftover_directory", f"{ONE}_resize")},
    ),
    "a volume of a deleted instance": (
        lambda world: world.host["lvm"]["volumes"].append(volume(f"{LOST}_disk", "nova", instance=LOST)),
        {("leftover_volume", f"vg0/{LOST}_disk")},
    ),
    "a foreign volume in Nova's group": (_foreign_volume, {("disk_not_reserved", "DISK_GB")}),
    "a reservation that Placement has not got": (_not_in_effect, {("reservation_not_in_effect", "DISK_GB")}),
    "a disk smaller than in Placement": (
        lambda world: world.provider["inventories"].update(DISK_GB=inventory(200)),
        {("inventory_differs", "DISK_GB")},
    ),
    "a disk that names a secret which is not there": (_secret_of_a_disk, {("secret_missing", LOST)}),
    "a secret of nova.conf that is not there": (
        lambda world: world.host["nova_conf"].update(rbd_secret_uuid=LOST),
        {("secret_missing", LOST)},
    ),
    "a limit that is lost": (
        lambda world: world.host["limits"].append(
            {
                "port_id": "fc618310-b9",
                "devices": ["tapfc618310-b9"],
                "egress": None,
                "ingress": None,
                "saved": {"egress": {"rate": "10mbit"}, "ingress": None},
                "owner": "",
            }
        ),
        {("limit_lost", "fc618310-b9")},
    ),
    "a part that is not known": (lambda world: world.host["unknown"].update(lvm="So."), {("unknown", "lvm")}),
}


def test_a_right_cloud_has_no_findings(world: World) -> None:
    assert world.found() == set()
    assert world.audit().servers == 2


@pytest.mark.parametrize("case", SPOILED)
def test_it_is_found_and_nothing_else(world: World, case: str) -> None:
    spoil, expected = SPOILED[case]
    spoil(world)
    assert world.found() == expected
    for one in world.audit().findings:
        assert one.severity in SEVERITIES
        assert one.explanation.endswith(".")
        assert one.remedy
        # What a tenant wrote is shown beside it, never in a sentence or in a command.
        assert HOSTILE not in one.explanation + one.remedy


def _migration(world: World) -> None:
    world.cloud["migrations"].append({"uuid": LOST, "instance_uuid": TWO, "status": "finished"})
    world.hold(LOST, VCPU=2)


STILL_RIGHT: dict[str, Spoil] = {
    "a resize that waits for its confirmation": _migration,
    "an instance that is being built elsewhere": lambda world: (
        world.hold(LOST, VCPU=1),
        world.add_server(server(LOST, status="BUILD", **{"OS-EXT-SRV-ATTR:host": None})),
    ),
    "an instance that is being started": lambda world: (
        world.domains[0].update(state="shut off"),
        world.cloud["servers"][0].update({"OS-EXT-STS:task_state": "powering-on"}),
    ),
    "an instance that was deleted meanwhile": lambda world: (
        world.add_domain(domain(LOST)),
        world.add_entry(entry(LOST, LOST, size=0)),
        world.hold(LOST, VCPU=1),
        world.cloud["recent"].__iadd__([{"id": LOST, "status": "DELETED"}]),
    ),
    "an instance of a cell that is down": lambda world: (
        world.hold(LOST, VCPU=1),
        world.add_server({"id": LOST, "status": "UNKNOWN"}),
    ),
    "an instance that boots from a volume": lambda world: (
        world.cloud["servers"][0].update(image=""),
        world.provider["allocations"][ONE].update(DISK_GB=0),
    ),
    "a flavor that asks for something of its own": lambda world: (
        world.cloud["servers"][0]["flavor"].update(extra_specs={"resources:VCPU": "0"}),
        world.provider["allocations"][ONE].update(VCPU=0),
    ),
    "a stopped instance": lambda world: (
        world.domains[0].update(state="shut off"),
        world.cloud["servers"][0].update({"OS-EXT-STS:vm_state": "stopped", "status": "SHUTOFF"}),
    ),
    "folders of other hosts on a shared file system": lambda world: (
        world.host["instances"].update(shared=True),
        world.add_entry(entry(LOST, LOST, size=0)),
        world.add_server(server(LOST, **{"OS-EXT-SRV-ATTR:host": "cmp02"})),
    ),
    "more reserved than is needed": lambda world: (
        world.host["nova_conf"].update(reserved_host_disk_mb=51200),
        world.provider["inventories"]["DISK_GB"].update(reserved=50),
    ),
    "a foreign volume that is reserved": lambda world: (
        _foreign_volume(world),
        world.host["nova_conf"].update(reserved_host_disk_mb=61440),
        world.provider["inventories"]["DISK_GB"].update(reserved=60),
    ),
    "an instance that Nova has given up": lambda world: (
        world.domains.pop(0),
        world.cloud["servers"][0].update({"OS-EXT-STS:vm_state": "error", "status": "ERROR"}),
    ),
}


@pytest.mark.parametrize("case", STILL_RIGHT)
def test_what_is_right_is_not_told(world: World, case: str) -> None:
    STILL_RIGHT[case](world)
    assert world.found() == set()


def test_a_host_that_told_nothing_is_compared_with_nothing(world: World) -> None:
    world.host = t.cast("t.Any", None)
    assert world.found() == {("unknown", "host")}


def test_without_libvirt_no_folder_or_volume_is_called_left_over(world: World) -> None:
    world.host |= {"libvirt": None, "unknown": {"libvirt": "It doesn't answer."}}
    world.add_entry(entry(LOST, LOST, size=0))
    world.host["lvm"]["volumes"].append(volume(f"{LOST}_disk", "nova", instance=LOST))
    assert world.found() == {("unknown", "libvirt")}


def test_a_folder_whose_domain_is_there_still_is_not_to_be_removed(world: World) -> None:
    world.add_domain(domain(LOST))
    world.add_entry(entry(LOST, LOST, size=0))
    assert world.found() == {("domain_unknown", LOST)}


def test_only_wanted_computes_are_told_of(world: World) -> None:
    _negative(world)
    _lost_provider(world)
    assert world.audit(only={"cmp02"}).findings == []


def test_of_what_is_negative_the_reason_is_told(world: World) -> None:
    world.provider["inventories"]["DISK_GB"] = inventory(25, reserved=10)
    (disk,) = (one for one in world.audit().findings if one.kind == "negative")
    assert "5 GiB of disk more are given away than there may be" in disk.explanation
    assert "the reservation came after the instances" in disk.explanation
    # Nova can migrate nothing as long as Placement has given away too much: 20 of 15 GiB.
    ratio = f"openstack resource provider inventory set {COMPUTE} --amend --resource DISK_GB:allocation_ratio="
    assert disk.remedy == f"{ratio}1.334 && openstack server migrate --live-migration --wait {ONE}; {ratio}1"


def test_a_ratio_is_told_with_all_its_digits(world: World) -> None:
    world.provider["inventories"]["DISK_GB"] = inventory(32, 1.23456789, reserved=16)
    world.provider["usages"]["DISK_GB"] = 20001
    (disk,) = (one for one in world.audit().findings if one.kind == "negative")
    assert "allocation_ratio=1250.063 && " in disk.remedy
    assert disk.remedy.endswith("allocation_ratio=1.23456789")


def test_where_all_is_reserved_no_ratio_lets_anything_migrate(world: World) -> None:
    world.provider["inventories"]["DISK_GB"] = inventory(25, reserved=25)
    (disk,) = (one for one in world.audit().findings if one.kind == "negative")
    assert disk.remedy == "openstack compute service set --disable cmp01 nova-compute"


def test_allocations_of_nobody_are_told_to_be_the_reason(world: World) -> None:
    world.hold(LOST, VCPU=100)
    found = {one.kind.value: one for one in world.audit().findings}
    assert "100 of it are kept for nobody" in found["negative"].explanation
    assert found["negative"].remedy == f"openstack resource provider allocation delete {LOST}"


def test_names_of_files_are_quoted_in_commands(world: World) -> None:
    world.host["instances"]["path"] = "/srv/it's here"
    world.add_entry(entry(LOST, LOST, size=10 << 20))
    world.domains.clear()
    world.cloud["servers"].clear()
    world.cloud["recent"] += [{"id": ONE}, {"id": TWO}]
    (found,) = (one for one in world.audit().findings if one.kind == "leftover_directory")
    assert found.remedy == f"rm -r --one-file-system -- '/srv/it'\"'\"'s here/{LOST}'"
    assert f"{LOST} (10 MiB)" in found.explanation


def test_ids_stay_the_same(world: World) -> None:
    world.hold(LOST, **TAKES)
    first = [one.id for one in world.audit().findings]
    assert first == [f"allocation_without_instance:cmp01:{LOST}"]
    assert [one.id for one in world.audit().findings] == first


def _image(instance: str, suffix: str = "_disk") -> t.Any:
    return {"name": f"{instance}{suffix}", "instance": instance}


def test_an_image_is_left_over_where_no_instance_of_the_cloud_has_its_id(world: World) -> None:
    elsewhere, recent = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "45")
    world.cloud["everybody"] = [{"id": elsewhere}]  # on a compute that Nova has forgotten
    world.cloud["recent"] = [{"id": recent}]
    images = [_image(one) for one in (ONE, LOST, elsewhere, recent)] + [_image(LOST, "_disk.config")]
    pools: list[Pool] = [{"host": "cmp01", "fsid": "f", "pool": "vms", "images": images}]
    found = world.audit(pools=pools).findings
    assert [(one.kind, one.subject, one.remedy, one.remedy_on) for one in found] == [
        ("leftover_image", f"vms/{LOST}_disk", f"rbd rm vms/{LOST}_disk", "ceph"),
        ("leftover_image", f"vms/{LOST}_disk.config", f"rbd rm vms/{LOST}_disk.config", "ceph"),
    ]


def test_cinder_s_secrets_have_to_be_on_each_compute(world: World) -> None:
    options = {"rbd_user": "cinder", "rbd_secret_uuid": LOST.upper(), "rbd_pool": "volumes"}
    cinder = {"ctl01": {"backends": {"fast": options, "by fsid": options | {"rbd_secret_uuid": ""}}}}
    (found,) = world.audit(cinder=cinder).findings
    assert (found.kind, found.subject) == ("secret_missing", LOST)
    assert "cinder.conf of ctl01 (backend fast)" in found.explanation
    world.host["libvirt"]["secrets"].append({"uuid": LOST, "kind": "ceph", "usage": "x"})
    assert world.audit(cinder=cinder).findings == []


def test_limits_that_are_not_as_the_rules_want_them_are_told_once_a_port(world: World) -> None:
    row = {"port": "fc618310", "direction": "upload", "differs": "should be 20mbit: rule 1", "wrong": "run"}
    rows = [
        row,
        row | {"direction": "download"},
        row | {"port": "a", "wrong": ""},
        row | {"port": "b", "wrong": "refused"},
    ]
    found = {one.subject: one for one in world.audit(rules={"cmp01": rows}).findings}
    assert {one.kind for one in found.values()} == {"limit_differs"}
    assert found.keys() == {"fc618310", "b"}
    assert "its upload should be 20mbit: rule 1; its download should be" in found["fc618310"].explanation
    assert found["fc618310"].remedy.endswith("limit_instances --limit cmp01.example.com -e @rules.yml")
    assert "day2.show_limits " in found["b"].remedy


def test_where_the_rules_could_not_be_compared_that_is_told(world: World) -> None:
    (found,) = world.audit(rules={"cmp01": "No instance_ports."}).findings
    assert (found.kind, found.subject) == ("unknown", "rules")
    assert found.explanation.endswith("No instance_ports.")
    assert world.audit(rules={}).findings == []
