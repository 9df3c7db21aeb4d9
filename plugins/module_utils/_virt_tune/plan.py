# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is desired and what is found to what has to be done. Pure; the only place that decides what "changed" means."""

from __future__ import annotations

import typing as t
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

from .._common import OperatorError, listed, shown, size_text
from .._host.libvirt import DomainPlan
from .wanted import NUMBERS, QUOTA, RATES, SHARES, SIZE, Cpu, Desired

if t.TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Numbers = t.Dict[str, int]

#: CPUWeight of systemd, which libvirt sets through it where the host has the kernel's second hierarchy of control groups.
_MOST_WEIGHT = 10000


@dataclass(frozen=True)
class Host:
    """What differs between hosts: the most shares, and those of a domain that was given none."""

    most_shares: int
    default_shares: int


def host_of(unified: bool) -> Host:
    """For the kernel's second hierarchy of control groups (unified), or its first."""
    return Host(_MOST_WEIGHT, 100) if unified else Host(SHARES[1], 1024)


@dataclass(frozen=True)
class Disk:
    """A disk of a domain by its XML: in the running domain, in its configuration; the other disks it is throttled with."""

    target: str
    serial: str
    live: bool
    config: bool
    shares_with: tuple[str, ...] = ()


@dataclass(frozen=True)
class Domain:
    name: str
    uuid: str
    running: bool
    kept: bool
    disks: tuple[Disk, ...]


@dataclass
class PartPlan(DomainPlan):
    """One desired part: what was found and will be there (live, config; None where there isn't that), what is to be done."""

    desired: Desired
    domain: t.Optional[Domain]
    disk: t.Optional[Disk]
    found: dict[str, t.Any]
    now: dict[str, t.Any]
    done: str = "unchanged"
    reason: str = ""
    parameters: dict[str, Numbers] = field(default_factory=dict)  # live and config, as libvirt takes them
    live: bool = False
    config: bool = False

    @property
    def called(self) -> str:
        name = self.domain.name if self.domain else self.desired.domain
        return f"{name}, {f'disk {self.disk.target}' if self.disk else 'CPU'}"

    def numbers(self, there: t.Mapping[str, t.Any]) -> str:
        """Those that are set, by libvirt's names; rates and sizes of bytes with a unit."""
        told = [f"{name} {_number_text(name, number)}" for name, number in there.items() if number is not None]
        return ", ".join(told) or "without any of it"

    def public(self) -> dict[str, t.Any]:
        return {
            "domain": self.domain.name if self.domain else self.desired.domain,
            "uuid": self.domain.uuid if self.domain else "",
            "part": "disk" if self.desired.disk else "cpu",
            "disk": self.disk.target if self.disk else self.desired.disk,
            "why": self.desired.why,
            "found": self.found,
            "done": self.done,
            "reason": self.reason,
            "now": self.now,
        }


def _number_text(name: str, number: int) -> str:
    return size_text(number) if name == SIZE or name.endswith(("bytes_sec", "bytes_sec_max")) else str(number)


def nothing() -> dict[str, t.Any]:
    return {"live": None, "config": None}


def read_domain(name: str, uuid: str, live: str, config: str) -> Domain:
    """A domain by its XML, live and configured; '' for what there isn't. Only disks that QEMU can throttle count."""
    running, kept = _disks(live), _disks(config)
    groups = [_groups(running), _groups(kept)]
    disks = [
        Disk(
            target,
            (running.get(target) or kept[target])[0],
            target in running,
            target in kept,
            tuple(sorted({other for group in groups for other in group.get(target, ())} - {target})),
        )
        for target in [*running, *(target for target in kept if target not in running)]
    ]
    return Domain(name, uuid, bool(live), bool(config), tuple(disks))


def _disks(xml: str) -> dict[str, tuple[str, str]]:
    """The disks by target, each with its serial and the name of its group."""
    found = {}
    for one in ET.fromstring(xml).findall("devices/disk") if xml else ():
        target = one.find("target")
        if target is not None and one.get("device", "disk") in ("disk", "lun"):
            serial = (one.findtext("serial") or "").strip()
            found[target.get("dev", "")] = (serial, (one.findtext("iotune/group_name") or "").strip())
    return found


def _groups(disks: Mapping[str, tuple[str, str]]) -> dict[str, list[str]]:
    """For each disk with a group's name all the disks of that group."""
    return {
        target: [other for other, (_serial, name) in disks.items() if name == group]
        for target, (_serial, group) in disks.items()
        if group
    }


def choose(desired: Desired, domains: Sequence[Domain]) -> tuple[t.Optional[Domain], t.Optional[Disk]]:
    """The domain that is meant, None where it isn't on this host, and its disk. Raises OperatorError for a disk it hasn't."""
    wanted = desired.domain.lower()
    domain = next((one for one in domains if wanted in (one.name.lower(), one.uuid)), None)
    if domain is None or not desired.disk:
        return domain, None
    found = [disk for disk in domain.disks if desired.disk in (disk.target, disk.serial)]
    if len(found) != 1:
        there = [f"{disk.target} ({disk.serial})" if disk.serial else disk.target for disk in domain.disks]
        raise OperatorError(
            f"{desired.called}: the domain has {'several such disks' if found else 'no such disk'}; "
            f"its disks are {_names(there) or 'none'}."
        )
    return domain, found[0]


