# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a file that is there stays, and what is lost only with a yes; and files of Ceph's."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._host.files import Owned
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf import ceph_conf
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.keep import Kept
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.plan import ActualFile, DesiredFile, plan
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.precedence import Effective

THERE = "[DEFAULT]\nenabled_backends = lvm, rbd-old\n[rbd]\nrbd_pool = vol\nrbd_user = cinder\n"


def made(kept: Kept, sections: dict[str, dict[str, str]] | None = None, yes: t.Collection[str] = ()) -> str:
    desired = DesiredFile("/etc/c.conf", sections or {}, kept=kept).resolve(THERE, Effective({}), yes)
    return desired.text(THERE)


def test_entries_of_a_list_stay_and_are_added_once() -> None:
    after = made(Kept(adds={"DEFAULT": {"enabled_backends": "rbd"}}))
    assert after == THERE.replace("rbd-old\n", "rbd-old,rbd\n")
    assert made(Kept(adds={"DEFAULT": {"enabled_backends": "rbd-old,lvm"}})) == THERE


def test_a_default_gives_way_to_what_is_there() -> None:
    assert made(Kept(defaults={"rbd": {"rbd_pool": "volumes"}})) == THERE
    assert "debug = true" in made(Kept(defaults={"DEFAULT": {"debug": "true"}}))


def test_what_a_service_takes_anyway_is_set_only_where_it_is_set_already() -> None:
    kept = Kept(unset={"rbd": ["rbd_ceph_conf", "rbd_pool"]})
    after = made(kept, {"rbd": {"rbd_ceph_conf": "/etc/ceph/ceph.conf", "rbd_pool": "new"}})
    assert after == THERE.replace("rbd_pool = vol", "rbd_pool = new")


def test_an_entry_goes_only_with_a_yes() -> None:
    kept = Kept(lists={"DEFAULT": {"enabled_backends": "rbd-old,rbd"}})
    with pytest.raises(
        OperatorError,
        match=r"enabled_backends also has lvm, but should be .*put 'lvm in enabled_backends of /etc/c.conf'",
    ):
        made(kept)
    assert "enabled_backends = rbd-old,rbd\n" in made(kept, yes=["lvm in enabled_backends of /etc/c.conf"])


@pytest.mark.parametrize(
    ("option", "wanted", "before", "fine"),
    [
        ("rbd_pool", "vol", [], True),
        ("rbd_pool", "volumes", [], False),
        ("rbd_user", "cinder-2", ["cinder"], True),
        ("rbd_user", "cinder-2", ["cinder-1"], False),
        ("rbd_secret_uuid", "any", [], True),
    ],
)
def test_a_value_is_replaced_only_where_it_is_a_known_one(
    option: str, wanted: str, before: list[str], fine: bool
) -> None:
    kept = Kept(was={"rbd": {option: before}})
    if fine:
        assert f"{option} = {wanted}\n" in made(kept, {"rbd": {option: wanted}})
        return
    with pytest.raises(OperatorError, match=f"{option} in rbd of /etc/c.conf is .*, but should be '{wanted}'"):
        made(kept, {"rbd": {option: wanted}})
    assert f"{option} = {wanted}\n" in made(kept, {"rbd": {option: wanted}}, [f"{option} in rbd of /etc/c.conf"])


# ----------------------------------------------------------------- ceph.conf
HOSTS = "[v2:192.0.2.1:3300/0,v1:192.0.2.1:6789/0] [v2:192.0.2.2:3300/0,v1:192.0.2.2:6789/0]"
OTHERS = """# by hand
[global]
\tfsid = abc
\tmon_host = 192.0.2.1,192.0.2.2 ; both
\tpublic network = 192.0.2.0/24
[client]
rbd default data pool = volumes-ec
[client.cinder]
keyring = /etc/ceph/k
"""


def ceph(**options: str) -> DesiredFile:
    sections = {"global": {name.replace("_", " "): value for name, value in options.items()}}
    return DesiredFile("/etc/ceph/ceph.conf", sections, Owned("root", "root", 0o644), ceph=True)


@pytest.mark.parametrize(
    "there",
    [
        OTHERS,
        "[global]\nmon-host = 192.0.2.2:6789 192.0.2.1\nfsid=abc\n",
        f"[global]\nfsid = abc\nmon host = {HOSTS}\n",
        "[global]\nfsid = abc\nmon host = mon1.example.org,mon2.example.org\n",
    ],
)
def test_a_ceph_conf_that_says_the_same_stays_as_it_is(there: str) -> None:
    assert ceph(fsid="abc", mon_host=HOSTS).text(there) == there


def test_other_monitors_are_set_where_they_stand_and_the_rest_stays() -> None:
    wanted = ceph(fsid="abc", mon_host="[v2:192.0.2.9:3300/0]")
    after = wanted.text(OTHERS)
    assert after == OTHERS.replace("192.0.2.1,192.0.2.2 ; both", "[v2:192.0.2.9:3300/0]")
    assert plan([wanted], {wanted.path: ActualFile(OTHERS)}, ()).steps == [
        "set mon host in global of /etc/ceph/ceph.conf"
    ]
    assert wanted.text(after) == after
    assert "\tms bind ipv6 = true\n[client]" in ceph(ms_bind_ipv6="true").text(OTHERS)
    assert ceph(fsid="abc").text("") == "[global]\nfsid = abc\n"


def test_the_conf_of_another_cluster_is_refused() -> None:
    desired = DesiredFile(
        "/etc/ceph/ceph.conf", {"global": {"fsid": "xyz"}}, kept=Kept(was={"global": {"fsid": []}}), ceph=True
    )
    with pytest.raises(OperatorError, match="fsid in global of /etc/ceph/ceph.conf is 'abc', but should be 'xyz'"):
        desired.resolve(OTHERS, Effective({}), ())


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("[v2:[2001:db8::1]:3300/0,v1:[2001:db8::1]:6789/0]", {"2001:db8::1"}),
        ("[2001:db8::1]:6789, 192.0.2.1:6789", {"2001:db8::1", "192.0.2.1"}),
        ("2001:db8::1", {"2001:db8::1"}),
        ("v1:192.0.2.1:6789/0", {"192.0.2.1"}),
        ("mon1", None),
    ],
)
def test_addresses_of_monitors_in_any_form(text: str, hosts: set[str] | None) -> None:
    assert ceph_conf.monitor_hosts(text) == hosts


def test_a_client_has_from_the_file_what_its_own_section_leaves_out() -> None:
    there = ceph_conf.read("[global]\na b = 1\nc = 1\n[client]\na_b = 2\n[client.x]\nd = 3\n")
    assert [ceph_conf.value_of(there, "client.x", name) for name in ("a b", "c", "d", "e")] == ["2", "1", "3", None]
    assert ceph_conf.value_of(there, "global", "d") is None
    assert ceph_conf.edited("[client]\na b = 2\n", {"client.x": {"a b": "2"}}) == "[client]\na b = 2\n"
    assert ceph_conf.edited("[client]\na b = 2\n", {"client.x": {"a b": "3"}}).endswith("[client.x]\na b = 3\n")
