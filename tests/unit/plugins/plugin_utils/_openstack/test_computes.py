# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.computes import (
    ComputeHost,
    InstancePort,
    Lists,
    Record,
    build,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.plugs import classify

FIXTURES = Path(__file__).with_name("fixtures")
PORT_ID = "fc618310-b936-4247-a5e4-2389a9d8c50e"
HYBRID = {"tap": "tapfc618310-b9", "qbr": "qbrfc618310-b9", "qvb": "qvbfc618310-b9", "qvo": "qvofc618310-b9"}
TAP = {"tap": "tapfc618310-b9"}


@pytest.fixture
def lists() -> Lists:
    return t.cast(Lists, json.loads((FIXTURES / "lists-2025.1.json").read_text()))


def hosts(lists: Lists) -> dict[str, ComputeHost]:
    return {host["compute"]["host"]: host for host in build(lists)}


def port_of(lists: Lists, server: str) -> Record:
    """The only port, as Neutron lists it, of a server with one port."""
    (server_id,) = [row["id"] for row in lists["servers"] if row["name"] == server]
    (port,) = [row for row in lists["ports"] if row["device_id"] == server_id]
    return port


def shown(lists: Lists, port: Record) -> list[tuple[str, InstancePort]]:
    """Every host that shows the port, with how."""
    return [
        (name, item)
        for name, host in hosts(lists).items()
        for item in host["instance_ports"]
        if item["port_id"] == port["id"]
    ]


def bound(vif_type: str, vnic_type: str = "normal", **details: t.Any) -> Record:
    return {
        "id": PORT_ID,
        "device_id": "a-server",
        "device_owner": "compute:nova",
        "binding:host_id": "cmp01",
        "binding:vif_type": vif_type,
        "binding:vnic_type": vnic_type,
        "binding:vif_details": details,
    }


PLUGS = {
    "an OVS port behind the iptables firewall is plugged through a bridge of its own": (
        bound("ovs", ovs_hybrid_plug=True, bridge_name="br-int", bound_drivers={"0": "openvswitch"}),
        "ovs_hybrid",
        HYBRID,
        None,
    ),
    "an OVS port behind the native firewall is the tap itself": (
        bound("ovs", ovs_hybrid_plug=False, bridge_name="br-int", bound_drivers={"0": "openvswitch"}),
        "ovs",
        TAP,
        None,
    ),
    "an OVN port is told by its driver, as its vif_type is ovs": (
        bound("ovs", port_filter=True, connectivity="l2", bound_drivers={"0": "ovn"}, bridge_name="br-int"),
        "ovn",
        TAP,
        None,
    ),
    "a cloud from before bound_drivers tells OVN's ports as ovs": (bound("ovs", port_filter=True), "ovs", TAP, None),
    "a linuxbridge port is a tap on a bridge": (bound("bridge", bridge_name="brq87590488-07"), "bridge", TAP, None),
    "an owner can't hide an instance's port by calling it a subport": (
        {**bound("ovs"), "device_owner": "trunk:subport", "device_id": ""},
        "ovs",
        TAP,
        None,
    ),
    "DPDK's vhost-user by-passes the kernel": (
        bound("vhostuser", vhostuser_socket="/run/vhu"),
        "unsupported",
        {},
        "The port is a vhost-user socket between the guest and a switch in user space (vif_type vhostuser): "
        "tc on the host does not see its traffic.",
    ),
    "a tap on a user space switch is out of tc's reach": (
        bound("ovs", datapath_type="netdev"),
        "unsupported",
        {},
        "The port's switch is Open vSwitch in user space (datapath_type netdev): "
        "tc on the host does not see its traffic.",
    ),
    "SR-IOV by-passes the host": (
        bound("hw_veb", "direct", vlan="120"),
        "unsupported",
        {},
        "The port is a PCI virtual function (SR-IOV) that the guest drives itself (vnic_type direct): "
        "tc on the host does not see its traffic.",
    ),
    "SR-IOV as Neutron lists it without a vnic_type is known by its vif_type": (
        bound("hw_veb"),
        "unsupported",
        {},
        "The port is a PCI virtual function (SR-IOV) that the guest drives itself (vif_type hw_veb): "
        "tc on the host does not see its traffic.",
    ),
    "hardware offload is bound as ovs, and still by-passes the host": (
        bound("ovs", "direct", bridge_name="br-int"),
        "unsupported",
        {},
        "The port is a PCI virtual function (SR-IOV) that the guest drives itself (vnic_type direct): "
        "tc on the host does not see its traffic.",
    ),
    "macvtap on a virtual function has no tap": (
        bound("hw_veb", "macvtap"),
        "unsupported",
        {},
        "The port is a macvtap device on a PCI virtual function, not a tap of Neutron's (vnic_type macvtap): "
        "tc on the host does not see its traffic.",
    ),
    "a vnic_type of the future is refused": (
        bound("ovs", "quantum-entangled"),
        "unsupported",
        {},
        "The port is of a kind that this collection does not know (vnic_type quantum-entangled): "
        "tc on the host does not see its traffic.",
    ),
    "a vif_type of some vendor is refused": (
        bound("dvs"),
        "unsupported",
        {},
        "The port's vif_type is dvs, which this collection does not know.",
    ),
    "an unbound port has no device": (
        {**bound("unbound"), "binding:host_id": ""},
        "unsupported",
        {},
        "The port is not bound to a host, so it has no device; it gets one when its instance starts.",
    ),
    "a port without any binding attribute counts as unbound": (
        {"id": PORT_ID},
        "unsupported",
        {},
        "The port is not bound to a host, so it has no device; it gets one when its instance starts.",
    ),
    "a failed binding names the host to look at": (
        bound("binding_failed"),
        "unsupported",
        {},
        "Neutron could not bind the port to cmp01, so it has no device; "
        "look after the network agent there, then hard-reboot the instance.",
    ),
}


