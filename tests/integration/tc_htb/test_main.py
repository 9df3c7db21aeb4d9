# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""check, do, check again, do again; and what is refused leaves everything as it was."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import modules
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, batch, restorer, state
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import LEAVES, parse_ports
from tests.integration.tc_htb.namespace import OTHER, PORT, Plug, kernel_text, shell, tc_htb

LIMIT = {"rate": "20mbit", "ceil": "40mbit", "burst": "200mbit"}
EXEMPT = ["192.168.111.0/24", "fd00:1::/64"]
DESIRED = {"port_id": PORT, "plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT, "exempt": EXEMPT}

KEY = PORT[:11]


def result(printed: dict[str, t.Any]) -> dict[str, t.Any]:
    """What a run tells, without what check mode can't know (how the module was called)."""
    return {name: printed[name] for name in ("changed", "ports", "counts", "restorer", "diff")}


@pytest.mark.parametrize("kind", ["ovs_hybrid", "bridge", "ovs", "ovn"])
def test_check_predicts_the_run_and_the_second_run_changes_nothing(plug: Plug, kind: str) -> None:
    plug.hybrid() if kind == "ovs_hybrid" else plug.native()
    desired = {**DESIRED, "plug": kind}
    before = kernel_text()

    predicted = tc_htb(desired, check=True)
    assert kernel_text() == before
    done = tc_htb(desired)
    assert result(predicted) == result(done)
    assert done["counts"]["created"] == 1
    assert kernel_text() != before

    after = kernel_text()
    for check in (True, False):
        again = tc_htb(desired, check=check)
        assert not again["changed"]
        assert again["ports"][0]["found"] == again["ports"][0]["now"] == done["ports"][0]["now"]
    assert kernel_text() == after


@pytest.mark.parametrize("kind", ["ovs_hybrid", "ovs"])
def test_absent_leaves_the_devices_as_they_were_found(plug: Plug, kind: str) -> None:
    plug.hybrid() if kind == "ovs_hybrid" else plug.native()
    before = kernel_text()
    tc_htb({**DESIRED, "plug": kind})
    gone = {"port_id": PORT, "plug": kind, "state": "absent"}
    assert tc_htb(gone, check=True)["counts"]["removed"] == 1
    assert tc_htb(gone)["counts"]["removed"] == 1
    assert not tc_htb(gone)["changed"]
    assert kernel_text() == before


@pytest.mark.parametrize("how", [{}, {"purge": True}])
def test_a_tap_is_left_as_libvirt_leaves_it(plug: Plug, how: dict[str, bool]) -> None:
    """A tap of the kernel's own, and libvirt's noqueue on it."""
    shell(f"ip tuntap add mode tap tap{KEY}; ip link set tap{KEY} up; tc qdisc replace dev tap{KEY} root noqueue")
    before = re.sub(r"noqueue \w+:", "noqueue", kernel_text())
    tc_htb({**DESIRED, "plug": "ovs"})
    assert "htb 1:" in shell(f"tc qdisc show dev tap{KEY}")
    gone = [] if how else [{"port_id": PORT, "plug": "ovs", "state": "absent"}]
    for check in (True, False):
        assert tc_htb(*gone, check=check, **how)["counts"]["removed"] == 1
    assert re.sub(r"noqueue \w+:", "noqueue", kernel_text()) == before
    assert not tc_htb(*gone, **how)["changed"]


@pytest.mark.parametrize("direction", ["egress", "ingress"])
@pytest.mark.parametrize("kind", ["ovs_hybrid", "ovs"])
def test_a_direction_left_out_is_not_limited_any_more(plug: Plug, kind: str, direction: str) -> None:
    plug.hybrid() if kind == "ovs_hybrid" else plug.native()
    both = {**DESIRED, "plug": kind}
    one = {name: value for name, value in both.items() if name != direction}
    tc_htb(one)
    only_one = kernel_text()
    tc_htb(both)
    printed = tc_htb(one)
    assert printed["ports"][0]["now"][direction] is None
    assert printed["ports"][0]["done"] == "changed"
    # Interface indexes and the numbers that the kernel hands out may differ, the rules may not.
    assert re.sub(r"index \d+", "", kernel_text()) == re.sub(r"index \d+", "", only_one)
    assert not tc_htb(one)["changed"]


def test_purge_removes_our_limits_and_nothing_else(plug: Plug) -> None:
    plug.hybrid(PORT)
    plug.native(OTHER)
    shell("ip link add tap12345678-90 type veth peer name x; tc qdisc add dev tap12345678-90 root handle 5: pfifo")
    shell("ip link add eth7 type ifb; tc qdisc add dev eth7 root handle 1: htb default 100")
    shell(
        "tc class add dev eth7 parent 1: classid 1:100 htb rate 1mbit; tc class add dev eth7 parent 1: classid 1:1 htb rate 1gbit"
    )
    before = kernel_text()
    tc_htb(DESIRED, {**DESIRED, "port_id": OTHER, "plug": "ovs"})
    printed = tc_htb({**DESIRED}, purge=True)
    assert [port["done"] for port in printed["ports"]] == ["unchanged", "removed"]
    assert printed["ports"][1]["found"]["egress"]["rate"] == "20mbit"
    printed = tc_htb(purge=True)
    assert printed["counts"]["removed"] == 1
    assert kernel_text() == before


def test_a_kept_port_is_left_as_it_is_by_a_purge_as_well(plug: Plug) -> None:
    plug.hybrid(PORT)
    tc_htb(DESIRED)
    before = kernel_text()
    printed = tc_htb({"port_id": PORT, "plug": "ovs", "state": "kept"}, purge=True)
    assert printed["counts"]["kept"] == 1
    assert not printed["changed"]
    assert kernel_text() == before


def test_a_last_resort_leaves_whatever_limit_there_is(plug: Plug) -> None:
    resort = {**DESIRED, "egress": {"rate": "7mbit"}, "last_resort": True}
    plug.hybrid(PORT)
    assert result(tc_htb(resort, check=True)) == result(done := tc_htb(resort))
    assert done["counts"]["created"] == 1
    tc_htb(DESIRED)
    before = kernel_text()
    for check in (True, False):
        printed = tc_htb(resort, purge=True, check=check)
        assert (printed["changed"], printed["counts"]["kept"]) == (False, 1)
        assert printed["ports"][0]["now"]["egress"]["rate"] == "20mbit"
    assert kernel_text() == before


def test_a_last_resort_leaves_a_saved_limit_whose_device_is_away(plug: Plug) -> None:
    limited = apply.Request(parse_ports([DESIRED], "pfifo"), persist=True)
    resort = apply.Request(
        parse_ports([{**DESIRED, "egress": {"rate": "7mbit"}, "last_resort": True}], "pfifo"), persist=True
    )
    tools = batch.Batch(restorer._run, "tc", "ip")
    apply.apply(limited, tools)
    assert apply.apply(resort, tools).counts["kept"] == 1
    assert state.load().ports[PORT] == limited.ports[0]


def test_a_legacy_agent_s_rules_are_adopted_in_place(plug: Plug) -> None:
    """qvb keeps its qdisc; the download moves from qvo, which Open vSwitch owns, to the tap."""
    plug.hybrid()
    for device, side in (("qvb" + KEY, "dst"), ("qvo" + KEY, "src")):
        shell(
            f"tc qdisc add dev {device} root handle 1: htb default 100;"
            f"tc class add dev {device} parent 1: classid 1:100 htb rate 20mbit ceil 40mbit burst 200mbit;"
            f"tc qdisc add dev {device} parent 1:100 pfifo;"
            f"tc class add dev {device} parent 1: classid 1:1 htb rate 10gbit;"
            f"tc qdisc add dev {device} parent 1:1 pfifo;"
            f"tc filter add dev {device} protocol ip parent 1: prio 1 u32 match ip {side} 192.168.111.0/24 flowid 1:1"
        )
    desired = {**DESIRED, "exempt": ["192.168.111.0/24"]}
    predicted = tc_htb(desired, check=True)
    printed = tc_htb(desired)
    assert printed["ports"] == predicted["ports"]
    assert printed["ports"][0]["done"] == "adopted"
    assert printed["ports"][0]["found"]["ingress"]["rate"] == "20mbit"
    assert "htb" not in shell(f"tc qdisc show dev qvo{KEY}")
    assert "rate 20Mbit" in shell(f"tc class show dev tap{KEY}")
    assert not tc_htb(desired)["changed"]


@pytest.mark.parametrize(
    ("make", "owner"),
    [
        pytest.param("tc qdisc add dev tap{key} root handle 1: htb default 1;"
                     "tc class add dev tap{key} parent 1: classid 1:1 htb rate 10mbit", "libvirt", id="libvirt's bandwidth"),
        pytest.param("tc qdisc add dev tap{key} root tbf rate 1mbit burst 10k latency 50ms", "tbf", id="a tbf made by hand"),
        pytest.param("tc qdisc add dev qvo{key} handle ffff: ingress", "policing", id="Open vSwitch's policing"),
        pytest.param("tc qdisc add dev qvb{key} root handle 1: htb default 100;"
                     "tc class add dev qvb{key} parent 1: classid 1:7 htb rate 1mbit", "made by hand", id="another htb"),
    ],
)  # fmt: skip
def test_what_somebody_else_shapes_is_refused_and_the_others_are_done(plug: Plug, make: str, owner: str) -> None:
    plug.hybrid(PORT)
    plug.hybrid(OTHER)
    shell(make.format(key=KEY))
    mine = "".join(line for line in kernel_text().splitlines(keepends=True) if KEY in line)
    printed = tc_htb(DESIRED, {**DESIRED, "port_id": OTHER})
    assert printed["failed"]
    assert owner in printed["msg"]
    assert "takeover: true" in printed["msg"]
    assert [port["done"] for port in printed["ports"]] == ["refused", "created"]
    assert "".join(line for line in kernel_text().splitlines(keepends=True) if KEY in line) == mine

    predicted = tc_htb(DESIRED, {**DESIRED, "port_id": OTHER}, takeover=True, check=True)
    printed = tc_htb(DESIRED, {**DESIRED, "port_id": OTHER}, takeover=True)
    assert printed["ports"] == predicted["ports"]
    assert [port["done"] for port in printed["ports"]] == ["created", "unchanged"]
    assert not tc_htb(DESIRED, {**DESIRED, "port_id": OTHER})["changed"]


def test_filters_of_another_tool_at_the_hook_are_refused(plug: Plug) -> None:
    plug.native()
    shell(
        f"tc qdisc add dev tap{KEY} clsact;"
        f"tc filter add dev tap{KEY} ingress protocol ip prio 9 u32 match ip dst 10.0.0.0/8 flowid 1:9"
    )
    before = kernel_text()
    printed = tc_htb({**DESIRED, "plug": "ovn"})
    assert "filters of another tool" in printed["msg"]
    assert kernel_text() == before
    assert tc_htb({**DESIRED, "plug": "ovn"}, takeover=True)["counts"]["created"] == 1
    assert not tc_htb({**DESIRED, "plug": "ovn"})["changed"]


def test_devices_that_are_gone_are_told_and_fail_only_when_asked(plug: Plug) -> None:
    plug.hybrid(OTHER)
    printed = tc_htb(DESIRED, {**DESIRED, "port_id": OTHER})
    assert not printed.get("failed")
    assert [port["done"] for port in printed["ports"]] == ["gone", "created"]
    assert f"qvb{KEY} and tap{KEY} are not on this host" in printed["ports"][0]["reason"]
    assert tc_htb(DESIRED, strict=True)["failed"]


def test_a_hybrid_port_without_its_tap_is_limited_where_it_can_be(plug: Plug) -> None:
    """As after a power off: libvirt takes the tap away, qvb stays."""
    plug.hybrid()
    plug.remove("tap" + KEY)
    predicted = tc_htb(DESIRED, check=True)
    printed = tc_htb(DESIRED)
    assert printed["ports"] == predicted["ports"]
    assert printed["ports"][0]["done"] == "gone"
    assert printed["ports"][0]["now"]["egress"]["rate"] == "20mbit"
    assert printed["ports"][0]["now"]["ingress"] is None


def test_a_half_built_limit_is_finished(plug: Plug) -> None:
    plug.hybrid()
    shell(f"tc qdisc add dev tap{KEY} root handle 1: htb default 100")
    shell(
        f"tc qdisc add dev qvb{KEY} root handle 1: htb default 100; tc class add dev qvb{KEY} parent 1: classid 1:1 htb rate 1tbit"
    )
    assert tc_htb(DESIRED)["ports"][0]["now"]["egress"]["rate"] == "20mbit"
    assert not tc_htb(DESIRED)["changed"]


def test_a_redirect_that_leads_nowhere_is_mended(plug: Plug) -> None:
    plug.native()
    desired = {**DESIRED, "plug": "ovs"}
    tc_htb(desired)
    plug.remove("ifb" + KEY)
    assert tc_htb(desired)["counts"]["changed"] == 1
    assert not tc_htb(desired)["changed"]


def test_hand_made_drift_inside_our_qdisc_is_set_right(plug: Plug) -> None:
    plug.hybrid()
    tc_htb(DESIRED)
    clean = kernel_text()
    shell(
        f"tc class add dev tap{KEY} parent 1: classid 1:5 htb rate 1gbit;"
        f"tc filter add dev tap{KEY} parent 1: protocol ip prio 1 u32 match ip src 0.0.0.0/0 flowid 1:5;"
        f"tc filter add dev tap{KEY} parent 1: protocol all prio 7 u32 match u32 0 0 flowid 1:1;"
        f"tc class change dev tap{KEY} parent 1: classid 1:100 htb rate 999mbit"
    )
    assert tc_htb(DESIRED)["counts"]["changed"] == 1
    assert kernel_text() == clean


def test_every_leaf_this_kernel_has_and_an_error_for_the_others(plug: Plug) -> None:
    plug.hybrid()
    available = modules.available(LEAVES)
    assert {"pfifo", "none"} <= set(available)
    for leaf in ("sfq", "fq_codel", "pfifo", "none", "pfifo"):
        before = kernel_text()
        printed = tc_htb(DESIRED, leaf=leaf)
        if leaf in available:
            assert printed["ports"][0]["now"]["egress"]["leaf"] == leaf
            assert not tc_htb(DESIRED, leaf=leaf)["changed"]
        else:
            assert f"this kernel has no {leaf}; set leaf to one that it has: pfifo, none" in printed["msg"]
            assert kernel_text() == before


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"egress": {"rate": "0bit"}}, "egress.rate: '0bit' is a rate of 0, which would cut the port off"),
        ({"ingress": {"rate": "20mbit", "ceil": "10mbit"}}, "ingress.ceil 10mbit is below the rate 20mbit"),
        (
            {"egress": {"rate": "20"}},
            "egress.rate: '20' is not a rate, it has no unit; write 20mbit if Mbit/s are meant",
        ),
        ({"egress": {"rate": "20mbps"}}, "write 20mbit, or 160mbit if bytes are meant"),
        ({"exempt": ["192.168.111.5/24"]}, "is a host's address, not a network; its network is 192.168.111.0/24"),
        ({"exempt": ["192.168.111.5"]}, "write 192.168.111.5/32 for this host only"),
        ({"exempt": ["example.com/24"]}, "isn't a network; write it as 192.0.2.0/24"),
        ({"port_id": "fc618310-b9"}, "isn't a port id; Neutron's ids are UUIDs, so give all 36 characters"),
        ({"port_id": "x" * 10000}, "(10000 characters) isn't a port id"),
        ({"port_id": OTHER}, f"Port {OTHER} is listed twice"),
        ({"port_id": OTHER[:11] + PORT[11:]}, "share the device name"),
        ({"egress": None, "ingress": None}, "neither egress nor ingress is given"),
        ({"egress": {"rate": "8kbit", "burst": "10mb"}}, "the kernel keeps at most 274 s, give at most"),
        ({"egress": {"rate": "1gbit", "burst": "5gb"}}, "is more than the 4gb that tc can count"),
        ({"why": "y" * 10000}, "why has 10000 characters"),
    ],
)
def test_bad_input_gets_its_error_and_nothing_is_changed(plug: Plug, changes: dict[str, t.Any], error: str) -> None:
    plug.hybrid(PORT)
    plug.hybrid(OTHER)
    before = kernel_text()
    printed = tc_htb({**DESIRED, "port_id": OTHER}, {**DESIRED, **changes}, persist=False, purge=True)
    assert printed["failed"]
    assert error in printed["msg"]
    assert len(printed["msg"]) < 500
    assert kernel_text() == before
