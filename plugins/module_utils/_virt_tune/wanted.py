# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator wants of a domain's CPU and disks, in libvirt's own words. Pure: opens nothing, imports nothing from Ansible."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .._common import OperatorError, first_of, shown

#: What libvirt and the kernel take.
SHARES = (2, 262144)
QUOTA = (1000, 17592186044415)
PERIOD = (1000, 1000000)
DEFAULT_PERIOD = 100000
#: What libvirt and QEMU take for a throttle, and for a burst's rate times its seconds.
MOST = 10**15

DIRECTIONS = ("total", "read", "write")
KINDS = ("bytes_sec", "iops_sec")
RATES = tuple(f"{direction}_{kind}" for kind in KINDS for direction in DIRECTIONS)
SIZE = "size_iops_sec"
#: All numbers that one throttle has; libvirt keeps what it isn't told, so it is always told all of them.
NUMBERS = (*RATES, *(f"{rate}_max" for rate in RATES), *(f"{rate}_max_length" for rate in RATES), SIZE)

_CPU = ("shares", "vcpu_quota", "vcpu_period")
#: Below, a number without a unit is rather meant as kB or MB: no guest boots from so slow a disk.
_LEAST_BARE = 65536
_LEAST = 512
_UNITS: dict[str, int] = {
    "B": 1,
    **{f"{p}B": 1000**n for n, p in enumerate("kMGT", 1)},
    **{f"{p}iB": 1024**n for n, p in enumerate("KMGT", 1)},
}
_RATE = re.compile(r"([0-9]{1,20}) ?([A-Za-z]*)(?:/s)?\Z")


@dataclass(frozen=True)
class Cpu:
    """Shares, and microseconds that each vCPU may run in a period. None is left as it is; quota 0 is no limit.

    absent: no limit, and the shares of a domain that was never given any.
    """

    shares: t.Optional[int] = None
    quota: t.Optional[int] = None
    period: t.Optional[int] = None
    absent: bool = False


@dataclass(frozen=True)
class Desired:
    """One part of a domain: its CPU, or a disk by its target or its serial (a volume's id in Cinder).

    throttle has the numbers that aren't 0, by libvirt's names; empty takes the throttle away.
    """

    domain: str
    disk: str = ""
    cpu: t.Optional[Cpu] = None
    throttle: t.Mapping[str, int] = field(default_factory=dict)
    why: str = ""

    @property
    def called(self) -> str:
        """What messages call it."""
        return f"{self.domain}, {f'disk {self.disk}' if self.disk else 'CPU'}"


def parse_domains(written: t.Sequence[t.Mapping[str, t.Any]]) -> list[Desired]:
    """Parse the module's option. Raises OperatorError with a message for each part that isn't understood."""
    parts: list[Desired] = []
    problems: list[str] = []
    for position, one in enumerate(written, start=1):
        domain = str(one.get("domain") or "").strip()
        why = str(one.get("why") or "")
        cpu, disks = one.get("cpu"), one.get("disks") or []
        if not domain:
            problems.append(f"domains[{position}]: domain is empty; give the domain's name or the instance's id.")
        elif cpu is None and not disks:
            problems.append(f"{domain}: neither cpu nor disks is given; name what is to be tuned.")
        for disk in [None, *disks] if cpu is not None else disks:
            try:
                parts.append(
                    _disk(domain, disk, why)
                    if disk is not None
                    else Desired(domain, cpu=_cpu(domain, cpu or {}), why=why)
                )
            except OperatorError as exc:
                problems.append(str(exc))
    if problems:
        raise OperatorError(first_of(problems))
    return parts


def _cpu(domain: str, written: t.Mapping[str, t.Any]) -> Cpu:
    place = f"{domain}: cpu"
    shares, quota, period = (written.get(name) for name in _CPU)
    if written.get("state", "present") == "absent":
        if any(value is not None for value in (shares, quota, period)):
            raise OperatorError(f"{place}: state is absent, but there are numbers, too; give one of the two.")
        return Cpu(quota=0, absent=True)
    if shares is None and quota is None:
        raise OperatorError(f"{place}: neither shares nor vcpu_quota is given; vcpu_period alone limits nothing.")
    if shares is not None and not SHARES[0] <= shares <= SHARES[1]:
        raise OperatorError(f"{place}.shares is {shares}; the kernel takes {SHARES[0]} to {SHARES[1]}.")
    if quota is None:
        if period is not None:
            raise OperatorError(f"{place}.vcpu_period is given without vcpu_quota; give both, or neither.")
        return Cpu(shares)
    if quota == -1:
        return Cpu(shares, 0)
    if not QUOTA[0] <= quota <= QUOTA[1]:
        raise OperatorError(
            f"{place}.vcpu_quota is {quota}; libvirt takes {QUOTA[0]} to {QUOTA[1]} microseconds a period for each vCPU, or -1 for no limit."
        )
    period = DEFAULT_PERIOD if period is None else period
    if not PERIOD[0] <= period <= PERIOD[1]:
        raise OperatorError(f"{place}.vcpu_period is {period}; libvirt takes {PERIOD[0]} to {PERIOD[1]} microseconds.")
    return Cpu(shares, quota, period)


