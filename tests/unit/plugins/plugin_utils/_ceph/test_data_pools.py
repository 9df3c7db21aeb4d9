# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What data pools mean for a host: ceph.conf, the pools of its clients, and images that the proof makes."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.ceph_plan import ceph_plan

FSID = "2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e"
POOLS = [
    {"name": "volumes", "data_pool": "coded"},
    {"name": "coded", "erasure_profile": "ec42"},
    {"name": "vms"},
    {"name": "images", "data_pool": "images-data"},
    {"name": "old", "state": "absent", "data_pool": "coded"},
]
KEYRING = "/etc/ceph/ceph.client.cinder.keyring"
CINDER: dict[str, t.Any] = {"client": "cinder", "keyring": KEYRING, "write": ["volumes", "vms"], "read": ["images"]}
VOLUME: dict[str, t.Any] = {"conf": "", "pools": POOLS, "here": [CINDER], "cinder": {"backends": [{"name": "rbd"}]}}


def test_who_makes_images_has_their_data_pool_in_its_section() -> None:
    made = ceph_plan(VOLUME, FSID)
    assert made["ceph_conf"] == {
        "sections": {"client.cinder": {"rbd default data pool": "coded"}},
        "was": {"client.cinder": {"rbd default data pool": []}},
    }
    (row,) = made["here"]
    assert (row["write"], row["read"]) == (["volumes", "vms", "coded"], ["images", "images-data"])
    assert row["data_pools"] == {"volumes": "coded"}


def test_a_successor_has_a_section_of_its_own_and_none_while_keys_are_rotated() -> None:
    settings = {**VOLUME, "current": {"cinder": "cinder-2"}}
    made = ceph_plan(settings, FSID)
    assert list(made["ceph_conf"]["sections"]) == ["client.cinder-2"]
    assert made["here"][0]["data_pools"] == {"volumes": "coded"}
    (row,) = ceph_plan({**settings, "rotating": True}, FSID)["here"]
    assert ("data_pools" in row, "coded" in row["write"]) == (False, True)


def test_a_compute_whose_guests_only_open_images_needs_no_section() -> None:
    here = [{"client": "cinder", "secret": True, "write": ["volumes", "vms"], "read": ["images"]}]
    made = ceph_plan({"pools": POOLS, "here": here}, FSID)
    assert made["ceph_conf"]["sections"] == {}
    assert "data_pools" not in made["here"][0]
    assert made["here"][0]["write"] == ["volumes", "vms", "coded"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cinder": {}}, "volumes (coded), vms (none)"),
        ({"nova": {"pool": "vms"}}, "volumes (coded), vms (none)"),
        ({"cinder": {"backends": [{"name": "a"}, {"name": "b", "pool": "images"}]}}, "volumes (coded), images (images-data)"),
    ],
)  # fmt: skip
def test_a_client_has_one_data_pool(changes: dict[str, t.Any], said: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        ceph_plan({**VOLUME, **changes}, FSID)
    assert f"client.cinder makes images in pools with different data pools on this host: {said}." in str(caught.value)


def test_clients_that_no_service_uses_make_images_where_they_write() -> None:
    made = ceph_plan({"pools": POOLS, "here": [{**CINDER, "write": ["volumes", "coded"]}]}, FSID)
    assert list(made["ceph_conf"]["sections"]) == ["client.cinder"]


def test_without_data_pools_nothing_is_added() -> None:
    made = ceph_plan({**VOLUME, "pools": [{"name": "volumes"}]}, FSID)
    assert made["ceph_conf"] == {"sections": {}, "was": {}}
    assert made["here"] == [{**CINDER, "uuid": FSID}]
