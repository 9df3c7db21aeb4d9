# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One host's limits: read what is, plan, do, look again. Serves the module and the keeper alike."""

from __future__ import annotations

import os
import typing as t
from dataclasses import dataclass, field

from . import cli, ovsdb, state
from .model import Port, TcError
from .netlink import Kernel
from .plan import PortDevices, PortPlan, plan_ports, plan_purge, survey_ports

if t.TYPE_CHECKING:
    from collections.abc import Sequence

    from .device import Device

_LOCK_SECONDS = 60


@dataclass(frozen=True)
class Wish:
    """What one call wants of the host."""

    ports: Sequence[Port]
    purge: bool = False
    takeover: bool = False
    persist: bool = False


@dataclass
class Outcome:
    """What one call found and did (or, in check mode, would do)."""

    plans: list[PortPlan]
    state_before: str = ""
    state_after: str = ""
    problems: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return self.state_before != self.state_after or any(plan.acts for plan in self.plans)

    @property
    def counts(self) -> dict[str, int]:
        words = ("created", "changed", "adopted", "removed", "unchanged", "kept", "gone", "refused", "failed")
        return {word: sum(plan.done == word for plan in self.plans) for word in words}

    @property
    def diff(self) -> dict[str, t.Any]:
        """Before and after of the ports that change, for --diff."""
        acting = [plan for plan in self.plans if plan.acts]
        return {
            "before": {plan.port.port_id: plan.found for plan in acting},
            "after": {plan.port.port_id: plan.now for plan in acting},
        }


def check(wish: Wish) -> Outcome:
    """Predict, touch nothing."""
    saved = state.load()
    devices = _read(wish)
    plans = _plan(wish, devices, saved)
    return _outcome(wish, plans, saved)


def apply(wish: Wish, batch: cli.Batch) -> Outcome:
    """Make the host what is wished; what can't be done to one port doesn't keep the others from theirs.

    The state is saved before the kernel is changed: should the run be killed in between, the keeper or the next run
    finds the wish and completes it.
    """
    with state.locked(_LOCK_SECONDS):
        saved = state.load()
        plans = _plan(wish, _read(wish), saved)
        outcome = _outcome(wish, plans, saved)
        if outcome.state_before != outcome.state_after:
            state.store(_next(wish, plans, saved))
        _execute(plans, batch)
        if any(plan.acts for plan in plans):
            _look_again(wish, plans)
    return outcome


def survey(port_ids: Sequence[str]) -> tuple[list[dict[str, t.Any]], list[str]]:
    """What is there, with counters, and what can't be read of the saved state. Without port_ids, of the whole host."""
    saved = state.load()
    with Kernel() as kernel:
        devices = kernel.read(PortDevices(port_ids, everything=not port_ids), stats=True)
    return survey_ports(port_ids, saved.ports, devices), saved.problems


def restore(ports: Sequence[Port], batch: cli.Batch, acted: t.Callable[[list[str]], None]) -> list[PortPlan]:
    """Apply saved limits to what is there of their devices; the caller holds the lock. What the keeper does.

    acted is told the ids of the ports that were touched, after the last statement and before what became of them is read.
    """
    wish = Wish(ports)
    plans = _plan_listed(wish, _read(wish))
    touched = [plan.port.port_id for plan in plans if plan.acts]
    if touched:
        _execute(plans, batch)
        acted(touched)
        _look_again(wish, plans)
    return plans


def _read(wish: Wish) -> dict[str, Device]:
    with Kernel() as kernel:
        return kernel.read(PortDevices([port.port_id for port in wish.ports], everything=wish.purge))


def _plan(wish: Wish, devices: dict[str, Device], saved: state.Saved) -> list[PortPlan]:
    plans = _plan_listed(wish, devices)
    needs: set[str] = set().union(*(plan.needs for plan in plans))
    lacking = cli.kernel_lacks(needs)
    if lacking:
        _refuse_lacking(plans, lacking)
    if wish.purge:
        plans += plan_purge(wish.ports, saved.ports, devices)
    return plans


def _plan_listed(wish: Wish, devices: dict[str, Device]) -> list[PortPlan]:
    """Open vSwitch is asked only where a tap may be a port of it and has its upload limited."""
    natively_up = any(port.egress is not None and port.plug in ("ovs", "ovn") for port in wish.ports)
    switch = ovsdb.ask() if natively_up else ovsdb.Switch()
    return plan_ports(wish.ports, devices, takeover=wish.takeover, switch=switch)


def _refuse_lacking(plans: list[PortPlan], lacking: list[str]) -> None:
    """Refuse the ports that need what the kernel hasn't got, before anything is done to them."""
    leaves = cli.available_leaves()
    for index, plan in enumerate(plans):
        missing = sorted(plan.needs & set(lacking))
        if not missing:
            continue
        if missing == [plan.port.leaf]:
            sentence = f"this kernel has no {plan.port.leaf}; set leaf to one that it has: {', '.join(leaves)}"
        else:
            sentence = f"this kernel has no {', '.join(missing)}; load or install the kernel modules that bring it"
        plans[index] = plan.refuse("refused", f"Port {plan.port.port_id}: {sentence}.")


def _next(wish: Wish, plans: Sequence[PortPlan], saved: state.Saved) -> state.Saved:
    """The state to save. A port that is kept or refused keeps the state it had."""
    left = {plan.port.port_id for plan in plans if plan.done in ("kept", "refused")}
    wanted = {port.port_id: port for port in wish.ports if port.port_id not in left}
    after = state.next_saved(saved, wanted, persist=wish.persist, purge=wish.purge)
    for port_id in left & set(saved.ports):
        after.ports[port_id] = saved.ports[port_id]
    return after


def _outcome(wish: Wish, plans: list[PortPlan], saved: state.Saved) -> Outcome:
    after = _next(wish, plans, saved)
    return Outcome(
        plans,
        state.render(saved) if saved.ports or saved.damaged else "",
        state.render(after) if after.ports or after.damaged else "",
        list(saved.problems),
    )


def _execute(plans: Sequence[PortPlan], batch: cli.Batch) -> None:
    """All ports' statements in one tc; links are made before and deleted after, in one ip each."""
    for tool, part in (("ip", "links_before"), ("tc", "statements"), ("ip", "links_after")):
        numbered = [(plan, statement) for plan in plans for statement in getattr(plan, part)]
        for index, error in batch(tool, [statement for _plan, statement in numbered]).items():
            plan, statement = numbered[index]
            if not plan.reason:
                plan.reason = f"Port {plan.port.port_id}: `{tool} {statement}` failed: {error}"


def _look_again(wish: Wish, plans: Sequence[PortPlan]) -> None:
    """Read the kernel once more; a port that isn't what was wanted now is failed, or gone meanwhile."""
    devices = _read(wish)
    touched = [plan for plan in plans if plan.acts]
    for plan, again in zip(touched, plan_ports([plan.port for plan in touched], devices)):
        plan.now = again.now if not again.acts else again.found
        if again.done == "gone":
            plan.done, plan.reason = "gone", again.reason
        elif again.acts or again.done == "refused":
            plan.done = "failed"
            plan.reason = plan.reason or (
                f"Port {plan.port.port_id}: the kernel took every statement, but it is not what was wanted; "
                "somebody else may be changing it. Run again."
            )
        elif plan.reason and plan.done != "gone":
            plan.reason = ""  # what failed no longer matters: the port is what was wanted


def rooted() -> None:
    """Raise TcError unless we may change the network of this host."""
    if os.geteuid() != 0:
        raise TcError("Changing traffic control needs root on the host; set become: true for this task.")
