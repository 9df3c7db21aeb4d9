# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each deployer is to be told, so that an option outlives its next run."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.disk import Disk
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.look import look
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.overrides import file_kept_by, kept_by
from tests.unit.plugins.module_utils._deployment import trees


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (trees.kolla(), "`reserved_host_disk_mb = 51200` into config/nova/HOST/nova-compute.conf"),
        (trees.openstack_ansible(), "`nova_nova_conf_overrides: {DEFAULT: {reserved_host_disk_mb: 51200}}`"),
        (trees.charm(), "`juju config nova-compute reserved-host-disk=51200`"),
        (trees.edpm(), "ConfigMap of the OpenStackDataPlaneService"),
        (trees.helm(), "conf.nova"),
    ],
)
def test_the_place_that_lasts_is_named(tmp_path: Path, tree: trees.Tree, said: str) -> None:
    made = look(lambda _args, _data: (125, "", "no engine"), Disk(trees.make(tmp_path, tree)))
    assert said in kept_by(made, "reserved_host_disk_mb", "51200")


def test_of_packages_the_host_s_own_file_lasts(tmp_path: Path) -> None:
    made = look(lambda _args, _data: (125, "", ""), Disk(trees.make(tmp_path, trees.packages())))
    assert kept_by(made, "reserved_host_disk_mb", "51200") == ""


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        (trees.kolla(), "To keep it, put these options into config/nova/nova-compute.conf there:"),
        (trees.openstack_ansible(), "and an upgrade leads /etc/PROJECT to another folder. These options belong there:"),
        (trees.packages(), ""),
    ],
)
def test_what_becomes_of_a_service_s_file_is_told(tmp_path: Path, tree: trees.Tree, said: str) -> None:
    made = look(lambda _args, _data: (125, "", ""), Disk(trees.make(tmp_path, tree)))
    told = file_kept_by(made, "nova-compute")
    assert (told.endswith(said), bool(told)) == (True, bool(said))
    for name, end in (("ceph.conf", " there:"), ("ceph.client.cinder.keyring", " there.")):
        other = file_kept_by(made, "cinder-volume", name)
        assert other.endswith(f"config/cinder/cinder-volume/{name}{end}") is (made.deployer == "kolla-ansible")
