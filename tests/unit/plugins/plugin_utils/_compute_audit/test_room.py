# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many instances of each flavor still fit and where, what is stranded, and what the failure of a compute means."""

from __future__ import annotations

import json
import sys
import typing as t
from types import FrameType

import jsonschema
import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import places
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.room import lines
from tests.places import ROOT
from tests.unit.plugins.plugin_utils._compute_audit.clouds import Made, flavor, identity, large

SCHEMA = json.loads((ROOT / "docs/audit-report-1.json").read_text())
SMALL = flavor("small", 1, 1024, 10)


def validate(made: Made) -> None:
    room = {"$ref": "#/$defs/room", "$defs": SCHEMA["$defs"]}
    jsonschema.Draft202012Validator(room).validate(made.room())


# ------------------------------------------------------------------ how many fit


def test_the_scarcest_resource_counts_and_each_compute_is_told() -> None:
    made = Made(2, SMALL)
    made.boot(0, SMALL, 4)
    assert made.flavor("small") == {
        "name": "small", "id": "small", "asks": {"DISK_GB": 10, "MEMORY_MB": 1024, "VCPU": 1}, "fits": 16,
        "computes": {"cmp0001": 6, "cmp0002": 10}, "unknown": {},
    }  # fmt: skip
    validate(made)


@pytest.mark.parametrize(
    ("resource", "change", "times"),
    [
        ("VCPU", {"reserved": 10}, 6),
        ("VCPU", {"allocation_ratio": 0.3}, 4),
        ("MEMORY_MB", {"max_unit": 1000}, 0),
        ("MEMORY_MB", {"min_unit": 2048}, 0),
        ("DISK_GB", {"step_size": 4}, 0),
        ("DISK_GB", {"allocation_ratio": 1.55}, 15),
    ],
)
def test_placement_s_own_arithmetic(resource: str, change: dict[str, float], times: int) -> None:
    made = Made(1, SMALL)
    made.inventory(0, resource, **change)
    assert made.flavor("small")["fits"] == times


def test_more_given_away_than_there_is_is_no_room_and_no_negative_number() -> None:
    made = Made(2, SMALL)
    made.boot(0, flavor("huge", 1, 70000, 1))
    assert made.flavor("small")["computes"] == {"cmp0002": 10}
    assert made.compute(0)["free"]["MEMORY_MB"] == 0


@pytest.mark.parametrize(
    ("service", "usable"),
    [
        ({"status": "disabled"}, False),
        ({"state": "down"}, False),
        ({"forced_down": True}, False),
        ({"status": "UNKNOWN", "state": "UNKNOWN"}, None),
    ],
)
def test_only_computes_that_take_instances_count(service: dict[str, t.Any], usable: bool | None) -> None:
    made = Made(2, SMALL)
    made.cloud["services"][0].update(service)
    found = made.flavor("small")
    assert found["computes"] == {"cmp0002": 10}
    assert list(found["unknown"].values()) == ([["cmp0001"]] if usable is None else [])
    assert made.compute(0)["usable"] is usable
    assert made.compute(0)["why"]
    assert made.compute(0)["stranded"] == []
    validate(made)


def test_a_compute_of_a_cell_that_is_not_reached_is_unknown_and_not_full() -> None:
    made = Made(1, SMALL)
    made.cloud["unreached"] = ["cmp0001"]
    found = made.flavor("small")
    assert (found["fits"], list(found["unknown"].values())) == (0, [["cmp0001"]])
    said = "\n".join(lines(made.room()))
    assert "fit nowhere" not in said
    assert "'small' (surely 0 times)" in said


def test_a_compute_without_a_provider_or_with_the_trait_of_disabled_ones_takes_nothing() -> None:
    made = Made(3, SMALL)
    made.give_trait("COMPUTE_STATUS_DISABLED", 1)
    del made.cloud["providers"][0]
    assert made.flavor("small")["computes"] == {"cmp0003": 10}
    assert ["Placement has no provider" in one["why"] for one in made.room()["computes"]] == [True, False, False]


def test_resources_that_extra_specs_override() -> None:
    made = Made(1, flavor("few", 1, 1024, 10, resources__VCPU="5", resources__DISK_GB="0"))
    found = made.flavor("few")
    assert (found["asks"], found["fits"]) == ({"MEMORY_MB": 1024, "VCPU": 5}, 3)