@pytest.mark.parametrize(("port", "kind", "devices", "reason"), PLUGS.values(), ids=PLUGS)
def test_plug(port: Record, kind: str, devices: dict[str, str], reason: str | None) -> None:
    plug = classify(port)
    assert (plug.kind, plug.devices(PORT_ID), plug.reason) == (kind, devices, reason)


def in_a_trunk(lists: Lists, port: Record) -> None:
    lists["trunks"] = [{"id": "a-trunk", "sub_ports": None}, {"id": "mine", "sub_ports": [{"port_id": port["id"]}]}]


def test_a_member_who_makes_a_bound_port_a_subport_does_not_hide_its_device(lists: Lists) -> None:
    """Neutron takes any port into a trunk whose device_id is empty, and that its owner may empty."""
    port = port_of(lists, "acme-gold")
    port.update(device_id="", device_owner="trunk:subport")
    in_a_trunk(lists, port)
    ((host, item),) = shown(lists, port)
    assert (host, item["claims"], item["plug"]) == ("cmp01", "trunk:subport", "ovs_hybrid")
    assert item["devices"]["tap"] == f"tap{port['id'][:11]}"


def test_a_port_that_still_names_its_server_is_no_subport(lists: Lists) -> None:
    port = port_of(lists, "acme-gold")
    in_a_trunk(lists, port)
    assert [item["claims"] for _host, item in shown(lists, port)] == [None]


def test_recorded_cloud_has_its_computes_with_their_ports(lists: Lists) -> None:
    assert {
        name: sorted((item["plug"], item["instance"]["name"]) for item in host["instance_ports"] if item["instance"])
        for name, host in hosts(lists).items()
    } == {
        "cmp01": [("ovs_hybrid", "acme-gold"), ("ovs_hybrid", "acme-web1"), ("ovs_hybrid", "globex-app1")],
        "cmp02": [("ovs_hybrid", "acme-web2"), ("ovs_hybrid", "{{ lookup('pipe','touch /tmp/pwned') }}")],
        "cmp03": [
            ("ovs", "acme-router"),
            ("ovs", "acme-router"),
            ("ovs", "acme-web3"),
            ("ovs", "globex-gold"),
            *5 * [("unsupported", "acme-web3")],
        ],
    }


