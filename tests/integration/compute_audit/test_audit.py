# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Defects planted by hand into a real cloud and a real host: each is found, nothing is invented, and each remedy works."""

from __future__ import annotations

import json
import os
import re
import uuid
from pathlib import Path

import jsonschema
import pytest

from tests.integration.compute_audit.compute import GROUP, HOST, HOSTILE, INSTANCES, Compute
from tests.places import ROOT

SCHEMA = json.loads((ROOT / "docs/audit-report-1.json").read_text())
NOBODY, FORGOTTEN, LEFT, GONE, FOREIGN = (str(uuid.uuid4()) for _name in range(5))


@pytest.fixture(scope="session")
def instances(compute: Compute) -> list[str]:
    """One that is stopped, and one that runs."""
    return [compute.instance(HOSTILE, stopped=True), compute.instance()]


def test_a_new_compute_is_not_mapped_to_a_cell(compute: Compute) -> None:
    report = compute.audit("-e", "compute_audit_everything=true")
    (finding,) = (one for one in report["findings"] if one["host"] == HOST)
    assert finding["kind"] == "compute_not_mapped"
    compute.remedy(finding)
    assert compute.found() == set()


def test_a_compute_that_placement_has_forgotten(compute: Compute) -> None:
    """Before there are instances: Placement forgets nobody who holds something."""
    compute.stop()
    assert compute.cloud.placement.delete(f"/resource_providers/{compute.provider()}").status_code == 204
    findings = compute.look()["findings"]
    assert [one["kind"] for one in findings] == ["compute_without_provider"], findings
    compute.remedy(findings[0])
    compute.carry()
    compute.wait_for("DISK_GB", total=7)
    assert compute.found() == set()


def test_a_clean_compute_has_no_findings(compute: Compute, instances: list[str]) -> None:
    metrics, findings = compute.folder / "audit.prom", compute.folder / "audit.csv"
    files = ("-e", f"compute_audit_metrics={metrics}", "-e", f"compute_audit_csv={findings}")
    report = compute.audit("-e", "compute_audit_fail_on=info", *files)
    assert report["findings"] == []
    assert "\nopenstack_ops_compute_audit_findings{" not in metrics.read_text()
    assert 'openstack_ops_compute_audit_computes{cloud="mini"' in metrics.read_text()
    assert len(findings.read_text().splitlines()) == 1
    assert [os.stat(path).st_mode & 0o777 for path in (metrics, findings)] == [0o644, 0o600]
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    (node,) = report["nodes"]
    assert (node["host"], node["instances"], node["unknown"]) == (HOST, 2, {})
    disk = next(one for one in node["capacity"] if one["resource"] == "DISK_GB")
    assert disk["allocated"]["total"] == disk["actual"]["total"] == 7
    assert (disk["allocated"]["allocated"], disk["actual"]["guests"]) == (2, 2)
    assert {one["maker"] for one in node["volumes"]} == {"nova"}
    # Read with the audit's own eyes, and for nobody else's.
    assert os.stat(compute.folder / "audit.html").st_mode & 0o077 == 0
    assert not Path("/tmp/pwned").exists()

    # A second one that finds the same would change nothing. What has changed in its margin is left out.
    compute.audit("--check", "-e", "compute_audit_margin=600")
    assert "changed=0 " in compute.said
    assert re.search(r"0 critical, 0 warning, 0 info; \d+ instances, [^0]\d* of them in motion", compute.said)


def test_disk_that_is_not_there_is_given_away(compute: Compute, instances: list[str]) -> None:
    """Of the 7 GB of Nova's group, somebody's backup takes 3, and two instances take one each."""
    compute.ssh(f"lvcreate -q -y -L 3G -n backup {GROUP}")
    made = compute.schedule(4, "too large")
    assert made.status == "ACTIVE"
    # It has been scheduled here, and this is what Nova's driver would do next.
    with pytest.raises(AssertionError, match="insufficient free space"):
        compute.ssh(f"lvcreate -q -y -L 4G -n {made.id}_disk {GROUP}")
    compute.cloud.compute.delete_server(made)
    compute.cloud.compute.wait_for_delete(made, interval=0.5, wait=300)


