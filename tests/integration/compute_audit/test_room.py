# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the audit says still fits, on the lab's cloud (`tests/lab/cloud up`, `seed`): so many boot, and the next one finds no host."""

from __future__ import annotations

import contextlib
import re
import typing as t
import uuid
from functools import partial
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.integration.compute_audit import in_process
from tests.integration.enabled import enable
from tests.waiting import until

COMPUTES = ("cmp01", "cmp02", "cmp03")
TRAIT = "CUSTOM_AUDIT_ROOM"
GPU = "CUSTOM_AUDIT_GPU"
BELOW = "d6872b0b-b8cf-45a9-b722-ad7b3c985ef6"
MINE = f"audit-room-{uuid.uuid4().hex[:6]}"


def _nothing(kept: t.Callable[[], t.Any]) -> bool:
    return not kept()["allocations"]


class Lab:
    """What the tests make in the cloud, and take away again."""

    def __init__(self, cloud: Connection, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        self.servers: list[str] = []
        self.flavors: list[str] = []

    def placement(self, method: str, path: str, json: t.Any = None) -> t.Any:
        answer = self.cloud.placement.request(path, method, json=json, microversion="1.36")
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else {}

    def provider(self, name: str) -> str:
        (found,) = self.placement("GET", f"/resource_providers?name={name}")["resource_providers"]
        return str(found["uuid"])

    def room(self) -> dict[str, t.Any]:
        report = in_process.look_at_apis(COMPUTES, str(self.folder / "room.json"))
        assert report["room"]["unknown"] == ""
        return t.cast("dict[str, t.Any]", report["room"])

    def of(self, flavor: str) -> dict[str, t.Any]:
        return next(t.cast("dict[str, t.Any]", one) for one in self.room()["flavors"] if one["id"] == flavor)

    def free(self, host: str, resource: str) -> int:
        return next(int(one["free"][resource]) for one in self.room()["computes"] if one["name"] == host)

    def flavor(self, vcpus: int = 1, ram: int = 32, disk: int = 0, **specs: str) -> str:
        made = self.cloud.compute.create_flavor(name=f"{MINE}-{len(self.flavors)}", vcpus=vcpus, ram=ram, disk=disk)
        self.flavors.append(made.id)
        if specs:
            self.cloud.compute.create_flavor_extra_specs(
                made, {key.replace("__", ":"): one for key, one in specs.items()}
            )
        return str(made.id)

    def boot(self, flavor: str, times: int = 1) -> list[t.Any]:
        """So many instances of a flavor, asked for at once, wherever the scheduler puts them, as they end."""
        image, name = next(iter(self.cloud.image.images())), f"{MINE}-{len(self.servers)}"
        self.cloud.compute.create_server(
            name=name, image_id=image.id, flavor_id=flavor, networks="none", min_count=times, max_count=times
        )
        found: list[t.Any] = []

        def ended() -> bool:
            listed = [one for one in self.cloud.compute.servers() if re.fullmatch(rf"{name}(-\d+)?", one.name)]
            # A list has no faults, and Nova writes the state first and the fault after it.
            found[:] = [self.cloud.compute.get_server(one) if one.status == "ERROR" else one for one in listed]
            return len(found) == times and all(one.status == "ACTIVE" or one.fault for one in found)

        try:
            until(
                f"{times} instances {name} are ACTIVE or tell their fault",
                ended,
                seen=lambda: [(one.name, one.status, one.fault) for one in found],
                every=0.25,
            )
        finally:
            self.servers += [one.id for one in found]
        return found

    def fill(self, flavor: str, times: int) -> list[str]:
        """Boot so many, which work, and one more, which doesn't. The hosts of those that work."""
        made = self.boot(flavor, times)
        assert [one.status for one in made] == ["ACTIVE"] * times, [one.fault for one in made]
        assert self.of(flavor)["fits"] == 0
        (beyond,) = self.boot(flavor)
        assert beyond.status == "ERROR"
        assert "No valid host" in beyond.fault["message"]
        return [one.compute_host for one in made]

    def forget_servers(self) -> None:
        """Until Placement keeps nothing for them, which is a moment after Nova has forgotten them."""
        for one in self.servers:
            self.cloud.compute.delete_server(one, force=True)
        for one in self.servers:
            kept = partial(self.placement, "GET", f"/allocations/{one}")
            until(f"Placement keeps nothing for {one}", partial(_nothing, kept), seen=kept, every=0.25)
        self.servers.clear()

    def forget(self) -> None:
        try:
            self.forget_servers()
        finally:
            for one in self.flavors:
                self.cloud.compute.delete_flavor(one)


@pytest.fixture
def lab(cloud: Connection, tmp_path: Path) -> t.Iterator[Lab]:
    made = Lab(cloud, tmp_path)
    try:
        yield made
    finally:
        made.forget()


@pytest.fixture
def trait(lab: Lab) -> t.Iterator[list[str]]:
    """The first two computes have a trait of their own."""
    lab.placement("PUT", f"/traits/{TRAIT}")
    with contextlib.ExitStack() as after:
        for host in COMPUTES[:2]:
            path = f"/resource_providers/{lab.provider(host)}/traits"

            def put(path: str = path, *, more: tuple[str, ...] = ()) -> None:
                found = lab.placement("GET", path)
                found["traits"] = [one for one in found["traits"] if one != TRAIT] + list(more)
                lab.placement("PUT", path, found)

            put(more=(TRAIT,))
            after.callback(put)
        yield list(COMPUTES[:2])
        lab.forget_servers()
    lab.placement("DELETE", f"/traits/{TRAIT}")


def test_where_placement_offers_a_flavor_it_fits_and_nowhere_else(lab: Lab) -> None:
    """All flavors of the cloud, and some that fit in one place, or nowhere."""
    lab.flavor(vcpus=100000)
    lab.flavor(disk=lab.free("cmp01", "DISK_GB") + 1)
    lab.flavor(ram=max(lab.free(host, "MEMORY_MB") for host in COMPUTES))
    lab.flavor(trait__CUSTOM_AUDIT_NOWHERE="required")
    lab.flavor(trait__CUSTOM_AUDIT_NOWHERE="forbidden")
    flavors, providers = lab.room()["flavors"], {host: lab.provider(host) for host in COMPUTES}
    assert len(flavors) >= 5
    for one in flavors:
        assert not {host for hosts in one["unknown"].values() for host in hosts} & set(COMPUTES)
        asked = ",".join(f"{name}:{amount}" for name, amount in one["asks"].items() if amount)
        specs = lab.cloud.compute.get_flavor(one["id"]).extra_specs
        traits = [
            ("" if value == "required" else "!") + key.partition(":")[2]
            for key, value in specs.items()
            if key.startswith("trait:")
        ]
        query = f"/allocation_candidates?resources={asked}&limit=1000&required=" + ",".join(
            [*traits, "!COMPUTE_STATUS_DISABLED"]
        )
        answer = lab.cloud.placement.get(query, microversion="1.36")
        if answer.status_code == 400:
            assert "No such trait" in answer.text
            offered = set()
        else:
            assert answer.status_code == 200, answer.text
            offered = {one["root_provider_uuid"] for one in answer.json()["provider_summaries"].values()}
        # Other tests may have left computes of their own, whose nova-compute is down: Placement offers them all the same.
        assert {host for host in COMPUTES if providers[host] in offered} == set(one["computes"]) & set(COMPUTES), one


def test_as_many_boot_as_fit_and_the_next_one_finds_no_host(lab: Lab, trait: list[str]) -> None:
    half = min(lab.free(host, "MEMORY_MB") for host in trait) // 2
    flavor = lab.flavor(ram=half, trait__CUSTOM_AUDIT_ROOM="required")
    told = lab.of(flavor)
    assert set(told["computes"]) == set(trait)
    assert 4 <= told["fits"] <= 6
    hosts = lab.fill(flavor, told["fits"])
    assert {host: hosts.count(host) for host in trait} == told["computes"]
    # Each of the two is as full as can be, and the third doesn't have the trait.
    failure = next(one["failure"] for one in lab.room()["computes"] if one["name"] == trait[0])
    mine = {one for one, host in zip(lab.servers, hosts, strict=False) if host == trait[0]}
    assert failure["absorbed"] is False
    assert mine <= set(failure["left"])


def test_a_reservation_and_a_disabled_compute_leave_less(lab: Lab, trait: list[str]) -> None:
    first, second = trait
    flavor = lab.flavor(ram=lab.free(first, "MEMORY_MB") // 2, trait__CUSTOM_AUDIT_ROOM="required")
    before = lab.of(flavor)["computes"]
    (service,) = lab.cloud.compute.services(binary="nova-compute", host=second)
    lab.cloud.compute.disable_service(service, disabled_reason=MINE)
    try:
        assert lab.of(flavor)["computes"] == {first: before[first]}
        assert set(lab.fill(flavor, before[first])) == {first}
        shut = next(one for one in lab.room()["computes"] if one["name"] == second)
        assert (shut["usable"], MINE in shut["why"]) == (False, True)
    finally:
        enable(lab.cloud, [service])


def test_what_a_nested_provider_has_boots_so_often(lab: Lab) -> None:
    """The provider stays, without inventory: nova-compute remembers it for minutes, and builds nothing while it is gone."""
    lab.placement("PUT", f"/resource_classes/{GPU}")
    named = {"name": "audit-room-gpu", "uuid": BELOW, "parent_provider_uuid": lab.provider("cmp01")}
    if not lab.placement("GET", f"/resource_providers?uuid={BELOW}")["resource_providers"]:
        lab.placement("POST", "/resource_providers", named)
    path = f"/resource_providers/{BELOW}/inventories"
    try:
        offer = lab.placement("GET", path) | {"inventories": {GPU: {"total": 3, "max_unit": 2}}}
        lab.placement("PUT", path, offer)
        flavor = lab.flavor(resources__CUSTOM_AUDIT_GPU="1")
        assert lab.of(flavor)["computes"] == {"cmp01": 3}
        assert lab.of(lab.flavor(resources__CUSTOM_AUDIT_GPU="2"))["fits"] == 1
        assert lab.of(lab.flavor(resources__CUSTOM_AUDIT_GPU="3"))["fits"] == 0
        assert set(lab.fill(flavor, 3)) == {"cmp01"}
    finally:
        lab.forget_servers()
        lab.placement("DELETE", path)
        lab.placement("DELETE", f"/resource_classes/{GPU}")
