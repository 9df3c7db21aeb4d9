# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the APIs are asked, and what becomes of an API that doesn't answer."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._why_no_host.apis import (
    GROUP,
    IMAGE,
    INSTANCE,
    OTHER,
    Apis,
    failed,
)

if t.TYPE_CHECKING:
    from .conftest import RunAction

NAME = "openstack_ops.day2.why_no_host"
Act = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def apis() -> t.Iterator[Apis]:
    made = Apis()
    with made:
        yield made


@pytest.fixture
def act(apis: Apis, tmp_path: Path, run_action: RunAction) -> Act:
    """Runs the action plugin; the arguments are its options."""

    def act(**options: t.Any) -> dict[str, t.Any]:
        args = {"cloud": "fake", "clouds_yaml_path": apis.clouds_yaml(tmp_path), **options}
        return run_action(NAME, args)

    return act


def causes(result: dict[str, t.Any], host: str = "cmp01") -> list[tuple[str, bool]]:
    (one,) = (one for one in result["computes"] if one["host"] == host)
    return [(cause["by"], cause["known"]) for cause in one["causes"]]


def text(result: dict[str, t.Any]) -> str:
    return "\n".join(result["text"])


def test_a_flavor_that_any_compute_takes(apis: Apis, act: Act) -> None:
    told = act(flavor="m1.tiny")
    assert not told["changed"]
    assert told["left"] == sorted(one["host"] for one in apis.lists["services"])
    assert told["steps"] == []
    assert apis.candidates_asked["resources"] == ["DISK_GB:1,MEMORY_MB:256,VCPU:1"]
    assert apis.candidates_asked["required"] == ["!COMPUTE_STATUS_DISABLED"]


def test_a_flavor_with_image_and_zone(apis: Apis, act: Act) -> None:
    apis.image = {"img_hv_type": "xen"}
    told = act(flavor="1", image="cirros", zone="az7")
    assert causes(told) == [("Placement", True), ("ImagePropertiesFilter", True)]
    assert told["left"] == []
    assert told["steps"] == [{"by": "Placement", "before": len(told["computes"]), "after": []}]


def test_an_instance_with_all_its_needs(apis: Apis, act: Act) -> None:
    apis.image = {"img_hv_type": "xen", "name": "{{ 1 }}"}
    apis.group = {
        "name": "web",
        "policy": "anti-affinity",
        "rules": {"max_server_per_host": 2},
        "members": [OTHER, INSTANCE, GROUP],
    }
    apis.servers |= {
        INSTANCE: failed(pinned_availability_zone="az1", server_groups=[GROUP]),
        OTHER: failed(**{"OS-EXT-SRV-ATTR:host": "cmp02"}),
    }
    apis.ports = [{"id": "p", "resource_request": {"resources": {"NET_BW_EGR_KILOBIT_PER_SEC": 5}, "required": []}}]
    told = act(instance=INSTANCE)
    assert "(flavor 'm1.ssd'): none of " in told["text"][0]
    assert "5 NET_BW_EGR_KILOBIT_PER_SEC" in told["text"][1]
    assert "zone 'az1', server group 'web' (anti-affinity)" in told["text"][1]
    assert "Note: Nova says of the instance 'No valid host was found. {{ 7 * 7 }}'." in told["text"]
    # Two may be on a host.
    assert ("ServerGroupAntiAffinityFilter", True) not in causes(told, "cmp02")


def test_an_instance_on_a_volume_that_runs(apis: Apis, act: Act) -> None:
    there = {"OS-EXT-SRV-ATTR:host": "cmp01", "OS-EXT-AZ:availability_zone": "az9", "image": ""}
    apis.servers[INSTANCE] = failed(**there)
    told = act(instance=INSTANCE)
    assert told["left"]  # the zone where it is isn't one that it asked for
    assert apis.candidates_asked["resources"] == ["MEMORY_MB:256,VCPU:1"]
    assert "is on cmp01" in text(told)
    assert "boots from a volume" in text(told)


@pytest.mark.parametrize("code", [403, 404])
@pytest.mark.parametrize(
    ("beginning", "note"),
    [
        ("/image/", "Unknown: properties of the image"),
        ("/network/", "Unknown: the instance's ports"),
        ("/compute/RegionOne/v2.1/os-server-groups", "Unknown: the instance's server group"),
        ("/placement/RegionOne/allocation_candidates", "Unknown: what Placement offers"),
    ],
)
def test_what_cannot_be_read_is_a_note(apis: Apis, act: Act, beginning: str, note: str, code: int) -> None:
    apis.servers[INSTANCE] = failed(server_groups=[GROUP])
    apis.group = {"name": "web", "policy": "anti-affinity", "members": [INSTANCE]}
    apis.refused = {beginning: code}
    told = act(instance=INSTANCE)
    assert any(note in one for one in told["notes"]), told["notes"]
    assert told["left"]


