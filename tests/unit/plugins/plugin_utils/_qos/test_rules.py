# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules to limits: who gets what and why, and which typos are refused with which message."""

from __future__ import annotations

import time
import typing as t
import uuid

import pytest

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import (
    RuleBook,
    choose,
    removal,
)

from .conftest import exempt_of, limits_of

if t.TYPE_CHECKING:
    from .conftest import MakePort

PROJECT = "3e2957cc29844e4aaabb952cef82afcf"
NETWORK = "989c47d5-61a4-4faf-ab2d-b7c539556d55"
SERVER = "480cb82d-9bc5-4034-a14d-8799e33aad97"
PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
OTHER = "00000000-0000-4000-8000-000000000000"

TWENTY = {"egress": {"rate": "20mbit"}, "ingress": {"rate": "20mbit"}}
SPECS = {
    "openstack_ops:egress_rate": "5mbit",
    "openstack_ops:ingress_rate": "7mbit",
    "openstack_ops:ingress_burst": "10mb",
}


def rule(name: str = "gold", **keys: t.Any) -> dict[str, t.Any]:
    return {"name": name, "limit": TWENTY, **keys}


MATCHES = {
    "project": ({"project": PROJECT}, f"project is {PROJECT}"),
    "project with dashes": ({"project": str(uuid.UUID(PROJECT))}, f"project is {PROJECT}"),
    "project in capitals": ({"project": PROJECT.upper()}, f"project is {PROJECT}"),
    "network": ({"network": NETWORK}, f"network is {NETWORK}"),
    "server": ({"server": SERVER}, f"server is {SERVER}"),
    "port": ({"port": PORT}, f"port is {PORT}"),
    "one of several": ({"port": [OTHER, PORT]}, f"port is {PORT}"),
    "flavor": ({"flavor": "m1.tiny"}, "flavor is m1.tiny"),
    "floating IP in a range": ({"floating_ip": "203.0.113.0/26"}, "floating IP 203.0.113.56 lies in 203.0.113.0/26"),
    "floating IP itself": (
        {"floating_ip": ["198.51.100.0/24", "203.0.113.56"]},
        "floating IP 203.0.113.56 lies in 203.0.113.56/32",
    ),
    "no shared network": ({"network_shared": False}, "network_shared is false"),
    "all keys": ({"project": PROJECT, "flavor": ["m1.tiny"]}, f"project is {PROJECT} and flavor is m1.tiny"),
}


@pytest.mark.parametrize(("match", "reason"), MATCHES.values(), ids=list(MATCHES))
def test_a_rule_matches_by_what_only_operators_write(match: dict[str, t.Any], reason: str, make_port: MakePort) -> None:
    (answer,) = RuleBook([rule(match=match)]).answers([make_port(floating=["203.0.113.56"])])
    assert answer.decision == "limited"
    assert answer.why == f"rule 1 'gold' because {reason}"
    assert answer.public() == {
        "port_id": PORT,
        "plug": "ovs_hybrid",
        "state": "present",
        "egress": {"rate": "20mbit"},
        "ingress": {"rate": "20mbit"},
        "exempt": ["192.168.111.0/24", "224.0.0.0/24", "fe80::/10", "ff02::/16"],
        "why": f"rule 1 'gold' because {reason}",
    }


NO_MATCHES = {
    "another project": {"project": OTHER},
    "another flavor": {"flavor": "m1.tin"},
    "a flavor in other letters": {"flavor": "M1.TINY"},
    "a shared network": {"network_shared": True},
    "an external network": {"network_external": True},
    "floating IP outside": {"floating_ip": "203.0.113.64/26"},
    "floating IP of the other version": {"floating_ip": "2001:db8::/32"},
    "an empty list": {"port": []},
    "one key of two": {"project": PROJECT, "network": OTHER},
}


@pytest.mark.parametrize("match", NO_MATCHES.values(), ids=list(NO_MATCHES))
def test_a_port_that_no_rule_matches_is_not_limited(match: dict[str, t.Any], make_port: MakePort) -> None:
    (answer,) = RuleBook([rule(match=match)]).answers([make_port(floating=["203.0.113.56"])])
    assert answer.decision == "unlimited"
    assert answer.public() == {
        "port_id": PORT,
        "plug": "ovs_hybrid",
        "state": "absent",
        "why": "not limited: no rule matches",
    }


