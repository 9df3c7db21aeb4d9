# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each node has and what Placement has given away, how much to reserve, and the report that is made of it."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import jsonschema

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import capacity, report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Record
from tests.places import ROOT
from tests.unit.plugins.plugin_utils._compute_audit.world import GIB, HOSTILE, LOST, ONE, TWO, World, inventory, volume

FOLDER = Path(report.__file__).parent
SCHEMA = json.loads((ROOT / "docs/audit-report-1.json").read_text())
TEMPLATE = (FOLDER / "page.html").read_text()


def made(world: World) -> Record:
    return report.report(world.audit(), taken="2026-11-27T13:00:00Z", cloud="lab", region="RegionOne", requests=20)


def compare(world: World, resource: str) -> t.Any:
    return capacity.compare(world.provider, world.cloud["hypervisors"][0], world.host, resource)


def needed(world: World) -> int:
    found = capacity.reservation(world.provider, world.cloud["hypervisors"][0], world.host)
    assert found
    return found["needed_mb"]


def test_allocated_and_actual_stand_side_by_side(world: World) -> None:
    found = compare(world, "VCPU")
    assert found["allocated"] == {"total": 16, "reserved": 0, "ratio": 4.0, "capacity": 64, "allocated": 4, "free": 60}
    assert found["nova"] == {"total": 16, "used": 4, "free": 12}
    assert found["actual"] == {"total": 16, "guests": 4, "others": 0, "free": 12, "promised": 4}
    assert found["words"] == (
        "Placement has given away 4 of 64 vCPUs (4 times 16 less 0 reserved). "
        "The host has 16 CPUs and has promised 4 to guests: 25 % of what there is."
    )


def test_overcommit_is_told_in_words(world: World) -> None:
    world.domains[0]["vcpus"] = 62
    assert compare(world, "VCPU")["words"].endswith("has promised 64 to guests: 4.0 times what there is.")


def test_what_libvirt_did_not_tell_is_unknown_and_not_zero(world: World) -> None:
    world.host["libvirt"] = None
    assert compare(world, "VCPU")["actual"] is None
    assert compare(world, "MEMORY_MB")["words"].endswith("What the host really has is not known.")


def test_disks_may_grow_to_their_virtual_size(world: World) -> None:
    assert compare(world, "DISK_GB")["actual"] == {"total": 100, "guests": 6, "others": 0, "free": 94, "promised": 20}


def test_nothing_is_to_be_reserved_where_only_instances_take_disk(world: World) -> None:
    assert needed(world) == 0


def test_what_is_no_instance_s_is_to_be_reserved(world: World) -> None:
    world.host["instances"].update(used=50 * GIB, free=45 * GIB)  # of which 6 are the instances', and 5 are root's
    assert needed(world) == 49 * 1024


def test_a_foreign_volume_is_to_be_reserved(world: World) -> None:
    world.use_lvm(volume(f"{ONE}_disk", "nova", 10 * GIB, ONE), volume("backup", size=60 * GIB))
    assert needed(world) == 60 * 1024
    assert "60.0" in str(capacity.reservation(world.provider, world.cloud["hypervisors"][0], world.host))


def test_a_volume_in_a_thin_pool_takes_nothing_of_the_group(world: World) -> None:
    inside = volume("a", size=500 * GIB) | {"pool": "pool"}
    world.use_lvm(volume("pool", size=60 * GIB))
    world.host["lvm"]["volumes"].append(inside)
    assert needed(world) == 60 * 1024


def test_instances_that_take_more_than_their_flavors_ask_for_are_to_be_reserved_too(world: World) -> None:
    """The larger of what is accounted and what is really used."""
    world.host["instances"].update(used=50 * GIB, free=50 * GIB)
    for one in world.host["instances"]["entries"]:
        one["size"] = 25 * GIB
    assert needed(world) == 30 * 1024


def test_instances_whose_allocations_are_lost_are_not_reserved_for(world: World) -> None:
    for one in world.host["instances"]["entries"]:
        one["size"] = 10 * GIB
    world.host["instances"].update(used=20 * GIB, free=80 * GIB)
    world.provider["usages"].clear()
    assert needed(world) == 0


def test_the_part_of_a_gib_that_nova_does_not_count_needs_no_reserve(world: World) -> None:
    world.use_lvm(volume("backup", size=60 * GIB), size=100 * GIB + 600 * (1 << 20))
    assert needed(world) == 60 * 1024 - 600


