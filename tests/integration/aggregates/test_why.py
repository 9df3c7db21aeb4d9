# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Eleven reasons for which the real scheduler finds no host, each told for the instance that failed by it."""

from __future__ import annotations

import typing as t
from contextlib import ExitStack, contextmanager

import pytest
from openstack.connection import Connection

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.fetch import Asked, why
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._why_no_host.judge import Report
from tests.integration.aggregates.boots import boot, flavor, gone, settled
from tests.integration.aggregates.conftest import COMPUTES, FILTERS
from tests.integration.enabled import enable
from tests.places import CLOUDS_YAML

Cloud = t.Any
MICROVERSION = "1.36"
FAST, GPU = "CUSTOM_DAY2_FAST", "CUSTOM_DAY2_GPU"


def told(**asked: str) -> Report:
    return why(Query(cloud="mini", clouds_yaml=str(CLOUDS_YAML)), Asked(**asked), enabled=FILTERS, max_io_ops=8)


def check(cloud: Cloud, server: t.Any, expected: dict[str, tuple[str, str]]) -> None:
    """The scheduler has failed, and of each compute a reason is told: (by, words in it)."""
    found = settled(cloud, server)
    assert found.status == "ERROR"
    assert "No valid host" in found.fault["message"]
    report = told(instance=found.id)
    assert report.left == []
    assert report.steps[-1]["after"] == []
    for one in report.computes:
        by, words = expected[one.compute.host]
        assert any(cause.known and cause.by == by and words in cause.text for cause in one.causes), one


def everywhere(by: str, words: str) -> dict[str, tuple[str, str]]:
    return dict.fromkeys(COMPUTES, (by, words))