def test_required_and_forbidden_traits() -> None:
    made = Made(3, flavor("ssd", trait__CUSTOM_SSD="required"), flavor("old", trait__CUSTOM_SSD="forbidden"))
    made.give_trait("CUSTOM_SSD", 0)
    assert set(made.flavor("ssd")["computes"]) == {"cmp0001"}
    assert set(made.flavor("old")["computes"]) == {"cmp0002", "cmp0003"}
    # Placement refuses a request with a trait that it doesn't know.
    made.cloud["traits"]["CUSTOM_SSD"] = None
    assert made.flavor("ssd")["fits"] == made.flavor("old")["fits"] == 0


def test_aggregates_that_a_flavor_asks_for() -> None:
    scoped = flavor("ssd", aggregate_instance_extra_specs__media="ssd")
    made = Made(3, scoped, flavor("bare", media="ssd"))
    made.aggregate("fast", 0, media="ssd")
    assert set(made.flavor("ssd")["computes"]) == {"cmp0001"}
    assert made.flavor("ssd")["unknown"] == {}
    # Whether the filter that would read this one is in use, nobody knows.
    bare = made.flavor("bare")
    assert set(bare["computes"]) == {"cmp0001"}
    assert list(bare["unknown"].values()) == [["cmp0002", "cmp0003"]]
    assert [(one["name"], one["usable"], one["fits"]["ssd"]) for one in made.room()["aggregates"]] == [("fast", 1, 16)]


def test_capabilities_that_a_flavor_asks_for() -> None:
    made = Made(
        1, flavor("other", capabilities__hypervisor_type="VMware"), flavor("numbers", capabilities__vcpus_total="9")
    )
    assert (made.flavor("other")["fits"], made.flavor("other")["unknown"]) == (0, {})
    assert list(made.flavor("numbers")["unknown"].values()) == [["cmp0001"]]


def test_an_aggregate_for_some_projects_or_traits_is_told() -> None:
    made = Made(2, SMALL)
    made.aggregate("tenant", 0, filter_tenant_id="x")
    made.cloud["aggregates"].append({"name": "gpu", "hosts": ["cmp0002"], "metadata": {"trait:CUSTOM_GPU": "required"}})
    found = made.flavor("small")
    assert found["computes"] == {"cmp0001": 10}
    assert list(found["unknown"].values()) == [["cmp0002"]]
    assert [one["only_some_projects"] for one in made.room()["computes"]] == [True, False]
    assert any("Of these, 1 are in aggregates for some projects alone: cmp0001." in line for line in lines(made.room()))


@pytest.mark.parametrize(
    "specs", [{"hw:numa_nodes": "2"}, {"pci_passthrough:alias": "gpu:1"}, {"hw:cpu_policy": "dedicated"}]
)
def test_what_no_api_tells_is_unknown_but_where_nothing_fits_at_all(specs: dict[str, str]) -> None:
    special = flavor("special") | {"extra_specs": specs}
    made = Made(2, special)
    for number in range(2):
        made.cloud["providers"][number]["inventories"]["PCPU"] = {"total": 8, "reserved": 0, "allocation_ratio": 1.0}
    made.inventory(1, "MEMORY_MB", reserved=65536)
    found = made.flavor("special")
    assert (found["fits"], list(found["unknown"].values())) == (0, [["cmp0001"]])
    validate(made)


def test_a_flavor_whose_extra_specs_nova_does_not_tell_is_unknown() -> None:
    old = flavor("old")
    del old["extra_specs"]
    assert Made(1, old).flavor("old")["unknown"] == {"Nova doesn't tell the flavor's extra specs.": ["cmp0001"]}


def test_a_disabled_flavor_is_not_told() -> None:
    assert Made(1, SMALL | {"OS-FLV-DISABLED:disabled": True}).room()["flavors"] == []


def test_nested_providers_count_within_their_tree() -> None:
    made = Made(2, flavor("gpu", resources__VGPU="1"), flavor("two", resources__VGPU="2"))
    for number, total in enumerate((4, 3)):
        made.provider(identity("gpu", number), f"gpu{number}", identity("node", 0), VGPU=total)
    assert made.flavor("gpu")["computes"] == {"cmp0001": 7}
    # An instance takes a class from one provider: two halves are no whole.
    assert made.flavor("two")["computes"] == {"cmp0001": 3}


def test_a_group_with_a_suffix_comes_from_one_provider_and_two_of_one_class_are_unknown() -> None:
    one = flavor("one", resources1__VGPU="1", trait1__CUSTOM_NEW="required")
    made = Made(1, one, flavor("two", resources1__VGPU="1", resources2__VGPU="1"))
    for number, total in enumerate((4, 3)):
        made.provider(identity("gpu", number), f"gpu{number}", identity("node", 0), VGPU=total)
    made.give_trait("CUSTOM_NEW", 2)
    assert made.flavor("one")["computes"] == {"cmp0001": 3}
    assert made.flavor("two")["computes"] == {}
    assert list(made.flavor("two")["unknown"].values()) == [["cmp0001"]]


