# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's domains through libvirt: read what is, plan, do, look again."""

from __future__ import annotations

import os
import typing as t

from .._common import OperatorError, changed_meanwhile
from .._host.libvirt import CONFIG, LIVE, XML_INACTIVE, DomainsOutcome, Session, is_gone, said
from .plan import (
    Disk,
    Domain,
    Host,
    PartPlan,
    absent_reason,
    check_shares,
    check_twice,
    choose,
    host_of,
    nothing,
    plan,
    read_domain,
)

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from .wanted import Desired


class Libvirt(Session):
    """The part of a connection that is used here."""

    def domains(self, parts: Sequence[Desired]) -> tuple[list[Domain], list[str]]:
        """The domains that are named, and the names of all."""
        wanted = {desired.domain.lower() for desired in parts}
        found, names = [], []
        for domain in self._connection.listAllDomains():
            name, uuid = domain.name(), domain.UUIDString()
            names.append(name)
            if name.lower() in wanted or uuid in wanted:
                try:
                    found.append(self._read(domain))
                except self.error as exc:
                    if not is_gone(exc):
                        raise
        return found, names

    def again(self, domain: Domain) -> t.Optional[Domain]:
        """The same domain as it is now; None where it has gone."""
        try:
            return self._read(self._connection.lookupByUUIDString(domain.uuid))
        except self.error as exc:
            if not is_gone(exc):
                raise
            return None

    def tell(self, domain: Domain, disk: t.Optional[Disk]) -> dict[str, t.Any]:
        """What libvirt tells of a domain's scheduler or a disk's throttle, live (by the kernel and QEMU) and config."""
        there = self._connection.lookupByUUIDString(domain.uuid)
        told: dict[str, t.Any] = {}
        for where, flag in (("live", LIVE), ("config", CONFIG)):
            if disk is None:
                told[where] = there.schedulerParametersFlags(flag) if _has(domain, where) else None
            else:
                told[where] = there.blockIoTune(disk.target, flag) if _has(disk, where) else None
        return told

    def tune(self, one: PartPlan, domain: Domain) -> str:
        """Set what the plan says; return what libvirt says against it, '' where it did it."""
        try:
            there = self._connection.lookupByUUIDString(domain.uuid)
            # One after the other: the binding asks first with the same flags, and asked for both libvirt has no answer.
            for wanted, where, flag in ((one.live, "live", LIVE), (one.config, "config", CONFIG)):
                if wanted and one.disk is None:
                    there.setSchedulerParametersFlags(one.parameters[where], flag)
                elif wanted and one.disk is not None:
                    there.setBlockIoTune(one.disk.target, one.parameters[where], flag)
        except self.error as exc:
            return said(exc)
        return ""

    @staticmethod
    def _read(domain: t.Any) -> Domain:
        live = domain.XMLDesc(0) if domain.isActive() else ""
        config = domain.XMLDesc(XML_INACTIVE) if domain.isPersistent() else ""
        return read_domain(domain.name(), domain.UUIDString(), live, config)


def _has(part: t.Union[Domain, Disk], where: str) -> bool:
    if isinstance(part, Domain):
        return part.running if where == "live" else part.kept
    return part.live if where == "live" else part.config


def this_host() -> Host:
    return host_of(os.path.exists("/sys/fs/cgroup/cgroup.controllers"))


class TuneOutcome(DomainsOutcome[PartPlan]):
    """What one call found and did (or, in check mode, would do)."""

    WORDS = ("created", "changed", "removed", "unchanged", "gone", "refused", "failed")


def check(parts: Sequence[Desired], libvirt: Libvirt, host: Host) -> TuneOutcome:
    """Predict, touch nothing. Raises OperatorError for what no run could do."""
    try:
        domains, names = libvirt.domains(parts)
    except libvirt.error as exc:
        raise OperatorError(f"libvirt can't tell its domains: {said(exc)}.") from None
    chosen = [(desired, *choose(desired, domains)) for desired in parts]
    for desired, domain, _disk in chosen:
        if domain is not None:
            check_shares(desired, host)
    plans = [_plan(desired, domain, disk, libvirt, host, names) for desired, domain, disk in chosen]
    check_twice(plans)
    return TuneOutcome(plans)


def apply(parts: Sequence[Desired], libvirt: Libvirt, host: Host) -> TuneOutcome:
    """Make the parts what is desired; what can't be done to one doesn't keep the others from theirs."""
    outcome = check(parts, libvirt, host)
    for one in outcome.plans:
        if one.acts and one.domain is not None:
            try:
                _do(one, one.domain, libvirt, host)
            except libvirt.error as exc:
                one.done, one.reason = "failed", f"{one.called}: {said(exc)}."
    return outcome


def _plan(
    desired: Desired,
    domain: t.Optional[Domain],
    disk: t.Optional[Disk],
    libvirt: Libvirt,
    host: Host,
    names: Sequence[str],
) -> PartPlan:
    made = PartPlan(desired, domain, disk, nothing(), nothing())
    if domain is None:
        made.done, made.reason = "gone", absent_reason(desired, names)
        return made
    try:
        return plan(desired, domain, disk, libvirt.tell(domain, disk), host)
    except libvirt.error as exc:
        if is_gone(exc):
            made.done, made.reason = "gone", f"{made.called}: went away meanwhile."
        else:
            made.done = "failed"
            made.reason = f"{made.called}: libvirt can't tell what is set there ({said(exc)}). Nothing was changed."
    return made


def _do(one: PartPlan, domain: Domain, libvirt: Libvirt, host: Host) -> None:
    error = libvirt.tune(one, domain)
    found = libvirt.again(domain)
    disk = None
    if found is not None and one.disk is not None:
        target = one.disk.target
        disk = next((other for other in found.disks if other.target == target), None)
    if found is None or (one.disk is not None and disk is None):
        one.done, one.reason, one.now = "gone", f"{one.called}: went away meanwhile.", nothing()
        return
    left = plan(one.desired, found, disk, libvirt.tell(found, disk), host)
    one.now = left.found
    if error:
        one.done, one.reason = "failed", f"{one.called}: libvirt couldn't do it ({error})."
        one.live, one.config = (one.found[where] != one.now[where] for where in ("live", "config"))
    elif left.acts or left.done == "refused":
        one.done, one.reason = "failed", left.reason or str(changed_meanwhile(one.called))
