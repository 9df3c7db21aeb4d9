# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A rate is parsed once: where it enters a filter or the module. Behind that there are numbers, and texts in results for people only."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import typing as t
from collections import Counter

import pytest

from ansible_collections.openstack_ops.day2.plugins.filter.limits_removed import limits_removed
from ansible_collections.openstack_ops.day2.plugins.filter.port_limits import port_limits
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import htb, metrics, ports, state, units
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.limits import Limit, change
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.plan import plan_ports, survey_ports
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Shape, parse_ports
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos import reader

from .fake_kernel import FakeKernel

PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
ENTRY = {
    "port_id": PORT,
    "plug": "ovs_hybrid",
    "egress": {"rate": "20mbit", "ceil": "40mbit", "burst": "1mb"},
    "ingress": {"rate": "10mbit"},
    "exempt": ["192.0.2.0/24", "2001:db8::/64"],
}
MEGA = 10**6


class Parsed(Counter[str]):
    """How often each function that reads a text was called, by its name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        for module, name in (
            (ports, "parse_rate"), (ports, "parse_size"), (ports, "_network"), (reader, "parse_rate"), (reader, "parse_size"),
            (reader, "parse_network"), (ipaddress, "ip_network"),
        ):  # fmt: skip
            monkeypatch.setattr(module, name, self._counted(name, getattr(module, name)))

    def _counted(self, name: str, plain: t.Callable[..., t.Any]) -> t.Callable[..., t.Any]:
        def counted(*args: t.Any, **kwargs: t.Any) -> t.Any:
            self[name] += 1
            return plain(*args, **kwargs)

        return counted


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> Parsed:
    return Parsed(monkeypatch)


def limited() -> FakeKernel:
    kernel = FakeKernel(*(prefix + PORT[:11] for prefix in ("tap", "qvb", "qvo")))
    (plan,) = plan_ports(parse_ports([ENTRY], "sfq"), kernel.devices)
    assert kernel("tc", plan.statements) == {}
    return kernel


def test_the_module_parses_each_number_and_network_once(parsed: Parsed) -> None:
    (port,) = parse_ports([ENTRY], "sfq")
    assert (parsed["parse_rate"], parsed["parse_size"], parsed["_network"]) == (3, 1, 2)
    assert port.egress == Shape(20 * MEGA, 40 * MEGA, 1 << 20)
    assert port.ingress == Shape(10 * MEGA, 20 * MEGA, 12500000)
    assert port.exempt == (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/64"))


def test_nothing_behind_the_option_parses_a_rate(parsed: Parsed) -> None:
    """Plan, kernel, plan again, survey, metrics, saved state and back: numbers all the way."""
    kernel = limited()
    asked = parsed["parse_rate"] + parsed["parse_size"]
    (port,) = parse_ports([ENTRY], "sfq")
    parsed.clear()
    (plan,) = plan_ports([port], kernel.devices)
    found = metrics.Found(survey_ports((), {PORT: port}, kernel.devices))
    metrics.render(metrics.Settings("/d", "cmp01"), found)
    saved = state.decode(state.render(state.Saved({PORT: port}))).ports
    assert (parsed["parse_rate"], parsed["parse_size"]) == (0, 0)
    assert saved == {PORT: port}
    assert asked > 0
    for limit in (*plan.found.values(), *plan.now.values(), htb.describe(kernel.devices["qvb" + PORT[:11]])):
        assert isinstance(limit, Limit)
        assert {type(number) for number in dataclasses.astuple(limit.shape)} == {int}
        assert {type(network) for network in limit.exempt} == {ipaddress.IPv4Network, ipaddress.IPv6Network}


def test_the_saved_state_has_numbers() -> None:
    (port,) = parse_ports([ENTRY], "sfq")
    version, _checksum, text = state.encode(port).split(" ", 2)
    assert version == "2"
    assert json.loads(text)["egress"] == {"rate": 20 * MEGA, "ceil": 40 * MEGA, "burst": 1 << 20}


def test_results_are_for_people() -> None:
    (plan,) = plan_ports(parse_ports([ENTRY], "sfq"), limited().devices)
    told = plan.public()
    assert told["now"] == told["found"]
    assert told["now"]["egress"] == {
        "rate": "20mbit",
        "ceil": "40mbit",
        "burst": "1mb",
        "exempt": ["192.0.2.0/24", "2001:db8::/64"],
        "leaf": "sfq",
    }
    json.dumps(told)


def instance_port(**more: t.Any) -> dict[str, t.Any]:
    return {
        "port_id": PORT, "plug": "ovs", "unsupported_reason": None, "project_id": "p", "network_id": "n", "own_network": True,
        "claims": None, "qos_policy": None, "floating_ips": [], "other_subnets": [], "fixed_ips": [{"cidr": "192.168.1.0/24"}],
        "instance": {"id": PORT, "flavor": {"name": "m1", "extra_specs": {}, "vcpus": 2}}, **more,
    }  # fmt: skip


@pytest.mark.parametrize("backend", ["tc", "libvirt"])
def test_the_filter_parses_each_number_of_the_rules_once(parsed: Parsed, backend: str) -> None:
    """However many ports there are, also where numbers are scaled, or handed to libvirt in its own units."""
    rules = [{"name": "all", "limit": {"rate": "20 Mbit/s", "burst": "1mb"}, "per_vcpu": True}]
    many = [instance_port(port_id=PORT.replace("fc6", f"{number:03x}")) for number in range(50)]
    items = port_limits(many, rules, backend=backend, exempt="none" if backend == "libvirt" else "own_network")
    # The rule's and least_rate.
    assert (parsed["parse_rate"], parsed["parse_size"]) == (2, 1)
    assert parsed["ip_network"] <= 5  # exempt_within, and the subnet of all these ports
    if backend == "tc":
        assert items[0]["egress"] == {"rate": "40mbit", "burst": "2mb"}
    else:
        assert items[0]["inbound"] == {"average": 5000, "peak": 10000, "burst": 2048}


def test_what_the_filter_writes_means_the_same_to_the_module() -> None:
    rules = [{"name": "all", "limit": {"rate": "1.2345678mbit", "ceil": "3Gbit/s", "burst": "33333b"}}]
    (port,) = parse_ports(port_limits([instance_port()], rules), "sfq")
    assert port.egress == port.ingress == Shape(1234560, 3 * 10**9, 33333)


def test_removals_are_counted_without_parsing_a_result(parsed: Parsed, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = limited()
    faster = {**ENTRY, "egress": {"rate": "20001kbit", "ceil": "40mbit", "burst": "1mb"}}
    results = {
        "cmp01": {"ports": [plan_ports(parse_ports([faster], "sfq"), kernel.devices)[0].public()]},
        "cmp02": {"ports": [plan_ports(parse_ports([ENTRY], "sfq"), kernel.devices)[0].public()]},
    }
    parsed.clear()
    monkeypatch.setattr(units, "_split", None)  # whoever parses a rate now fails
    told = limits_removed(results, {host: {"looked": result} for host, result in results.items()}, "looked", "0")
    assert (told["limited"], told["loosened"], told["too_many"]) == (2, 1, True)


def limit(rate: int, ceil: int, leaf: str = "sfq") -> Limit:
    return Limit(Shape(rate, ceil, 1000), (), leaf)


@pytest.mark.parametrize(
    ("found", "now", "what"),
    [
        (limit(20, 40), limit(21, 40), "loosened"),
        (limit(20, 40), limit(10, 80), "loosened"),
        (limit(20, 40), limit(10, 40), "changed"),
        (limit(20, 40), limit(20, 40, "pfifo"), "changed"),
        (limit(20, 40), limit(20, 40), "unchanged"),
        (limit(20, 40), None, "removed"),
        (None, limit(20, 40), "created"),
        (None, None, "unchanged"),
    ],
)
def test_what_becomes_of_a_limit(found: Limit | None, now: Limit | None, what: str) -> None:
    assert change({"ingress": found}, {"ingress": now}) == what
    assert change({"egress": None, "ingress": found}, {"egress": limit(1, 1), "ingress": now}) in (what, "created")
