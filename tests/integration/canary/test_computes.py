# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Canaries on the computes of the lab's cloud (tests/lab/cloud), and what is told of computes and clouds with a defect.

Nova's fake driver makes no guest: what that would print isn't there, and there is no Cinder.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from itertools import pairwise

import pytest
from openstack.connection import Connection

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.cloud import Cloud as Canaries
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.model import Checks, Options, Report, name_of
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.prove import Prover
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.remove import remove
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.run import prove as prove_one
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query
from tests.integration.canary.conftest import NETWORK, Cloud, Prove, network_of
from tests.integration.enabled import enable
from tests.places import CLOUDS_YAML
from tests.waiting import PATIENCE

GOOD = {"service": "passed", "boot": "passed", "port": "passed", "console": "passed"}
QUERY = Query(cloud="mini", clouds_yaml=str(CLOUDS_YAML))


def asked(host: str, **changes: t.Any) -> Options:
    return Options(
        **{"host": host, "image": "empty", "flavor": "m1.tiny", "network": NETWORK, "timeout": PATIENCE, **changes}
    )


def proved(host: str, **changes: t.Any) -> Report:
    """What the playbook's task does, without the start of an ansible-playbook."""
    return prove_one(QUERY, asked(host, **changes), check_mode=False, say=print, limits=no_kernel)


def no_kernel(port: str) -> dict[str, t.Any]:
    raise OperatorError(f"nothing runs on the compute of {port}")


def verdicts(report: Report) -> dict[str, str]:
    return {one.name: one.verdict for one in report.checks}


def why(report: Report, check: str) -> str:
    return next(one.why for one in report.checks if one.name == check)


def service(cloud: Cloud, host: str) -> t.Any:
    return next(one for one in cloud.compute.services(binary="nova-compute") if one.host == host)


def test_each_is_proved_one_after_the_other(cloud: Connection, network: t.Any, prove: Prove) -> None:
    api: Cloud = cloud
    since = {one["id"] for one in deleted(api)}
    # Nothing answers to ssh there, so what the kernel has isn't known; each has been proved all the same, and told of.
    ran = prove("cmp01:cmp02", code=2, parallel=1, timeout=PATIENCE, dhcp_pattern="^FAKE CONSOLE", limit=True)
    for host in ("cmp01", "cmp02"):
        assert prove.verdicts(host) == {**GOOD, "dhcp": "passed", "limit": "unknown", "removal": "passed"}, prove.report
        assert prove.why(host, "boot") == f"ACTIVE on {host}"
        assert "The compute's kernel can't be asked" in prove.why(host, "limit")
        assert f"{host}: unknown (6 passed, 1 unknown)." in ran.said
    # Deleted servers tell when each canary was there: never two at once.
    rows = [one for one in deleted(api) if one["id"] not in since]
    times = sorted((one["created"][:19], one["updated"][:19]) for one in rows)
    assert len(times) == 2
    assert all(first[1] <= second[0] for first, second in pairwise(times)), times


def deleted(api: Cloud) -> list[dict[str, t.Any]]:
    answer = api.compute.get("/servers/detail?deleted=true&name=openstack-ops-canary&all_tenants=1")
    return t.cast("list[dict[str, t.Any]]", answer.json()["servers"])


def test_live_to_another_compute_and_back(network: t.Any) -> None:
    report = proved("cmp03", checks=Checks(migrate=True))
    assert verdicts(report) == {**GOOD, "migration": "passed", "removal": "passed"}, report.checks
    assert re.fullmatch("live to cmp0[12] and back", why(report, "migration"))


def test_what_cannot_be_shown_here_is_not_passed(network: t.Any) -> None:
    checks = Checks(
        metadata=re.compile("cloud-init: done"), reach="tcp", limit=True, volume=1, written=re.compile("vdb"), console=False
    )  # fmt: skip
    options = asked("cmp03", checks=checks)
    cloud, report = Canaries(QUERY, "cmp03"), Report("cmp03")
    prover = Prover(cloud, options, cloud.things(options), report, print, no_kernel)
    try:
        prover.run(["boot", "port"])
        assert verdicts(report) == {"boot": "passed", "port": "passed"}, report.checks
        prover.options = dataclasses.replace(options, timeout=1)
        prover.run(["metadata", "reach", "limit", "volume", "written"])
    finally:
        assert remove(cloud, PATIENCE, print).all == []
    assert report.verdict == "failed"
    for check, verdict, words in (
        ("metadata", "failed", "the guest has printed no line with 'cloud-init: done' after 1 s"),
        ("reach", "failed", "doesn't answer on TCP port 22"),
        ("limit", "unknown", "nothing runs on the compute of"),
        ("volume", "unknown", "has no public endpoint of Cinder"),
        ("written", "unknown", "the volume isn't attached"),
    ):
        assert verdicts(report)[check] == verdict, report.checks
        assert words in why(report, check)


