# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova is sent to arrange its hosts, and what is refused before it is sent anything."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail

from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._aggregates.nova import (
    Nova,
    aggregate,
    flavor,
)

if t.TYPE_CHECKING:
    from .conftest import RunAction

NAME = "openstack_ops.day2.host_aggregates"
SSD = "aggregate_instance_extra_specs:ssd"

Act = t.Callable[..., dict[str, t.Any]]
Record = dict[str, t.Any]

AGGREGATE: Record = {"name": "ssd", "hosts": ["cmp01", "cmp02"], "metadata": {"ssd": True}}
FLAVOR: Record = {"name": "m1.ssd", "extra_specs": {SSD: "true"}}
SERVER: Record = {"id": "22222222-1111-4111-8111-111111111111", "OS-EXT-SRV-ATTR:host": "cmp01", "status": "ACTIVE"}


@pytest.fixture
def nova() -> t.Iterator[Nova]:
    made = Nova()
    with made:
        yield made


@pytest.fixture
def act(nova: Nova, tmp_path: Path, run_action: RunAction) -> Act:
    """Runs the action plugin; the arguments are its options."""

    def act(
        aggregates: list[Record], flavors: list[Record] | None = None, *, check: bool = False, **options: t.Any
    ) -> Record:
        written = {"cloud": "fake", "clouds_yaml_path": nova.clouds_yaml(tmp_path)}
        args = {**written, "aggregates": aggregates, "flavors": flavors or [], **options}
        return run_action(NAME, args, check_mode=check, diff=True)

    return act


def test_check_predicts_the_run_and_a_second_run_changes_nothing(nova: Nova, act: Act) -> None:
    predicted = act([AGGREGATE], [FLAVOR], check=True)
    assert nova.changed == []
    done = act([AGGREGATE], [FLAVOR])
    assert done == predicted
    assert done["changed"]
    assert done["steps"] == [
        "ssd: create it",
        "ssd: add cmp01",
        "ssd: add cmp02",
        "ssd: set metadata ssd=true",
        f"m1.ssd: set extra spec {SSD}=true",
    ]
    assert done["diff"]["before"] == {"aggregates": {}, "flavors": {"m1.ssd": {"extra_specs": {}}}}
    assert done["diff"]["after"]["aggregates"] == {
        "ssd": {"availability_zone": "", "hosts": ["cmp01", "cmp02"], "metadata": {"ssd": "true"}}
    }
    assert nova.aggregates == [aggregate(1, "ssd", "cmp01", "cmp02", ssd="true")]
    sent = len(nova.changed)
    again = act([AGGREGATE], [FLAVOR])
    assert not again["changed"]
    assert again["diff"]["before"] == again["diff"]["after"]
    assert len(nova.changed) == sent


def test_what_is_not_declared_is_left_alone(nova: Nova, act: Act) -> None:
    nova.aggregates = [aggregate(1, "other", "cmp02", rack="7"), aggregate(2, "ssd", "cmp01", note="ours", ssd="no")]
    nova.flavors[1]["extra_specs"] = {"hw:cpu_policy": "shared"}
    act([{"name": "ssd", "metadata": {"ssd": "true"}}], [FLAVOR])
    assert nova.aggregates == [
        aggregate(1, "other", "cmp02", rack="7"),
        aggregate(2, "ssd", "cmp01", note="ours", ssd="true"),
    ]
    assert nova.flavors[1]["extra_specs"] == {"hw:cpu_policy": "shared", SSD: "true"}
    assert nova.changed == [{"set_metadata": {"metadata": {"ssd": "true"}}}, {"extra_specs": {SSD: "true"}}]


def test_removing_is_named_and_wants_a_yes(nova: Nova, act: Act) -> None:
    nova.aggregates = [aggregate(1, "ssd", "cmp01", "cmp02", ssd="true", old="1")]
    nova.flavors[1]["extra_specs"] = {"a b": "x", SSD: "true"}
    declared = {"name": "ssd", "hosts": ["cmp01"], "metadata": {"ssd": "true", "old": None, "never": None}}
    flavors = [{"name": "2", "extra_specs": {"a b": None}}]
    with pytest.raises(AnsibleActionFail) as refused:
        act([declared], flavors, check=True)
    for named in (
        "cmp02 from aggregate ssd",
        "metadata old=1 of aggregate ssd",
        "extra spec a b=x of flavor m1.ssd",
        "host_aggregates_remove",
    ):
        assert named in str(refused.value)
    predicted = act([declared], flavors, check=True, remove=True)
    assert nova.changed == []
    done = act([declared], flavors, remove=True)
    assert done == predicted
    assert done["removed"] == [
        "cmp02 from aggregate ssd",
        "metadata old=1 of aggregate ssd",
        "extra spec a b=x of flavor m1.ssd",
    ]
    assert "cmp02" in done["diff"]["before"]["aggregates"]["ssd"]["hosts"]
    assert nova.aggregates == [aggregate(1, "ssd", "cmp01", ssd="true")]
    assert nova.flavors[1]["extra_specs"] == {SSD: "true"}


