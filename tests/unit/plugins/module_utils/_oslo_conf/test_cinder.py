# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Of cinder.conf, what it tells computes."""

from __future__ import annotations

from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.cinder import rbd_backends
from ansible_collections.openstack_ops.day2.plugins.module_utils._oslo_conf.precedence import merged

CONF = """[DEFAULT]
enabled_backends = fast, lvm, without-section
[fast]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_user = cinder
rbd_pool = volumes
# rbd_secret_uuid = in-a-comment
[lvm]
volume_driver = cinder.volume.drivers.lvm.LVMVolumeDriver
[off]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
"""


def test_enabled_backends_with_ceph_are_told_and_later_files_outrank() -> None:
    sections = merged([CONF, "[fast]\nrbd_secret_uuid = 6f1d1a36\nrbd_user = other\n"])
    assert rbd_backends(sections) == {
        "fast": {"rbd_user": "other", "rbd_secret_uuid": "6f1d1a36", "rbd_pool": "volumes"}
    }


def test_nothing_is_told_of_an_empty_file() -> None:
    assert rbd_backends(merged([""])) == {}
