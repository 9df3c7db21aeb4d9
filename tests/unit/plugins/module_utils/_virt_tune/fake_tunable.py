# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A libvirt 9.0.0 with QEMU 7.2 whose domains keep CPU shares, quotas and throttles, as strict as the real one was when it was asked."""

from __future__ import annotations

import copy
import typing as t
from dataclasses import dataclass, field

UUID = "480cb82d-9bc5-4034-a14d-8799e33aad97"
VOLUME = "3f1a6a08-61a4-4d4c-9c0e-2a3d8e5b7c11"

LIVE, CONFIG, XML_INACTIVE, INVALID_ARG, NO_DOMAIN, UNSUPPORTED = 1, 2, 2, 8, 42, 67
NO_QUOTA = 17592186044415
DIRECTIONS = ("total", "read", "write")
RATES = [f"{direction}_{kind}" for kind in ("bytes_sec", "iops_sec") for direction in DIRECTIONS]
NUMBERS = [*RATES, *(f"{rate}_max" for rate in RATES), *(f"{rate}_max_length" for rate in RATES), "size_iops_sec"]


class LibvirtError(Exception):
    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self._code = code

    def get_error_code(self) -> int:
        return self._code


Throttle = dict[str, int]


@dataclass
class FakeDisk:
    target: str
    serial: str = ""
    device: str = "disk"
    group: str = ""
    live: Throttle | None = field(default_factory=dict)  # None: not in the running domain
    config: Throttle | None = field(default_factory=dict)

    def xml(self) -> str:
        serial = f"<serial>{self.serial}</serial>" if self.serial else ""
        tune = f"<iotune><group_name>{self.group}</group_name></iotune>" if self.group else ""
        return f"<disk device='{self.device}'><target dev='{self.target}'/>{tune}{serial}</disk>"