def test_placement_that_does_not_answer_is_unknown_for_each_compute(apis: Apis, act: Act) -> None:
    apis.refused = {"/placement/": 403}
    told = act(flavor="m1.tiny")
    assert causes(told) == [("Placement", False)]
    assert told["left"]
    assert "HTTP 403" in text(told)


def test_no_placement_in_the_catalog_is_unknown(apis: Apis, act: Act) -> None:
    apis.services = ("compute", "network", "image")
    told = act(flavor="m1.tiny")
    assert causes(told) == [("Placement", False)]
    assert "no public endpoint of Placement" in text(told)


def test_a_cell_that_is_down_is_unknown(apis: Apis, act: Act) -> None:
    for row in apis.lists["services"]:
        row["status"] = "UNKNOWN"
    apis.lists["hypervisors"] = []
    told = act(flavor="m1.tiny", filters=["ComputeFilter", "IoOpsFilter"])
    assert causes(told) == [("Placement", False), ("cell", False)]
    assert told["steps"] == []


def test_a_compute_that_placement_does_not_have_is_unknown(apis: Apis, act: Act) -> None:
    gone = next(one["id"] for one in apis.lists["hypervisors"] if one["service"]["host"] == "cmp01")
    del apis.lists["placement"][gone]
    told = act(flavor="m1.tiny")
    assert causes(told) == [("Placement", False)]
    assert "Placement has no provider for it" in text(told)


def test_too_many_offers_are_not_taken_for_all(apis: Apis, act: Act) -> None:
    apis.offered = [f"other{number}" for number in range(1000)]
    assert act(flavor="m1.tiny")["left"]
    apis.offered = apis.offered[1:]
    assert act(flavor="m1.tiny")["left"] == []


def test_io_operations_are_counted_where_a_filter_asks(apis: Apis, act: Act) -> None:
    row = {
        "OS-EXT-SRV-ATTR:host": "cmp01",
        "OS-EXT-STS:vm_state": "active",
        "OS-EXT-STS:task_state": "image_snapshot",
        "status": "ACTIVE",
    }
    apis.lists["servers"] = [{**row, "id": str(number)} for number in range(3)]
    assert "cmp01" in act(flavor="m1.tiny", max_io_ops=3)["left"]
    told = act(flavor="m1.tiny", filters=["IoOpsFilter"], max_io_ops=3)
    assert causes(told) == [("IoOpsFilter", True)]
    assert "cmp01" not in told["left"]
    assert "cmp01" in act(flavor="m1.tiny", filters=["IoOpsFilter"], max_io_ops=4)["left"]


@pytest.mark.parametrize(
    ("broken", "options", "error"),
    [
        ({}, {"flavor": "m9"}, "no flavor 'm9'; it has m1.ssd, m1.tiny"),
        ({}, {"instance": "web"}, "'web' is no id of an instance"),
        ({}, {"instance": OTHER}, f"Nova has no instance {OTHER}"),
        (
            {"servers": {INSTANCE: {"id": INSTANCE, "status": "UNKNOWN"}}},
            {"instance": INSTANCE},
            "database of the cell of the instance",
        ),
        ({"admin": False}, {"flavor": "m1.tiny"}, "asking why there is no host needs the admin role"),
        ({"newest": (2, 60)}, {"flavor": "m1.tiny"}, "up to 2.60 only; 2.61 is needed"),
        ({"specs_hidden": True}, {"flavor": "m1.tiny"}, "shows no extra specs"),
        ({}, {}, "one of the following is required: flavor, instance"),
        ({}, {"instance": INSTANCE, "zone": "az1"}, "mutually exclusive"),
    ],
    ids=[
        "no flavor",
        "no id",
        "no instance",
        "its cell is down",
        "no admin",
        "old Nova",
        "hidden specs",
        "nothing",
        "too much",
    ],
)
def test_an_error_tells_the_way_out(
    apis: Apis, act: Act, broken: dict[str, t.Any], options: dict[str, str], error: str
) -> None:
    for name, value in broken.items():
        setattr(apis, name, value)
    with pytest.raises(AnsibleActionFail, match=error):
        act(**options)


def test_no_compute_at_all(apis: Apis, act: Act) -> None:
    apis.lists["services"] = []
    with pytest.raises(AnsibleActionFail, match="no nova-compute at all"):
        act(flavor="m1.tiny", image=IMAGE)
