# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's files where the deployer of a host keeps them, with no variable that names a path."""

from __future__ import annotations

import typing as t
from pathlib import Path
from unittest.mock import ANY

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.ceph_plan import ceph_plan
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.disk import Disk
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.look import look
from tests.unit.plugins.module_utils._deployment import trees

FSID = "2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e"
KEYRING = "/etc/ceph/ceph.client.{}.keyring"
SETTINGS: dict[str, t.Any] = {
    "here": [
        {"client": "cinder", "secret": True, "write": ["volumes"]},
        {"client": "cinder", "keyring": KEYRING.format("cinder"), "group": "cinder", "write": ["volumes"]},
        {"client": "cinder-backup", "keyring": KEYRING.format("cinder-backup"), "group": "cinder"},
        {"client": "glance", "keyring": KEYRING.format("glance"), "group": "glance"},
    ],
    "glance": {"client": "glance"},
    "cinder": {"backends": [{"name": "rbd-1"}], "backup": {}},
    "nova": {"client": "nova-vms"},
    "conf": "/etc/ceph/ceph.conf",
}


def deployment(root: Path, tree: trees.Tree) -> dict[str, t.Any]:
    return look(lambda _args, _data: (125, "", ""), Disk(trees.make(root, tree))).public()


@pytest.fixture
def kolla(tmp_path: Path) -> dict[str, t.Any]:
    return deployment(tmp_path, trees.kolla_with_ceph())


def plan(host: dict[str, t.Any], **changes: t.Any) -> dict[str, t.Any]:
    nova = {"nova": {**SETTINGS["nova"], "client": "cinder"}}
    return ceph_plan({**SETTINGS, **nova, "deployment": host, **changes}, FSID)


def test_a_service_s_options_are_set_where_its_container_has_them_from(kolla: dict[str, t.Any]) -> None:
    made = plan(
        kolla,
        here=[
            *SETTINGS["here"][1:],
            {"client": "cinder", "secret": True, "keyring": KEYRING.format("cinder"), "group": "nova"},
        ],
    )
    found = {row["path"]: row["services"] for row in made["files"]}
    assert found == {
        "/etc/kolla/glance-api/glance-api.conf": ["kolla-glance_api-container"],
        "/etc/kolla/cinder-volume/cinder.conf": ["kolla-cinder_volume-container"],
        "/etc/kolla/cinder-backup/cinder.conf": ["kolla-cinder_backup-container"],
        "/etc/kolla/nova-compute/nova.conf": ["kolla-nova_compute-container"],
    }
    _glance, volume, backup, nova = made["files"]
    assert (sorted(volume["sections"]), volume["adds"]) == (["rbd-1"], {"DEFAULT": {"enabled_backends": "rbd-1"}})
    assert (sorted(backup["sections"]), "adds" in backup) == (["DEFAULT"], False)
    # The services themselves have the file under its usual name.
    assert nova["sections"]["libvirt"]["images_rbd_ceph_conf"] == "/etc/ceph/ceph.conf"
    assert made["confs"] == {
        "glance": "/etc/kolla/glance-api/glance-api.conf",
        "cinder": "/etc/kolla/cinder-volume/cinder.conf",
        "nova": "/etc/kolla/nova-compute/nova.conf",
    }


def test_keyrings_go_to_those_that_read_them_and_to_nobody_else(kolla: dict[str, t.Any]) -> None:
    made = plan(kolla, nova={})
    found = [
        (row["client"], row["keyring"].rpartition("/ceph.client.")[0], row["services"])
        for row in made["here"]
        if row.get("keyring")
    ]
    assert found == [
        ("cinder", "/etc/kolla/cinder-volume/ceph", ["kolla-cinder_volume-container"]),
        ("cinder", "/etc/kolla/cinder-backup/ceph", ["kolla-cinder_backup-container"]),
        ("cinder-backup", "/etc/kolla/cinder-backup/ceph", ["kolla-cinder_backup-container"]),
        ("glance", "/etc/kolla/glance-api/ceph", ["kolla-glance_api-container"]),
    ]
    assert {
        (row["owner"], row["group"], row["mode"], row.get("user")) for row in made["here"] if row.get("keyring")
    } == {("root", "root", "0660", None)}
    assert made["here"][0].pop("keep").endswith("put the same into config/nova/ceph.client.cinder.keyring there.")
    assert made["here"][0] == {"client": "cinder", "secret": True, "write": ["volumes"], "uuid": FSID}


