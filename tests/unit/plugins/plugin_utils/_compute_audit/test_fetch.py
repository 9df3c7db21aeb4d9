# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What no list has is asked for by its id, and only Nova's own 404 is an answer."""

from __future__ import annotations

import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit import progress
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.fetch import fetch
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._compute_audit.model import Cloud
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query
from ansible_collections.openstack_ops.day2.tests.unit.plugins.plugin_utils._openstack.fake_cloud import FakeCloud

LOST = "33333333-1111-4111-8111-111111111111"
SINCE = "2030-01-01T00:00:00Z"

Ask = t.Callable[..., Cloud]


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> t.Iterator[FakeCloud]:
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    with FakeCloud() as made:
        yield made


@pytest.fixture
def ask(cloud: FakeCloud, tmp_path: Path) -> Ask:
    def ask(*mentioned: str) -> Cloud:
        query = Query(cloud="fake", clouds_yaml=cloud.clouds_yaml(tmp_path))
        return fetch(query, SINCE, mentioned=mentioned).cloud

    return ask


def _of(cloud: FakeCloud, host: str) -> list[str]:
    return [row["id"] for row in cloud.lists["servers"] if row["OS-EXT-SRV-ATTR:host"] == host]


def test_where_every_list_is_whole_nothing_is_asked_by_id(cloud: FakeCloud, ask: Ask) -> None:
    told = ask(*_of(cloud, "cmp01"))
    assert (told["absent"], told["unanswered"], told["unreached"], told["lost_providers"]) == ([], {}, [], [])
    assert len(told["servers"]) == 8
    assert not any("/servers/" in path and "/detail" not in path for path in cloud.asked)


