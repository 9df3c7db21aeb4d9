# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's limits: read, plan, apply and read again, for the module and the restorer."""

from __future__ import annotations

import os
import time
import typing as t
from dataclasses import dataclass, field, replace

from .._common import OperatorError, changed_meanwhile
from .._kernel import modules, ovsdb
from .._kernel.netlink import Kernel
from . import batch, state
from .limits import Survey, end_of, public
from .plan import TC_PKTS_RATE, PortDevices, PortPlan, plan_ports, plan_purge, survey_ports
from .ports import LEAVES, Port

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from .._kernel.device import Device

_LOCK_SECONDS = 60
_NO_DATABASE = (
    f"its tap is a port of Open vSwitch, and no database of the switch answers at {ovsdb.SOCKET}, so it can't be told whether a Neutron "
    "QoS policy limits the upload there; start ovsdb-server, or limit only ingress."
)

_NO_PACKETS = {
    "pkts_rate": "this kernel can't limit packets per second, as Linux can since 5.13",
    TC_PKTS_RATE: "tc can't limit packets per second on this host, as iproute2 can since 5.13",
}

_NO_TAGS = (
    "{port} is a trunk's parent port, and this kernel has no cls_flower of Linux 5.16 or later: what is exempt under the tags of its VLANs is "
    "limited like the rest; load or install the kernel module that provides it, or a newer kernel"
)

#: Takes whether the restorer should run (None: leave it as it is); returns whether that changes anything, and its state afterwards.
Service = t.Callable[[t.Optional[bool]], t.Tuple[bool, str]]


@dataclass(frozen=True)
class Request:
    """The desired state of a host's limits."""

    ports: Sequence[Port]
    purge: bool = False
    takeover: bool = False
    persist: bool = False
    ended: Sequence[Port] = ()
    """Other ports whose saved limits have ended. Their lines go with this run, so that nobody else would end them any more."""


@dataclass
class PortsOutcome:
    """The result of a call: what was found and done (or, in check mode, would be done)."""

    plans: list[PortPlan]
    state_before: str = ""
    state_after: str = ""
    problems: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)  # failures that don't belong to one port
    service: str = ""
    service_changed: bool = False

    @property
    def changed(self) -> bool:
        saved = self.state_before != self.state_after
        return saved or self.service_changed or any(plan.acts for plan in self.plans)

    @property
    def counts(self) -> dict[str, int]:
        words = ("created", "changed", "adopted", "removed", "unchanged", "kept", "gone", "refused", "failed")
        return {word: sum(plan.done == word for plan in self.plans) for word in words}

    def reasons(self, *, strict: bool) -> list[str]:
        """Why the run fails: all failures; with strict, devices that are gone, too, unless they may well have never been there."""
        left = [
            plan.reason
            for plan in self.plans
            if plan.done in ("refused", "failed") or (strict and plan.done == "gone" and not plan.port.last_resort)
        ]
        return [*self.failures, *left]

    @property
    def diff(self) -> dict[str, t.Any]:
        """Before and after of the ports that change, for --diff."""
        acting = [plan for plan in self.plans if plan.acts or plan.rescheduled]
        return {
            "before": {plan.port.port_id: {**public(plan.found), **end_of(plan.saved)} for plan in acting},
            "after": {plan.port.port_id: {**public(plan.now), **end_of(plan.port)} for plan in acting},
        }


def check(request: Request, service: t.Optional[Service] = None, batch: t.Optional[batch.Batch] = None) -> PortsOutcome:
    """Predict, touch nothing; service must not either. batch is only asked what tc can. Raises OperatorError where the host can't be asked."""
    now = time.time()
    kept, unreadable = _load()
    saved = kept.at(now)
    request, untagged = _without_tags(_settled(request, kept, saved, now))
    plans = _plan(request, _read(request), saved, batch)
    outcome = _outcome(request, plans, saved, unreadable)
    outcome.problems += untagged
    _settle_service(outcome, service)
    return outcome


def apply(request: Request, batch: batch.Batch, service: t.Optional[Service] = None) -> PortsOutcome:
    """Make the host what is wanted; what can't be done to one port doesn't keep the others from theirs.

    The state is saved before the kernel is changed: should the run be killed in between, the restorer or the next run
    finds it and completes it. Where it can't be saved, the limits are set all the same, and that is a failure. The restorer is
    installed or removed under the same lock, so that another run sees both the state and the restorer, or neither.
    Raises OperatorError where the host can't be asked, or another run holds the lock.
    """
    with state.locked(_LOCK_SECONDS):
        now = time.time()
        kept, unreadable = _load()
        saved = kept.at(now)
        request, untagged = _without_tags(_settled(request, kept, saved, now))
        plans = _plan(request, _read(request), saved, batch)
        outcome = _outcome(request, plans, saved, unreadable)
        outcome.problems += untagged
        # Limits that have ended leave the file with this run, which is no change: they counted for nothing.
        if _text(kept) != outcome.state_after:
            if _text(kept) and outcome.state_after:
                # First the restorer: one of an older version might not read what is saved now.
                _settle_service(outcome, service)
                service = None
            try:
                state.store(_next(request, plans, saved))
            except (OperatorError, OSError) as exc:
                outcome.state_after = outcome.state_before
                outcome.failures.append(_not_saved(exc))
        _execute(plans, batch)
        if any(plan.acts for plan in plans):
            _look_again(request, plans)
        _settle_service(outcome, service)
    return outcome