def test_nova_compute_s_keyring_is_one_that_config_json_names(kolla: dict[str, t.Any]) -> None:
    (row,) = plan(kolla, here=SETTINGS["here"][:1])["here"]
    assert (row["keyring"], row["secret"]) == ("/etc/kolla/nova-compute/ceph.client.cinder.keyring", True)
    settings = {**SETTINGS, "here": [{"client": "nova-vms"}], "deployment": kolla}
    for fsid in ("", FSID):  # and that is said before the cluster is asked
        with pytest.raises(
            AnsibleFilterError, match="Nobody on this host would read .*nova-vms.keyring: no container of"
        ):
            ceph_plan(settings, fsid)
    mine = {"client": "nova-vms", "secret": True, "keyring": "/etc/kolla/nova-compute/mine", "group": "root"}
    assert ceph_plan({**settings, "here": [mine]}, FSID)["here"] == [
        {**mine, "uuid": FSID, "user": "root", "keep": ANY}
    ]


def test_what_the_inventory_leaves_out_is_unknown(kolla: dict[str, t.Any]) -> None:
    del kolla["services"]["nova-compute"]["files"]
    with pytest.raises(AnsibleFilterError, match="It isn't known what of the host nova-compute's container copies"):
        plan(kolla, here=SETTINGS["here"][:1], glance={}, cinder={})


def test_a_predecessor_that_no_container_copies_any_more_can_go(kolla: dict[str, t.Any]) -> None:
    made = plan(kolla, here=SETTINGS["here"][:1], current={"cinder": "cinder-old"}, leaving=True)
    (row,) = made["here"]
    assert (row["client"], row["secret"], "keyring" in row) == ("cinder-old", True, False)


@pytest.mark.parametrize("unit", ["glance_api", "nova_libvirt"])
def test_what_is_left_of_a_service_that_kolla_has_taken_away_gets_no_key(tmp_path: Path, unit: str) -> None:
    tree = trees.kolla_with_ceph()
    del tree[f"/etc/systemd/system/kolla-{unit}-container.service"]
    host = deployment(tmp_path, tree)
    if unit == "nova_libvirt":
        made = plan(host, here=SETTINGS["here"][:1], glance={}, cinder={})
        assert made["libvirt"]["stored_in"] == ""
        assert "/etc/kolla/nova-libvirt/ceph.conf" not in [row["path"] for row in made["conf_files"]]
        return
    with pytest.raises(AnsibleFilterError, match="kolla-ansible has taken the service from this host"):
        plan(host, here=SETTINGS["here"][3:], glance={}, cinder={}, nova={})
    assert plan(host, here=SETTINGS["here"][3:], glance={}, cinder={}, nova={}, leaving=True)["here"] == []


@pytest.mark.parametrize("installed", [True, False])
def test_of_packages_cinder_s_options_are_in_one_file(tmp_path: Path, installed: bool) -> None:
    tree = {**trees.packages(), "/etc/cinder/cinder.conf": "[DEFAULT]\n"}
    if installed:
        tree["/usr/lib/systemd/system/openstack-cinder-volume.service"] = ""
    made = plan(deployment(tmp_path, tree), here=SETTINGS["here"][:1], glance={}, nova={})
    (row,) = made["files"]
    assert (row["path"], len(row["services"])) == ("/etc/cinder/cinder.conf", 2)


def test_who_restarts_a_service_oneself_isn_t_overruled_by_its_keyring(kolla: dict[str, t.Any]) -> None:
    quiet: dict[str, t.Any] = {"services": []}
    made = plan(
        kolla,
        here=[*SETTINGS["here"][1:], {"client": "cinder", "keyring": KEYRING.format("cinder"), "group": "nova"}],
        glance={**SETTINGS["glance"], **quiet},
        cinder={**SETTINGS["cinder"], "services": ["kolla-cinder_volume-container"]},
        nova={"client": "cinder", **quiet},
    )
    for rows in (made["here"], made["conf_files"]):
        assert sorted({unit for row in rows for unit in row.get("services", [])}) == ["kolla-cinder_volume-container"]


def test_accounts_may_be_numbers(kolla: dict[str, t.Any]) -> None:
    (row,) = plan(kolla, here=[{"client": "glance", "keyring": KEYRING.format("glance"), "group": "42415"}], nova={})[
        "here"
    ]
    assert row["keyring"] == "/etc/kolla/glance-api/ceph/ceph.client.glance.keyring"


def test_ceph_conf_is_in_every_container_that_uses_it(kolla: dict[str, t.Any]) -> None:
    found = {row["path"]: row["services"] for row in plan(kolla)["conf_files"]}
    assert found == {
        "/etc/kolla/nova-compute/ceph.conf": ["kolla-nova_compute-container"],
        "/etc/kolla/nova-libvirt/ceph.conf": [],
        "/etc/kolla/glance-api/ceph/ceph.conf": ["kolla-glance_api-container"],
        "/etc/kolla/cinder-volume/ceph/ceph.conf": ["kolla-cinder_volume-container"],
        "/etc/kolla/cinder-backup/ceph/ceph.conf": ["kolla-cinder_backup-container"],
    }
    only_glance = plan(kolla, here=SETTINGS["here"][3:], cinder={}, nova={})["conf_files"]
    assert [row["path"] for row in only_glance] == ["/etc/kolla/glance-api/ceph/ceph.conf"]