def test_port_tells_everything_a_limit_may_depend_on(lists: Lists) -> None:
    port = port_of(lists, "globex-app1")
    ((host, item),) = shown(lists, port)
    assert host == "cmp01"
    (v4, v6), (other,), (floating,) = item["fixed_ips"], item["other_subnets"], item["floating_ips"]
    assert item["mac"] == port["mac_address"]
    assert item["devices"]["qvb"] == "qvb" + port["id"][:11]
    assert (v4["cidr"], v4["ip_version"], v4["gateway_ip"]) == ("192.168.111.0/24", 4, "192.168.111.1")
    assert (v6["cidr"], v6["ip_version"]) == ("fd00:112::/64", 6)
    assert (other["cidr"], other["ip_version"]) == ("192.168.112.0/24", 4)
    assert floating["address"].startswith("203.0.113.")
    assert floating["fixed_ip"] == v4["ip"]
    assert item["qos_policy"] == {
        "id": port["qos_policy_id"],
        "name": "neutron-limit",
        "from": "port",
        "limits": ["egress"],
    }
    assert item["network_name"] == "globex"
    instance = item["instance"]
    assert instance is not None
    assert instance["libvirt_name"].startswith("instance-")  # type: ignore[union-attr]
    assert (instance["status"], instance["vm_state"], instance["power_state"]) == ("ACTIVE", "active", "running")
    assert instance["project_id"] == item["project_id"] == port["project_id"]


def test_flavor_comes_with_its_extra_specs(lists: Lists) -> None:
    ((_host, item),) = shown(lists, port_of(lists, "acme-gold"))
    assert item["instance"] is not None
    assert item["instance"]["flavor"] == {
        "name": "gold",
        "vcpus": 1,
        "ram": 256,
        "disk": 1,
        "ephemeral": 0,
        "swap": 0,
        "extra_specs": {"openstack_ops:egress_rate": "40mbit", "openstack_ops:ingress_rate": "60mbit"},
    }


def test_flavor_of_a_nova_before_2_47_is_unknown_not_zero(lists: Lists) -> None:
    old = json.loads((FIXTURES / "servers-detail-2.1.json").read_text())["servers"]
    port = port_of(lists, "acme-gold")
    lists["servers"] = [
        {**old[0], "id": port["device_id"], "tenant_id": port["project_id"], "OS-EXT-SRV-ATTR:host": "cmp01"}
    ]
    ((_host, item),) = shown(lists, port)
    assert item["instance"] is not None
    assert set(item["instance"]["flavor"].values()) == {None}
    assert item["instance"]["libvirt_name"] == old[0]["OS-EXT-SRV-ATTR:instance_name"]


def test_server_of_an_unreachable_cell_still_gives_its_project(lists: Lists) -> None:
    port = port_of(lists, "acme-gold")
    lists["servers"] = [{"id": port["device_id"], "status": "UNKNOWN", "tenant_id": port["project_id"], "links": []}]
    ((host, item),) = shown(lists, port)
    assert host == "cmp01"
    assert item["instance"] is not None
    assert (item["instance"]["status"], item["instance"]["project_id"]) == ("UNKNOWN", port["project_id"])
    assert (item["instance"]["name"], item["instance"]["power_state"]) == (None, None)


DEVICE_OWNERS = (
    "compute:nova", "", "mine", "network:dhcp", "network:router_interface", "network:router_gateway", "network:distributed",
    "network:floatingip_agent_gateway", "network:local_ip", "trunk:subport", "Octavia:health-mgr", "baremetal:none",
)  # fmt: skip