def test_each_planted_defect_is_found_and_remedied_by_its_command(compute: Compute, instances: list[str]) -> None:
    first, second = instances
    # Placement
    compute.allocate(NOBODY, VCPU=1, MEMORY_MB=16)
    answer = compute.cloud.placement.delete(f"/allocations/{first}")
    assert answer.status_code == 204
    compute.allocate(second, VCPU=1, MEMORY_MB=16, DISK_GB=1)
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
        compute.remedy(finding)
    compute.carry()
    compute.wait_for("DISK_GB", reserved=3)
    left = compute.look(everything=True)["findings"]
    assert [one for one in left if one["host"] in (HOST, "forgotten")] == []
    assert not Path("/tmp/pwned").exists()


def test_what_nova_s_own_driver_would_repair_is_found(compute: Compute, instances: list[str]) -> None:
    """A hard reboot makes a domain anew, on a host with Nova's libvirt driver; here it is put right by hand."""
    first, second = instances
    xml = compute.ssh(f"virsh dumpxml --inactive {first}")
    compute.ssh(f"virsh -q undefine {first}; virsh -q destroy {second}")
    secret = str(uuid.uuid4())
    compute.ssh(f"sed -i '/^.libvirt/a rbd_secret_uuid = {secret}' /etc/nova/nova.conf")
    found = {(one["kind"], one["subject"]): one for one in compute.audit()["findings"]}
    assert found.keys() == {("domain_missing", first), ("domain_not_running", second), ("secret_missing", secret)}
    assert compute.look()["findings"] == list(found.values())  # what answers most questions here finds the same
    assert found["domain_missing", first]["remedy"] == f"openstack server reboot --hard {first}"
    _repeated(compute, sorted(one["id"] for one in found.values()))
    compute.ssh("virsh -q define /dev/stdin", xml)
    compute.ssh(f"virsh -q start {second}")
    compute.ssh(
        "virsh -q secret-define /dev/stdin",
        f"<secret><uuid>{secret}</uuid><usage type='ceph'><name>a</name></usage></secret>",
    )
    assert compute.found() == set()