@pytest.mark.parametrize("key", ["network_shared", "network_external"])
def test_a_rule_matches_by_the_kind_of_network(key: str, make_port: MakePort) -> None:
    book = RuleBook([rule(match={key: True})])
    (answer,) = book.answers([make_port(**{key: True})])
    assert answer.why == f"rule 1 'gold' because {key} is true"
    # Unknown is neither, also where the inventory's cache is of an older version.
    port = make_port(**{key: None})
    for unknown in (port, {name: value for name, value in port.items() if name != key}):
        (answer,) = book.answers([unknown])
        assert answer.keeps
        assert (
            answer.why
            == f"undecided: rule 1 'gold' asks for the {key}, but Neutron doesn't tell that of the port's network"
        )


def test_the_first_rule_that_matches_wins(make_port: MakePort) -> None:
    rules = [
        rule("never", match={"port": OTHER}),
        rule(
            "first", match={"flavor": "m1.tiny"}, limit={"egress": {"rate": "1mbit", "ceil": "3mbit", "burst": "1mb"}}
        ),
        rule("second", match={"port": PORT}),
    ]
    (answer,) = RuleBook(rules).answers([make_port()])
    assert answer.why == "rule 2 'first' because flavor is m1.tiny"
    assert limits_of(answer) == {"egress": {"rate": "1mbit", "ceil": "3mbit", "burst": "1mb"}}


def test_a_rule_without_match_is_for_every_port(make_port: MakePort) -> None:
    (answer,) = RuleBook([rule("everyone")]).answers([make_port()])
    assert answer.why == "rule 1 'everyone', which matches every port"


def test_limit_none_ends_the_search(make_port: MakePort) -> None:
    (answer,) = RuleBook([rule("infra", match={"project": PROJECT}, limit="none"), rule()]).answers(
        [make_port(extra_specs=SPECS)]
    )
    assert answer.decision == "unlimited"
    assert answer.why == f"not limited: rule 1 'infra' because project is {PROJECT}"


def test_flavor_extra_specs_come_after_the_rules(make_port: MakePort) -> None:
    port = make_port(extra_specs=SPECS)
    by_flavor = {"egress": {"rate": "5mbit"}, "ingress": {"rate": "7mbit", "burst": "10mb"}}
    (answer,) = RuleBook([rule(match={"flavor": "m1.other"})]).answers([port])
    assert (limits_of(answer), answer.why) == (by_flavor, "the extra specs of flavor m1.tiny (no rule matches)")
    (answer,) = RuleBook([rule(match={"flavor": "m1.tiny"})]).answers([port])
    assert limits_of(answer) == TWENTY


def test_a_rule_can_ask_for_the_flavors_limit(make_port: MakePort) -> None:
    book = RuleBook([rule("by flavor", match={"project": PROJECT}, limit="flavor", exempt="none"), rule("everyone")])
    with_specs, without = book.answers([make_port(extra_specs=SPECS), make_port()])
    assert (
        with_specs.why
        == f"the extra specs of flavor m1.tiny, asked for by rule 1 'by flavor' because project is {PROJECT}"
    )
    assert exempt_of(with_specs) == ()
    assert without.decision == "unlimited"
    assert without.why == (
        f"not limited: rule 1 'by flavor' because project is {PROJECT}, and the extra specs of flavor m1.tiny "
        "set no limit"
    )


HINDRANCES = {
    "unsupported": (
        {"plug": "unsupported", "unsupported_reason": "vhost-user ports bypass the kernel."},
        {},
        "unsupported: vhost-user ports bypass the kernel; otherwise limited by rule 1 'gold', which matches every port",
    ),
    "Neutron's policy": (
        {"qos_policy": {"id": OTHER, "name": "{{ evil }}", "limits": ["egress", "ingress"]}},
        {"despite_policy": True},
        f"skipped: Neutron limits the port by its QoS policy {OTHER} (despite_policy is off); "
        "otherwise limited by rule 1 'gold', which matches every port",
    ),
    "libvirt's quota": (
        {"extra_specs": {"quota:vif_inbound_average": "1000"}},
        {"despite_vif_quota": True},
        "skipped: libvirt shapes the tap by quota:vif_* of flavor m1.tiny (despite_vif_quota is off); "
        "otherwise limited by rule 1 'gold', which matches every port",
    ),
}


