# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import typing as t
from dataclasses import replace

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import ovsdb
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import (
    ROOT,
    Class,
    Device,
    Filter,
    Qdisc,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.ovsdb import Switch
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.apply import PortsOutcome
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.htb import keys_of, network_of
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ownership import EXEMPT, LIMITED, owner
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.plan import PortPlan, plan_ports, plan_purge
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import Port, Shape, parse_ports
from tests.unit.plugins.module_utils._tc.fake_kernel import FakeKernel

PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
KEY = PORT[:11]
TAP, QVB, QVO, IFB = (prefix + KEY for prefix in ("tap", "qvb", "qvo", "ifb"))
LIMIT = {"rate": "20mbit", "ceil": "40mbit", "burst": "200mbit"}
BOTH = {"egress": LIMIT, "ingress": LIMIT, "exempt": ["192.168.111.0/24", "fd00:1::/64"]}


def plan(kernel: FakeKernel, desired: dict[str, t.Any], leaf: str = "sfq", **options: t.Any) -> PortPlan:
    ports = parse_ports([{"port_id": PORT, **desired}], leaf)
    return plan_ports(ports, copy.deepcopy(kernel.devices), **options)[0]


def run(kernel: FakeKernel, desired: dict[str, t.Any], leaf: str = "sfq", **options: t.Any) -> PortPlan:
    """Plan, do, and require that planning again finds nothing to do and sees what was predicted."""
    planned = plan(kernel, desired, leaf, **options)
    for tool, part in (("ip", "links_before"), ("tc", "statements"), ("ip", "links_after")):
        assert kernel(tool, getattr(planned, part)) == {}
    again = plan(kernel, desired, leaf, **options)
    assert not again.acts, again.statements
    if planned.done != "refused":
        assert again.found == planned.now
    return planned


def hybrid() -> FakeKernel:
    return FakeKernel(TAP, QVB, QVO)


def native() -> FakeKernel:
    return FakeKernel(TAP)


TRANSITIONS = {
    "a new limit on a hybrid plug": (hybrid, [{"plug": "ovs_hybrid", **BOTH}], "created"),
    "a new limit on a native plug": (native, [{"plug": "ovs", **BOTH}], "created"),
    "another rate": (hybrid, [{"plug": "ovs_hybrid", **BOTH}, {"plug": "ovs_hybrid", **BOTH, "egress": {"rate": "1gbit"}}],
                     "changed"),
    "another exemption": (native, [{"plug": "ovn", **BOTH}, {"plug": "ovn", **BOTH, "exempt": ["10.0.0.0/8"]}], "changed"),
    "no exemption any more": (hybrid, [{"plug": "ovs_hybrid", **BOTH}, {"plug": "ovs_hybrid", **BOTH, "exempt": []}],
                              "changed"),
    "only upload any more": (native, [{"plug": "ovs", **BOTH}, {"plug": "ovs", "egress": LIMIT}], "changed"),
    "only download any more": (native, [{"plug": "ovs", **BOTH}, {"plug": "ovs", "ingress": LIMIT}], "changed"),
    "no limit any more, hybrid": (hybrid, [{"plug": "ovs_hybrid", **BOTH}, {"plug": "ovs_hybrid", "state": "absent"}],
                                  "removed"),
    "no limit any more, native": (native, [{"plug": "bridge", **BOTH}, {"plug": "bridge", "state": "absent"}], "removed"),
    "nothing there and nothing wanted": (hybrid, [{"plug": "ovs_hybrid", "state": "absent"}], "unchanged"),
}  # fmt: skip


@pytest.mark.parametrize(("devices", "desired_states", "done"), TRANSITIONS.values(), ids=TRANSITIONS)
def test_transitions(devices: t.Callable[[], FakeKernel], desired_states: list[dict[str, t.Any]], done: str) -> None:
    kernel = devices()
    for desired in desired_states:
        last = run(kernel, desired)
    assert last.done == done
    if last.done == "removed":
        assert all(device.bare and device.hook is None for device in kernel.devices.values())
        assert IFB not in kernel.devices


@pytest.mark.parametrize("leaf", ["sfq", "fq_codel", "pfifo", "none"])
@pytest.mark.parametrize("before", ["sfq", "fq_codel", "pfifo", "none"])
def test_a_leaf_is_replaced_below_its_class(before: str, leaf: str) -> None:
    kernel = hybrid()
    run(kernel, {"plug": "ovs_hybrid", **BOTH}, before)
    kernel.runs.clear()
    run(kernel, {"plug": "ovs_hybrid", **BOTH}, leaf)
    assert not [one for one in kernel.runs if not one.startswith("qdisc") or "root" in one]


def test_a_limit_is_changed_in_place() -> None:
    kernel = hybrid()
    run(kernel, {"plug": "ovs_hybrid", **BOTH})
    kernel.runs.clear()
    run(kernel, {"plug": "ovs_hybrid", **BOTH, "egress": {"rate": "5mbit"}})
    assert len(kernel.runs) == 1
    assert kernel.runs[0].startswith(f"class change dev {QVB} parent 1: classid 1:100 htb rate 5000000bit")


def test_the_limited_class_comes_when_exempt_traffic_has_its_way_out() -> None:
    statements = plan(hybrid(), {"plug": "ovs_hybrid", **BOTH}).statements
    for device in (TAP, QVB):
        mine = [one for one in statements if f"dev {device} " in one]
        assert "root" in mine[0]
        limited = next(index for index, one in enumerate(mine) if "classid 1:100" in one)
        assert all(index < limited for index, one in enumerate(mine) if one.startswith("filter"))


def test_upload_matches_the_destination_and_download_the_source() -> None:
    statements = plan(hybrid(), {"plug": "ovs_hybrid", **BOTH}).statements
    filters = [one for one in statements if one.startswith("filter")]
    networks = [one for one in filters if "match ip" in one]
    assert all((" dst " in one) == (QVB in one) and (" src " in one) == (TAP in one) for one in networks)
    assert len(networks) == 4


@pytest.mark.parametrize("exempt", [[], ["192.168.111.0/24"]])
def test_neighbours_are_found_outside_the_limit_whatever_is_exempt(exempt: list[str]) -> None:
    kernel = hybrid()
    made = run(kernel, {"plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT, "exempt": exempt})
    for device in (TAP, QVB):
        always = [one for one in made.statements if f"dev {device} " in one and "match u32" in one]
        assert [" ".join(one.split()[7:9]) for one in always] == ["arp prio", "ipv6 prio", "ipv6 prio"]
    assert made.public()["now"]["egress"]["exempt"] == exempt
    assert plan(kernel, {"plug": "ovs_hybrid", "egress": LIMIT}).public()["found"]["egress"]["exempt"] == exempt


def test_neighbour_discovery_in_more_filters_is_replaced_once_without_a_moment_in_between() -> None:
    """As versions before wrote it: a filter each for 133, 134 with 135, and 136 with 137."""
    kernel = hybrid()
    desired = {"plug": "ovs_hybrid", **BOTH}
    run(kernel, desired)
    limits = plan(kernel, desired).public()["found"]
    for name in (TAP, QVB):
        filters = kernel.devices[name].filters
        [both] = [one for one in filters if one.keys[-1][:3] == (b"\xfc\0\0\0", b"\x84\0\0\0", 40)]
        filters.remove(both)
        for number, (kind, mask) in enumerate([(133, 255), (134, 254)], start=0x900):
            keys = (both.keys[0], (bytes((mask, 0, 0, 0)), bytes((kind, 0, 0, 0)), 40, 0))
            filters.append(replace(both, handle=0x80100000 + number, keys=keys))
    kernel.runs.clear()
    changed = run(kernel, desired)
    assert (changed.done, changed.change) == ("changed", "unchanged")
    assert changed.public()["found"] == changed.public()["now"] == limits
    for device in (TAP, QVB):
        verbs = [one.split()[:2] for one in kernel.runs if f"dev {device} " in one]
        assert verbs == [["filter", "add"], ["filter", "del"], ["filter", "del"]]
    assert run(kernel, desired).done == "unchanged"


def test_the_redirect_goes_before_its_target_and_comes_behind_it() -> None:
    kernel = native()
    made = run(kernel, {"plug": "ovs", "egress": LIMIT})
    assert made.links_before == [f"link add name {IFB} txqueuelen 1000 type ifb", f"link set dev {IFB} up"]
    assert made.statements[-1].startswith(f"filter add dev {TAP} ingress")
    gone = run(kernel, {"plug": "ovs", "state": "absent"})
    assert gone.statements[-1] == f"qdisc del dev {TAP} clsact"
    assert gone.links_after == [f"link del dev {IFB}"]


def shaped_by(kernel: FakeKernel, name: str, root: Qdisc, classes: dict[int, Class]) -> FakeKernel:
    kernel.devices[name].root, kernel.devices[name].classes = root, classes
    return kernel


def legacy(kernel: FakeKernel, name: str) -> FakeKernel:
    """As the legacy agent leaves a device: 10 Gbit/s for exempt traffic, quantum by r2q."""
    shaped_by(kernel, name, Qdisc("htb", ROOT, 0x100), {
        LIMITED: Class(True, 20_000_000, 40_000_000, 163840000, 10000, 200000),
        EXEMPT: Class(True, 10**10, 10**10, 20, 20, 200000),
    })  # fmt: skip
    protocol, keys = keys_of(
        next(iter(parse_ports([{"port_id": PORT, "plug": "ovs", **BOTH}], "sfq")[0].exempt)), "src"
    )
    kernel.devices[name].filters = [Filter(ROOT, 1, protocol, 0x80000800, "u32", keys, EXEMPT)]
    return kernel


def test_a_legacy_agent_s_rules_are_adopted_without_a_moment_unlimited() -> None:
    kernel = legacy(legacy(hybrid(), QVB), QVO)
    adopted = run(kernel, {"plug": "ovs_hybrid", **BOTH})
    assert adopted.done == "adopted"
    assert not [one for one in adopted.statements if QVB in one and "root" in one]
    freed = adopted.statements.index(f"qdisc del dev {QVO} root")
    assert all(index < freed for index, one in enumerate(adopted.statements) if TAP in one)


def test_a_legacy_agent_s_limit_on_qvo_stays_until_there_is_a_tap() -> None:
    kernel = legacy(FakeKernel(QVB, QVO), QVO)
    waiting = run(kernel, {"plug": "ovs_hybrid", **BOTH})
    assert waiting.done == "gone"
    assert not kernel.devices[QVO].bare


OWNERS = {
    "libvirt": (Qdisc("htb", ROOT, 1), {0x10001: Class(True, 10, 10, 1, 1, 1)}, "libvirt's own <bandwidth>"),
    "Open vSwitch": (Qdisc("htb", ROOT, 1), {0x1FFFE: Class(True, 10, 10, 1, 1, 1)}, "Open vSwitch's linux-htb"),
    "somebody": (Qdisc("tbf", 0x80010000), {}, "a tbf qdisc 8001: made by hand"),
    "somebody's htb": (Qdisc("htb", ROOT, 0x100), {0x10007: Class(True, 10, 10, 1, 1, 1)}, "a htb qdisc 1: made by hand"),
    "a tree of classes": (Qdisc("htb", ROOT, 0x100), {LIMITED: Class(False, 10, 10, 1, 1, 1)}, "made by hand"),
}  # fmt: skip


@pytest.mark.parametrize(("root", "classes", "owner"), OWNERS.values(), ids=OWNERS)
def test_what_somebody_else_shapes_is_refused_or_taken_over(root: Qdisc, classes: dict[int, Class], owner: str) -> None:
    kernel = shaped_by(hybrid(), TAP, root, classes)
    refused = plan(kernel, {"plug": "ovs_hybrid", **BOTH})
    assert (refused.done, refused.acts) == ("refused", False)
    assert owner in refused.reason
    assert run(kernel, {"plug": "ovs_hybrid", **BOTH}, takeover=True).done == "created"


def test_purge_and_absent_leave_what_somebody_else_made() -> None:
    kernel = shaped_by(hybrid(), TAP, *OWNERS["libvirt"][:2])
    assert not plan(kernel, {"plug": "ovs_hybrid", "state": "absent"}).acts
    assert plan_purge([], {}, kernel.devices) == []


def test_a_switch_that_polices_or_offloads_keeps_its_hook() -> None:
    desired = {"plug": "ovs", **BOTH}
    policed = plan(native(), desired, switch=Switch(policed={TAP: 10000}))
    assert "Open vSwitch's policing at 10000 kbit/s" in policed.reason
    assert "hw-offload=true" in plan(native(), desired, switch=Switch(offload=True)).reason
    assert plan(native(), {"plug": "ovs", "ingress": LIMIT}, switch=Switch(offload=True)).done == "created"


@pytest.mark.parametrize(
    "text", ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.7/32", "::/0", "fc00::/7", "2001:db8::/33", "::1/128"]
)
@pytest.mark.parametrize("side", ["src", "dst"])
def test_a_network_is_read_back_from_its_filter(text: str, side: str) -> None:
    (port,) = parse_ports([{"port_id": PORT, "plug": "ovs", "egress": LIMIT, "exempt": [text]}], "sfq")
    protocol, keys = keys_of(port.exempt[0], side)
    assert str(network_of(Filter(ROOT, 1, protocol, 0x80000800, "u32", keys, EXEMPT))) == text


def test_a_device_that_nobody_shaped_has_no_owner() -> None:
    assert owner(Device(TAP, 2)) == ""
    assert Device(TAP, 2, root=Qdisc("fq_codel", 0)).bare


@pytest.mark.parametrize("network", ["fe80::%\nqdisc del dev victim root\n#/64", "fe80::%eth0/64", "::%/0"])
def test_a_network_that_could_be_more_than_one_never_reaches_tc(network: str) -> None:
    with pytest.raises(OperatorError, match="isn't a network"):
        parse_ports([{"port_id": PORT, "plug": "ovs", "egress": LIMIT, "exempt": [network]}], "sfq")


@pytest.mark.parametrize(("plug", "devices"), [("ovs_hybrid", hybrid), ("ovs", native)])
def test_a_last_resort_is_for_a_port_without_limits_only(plug: str, devices: t.Callable[[], FakeKernel]) -> None:
    other = {"plug": plug, "egress": {"rate": "7mbit"}, "ingress": {"rate": "7mbit"}, "last_resort": True}
    kernel = devices()
    assert plan(kernel, other).done == "created"
    run(kernel, {"plug": plug, "ingress": LIMIT})
    kept = plan(kernel, other)
    assert (kept.done, kept.acts, kept.reason) == ("kept", False, "")
    assert kept.public()["found"]["ingress"]["rate"] == "20mbit"
    assert kept.found["egress"] is None


def test_a_port_that_is_kept_without_limit_says_so_where_it_has_a_device() -> None:
    desired = {"plug": "ovs", "state": "kept", "why": "undecided"}
    assert plan(native(), desired).reason == f"Port {PORT} has no limit, and keeps that: undecided"
    assert plan(FakeKernel("eth0"), desired).reason == ""
    kernel = native()
    run(kernel, {"plug": "ovs", **BOTH})
    assert plan(kernel, desired).reason == ""
    assert plan(shaped_by(native(), TAP, Qdisc("tbf", 0x70000), {}), desired).reason == "", "somebody limits it"


def test_what_neutron_shapes_in_one_direction_is_no_hindrance_in_the_other() -> None:
    """A policy with a limit for the download only: Open vSwitch has its linux-htb on qvo."""
    kernel = shaped_by(hybrid(), QVO, Qdisc("htb", ROOT, 1), {0x1FFFE: Class(True, 10**7, 10**7, 0, 0, 0)})
    assert run(kernel, {"plug": "ovs_hybrid", "egress": LIMIT}).done == "created"
    assert plan(kernel, {"plug": "ovs_hybrid", "ingress": LIMIT}).done == "refused"
    policed = hybrid()
    policed.devices[QVO].hook = Qdisc("ingress", 0xFFFF0000)
    assert run(policed, {"plug": "ovs_hybrid", "ingress": LIMIT}).done == "created"
    assert plan(policed, {"plug": "ovs_hybrid", "egress": LIMIT}).done == "refused"


def test_a_last_resort_without_device_fails_no_strict_run() -> None:
    """A DHCP server's port and a trunk's subport never have one on their host."""
    (one, other) = (
        PortPlan(Port(PORT, "ovs", egress=Shape(8000, 8000, 1600), last_resort=last), {}, {}, "gone", f"gone {last}")
        for last in (True, False)
    )
    outcome = PortsOutcome([one, other], failures=["disk"])
    assert outcome.reasons(strict=True) == ["disk", "gone False"]
    assert outcome.reasons(strict=False) == ["disk"]


@pytest.mark.parametrize(
    ("switched", "absent", "guess", "done"),
    [
        (True, True, False, "refused"),
        (True, True, True, "created"),
        (True, False, False, "created"),
        (False, True, False, "created"),
    ],
)
def test_a_port_of_a_switch_without_database_is_refused_by_a_run(
    monkeypatch: pytest.MonkeyPatch, switched: bool, absent: bool, guess: bool, done: str
) -> None:
    """Or a policer that Neutron ordered is neither seen nor told; the restorer sets again what a run has set."""
    monkeypatch.setattr(ovsdb, "ask", lambda: ovsdb.Switch(absent=absent))
    kernel = native()
    kernel.devices[TAP].switched = switched
    ports = parse_ports(
        [{"port_id": PORT, "plug": "ovs", **BOTH}, {"port_id": "0" + PORT[1:], "plug": "ovs", "ingress": LIMIT}], "sfq"
    )
    (planned, other) = apply._plan_listed(apply.Request(ports), kernel.devices, guess=guess)
    assert (planned.done, other.done) == (done, "gone")
    assert ("no database of the switch answers" in planned.reason, planned.retry) == (
        done == "refused",
        done == "refused",
    )