def absent_reason(desired: Desired, names: Sequence[str]) -> str:
    return f"{desired.domain}: is not on this host, whose domains are {_names(sorted(names)) or 'none'}."


def _names(names: Sequence[str]) -> str:
    return listed([shown(name)[1:-1] for name in names], 10)


def check_twice(plans: Sequence[PartPlan]) -> None:
    """Raise OperatorError where two of them mean the same part."""
    seen = set()
    for one in plans:
        if one.domain is not None:
            part = (one.domain.uuid, one.disk.target if one.disk else "")
            if part in seen:
                raise OperatorError(f"{one.called} is listed twice; merge the two entries.")
            seen.add(part)


def check_shares(desired: Desired, host: Host) -> None:
    """Raise OperatorError for more shares than this host's kernel takes: libvirt would write them, and the domain not start."""
    shares = desired.cpu.shares if desired.cpu else None
    if shares is not None and shares > host.most_shares:
        raise OperatorError(
            f"{desired.called}: shares is {shares}; this host's control groups (cgroup v2) take at most {host.most_shares}."
        )


def cpu_of(told: t.Optional[Mapping[str, int]]) -> t.Optional[dict[str, t.Any]]:
    """What libvirt tells of a domain's scheduler, None where there isn't any; in it None is not given, or no limit."""
    if told is None:
        return None
    quota = told.get("vcpu_quota", 0)
    limited = 0 < quota < QUOTA[1]  # what libvirt says of none is the most that the kernel takes
    return {
        "shares": told.get("cpu_shares") or None,
        "vcpu_quota": quota if limited else None,
        "vcpu_period": told.get("vcpu_period") or None if limited else None,
    }


def throttle_of(told: t.Optional[Mapping[str, t.Any]]) -> t.Optional[Numbers]:
    """The numbers of a disk's throttle that aren't 0, None where there is no disk."""
    if told is None:
        return None
    return _whole({name: int(told[name]) for name in NUMBERS if told.get(name)})


def _whole(throttle: Mapping[str, int]) -> Numbers:
    """As QEMU has it: each burst lasts a second if nothing else is said, and without a burst it lasts nothing."""
    lengths = {f"{rate}_max_length" for rate in RATES}
    made = {name: number for name, number in throttle.items() if name not in lengths}
    for rate in RATES:
        if f"{rate}_max" in throttle:
            made[f"{rate}_max_length"] = throttle.get(f"{rate}_max_length", 1)
    return made


def plan(desired: Desired, domain: Domain, disk: t.Optional[Disk], told: Mapping[str, t.Any], host: Host) -> PartPlan:
    """told: what libvirt tells of the part, live and config, None where there isn't that."""
    made = PartPlan(desired, domain, disk, nothing(), nothing())
    wanted: dict[str, t.Any] = {}
    for where in ("live", "config"):
        if desired.cpu is not None:
            found = cpu_of(told[where])
            wanted[where] = found and _cpu_after(desired.cpu, found, host, where == "live")
        else:
            found = throttle_of(told[where])
            wanted[where] = None if found is None else _whole(desired.throttle)
        made.found[where] = found
    made.live, made.config = (wanted[where] != made.found[where] for where in ("live", "config"))
    made.now = {where: wanted[where] for where in ("live", "config")}
    if disk is not None and disk.shares_with and made.acts:
        made.now, made.live, made.config = made.found, False, False
        made.done = "refused"
        made.reason = (
            f"{made.called}: is throttled together with {', '.join(disk.shares_with)} (a group_name in the domain), and what is set "
            "for one counts for all. Nothing was changed on this disk; give each its own group first."
        )
    elif made.acts:
        made.parameters = {where: _parameters(desired, made.now[where]) for where in ("live", "config")}
        made.done = _word(desired, made.found)
    return made


def _cpu_after(cpu: Cpu, found: Mapping[str, t.Any], host: Host, live: bool) -> dict[str, t.Any]:
    after = dict(found)
    if cpu.absent and (live or found["shares"] is not None):
        after["shares"] = host.default_shares
    elif cpu.shares is not None:
        after["shares"] = cpu.shares
    if cpu.quota is not None:
        after["vcpu_quota"] = cpu.quota or None
        after["vcpu_period"] = cpu.period if cpu.quota else None
    return after


def _parameters(desired: Desired, now: t.Optional[Mapping[str, t.Any]]) -> Numbers:
    """What libvirt's setSchedulerParametersFlags or setBlockIoTune takes for what is to be there."""
    if now is None:
        return {}
    cpu = desired.cpu
    if cpu is None:
        return {name: now.get(name, 0) for name in NUMBERS}
    made: Numbers = {}
    if now["shares"] is not None and (cpu.absent or cpu.shares is not None):
        made["cpu_shares"] = now["shares"]
    if cpu.quota:
        made.update(vcpu_period=now["vcpu_period"], vcpu_quota=now["vcpu_quota"])
    elif cpu.quota == 0:
        made["vcpu_quota"] = -1
    return made


def _word(desired: Desired, found: Mapping[str, t.Any]) -> str:
    cpu = desired.cpu
    if cpu is not None:
        return "removed" if cpu.absent else "changed"
    if not desired.throttle:
        return "removed"
    return "changed" if any(found.values()) else "created"