@pytest.mark.parametrize(("changes", "option", "why"), HINDRANCES.values(), ids=list(HINDRANCES))
def test_what_somebody_else_shapes_is_left_alone(
    changes: dict[str, t.Any], option: dict[str, bool], why: str, make_port: MakePort
) -> None:
    (answer,) = RuleBook([rule()]).answers([make_port(**changes)])
    assert answer.why == why
    assert answer.decision == why.split(":")[0]
    if option:
        (despite,) = RuleBook([rule()], **option).answers([make_port(**changes)])
        assert despite.decision == "limited"
    (unlimited,) = RuleBook([]).answers([make_port(**changes)])
    assert unlimited.why == "not limited: no rule matches"


def test_ports_of_stopped_instances_are_answered_too(make_port: MakePort) -> None:
    port = make_port()
    port["instance"]["status"] = "SHUTOFF"
    (answer,) = RuleBook([rule()]).answers([port])
    assert answer.decision == "limited"


def policy(*limits: str, known: bool = True) -> dict[str, t.Any]:
    """A port's QoS policy with bandwidth limits for these directions."""
    return {"id": OTHER, "name": "{{ evil }}", "from": "port", "limits": list(limits) if known else None}


@pytest.mark.parametrize(
    ("limits", "left"),
    [
        ((), {"egress", "ingress"}),  # only DSCP marks or a minimum, or nothing at all
        (("egress",), {"ingress"}),
        (("ingress",), {"egress"}),
        (("egress", "ingress"), set()),
    ],
)
def test_a_qos_policy_takes_a_limit_away_only_where_it_has_one(
    limits: tuple[str, ...], left: set[str], make_port: MakePort
) -> None:
    both = rule(limit={"egress": {"rate": "20mbit"}, "ingress": {"rate": "20mbit"}})
    port = make_port(qos_policy=policy(*limits))
    (answer,) = RuleBook([both]).answers([port])
    assert set(answer.limits) == left
    assert answer.public()["state"] == ("present" if left else "absent")
    assert ("by Neutron's QoS policy" in answer.why) == (0 < len(left) < 2)
    (despite,) = RuleBook([both], despite_policy=True).answers([port])
    assert set(despite.limits) == {"egress", "ingress"}


def test_a_qos_policy_whose_rules_are_not_known_leaves_a_port_what_it_has(make_port: MakePort) -> None:
    (answer,) = RuleBook([rule()]).answers([make_port(qos_policy=policy(known=False))])
    assert answer.public()["state"] == "kept"
    assert answer.undecided


def test_a_port_that_hides_its_flavor_gets_no_less_of_a_limit(make_port: MakePort) -> None:
    """A member renames a port before its first limit: it is held to what its project or network would get."""
    rules = [rule("gold", match={"flavor": "m1.gold"}), rule("project", match={"project": PROJECT}), rule("all")]
    (answer,) = RuleBook(rules).answers([make_port(instance=None)])
    item = answer.public()
    assert (item["state"], item["last_resort"], item["egress"]) == ("present", True, {"rate": "20mbit"})
    assert f"unless it has a limit, rule 2 'project' because project is {PROJECT}" in item["why"]
    assert answer.undecided


CLAIMED = {"claims": "network:dhcp", "instance": None}


def test_a_port_that_calls_itself_a_services_gets_a_limit_where_it_has_a_device(make_port: MakePort) -> None:
    """A true DHCP server's device lies in a namespace, out of tc_htb's sight; an instance's is there."""
    (answer,) = RuleBook([rule()]).answers([make_port(**CLAIMED)])
    item = answer.public()
    assert (item["state"], item["last_resort"]) == ("present", True)
    assert "calls itself network:dhcp" in item["why"]
    assert not answer.undecided, "nobody wants to hear of every DHCP server"