#: Reasons in a flavor: extra specs (and vcpus), who tells, and what.
OF_FLAVORS: dict[str, tuple[dict[str, str], str, str]] = {
    "aggregate metadata": (
        {"aggregate_instance_extra_specs:ssd": "nvme"}, "AggregateInstanceExtraSpecsFilter", "asks for ssd 'nvme'",
    ),
    "max_unit": ({"vcpus": "2000"}, "Placement", "(max_unit), asked for are 2000"),
    "required trait": ({f"trait:{FAST}": "required"}, "Placement", f"lacks the trait {FAST}"),
    "forbidden trait": ({"trait:COMPUTE_NODE": "forbidden"}, "Placement", "has the trait COMPUTE_NODE, which is forbidden"),
    "resource class": ({f"resources:{GPU}": "1"}, "Placement", f"has no {GPU} at all"),
    "capability": (
        {"capabilities:hypervisor_type": "xen"}, "ComputeCapabilitiesFilter", "and it has 'fake'",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def placement(cloud: Connection) -> t.Iterator[Cloud]:
    """Placement, with a trait and a resource class that no compute has."""
    api: t.Any = cloud.placement
    for path in (f"/traits/{FAST}", f"/resource_classes/{GPU}"):
        assert api.put(path, microversion=MICROVERSION).status_code in (201, 204)
    yield api
    for path in (f"/traits/{FAST}", f"/resource_classes/{GPU}"):
        assert api.delete(path, microversion=MICROVERSION).status_code == 204


def test_reasons_in_flavors(cloud: Connection, placement: Cloud) -> None:
    with ExitStack() as stack:
        servers: dict[str, t.Any] = {}
        stack.callback(lambda: gone(cloud, servers.values()))
        flavors = ExitStack()
        stack.push(flavors)
        for reason, (specs, _by, _words) in OF_FLAVORS.items():
            made = flavors.enter_context(flavor(cloud, f"why-{reason}", **specs))
            servers[reason] = boot(cloud, f"why-{reason}", made.id)
        for reason, (_specs, by, words) in OF_FLAVORS.items():
            check(cloud, servers[reason], everywhere(by, words))


def test_image_properties(cloud: Connection) -> None:
    api: Cloud = cloud
    image = api.create_image(
        "why-xen",
        data=b"\0" * 1024,
        disk_format="raw",
        container_format="bare",
        img_hv_type="xen",
        validate_checksum=False,
    )
    server = boot(api, "why-image", api.compute.find_flavor("m1.tiny").id, image_id=image.id)
    try:
        check(api, server, everywhere("ImagePropertiesFilter", "wants the hypervisor 'xen', and it has 'fake'"))
    finally:
        gone(api, [server])
        api.image.delete_image(image)


def test_server_group(cloud: Connection) -> None:
    api: Cloud = cloud
    group = api.compute.create_server_group(name="why-apart", policy="anti-affinity")
    tiny = api.compute.find_flavor("m1.tiny").id
    hints = {"group": group.id}
    servers = []
    try:
        for number in range(3):
            servers.append(boot(api, f"why-apart-{number}", tiny, scheduler_hints=hints))
            assert settled(api, servers[-1]).status == "ACTIVE"
        servers.append(boot(api, "why-apart-3", tiny, scheduler_hints=hints))
        check(
            api, servers[-1], everywhere("ServerGroupAntiAffinityFilter", "1 of the server group 'why-apart' run there")
        )
    finally:
        gone(api, servers)
        api.compute.delete_server_group(group)


def test_disabled(cloud: Connection) -> None:
    api: Cloud = cloud
    services = list(api.compute.services(binary="nova-compute"))
    servers: list[t.Any] = []
    try:
        for one in services:
            api.compute.disable_service(one, disabled_reason="new {{ disks }}")
        servers.append(boot(api, "why-disabled", api.compute.find_flavor("m1.tiny").id))
        check(api, servers[0], everywhere("ComputeFilter", "nova-compute is disabled, because 'new {{ disks }}'"))
    finally:
        enable(cloud, services)
        gone(api, servers)


def test_down_and_in_another_zone(cloud: Connection) -> None:
    api: Cloud = cloud
    (service,) = api.compute.services(binary="nova-compute", host="cmp01")
    apart = ("Placement", "is in the zone 'nova', asked for is 'az1'")
    servers: list[t.Any] = []
    try:
        api.compute.update_service_forced_down(service, "cmp01", "nova-compute", forced=True)
        servers.append(boot(api, "why-zone", api.compute.find_flavor("m1.tiny").id, availability_zone="az1"))
        down = ("ComputeFilter", "nova-compute is forced down")
        check(api, servers[0], {"cmp01": down, "cmp02": apart, "cmp03": apart})
    finally:
        api.compute.update_service_forced_down(service, "cmp01", "nova-compute", forced=False)
        gone(api, servers)


@contextmanager
def inventories(cloud: Cloud, name: str, **changes: float) -> t.Iterator[None]:
    """Another inventory of a class on each compute. nova-compute would write over it within a minute or so by itself."""
    providers = computes(cloud)
    before = [(one, cloud.placement.get_resource_provider_inventory(name, one)) for one in providers]
    try:
        for one in providers:
            change(cloud, one, name, **changes)
        yield
    finally:
        for one, row in before:
            change(cloud, one, name, **{key: getattr(row, key) for key in changes})


def computes(cloud: Cloud) -> list[t.Any]:
    """The providers of computes, without what somebody has put below one."""
    return [one for one in cloud.placement.resource_providers() if not one.parent_provider_id]


def change(cloud: Cloud, provider: t.Any, name: str, **changes: float) -> None:
    path = f"/resource_providers/{provider.id}/inventories/{name}"
    for _attempt in range(10):
        row = cloud.placement.get(path, microversion=MICROVERSION).json()
        answer = cloud.placement.put(path, json={**row, **changes}, microversion=MICROVERSION)
        if answer.status_code != 409:  # nova-compute has written meanwhile
            break
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [("VCPU", {"allocation_ratio": 0.001}, "x 0.001 = 1, "), ("DISK_GB", {"reserved": 1}, " reserved) x 1 = 0, ")],
    ids=["ratio", "reserved"],
)
def test_inventory(cloud: Connection, name: str, changes: dict[str, float], words: str) -> None:
    api: Cloud = cloud
    rows = [api.placement.get_resource_provider_inventory(name, one) for one in computes(api)]
    more = {key: value if key == "allocation_ratio" else rows[0].total for key, value in changes.items()}
    for _attempt in range(5):
        with inventories(api, name, **more):
            server = boot(api, "why-inventory", api.compute.find_flavor("m1.tiny").id)
            try:
                # A nova-compute that has just refreshed what it knows of Placement may have put its own back.
                if settled(api, server).status == "ERROR":
                    check(api, server, everywhere("Placement", words))
                    return
            finally:
                gone(api, [server])
    pytest.fail("nova-compute wrote its own inventory each time.")


def test_nothing_speaks_against_a_compute_that_the_scheduler_takes(cloud: Connection) -> None:
    report = told(flavor="m1.tiny")
    assert [(one.compute.host, one.causes) for one in report.computes] == [(host, ()) for host in COMPUTES]
