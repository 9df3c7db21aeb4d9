# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory against real Keystone, Nova, Neutron and Placement, checked against what the SDK's resources say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import openstack
import pytest
import yaml
from openstack.connection import Connection

from tests.integration.enabled import enable
from tests.places import CACHE, CLOUDS_YAML, ROOT

from .conftest import Ansible

COMPUTES = ["cmp01", "cmp02", "cmp03"]


def ports_by_id(hosts: dict[str, t.Any]) -> dict[str, tuple[str, dict[str, t.Any]]]:
    return {port["port_id"]: (host, port) for host, found in hosts.items() for port in found["instance_ports"]}


def test_shipped_example_runs_as_it_stands(cloud: Connection, ansible: Ansible) -> None:
    ran = ansible.call("ansible-inventory", "-i", str(ROOT / "inventories" / "example" / "nova_computes.yml"), "--list")
    assert ran.code == 0, ran.said
    listed = json.loads(ran.out)
    assert listed["nova_computes"]["hosts"] == COMPUTES
    assert listed["az_az1"]["hosts"] == ["cmp01"]
    assert listed["service_enabled"]["hosts"] == COMPUTES


def test_every_instance_port_that_is_bound_to_a_compute_is_there_with_its_addresses(
    cloud: Connection, ansible: Ansible
) -> None:
    shown = ports_by_id(ansible.hosts())
    subnets = {subnet.id: subnet for subnet in cloud.network.subnets()}
    servers = {server.id: server for server in cloud.compute.servers(all_projects=True)}
    bound = [
        port
        for port in cloud.network.ports()
        if port.device_owner.startswith("compute:") and port.binding_host_id in COMPUTES
    ]
    assert bound
    for port in bound:
        host, item = shown[port.id]
        assert host == port.binding_host_id
        assert item["mac"] == port.mac_address
        assert [(address["ip"], address["cidr"]) for address in item["fixed_ips"]] == [
            (address["ip_address"], subnets[address["subnet_id"]].cidr) for address in port.fixed_ips
        ]
        elsewhere = set(subnets) - {address["subnet_id"] for address in port.fixed_ips}
        assert {other["subnet_id"] for other in item["other_subnets"]} == {
            subnet_id for subnet_id in elsewhere if subnets[subnet_id].network_id == port.network_id
        }
        server = servers[port.device_id]
        assert item["instance"]["name"] == server.name
        assert item["instance"]["libvirt_name"] == server.instance_name
        assert item["instance"]["flavor"]["extra_specs"] == server.flavor.extra_specs
        assert item["instance"]["project_id"] == server.project_id
    for address in cloud.network.ips():
        if address.port_id in shown:
            (told,) = shown[address.port_id][1]["floating_ips"]
            assert (told["address"], told["fixed_ip"]) == (address.floating_ip_address, address.fixed_ip_address)


def test_plug_is_what_neutron_has_bound(cloud: Connection, ansible: Ansible) -> None:
    shown = ports_by_id(ansible.hosts())
    seen = set()
    for port in cloud.network.ports():
        if port.id not in shown:
            continue
        item = shown[port.id][1]
        if port.binding_vif_type == "ovs" and port.binding_vnic_type == "normal":
            expected = "ovs_hybrid" if port.binding_vif_details["ovs_hybrid_plug"] else "ovs"
            assert item["devices"]["tap"] == f"tap{port.id[:11]}"
            assert ("qvb" in item["devices"]) is (expected == "ovs_hybrid")
            assert item["unsupported_reason"] is None
        else:
            expected = "unsupported"
            assert item["devices"] == {}
            assert item["unsupported_reason"].endswith(".")
        assert item["plug"] == expected
        seen.add((item["plug"], item["vif_type"]))
    # The seed has one of each: or else this test would show less than it says.
    assert seen >= {
        ("ovs_hybrid", "ovs"),
        ("ovs", "ovs"),
        ("unsupported", "vhostuser"),
        ("unsupported", "hw_veb"),
        ("unsupported", "unbound"),
        ("unsupported", "binding_failed"),
    }


