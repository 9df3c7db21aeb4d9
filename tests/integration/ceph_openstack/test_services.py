# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Glance and Cinder themselves, configured by the role, on the lab's cluster; guests that boot; and new keys while all of it is used."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from tests.integration.ceph_openstack import storage
from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.ceph_openstack.conftest import NODES
from tests.integration.ceph_openstack.play import Watch, play, write_inventory

HOST = "ceph-st"
EVERYBODY = "nova_computes:storage"
POOLS = [{"name": f"s-{name}"} for name in ("images", "volumes")]
CLIENTS = [
    {"name": "s-glance", "caps": {"mon": "profile rbd", "osd": "profile rbd pool=s-images"}},
    {
        "name": "s-cinder",
        "caps": {"mon": "profile rbd", "osd": "profile rbd pool=s-volumes, profile rbd-read-only pool=s-images"},
    },
]
UUID = "6f1d1a36-2c5b-4c0e-9b0e-3f6d1c8a7e55"
CINDER: dict[str, t.Any] = {
    "services": ["cinder-volume"],
    "backends": [{"name": "rbd", "client": "s-cinder", "pool": "s-volumes"}],
}
STORAGE: dict[str, t.Any] = {
    "ceph_openstack_here": [
        {"client": "s-glance", "keyring": "/etc/ceph/ceph.client.s-glance.keyring", "write": ["s-images"]},
        {
            "client": "s-cinder",
            "keyring": "/etc/ceph/ceph.client.s-cinder.keyring",
            "write": ["s-volumes"],
            "read": ["s-images"],
        },
    ],
    "ceph_openstack_glance": {"client": "s-glance", "pool": "s-images", "default_backend": "ceph"},
    "ceph_openstack_cinder": CINDER,
}
COMPUTE = {
    "ceph_openstack_here": [{"client": "s-cinder", "secret": True, "write": ["s-volumes"], "read": ["s-images"]}]
}
COMMON = {"ceph_openstack_pools": POOLS, "ceph_openstack_clients": CLIENTS, "ceph_openstack_secret_uuid": UUID}


@pytest.fixture(scope="module")
def cloud(ceph: Ceph) -> Ceph:
    """Glance and Cinder run, and know nothing of Ceph; two computes hold nothing of these clients."""
    ceph.lab("node", HOST)
    ceph.lab("storage", HOST, timeout=600)
    return ceph


@pytest.fixture(scope="module")
def inventory(cloud: Ceph, tmp_path_factory: pytest.TempPathFactory) -> Path:
    groups = {"nova_computes": (NODES[:2], COMPUTE), "storage": ((HOST,), STORAGE)}
    return write_inventory(cloud, tmp_path_factory.mktemp("inventory"), groups, COMMON)


#: All that the runs have printed.
PRINTED: list[str] = []


def run(cloud: Ceph, inventory: Path, playbook: str, *words: str, **variables: t.Any) -> tuple[str, dict[str, int]]:
    """A run that has to succeed; its output, and how often each host was changed."""
    rc, out, counts = play(
        cloud, inventory, playbook, "-e", f"{playbook}_target={EVERYBODY}", "-e", json.dumps(variables), *words
    )
    PRINTED.append(out)
    assert rc == 0, out
    return out, {host: count["changed"] for host, count in counts.items()}


def pid(cloud: Ceph, service: str) -> str:
    return (cloud.folder / "nodes" / HOST / "run" / f"{service}.pid").read_text()


def names_in(cloud: Ceph, pool: str) -> list[str]:
    return cloud.rbd("ls", pool).split()


