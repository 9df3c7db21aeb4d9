# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a dump doesn't show while other devices vanish isn't taken for nothing, and a switch that hangs costs its ports alone."""

from __future__ import annotations

import socket
import threading
import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel import ovsdb
from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.netlink import Kernel
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import apply, batch, restorer
from ansible_collections.openstack_ops.day2.plugins.module_utils._tc.ports import parse_ports
from tests.integration.tc_htb.namespace import OTHER, PORT, Plug, shell

_BATCH = batch.Batch(restorer._run, "tc", "ip")
LIMIT = {"rate": "20mbit"}


class _Torn(Kernel):
    """A kernel whose dump of qdiscs was torn: it lacks what hidden says."""

    hidden: t.Callable[[str, int], bool]

    def _read_qdiscs(self, devices: dict[int, t.Any], stats: bool) -> None:
        super()._read_qdiscs(devices, stats)
        for device in devices.values():
            if self.hidden(device.name, 0):
                device.root = None
                device.leaves = {}
            if self.hidden(device.name, 1):
                device.hook = None
        shell("ip link del vanishing")


@pytest.mark.parametrize("kind", ["ovs_hybrid", "ovs"])
@pytest.mark.parametrize("part", [0, 1])
def test_what_a_torn_dump_lacks_is_asked_for_singly(
    plug: Plug, monkeypatch: pytest.MonkeyPatch, kind: str, part: int
) -> None:
    plug.hybrid() if kind == "ovs_hybrid" else plug.native()
    port = {"port_id": PORT, "plug": kind, "egress": LIMIT, "ingress": LIMIT, "exempt": ["192.168.111.0/24"]}
    request = apply.Request(parse_ports([port], "pfifo"))
    apply.apply(request, _BATCH)
    with Kernel() as kernel:
        whole = kernel.read({name: 0 for _index, name in socket.if_nameindex()})
    shell("ip link add vanishing type ifb")
    monkeypatch.setattr(_Torn, "hidden", staticmethod(lambda _name, where: where == part), raising=False)
    with _Torn() as torn:
        assert torn.read(dict.fromkeys(whole, 0)) == whole
    shell("ip link add vanishing type ifb")
    monkeypatch.setattr(apply, "Kernel", _Torn)
    assert apply.check(request).counts["unchanged"] == 1


def test_a_foreign_qdisc_is_not_replaced_because_a_dump_lacked_it(plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    plug.hybrid()
    shell(
        f"tc qdisc add dev tap{PORT[:11]} root handle 7: tbf rate 1mbit burst 10k latency 50ms; ip link add vanishing type ifb"
    )
    monkeypatch.setattr(_Torn, "hidden", staticmethod(lambda _name, _where: True), raising=False)
    monkeypatch.setattr(apply, "Kernel", _Torn)
    port = {"port_id": PORT, "plug": "ovs_hybrid", "egress": LIMIT, "ingress": LIMIT}
    assert apply.check(apply.Request(parse_ports([port], "pfifo"))).counts["refused"] == 1


def test_reads_beside_churn_of_other_devices_miss_nothing(plug: Plug) -> None:
    """The real thing: devices come and go in the namespace while it is read."""
    ports: list[dict[str, t.Any]] = [
        {"port_id": f"{n:08x}" + PORT[8:], "plug": "ovs", "ingress": LIMIT} for n in range(60)
    ]
    shell("for n in $(seq 40); do echo link add churn$n type ifb; done | ip -batch -")
    shell("".join(f"ip link add tap{port['port_id'][:11]} type ifb; " for port in ports))
    request = apply.Request(parse_ports(ports, "pfifo"))
    apply.apply(request, _BATCH)
    ended = threading.Event()

    def churn() -> None:
        while not ended.is_set():
            for number in range(1, 41):
                shell(f"ip link del churn{number}; ip link add churn{number} type ifb")
                if ended.is_set():
                    return

    beside = threading.Thread(target=churn)
    beside.start()
    try:
        for _read in range(40):
            outcome = apply.check(request)
            assert outcome.counts["unchanged"] == len(ports), [plan.public() for plan in outcome.plans if plan.acts]
    finally:
        ended.set()
        beside.join()


def test_a_hanging_switch_costs_its_own_ports_alone(plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ovsdb, "_SECONDS", 0.2)
    plug.hybrid(PORT)
    plug.native(OTHER)
    ports = parse_ports(
        [{"port_id": OTHER, "plug": "ovs", "egress": LIMIT}, {"port_id": PORT, "plug": "ovs_hybrid", "egress": LIMIT}],
        "pfifo",
    )
    shell("mkdir -p /run/openvswitch")
    with socket.socket(socket.AF_UNIX) as hanging:
        hanging.bind(ovsdb.SOCKET)
        hanging.listen()
        outcome = apply.apply(apply.Request(ports), _BATCH)
        assert [plan.done for plan in outcome.plans] == ["refused", "created"]
        assert "Open vSwitch's database at /run/openvswitch/db.sock doesn't answer" in outcome.plans[0].reason
        shell(f"tc qdisc del dev qvb{PORT[:11]} root")
        restored = apply.restore(ports, _BATCH, lambda _touched: None)
        assert {plan.port.port_id: (plan.done, plan.retry) for plan in restored} == {
            PORT: ("created", False),
            OTHER: ("refused", True),
        }
    shell("rm -r /run/openvswitch")
    assert apply.restore(ports, _BATCH, lambda _touched: None)[1].done == "created"