def _load() -> tuple[state.Saved, str]:
    """The saved state; where it can't be read, an empty one and why."""
    try:
        return state.load(), ""
    except (OperatorError, OSError) as exc:
        return state.Saved(), _not_saved(exc)


def _text(saved: state.Saved) -> str:
    return state.render(saved) if saved.ports or saved.damaged else ""


def _settled(request: Request, kept: state.Saved, saved: state.Saved, now: float) -> Request:
    """A last resort isn't for a port whose limit is saved, also while its devices are away; what has ended isn't asked for, nor kept."""
    ended = {port_id: port.at(now) for port_id, port in kept.ports.items() if port_id not in saved.ports}
    ports = []
    for port in request.ports:
        over = ended.pop(port.port_id, None)
        if port.last_resort and port.port_id in saved.ports:
            ports.append(replace(port, kept=True))
        else:
            ports.append(over if over and port.kept else port.at(now))
    return replace(request, ports=ports, ended=[port for _id, port in sorted(ended.items())])


def _without_tags(request: Request) -> tuple[Request, list[str]]:
    """Limits without what this kernel can't exempt, and a warning for each port. Refused, a tenant's trunk would be free of its limit."""
    tagged = {port.port_id for port in request.ports if port.vlans or any(phase.vlans for phase in port.afterwards)}
    if not tagged or not modules.kernel_lacks({"flower"}):
        return request, []
    ports = [
        replace(port, vlans=(), afterwards=tuple(replace(phase, vlans=()) for phase in port.afterwards))
        for port in request.ports
    ]
    return replace(request, ports=ports), [_NO_TAGS.format(port=f"Port {port_id}") for port_id in sorted(tagged)]


def _not_saved(exc: Exception) -> str:
    reason = exc.strerror or str(exc) if isinstance(exc, OSError) else str(exc).rstrip(".")
    return (
        f"Limits can't be kept in {state.STATE_FILE}: {reason}. They are set in the kernel alone, and the restorer still has "
        "those of before, if any; make the file writable (is the disk full, or something else in its place?) and run again."
    )


def _settle_service(outcome: PortsOutcome, service: t.Optional[Service]) -> None:
    """Have the restorer where something is saved, and only there. What can't be saved leaves it as it is."""
    if service is None:
        return
    wanted = None if outcome.failures else bool(outcome.state_after)
    try:
        outcome.service_changed, outcome.service = service(wanted)
    except (OperatorError, OSError) as exc:
        outcome.service = "stopped"
        outcome.failures.append(f"The limits are set, but the restorer isn't as it should be: {exc}")


def survey(port_ids: Sequence[str]) -> tuple[list[Survey], list[str]]:
    """What is there, with counters, and what can't be read of the saved state. Without port_ids, of the whole host."""
    saved = state.load()
    with Kernel() as kernel:
        devices = kernel.read(PortDevices(port_ids, everything=not port_ids), stats=True)
    return survey_ports(port_ids, saved.at(time.time()).ports, devices), saved.problems


def restore(ports: Sequence[Port], batch: batch.Batch, acted: t.Callable[[list[str]], None]) -> list[PortPlan]:
    """Apply saved limits to what is there of their devices; the caller holds the lock. What the restorer does.

    acted is told the ids of the ports that were touched, after the last statement and before what became of them is read.
    """
    plans: list[PortPlan] = []
    # A switch that doesn't answer keeps nobody waiting but its own ports.
    for group in ([port for port in ports if not _needs_switch(port)], [port for port in ports if _needs_switch(port)]):
        # The kernel may be another one than that of the run that saved them.
        request, _warnings = _without_tags(Request(group))
        planned = _plan_listed(request, _read(request)) if group else []
        touched = [plan.port.port_id for plan in planned if plan.acts]
        if touched:
            _execute(planned, batch)
            acted(touched)
            _look_again(request, planned)
        plans += planned
    return plans


def _read(request: Request) -> dict[str, Device]:
    port_ids = [port.port_id for port in (*request.ports, *request.ended)]
    with Kernel() as kernel:
        return kernel.read(PortDevices(port_ids, everything=request.purge))


def _plan(
    request: Request, devices: dict[str, Device], saved: state.Saved, tools: t.Optional[batch.Batch]
) -> list[PortPlan]:
    plans = _plan_listed(request, devices, guess=False)
    needs: set[str] = set().union(*(plan.needs for plan in plans))
    lacking = modules.kernel_lacks(needs - {TC_PKTS_RATE})
    if tools is not None and TC_PKTS_RATE in needs and not tools.limits_packets():
        lacking.append(TC_PKTS_RATE)
    if lacking:
        _refuse_lacking(plans, lacking)
    if request.purge:
        plans += plan_purge(request.ports, saved.ports, devices)
    else:
        plans += [plan for plan in plan_ports(request.ended, devices) if plan.acts]
    for plan in plans:
        plan.saved = saved.ports.get(plan.port.port_id)
    return plans