def test_images_and_volumes_are_in_ceph_guests_boot_from_them_and_keys_change_meanwhile(
    cloud: Ceph, inventory: Path, watch: Watch
) -> None:
    ceph_conf = cloud.folder / "nodes" / NODES[0] / "ceph" / "ceph.conf"
    cloud.give_conf(NODES[0])
    ceph_conf.write_text(ceph_conf.read_text() + "[client]\n\trbd_cache = true\n")
    theirs = ceph_conf.read_text()
    _out, predicted = run(cloud, inventory, "connect_ceph", "--check")
    before = {service: pid(cloud, service) for service in ("glance-api", "cinder-volume")}
    _out, changed = run(cloud, inventory, "connect_ceph")
    assert changed == predicted
    assert ceph_conf.read_text() == theirs
    after = {service: pid(cloud, service) for service in before}
    assert not set(after.values()) & set(before.values())  # both were restarted
    _out, changed = run(cloud, inventory, "connect_ceph")
    assert set(changed.values()) == {0}
    assert {service: pid(cloud, service) for service in before} == after  # and now they weren't

    storage.until(lambda: storage.call("GET", f"{storage.GLANCE}/info/stores"))
    image = storage.upload("boot")
    assert names_in(cloud, "s-images") == [image]
    volume, told = storage.volume_of(image)
    assert names_in(cloud, "s-volumes") == [f"volume-{volume}"]
    assert (told["auth_username"], told["secret_uuid"]) == ("s-cinder", UUID)
    guests = [storage.Guest(cloud, node, f"guest-{node}") for node in NODES[:2]]
    for guest in guests:  # one after the other: the volume is one guest's at a time
        guest.start(told)
        assert guest.boots()
        guest.end()

    # New keys: the guest that runs keeps its client, new volumes are attached by the successor.
    guests[0].start(told)
    key = cloud.key("client.s-cinder")
    names = {"s-cinder": "s-cinder-2", "s-glance": "s-glance-2"}
    _out, predicted = run(cloud, inventory, "rotate_ceph_keys", "--check", ceph_openstack_current=names)
    _out, changed = run(cloud, inventory, "rotate_ceph_keys", ceph_openstack_current=names)
    assert {host for host, count in changed.items() if count} == {host for host, count in predicted.items() if count}
    assert cloud.key("client.s-cinder-2") != key == cloud.key("client.s-cinder")
    _out, changed = run(cloud, inventory, "connect_ceph", ceph_openstack_current=names)
    assert set(changed.values()) == {0}
    storage.until(lambda: storage.call("GET", f"{storage.GLANCE}/info/stores"))
    _volume, later = storage.volume_of(storage.upload("after"))
    assert later["auth_username"] == "s-cinder-2"
    assert later["secret_uuid"] != told["secret_uuid"]
    guests[1].start(later)
    assert guests[1].boots()
    guests[1].end()

    keys = [
        cloud.key(name)
        for name in ("client.s-cinder", "client.s-glance", *(f"client.{name}" for name in names.values()))
    ]

    # The predecessor goes when no guest needs it any more.
    retired = {"s-cinder": "s-cinder", "s-glance": "s-glance"}
    rc, out, _counts = play(
        cloud, inventory, "retire_ceph_client", "-e", f"retire_ceph_client_target={EVERYBODY}",
        "-e", json.dumps({"ceph_openstack_current": names, "ceph_openstack_retire": retired}),
    )  # fmt: skip
    assert rc == 2
    assert f"Secret {UUID} (client.s-cinder secret) is used by disks of guest-{NODES[0]}" in out
    assert "client.s-cinder" in cloud.clients()
    rc, out, _counts = play(
        cloud, inventory, "retire_ceph_client", "-e", f"retire_ceph_client_target={EVERYBODY}", "--limit", NODES[1],
        "-e", json.dumps({"ceph_openstack_current": names, "ceph_openstack_retire": retired}),
    )  # fmt: skip
    assert (rc, f"--limit leaves out {NODES[0]}, {HOST}." in out) == (2, True)
    guests[0].end()
    for again in (False, True):
        _out, changed = run(
            cloud, inventory, "retire_ceph_client", ceph_openstack_current=names, ceph_openstack_retire=retired
        )
        assert any(changed.values()) is not again
    assert {"client.s-cinder", "client.s-glance"}.isdisjoint(cloud.clients())
    assert UUID not in cloud.secrets(NODES[0])
    out, _changed = run(cloud, inventory, "verify_ceph", ceph_openstack_current=names)
    proven = [line.split()[0] for line in out.splitlines() if "client.s-cinder-2" in line and "proven" in line]
    assert proven == sorted([HOST, *NODES[:2]])
    rc, out, _counts = play(
        cloud, inventory, "retire_ceph_client", "-e", f"retire_ceph_client_target={EVERYBODY}",
        "-e", json.dumps({"ceph_openstack_current": names, "ceph_openstack_retire": {"s-cinder": "s-cinder-2"}}),
    )  # fmt: skip
    assert rc == 2
    assert "ceph_openstack_retire names s-cinder-2, but that is the current name of s-cinder" in out

    command_lines = watch.end()
    for key in keys:
        assert [text[:200] for text in PRINTED if key in text] == []
        assert key.encode() not in command_lines