@pytest.mark.parametrize("plug", ["ovs", "ovs_hybrid", "ovn", "bridge"])
def test_a_subport_gets_a_limit_where_it_has_a_device(make_port: MakePort, plug: str) -> None:
    """A true subport has none of its own; the port of an instance that its owner put into a trunk has."""
    for rules in ([rule()], [rule("gold", match={"flavor": "m1.gold"}), rule()]):
        (answer,) = RuleBook(rules).answers([make_port(claims="trunk:subport", instance=None, plug=plug)])
        item = answer.public()
        assert (item["state"], item["last_resort"], item["plug"]) == ("present", True, plug)
        assert not answer.undecided
    (answer,) = RuleBook([rule()]).answers([make_port(claims="trunk:subport", instance=None)])
    assert answer.why.startswith(
        "undecided: a trunk has it as a subport, whose traffic passes the device of the trunk's"
    )


def test_on_a_linux_bridge_a_services_device_looks_like_an_instances(make_port: MakePort) -> None:
    for rules in ([rule()], [rule("gold", match={"flavor": "m1.gold"}), rule()]):
        (answer,) = RuleBook(rules).answers([make_port(**CLAIMED, plug="bridge")])
        assert answer.public()["state"] == "kept"
        assert answer.undecided


def test_a_port_with_an_instance_may_call_itself_what_it_likes(make_port: MakePort) -> None:
    (answer,) = RuleBook([rule()]).answers([make_port(claims="network:router_interface")])
    assert (answer.decision, answer.last_resort) == ("limited", False)


def test_names_of_tenants_are_in_no_answer(make_port: MakePort) -> None:
    ports = [make_port(), make_port(plug="unsupported"), make_port(qos_policy=policy("egress"))]
    for answer in RuleBook([rule()]).answers(ports):
        assert "{{" not in repr(answer.public())


def test_exemption_of_settings_rule_and_tenant_are_joined(make_port: MakePort) -> None:
    book = RuleBook([rule(exempt_also="198.51.100.0/24")], exempt_also=["203.0.113.53", "2001:db8:53::/64"])
    (answer,) = book.answers([make_port(own=["192.168.111.0/24", "fd00:1::/64"], others=["192.168.110.0/24"])])
    assert exempt_of(answer) == (
        "192.168.110.0/23",
        "198.51.100.0/24",
        "203.0.113.53/32",
        "2001:db8:53::/64",
        "fd00:1::/64",
    )


def test_what_stays_on_the_link_is_exempt_with_own_networks_only(make_port: MakePort) -> None:
    """VRRP to 224.0.0.18, mDNS, IPv6 between neighbours: in a segment where nobody but the tenant is."""
    for changes, mode, local in (
        ({}, "own_network", True),
        ({}, "own_subnets", True),
        ({}, "none", False),
        ({"own_network": False}, "own_network", False),
    ):
        (answer,) = RuleBook([rule(exempt=mode)]).answers([make_port(**changes)])
        assert ({"224.0.0.0/24", "fe80::/10", "ff02::/16"} <= set(answer.public()["exempt"])) == local


def test_a_rules_own_exempt_wins_over_the_setting(make_port: MakePort) -> None:
    port = make_port(others=["10.9.0.0/24"])
    for mode, networks in {
        "none": (),
        "own_subnets": ("192.168.111.0/24",),
        "own_network": ("10.9.0.0/24", "192.168.111.0/24"),
    }.items():
        (answer,) = RuleBook([rule(exempt=mode)], exempt="none").answers([port])
        assert exempt_of(answer) == networks
        (answer,) = RuleBook([rule()], exempt=mode).answers([port])
        assert exempt_of(answer) == networks