def test_a_compute_that_is_disabled_or_down(cloud: Connection, network: t.Any) -> None:
    api: Cloud = cloud
    row = service(api, "cmp03")
    try:
        api.compute.disable_service(row, disabled_reason="new {{ disks }}")
        report = proved("cmp03")
        assert verdicts(report)["service"] == "failed"
        assert "nova-compute is disabled ('new {{ disks }}')" in why(report, "service")
        assert set(verdicts(report).values()) == {"failed", "unknown", "passed"}
        assert not report.boots
        api.compute.update_service_forced_down(row, "cmp03", "nova-compute", forced=True)
        assert why(proved("cmp03"), "service") == "nova-compute is down (forced down)"
    finally:
        api.compute.update_service_forced_down(row, "cmp03", "nova-compute", forced=False)
        enable(cloud, [row])


def test_what_no_compute_is_to_blame_for_is_refused_before(cloud: Connection, network: t.Any) -> None:
    api: Cloud = cloud
    project = api.session.get_project_id()
    tight = network_of(
        api, "tight", "198.51.100.0/29", allocation_pools=[{"start": "198.51.100.2", "end": "198.51.100.2"}]
    )
    try:
        api.network.create_port(network_id=tight.id, name="the-last")
        for changes, words in (
            ({"image": "no-such"}, "Glance has no image 'no-such'; correct the name"),
            ({"image": "00000000-0000-0000-0000-000000000000"}, "Glance has no image '0000"),
            ({"flavor": "no-such"}, "Nova has no flavor 'no-such'"),
            ({"network": "no-such"}, "Neutron has no network 'no-such'"),
            ({"network": "tight"}, "the network tight: none of its 1 IPv4 addresses is free"),
        ):
            with pytest.raises(OperatorError, match=re.escape(words)):
                proved("cmp01", **changes)
        api.compute.update_quota_set(project, instances=0)
        with pytest.raises(OperatorError, match=r"no room for a canary \(instances: \d+ of 0 used, 1 needed\)"):
            proved("cmp01")
    finally:
        api.compute.update_quota_set(project, instances=-1)
        for port in list(api.network.ports(network_id=tight.id)):
            api.network.delete_port(port)
        api.network.delete_network(tight)


def test_a_compute_without_room_proves_nothing(cloud: Connection, network: t.Any) -> None:
    api: Cloud = cloud
    huge = api.compute.create_flavor(name="canary-huge", vcpus=1, ram=256, disk=1)
    api.compute.create_flavor_extra_specs(huge, {"capabilities:hypervisor_type": "xen"})
    try:
        report = proved("cmp01", flavor="canary-huge")
    finally:
        api.compute.delete_flavor(huge)
    assert (verdicts(report)["boot"], verdicts(report)["removal"]) == ("unknown", "passed"), report.checks
    assert "the scheduler didn't put the canary there (Nova says 'No valid host" in why(report, "boot")
    assert "ComputeCapabilitiesFilter" in why(report, "boot")
    assert report.verdict == "unknown"


def test_what_a_killed_run_left_goes_and_nothing_else(cloud: Connection, network: t.Any) -> None:
    api: Cloud = cloud
    canaries = Canaries(QUERY, "cmp02")
    options = asked("cmp02")
    left = canaries.boot(canaries.things(options), options)
    # Called the same, but not marked.
    alike = api.compute.create_server(
        name=name_of("cmp02"), image_id=api.image.find_image("empty").id, flavor_id=api.compute.find_flavor("m1.tiny").id, networks="none"
    )  # fmt: skip
    try:
        report = proved("cmp02")
        assert [one.id for one in report.found] == [left]
        assert report.steps[0] == f"remove the server {left}, left by an earlier run"
        assert verdicts(report) == {**GOOD, "removal": "passed"}, report.checks
        assert any(alike.id in one and "left alone" in one for one in report.notes)
        ids = {one.id for one in api.compute.servers(details=False)}
        assert left not in ids
        assert alike.id in ids
    finally:
        api.compute.delete_server(alike)
        api.compute.wait_for_delete(alike, wait=PATIENCE)
