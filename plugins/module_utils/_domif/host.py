# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's NICs through libvirt: read what is, plan, do, look again."""

from __future__ import annotations

import importlib
import time
import typing as t
from dataclasses import dataclass

from .._tc import ovsdb, state
from .._tc.model import TcError
from .._tc.netlink import Kernel
from .model import DomifError, Limits, Wish
from .plan import Host, Nic, Plan, device_names, left_over, plan, plan_all, read_domain

if t.TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS = ("created", "changed", "removed", "unchanged", "kept", "gone", "refused", "failed")

#: libvirt's own numbers, so that what is planned and done needs no binding to be tested.
_LIVE, _CONFIG = 1, 2
_XML_INACTIVE = 2
_NO_DOMAIN = 42

#: How long Open vSwitch may take from its database to the kernel.
_SWITCH_SECONDS = 2.0


class Libvirt:
    """The part of a connection that is used here. Close it, or use it in a with statement."""

    def __init__(self, binding: t.Any, connection: t.Any) -> None:
        self.error: type[Exception] = binding.libvirtError
        self._connection = connection

    def __enter__(self) -> Libvirt:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._connection.close()

    def nics(self, wishes: Sequence[Wish]) -> list[Nic]:
        """The NICs of the domains that are named; of all where a wish names none."""
        wanted = {wish.domain.lower() for wish in wishes}
        found: list[Nic] = []
        for domain in self._connection.listAllDomains():
            name, uuid = domain.name(), domain.UUIDString()
            if "" in wanted or name.lower() in wanted or uuid in wanted:
                try:
                    found += self._read(domain, name, uuid)
                except self.error as exc:
                    if exc.get_error_code() != _NO_DOMAIN:  # type: ignore[attr-defined]
                        raise
        return found

    def again(self, nic: Nic) -> t.Optional[Nic]:
        """The same NIC as it is now; None where it or its domain has gone."""
        try:
            found = self._read(self._connection.lookupByUUIDString(nic.uuid), nic.domain, nic.uuid)
        except self.error as exc:
            if exc.get_error_code() != _NO_DOMAIN:  # type: ignore[attr-defined]
                raise
            return None
        return next((one for one in found if one.mac == nic.mac), None)

    def limit(self, nic: Nic, limits: Limits, *, live: bool, config: bool) -> str:
        """Set the limits; return what libvirt says against it, '' where it did it."""
        try:
            domain = self._connection.lookupByUUIDString(nic.uuid)
            # One after the other: the binding asks first with the same flags, and asked for both libvirt has no answer.
            for wanted, flag in ((live, _LIVE), (config, _CONFIG)):
                if wanted:
                    domain.setInterfaceParameters(nic.mac, limits.parameters(), flag)
        except self.error as exc:
            return " ".join(str(exc).split()).rstrip(".")
        return ""

    @staticmethod
    def _read(domain: t.Any, name: str, uuid: str) -> list[Nic]:
        live = domain.XMLDesc(0) if domain.isActive() else ""
        return read_domain(name, uuid, live, domain.XMLDesc(_XML_INACTIVE) if domain.isPersistent() else "")


def connect(uri: str) -> Libvirt:
    """Raises DomifError where there is no binding, or nobody answers."""
    try:
        binding = importlib.import_module("libvirt")
    except ImportError:
        raise DomifError(
            "This host's Python has no libvirt binding; install python3-libvirt (a node with nova-compute has it), or set "
            "ansible_python_interpreter to the Python that has it."
        ) from None
    binding.registerErrorHandler(lambda _context, _error: None, None)  # else it writes to standard error, too
    try:
        return Libvirt(binding, binding.open(uri))
    except binding.libvirtError as exc:
        raise DomifError(f"libvirt at {uri} doesn't answer: {exc}; see to its service, or set uri.") from None


@dataclass
class Outcome:
    """What one call found and did (or, in check mode, would do)."""

    plans: list[Plan]

    @property
    def changed(self) -> bool:
        return any(one.acts for one in self.plans)

    @property
    def counts(self) -> dict[str, int]:
        return {word: sum(one.done == word for one in self.plans) for word in _WORDS}

    @property
    def diff(self) -> dict[str, t.Any]:
        """Before and after of the NICs that change, for --diff."""
        acting = [(one, one.nic) for one in self.plans if one.acts and one.nic is not None]
        return {
            "before": {nic.called: one.found for one, nic in acting},
            "after": {nic.called: one.now for one, nic in acting},
        }


def check(wishes: Sequence[Wish], libvirt: Libvirt, look: t.Callable[[Sequence[Nic]], Host]) -> Outcome:
    """Predict, touch nothing."""
    try:
        nics = libvirt.nics(wishes)
    except libvirt.error as exc:
        raise DomifError(f"libvirt can't tell its domains: {exc}.") from None
    return Outcome(plan_all(wishes, nics, look(nics)))


def apply(wishes: Sequence[Wish], libvirt: Libvirt, look: t.Callable[[Sequence[Nic]], Host]) -> Outcome:
    """Make the NICs what is wished; what can't be done to one doesn't keep the others from theirs."""
    outcome = check(wishes, libvirt, look)
    for one in outcome.plans:
        if one.acts and one.nic is not None:
            try:
                _do(one, one.nic, libvirt, look)
            except (DomifError, libvirt.error) as exc:
                one.done, one.reason = "failed", f"{one.nic.called}: {exc}"
    return outcome


def look_around(nics: Sequence[Nic]) -> Host:
    """What the kernel, tc_htb's saved state and Open vSwitch say. Raises DomifError where they can't be asked."""
    try:
        with Kernel() as kernel:
            devices = kernel.read(device_names(nics))
        saved = {port_id[:11] for port_id in state.load().ports}
        return Host(devices, saved, ovsdb.ask().policed)
    except TcError as exc:
        raise DomifError(str(exc)) from None


def _do(one: Plan, nic: Nic, libvirt: Libvirt, look: t.Callable[[Sequence[Nic]], Host]) -> None:
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
    left = plan(one.wish, found, look([found]))
    patience = time.monotonic() + _SWITCH_SECONDS
    while left.acts and nic.switched and time.monotonic() < patience:
        time.sleep(0.1)
        left = plan(one.wish, found, look([found]))
    if left.acts or left.done == "refused":
        one.done = "failed"
        one.reason = left.reason or (
            f"{nic.called}: libvirt took the limit, but it is not what was wanted; somebody else may be changing it. Run again."
        )