def test_it_is_told_how_much_of_the_cloud_is_read(
    cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    query = Query(cloud="fake", clouds_yaml=cloud.clouds_yaml(tmp_path))
    quick, slow = list[str](), list[str]()
    fetch(query, SINCE, mentioned=[LOST], progress=progress.Progress(quick.append))
    assert quick == [
        "reading Placement's resource providers",
        "reading Nova's servers on 3 computes",
        "asking Nova for 1 ids that no list has",
    ]
    monkeypatch.setattr(progress, "EVERY", 0.0)
    fetch(query, SINCE, progress=progress.Progress(slow.append))
    assert slow[:3] == [quick[0], "1 of 3 resource providers read", "2 of 3 resource providers read"]
    assert slow[3] == quick[1]
    assert "1 of 6 lists of servers read" in slow


def test_servers_of_a_cell_that_fails_after_the_hypervisors_are_unknown(cloud: FakeCloud, ask: Ask) -> None:
    left_out = _of(cloud, "cmp03")
    cloud.unreached = set(left_out)
    told = ask(*left_out, LOST)
    assert told["absent"] == [LOST]
    assert {one["id"] for one in told["servers"] if one["status"] == "UNKNOWN"} == cloud.unreached


def test_consumers_of_placement_are_asked_for_and_their_migrations_once_more(cloud: FakeCloud, ask: Ask) -> None:
    provider = next(iter(cloud.lists["placement"].values()))
    provider["allocations"] = {LOST: {"resources": {"VCPU": 1}}}
    before = ask()
    assert before["absent"] == [LOST]
    cloud.lists["migrations"] = [{"uuid": LOST, "instance_uuid": None, "status": "running", "updated": ""}]
    assert ask()["absent"] == []


def test_a_migration_that_has_just_ended_still_explains_what_it_holds(cloud: FakeCloud, ask: Ask) -> None:
    provider = next(iter(cloud.lists["placement"].values()))
    provider["allocations"] = {LOST: {"resources": {"VCPU": 1}}}
    ended = {"uuid": LOST, "instance_uuid": None, "status": "completed"}
    for moment, migrations, absent in (
        ("2029-12-31T23:57:59", "", [LOST]),
        ("2029-12-31T23:58:01", "ended", []),
        ("2030-01-01T00:00:01", "migrations", []),
    ):
        cloud.lists["migrations"] = [ended | {"updated": f"{moment}Z", "updated_at": f"{moment}.000000"}]
        told = ask()
        assert (told["absent"], [one["uuid"] for one in told["ended"]]) == (absent, [LOST] * (migrations == "ended"))
        assert [one["uuid"] for one in told["migrations"]] == [LOST] * (migrations == "migrations")


@pytest.mark.parametrize("code", [404, 500], ids=["a proxy's 404", "an error"])
def test_another_answer_than_nova_s_own_404_proves_nothing(cloud: FakeCloud, ask: Ask, code: int) -> None:
    cloud.failures = {f"/servers/{LOST}": [code] * 9}
    told = ask(LOST)
    assert told["absent"] == []
    assert f"HTTP {code}" in told["unanswered"][LOST]


def test_a_host_s_text_that_is_no_id_is_never_part_of_a_url(cloud: FakeCloud, ask: Ask) -> None:
    assert ask("../os-services", "a?b", "", f"{LOST}/x")["absent"] == []
    assert not any("x" in path.rsplit("/", 1)[-1] and LOST in path for path in cloud.asked)


def test_a_provider_is_lost_where_nova_has_no_hypervisor_of_its_id(cloud: FakeCloud, ask: Ask) -> None:
    cloud.lists["placement"][LOST] = {"inventories": {"MEMORY_MB": {}}, "usages": {}}
    assert ask()["lost_providers"] == [LOST]
    cloud.failures = {f"/os-hypervisors/{LOST}": [500] * 9}
    assert ask()["lost_providers"] == []


def _hold(cloud: FakeCloud) -> None:
    """Have Placement keep something for each server on its host."""
    ids = {row["service"]["host"]: row["id"] for row in cloud.lists["hypervisors"]}
    for row in cloud.lists["servers"]:
        provider = cloud.lists["placement"][ids[row["OS-EXT-SRV-ATTR:host"]]]
        provider.setdefault("allocations", {})[row["id"]] = {"resources": {"VCPU": 1}}


@pytest.mark.parametrize("path", ["/resource_providers", "/os-hypervisors/detail", "/os-services", "/allocations"])
def test_a_list_that_was_too_short_makes_nothing_absent(cloud: FakeCloud, ask: Ask, path: str) -> None:
    _hold(cloud)
    whole = ask()
    cloud.short = {path: [0]}
    told = ask()
    for key in ("services", "hypervisors", "providers"):
        assert sorted(str(one) for one in told[key]) == sorted(str(one) for one in whole[key])
    assert told["lost_providers"] == []


@pytest.mark.parametrize("path", ["/resource_providers", "/allocations", "/inventories"])
def test_error_placement_answers_something_else(cloud: FakeCloud, ask: Ask, path: str) -> None:
    cloud.other = {path}
    with pytest.raises(OperatorError, match=f"Placement answered without {path[1:]}; correct the endpoint"):
        ask()


def test_a_service_that_nova_can_not_tell_of_is_of_a_cell_that_is_down(cloud: FakeCloud, ask: Ask) -> None:
    cloud.lists["services"][1]["status"] = "UNKNOWN"
    assert ask()["unreached"] == [cloud.lists["services"][1]["host"]]


def test_error_nova_hides_where_servers_are(cloud: FakeCloud, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    page = cloud._page

    def stripped(key: str, rows: list[t.Any], *rest: t.Any) -> dict[str, t.Any]:
        return page(key, [{name: row[name] for name in row if "SRV-ATTR" not in name} for row in rows], *rest)

    monkeypatch.setattr(cloud, "_page", stripped)
    with pytest.raises(OperatorError, match="^Nova shows no server's host"):
        ask()


def test_flavors_aggregates_and_who_has_the_traits_that_flavors_name(cloud: FakeCloud, ask: Ask) -> None:
    specs = {"trait:CUSTOM_A": "required", "trait1:CUSTOM_B": "forbidden", "trait:no/path": "required"}
    cloud.lists["flavors"] = [{"id": "1", "name": "f", "vcpus": 1, "ram": 1, "disk": 1, "extra_specs": specs}]
    first = next(iter(cloud.lists["placement"]))
    cloud.lists["placement"][first]["traits"] = ["CUSTOM_A", "COMPUTE_STATUS_DISABLED"]
    told = ask()
    assert (told["flavors"], told["unread"]) == (cloud.lists["flavors"], "")
    assert told["aggregates"] == cloud.lists["aggregates"]
    assert told["traits"] == {"CUSTOM_A": [first], "CUSTOM_B": None, "COMPUTE_STATUS_DISABLED": [first]}
    # However many computes there are: one for the list, and one for each trait that somebody has.
    assert sum("/traits" in path or "required=" in path for path in cloud.asked) == 3


@pytest.mark.parametrize("path", ["/flavors/detail", "/os-aggregates", "/traits"])
def test_without_a_list_that_room_needs_the_rest_is_told_all_the_same(cloud: FakeCloud, ask: Ask, path: str) -> None:
    cloud.failures = {path: [403]}
    told = ask()
    assert (told["flavors"], told["aggregates"]) == ([], [])
    assert "403" in told["unread"]
    assert len(told["servers"]) == 8
