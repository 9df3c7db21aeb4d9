# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who made a host, and where its services read: one tree for each deployer, and what no tree may pass for."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.disk import Disk
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.look import LOOKED_FOR, look
from ansible_collections.openstack_ops.day2.plugins.module_utils._deployment.model import Deployment, Mount, outside
from tests.unit.plugins.module_utils._deployment import trees

VOLUME = "/var/lib/containers/storage/volumes/nova_compute/_data"


class Engine:
    """Answers one question, as podman and docker do (podman 4.3.1, docker 20.10: `inspect --type container`)."""

    def __init__(self, *mounts: tuple[str, str], rc: int = 0) -> None:
        self.asked: list[list[str]] = []
        self._answer = json.dumps([{"Mounts": [{"Source": here, "Destination": there} for here, there in mounts]}])
        self._rc = rc

    def __call__(self, args: list[str], _data: str) -> tuple[int, str, str]:
        assert args[1:-1] == ["inspect", "--type", "container"], args
        self.asked.append(args)
        return self._rc, "" if self._rc else self._answer, "no such container" if self._rc else ""


def seen(root: Path, tree: trees.Tree, engine: t.Optional[Engine] = None) -> Deployment:
    return look(engine or Engine(), Disk(trees.make(root, tree)))


def service(deployment: Deployment, name: str) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", deployment.public()["services"][name])


@pytest.mark.parametrize("engine", ["podman", "docker"])
def test_kolla_ansible(tmp_path: Path, engine: str) -> None:
    asked = Engine((VOLUME, "/var/lib/nova/"), ("/etc/kolla/nova-compute", "/var/lib/kolla/config_files"))
    found = seen(tmp_path, trees.kolla(engine), asked)
    assert (found.deployer, found.engine, found.libvirt_uri) == ("kolla-ansible", engine, "qemu:///system")
    assert service(found, "nova-compute") == {
        "conf": ["/etc/kolla/nova-compute/nova.conf"],
        "write": "/etc/kolla/nova-compute/nova.conf",
        "folder": None,
        "files": {
            "/etc/nova/nova.conf": "/etc/kolla/nova-compute/nova.conf",
            "/var/lib/nova/compute_id": "/etc/kolla/nova-compute/compute_id",
            "/etc/ceph/ceph.conf": "/etc/kolla/nova-compute/ceph.conf",
        },
        "unit": "kolla-nova_compute-container",
        "container": "nova_compute",
        "restart": ["systemctl", "restart", "kolla-nova_compute-container"],
        "exec": [engine, "exec", "-i", "nova_compute"],
        "user": "nova",
        "uid": 42436,
        "gid": 42436,
    }
    assert service(found, "mariadb")["conf"] == ["/etc/kolla/mariadb/galera.cnf"]
    assert service(found, "libvirt")["exec"] == [engine, "exec", "-i", "nova_libvirt"]
    assert service(found, "ovs")["unit"] == "kolla-openvswitch_vswitchd-container"
    assert (found.inside, found.instances) == ("/var/lib/nova/instances", f"{VOLUME}/instances")
    assert asked.asked == [[engine, "inspect", "--type", "container", "nova_compute"]]
    assert found.ovsdb == ("/run/openvswitch/db.sock",)
    assert found.changeable("nova-compute") == ("/etc/kolla/nova-compute/nova.conf", "kolla-nova_compute-container")


def test_a_path_of_a_container_is_where_it_is_copied_from(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.kolla())
    secret = "/etc/libvirt/secrets/457eb676-33da-42ec-9a8c-9293d545c337.xml"
    assert found.service("libvirt").source_of(secret) == "/etc/kolla/nova-libvirt/secrets/" + secret.rpartition("/")[2]
    compute = found.service("nova-compute")
    assert compute.source_of("/etc/ceph/ceph.conf") == "/etc/kolla/nova-compute/ceph.conf"
    assert compute.source_of("/etc/ceph/ceph.client.cinder.keyring") is None
    here = seen(tmp_path / "packages", trees.packages()).service("nova-compute")
    assert here.source_of("/etc/ceph/ceph.conf") == "/etc/ceph/ceph.conf"


def test_what_kolla_has_left_behind_is_not_changed(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.kolla())
    assert service(found, "glance-api")["conf"] == ["/etc/kolla/glance-api/glance-api.conf"]
    with pytest.raises(OperatorError, match="no unit kolla-glance_api-container: kolla-ansible has taken the service"):
        found.changeable("glance-api")
    with pytest.raises(OperatorError, match="There is no rabbitmq on this host, which kolla-ansible made"):
        found.changeable("rabbitmq")


def test_the_instances_path_is_unknown_where_it_lies_in_the_layer_of_a_container(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.kolla(), Engine(("/run", "/run")))
    assert (found.inside, found.instances) == ("/var/lib/nova/instances", None)
    assert "lies in the layer of the container nova_compute" in found.unknown["instances"]


@pytest.mark.parametrize("there", [True, False])
def test_without_an_answer_of_the_engine_only_kolla_s_volume_counts(tmp_path: Path, there: bool) -> None:
    tree = trees.kolla()
    if there:
        tree[VOLUME] = None
    found = seen(tmp_path, tree, Engine(rc=125))
    assert found.instances == (f"{VOLUME}/instances" if there else None)
    assert ("instances" in found.unknown) is not there


def test_a_config_json_that_is_none_leaves_the_configuration_unknown(tmp_path: Path) -> None:
    found = seen(tmp_path, {**trees.kolla(), "/etc/kolla/nova-compute/config.json": "[]"})
    assert service(found, "nova-compute")["conf"] is None
    assert "isn't what kolla's images read" in found.unknown["nova-compute"]
    with pytest.raises(OperatorError, match="An option of nova-compute can't be set on this host"):
        found.changeable("nova-compute")