@pytest.mark.parametrize("device_id", [None, "", "another", "dhcpe07e4b5c-aedb-54b3-9b96-5b58dfb27ad4"])
@pytest.mark.parametrize("device_owner", DEVICE_OWNERS)
def test_port_can_not_be_hidden_by_what_its_owner_may_write(
    lists: Lists, device_owner: str, device_id: str | None
) -> None:
    """Every combination: what is bound to a compute stays that, and on it."""
    port = port_of(lists, "acme-gold")
    port["device_owner"] = device_owner
    if device_id is not None:
        port["device_id"] = device_id
    ((host, item),) = shown(lists, port)
    assert (host, item["plug"], item["project_id"]) == ("cmp01", "ovs_hybrid", port["project_id"])
    assert (item["instance"] is None) == (device_id is not None)


def test_port_that_claims_another_projects_server_gets_none(lists: Lists) -> None:
    port, foreign = port_of(lists, "acme-gold"), port_of(lists, "globex-gold")
    port["device_id"] = foreign["device_id"]
    ((host, item),) = shown(lists, port)
    assert (host, item["instance"]) == ("cmp01", None)


def test_port_that_claims_a_server_of_its_project_elsewhere_gets_none(lists: Lists) -> None:
    """Or a member frees a port on one host by naming a better server of theirs on another."""
    port = port_of(lists, "acme-gold")
    (server,) = [row for row in lists["servers"] if row["id"] == port["device_id"]]
    server["OS-EXT-SRV-ATTR:host"] = "cmp02"
    ((host, item),) = shown(lists, port)
    assert (host, item["instance"]) == ("cmp01", None)


@pytest.mark.parametrize("task_state", ["migrating", "resize_migrated", "rebuild_spawning"])
def test_port_of_a_server_that_moves_keeps_it(lists: Lists, task_state: str) -> None:
    port = port_of(lists, "acme-gold")
    (server,) = [row for row in lists["servers"] if row["id"] == port["device_id"]]
    server.update({"OS-EXT-SRV-ATTR:host": "cmp02", "OS-EXT-STS:task_state": task_state})
    ((host, item),) = shown(lists, port)
    assert (host, item["instance"] is None) == ("cmp01", False)


def test_services_ports_are_left_out_where_no_instance_runs(lists: Lists) -> None:
    dhcp, *_others = [port for port in lists["ports"] if port["device_owner"] == "network:dhcp"]
    assert shown(lists, dhcp) == []


def test_a_services_port_on_a_compute_is_shown_with_what_it_claims(lists: Lists) -> None:
    dhcp, *_others = [port for port in lists["ports"] if port["device_owner"] == "network:dhcp"]
    dhcp["binding:host_id"] = "cmp01"
    ((host, item),) = shown(lists, dhcp)
    assert (host, item["claims"], item["instance"]) == ("cmp01", "network:dhcp", None)


@pytest.mark.parametrize(
    "owner", ["network:{{ lookup('pipe', 'id') }}", "network:\x1b[2J", "network:", "network:dhcp\n", "network:DHCP x"]
)
def test_what_an_owner_writes_behind_network_is_not_repeated(lists: Lists, owner: str) -> None:
    """It is part of the reason for a limit, which is shown and saved."""
    port = port_of(lists, "acme-gold")
    port.update(device_owner=owner, device_id="")
    assert [item["claims"] for _host, item in shown(lists, port)] == ["network:unknown"]


@pytest.mark.parametrize("changes", [{"project_id": ""}, {"binding:vif_type": "distributed"}])
def test_what_no_tenant_can_have_is_left_out_on_a_compute(lists: Lists, changes: Record) -> None:
    """A router's gateway belongs to no project, and a distributed router's port to no host."""
    router, *_others = [port for port in lists["ports"] if port["device_owner"] == "network:router_interface"]
    router.update({"binding:host_id": "cmp01", **changes})
    assert shown(lists, router) == []


