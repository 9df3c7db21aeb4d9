# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that the inventory carries is the one that deployment_info has told, and what it leaves out is unknown."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.disk import Disk
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.given import given
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.look import look
from tests.unit.plugins.module_utils._deployment import trees


def _no_engine(_args: list[str], _data: str = "") -> tuple[int, str, str]:
    return 1, "", "no such container"


@pytest.mark.parametrize(
    "tree", [trees.kolla, trees.openstack_ansible, trees.charm, trees.snap, trees.edpm, trees.helm, trees.packages]
)
def test_what_was_told_is_the_same_host(tmp_path: Path, tree: t.Callable[[], trees.Tree]) -> None:
    found = look(_no_engine, Disk(trees.make(tmp_path, tree())))
    assert given(json.loads(json.dumps(found.public()))) == found


def test_what_is_left_out_is_unknown() -> None:
    unit = "kolla-nova_compute-container"
    host = given({"deployer": "kolla-ansible", "services": {"nova-compute": {"unit": unit}}})
    compute = host.service("nova-compute")
    assert (compute.unit, compute.conf, compute.exec, compute.restart) == (unit, None, None, None)
    assert (host.engine, host.libvirt_uri, host.instances) == (None, None, None)
    with pytest.raises(OperatorError, match="An option of nova-compute can't be set on this host: it belongs to kolla"):
        host.file_of("nova-compute")


@pytest.mark.parametrize(
    ("host", "told"),
    [
        ({}, "day2_deployment.deployer is 'None'; give kolla-ansible, openstack-ansible, charm"),
        ({"deployer": "kolla"}, "day2_deployment.deployer is 'kolla'; give kolla-ansible,"),
        ({"deployer": "packages", "service": {}}, "day2_deployment has service, which deployment_info doesn't tell"),
        ({"services": []}, "day2_deployment.services is '[]'; give a dictionary"),
        ({"services": {"ovs": {"units": "x"}}}, "day2_deployment.services.ovs has units, which deployment_info"),
        ({"services": {"ovs": {"write": "ovs.conf"}}}, "services.ovs.write is 'ovs.conf'; give an absolute path, or null"),
        ({"services": {"ovs": {"conf": "/etc/x"}}}, "services.ovs.conf is '/etc/x'; give a list of absolute paths, or"),
        ({"services": {"ovs": {"files": {"/etc/x": 5}}}}, "; give a dictionary of absolute paths, or null"),
        ({"services": {"ovs": {"uid": "0"}}}, "services.ovs.uid is '0'; give a number, or null where it isn't known."),
        ({"instances": {"path": 5}}, "day2_deployment.instances.path is '5'; give an absolute path"),
    ],
)  # fmt: skip
def test_what_deployment_info_never_tells_is_refused(host: dict[str, t.Any], told: str) -> None:
    with pytest.raises(OperatorError) as error:
        given({"deployer": "packages", **host} if host and "deployer" not in host else host)
    assert told in str(error.value)
