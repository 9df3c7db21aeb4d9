# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defects planted by hand into a real cloud and a real host: each is found, nothing is invented, and what is suggested mends it."""

from __future__ import annotations

import json
import os
import re
import uuid
from pathlib import Path

import jsonschema
import pytest

from tests.integration.compute_audit.compute import GROUP, HOST, HOSTILE, INSTANCES, TOP, Compute

SCHEMA = json.loads((TOP / "plugins/plugin_utils/_audit/schema-1.json").read_text())
NOBODY, FORGOTTEN, LEFT, GONE = (str(uuid.uuid4()) for _name in range(4))


@pytest.fixture(scope="session")
def instances(compute: Compute) -> list[str]:
    """One that is stopped, and one that runs."""
    return [compute.instance(HOSTILE, stopped=True), compute.instance()]


def test_a_clean_compute_has_no_findings(compute: Compute, instances: list[str]) -> None:
    report = compute.audit()
    assert report["findings"] == []
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    (node,) = report["nodes"]
    assert (node["host"], node["instances"], node["unknown"]) == (HOST, 2, {})
    disk = next(one for one in node["books"] if one["resource"] == "DISK_GB")
    assert disk["believed"]["total"] == disk["real"]["total"] == 7
    assert (disk["believed"]["allocated"], disk["real"]["guests"]) == (2, 2)
    assert {one["maker"] for one in node["volumes"]} == {"nova"}
    # Read with the audit's own eyes, and for nobody else's.
    assert os.stat(compute.folder / "audit.html").st_mode & 0o077 == 0
    assert not Path("/tmp/pwned").exists()

    # A second one that finds the same would change nothing. What has changed in its margin is left out.
    compute.audit("--check", "-e", "compute_audit_margin=600")
    assert "changed=0 " in compute.said
    assert re.search(r"0 critical, 0 warning, 0 info; \d+ instances, [^0]\d* of them in motion", compute.said)


def test_disk_that_is_not_there_is_given_away(compute: Compute, instances: list[str]) -> None:
    """The notes' case: of the 7 GB of Nova's group, somebody's backup takes 3, and two instances take one each."""
    compute.ssh(f"lvcreate -q -y -L 3G -n backup {GROUP}")
    made = compute.schedule(4, "too large")
    assert made.status == "ACTIVE"
    # It has been scheduled here, and this is what Nova's driver would do next.
    with pytest.raises(AssertionError, match="insufficient free space"):
        compute.ssh(f"lvcreate -q -y -L 4G -n {made.id}_disk {GROUP}")
    compute.cloud.compute.delete_server(made)
    compute.cloud.compute.wait_for_delete(made)