def test_a_hostile_subnet_is_named_in_the_answer(make_port: MakePort) -> None:
    (answer,) = RuleBook([rule()]).answers([make_port(own=["192.168.111.0/24"], others=["0.0.0.0/1"])])
    assert exempt_of(answer) == ("192.168.111.0/24",)
    assert answer.why == "rule 1 'gold', which matches every port; not exempt: 0.0.0.0/1 (outside exempt_within)"


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        (
            [rule("by flavor", match={"flavor": "m1.tiny"}), rule("everyone", limit="none")],
            "undecided: rule 1 'by flavor' asks for the flavor, ",
        ),
        (
            [rule("both", match={"flavor": "m1.tiny", "server": OTHER, "project": PROJECT})],
            "undecided: rule 1 'both' asks for the server and the flavor, ",
        ),
        ([rule("by flavor", limit="flavor")], "undecided: it depends on the extra specs of the flavor, "),
        ([], "undecided: it depends on the extra specs of the flavor, "),
    ],
    ids=["a rule asks for it", "a rule asks for more", "a rule says limit: flavor", "no rule"],
)
def test_a_port_whose_instance_is_unknown_is_not_decided(rules: list[t.Any], why: str, make_port: MakePort) -> None:
    """Or else a tenant who clears the device_id of a port would be rid of its limit."""
    (answer,) = RuleBook(rules).answers([make_port(instance=None)])
    assert answer.decision == "undecided"
    assert answer.why == f"{why}but the port names no server (its owner can change device_id)"


def test_a_server_whose_flavor_is_unknown_is_not_decided(make_port: MakePort) -> None:
    port = make_port()
    port["instance"]["flavor"] = {"name": None, "extra_specs": None}
    book = RuleBook([rule("server", match={"server": OTHER}), rule("flavor", match={"flavor": "m1.tiny"})])
    (answer,) = book.answers([port])
    assert answer.decision == "undecided"
    assert answer.why == (
        "undecided: rule 2 'flavor' asks for the flavor, but Nova does not tell the flavor (a cell that is down?)"
    )


@pytest.mark.parametrize("rules", [[], [rule("by flavor", limit="flavor")]])
def test_extra_specs_that_nova_does_not_show_are_not_none_at_all(rules: list[t.Any], make_port: MakePort) -> None:
    """Or a role that may not list extra specs would take all limits away that flavors set."""
    port = make_port()
    port["instance"]["flavor"]["extra_specs"] = None
    (answer,) = RuleBook(rules).answers([port])
    assert answer.public()["state"] == "kept"
    assert answer.why == (
        "undecided: it depends on the extra specs of the flavor, but Nova does not show the flavor's extra specs "
        "(no policy for os-flavor-extra-specs:index?)"
    )


@pytest.mark.parametrize(
    "rules",
    [
        [rule("project", match={"project": PROJECT}), rule("flavor", match={"flavor": "m1.tiny"})],
        [rule("not it", match={"flavor": "m1.tiny", "project": OTHER}), rule("nothing", match={"server": []}), rule()],
    ],
    ids=["what is known decides first", "what is known rules the others out"],
)
def test_a_port_whose_instance_is_unknown_is_decided_by_what_is_known(rules: list[t.Any], make_port: MakePort) -> None:
    (answer,) = RuleBook(rules).answers([make_port(instance=None)])
    assert answer.decision == "limited"


def test_the_answer_fits_into_what_tc_htb_takes(make_port: MakePort) -> None:
    (answer,) = RuleBook([rule(match={"flavor": "x" * 2000})]).answers([make_port(flavor="x" * 2000)])
    assert len(answer.public()["why"]) == 1000
    assert answer.public()["why"].endswith("x...")


def test_only_one_servers_ports_for_an_event(make_port: MakePort) -> None:
    second = "00000000-0000-4000-8000-000000000002"
    ports = [make_port(), make_port(port_id=second, server=OTHER), make_port(port_id=NETWORK, instance=None)]

    def chosen(only_ports: object, only_servers: object) -> list[str]:
        return [port["port_id"] for port in choose(ports, only_ports, only_servers)[0]]

    assert chosen(None, None) == [PORT, second, NETWORK]
    assert chosen(None, OTHER) == [second]
    assert chosen([PORT], [OTHER.replace("-", "")]) == [PORT, second]
    assert chosen([NETWORK], None) == [NETWORK]
    assert chosen([], None) == []


