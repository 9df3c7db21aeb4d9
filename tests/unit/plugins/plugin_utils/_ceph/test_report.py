# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify_ceph prints."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.filter.ceph_proof_table import ceph_proof_table


def test_every_host_has_its_line_and_every_problem_its_sentence() -> None:
    hostvars: dict[str, dict[str, t.Any]] = {
        "cmp02": {"ceph_openstack_proof": {"clients": [{"client": "client.cinder", "checked": [], "problems": ["No secret.", "No key."]}]}},
        "cmp01": {"ceph_openstack_proof": {"clients": [{"client": "client.cinder", "checked": ["a", "b"], "problems": []}]}},
        "cmp03": {"ceph_openstack_proof": {"failed": True, "msg": "libvirt doesn't answer."}},
        "cmp04": {},
    }  # fmt: skip
    assert ceph_proof_table(hostvars, hostvars) == {
        "text": [
            "host   client         verdict",
            "cmp01  client.cinder  proven (2 checks)",
            "cmp02  client.cinder  2 problems",
            "cmp03  -              not looked at",
            "cmp04  -              not looked at",
            "cmp02: No secret.",
            "cmp02: No key.",
            "cmp03: libvirt doesn't answer.",
            "cmp04: it could not be reached, or the run ended before.",
        ],
        "wrong": ["cmp02", "cmp03", "cmp04"],
    }