def _disk(domain: str, written: t.Mapping[str, t.Any], why: str) -> Desired:
    disk = str(written.get("disk") or "").strip()
    if not disk:
        raise OperatorError(
            f"{domain}: a disk has no name; give its target in the domain, such as vda, or its volume's id."
        )
    place = f"{domain}, disk {disk}"
    given = {name: written[name] for name in NUMBERS if written.get(name) not in (None, "")}
    if written.get("state", "present") == "absent":
        if given:
            raise OperatorError(f"{place}: state is absent, but {', '.join(given)} is given, too; give one of the two.")
        return Desired(domain, disk, why=why)
    if not given:
        raise OperatorError(f"{place}: no limit is given; give one, or set state: absent to remove its limits.")
    throttle = {name: _number(f"{place}: {name}", name, value) for name, value in given.items()}
    _agree(place, throttle)
    return Desired(domain, disk, throttle=throttle, why=why)


def _number(where: str, name: str, value: object) -> int:
    text = str(value).strip()
    found = _RATE.match(text)
    if found is None or isinstance(value, bool):
        raise OperatorError(
            f"{where} is {shown(text)}, not a whole number{' with a unit' if '_bytes_' in name else ''}."
        )
    number, unit = int(found.group(1)), found.group(2)
    rate = "_bytes_" in name and not name.endswith("_length")
    if unit and not rate:
        raise OperatorError(f"{where} is {shown(text)}; it takes a whole number without a unit.")
    if unit and unit not in _UNITS:
        raise OperatorError(
            f"{where} is {shown(text)}, whose unit may mean several things; write kB, MB, GB (of 1000), KiB, MiB, GiB (of 1024) or B."
        )
    if rate and not unit and number < _LEAST_BARE:
        raise OperatorError(
            f"{where} is {number} without a unit, which would be bytes a second; write MB or MiB if that is meant, and B if it isn't."
        )
    number *= _UNITS[unit or "B"]
    least = _LEAST if rate else 1
    if not least <= number <= MOST:
        raise OperatorError(f"{where} is {number}; QEMU takes {least} to {MOST}, and what is left out is not limited.")
    return number


def _agree(place: str, throttle: t.Mapping[str, int]) -> None:
    """Raise OperatorError for what QEMU refuses, also where libvirt would write it into a configuration that can't start then."""
    for kind in KINDS:
        given = [name for name in NUMBERS if kind in name and name in throttle and name != SIZE]
        parts = [name for name in given if not name.startswith("total_")]
        totals = [name for name in given if name.startswith("total_")]
        if totals and parts:
            raise OperatorError(
                f"{place}: {totals[0]} and {parts[0]} don't go together; QEMU limits either the total, or reads and writes."
            )
    for rate in RATES:
        number, most, length = (throttle.get(f"{rate}{end}") for end in ("", "_max", "_max_length"))
        if most is not None and number is None:
            raise OperatorError(f"{place}: {rate}_max is given without {rate}; a burst is nothing without the rate.")
        if most is not None and number is not None and most < number:
            raise OperatorError(
                f"{place}: {rate}_max {most} is below {rate} {number}; give at least the rate, or leave it out."
            )
        if length is not None and most is None:
            raise OperatorError(
                f"{place}: {rate}_max_length is given without {rate}_max, the rate while the burst lasts."
            )
        if length is not None and most is not None and length > MOST // most:
            raise OperatorError(
                f"{place}: {rate}_max_length {length} is too long for {rate}_max {most}; QEMU takes at most {MOST // most} s."
            )
    if SIZE in throttle and not any(name in throttle for name in RATES if name.endswith("iops_sec")):
        raise OperatorError(f"{place}: {SIZE} is given without a limit of operations, which it counts for.")