def test_a_port_of_an_event_that_has_left_the_host_is_listed_for_removal(make_port: MakePort) -> None:
    chosen, left = choose([make_port()], [OTHER, PORT])
    assert chosen == [make_port()]
    assert left == [{"port_id": OTHER, "plug": "ovs", "state": "absent", "why": "not limited: not on this host"}]


def test_an_event_must_name_ids() -> None:
    with pytest.raises(RulesError, match="only_servers is 'web1', which is not an id"):
        choose([], None, "web1")


def test_removal_is_for_every_kind_of_port(make_port: MakePort) -> None:
    assert removal([make_port(), make_port(plug="unsupported")]) == [
        {"port_id": PORT, "plug": plug, "state": "absent", "why": "not limited: asked to be removed"}
        for plug in ("ovs_hybrid", "ovs")
    ]


def limit(direction: t.Any) -> list[t.Any]:
    return [rule(limit={"egress": direction})]


TYPOS: dict[str, tuple[t.Any, str]] = {
    "no list": ({"name": "gold"}, "the rules are a dictionary, not a list."),
    "no dictionary": (
        ["gold"],
        "rule 1 is 'gold', not a dictionary with name, match, limit, per_vcpu, exempt, exempt_also, until.",
    ),
    "no name": ([{"limit": TWENTY}], "rule 1 has no name; an answer to 'why has this port this limit' needs one."),
    "no limit": (
        [{"name": "gold"}],
        "rule 1 'gold' has no limit; write limit: none for ports that are not to be limited.",
    ),
    "empty limit": (
        [rule(limit=None)],
        "rule 1 'gold': limit is empty; write egress and/or ingress with a rate each, a rate for both, or none, or flavor.",
    ),
    "unknown limit": (
        [rule(limit="nothing")],
        "rule 1 'gold': limit is 'nothing'; write egress and/or ingress with a rate each, a rate for both, or none, or flavor.",
    ),
    "unknown key": (
        [rule(exempt_alos=[])],
        "rule 1 'gold' has the unknown key 'exempt_alos' (did you mean exempt_also?).",
    ),
    "metadata": (
        [rule(match={"metadata": "x"})],
        "rule 1 'gold': match has the unknown key 'metadata' (known are project, network, server, port, "
        "flavor, host, aggregate, availability_zone, network_shared, network_external, floating_ip).",
    ),
    "unknown match key": (
        [rule(match={"flavour": "x"})],
        "rule 1 'gold': match has the unknown key 'flavour' (did you mean flavor?).",
    ),
    "match is a text": (
        [rule(match="all")],
        "rule 1 'gold': match is 'all', not a dictionary; leave it out to match every port.",
    ),
    "match is empty": (
        [rule(match=None)],
        "rule 1 'gold': match is empty, not a dictionary; leave it out to match every port.",
    ),
    "a project's name": (
        [rule("a"), rule("b", match={"project": "acme"})],
        "rule 2 'b': match.project is 'acme', which is not an id; tenants choose names, so rules take ids only "
        "(openstack project show -c id tells it).",
    ),
    "half an id": (
        [rule(match={"port": ["fc618310-b9"]})],
        "rule 1 'gold': match.port is 'fc618310-b9', which is not an id; tenants choose names, so rules take ids only "
        "(openstack port show -c id tells it).",
    ),
    "an id that YAML took for a number": (
        [rule(match={"project": 12345678901234567890123456789012})],
        "rule 1 'gold': match.project is '12345678901234567890123456789012' (not a text); "
        "write it in quotes, or YAML takes it for something else.",
    ),
    "a match without a value": (
        [rule(match={"flavor": None})],
        "rule 1 'gold': match.flavor is empty; write it in quotes, or YAML takes it for something else.",
    ),
    "no range": (
        [rule(match={"floating_ip": "203.0.113.300"})],
        "rule 1 'gold': match.floating_ip: '203.0.113.300' is not a network; write it like '192.0.2.0/24' or "
        "'fd00:1::/64'.",
    ),
    "a host with a prefix": (
        [rule(match={"floating_ip": "203.0.113.5/24"})],
        "rule 1 'gold': match.floating_ip: '203.0.113.5/24' is the address of a host, not of a network; "
        "write '203.0.113.0/24'.",
    ),
    "rate of 0": (
        limit({"rate": "0mbit"}),
        "rule 1 'gold': limit.egress.rate: '0mbit' is a rate of 0, which would cut the port off; the "
        "smallest rate is 8bit.",
    ),
    "rate in a unit of no tool": (
        limit({"rate": "20mb/s"}),
        "rule 1 'gold': limit.egress.rate: '20mb/s' is not a rate; it may mean bits or bytes "
        "(tc takes bps for bytes): write 20mbit, or 160mbit if bytes are meant.",
    ),
    "rate is yes": (
        limit({"rate": True}),
        "rule 1 'gold': limit.egress.rate: 'True' is not a rate; write it like 20mbit, 20 Mbit/s or 2.5gbit.",
    ),
    "ceil below rate": (
        limit({"rate": "20mbit", "ceil": "10mbit"}),
        "rule 1 'gold': limit.egress.ceil is 10mbit, less than the rate of 20mbit; ceil is the peak while the burst lasts.",
    ),
    "burst for an hour": (
        limit({"rate": "64kbit", "burst": "3mb"}),
        "rule 1 'gold': limit.egress.burst is 3mb, more than the 274 s of 64kbit that the kernel can keep.",
    ),
    "rate below the least": (
        limit({"rate": "20kbit"}),
        "rule 1 'gold': limit.egress.rate is 20kbit, below the 64kbit of least_rate, with which an instance is as good as cut off.",
    ),
    "burst below a packet": (
        limit({"rate": "20mbit", "burst": "200"}),
        "rule 1 'gold': limit.egress.burst is 200, less than a packet; give at least 1600b.",
    ),
    "burst is no size": (
        limit({"rate": "20mbit", "burst": "10s"}),
        "rule 1 'gold': limit.egress.burst: '10s' is not a size; write it as tc does, for example 200mbit, "
        "32kb or 1514.",
    ),
    "ceil alone": (
        limit({"ceil": "20mbit"}),
        "rule 1 'gold': limit.egress.rate is missing; ceil and burst are nothing without a rate.",
    ),
    "a direction is a text": (
        limit("20mbit"),
        "rule 1 'gold': limit.egress is '20mbit'; write it like {rate: 20mbit}.",
    ),
    "a direction is a list": (
        limit(["20mbit"]),
        "rule 1 'gold': limit.egress is a list; write it like {rate: 20mbit}.",
    ),
    "a typo in a direction": (
        [rule(limit={"egres": {"rate": "1mbit"}})],
        "rule 1 'gold': limit has the unknown key 'egres' (did you mean egress?).",
    ),
    "a typo in a number": (
        limit({"rate": "1mbit", "cell": "2mbit"}),
        "rule 1 'gold': limit.egress has the unknown key 'cell' (did you mean ceil?).",
    ),
    "unknown exempt": (
        [rule(exempt="all")],
        "rule 1 'gold': exempt is 'all', not one of own_network, own_subnets, none.",
    ),
    "exempt everything": (
        [rule(exempt_also=["::/0"])],
        "rule 1 'gold': exempt_also has ::/0, which exempts everything; write a rule with limit: none instead.",
    ),
    "10 000 characters": (
        [rule("x" * 10000, exempt="y" * 10000)],
        f"rule 1 '{'x' * 59}...' (10000 characters): exempt is '{'y' * 59}...' (10000 characters), "
        "not one of own_network, own_subnets, none.",
    ),
}


