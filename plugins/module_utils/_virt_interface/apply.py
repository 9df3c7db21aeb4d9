# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's NICs through libvirt: read what is, plan, do, look again."""

from __future__ import annotations

import time
import typing as t

from .._common import OperatorError, changed_meanwhile
from .._host.libvirt import CONFIG, LIVE, XML_INACTIVE, DomainsOutcome, Session, is_gone, said
from .._kernel import ovsdb
from .._kernel.netlink import Kernel
from .._tc import state
from .limits import DesiredInterface, Limits
from .plan import InterfacePlan, Nic, Surroundings, device_names, left_over, plan, plan_all, read_domain

if t.TYPE_CHECKING:
    from collections.abc import Sequence

#: How long Open vSwitch may take from its database to the kernel.
_SWITCH_SECONDS = 2.0


class Libvirt(Session):
    """The part of a connection that is used here."""

    def nics(self, interfaces: Sequence[DesiredInterface]) -> list[Nic]:
        """The NICs of the domains that are named; of all if one names none."""
        wanted = {desired.domain.lower() for desired in interfaces}
        found: list[Nic] = []
        for domain in self._connection.listAllDomains():
            name, uuid = domain.name(), domain.UUIDString()
            if "" in wanted or name.lower() in wanted or uuid in wanted:
                try:
                    found += self._read(domain, name, uuid)
                except self.error as exc:
                    if not is_gone(exc):
                        raise
        return found

    def again(self, nic: Nic) -> t.Optional[Nic]:
        """The same NIC as it is now; None where it or its domain has gone."""
        try:
            found = self._read(self._connection.lookupByUUIDString(nic.uuid), nic.domain, nic.uuid)
        except self.error as exc:
            if not is_gone(exc):
                raise
            return None
        return next((one for one in found if one.mac == nic.mac), None)

    def limit(self, nic: Nic, limits: Limits, *, live: bool, config: bool) -> str:
        """Set the limits; return what libvirt says against it, '' where it did it."""
        try:
            domain = self._connection.lookupByUUIDString(nic.uuid)
            # One after the other: the binding asks first with the same flags, and asked for both libvirt has no answer.
            for wanted, flag in ((live, LIVE), (config, CONFIG)):
                if wanted:
                    domain.setInterfaceParameters(nic.mac, limits.parameters(), flag)
        except self.error as exc:
            return said(exc)
        return ""

    @staticmethod
    def _read(domain: t.Any, name: str, uuid: str) -> list[Nic]:
        live = domain.XMLDesc(0) if domain.isActive() else ""
        return read_domain(name, uuid, live, domain.XMLDesc(XML_INACTIVE) if domain.isPersistent() else "")


class InterfacesOutcome(DomainsOutcome[InterfacePlan]):
    """What one call found and did (or, in check mode, would do)."""

    WORDS = ("created", "changed", "removed", "unchanged", "kept", "gone", "refused", "failed")


def check(
    interfaces: Sequence[DesiredInterface], libvirt: Libvirt, look: t.Callable[[Sequence[Nic]], Surroundings]
) -> InterfacesOutcome:
    """Predict, touch nothing. Raises OperatorError where libvirt can't tell its domains, or two entries mean the same NIC."""
    try:
        nics = libvirt.nics(interfaces)
    except libvirt.error as exc:
        raise OperatorError(f"libvirt can't tell its domains: {exc}.") from None
    return InterfacesOutcome(plan_all(interfaces, nics, look(nics)))


def apply(
    interfaces: Sequence[DesiredInterface], libvirt: Libvirt, look: t.Callable[[Sequence[Nic]], Surroundings]
) -> InterfacesOutcome:
    """Make the NICs what is desired; what can't be done to one doesn't keep the others from theirs."""
    outcome = check(interfaces, libvirt, look)
    for one in outcome.plans:
        if one.acts and one.nic is not None:
            try:
                _do(one, one.nic, libvirt, look)
            except (OperatorError, libvirt.error) as exc:
                one.done, one.reason = "failed", f"{one.nic.called}: {exc}"
    return outcome


def look_around(nics: Sequence[Nic]) -> Surroundings:
    """What the kernel, tc_htb's saved state and Open vSwitch say. Raises OperatorError where they can't be asked."""
    with Kernel() as kernel:
        devices = kernel.read(device_names(nics))
    saved = {port_id[:11] for port_id in state.load().ports}
    return Surroundings(devices, saved, ovsdb.ask().policed)


def _do(one: InterfacePlan, nic: Nic, libvirt: Libvirt, look: t.Callable[[Sequence[Nic]], Surroundings]) -> None:
    error = ""
    if one.live and nic.switched and nic.live == one.limits:
        # What only libvirt and the switch's database believe in: the same words again would change no row, and nothing would happen.
        error = libvirt.limit(nic, Limits(), live=True, config=False)
    error = error or libvirt.limit(nic, one.limits, live=one.live, config=one.config)
    found = libvirt.again(nic)
    undone = ""
    if error and found is not None and left_over(found, look([found])):
        # Where one of its tc statements fails, libvirt leaves what the others have made and reports the limit of before.
        again = libvirt.limit(nic, nic.live or Limits(), live=True, config=False)
        found = libvirt.again(nic)
        undone = ", and had left half of it on the device; that was cleaned up"
        if again or (found is not None and left_over(found, look([found]))):
            undone = f", and has left half of it on the device; `tc qdisc show dev {nic.device}` shows what"
    if found is None:
        one.done, one.reason, one.now = "gone", f"{nic.called}: went away meanwhile.", {"live": None, "config": None}
        return
    one.now = found.public()
    if error:
        one.done, one.reason = "failed", f"{nic.called}: libvirt couldn't do it ({error}){undone}."
        one.live, one.config = nic.live != found.live, nic.config != found.config
        return
    left = plan(one.desired, found, look([found]))
    patience = time.monotonic() + _SWITCH_SECONDS
    while left.acts and nic.switched and time.monotonic() < patience:
        time.sleep(0.1)
        left = plan(one.desired, found, look([found]))
    if left.acts or left.done == "refused":
        one.done = "failed"
        one.reason = left.reason or str(changed_meanwhile(nic.called))
