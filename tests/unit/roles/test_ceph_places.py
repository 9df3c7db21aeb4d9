# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the role ceph_openstack looks and would write, on hosts whose deployment the inventory carries."""

from __future__ import annotations

import typing as t
from pathlib import Path

from tests.unit.roles.test_ceph_clusters import Asked, play_of, run

GIVEN: dict[str, t.Any] = {
    "ceph_openstack_keys": {"glance": "AQABAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA=="},
    "ceph_openstack_fsid": "2d2e7d39-6a5b-4d0c-a4a2-3f1d5f0b8f5e",
    "ceph_openstack_mon_host": "192.0.2.1",
    "ceph_openstack_here": [
        {"client": "glance", "keyring": "/etc/ceph/ceph.client.glance.keyring", "group": "glance", "write": ["images"]}
    ],
    "ceph_openstack_glance": {"services": [], "options": {"database": {"password": "s3cret"}}},
}


def kolla(tmp_path: Path) -> dict[str, t.Any]:
    """A host with glance-api, its folder of kolla's below tmp_path."""
    here = tmp_path / "glance-api"
    (here / "ceph").mkdir(parents=True)
    (here / "glance-api.conf").write_text("[DEFAULT]\nenabled_backends = file:file\n")
    service = {
        "write": f"{here}/glance-api.conf",
        "files": {"/etc/glance/glance-api.conf": f"{here}/glance-api.conf", "/etc/ceph": f"{here}/ceph"},
        "container": "glance_api",
        "user": "glance",
        "uid": 42415,
    }
    return {"deployer": "kolla-ansible", "lasts": "It is rewritten.", "services": {"glance-api": service}}


def predicted(tmp_path: Path, deployment: dict[str, t.Any], **changes: t.Any) -> Asked:
    variables = {**GIVEN, "day2_deployment": deployment, **changes}
    return run(tmp_path, play_of("main", {}), variables, "--check", "--limit", "n1", "-vv")


def test_the_host_s_own_places_without_a_variable_that_names_them(tmp_path: Path) -> None:
    found = predicted(tmp_path, kolla(tmp_path))
    assert found.rc == 0, found.out
    here = tmp_path / "glance-api"
    assert f"write {here}/ceph/ceph.client.glance.keyring" in found.out
    assert f"write {here}/ceph/ceph.conf" in found.out
    assert f"enabled_backends in DEFAULT, default_backend in glance_store of {here}/glance-api.conf" in found.out
    said = " ".join(found.out.split())
    assert "To keep it, put the same into config/glance/ceph.client.glance.keyring there." in said
    # With the whole list: the deployer's file replaces it.
    assert "options into config/glance/glance-api.conf there: `[ceph]` `rbd_store_pool = images`" in said
    assert "`enabled_backends = file:file,ceph:rbd`" in said
    assert "`password = (hidden, changed)`" in said
    assert "s3cret" not in said
    assert not list((here / "ceph").iterdir())


def test_a_keyring_that_nobody_would_read_is_refused(tmp_path: Path) -> None:
    host = kolla(tmp_path)
    del host["services"]["glance-api"]["files"]["/etc/ceph"]
    found = predicted(tmp_path, host)
    assert found.rc == 2, found.out
    assert "Nobody on this host would read /etc/ceph/ceph.client.glance.keyring" in found.out