@dataclass
class FakeDomain:
    disks: list[FakeDisk]
    title: str = "instance-0000002a"
    uuid: str = UUID
    active: bool = True
    persistent: bool = True
    live: dict[str, int] = field(
        default_factory=lambda: {"cpu_shares": 100, "vcpu_period": 100000, "vcpu_quota": NO_QUOTA}
    )
    config: dict[str, int] = field(default_factory=lambda: {"cpu_shares": 0, "vcpu_period": 0, "vcpu_quota": 0})
    fails: dict[tuple[str, int], LibvirtError] = field(default_factory=dict)  # by function and flag
    forgets: bool = False  # says yes, and does nothing
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
        there = [disk for disk in self.disks if (disk.config if flags == XML_INACTIVE else disk.live) is not None]
        return f"<domain><devices>{''.join(disk.xml() for disk in there)}</devices></domain>"

    def _flags(self, function: str, flags: int) -> None:
        if flags == LIVE | CONFIG:
            raise LibvirtError(
                "Flags 'VIR_DOMAIN_AFFECT_LIVE' and 'VIR_DOMAIN_AFFECT_CONFIG' are mutually exclusive", INVALID_ARG
            )
        assert flags in (LIVE, CONFIG), "without a flag libvirt chooses by whether the domain runs"
        if flags == LIVE and not self.active:
            raise LibvirtError("Requested operation is not valid: domain is not running", 55)
        if flags == CONFIG and not self.persistent:
            raise LibvirtError(
                "Requested operation is not valid: transient domains do not have any persistent config", 55
            )
        if (function, flags) in self.fails:
            raise self.fails[function, flags]

    # ------------------------------------------------------------------ CPU
    def schedulerParametersFlags(self, flags: int) -> dict[str, int]:  # noqa: N802
        self._flags("tell", flags)
        own = self.live if flags == LIVE else self.config
        return {**own, "emulator_period": 100000, "emulator_quota": NO_QUOTA}

    def setSchedulerParametersFlags(self, parameters: dict[str, int], flags: int) -> None:  # noqa: N802
        self._flags("set", flags)
        for name, value in parameters.items():
            assert isinstance(value, int)
            if name == "cpu_shares":
                if flags == LIVE and not 2 <= value <= 262144:
                    raise LibvirtError(f"invalid argument: shares '{value}' must be in range [2, 262144]", INVALID_ARG)
                if flags == LIVE and value > 10000:
                    raise LibvirtError("error from service: Value specified in CPUWeight is out of range", 89)
            elif name == "vcpu_quota":
                if value > 0 and not 1000 <= value <= NO_QUOTA:
                    raise LibvirtError(
                        f"invalid argument: value of 'vcpu_quota' is out of range [1000, {NO_QUOTA}]", INVALID_ARG
                    )
            elif name == "vcpu_period":
                if value and not 1000 <= value <= 1000000:
                    raise LibvirtError(
                        "invalid argument: value of 'vcpu_period' is out of range [1000, 1000000]", INVALID_ARG
                    )
            else:
                raise LibvirtError(f'Attribute name "{name}" could not be recognized', 0)
        self.calls.append(("cpu", flags))
        if not self.forgets:
            (self.live if flags == LIVE else self.config).update(parameters)
            if flags == LIVE and self.live["vcpu_quota"] < 0:
                self.live["vcpu_quota"] = NO_QUOTA  # what the kernel says then

    # ----------------------------------------------------------------- disk
    def _disk(self, target: str, flags: int) -> FakeDisk:
        for disk in self.disks:
            if disk.target == target and (disk.live if flags == LIVE else disk.config) is not None:
                if flags == LIVE and disk.device == "cdrom":
                    raise LibvirtError("internal error: block_io_throttle inserted entry was not in expected format")
                return disk
        raise LibvirtError(f"invalid argument: disk '{target}' not found in domain", INVALID_ARG)

    def blockIoTune(self, target: str, flags: int) -> dict[str, t.Any]:  # noqa: N802
        self._flags("tell", flags)
        disk = self._disk(target, flags)
        own = disk.live if flags == LIVE else disk.config
        return {**dict.fromkeys(NUMBERS, 0), **(own or {}), "group_name": "/machine/peripheral/x" if own else ""}

    def setBlockIoTune(self, target: str, parameters: Throttle, flags: int) -> None:  # noqa: N802
        self._flags("set", flags)
        disk = self._disk(target, flags)
        before = (disk.live if flags == LIVE else disk.config) or {}
        for name, value in parameters.items():
            assert isinstance(value, int)
            if name not in NUMBERS:
                raise LibvirtError(f'Attribute name "{name}" could not be recognized', 0)
            if value > 10**15:
                raise LibvirtError(
                    "argument unsupported: block I/O throttle limit value must be no more than 1000000000000000", 74
                )
        for kind in ("bytes_sec", "iops_sec"):
            for end in ("", "_max"):
                total, *parts = (parameters.get(f"{direction}_{kind}{end}") for direction in DIRECTIONS)
                if total and any(parts):
                    raise LibvirtError(
                        f"invalid argument: total and read/write of {kind}{end} cannot be set at the same time",
                        INVALID_ARG,
                    )
        # What isn't given is kept, where nothing of its kind is.
        after = copy.copy(before)
        for kind in ("bytes_sec", "iops_sec"):
            for end in ("", "_max", "_max_length"):
                names = [f"{direction}_{kind}{end}" for direction in DIRECTIONS]
                if any(name in parameters for name in names):
                    after.update({name: parameters.get(name, 0) for name in names})
        after["size_iops_sec"] = parameters.get("size_iops_sec", before.get("size_iops_sec", 0))
        if flags == LIVE:
            _qemu(after)
        self.calls.append((target, flags))
        if not self.forgets:
            kept = {name: value for name, value in after.items() if value}
            if flags == LIVE:
                disk.live = kept
            else:
                disk.config = kept


def _qemu(throttle: Throttle) -> None:
    """What libvirt checks of a running domain alone, what QEMU refuses, and what QEMU makes of it."""
    for rate in RATES:
        number, most, length = (throttle.get(f"{rate}{end}", 0) for end in ("", "_max", "_max_length"))
        if most and not number:
            raise LibvirtError(
                f"unsupported configuration: cannot reset '{rate}' when '{rate}_max' is set", UNSUPPORTED
            )
        if most and most < number:
            raise LibvirtError(
                f"unsupported configuration: value '{rate}_max' cannot be smaller than '{rate}'", UNSUPPORTED
            )
        refused = ""
        if length > 1 and not most:
            refused = "burst length set without burst rate"
        elif most and length > 10**15 // most:
            refused = "burst length too high for this burst rate"
        elif throttle.get("size_iops_sec") and not any(throttle.get(one) for one in RATES if "iops" in one):
            refused = "iops size requires an iops value to be set"
        if refused:
            raise LibvirtError(f"internal error: unable to execute QEMU command 'block_set_io_throttle': {refused}")
        if most:
            throttle[f"{rate}_max_length"] = length or 1
        else:
            throttle.pop(f"{rate}_max_length", None)


class FakeLibvirt:
    """Stands in for the binding's module and its connection at the same time."""

    libvirtError = LibvirtError  # noqa: N815

    def __init__(self, *domains: FakeDomain) -> None:
        self.domains = list(domains)

    def listAllDomains(self) -> list[FakeDomain]:  # noqa: N802
        return list(self.domains)

    def lookupByUUIDString(self, uuid: str) -> FakeDomain:  # noqa: N802
        for domain in self.domains:
            if domain.uuid == uuid:
                return domain
        raise LibvirtError("Domain not found", NO_DOMAIN)