@pytest.mark.parametrize(("rules", "message"), TYPOS.values(), ids=list(TYPOS))
def test_a_typo_gets_an_error(rules: t.Any, message: str) -> None:
    with pytest.raises(RulesError) as error:
        RuleBook(rules)
    assert str(error.value) == message


def test_a_smaller_rate_is_taken_where_somebody_says_so(make_port: MakePort) -> None:
    (answer,) = RuleBook([*limit({"rate": "20 kbit/s"})], least_rate="8bit").answers([make_port()])
    assert limits_of(answer) == {"egress": {"rate": "20kbit"}}
    with pytest.raises(RulesError, match="least_rate: '64' is not a rate, it has no unit"):
        RuleBook([], least_rate="64")


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(RulesError) as error:
        RuleBook(
            [rule("a", exempt="x"), rule("b", match={"port": "y"})], exempt="z", exempt_within=["w"], exempt_at_most=-1
        )
    assert len(error.value.problems) == 5


def test_what_is_never_exempt_cannot_be_exempt_also() -> None:
    with pytest.raises(RulesError) as error:
        RuleBook([rule(exempt_also="10.20.0.0/16")], never_exempt="10.20.30.0/24")
    assert str(error.value) == (
        "rule 1 'gold': exempt_also has 10.20.0.0/16, which overlaps 10.20.30.0/24 of never_exempt; take it "
        "out of one of them."
    )


