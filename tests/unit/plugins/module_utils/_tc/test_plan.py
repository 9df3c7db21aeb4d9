# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.device import (
    EXEMPT,
    LIMITED,
    ROOT,
    Class,
    Device,
    Filter,
    Qdisc,
    keys_of,
    network_of,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.model import parse_ports
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ovsdb import Switch
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.plan import PortPlan, plan_ports, plan_purge
from tests.unit.plugins.module_utils._tc.fake_kernel import FakeKernel

PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
KEY = PORT[:11]
TAP, QVB, QVO, IFB = (prefix + KEY for prefix in ("tap", "qvb", "qvo", "ifb"))
LIMIT = {"rate": "20mbit", "ceil": "40mbit", "burst": "200mbit"}
BOTH = {"egress": LIMIT, "ingress": LIMIT, "exempt": ["192.168.111.0/24", "fd00:1::/64"]}


def plan(kernel: FakeKernel, wish: dict[str, t.Any], leaf: str = "sfq", **options: t.Any) -> PortPlan:
    ports = parse_ports([{"port_id": PORT, **wish}], leaf)
    return plan_ports(ports, copy.deepcopy(kernel.devices), **options)[0]


def run(kernel: FakeKernel, wish: dict[str, t.Any], leaf: str = "sfq", **options: t.Any) -> PortPlan:
    """Plan, do, and require that planning again finds nothing to do and sees what was predicted."""
    planned = plan(kernel, wish, leaf, **options)
    for tool, part in (("ip", "links_before"), ("tc", "statements"), ("ip", "links_after")):
        assert kernel(tool, getattr(planned, part)) == {}
    again = plan(kernel, wish, leaf, **options)
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


@pytest.mark.parametrize(("devices", "wishes", "done"), TRANSITIONS.values(), ids=TRANSITIONS)
def test_transitions(devices: t.Callable[[], FakeKernel], wishes: list[dict[str, t.Any]], done: str) -> None:
    kernel = devices()
    for wish in wishes:
        last = run(kernel, wish)
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
    assert all((" dst " in one) == (QVB in one) and (" src " in one) == (TAP in one) for one in filters)
    assert len(filters) == 4


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


def notes(kernel: FakeKernel, name: str) -> FakeKernel:
    """As the notes' agent leaves a device: 10 Gbit/s for exempt traffic, quantum by r2q."""
    shaped_by(kernel, name, Qdisc("htb", ROOT, 0x100), {
        LIMITED: Class(True, 20_000_000, 40_000_000, 163840000, 10000, 200000),
        EXEMPT: Class(True, 10**10, 10**10, 20, 20, 200000),
    })  # fmt: skip
    protocol, keys = keys_of(
        next(iter(parse_ports([{"port_id": PORT, "plug": "ovs", **BOTH}], "sfq")[0].exempt)), "src"
    )
    kernel.devices[name].filters = [Filter(ROOT, 1, protocol, 0x80000800, "u32", keys, EXEMPT)]
    return kernel


def test_the_notes_rules_are_adopted_without_a_moment_unlimited() -> None:
    kernel = notes(notes(hybrid(), QVB), QVO)
    adopted = run(kernel, {"plug": "ovs_hybrid", **BOTH})
    assert adopted.done == "adopted"
    assert not [one for one in adopted.statements if QVB in one and "root" in one]
    freed = adopted.statements.index(f"qdisc del dev {QVO} root")
    assert all(index < freed for index, one in enumerate(adopted.statements) if TAP in one)


def test_the_notes_limit_on_qvo_stays_until_there_is_a_tap() -> None:
    kernel = notes(FakeKernel(QVB, QVO), QVO)
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
    wish = {"plug": "ovs", **BOTH}
    policed = plan(native(), wish, switch=Switch(policed={TAP: 10000}))
    assert "Open vSwitch's policing at 10000 kbit/s" in policed.reason
    assert "hw-offload=true" in plan(native(), wish, switch=Switch(offload=True)).reason
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
    assert Device(TAP, 2).owner() == ""
    assert Device(TAP, 2, root=Qdisc("fq_codel", 0)).bare
