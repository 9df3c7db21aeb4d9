# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt 9.0.0 with domains that keep state, as strict as the real one, and the qdiscs that its tc statements make."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from ansible_collections.openstack_ops.day2.plugins.module_utils._kernel.device import Class, Device, Qdisc
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_interface.plan import Nic, Surroundings

UUID = "480cb82d-9bc5-4034-a14d-8799e33aad97"
PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
MAC = "fa:16:3e:00:00:01"
SWITCHED_PORT = "ccccccc3-0001-4000-8000-000000000001"
SWITCHED_MAC = "fa:16:3e:00:00:03"
TAP = "tapfc618310-b9"

LIVE, CONFIG, XML_INACTIVE, NO_DOMAIN = 1, 2, 2, 42
_NUMBERS = ("average", "peak", "burst")


class LibvirtError(Exception):
    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self._code = code

    def get_error_code(self) -> int:
        return self._code


Limits = dict[str, tuple[int, int, int]]


@dataclass
class FakeNic:
    mac: str
    device: str
    port_id: str = ""  # with it, a virtualport of Open vSwitch
    live: Limits = field(default_factory=dict)
    config: Limits = field(default_factory=dict)

    def xml(self, limits: Limits) -> str:
        bandwidth = "".join(
            f"<{direction} "
            + " ".join(f"{name}='{value}'" for name, value in zip(_NUMBERS, rate, strict=True) if value)
            + "/>"
            for direction, rate in limits.items()
        )
        port = f"<virtualport type='openvswitch'><parameters interfaceid='{self.port_id}'/></virtualport>"
        return (
            f"<interface type='ethernet'><mac address='{self.mac}'/>{port if self.port_id else ''}"
            f"<bandwidth>{bandwidth}</bandwidth><target dev='{self.device}'/></interface>"
        )


@dataclass
class FakeDomain:
    kernel: dict[str, Device]
    nics: list[FakeNic]
    title: str = "instance-0000002a"
    uuid: str = UUID
    active: bool = True
    persistent: bool = True
    police_fails: bool = False
    calls: list[tuple[str, int]] = field(default_factory=list)

    def name(self) -> str:
        return self.title

    def UUIDString(self) -> str:  # noqa: N802
        return self.uuid

    def isActive(self) -> int:  # noqa: N802
        return int(self.active)

    def isPersistent(self) -> int:  # noqa: N802
        return int(self.persistent)

    def XMLDesc(self, flags: int) -> str:  # noqa: N802
        assert self.active or flags == XML_INACTIVE
        interfaces = "".join(nic.xml(nic.config if flags == XML_INACTIVE else nic.live) for nic in self.nics)
        return f"<domain><name>{self.title}</name><devices>{interfaces}</devices></domain>"

    def setInterfaceParameters(self, mac: str, parameters: dict[str, int], flags: int) -> None:  # noqa: N802
        assert not any(isinstance(value, bool) or not isinstance(value, int) for value in parameters.values())
        if flags == LIVE | CONFIG:  # what the Python binding makes of it
            raise LibvirtError("Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive")
        if flags == LIVE and not self.active:
            raise LibvirtError("Requested operation is not valid: domain is not running")
        if flags == CONFIG and not self.persistent:
            raise LibvirtError("Requested operation is not valid: transient domains do not have any persistent config")
        nic = next((nic for nic in self.nics if nic.mac == mac), None)
        if nic is None:
            raise LibvirtError(f"invalid argument: cannot find interface {mac}")
        self.calls.append((mac, flags))
        limits: Limits = {}
        for direction in ("inbound", "outbound"):
            average, peak, burst = (parameters[f"{direction}.{name}"] for name in _NUMBERS)
            if average:
                limits[direction] = (average, peak, burst)
        if flags == CONFIG:
            nic.config = limits
            return
        self._shape(nic, limits)
        nic.live = limits

    def _shape(self, nic: FakeNic, limits: Limits) -> None:
        """tc's part: all that was there goes, then one direction after the other; what is made before a failure stays."""
        if nic.port_id and limits == nic.live:
            return  # Open vSwitch sees the same row as before
        tap = self.kernel[nic.device]
        tap.root, tap.classes = Qdisc("noqueue", 0x80020000), {}
        if tap.hook is not None and tap.hook.kind == "ingress":
            tap.hook = None
        if "inbound" in limits:
            average, peak, _burst = limits["inbound"]
            tap.root = Qdisc("htb", 0x10000, 1)
            rates = (average * 8000, max(average, peak) * 8000)
            tap.classes = {0x10001: Class(True, *rates, burst=1, cburst=1, quantum=1514)}
        if "outbound" in limits:
            if tap.hook is not None:
                raise LibvirtError(
                    f"Child process (tc qdisc add dev {tap.name} ingress) unexpected exit status 2: Error:\n"
                )
            tap.hook = Qdisc("ingress", 0xFFFF0000)
            if self.police_fails:
                raise LibvirtError(
                    f"Child process (tc filter add dev {tap.name} ... police) unexpected exit status 2: \n"
                )


class FakeLibvirt:
    """Stands in for the binding's module and its connection at the same time."""

    libvirtError = LibvirtError  # noqa: N815

    def __init__(self, *domains: FakeDomain) -> None:
        self.domains = list(domains)

    def listAllDomains(self) -> list[FakeDomain]:  # noqa: N802
        return self.domains

    def lookupByUUIDString(self, uuid: str) -> FakeDomain:  # noqa: N802
        for domain in self.domains:
            if domain.uuid == uuid:
                return domain
        raise LibvirtError("Domain not found", NO_DOMAIN)


class FakeCompute:
    """A running instance with two NICs: a hybrid plug's, and one that libvirt has plugged into Open vSwitch."""

    def __init__(self) -> None:
        names = (TAP, "qvbfc618310-b9", "tapccccccc3-00")
        self.devices = {name: Device(name, index, Qdisc("noqueue", 0x80020000)) for index, name in enumerate(names, 2)}
        nics = [FakeNic(MAC, TAP), FakeNic(SWITCHED_MAC, "tapccccccc3-00", SWITCHED_PORT)]
        self.domain = FakeDomain(self.devices, nics)
        self.libvirt = FakeLibvirt(self.domain)
        self.rest = Surroundings()

    def look(self, _nics: t.Sequence[Nic]) -> Surroundings:
        return replace(self.rest, devices=self.devices)