def test_a_host_that_changes_its_zone_leaves_the_old_one_first(nova: Nova, act: Act) -> None:
    nova.aggregates = [
        aggregate(1, "one", "cmp01", availability_zone="az1"),
        aggregate(2, "two", availability_zone="az2"),
    ]
    done = act([{"name": "two", "hosts": ["cmp01"]}, {"name": "one", "hosts": []}], remove=True)
    assert done["steps"] == ["one: remove cmp01", "two: add cmp01"]
    # Nova counts soft-deleted instances, and leaves them out of its list unless asked.
    (asked,) = (one for one in nova.asked if "/servers?" in one)
    assert "all_tenants=1&soft_deleted=1&host=cmp01" in asked


def test_a_host_that_stays_in_its_zone_never_leaves_it(nova: Nova, act: Act) -> None:
    nova.lists["servers"] = [SERVER]
    nova.aggregates = [
        aggregate(1, "one", "cmp01", availability_zone="az1"),
        aggregate(2, "two", availability_zone="az1"),
    ]
    done = act([{"name": "one", "hosts": []}, {"name": "two", "hosts": ["cmp01"]}], remove=True)
    assert done["steps"] == ["two: add cmp01", "one: remove cmp01"]


ZONED = {"name": "ssd", "hosts": ["cmp01"], "availability_zone": "az2"}
REFUSED: dict[str, tuple[Record, tuple[list[Record], list[Record]], str]] = {
    "nothing declared": ({}, ([], []), "No aggregate and no flavor is declared"),
    "a host in two zones": (
        {"aggregates": [aggregate(1, "rack1", "cmp01", availability_zone="az1")]},
        ([ZONED], []),
        r"cmp01 would be in az1 \(aggregate rack1\) and in az2 \(aggregate ssd\)",
    ),
    "a zone change under an instance": (
        {"servers": [SERVER]},
        ([ZONED], []),
        "cmp01 would go from no zone of its own to the zone az2 with 1 instances on it, for example 22222222",
    ),
    "another name for the zone under an instance": (
        {"servers": [SERVER], "aggregates": [aggregate(1, "ssd", "cmp01", availability_zone="az1")]},
        ([{"name": "ssd", "availability_zone": "az2"}], []),
        "cmp01 would go from the zone az1 to the zone az2",
    ),
    "a zone for an aggregate whose host is in it already, under an instance": (
        {"servers": [SERVER], "aggregates": [aggregate(1, "a", "cmp01", availability_zone="az2"), aggregate(2, "ssd", "cmp01")]},
        ([{"name": "ssd", "availability_zone": "az2"}], []),
        "cmp01 would go from no zone of its own to the zone az2",
    ),
    "a zone change where the cell is down": (
        {"status": "UNKNOWN"},
        ([ZONED], []),
        "The zone of cmp01 would change, and Nova doesn't reach the database of its cell",
    ),
    "two aggregates that change their zone together": (
        {
            "aggregates": [
                aggregate(1, "a", "cmp01", availability_zone="az1"),
                aggregate(2, "b", "cmp01", availability_zone="az1"),
            ]
        },
        ([{"name": "a", "availability_zone": "az2"}, {"name": "b", "availability_zone": "az2"}], []),
        "a: make it the zone az2 can't be done in one run: cmp01 is in the zones az1, az2 then",
    ),
    "an unknown host": ({}, ([{"name": "ssd", "hosts": ["cmp9"]}], []), "Nova has no compute 'cmp9'; it has cmp01, cmp02"),
    "an unknown flavor": ({}, ([], [{"name": "m2", "extra_specs": {}}]), "no flavor 'm2'; it has m1.ssd, m1.tiny"),
    "a flavor twice": ({}, ([], [FLAVOR, {"name": "2", "extra_specs": {}}]), "'m1.ssd' and '2' are the same one"),
    "an aggregate twice": ({}, ([AGGREGATE, AGGREGATE], [FLAVOR]), "The aggregate 'ssd' is declared 2 times"),
    "a host twice": ({}, ([{"name": "ssd", "hosts": ["cmp01", "cmp01"]}], []), "has the host 'cmp01' twice"),
    "a flavor that fits no host": (
        {},
        ([{**AGGREGATE, "metadata": {"ssd": "fast"}}], [FLAVOR]),
        "flavor m1.ssd would fit no host: it asks for ssd 'true', and there is 'fast'",
    ),
    "a flavor for metadata that there isn't": ({}, ([], [FLAVOR]), "asks for ssd 'true', and no aggregate with hosts has it"),
    "a flavor whose specs no host has together": (
        {"aggregates": [aggregate(1, "ssd", "cmp01", ssd="true"), aggregate(2, "gpu", "cmp02", gpu="1")]},
        ([], [{"name": "m1.ssd", "extra_specs": {SSD: "true", "aggregate_instance_extra_specs:gpu": "1"}}]),
        "each of gpu, ssd is there, but on no host all of them",
    ),
    "a flavor of others that would fit no host any more": (
        {
            "aggregates": [aggregate(1, "ssd", "cmp01", ssd="true")],
            "flavors": [flavor(1, "m1.tiny"), flavor(2, "theirs", **{SSD: "true"})],
        },
        ([{"name": "ssd", "hosts": ["cmp01"], "metadata": {"ssd": "fast"}, "without_flavors": True}], []),
        "flavor theirs, which isn't declared, would fit no host any more",
    ),
    "an aggregate that no flavor reaches": ({}, ([AGGREGATE], []), "no flavor reaches the aggregate ssd by its metadata ssd=true"),
    "an aggregate of which no host fits any flavor": (
        {"flavors": [flavor(1, "m1", **{SSD: "true"})], "aggregates": [aggregate(1, "s", "cmp02", ssd="true")]},
        ([{"name": "zone", "hosts": ["cmp01"], "availability_zone": "az9"}], []),
        "no flavor fits a host of the aggregate zone",
    ),
    "a zone in the metadata": (
        {},
        ([{"name": "ssd", "metadata": {"availability_zone": "az1"}}], []),
        "declare availability_zone beside the metadata",
    ),
    "a zone taken away": ({}, ([{"name": "ssd", "availability_zone": ""}], []), "Nova can't take a zone away"),
    "a list as metadata": ({}, ([{"name": "ssd", "metadata": {"a": [1]}}], []), "'a' is a list; write text"),
    "empty metadata": ({}, ([{"name": "ssd", "metadata": {"a": ""}}], []), "'a' is empty"),
}  # fmt: skip