def pools(cloud: Ceph, *, rados: bool = True) -> t.Any:
    return cloud.module("ceph_pool_info", {"conf": cloud.conf}, rados=rados)


def test_pools_are_shown_with_what_they_hold(cloud: Ceph, inventory: Path) -> None:
    cloud.objects(pools=[{"name": "s-shown", "quota_max_objects": 7}])
    # The manager, who counts, hears of it a little later.
    storage.until(lambda: "s-shown" in {row["name"] for row in pools(cloud)["pools"]})
    rc, out, _counts = play(cloud, inventory, "show_pools")
    assert rc == 0, out
    assert "7 objects" in next(line for line in out.splitlines() if line.startswith("s-shown"))
    by_command, by_bindings = pools(cloud, rados=False), pools(cloud)
    assert {row["name"] for row in by_command["pools"]} == {row["name"] for row in by_bindings["pools"]}
    assert by_bindings["pools"][0].keys() >= {"stored", "used", "objects", "max_avail", "percent_used"}
    assert by_bindings["text"][0].split()[:2] == ["pool", "stored"]


# ------------------------------------------------------------- service_conf, where services run
def conf(cloud: Ceph, *, check: bool = False, **changes: t.Any) -> t.Any:
    row = {
        "path": "/etc/cinder/cinder.conf",
        "services": ["cinder-volume"],
        "sections": {"DEFAULT": {"max_over_subscription_ratio": 3}},
    }
    return cloud.module("service_conf", {"files": [{**row, **changes}]}, on=HOST, check=check)


def test_one_service_is_restarted_once_its_file_keeps_all_else_and_its_mode(cloud: Ceph) -> None:
    path = cloud.folder / "nodes" / HOST / "cinder" / "cinder.conf"
    path.chmod(0o640)
    before, glance, cinder = path.read_text(), pid(cloud, "glance-api"), pid(cloud, "cinder-volume")
    predicted = conf(cloud, check=True)
    assert path.read_text() == before
    made = conf(cloud)
    assert made["steps"] == [
        "set max_over_subscription_ratio in DEFAULT of /etc/cinder/cinder.conf",
        "restart cinder-volume",
    ]
    assert (predicted["steps"], predicted["diff"]) == (made["steps"], made["diff"])
    assert "sqlite" not in str(made["diff"])  # other options may be passwords
    assert set(before.splitlines()) < set(path.read_text().splitlines())
    assert path.stat().st_mode & 0o777 == 0o640
    assert pid(cloud, "glance-api") == glance
    assert pid(cloud, "cinder-volume") != cinder
    assert conf(cloud)["steps"] == []


def test_what_others_use_stays_and_goes_only_with_a_yes(cloud: Ceph) -> None:
    path = cloud.folder / "nodes" / HOST / "cinder" / "other.conf"
    path.write_text("[DEFAULT]\nenabled_backends = lvm\n[rbd]\nrbd_pool = old\n")
    desired: dict[str, t.Any] = {
        "path": "/etc/cinder/other.conf",
        "services": [],
        "adds": {"DEFAULT": {"enabled_backends": "rbd"}},
    }
    made = conf(cloud, **desired, sections={})
    assert made["steps"] == ["set enabled_backends in DEFAULT of /etc/cinder/other.conf"]
    assert "enabled_backends = lvm,rbd\n" in path.read_text()
    guarded: dict[str, t.Any] = {**desired, "sections": {"rbd": {"rbd_pool": "new"}}, "was": {"rbd": {"rbd_pool": []}}}
    assert "rbd_pool in rbd of /etc/cinder/other.conf is 'old', but should be 'new'" in conf(cloud, **guarded)["msg"]
    assert "rbd_pool = old" in path.read_text()
    yes = {"files": [guarded], "take_away": ["rbd_pool in rbd of /etc/cinder/other.conf"]}
    assert cloud.module("service_conf", yes, on=HOST)["changed"]
    assert "rbd_pool = new" in path.read_text()