def _repeated(compute: Compute, ids: list[str]) -> None:
    """What was there before is told as such; a run ends with an error while somebody has to see to it, and not when all is acknowledged."""
    with pytest.raises(AssertionError, match="The audit has 3 findings of severity critical that aren't acknowledged"):
        compute.audit("-e", "compute_audit_fail_on=critical")
    report = json.loads((compute.folder / "audit.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(report)
    assert (report["new"], report["gone"], report["unseen"]) == ([], [], [])
    assert {one["since"] < report["taken"] for one in report["findings"]} == {True}

    may_stay = [{"id": one, "reason": "planted", "until": "2099-12-31"} for one in ids]
    report = compute.audit(
        "-e", "compute_audit_fail_on=info", "-e", json.dumps({"compute_audit_acknowledged": may_stay})
    )
    assert report["summary"] == {"critical": 0, "warning": 0, "info": 0}
    assert [one["acknowledged"]["reason"] for one in report["findings"]] == ["planted"] * 3
    assert "3 acknowledged and not listed here" in compute.said


def test_more_that_can_be_planted(compute: Compute, instances: list[str]) -> None:
    """What somebody else's instance leaves here, and what Placement and domains can say wrongly of one's own."""
    first, second = instances
    elsewhere = next(
        one for one in compute.get("compute", "/servers/detail?all_tenants=1")["servers"]
        if one["OS-EXT-SRV-ATTR:host"] not in (HOST, None) and one["status"] == "ACTIVE"
    )["id"]  # fmt: skip
    compute.define(elsewhere, "instance-0000eeee")
    compute.define(FOREIGN, "somebody-s", metadata="")
    compute.ssh(f"virsh -q start {FOREIGN}")
    compute.give_memory(second, 16)
    compute.ssh(f"mkdir {INSTANCES}/{first}_resize")
    compute.ssh(f"virsh -q start {first}")
    compute.allocate(elsewhere, VCPU=1)
    # Or nova-compute would put it right within its minute.
    compute.stop()
    compute.inventories(DISK_GB={"total": 12}, VCPU={"allocation_ratio": 0.1})
    found = {(one["kind"], one["subject"]): one for one in compute.look()["findings"]}
    assert found.keys() == {
        ("domain_on_other_host", elsewhere),
        ("domain_foreign", FOREIGN),
        ("domain_running", first),
        ("domain_differs", second),
        ("leftover_directory", f"{first}_resize"),
        ("allocation_on_other_host", elsewhere),
        ("inventory_differs", "DISK_GB"),
        ("negative", "VCPU"),
    }
    # The other host wasn't looked at, so nobody knows that this is not the only copy.
    assert found["domain_on_other_host", elsewhere]["remedy"] == ""
    compute.ssh(f"virsh -q undefine {elsewhere}")
    for kind in ("leftover_directory", "allocation_on_other_host", "inventory_differs"):
        compute.remedy(next(one for (kind_of, _subject), one in found.items() if kind_of == kind))
    # Guests without an operating system don't listen to virsh shutdown; what a reboot by Nova's driver does, and a migration, is done by hand.
    compute.ssh(f"virsh -q destroy {FOREIGN}; virsh -q destroy {first}")
    compute.give_memory(second, 32)
    compute.carry()
    compute.inventories(VCPU={"allocation_ratio": 4.0})
    compute.wait_for("DISK_GB", total=7)
    assert compute.found() == set()
    compute.ssh(f"virsh -q undefine {FOREIGN}")


def test_a_secret_that_only_cinder_names(compute: Compute, instances: list[str]) -> None:
    secret = str(uuid.uuid4())
    compute.ssh(
        "install -d /etc/cinder; cat > /etc/cinder/cinder.conf",
        f"[DEFAULT]\nenabled_backends = a\n[a]\nvolume_driver = cinder.volume.drivers.rbd.RBDDriver\nrbd_secret_uuid = {secret}\n",
    )
    asked = ("-e", json.dumps({"compute_audit_cinder_hosts": [HOST]}))
    assert compute.found(*asked) == {("secret_missing", secret)}
    assert compute.found() == set()
    compute.ssh(
        "virsh -q secret-define /dev/stdin",
        f"<secret><uuid>{secret}</uuid><usage type='ceph'><name>b</name></usage></secret>",
    )
    assert compute.look(cinder=True)["findings"] == []

    compute.ssh("rm /etc/cinder/cinder.conf")
    with pytest.raises(AssertionError, match=rf"The configuration of Cinder on {HOST} can't be read"):
        compute.audit(*asked)


def test_limits_are_compared_with_the_rules(compute: Compute, instances: list[str]) -> None:
    port = str(uuid.uuid4())
    compute.plug(port, rate="20mbit")
    assert compute.found() == set()
    rules = ("-e", f"@{compute.rules}")
    (finding,) = compute.audit(*rules)["findings"]
    assert (finding["kind"], finding["subject"]) == ("limit_differs", port)
    assert "its upload should be 20mbit" in finding["explanation"]
    assert "htb" not in compute.ssh(f"tc qdisc show dev tap{port[:11]}")
    compute.remedy(finding)
    assert compute.found(*rules) == set()
    assert "htb" in compute.ssh(f"tc qdisc show dev tap{port[:11]}")

    # Somebody takes it away while nothing keeps it.
    compute.ssh(
        f"systemctl stop openstack-ops-tc-htb; tc qdisc del dev tap{port[:11]} root; tc qdisc del dev tap{port[:11]} clsact"
    )
    finding = compute.finding("limit_lost", port)
    compute.remedy(finding)
    assert compute.found() == set()

    # Rules that aren't any are told, and everything else is told all the same.
    compute.rules.write_text(compute.rules.read_text().replace("20mbit", "20mb/s"))
    (finding,) = compute.audit(*rules)["findings"]
    assert (finding["kind"], finding["subject"]) == ("unknown", "rules")
    assert "'20mb/s' is not a rate" in finding["explanation"]
    compute.ssh(f"ip link del tap{port[:11]}")


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
    """After the planted defects were remedied, the backup's 3 GB are reserved: Placement refuses what it gave before."""
    assert compute.inventory()["DISK_GB"]["reserved"] == 3
    refused = compute.schedule(4, "too large")
    assert refused.status == "ERROR"
    assert "No valid host was found" in compute.fault(refused.id)
    fitting = compute.schedule(1, "fitting")
    assert fitting.status == "ACTIVE"
    compute.ssh(f"lvcreate -q -y -L 1G -n {fitting.id}_disk {GROUP}")
