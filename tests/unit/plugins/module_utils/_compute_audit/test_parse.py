# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read from libvirt, LVM and nova.conf; the texts are recorded ones."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit import collect, parse
from ansible_collections.openstack_ops.day2.plugins.module_utils._host import lvm_report
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.precedence import (
    ConfigFiles,
    Start,
    effective,
)

FIXTURES = Path(__file__).with_name("fixtures")
GUEST = "11111111-1111-4111-8111-111111111111"


def fixture(name: str) -> str:
    return (FIXTURES / name).read_text(encoding="utf-8")


def test_a_domain_is_told_with_its_size_and_disks() -> None:
    found = parse.domain(fixture("domain-libvirt-9.0.0.xml"), 1)
    assert (found["uuid"], found["state"], found["vcpus"], found["memory"]) == (GUEST, "running", 1, 32 << 20)
    assert found["made_by_nova"]
    (disk,) = found["disks"]
    assert (disk["target"], disk["kind"], disk["source"]) == ("vda", "file", f"/var/lib/nova/instances/{GUEST}/disk")


def test_a_domain_without_nova_s_description_and_name_is_not_nova_s() -> None:
    assert not parse.domain("<domain><name>pfsense</name><uuid>x</uuid></domain>", 5)["made_by_nova"]


def test_a_disk_on_rbd_tells_its_secret() -> None:
    xml = (
        "<domain><devices><disk type='network' device='disk'><auth username='cinder'><secret type='ceph' uuid='s'/></auth>"
        "<source protocol='rbd' name='volumes/volume-1'/><target dev='vda'/></disk></devices></domain>"
    )
    (disk,) = parse.domain(xml, 1)["disks"]
    assert (disk["protocol"], disk["source"], disk["secret"]) == ("rbd", "volumes/volume-1", "s")


def test_lvm_s_report_is_read() -> None:
    rows = lvm_report.rows(fixture("lvs-2.03.16.json"), "lv", parse.LVS_FIELDS)
    made = [parse.volume(row, [], False, "/var/lib/nova/instances") for row in rows]
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
    assert parse.volume(row, mounted, swap, "/var/lib/nova/instances")["maker"] == maker


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
    found, problems = parse.nova_conf(
        effective(
            ConfigFiles({"nova.conf": CONF}, {"x.conf": "[DEFAULT]\nreserved_host_disk_mb = 2048\n"}), Start.PLAIN
        )
    )
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
    found, problems = parse.nova_conf(
        effective(ConfigFiles({"nova.conf": "[DEFAULT]\nreserved_host_disk_mb = 10G\n"}), None)
    )
    assert "reserved_host_disk_mb" not in found
    assert problems == ["[DEFAULT] reserved_host_disk_mb is '10G', not a number."]


def test_a_number_is_unknown_where_the_start_of_the_service_decides_and_is_not_known() -> None:
    files = ConfigFiles(
        {"nova.conf": "[DEFAULT]\nreserved_host_disk_mb = 61440\n"},
        {"x.conf": "[DEFAULT]\nreserved_host_disk_mb = 0\n"},
    )
    assert [parse.nova_conf(effective(files, start)) for start in (Start.PLAIN, Start.NAMED)] == [
        ({"reserved_host_disk_mb": 0}, []),
        ({"reserved_host_disk_mb": 61440}, []),
    ]
    found, problems = parse.nova_conf(effective(files, None))
    assert found == {"reserved_host_disk_mb": None}
    assert "whether it is started with --config-file" in problems[0]


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
    assert parse.entry(name) == found


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
    assert parse.image(name) == instance


def test_in_a_folder_the_files_count_that_oslo_config_reads_there(tmp_path: Path) -> None:
    for name in ("b.conf", "a.conf", ".hidden.conf", "c.conf~"):
        (tmp_path / name).write_text("[DEFAULT]\n")
    files = collect._configuration([str(tmp_path)], "nova_conf")
    assert list(files.folders) == [str(tmp_path / name) for name in ("a.conf", "b.conf")]