def _plan_listed(request: Request, devices: dict[str, Device], *, guess: bool = True) -> list[PortPlan]:
    """Open vSwitch is asked only where a tap may be a port of it; where it doesn't answer, these ports alone are refused.

    Where it has no database (it is being restarted, or that is at an unusual place), guess takes it for a switch that limits nothing: the
    restorer sets again what a run has set. A run refuses a port whose tap the kernel calls a port of the switch.
    """
    switch, unknown = ovsdb.Switch(), ""
    if any(_needs_switch(port) for port in request.ports):
        try:
            switch = ovsdb.ask()
        except OperatorError as exc:
            unknown = str(exc)
    plans = plan_ports(request.ports, devices, takeover=request.takeover, switch=switch)
    asked = not guess and switch.absent
    return [
        plan.refuse("refused", f"Port {plan.port.port_id}: {unknown or _NO_DATABASE}", retry=True)
        if (unknown or (asked and _switched(plan.port, devices))) and _needs_switch(plan.port) and plan.acts
        else plan
        for plan in plans
    ]


def _switched(port: Port, devices: dict[str, Device]) -> bool:
    tap = devices.get(port.device("tap"))
    return tap is not None and tap.switched


def _needs_switch(port: Port) -> bool:
    """Whether Open vSwitch may limit what this port's instance sends, because the tap is a port of the switch."""
    return port.egress is not None and port.plug in ("ovs", "ovn")


def _refuse_lacking(plans: list[PortPlan], lacking: list[str]) -> None:
    """Refuse ports that need features that the kernel lacks, before anything is changed."""
    leaves = modules.available(LEAVES)
    for index, plan in enumerate(plans):
        missing = sorted(plan.needs & set(lacking))
        if not missing:
            continue
        packets = [_NO_PACKETS[part] for part in _NO_PACKETS if part in missing]
        if packets:
            reason = f"{packets[0]}; leave out pkts_rate here"
        elif missing == [plan.port.leaf]:
            reason = f"this kernel has no {plan.port.leaf}; set leaf to one that it has: {', '.join(leaves)}"
        else:
            names = ", ".join(f"act_{part}" if part == "police" else part for part in missing)
            reason = f"this kernel has no {names}; load or install the kernel modules that provide it"
        plans[index] = plan.refuse("refused", f"Port {plan.port.port_id}: {reason}.")


def _next(request: Request, plans: Sequence[PortPlan], saved: state.Saved) -> state.Saved:
    """The state to save. A kept or refused port keeps its saved state."""
    left = {plan.port.port_id for plan in plans if plan.done in ("kept", "refused")}
    wanted = {port.port_id: port for port in request.ports if port.port_id not in left}
    after = state.next_saved(saved, wanted, persist=request.persist, purge=request.purge)
    for port_id in left & set(saved.ports):
        after.ports[port_id] = saved.ports[port_id]
    return after


def _outcome(request: Request, plans: list[PortPlan], saved: state.Saved, unreadable: str) -> PortsOutcome:
    """The planned outcome. An unreadable state file isn't replaced, since it may have other ports' limits."""
    if unreadable:
        return PortsOutcome(plans, failures=[unreadable])
    after = _next(request, plans, saved)
    return PortsOutcome(
        plans,
        _text(saved),
        _text(after),
        list(saved.problems),
    )


def _execute(plans: Sequence[PortPlan], batch: batch.Batch) -> None:
    """All ports' statements in one tc; links are made before and deleted after, in one ip each."""
    for tool, part in (("ip", "links_before"), ("tc", "statements"), ("ip", "links_after")):
        numbered = [(plan, statement) for plan in plans for statement in getattr(plan, part)]
        for index, error in batch(tool, [statement for _plan, statement in numbered]).items():
            plan, statement = numbered[index]
            if not plan.reason:
                plan.reason = f"Port {plan.port.port_id}: `{tool} {statement}` failed: {error}"


def _look_again(request: Request, plans: Sequence[PortPlan]) -> None:
    """Read the kernel once more; a port that isn't what was wanted now is failed, or gone meanwhile."""
    devices = _read(request)
    touched = [plan for plan in plans if plan.acts]
    for plan, again in zip(touched, plan_ports([replace(plan.port, last_resort=False) for plan in touched], devices)):
        plan.now = again.now if not again.acts else again.found
        if again.done == "gone":
            plan.done, plan.reason = "gone", again.reason
        elif again.acts or again.done == "refused":
            plan.done = "failed"
            plan.reason = plan.reason or str(changed_meanwhile(f"Port {plan.port.port_id}"))
        elif plan.reason and plan.done != "gone":
            plan.reason = ""  # what failed no longer matters: the port is what was wanted


def rooted() -> None:
    """Raise OperatorError unless we may change the network of this host."""
    if os.geteuid() != 0:
        raise OperatorError("Changing traffic control needs root on the host; set become: true for this task.")
