# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter ceph_given: keys from variables, in the place of what the cluster would say."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._ceph import given


def ceph_given(keys: t.Any, fsid: str = "", mon_host: str = "") -> dict[str, t.Any]:
    try:
        return given.given(keys, fsid, mon_host)
    except given.GivenError as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"ceph_given": ceph_given}