def test_a_deploy_host_of_kolla_ansible_is_none_of_its_hosts(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="Nothing on this host tells"):
        seen(tmp_path, {"/etc/kolla/globals.yml": "", "/etc/kolla/config/nova.conf": ""})


def test_openstack_ansible(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.openstack_ansible())
    compute = service(found, "nova-compute")
    assert (found.deployer, found.evidence) == ("openstack-ansible", ("/etc/nova",))
    assert (compute["conf"], compute["unit"]) == (["/etc/nova/nova.conf"], "nova-compute")
    path = "PATH=/openstack/venvs/nova-31.0.0/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    assert compute["exec"] == ["env", path]
    assert (compute["uid"], compute["gid"]) == (64060, 64061)
    assert found.instances == found.inside == "/var/lib/nova/instances"
    assert "leads /etc/PROJECT to another folder" in found.lasts


def test_openstack_ansible_without_links_is_told_by_its_release_file(tmp_path: Path) -> None:
    tree = trees.openstack_ansible()
    del tree["/etc/nova"]
    found = seen(tmp_path, {**tree, "/etc/nova/nova.conf": ""})
    assert (found.deployer, found.evidence) == ("openstack-ansible", ("/etc/openstack-release",))
    assert "/openstack/venvs/nova-31.0.0/bin:" in service(found, "nova-compute")["exec"][1]


def test_a_charm(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.charm())
    assert (found.deployer, found.owner) == ("charm", "the charms of Juju (nova-compute, ovn-chassis)")
    assert found.changeable("nova-compute") == ("/etc/nova/nova.conf", "nova-compute")
    assert service(found, "nova-compute")["folder"] == "/etc/nova/nova.conf.d"


def test_sunbeam_s_snap(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.snap())
    common = "/var/snap/openstack-hypervisor/common"
    compute = service(found, "nova-compute")
    assert found.deployer == "snap"
    assert compute["conf"] == [f"{common}/etc/nova/nova.conf", f"{common}/etc/nova/nova.conf.d"]
    assert (compute["write"], compute["folder"]) == (None, f"{common}/etc/nova/nova.conf.d")
    assert compute["restart"] == ["systemctl", "restart", "snap.openstack-hypervisor.nova-compute"]
    assert found.libvirt_uri == f"qemu+unix:///system?socket={common}/run/libvirt/libvirt-sock"
    assert found.ovsdb == (f"{common}/run/openvswitch/db.sock",)
    assert found.instances == f"{common}/lib/nova/instances"


def test_edpm(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.edpm(), Engine(("/var/lib/nova", "/var/lib/nova")))
    compute = service(found, "nova-compute")
    assert (found.deployer, found.engine, found.libvirt_uri) == ("edpm", "podman", "qemu:///system")
    assert (compute["conf"], compute["write"], compute["unit"]) == (
        ["/var/lib/openstack/nova"],
        None,
        "edpm_nova_compute",
    )
    assert found.instances == found.inside == "/var/lib/nova/instances"
    assert service(found, "ovs")["unit"] == "openvswitch"
    with pytest.raises(OperatorError, match="belongs to the data plane operator .* ConfigMap"):
        found.changeable("nova-compute")


def test_openstack_helm(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.helm())
    compute = service(found, "nova-compute")
    assert (found.deployer, compute["conf"], compute["restart"], compute["exec"]) == ("helm", None, None, None)
    assert found.unknown == {"instances": "nova-compute's configuration isn't on this host."}
    with pytest.raises(OperatorError, match="set it in the values of the chart"):
        found.changeable("nova-compute")


def test_packages(tmp_path: Path) -> None:
    found = seen(tmp_path, trees.packages())
    assert (found.deployer, found.evidence) == ("packages", ("libvirtd", "mariadb", "nova-compute"))
    assert service(found, "nova-compute")["restart"] == ["service", "nova-compute", "restart"]
    assert service(found, "mariadb")["uid"] == 110
    assert found.instances == "/srv/nova/guests"


def test_a_conf_without_a_unit_is_told_but_not_changed(tmp_path: Path) -> None:
    found = seen(tmp_path, {"/etc/nova/nova.conf": ""})
    with pytest.raises(OperatorError, match="neither systemd nor /etc/init.d of this host has a unit of nova-compute"):
        found.changeable("nova-compute")


def test_the_path_of_instances_is_unknown_where_files_differ_and_nova_compute_does_not_run(tmp_path: Path) -> None:
    tree = {**trees.packages(), "/etc/nova/nova.conf.d/x.conf": "[DEFAULT]\nstate_path = /elsewhere\n"}
    found = seen(tmp_path, tree)
    assert (found.inside, found.instances) == (None, None)
    assert "differ in it" in found.unknown["instances"]


def test_two_deployers_are_an_error_that_names_both(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        seen(tmp_path, {**trees.charm(), **trees.kolla()})
    said = str(caught.value)
    assert "kolla-ansible: /etc/kolla/glance-api/config.json" in said
    assert "charm: /var/lib/juju/agents/unit-nova-compute-3" in said


def test_no_deployer_is_an_error_that_says_what_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(OperatorError) as caught:
        seen(tmp_path, {"/etc/hosts": ""})
    assert all(what in str(caught.value) for what in LOOKED_FOR.values())


def test_the_innermost_mount_counts() -> None:
    mounts = [Mount("/a", "/var/lib"), Mount("/b", "/var/lib/nova/"), Mount("/c", "/var/lib/novas")]
    assert outside(mounts, "/var/lib/nova/instances") == "/b/instances"
    assert outside(mounts, "/var/lib/other") == "/a/other"
    assert outside(mounts, "/srv") is None
    assert outside([Mount("/", "/")], "/srv/x") == "/srv/x"
