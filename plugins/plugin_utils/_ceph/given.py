# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of clients that variables give, for clouds without access to the cluster's monitors. Pure; no error repeats a key."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.caps import entity
from ansible_collections.openstack_ops.day2.plugins.module_utils._ceph.client_secrets import check_uuid, decode_key
from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError


class GivenError(Exception):
    """An error for the operator."""


def given(keys: t.Any, fsid: str, mon_host: str) -> dict[str, t.Any]:
    """Turn ceph_openstack_keys, _fsid and _mon_host into what ceph_client_keys returns. Raises GivenError for what can't be meant."""
    if not isinstance(keys, t.Mapping):
        raise GivenError("ceph_openstack_keys is a text or a list; give a dict with the key of each client.")
    for name, value in (("ceph_openstack_fsid", fsid), ("ceph_openstack_mon_host", mon_host)):
        if not str(value).strip():
            raise GivenError(
                f"{name} is not set; with ceph_openstack_keys the cluster isn't asked for it (ceph.conf has it)."
            )
    found: dict[str, str] = {}
    for number, (name, key) in enumerate(keys.items(), 1):
        try:
            client = entity(str(name))
        except OperatorError:  # it may be a key in the place of a name
            raise GivenError(
                f"The name of entry {number} of ceph_openstack_keys isn't a client's, such as cinder."
            ) from None
        if client in found:
            raise GivenError(f"ceph_openstack_keys has {client} twice, with client. and without; give one.")
        if key is None or isinstance(key, (t.Mapping, list, tuple, bytes, int, float)):  # a vault's text is no str
            raise GivenError(
                f"The key of {client} in ceph_openstack_keys isn't a text, such as `ceph auth print-key` prints."
            )
        try:
            decode_key(str(key), client)
        except OperatorError as exc:
            raise GivenError(f"ceph_openstack_keys: {exc}") from None
        found[client] = str(key).strip()
    try:
        uuid = check_uuid(str(fsid))
    except OperatorError:
        raise GivenError(f"ceph_openstack_fsid is {str(fsid)[:60]!r}, which is not a UUID; ceph.conf has it.") from None
    return {"fsid": uuid, "mon_host": str(mon_host).strip(), "client_keys": found, "same_caps": {}}
