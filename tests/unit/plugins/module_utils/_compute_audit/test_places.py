# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An audit looks where the host's deployer has put things; what was named wins, and what isn't known is never guessed."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.collect import Look
from ansible_collections.openstack_ops.day2.plugins.module_utils._compute_audit.places import Places, places
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.model import Deployment, Service

KOLLA = "/etc/kolla/nova-compute/nova.conf"
VOLUME = "/var/lib/docker/volumes/nova_compute/_data/instances"
HOST = Deployment(
    "kolla-ansible",
    (),
    "kolla-ansible",
    "",
    {"nova-compute": Service("nova-compute", conf=(KOLLA,), container="nova_compute")},
    libvirt_uri="qemu+unix:///system",
    inside="/var/lib/nova/instances",
    instances=VOLUME,
)
TOLD = Places("", (), (), "")


def found(told: Places = TOLD, host: Deployment = HOST, *, cinder: bool = False) -> Places:
    return places(told, lambda: host, cinder=cinder)[0]


def test_what_nobody_named_is_where_the_deployer_put_it() -> None:
    there = found()
    assert (there.uri, there.conf, there.instances) == ("qemu+unix:///system", (KOLLA,), VOLUME)
    assert (there.unknown, there.commands) == ({}, {"unit": None, "virsh": None})


def test_what_was_named_wins() -> None:
    there = found(replace(TOLD, conf=["/x/nova.conf"], uri="test:///default", instances="/x"))
    assert (there.uri, there.conf, there.instances) == ("test:///default", ["/x/nova.conf"], "/x")
    assert found(replace(TOLD, instances="/x")).instances == "/x"


def test_the_host_is_asked_only_where_something_is_left_out() -> None:
    told = replace(TOLD, conf=["/x"])
    assert places(told, pytest.fail, cinder=False) == (replace(told, uri="qemu:///system"), None)


def test_paths_of_the_container_are_those_of_the_host() -> None:
    there = found()
    assert there.here("/var/lib/nova/instances/u/disk") == f"{VOLUME}/u/disk"
    assert there.here("/var/lib/nova/instances2/u/disk") == "/var/lib/nova/instances2/u/disk"
    assert (there.here("vms/u_disk"), there.here(None)) == ("vms/u_disk", None)


@pytest.mark.parametrize(
    ("host", "told"),
    [
        (replace(HOST, services={}), "There is no nova-compute on this host"),
        (
            replace(HOST, services={"nova-compute": Service("nova-compute", conf=None)}),
            "It isn't known which files of this host nova-compute reads; they belong to kolla-ansible.",
        ),
    ],
)
def test_a_configuration_that_is_not_known_is_told(host: Deployment, told: str) -> None:
    there = found(host=host)
    assert there.conf is None
    assert there.unknown["nova_conf"].startswith(told)


def _refuse() -> t.NoReturn:
    raise OperatorError("several deployers")


def test_a_host_that_is_not_recognised_is_told_and_not_guessed() -> None:
    there, host = places(TOLD, _refuse, cinder=True)
    assert (there.conf, there.cinder_conf, host) == ((), (), None)
    facts = Look(_no_command, places=there, host="cmp01").look(["cinder"])
    assert (facts["nova_conf"], facts["cinder"]) == (None, None)
    assert facts["unknown"] == {"nova_conf": "several deployers", "cinder": "several deployers"}


def test_instances_in_a_container_s_own_layer_are_not_looked_for_on_the_host() -> None:
    host = replace(HOST, instances=None, unknown={"instances": "nova_compute doesn't run."})
    facts = Look(_no_command, places=found(host=host), host="cmp01").look(["instances"])
    assert (facts["instances"], facts["unknown"]["instances"]) == (None, "nova_compute doesn't run.")


def _no_command(_args: list[str], _data: str = "") -> tuple[int, str, str]:
    raise FileNotFoundError


@pytest.mark.parametrize(
    ("host", "commands"),
    [
        (
            {"engine": "docker", "services": {"libvirt": Service("libvirt", container="nova_libvirt", exec=("docker",))}},
            {"unit": None, "virsh": ["docker", "nova_libvirt"]},
        ),
        ({"services": {"libvirt": Service("libvirt", container="nova_libvirt", exec=None)}}, {"unit": None, "virsh": None}),
        ({"services": {"libvirt": Service("libvirt", exec=None)}}, {"unit": None, "virsh": None}),
        ({"services": {"nova-compute": Service("nova-compute", unit="x")}}, {"unit": "x", "virsh": None}),
        ({"deployer": "edpm"}, {"unit": None, "virsh": []}),
        ({"deployer": "packages"}, {"unit": "nova-compute", "virsh": []}),
    ],
    ids=["container", "engine unknown", "snap", "libvirt isn't told", "libvirt on the host", "packages without a unit"],
)  # fmt: skip
def test_what_runs_commands_is_told(host: dict[str, t.Any], commands: dict[str, t.Any]) -> None:
    assert found(host=replace(HOST, **host)).commands == commands
