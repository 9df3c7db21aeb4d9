# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others have set up by hand, with clients of an old form: adopt_ceph finds it, and with what it prints nothing is left to do."""

from __future__ import annotations

import json
import os
import re
import typing as t
from pathlib import Path

import pytest
import yaml

from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.ceph_openstack.conftest import NODES
from tests.integration.ceph_openstack.play import Watch, play, write_inventory

COMPUTE, VOLUME = NODES[1:3]
UUID = "5d0e6c1a-7f0b-4c55-9d7e-2f6b4a1c8e90"
CAPS = [
    "mon",
    "profile rbd",
    "osd",
    "allow class-read object_prefix rbd_children, allow rwx pool=b-ssd, allow rwx pool=b-ec, allow rx pool=b-images",
]
CODED = {"k": 2, "m": 1}
CINDER = f"""[DEFAULT]
enabled_backends = lvm, rbd-1
[lvm]
volume_driver = cinder.volume.drivers.lvm.LVMVolumeDriver
[rbd-1]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_user = b-volumes
rbd_pool = b-ssd
rbd_secret_uuid = {UUID}
"""


@pytest.fixture
def theirs(ceph: Ceph) -> t.Iterator[dict[Path, str]]:
    """The files that others have made, with their texts."""
    coded = {"name": "b-ec", "erasure_profile": "b-21", "erasure_settings": {**CODED, "crush-failure-domain": "osd"}}
    ceph.objects(pools=[{"name": "b-ssd"}, {"name": "b-images"}, coded])
    ceph.rbd("create", "--size", "1M", "--data-pool", "b-ec", "b-ssd/volume-1")
    ceph.ask({"prefix": "auth get-or-create", "entity": "client.b-volumes", "caps": CAPS})
    key = ceph.key("client.b-volumes")
    for node in (COMPUTE, VOLUME):
        for line in ceph.secrets(node).splitlines():
            ceph.lab("on", node, "virsh", "--connect", "qemu:///system", "--quiet", "secret-undefine", line.split()[0])
    secret = {"client": "b-volumes", "secret": True, "usage": "ceph-persistent-cinder"}
    ceph.module(
        "ceph_client_secret", {"clients": [secret], "keys": {"client.b-volumes": key}, "uuid": UUID}, on=COMPUTE
    )
    nodes = ceph.folder / "nodes"
    for node in (COMPUTE, VOLUME):
        ceph.give_conf(node)
        conf = nodes / node / "ceph" / "ceph.conf"
        text = conf.read_text().replace("mon host", "mon_host").replace("\n", "\n\t").rstrip("\t")
        conf.write_text(f"# minimal\n{text}\n[client]\nrbd default data pool = b-ec\n")
    keyring = nodes / VOLUME / "ceph" / "ceph.client.b-volumes.keyring"
    keyring.write_text(f'[client.b-volumes]\n\tkey = {key}\n\tcaps mon = "{CAPS[1]}"\n')
    keyring.chmod(0o640)
    os.chown(keyring, 42407, 42407)
    cinder = nodes / VOLUME / "cinder" / "cinder.conf"
    cinder.write_text(CINDER)
    yield {path: path.read_text() for path in (conf, keyring, cinder)}
    for path in (keyring, cinder):
        path.unlink()


def test_what_is_there_is_adopted_and_then_nothing_is_left_to_do(
    ceph: Ceph, theirs: dict[Path, str], tmp_path: Path, watch: Watch
) -> None:
    before = ceph.state()
    inventory = write_inventory(ceph, tmp_path, {"nova_computes": ([COMPUTE], {}), "volume": ([VOLUME], {})}, {})
    rc, out, counts = play(ceph, inventory, "adopt_ceph", "-e", "adopt_ceph_target=nova_computes:volume")
    assert rc == 0, out
    assert [count["changed"] for count in counts.values()] == [0] * len(counts)
    # Behind the path of the task, which -vvv tells.
    (printed,) = re.findall(r"^TASK \[Show the result\][^\n]*\n[^\n]*\n(.*?)\nok: \[", out, re.DOTALL | re.MULTILINE)
    common, *parts = printed.split("\n\n")
    groups = {
        f"adopted{number}": (part.splitlines()[0].removeprefix("# for ").split(", "), yaml.safe_load(part))
        for number, part in enumerate(parts)
    }
    assert [names for names, _variables in groups.values()] == [[COMPUTE], [VOLUME]], parts

    variables = yaml.safe_load(common)
    named = {row["name"]: row for row in variables["ceph_openstack_pools"] if row["name"].startswith("b-")}
    assert named == {
        "b-ssd": {"name": "b-ssd", "data_pool": "b-ec"},
        "b-ec": {"name": "b-ec", "erasure_profile": "b-21"},
        "b-images": {"name": "b-images"},
    }
    inventory = write_inventory(ceph, tmp_path, groups, variables)
    rc, told, counts = play(ceph, inventory, "connect_ceph", "-e", "connect_ceph_target=all:!mon1")
    assert rc == 0, told
    assert [count["changed"] for count in counts.values()] == [0] * len(counts), told
    assert ceph.state() == before
    assert {path: path.read_text() for path in theirs} == theirs
    assert ceph.key("client.b-volumes") not in out + told + watch.end().decode(errors="replace")

    # What the role would do by its defaults is refused.
    rc, told, _counts = play(
        ceph, inventory, "connect_ceph", "-e", "connect_ceph_target=all:!mon1",
        "-e", json.dumps({"ceph_openstack_clients": [{"name": "b-volumes", "caps": {"mon": "profile rbd", "osd": "profile rbd pool=b-ssd"}}]}),
    )  # fmt: skip
    assert rc == 2
    assert "client.b-volumes has caps that the new ones don't cover: osd allow rx pool=b-images." in told
    assert ceph.state() == before
