# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What verify_ceph prints."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.filter.ceph_proof_table import ceph_proof_table


def test_every_host_has_its_line_and_every_problem_its_message() -> None:
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
            "cmp03  -              not checked",
            "cmp04  -              not checked",
            "cmp02: No secret.",
            "cmp02: No key.",
            "cmp03: libvirt doesn't answer.",
            "cmp04: it was unreachable, or the run ended before.",
        ],
        "wrong": ["cmp02", "cmp03", "cmp04"],
    }


def test_hosts_that_contradict_each_other_are_wrong_though_each_is_proven() -> None:
    def host(uuid: str = "", told: str = "") -> dict[str, t.Any]:
        uses = [{"name": "Cinder's backend rbd", "client": "cinder", "uuid": told}] if told else []
        proof = {"clients": [{"client": "client.cinder", "checked": ["a"], "problems": []}], "uses": uses}
        return {"ceph_openstack_proof": {**proof, "secrets": {"client.cinder": [uuid]} if uuid else {}}}

    fine = {"cmp01": host("a"), "cmp02": host("a"), "vol1": host(told="a")}
    assert ceph_proof_table(fine, fine)["wrong"] == []
    found = ceph_proof_table(fine, {**fine, "cmp02": host("b")})
    assert found["wrong"] == ["cmp02", "vol1"]
    assert found["text"][-2:] == [
        "cmp02: it has the key of client.cinder in secret b, cmp01 in a; instances can't migrate between them.",
        "vol1: Cinder's backend rbd gives guests the secret a, but cmp02 has the key of client.cinder in b; guests with its volumes wouldn't start there.",
    ]


def test_hosts_of_different_clusters_do_not_contradict_each_other() -> None:
    def host(fsid: str, uuid: str, told: str = "") -> dict[str, t.Any]:
        uses = [{"name": "Nova", "client": "cinder", "uuid": told}] if told else []
        proof = {"clients": [{"client": "client.cinder", "checked": ["a"], "problems": []}], "uses": uses}
        return {"ceph_openstack_proof": {**proof, "fsid": fsid, "secrets": {"client.cinder": [uuid]}}}

    fine = {"a1": host("A", "a", "a"), "a2": host("A", "a"), "b1": host("B", "b", "b")}
    assert ceph_proof_table(fine, fine)["wrong"] == []
    wrong = {**fine, "b2": host("B", "c")}
    assert ceph_proof_table(wrong, wrong)["wrong"] == ["b1", "b2"]
    assert ceph_proof_table(wider := {**fine, "a3": host("", "a"), "b3": host("", "b")}, wider)["wrong"] == []
    unknown = {"a1": host("A", "a"), "a2": host("", "b")}
    assert ceph_proof_table(unknown, unknown)["wrong"] == ["a2"]


def test_of_many_hosts_those_with_problems_are_listed() -> None:
    fine = {"ceph_openstack_proof": {"clients": [{"client": "client.cinder", "checked": ["a"], "problems": []}]}}
    bad = {"ceph_openstack_proof": {"clients": [{"client": "client.cinder", "checked": [], "problems": ["No key."]}]}}
    hostvars: dict[str, dict[str, t.Any]] = {f"cmp{number:04}": fine for number in range(60)}
    assert len(ceph_proof_table(hostvars, hostvars)["text"]) == 61
    hostvars["cmp0007"], hostvars["cmp0060"] = bad, fine
    assert ceph_proof_table(hostvars, hostvars)["text"] == [
        "host     client         verdict",
        "cmp0007  client.cinder  1 problem",
        "60 clients on 60 hosts are proven and not listed.",
        "cmp0007: No key.",
    ]
