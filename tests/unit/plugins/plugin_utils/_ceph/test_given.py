# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys from variables, and errors that don't repeat them."""

from __future__ import annotations

import base64
import struct
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.ceph_given import ceph_given

FSID = "2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e"
KEY = base64.b64encode(struct.pack("<HIIH", 1, 1, 0, 16) + b"k" * 16).decode()


def test_given_keys_stand_for_what_the_cluster_would_say() -> None:
    assert ceph_given({"cinder": KEY + "\n", "client.glance": KEY}, FSID.upper(), " 192.0.2.11 ") == {
        "fsid": FSID,
        "mon_host": "192.0.2.11",
        "client_keys": {"client.cinder": KEY, "client.glance": KEY},
        "same_caps": {},
    }


class _Vaulted:
    """As Ansible before 2.19 hands on a text from a vault."""

    def __str__(self) -> str:
        return KEY


def test_a_text_from_a_vault_is_a_key() -> None:
    assert ceph_given({"cinder": _Vaulted()}, FSID, "a")["client_keys"] == {"client.cinder": KEY}


@pytest.mark.parametrize(
    ("keys", "fsid", "mon_host", "error"),
    [
        (f"cinder={KEY}", FSID, "a", "is a text or a list"),
        ([KEY], FSID, "a", "is a text or a list"),
        ({KEY: "cinder"}, FSID, "a", "The name of entry 1 of ceph_openstack_keys isn't a client's"),
        ({"cinder": {"key": KEY}}, FSID, "a", "The key of client.cinder in ceph_openstack_keys isn't a text"),
        ({"cinder": None}, FSID, "a", "isn't a text"),
        ({"cinder": KEY[:-6]}, FSID, "a", "isn't a Ceph key"),
        ({"cinder": base64.b64encode(KEY.encode()).decode()}, FSID, "a", "encoded twice"),
        ({"cinder": KEY, "client.cinder": KEY}, FSID, "a", "has client.cinder twice"),
        ({"cinder": KEY}, "", "a", "ceph_openstack_fsid is not set"),
        ({"cinder": KEY}, FSID, " ", "ceph_openstack_mon_host is not set"),
        ({"cinder": KEY}, "ceph", "a", "ceph_openstack_fsid is 'ceph', which is not a UUID"),
    ],
)
def test_what_is_no_key_is_refused_and_not_repeated(keys: t.Any, fsid: str, mon_host: str, error: str) -> None:
    with pytest.raises(AnsibleFilterError) as caught:
        ceph_given(keys, fsid, mon_host)
    assert error in str(caught.value)
    for secret in (KEY[:-6], base64.b64encode(KEY.encode()).decode()):
        assert secret not in str(caught.value)