def test_unbound_port_is_shown_where_its_instance_is(lists: Lists) -> None:
    port = port_of(lists, "acme-gold")
    port.update({"binding:host_id": "", "binding:vif_type": "unbound"})
    ((host, item),) = shown(lists, port)
    assert (host, item["plug"], item["devices"]) == ("cmp01", "unsupported", {})


def test_unbound_port_of_an_instance_without_host_is_left_out(lists: Lists) -> None:
    port = port_of(lists, "acme-gold")
    port.update({"binding:host_id": "", "binding:vif_type": "unbound"})
    for server in lists["servers"]:
        server["OS-EXT-SRV-ATTR:host"] = None
    assert shown(lists, port) == []


def test_port_bound_to_a_host_unknown_to_nova_gives_no_devices_of_another_host(lists: Lists) -> None:
    port = port_of(lists, "acme-gold")
    port["binding:host_id"] = "cmp01.example.com"
    ((host, item),) = shown(lists, port)
    assert (host, item["plug"], item["devices"]) == ("cmp01", "unsupported", {})
    assert item["unsupported_reason"] == (
        "The port is bound to cmp01.example.com, which is no compute of Nova's, while its instance is on cmp01: "
        "its devices are not here."
    )


def test_port_that_is_being_migrated_is_where_its_active_binding_is(lists: Lists) -> None:
    port = port_of(lists, "acme-gold")
    port["binding:host_id"] = "cmp02"  # Nova still names cmp01
    assert [host for host, _item in shown(lists, port)] == ["cmp02"]


def test_networks_qos_policy_holds_for_ports_without_their_own(lists: Lists) -> None:
    port = port_of(lists, "acme-gold")
    for network in lists["networks"]:
        network["qos_policy_id"] = lists["qos_policies"][0]["id"]
    ((_host, item),) = shown(lists, port)
    policy = lists["qos_policies"][0]
    assert item["qos_policy"] == {
        "id": policy["id"],
        "name": "neutron-limit",
        "from": "network",
        "limits": ["egress"],
    }


@pytest.mark.parametrize(
    ("rules", "limits"),
    [
        ([], []),
        ([{"type": "dscp_marking", "dscp_mark": 8}, {"type": "minimum_bandwidth", "direction": "egress"}], []),
        ([{"type": "bandwidth_limit", "direction": "ingress"}], ["ingress"]),
        ([{"type": "bandwidth_limit"}, {"type": "bandwidth_limit", "direction": "ingress"}], ["egress", "ingress"]),
        (None, None),
    ],
    ids=["nothing", "no limit", "a limit", "both, one as before Pike", "made a moment ago"],
)
def test_a_policy_limits_what_its_bandwidth_rules_say(
    lists: Lists, rules: list[Record] | None, limits: list[str] | None
) -> None:
    policy = lists["qos_policies"][0]
    if rules is None:
        lists["qos_policies"] = []
    else:
        policy["rules"] = rules
    ((_host, item),) = shown(lists, port_of(lists, "globex-app1"))
    assert item["qos_policy"] is not None
    assert item["qos_policy"]["limits"] == limits


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        ({}, True),
        ({"shared": True}, False),
        ({"router:external": True}, False),
        ({"project_id": "0" * 32}, False),
        ({"project_id": None}, False),
        ({"shared": None}, False),
    ],
)
def test_a_network_is_a_ports_own_only_where_nobody_else_is(lists: Lists, changes: Record, own: bool) -> None:
    port = port_of(lists, "acme-gold")
    (network,) = [network for network in lists["networks"] if network["id"] == port["network_id"]]
    network.update(changes)
    ((_host, item),) = shown(lists, port)
    assert item["own_network"] is own
    assert item["network_shared"] is changes.get("shared", False)
    assert item["network_external"] is changes.get("router:external", False)