def test_a_killed_run_s_restart_is_done_by_the_next(cloud: Ceph) -> None:
    conf(cloud)
    before = pid(cloud, "cinder-volume")
    pending = cloud.folder / "nodes" / HOST / "state" / "restart"
    pending.mkdir(exist_ok=True)
    (pending / "cinder-volume").touch()
    steps = ["restart cinder-volume, which a killed run didn't restart"]
    assert conf(cloud, check=True)["steps"] == steps
    assert conf(cloud)["steps"] == steps
    assert pid(cloud, "cinder-volume") != before
    assert list(pending.iterdir()) == []
    assert conf(cloud)["steps"] == []


def test_a_service_that_was_stopped_stays_stopped(cloud: Ceph) -> None:
    cloud.lab("on", HOST, "service", "cinder-volume", "stop")
    assert conf(cloud, sections={"DEFAULT": {"max_over_subscription_ratio": 4}})["changed"]
    assert not (cloud.folder / "nodes" / HOST / "run" / "cinder-volume.pid").exists()
    cloud.lab("on", HOST, "service", "cinder-volume", "start")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"path": "/etc/cinder/nothing.conf"}, "There is no /etc/cinder/nothing.conf on this host; install the service"),
        ({"path": "cinder.conf"}, "it must begin with /"),
        ({"services": ["cinder-volumes"]}, "This host has no service 'cinder-volumes'"),
        ({"services": ["-H evil"]}, "'-H evil' isn't a valid service name"),
        ({"sections": {"a b]": {"x": 1}}}, "'a b]' isn't a valid section name"),
        ({"sections": {"DEFAULT": {"a\nb": 1}}}, "isn't a valid option name"),
        ({"sections": {"DEFAULT": {"debug": "a\nevil = 1"}}}, "contains a line break"),
        ({"sections": {"DEFAULT": {"debug": ["a"]}}}, "give a string, a number, true or false"),
        ({"sections": {"DEFAULT": "debug"}}, "give a dictionary of its options and values"),
        ({"create": True, "path": "/etc/nowhere/x.conf"}, "There is no /etc/nowhere on this host"),
        ({"create": True, "path": "/etc/cinder/x.conf", "owner": "nobodys"}, "the user 'nobodys', which this host doesn't have"),
        ({"create": True, "path": "/etc/cinder/x.conf", "mode": "0666"}, "would be writable by others than its owner"),
    ],
)  # fmt: skip
def test_bad_input_gets_its_error_and_nothing_is_changed(cloud: Ceph, changes: dict[str, t.Any], error: str) -> None:
    path = cloud.folder / "nodes" / HOST / "cinder" / "cinder.conf"
    before = path.read_text()
    printed = conf(cloud, **{"sections": {"DEFAULT": {"debug": "nobody will see this"}}, **changes})
    assert printed["failed"]
    assert error in printed["msg"]
    assert path.read_text() == before


def test_a_file_that_is_read_as_well_and_says_otherwise_is_named(cloud: Ceph) -> None:
    folder = cloud.folder / "nodes" / HOST / "cinder" / "cinder.conf.d"
    folder.mkdir()
    (folder / "99-site.conf").write_text("[DEFAULT]\nmax_over_subscription_ratio = 20\n")
    told = conf(cloud)["msg"]
    assert "/etc/cinder/cinder.conf.d/99-site.conf also sets max_over_subscription_ratio in section DEFAULT" in told
    (folder / "99-site.conf").unlink()
    assert "failed" not in conf(cloud)