def spoil(nova: Nova, there: Record) -> None:
    nova.aggregates = there.get("aggregates", [])
    nova.flavors = there.get("flavors", nova.flavors)
    nova.lists["servers"] = there.get("servers", [])
    for row in nova.lists["services"]:
        row["status"] = there.get("status", row["status"])


@pytest.mark.parametrize(("there", "declared", "error"), REFUSED.values(), ids=REFUSED)
def test_refused_before_anything_changes(
    nova: Nova, act: Act, there: Record, declared: tuple[list[Record], list[Record]], error: str
) -> None:
    spoil(nova, there)
    for check in (True, False):
        with pytest.raises(AnsibleActionFail, match=error):
            act(*declared, check=check)
    assert nova.changed == []


def test_metadata_for_others_than_flavors_needs_none(nova: Nova, act: Act) -> None:
    others = {"cpu_allocation_ratio": "4", "filter_tenant_id2": "p", "trait:CUSTOM_X": "required"}
    done = act(
        [
            {"name": "ratio", "hosts": ["cmp01"], "metadata": others},
            {"name": "images", "hosts": ["cmp01"], "metadata": {"os": "windows"}, "without_flavors": True},
            {"name": "later", "hosts": [], "metadata": {"gpu": "1"}},
        ]
    )
    assert [one["name"] for one in nova.aggregates] == ["ratio", "images", "later"]
    assert done["changed"]


@pytest.mark.parametrize(
    ("broken", "error"),
    [
        ({"admin": False}, "is refused .* arranging hosts needs the admin role"),
        ({"newest": (2, 60)}, "knows microversions up to 2.60 only; 2.61 is needed"),
        ({"specs_hidden": True}, "Nova shows no extra specs of the flavor m1.tiny to this user"),
        ({"frozen": True}, "still differs after every step succeeded"),
        ({"regions": ("north", "south")}, "has the regions north, south; name one of them"),
    ],
    ids=["no admin", "old Nova", "hidden specs", "nothing happens", "several regions"],
)
def test_an_error_tells_the_way_out(nova: Nova, act: Act, tmp_path: Path, broken: Record, error: str) -> None:
    for name, value in broken.items():
        setattr(nova, name, value)
    options = {}
    if "regions" in broken:
        options["clouds_yaml_path"] = nova.clouds_yaml(tmp_path, regions=["north", "south"])
        (tmp_path / "several.yaml").write_text((tmp_path / "clouds.yaml").read_text())
        options["clouds_yaml_path"] = str(tmp_path / "several.yaml")
    with pytest.raises(AnsibleActionFail, match=error):
        act([AGGREGATE], [FLAVOR], **options)


def test_a_step_that_fails_is_told_with_what_was_done_before(nova: Nova, act: Act) -> None:
    nova.failures = {"/action": [0, 409]}
    with pytest.raises(AnsibleActionFail) as failed:
        act([AGGREGATE], [FLAVOR])
    said = str(failed.value)
    assert "ssd: add cmp02: " in said
    assert "HTTP 409; it says 'as the test wished" in said
    assert "Done before that: ssd: create it; ssd: add cmp01. Run again" in said
    assert nova.aggregates == [aggregate(1, "ssd", "cmp01")]
    assert act([AGGREGATE], [FLAVOR])["steps"][0] == "ssd: add cmp02"


def test_a_change_is_not_sent_twice(nova: Nova, act: Act) -> None:
    nova.failures = {"/os-aggregates": [0, 503]}
    with pytest.raises(AnsibleActionFail, match="HTTP 503"):
        act([AGGREGATE], [FLAVOR])
    assert nova.count("/os-aggregates") == 2
