# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from libvirt, LVM and nova.conf; the texts are recorded ones."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._audit import text

FIXTURES = Path(__file__).with_name("fixtures")
GUEST = "11111111-1111-4111-8111-111111111111"


def fixture(name: str) -> str:
    return (FIXTURES / name).read_text(encoding="utf-8")


def test_a_domain_is_told_with_its_size_and_disks() -> None:
    found = text.domain(fixture("domain-libvirt-9.0.0.xml"), 1)
    assert (found["uuid"], found["state"], found["vcpus"], found["memory"]) == (GUEST, "running", 1, 32 << 20)
    assert found["made_by_nova"]
    (disk,) = found["disks"]
    assert (disk["target"], disk["kind"], disk["source"]) == ("vda", "file", f"/var/lib/nova/instances/{GUEST}/disk")


def test_a_domain_without_nova_s_description_and_name_is_not_nova_s() -> None:
    assert not text.domain("<domain><name>pfsense</name><uuid>x</uuid></domain>", 5)["made_by_nova"]


def test_a_disk_on_rbd_tells_its_secret() -> None:
    xml = (
        "<domain><devices><disk type='network' device='disk'><auth username='cinder'><secret type='ceph' uuid='s'/></auth>"
        "<source protocol='rbd' name='volumes/volume-1'/><target dev='vda'/></disk></devices></domain>"
    )
    (disk,) = text.domain(xml, 1)["disks"]
    assert (disk["protocol"], disk["source"], disk["secret"]) == ("rbd", "volumes/volume-1", "s")


def test_lvm_s_report_is_read() -> None:
    rows = text.report(fixture("lvs-2.03.16.json"), "lv")
    made = [text.volume(row, [], False, "/var/lib/nova/instances") for row in rows]
    assert [(one["maker"], one["size"]) for one in made] == [("nova", 256 << 20), ("foreign", 1 << 30)]
    assert made[0]["instance"] == "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(
    ("name", "mounted", "swap", "maker"),
    [
        (f"{GUEST}_disk", [], False, "nova"),
        (f"{GUEST}_disk.local", [], False, "nova"),
        (f"{GUEST}_disk.eph0", [], False, "nova"),
        ("instance-0000002a_disk", [], False, "nova"),
        (f"volume-{GUEST}", [], False, "cinder"),
        (f"_snapshot-{GUEST}", [], False, "cinder"),
        ("vg0-pool", [], False, "cinder"),
        ("instances", ["/var/lib/nova/instances"], False, "instances"),
        ("root", ["/"], False, "system"),
        ("swap0", [], True, "system"),
        (f"{GUEST}_disks of mine", [], False, "foreign"),
        ("backup", [], False, "foreign"),
    ],
)
def test_who_made_a_volume(name: str, mounted: list[str], swap: bool, maker: str) -> None:
    row = {"lv_name": name, "vg_name": "vg0", "lv_size": "1", "pool_lv": "", "lv_tags": ""}
    assert text.volume(row, mounted, swap, "/var/lib/nova/instances")["maker"] == maker


def test_the_mount_of_a_path_is_the_innermost() -> None:
    found = text.mounts(fixture("mountinfo-6.1.txt"))
    assert text.mount_of(found, "/var/lib/nova/instances")["point"] == "/"
    assert text.mount_of(found, "/proc/1")["kind"] == "proc"


CONF = """
# reserved_host_disk_mb = 1
[DEFAULT]
host = cmp01
transport_url = rabbit://nova:secret@192.0.2.1
reserved_host_disk_mb=1024
state_path = /srv/nova
instances_path = $state_path/instances
[libvirt]
images_type: lvm
images_volume_group = "vg nova"
[keystone_authtoken]
host = elsewhere
password = hidden
"""


def test_of_nova_conf_only_what_matters_is_read() -> None:
    found, problems = text.nova_conf([CONF, "[DEFAULT]\nreserved_host_disk_mb = 2048\n"])
    assert problems == []
    assert found == {
        "host": "cmp01",
        "reserved_host_disk_mb": 2048,
        "state_path": "/srv/nova",
        "instances_path": "/srv/nova/instances",
        "images_type": "lvm",
        "images_volume_group": "vg nova",
    }


def test_a_number_that_is_none_is_told() -> None:
    found, problems = text.nova_conf(["[DEFAULT]\nreserved_host_disk_mb = 10G\n"])
    assert "reserved_host_disk_mb" not in found
    assert problems == ["[DEFAULT] reserved_host_disk_mb is '10G', not a number."]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (GUEST, ("instance", GUEST, "")),
        (f"{GUEST}_resize", ("instance", GUEST, "_resize")),
        ("_base", ("nova", None, "")),
        (f"{GUEST}.bak", ("other", None, "")),
        ("; rm -rf /", ("other", None, "")),
    ],
)
def test_what_an_entry_of_the_instances_path_is(name: str, found: tuple[t.Any, ...]) -> None:
    assert text.entry(name) == found


@pytest.mark.parametrize(
    ("name", "instance"),
    [
        (f"{GUEST}_disk", GUEST),
        (f"{GUEST}_disk.config", GUEST),
        (f"volume-{GUEST}", None),
        (GUEST, None),
        (f"{GUEST}_disk; id", None),
    ],
)
def test_whose_an_image_is(name: str, instance: str | None) -> None:
    assert text.image(name) == instance