def test_on_rbd_there_is_nothing_of_this_host_to_be_reserved(world: World) -> None:
    world.host["nova_conf"]["images_type"] = "rbd"
    assert capacity.reservation(world.provider, world.cloud["hypervisors"][0], world.host) is None


def test_a_pool_is_told_whole_with_what_this_host_has_promised(world: World) -> None:
    world.use_rbd()
    world.domains[0]["disks"][0].update(kind="network", source=f"vms/{ONE}_disk", virtual=10 * GIB)
    made = capacity.compare(world.provider, None, world.host, "DISK_GB")
    assert made["actual"] == {"total": 300, "guests": 30, "others": 0, "free": 270, "promised": 10}
    assert (
        "The pool vms has room for 300 GiB and holds 30, whichever compute they are of; 10 are promised"
        in made["words"]
    )
    assert world.found() == set()  # Placement has the size of the raw cluster; no restart changes that


def test_what_is_needed_makes_the_finding_disappear(world: World) -> None:
    world.use_lvm(volume("backup", size=60 * GIB + 5))
    world.host["instances"]["entries"] = []
    assert "disk_not_reserved" in {kind for kind, _subject in world.found()}
    assert report.reservations(world.audit()) == {"cmp01.example.com": needed(world)}
    world.host["nova_conf"]["reserved_host_disk_mb"] = needed(world)
    world.provider["inventories"]["DISK_GB"] = inventory(100, reserved=capacity.in_gb(needed(world)))
    assert world.found() == set()
    assert report.reservations(world.audit()) == {}


def test_the_report_is_as_its_schema_says(world: World) -> None:
    world.provider["allocations"][LOST] = {"VCPU": 1}
    world.host["lvm"]["volumes"] += [volume("backup"), volume(f"{LOST}_disk", "nova", instance=LOST)]
    jsonschema.Draft202012Validator(SCHEMA).validate(made(world))
    world.host = t.cast("t.Any", None)
    jsonschema.Draft202012Validator(SCHEMA).validate(made(world))


def test_the_terminal_shows_nodes_and_findings_and_nothing_that_a_tenant_wrote(world: World) -> None:
    world.domains.pop(0)
    found = report.lines(world.audit(), made(world))
    assert found[1].split()[:3] == ["cmp01", "up,", "enabled"]
    assert f"CRITICAL domain_missing cmp01 {ONE}: " in "\n".join(found)
    assert f"    on cloud: openstack server reboot --hard {ONE}" in found
    assert HOSTILE not in "\n".join(found)
    assert "\x1b" not in "\n".join(found)


def test_of_many_nodes_those_in_need_of_a_look_are_listed(world: World) -> None:
    world.domains.pop(0)
    audited = world.audit()
    fine = [{**audited.nodes[0], "host": f"cmp{number}"} for number in range(100, 159)]
    audited.nodes.extend(t.cast("t.Any", fine))
    assert len(report.lines(audited, made(world))) > 60
    audited.nodes.append(t.cast("t.Any", {**fine[0], "host": "cmp159", "state": "down"}))
    found = report.lines(audited, made(world))
    assert [line.split()[0] for line in found[1:3]] == ["cmp01", "cmp159"]
    assert found[3] == "and 59 computes that are up and have no finding"


def test_nothing_in_the_report_ends_the_page_s_script(world: World) -> None:
    world.domains.pop(0)
    page = report.page(TEMPLATE, made(world))
    assert page.count("</script>") == TEMPLATE.count("</script>")
    inside = page.split('<script type="application/json" id="report">')[1].split("</script>")[0]
    assert not {"<", ">", "&"} & set(inside)
    assert json.loads(inside) == made(world)
    assert json.loads(inside)["findings"][0]["name"] == HOSTILE


def test_a_name_like_the_place_of_the_report_stays_a_name(world: World) -> None:
    world.cloud["servers"][1]["name"] = "@REPORT@"
    world.domains.pop(1)
    assert "@REPORT@" in report.page(TEMPLATE, made(world))
    assert TWO in report.page(TEMPLATE, made(world))


def test_reports_are_the_same_when_they_find_the_same(world: World) -> None:
    before = made(world)
    later = made(world) | {"taken": "2026-11-28T13:00:00Z"}
    assert report.same(before, later)
    world.domains.pop(0)
    assert not report.same(before, made(world))
    assert not report.same({"not": "a report"}, before)