def test_each_planted_defect_is_found_and_mended_by_what_is_suggested(compute: Compute, instances: list[str]) -> None:
    first, second = instances
    # Placement
    compute.allocate(NOBODY, None, VCPU=1, MEMORY_MB=16)
    answer = compute.cloud.placement.delete(f"/allocations/{first}")
    assert answer.status_code == 204
    held = compute.get("placement", f"/allocations/{second}")
    compute.allocate(second, held["consumer_generation"], VCPU=1, MEMORY_MB=16, DISK_GB=1)
    made = compute.cloud.placement.post(
        "/resource_providers", json={"name": "forgotten", "uuid": GONE}, microversion="1.20"
    )
    assert made.status_code == 200, made.text
    offer = {"resource_provider_generation": 0, "inventories": {"MEMORY_MB": {"total": 1024}}}
    assert compute.cloud.placement.put(f"/resource_providers/{GONE}/inventories", json=offer).status_code == 200
    # libvirt
    compute.define(FORGOTTEN, "instance-0000ffff")
    compute.ssh(f"virsh -q suspend {second}")
    # Disk
    compute.ssh(f"mkdir {INSTANCES}/{LEFT}; echo x > {INSTANCES}/{LEFT}/disk")
    compute.ssh(f"lvcreate -q -y -L 64M -n {LEFT}_disk {GROUP}")
    compute.ssh("sed -i '/^host/a reserved_host_disk_mb = 1024' /etc/nova/nova.conf")

    report = compute.audit("-e", "compute_audit_everything=true")
    ours = [one for one in report["findings"] if one["host"] in (HOST, "forgotten")]
    assert {(one["kind"], one["subject"]) for one in ours} == {
        ("allocation_without_instance", NOBODY),
        ("instance_without_allocation", first),
        ("allocation_differs", second),
        ("provider_without_compute", GONE),
        ("domain_unknown", FORGOTTEN),
        ("domain_paused", second),
        ("leftover_directory", LEFT),
        ("leftover_volume", f"{GROUP}/{LEFT}_disk"),
        ("disk_not_reserved", "DISK_GB"),
        ("reservation_not_in_effect", "DISK_GB"),
    }
    assert next(one["name"] for one in ours if one["subject"] == first) == HOSTILE
    jsonschema.Draft202012Validator(SCHEMA).validate(report)

    for finding in ours:
        compute.mend(finding)
    compute.carry()
    compute.wait_for_reserved(3)
    left = compute.audit("-e", "compute_audit_everything=true")["findings"]
    assert [one for one in left if one["host"] in (HOST, "forgotten")] == []
    assert not Path("/tmp/pwned").exists()


def test_what_nova_s_own_driver_would_mend_is_found(compute: Compute, instances: list[str]) -> None:
    """A hard reboot makes a domain anew, on a host with Nova's libvirt driver; here it is put right by hand."""
    first, second = instances
    xml = compute.ssh(f"virsh dumpxml --inactive {first}")
    compute.ssh(f"virsh -q undefine {first}; virsh -q destroy {second}")
    secret = str(uuid.uuid4())
    compute.ssh(f"sed -i '/^.libvirt/a rbd_secret_uuid = {secret}' /etc/nova/nova.conf")
    found = {(one["kind"], one["subject"]): one for one in compute.audit()["findings"]}
    assert found.keys() == {("domain_missing", first), ("domain_not_running", second), ("secret_missing", secret)}
    assert found["domain_missing", first]["mend"] == f"openstack server reboot --hard {first}"
    compute.ssh("virsh -q define /dev/stdin", xml)
    compute.ssh(f"virsh -q start {second}")
    compute.ssh(
        "virsh -q secret-define /dev/stdin",
        f"<secret><uuid>{secret}</uuid><usage type='ceph'><name>a</name></usage></secret>",
    )
    assert compute.found() == set()


def test_what_cannot_be_looked_at_is_unknown_and_not_missing(compute: Compute, instances: list[str]) -> None:
    compute.ssh("systemctl -q stop libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket libvirtd")
    try:
        assert compute.found() == {("unknown", "libvirt")}
    finally:
        compute.ssh("systemctl -q start libvirtd.socket libvirtd-ro.socket libvirtd")


def test_what_is_deleted_softly_is_not_left_over(compute: Compute, instances: list[str]) -> None:
    """With reclaim_instance_interval, an instance waits for its deletion with its domain, its disk and its allocation."""
    compute.put_state(instances[0], "soft-delete")
    try:
        assert compute.found() == set()
    finally:
        compute.put_state(instances[0], "stopped")


def test_disk_that_is_not_there_is_no_longer_given_away(compute: Compute, instances: list[str]) -> None:
    """After the planted defects were mended, the backup's 3 GB are reserved: Placement refuses what it gave before."""
    assert compute.reserved() == 3
    refused = compute.schedule(4, "too large")
    assert refused.status == "ERROR"
    assert "No valid host was found" in compute.fault(refused.id)
    fitting = compute.schedule(1, "fitting")
    assert fitting.status == "ACTIVE"
    compute.ssh(f"lvcreate -q -y -L 1G -n {fitting.id}_disk {GROUP}")