def test_disk_that_computes_share_is_unknown_and_not_zero() -> None:
    made = Made(2, SMALL)
    made.provider(identity("nfs", 0), "nfs", DISK_GB=1000)
    del made.cloud["providers"][0]["inventories"]["DISK_GB"]
    assert made.flavor("small")["unknown"] == {}
    made.give_trait("MISC_SHARES_VIA_AGGREGATE", 2)
    found = made.flavor("small")
    assert (found["computes"], list(found["unknown"].values())) == ({"cmp0002": 10}, [["cmp0001"]])
    made.inventory(0, "VCPU", reserved=16)
    assert made.flavor("small")["unknown"] == {}


def test_bare_metal_is_counted_by_nodes() -> None:
    metal = flavor(
        "metal", resources__VCPU="0", resources__MEMORY_MB="0", resources__DISK_GB="0", resources__CUSTOM_METAL="1"
    )
    made = Made(2, metal, SMALL)
    made.cloud["hypervisors"][0].update(hypervisor_type="ironic", hypervisor_hostname="node7")
    made.cloud["providers"][0]["inventories"] = {"CUSTOM_METAL": {"total": 1, "reserved": 0, "allocation_ratio": 1.0}}
    assert made.flavor("metal")["computes"] == {"cmp0001/node7": 1}
    assert made.flavor("small")["computes"] == {"cmp0002": 10}
    assert made.compute(0)["failure"] is None
    validate(made)


def test_without_the_lists_that_it_needs_all_is_unknown() -> None:
    made = Made(1, SMALL)
    made.cloud["unread"], made.cloud["flavors"] = "Nova doesn't answer.", []
    assert made.room()["unknown"] == "Nova doesn't answer."
    assert lines(made.room()) == ["What still fits isn't known. Nova doesn't answer."]
    validate(made)


# ------------------------------------------------------------------ stranded


def stranded(made: Made, compute: int = 0) -> dict[str, tuple[int, str | None]]:
    return {one["resource"]: (one["amount"], one["scarce"]) for one in made.compute(compute)["stranded"]}


def test_ram_without_disk_is_stranded() -> None:
    made = Made(1, SMALL)
    made.boot(0, flavor("disk", 1, 1024, 95))
    assert stranded(made) == {"VCPU": (15, "DISK_GB"), "MEMORY_MB": (64512, "DISK_GB"), "DISK_GB": (5, None)}
    room = made.room()
    assert room["zones"][0]["stranded"] == {"VCPU": 15, "MEMORY_MB": 64512, "DISK_GB": 5}
    said = [line for line in lines(room) if "stranded" in line]
    assert said == [
        "More than 20 % stranded, which no flavor can use: cmp0001 64512 MiB of RAM (98 %, short of disk), "
        "cmp0001 15 vCPUs (94 %, short of disk)."
    ]


def test_what_another_flavor_can_use_is_not_stranded() -> None:
    made = Made(1, SMALL, flavor("ram", 1, 8192, 0))
    made.boot(0, flavor("disk", 1, 1024, 95))
    assert stranded(made)["MEMORY_MB"][0] == 64512 - 7 * 8192
    # A large flavor first, and a small one into what it leaves.
    made.cloud["flavors"].append(flavor("crumb", 1, 512, 0))
    assert stranded(made)["MEMORY_MB"][0] == 64512 - 7 * 8192 - 8 * 512


def test_nothing_that_may_be_used_is_called_stranded() -> None:
    made = Made(1, SMALL, flavor("numa", 1, 1024, 0, hw__numa_nodes="1"))
    made.boot(0, flavor("disk", 1, 1024, 95))
    assert stranded(made)["MEMORY_MB"][0] == 64512 - 15 * 1024


# ------------------------------------------------------------------ failures


def test_instances_that_fit_elsewhere_and_those_that_do_not() -> None:
    made = Made(3, SMALL)
    made.boot(0, SMALL, 8)
    assert made.compute(0)["failure"] == {"absorbed": True, "why": "", "instances": 8, "left": [], "unknown": {}}
    for number in (1, 2):
        made.boot(number, SMALL, 7)
    told = made.compute(0)["failure"]
    assert (told["absorbed"], told["instances"], len(told["left"])) == (False, 8, 2)
    assert set(told["left"]) < set(made.cloud["providers"][0]["allocations"])
    said = "If it fails, instances that fit nowhere else: cmp0001 2 of 8, cmp0002 2 of 7, cmp0003 2 of 7."
    assert said in lines(made.room())
    assert made.room()["largest"] == "cmp0001"
    validate(made)