@pytest.mark.parametrize("device_id", [None, ""])
def test_a_member_can_not_take_a_port_out_of_the_inventory(
    cloud: Connection, ansible: Ansible, device_id: str | None
) -> None:
    """With the token of a member of the project: what it may write is tried on as many ports, and the plug stays what is bound."""
    tenant = openstack.connect(cloud="mini-tenant")
    before = ports_by_id(ansible.hosts())
    mine = [
        port
        for port in tenant.network.ports()
        if port.device_owner.startswith("compute:")
        and before.get(port.id, ("", {"plug": "unsupported"}))[1]["plug"] != "unsupported"
    ]
    owners = ("network:dhcp", "network:router_interface", "trunk:subport", "", "network:distributed", "mine")
    written: dict[str, str] = {}
    try:
        for port, owner in zip(mine, owners, strict=False):
            changes: dict[str, t.Any] = {
                "device_owner": owner,
                **({} if device_id is None else {"device_id": device_id}),
            }
            try:
                tenant.network.update_port(port.id, **changes)
            except openstack.exceptions.HttpException:  # so that isn't a way out
                continue
            written[port.id] = owner
        assert {"network:dhcp", "trunk:subport"} & set(written.values()), (
            "Neutron has let nothing through: nothing was tried"
        )
        after = ports_by_id(ansible.hosts())
        for port_id, owner in written.items():
            for key in ("plug", "devices", "project_id", "own_network"):
                assert after[port_id][1][key] == before[port_id][1][key], owner
            assert after[port_id][0] == before[port_id][0]
    finally:
        for port in mine:
            cloud.network.update_port(port.id, device_owner=port.device_owner, device_id=port.device_id)


def test_placement_tells_the_same_as_to_the_sdk(cloud: Connection, ansible: Ansible) -> None:
    hosts = ansible.hosts(instance_ports=False)
    for provider in cloud.placement.resource_providers():
        if provider.parent_provider_id:  # what somebody has put below a compute is no compute
            continue
        told = hosts[provider.name]["compute"]["placement"]
        inventories = {found.resource_class: found for found in cloud.placement.resource_provider_inventories(provider)}
        assert set(told["inventories"]) == set(inventories) >= {"VCPU", "MEMORY_MB", "DISK_GB"}
        for name, found in inventories.items():
            assert told["inventories"][name]["total"] == found.total
            assert told["inventories"][name]["allocation_ratio"] == found.allocation_ratio
        assert set(told["usages"]) >= {"VCPU", "MEMORY_MB", "DISK_GB"}


def test_disabled_service_is_told_with_its_reason(cloud: Connection, ansible: Ansible) -> None:
    (service,) = cloud.compute.services(binary="nova-compute", host="cmp03")
    cloud.compute.disable_service(service, disabled_reason="{{ new }} disks")
    try:
        compute = ansible.hosts(instance_ports=False)["cmp03"]["compute"]
        assert (compute["service_status"], compute["disabled_reason"]) == ("disabled", "{{ new }} disks")
        assert list(ansible.hosts(instance_ports=False, only=["enabled"])) == ["cmp01", "cmp02"]
    finally:
        enable(cloud, [service])


def test_number_of_requests_is_told(cloud: Connection, ansible: Ansible) -> None:
    ran = ansible.run("ansible-inventory", "--graph", "-vv")
    (requests,) = re.findall(r"(\d+) requests, 0 of them", ran.said)
    # Keystone's version, a token, Nova's version, nine lists; of each of three computes its servers, and two of Placement's.
    assert int(requests) == 3 + 9 + 3 * 3


def test_cached_answer_asks_nothing(cloud: Connection, ansible: Ansible) -> None:
    options: dict[str, t.Any] = {
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(ansible.folder / "kept"),
    }
    first = ansible.hosts(**options)
    again = ansible.run("ansible-inventory", "--graph", "-vv", **options)
    assert "requests, " not in again.said
    assert ansible.hosts(**options) == first
    refreshed = ansible.run("ansible-inventory", "--graph", "-vv", "--flush-cache", **options)
    assert "requests, " in refreshed.said


PLAY = """
- hosts: nova_computes
  gather_facts: false
  tasks:
    - name: Show what tenants wrote
      ansible.builtin.debug:
        msg: "{{ instance_ports | map(attribute='instance') | select | map(attribute='name') | list }} {{ composed }}"
"""


def never_renders(ansible: Ansible) -> None:
    """A play that shows names of servers, of which one is a template."""
    play = ansible.folder / "play.yml"
    play.write_text(PLAY)
    proof = Path("/tmp/pwned")  # what the seed's hostile name would make
    proof.unlink(missing_ok=True)
    ran = ansible.run(
        "ansible-playbook", str(play), compose={"composed": "'first: ' ~ instance_ports[0].instance.name"}, strict=True
    )
    assert ran.code == 0, ran.said
    assert "touch /tmp/pwned" in ran.said
    assert "first: " in ran.said
    assert not proof.exists()