FLAVOR_TYPOS = {
    "unknown spec": (
        {"openstack_ops:egres_rate": "1mbit"},
        "flavor m1.tiny: extra spec has the unknown key 'openstack_ops:egres_rate' (did you mean "
        "openstack_ops:egress_rate?) "
        "(to go on without it, write a rule for this flavor).",
    ),
    "nonsense": (
        {"openstack_ops:egress_rate": "fast"},
        "flavor m1.tiny: extra spec openstack_ops:egress_rate: 'fast' is not a rate; write it like 20mbit, "
        "20 Mbit/s or 2.5gbit (to go on without it, write a rule for this flavor).",
    ),
    "ceil alone": (
        {"openstack_ops:egress_ceil": "1mbit"},
        "flavor m1.tiny: extra spec openstack_ops:egress_rate is missing; ceil and burst are nothing without a rate "
        "(to go on without it, write a rule for this flavor).",
    ),
}


@pytest.mark.parametrize(("specs", "message"), FLAVOR_TYPOS.values(), ids=list(FLAVOR_TYPOS))
def test_a_typo_in_a_flavor_stops_everything_until_a_rule_decides(
    specs: dict[str, str], message: str, make_port: MakePort
) -> None:
    port = make_port(extra_specs=specs)
    with pytest.raises(RulesError) as error:
        RuleBook([]).answers([port, port])
    assert str(error.value) == message
    (answer,) = RuleBook([rule(match={"flavor": "m1.tiny"})]).answers([port])
    assert answer.decision == "limited"


def test_something_else_than_instance_ports_is_refused(make_port: MakePort) -> None:
    with pytest.raises(RulesError, match="instance_ports is an empty dictionary, not the list that the inventory"):
        choose({})
    incomplete = make_port()
    del incomplete["instance"]
    with pytest.raises(RulesError, match=r"item 2 of instance_ports is not what .* writes: it lacks 'instance'"):
        RuleBook([]).answers([make_port(), incomplete])


def test_1000_ports_and_100_rules_take_well_under_a_second(make_port: MakePort) -> None:
    ids = [str(uuid.UUID(int=number)) for number in range(1, 1001)]
    rules = [
        rule(f"r{number}", match={"project": ids[:50], "floating_ip": f"198.51.{number}.0/24"}) for number in range(50)
    ]
    rules += [
        rule(f"f{number}", match={"floating_ip": [f"198.51.{number}.0/25", f"198.51.{number}.128/25"]})
        for number in range(50)
    ]
    ports = [
        make_port(port_id=port, floating=["203.0.113.5"], own=[f"10.{number % 250}.0.0/24"])
        for number, port in enumerate(ids)
    ]
    start = time.process_time()
    answers = RuleBook(rules).answers(ports)
    assert time.process_time() - start < 0.5
    assert {answer.decision for answer in answers} == {"unlimited"}


def test_a_rate_alone_is_for_both_directions(make_port: MakePort) -> None:
    short = RuleBook([{"name": "gold", "limit": {"rate": "20 Mbit/s", "burst": "1mb"}}]).answers([make_port()])
    long = RuleBook([rule(limit={key: {"rate": "20mbit", "burst": "1mb"} for key in TWENTY})]).answers([make_port()])
    assert short == long
    with pytest.raises(RulesError, match="limit has the unknown key 'ingres'"):
        RuleBook([{"name": "gold", "limit": {"rate": "20 Mbit/s", "ingres": {"rate": "1mbit"}}}])
