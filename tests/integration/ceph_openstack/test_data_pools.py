# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of a client go to an erasure-coded pool, from nothing to the proof that writes one."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from tests.integration.ceph_openstack.cluster import Ceph
from tests.integration.ceph_openstack.conftest import NODES
from tests.integration.ceph_openstack.play import changed, play, write_inventory

NODE = NODES[2]
KEYRING = "/etc/ceph/ceph.client.d-cinder.keyring"
VARIABLES: dict[str, t.Any] = {
    "ceph_openstack_pools": [
        {"name": "d-volumes", "data_pool": "d-coded"},
        {
            "name": "d-coded",
            "erasure_profile": "d-21",
            "erasure_settings": {"k": 2, "m": 1, "crush-failure-domain": "osd"},
        },
    ],
    "ceph_openstack_clients": [
        {"name": "d-cinder", "caps": {"mon": "profile rbd", "osd": "profile rbd pool=d-volumes"}}
    ],
    "ceph_openstack_here": [{"client": "d-cinder", "keyring": KEYRING, "write": ["d-volumes"]}],
}
PROVEN = "an image that client.d-cinder makes in d-volumes has its data in d-coded"


@pytest.fixture
def inventory(ceph: Ceph, tmp_path: Path) -> t.Iterator[Path]:
    ceph.give_conf(NODE)
    yield write_inventory(ceph, tmp_path, {"nova_computes": ([NODE], {})}, VARIABLES)
    (ceph.folder / "nodes" / NODE / "ceph" / Path(KEYRING).name).unlink(missing_ok=True)


def test_from_nothing_to_an_image_whose_data_is_in_the_data_pool(ceph: Ceph, inventory: Path) -> None:
    conf = ceph.folder / "nodes" / NODE / "ceph" / "ceph.conf"
    before = conf.read_text(), ceph.state()
    rc, out, counts = play(ceph, inventory, "connect_ceph", "--check")
    assert rc == 0, out
    assert (conf.read_text(), ceph.state()) == before
    predicted = changed(counts)
    rc, out, counts = play(ceph, inventory, "connect_ceph")
    assert rc == 0, out
    assert changed(counts) == predicted
    assert PROVEN in out
    assert conf.read_text() == f"{before[0]}\n[client.d-cinder]\nrbd default data pool = d-coded\n"
    rc, out, counts = play(ceph, inventory, "connect_ceph")
    assert (rc, set(changed(counts).values())) == (0, {0}), out
    # Nothing of the proof's images is left, not even in the trash.
    assert (ceph.rbd("ls", "d-volumes"), ceph.rbd("trash", "ls", "d-volumes")) == ("", "")

    rc, out, _counts = play(ceph, inventory, "show_pools")
    assert (rc, "2+1" in out) == (0, True), out

    # Somebody takes the option out of ceph.conf: new volumes would be replicated.
    conf.write_text(before[0])
    rc, out, _counts = play(ceph, inventory, "verify_ceph")
    assert rc == 2
    assert "An image that client.d-cinder makes in d-volumes has its data in d-volumes, not in d-coded" in out
    rc, out, _counts = play(ceph, inventory, "verify_ceph", "--check")
    assert rc == 0, out

    # It is another one's: images are there, so it isn't replaced without a yes.
    conf.write_text(f"{before[0]}[client]\nrbd_default_data_pool = d-other\n")
    rc, out, _counts = play(ceph, inventory, "connect_ceph")
    assert rc == 2
    word = "rbd default data pool in client.d-cinder of /etc/ceph/ceph.conf"
    assert f"{word} is 'd-other', but should be 'd-coded'" in out
    rc, out, _counts = play(ceph, inventory, "connect_ceph", "-e", json.dumps({"ceph_openstack_take_away": [word]}))
    assert rc == 0, out
    assert "[client]\nrbd_default_data_pool = d-other\n" in conf.read_text()
    assert PROVEN in out


def test_an_image_that_a_killed_proof_left_goes_with_the_next(ceph: Ceph, inventory: Path) -> None:
    rc, out, _counts = play(ceph, inventory, "connect_ceph")
    assert rc == 0, out
    ceph.rbd("create", "--size", "1M", f"d-volumes/openstack_ops.day2.proof.{NODE}.client.d-cinder")
    rc, out, _counts = play(ceph, inventory, "verify_ceph")
    assert rc == 0, out
    assert ceph.rbd("ls", "d-volumes") == ""


def test_data_pools_that_contradict_are_refused_before_anything_changes(ceph: Ceph, inventory: Path) -> None:
    before = ceph.state()
    pools = [*VARIABLES["ceph_openstack_pools"], {"name": "d-more"}]
    here = [{**VARIABLES["ceph_openstack_here"][0], "write": ["d-volumes", "d-more"]}]
    given = json.dumps({"ceph_openstack_pools": pools, "ceph_openstack_here": here})
    rc, out, _counts = play(ceph, inventory, "connect_ceph", "-e", given)
    assert rc == 2
    assert "client.d-cinder makes images in pools with different data pools on this host: d-volumes (d-coded)" in out
    assert ceph.state() == before