def test_a_compute_whose_containers_have_no_ceph_conf_keeps_the_host_s(tmp_path: Path) -> None:
    tree = trees.kolla()
    tree["/etc/kolla/nova-compute/config.json"] = '{"config_files": []}'
    made = plan(deployment(tmp_path, tree), here=SETTINGS["here"][:1], glance={}, cinder={}, nova={})
    assert made["conf_files"] == [{"path": "/etc/ceph/ceph.conf", "services": []}]
    assert made["libvirt"] == {"uri": "qemu:///system", "stored_in": "/etc/kolla/nova-libvirt/secrets"}


def test_the_deployer_s_places_are_told_with_each_file(kolla: dict[str, t.Any]) -> None:
    made = plan(kolla, here=SETTINGS["here"][:1])
    assert [row["keep"].rpartition("into ")[2] for row in (*made["files"], *made["conf_files"], *made["here"])] == [
        "config/glance/glance-api.conf there:",
        "config/cinder/cinder-volume.conf there:",
        "config/cinder/cinder-backup.conf there:",
        "config/nova/nova-compute.conf there:",
        "config/nova/ceph.conf there:",
        "config/nova/ceph.conf there:",
        "config/glance/ceph.conf there:",
        "config/cinder/cinder-volume/ceph.conf there:",
        "config/cinder/cinder-backup/ceph.conf there:",
        "config/nova/ceph.client.cinder.keyring there.",
    ]
    assert all("kolla-ansible reconfigure, deploy and upgrade rewrite it" in row["keep"] for row in made["files"])


def test_a_key_that_goes_is_to_go_from_the_deployer_s_files_too(kolla: dict[str, t.Any]) -> None:
    rows = [*SETTINGS["here"][:1], *SETTINGS["here"][3:]]
    told = [row["keep"] for row in plan(kolla, here=rows, nova={}, leaving=True)["here"]]
    assert [one.rpartition(" Remove ")[2] for one in told] == [
        "config/nova/ceph.client.cinder.keyring there, too.",
        "config/glance/ceph.client.glance.keyring there, too.",
    ]


def test_variables_have_the_last_word(kolla: dict[str, t.Any]) -> None:
    given = {"path": "/srv/nova.conf", "services": []}
    (row,) = plan(kolla, here=SETTINGS["here"][:1], glance={}, cinder={}, nova=given)["files"]
    assert (row["path"], row["services"]) == ("/srv/nova.conf", [])


@pytest.mark.parametrize("host", [{}, {"deployer": "packages"}])
def test_of_a_host_that_is_not_known_the_usual_paths_count(host: dict[str, t.Any]) -> None:
    made = plan(host)
    assert [row["path"] for row in made["files"]] == [
        "/etc/glance/glance-api.conf",
        "/etc/cinder/cinder.conf",
        "/etc/nova/nova.conf",
    ]
    assert made["files"][1]["services"] == ["cinder-volume", "cinder-backup"]
    assert [row.get("keep", "") for row in (*made["files"], *made["here"])] == [""] * 7
    assert made["libvirt"] == {"uri": "qemu:///system", "stored_in": ""}


def test_packages_have_units_of_their_own_names(tmp_path: Path) -> None:
    tree = {**trees.packages(), "/usr/lib/systemd/system/openstack-glance-api.service": ""}
    made = plan(deployment(tmp_path, tree), here=SETTINGS["here"][:1])
    assert [row["services"] for row in made["files"]] == [
        ["openstack-glance-api"],
        ["cinder-volume", "cinder-backup"],
        ["nova-compute"],
    ]


@pytest.mark.parametrize(
    ("tree", "why"),
    [(trees.edpm, "An option of nova-compute can't be set on this host"), (trees.helm, "Helm's values")],
)
def test_where_a_change_would_be_lost_nothing_is_changed(
    tmp_path: Path, tree: t.Callable[[], trees.Tree], why: str
) -> None:
    with pytest.raises(AnsibleFilterError, match=why):
        plan(deployment(tmp_path, tree()), here=SETTINGS["here"][:1], glance={}, cinder={})


def test_what_deployment_info_never_tells_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="day2_deployment.deployer is 'kolla'"):
        plan({"deployer": "kolla"})