def test_subnet_made_between_two_lists_has_no_cidr_yet(lists: Lists) -> None:
    port = port_of(lists, "acme-gold")
    lists["subnets"] = []
    ((_host, item),) = shown(lists, port)
    assert [(address["ip_version"], address["cidr"]) for address in item["fixed_ips"]] == [(4, None), (6, None)]
    assert item["other_subnets"] == []


def test_compute_tells_service_hypervisor_aggregates_and_placement(lists: Lists) -> None:
    (service,) = [service for service in lists["services"] if service["host"] == "cmp01"]
    service.update(status="disabled", disabled_reason="new disks", state="down", forced_down=True)
    compute = hosts(lists)["cmp01"]["compute"]
    assert (compute["state"], compute["service_status"], compute["forced_down"]) == ("down", "disabled", True)
    assert compute["disabled_reason"] == "new disks"
    assert compute["availability_zone"] == "az1"
    assert compute["aggregates"] == ["rack1"]
    assert compute["aggregate_metadata"] == {"rack1": {"availability_zone": "az1", "ssd": "true"}}
    assert (compute["hypervisor_hostname"], compute["hypervisor_type"]) == ("cmp01", "fake")
    assert compute["host_ip"] == "127.0.77.1"
    assert compute["placement"] is not None
    assert compute["placement"]["inventories"]["VCPU"]["total"] == 1000
    assert compute["placement"]["usages"]["VCPU"] == 3


def test_bare_metal_host_has_all_its_nodes_and_is_none_of_them(lists: Lists) -> None:
    (node,) = [row for row in lists["hypervisors"] if row["service"]["host"] == "cmp01"]
    lists["hypervisors"].append({**node, "id": "another", "hypervisor_hostname": "node2", "hypervisor_type": "ironic"})
    compute = hosts(lists)["cmp01"]["compute"]
    assert [hypervisor["hypervisor_hostname"] for hypervisor in compute["hypervisors"]] == ["cmp01", "node2"]
    assert (compute["hypervisor_hostname"], compute["host_ip"], compute["placement"]) == (None, None, None)


def test_service_without_hypervisor_is_a_compute_too(lists: Lists) -> None:
    lists["hypervisors"], lists["services"] = [], [{"binary": "nova-compute", "host": "cmp09", "status": "UNKNOWN"}]
    compute = hosts(lists)["cmp09"]["compute"]
    assert (compute["state"], compute["service_status"], compute["hypervisors"]) == ("unknown", "unknown", [])


def test_result_is_plain_json_and_the_same_in_whatever_order_the_apis_answer(lists: Lists) -> None:
    once = build(lists)
    assert json.loads(json.dumps(once)) == once
    for name in ("services", "hypervisors", "aggregates", "servers", "ports", "networks", "subnets", "floatingips"):
        lists[name].reverse()  # type: ignore[literal-required]
    assert build(lists) == once


def test_the_only_node_of_a_bare_metal_host_is_not_its_hypervisor(lists: Lists) -> None:
    lists["hypervisors"] = [
        {"id": "n", "hypervisor_hostname": "n", "hypervisor_type": "ironic", "service": {"host": row["host"]}}
        for row in lists["services"][:1]
    ]
    (found,) = [host["compute"] for host in build(lists) if host["compute"]["host"] == lists["services"][0]["host"]]
    assert (found["hypervisor_hostname"], found["hypervisor_id"], len(found["hypervisors"])) == (None, None, 1)


def test_a_compute_tells_the_subnets_of_external_networks(lists: Lists) -> None:
    assert {tuple(host["compute"]["external_subnets"] or ()) for host in build(lists)} == {
        ("2001:db8:203::/64", "203.0.113.0/24")
    }
    assert [host["compute"]["external_subnets"] for host in build(lists, instance_ports=False)] == [None] * 3