def test_hostile_name_is_never_rendered_by_this_ansible(cloud: Connection, ansible: Ansible) -> None:
    never_renders(ansible)


def test_hostile_name_is_never_rendered_by_the_oldest_ansible(cloud: Connection, tmp_path: Path) -> None:
    venv = CACHE / "ansible-core-2.17"
    uv = CACHE / "uv-venv" / "bin" / "uv"
    if not (venv / "bin" / "ansible-playbook").exists():
        env = {**os.environ, "UV_CACHE_DIR": str(CACHE / "uv")}  # as in tools/bootstrap
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv], env=env, check=True, timeout=600
        )
        wanted = ["ansible-core==2.17.14", "openstacksdk==4.22.0"]
        subprocess.run(
            [uv, "pip", "install", "--quiet", "--python", venv / "bin" / "python", *wanted],
            env=env,
            check=True,
            timeout=600,
        )
    oldest = Ansible(tmp_path, venv / "bin")
    assert "core 2.17" in oldest.call("ansible-inventory", "--version").out
    never_renders(oldest)
    assert oldest.hosts() == Ansible(tmp_path).hosts()


def test_application_credential_of_the_environment_is_enough_as_in_awx(cloud: Connection, ansible: Ansible) -> None:
    identity: t.Any = cloud.identity
    made = identity.create_application_credential(
        cloud.current_user_id, name=f"inventory-{time.time()}", roles=[{"name": "admin"}]
    )
    try:
        hosts = ansible.hosts(
            env={
                "OS_CLOUD": "",
                "OS_CLIENT_CONFIG_FILE": "",
                "OS_AUTH_TYPE": "v3applicationcredential",
                "OS_AUTH_URL": yaml.safe_load(CLOUDS_YAML.read_text())["clouds"]["mini"]["auth"]["auth_url"],
                "OS_APPLICATION_CREDENTIAL_ID": made.id,
                "OS_APPLICATION_CREDENTIAL_SECRET": made.secret,
                "OPENSTACK_OPS_REGIONS": "RegionOne",
            }
        )
        assert list(hosts) == COMPUTES
    finally:
        identity.delete_application_credential(cloud.current_user_id, made)


def changed_cloud(folder: Path, **auth: str) -> str:
    """A clouds.yaml with something wrong in it."""
    clouds = yaml.safe_load(CLOUDS_YAML.read_text())
    clouds["clouds"]["mini"]["auth"].update(auth)
    path = folder / "wrong.yaml"
    path.write_text(yaml.safe_dump(clouds))
    return str(path)


ERRORS: dict[str, tuple[dict[str, str], dict[str, t.Any], str]] = {
    "an unreachable cloud": (
        {"auth_url": "http://127.0.77.1:1/v3"},
        {},
        "Keystone at http://127.0.77.1:1/v3 of the cloud mini, region RegionOne can't be reached (ConnectFailure); "
        "look after the network and the service, or correct auth_url, regions or interface.",
    ),
    "a wrong password": (
        {"password": "hunter2"},
        {},
        "Keystone at http://127.0.77.1:5000/v3 refuses the credentials of the cloud mini, region RegionOne (HTTP 401); "
        "correct the password or the application credential in clouds.yaml or the environment.",
    ),
    "a project without admin rights": (
        {},
        {"cloud": "mini-tenant"},
        "is refused (HTTP 403) to acme-user in the project acme of the cloud mini-tenant, region RegionOne: an inventory of "
        "computes needs the admin role, for Neutron shows networks, subnets and floating IPs of all projects to no other.",
    ),
    "an unknown cloud": ({}, {"cloud": "moon"}, "There is no cloud moon in the client configuration"),
    "an unknown region": (
        {},
        {"regions": ["RegionTwo"]},
        "has no public endpoint of Nova (compute) in the region RegionTwo; it has",
    ),
}


@pytest.mark.parametrize(("auth", "options", "sentence"), ERRORS.values(), ids=ERRORS)
def test_error_is_a_sentence(
    cloud: Connection, ansible: Ansible, auth: dict[str, str], options: dict[str, t.Any], sentence: str
) -> None:
    ran = ansible.run("ansible-inventory", "--list", clouds_yaml_path=changed_cloud(ansible.folder, **auth), **options)
    assert ran.code != 0
    assert sentence in ran.said
    assert "hunter2" not in ran.said
    assert "Traceback" not in ran.said