def test_large_instances_are_placed_first_and_room_is_given_away_once() -> None:
    made = Made(2, SMALL)
    large_one, small = flavor("large", 1, 1024, 60), flavor("half", 1, 1024, 40)
    made.boot(0, small)
    made.boot(0, large_one)
    assert made.compute(0)["failure"]["absorbed"] is True
    made.boot(1, flavor("one", 1, 1024, 1))
    (left,) = made.compute(0)["failure"]["left"]
    assert made.cloud["providers"][0]["allocations"][left]["DISK_GB"] == 40


def test_a_compute_that_takes_no_instances_absorbs_none() -> None:
    made = Made(2, SMALL)
    made.boot(0, SMALL)
    made.cloud["services"][1]["status"] = "disabled"
    assert made.compute(0)["failure"]["absorbed"] is False


def test_what_fits_only_in_another_zone_is_unknown() -> None:
    made = Made(2, SMALL, zones=2)
    made.boot(0, SMALL)
    told = made.compute(0)["failure"]
    assert (told["absorbed"], told["left"], len(told["unknown"])) == (None, [], 1)
    made.boot(1, SMALL, 10)
    assert made.compute(0)["failure"]["absorbed"] is False


@pytest.mark.parametrize(
    "change",
    [{"extra_specs": {"hw:numa_nodes": "1"}}, {"vcpus": None}, {"extra_specs": None}],
    ids=["NUMA", "no flavor", "no extra specs"],
)
def test_instances_that_nobody_can_judge_are_unknown_where_there_is_room(change: dict[str, t.Any]) -> None:
    asked = {key: value for key, value in {**SMALL, **change}.items() if value is not None}
    made = Made(2, SMALL)
    (uuid,) = made.boot(0, SMALL)
    made.cloud["servers"][0]["flavor"] = asked
    assert list(made.compute(0)["failure"]["unknown"]) == [uuid]
    assert made.compute(0)["failure"]["absorbed"] is None


def test_an_instance_of_which_neither_flavor_nor_allocation_is_told_is_unknown() -> None:
    made = Made(2, SMALL)
    made.boot(0, SMALL)
    made.cloud["servers"][0]["flavor"] = {}
    made.cloud["providers"][0]["allocations"].clear()
    assert made.compute(0)["failure"]["absorbed"] is None


def test_a_compute_whose_instances_are_not_told_is_unknown() -> None:
    made = Made(2, SMALL)
    made.cloud["unreached"] = ["cmp0001"]
    assert made.compute(0)["failure"]["absorbed"] is None
    assert made.compute(0)["failure"]["why"]
    validate(made)


# ------------------------------------------------------------------ scale


def _steps(made: Made) -> int:
    """How many lines of Python run, turns of loops included."""
    count = 0

    def on_line(_frame: FrameType, event: str, _argument: object) -> t.Any:
        nonlocal count
        count += event == "line"
        return on_line

    before = sys.gettrace()
    sys.settrace(lambda *_: on_line)
    try:
        made.room()
    finally:
        sys.settrace(before)
    return count


def test_twice_the_computes_are_twice_the_steps() -> None:
    once, twice = _steps(large(40, 50)), _steps(large(80, 50))
    assert once > 40 * 50
    assert twice < 2.2 * once


def test_1000_computes_and_50_flavors(monkeypatch: pytest.MonkeyPatch) -> None:
    package = "ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit"
    asked = {"fits": 0, "moves": 0}

    def counted(name: str, function: t.Any) -> t.Any:
        def count(*arguments: t.Any) -> t.Any:
            asked[name] += 1
            return function(*arguments)

        return count

    monkeypatch.setattr(f"{package}.room.fit", counted("fits", places.fit))
    monkeypatch.setattr(f"{package}.failures.fit", counted("fits", places.fit))
    monkeypatch.setattr(f"{package}.failures.take", counted("moves", places.take))
    made = large(1000, 50)
    found = made.room()
    assert len(found["computes"]) == 1000
    # Each flavor once with each compute, and each shape of an instance.
    assert asked["fits"] <= 2 * 50 * 1000
    assert 20 * 1000 <= asked["moves"] <= 3 * 20 * 1000
    assert len(lines(found)) < 10
