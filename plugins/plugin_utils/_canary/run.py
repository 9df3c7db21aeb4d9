# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that proves a compute: look, plan, refuse or do, remove, look again."""

from __future__ import annotations

import time
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.model import Service
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import Query

from .cloud import Cloud
from .model import FAILED, PASSED, PLANNED, UNKNOWN, Check, Options, Report, Things, name_of
from .prove import Limits, Prover, Say
from .remove import remove


def prove(query: Query, options: Options, *, check_mode: bool, say: Say, limits: Limits) -> Report:
    """Raises OperatorError, before anything changes, for what is no fault of the compute: an image, flavor, network or quota."""
    cloud = Cloud(query, options.host)
    service, report = cloud.service(), _begin(cloud, options)
    things = cloud.things(options)
    _refuse(cloud, things, report)
    names = options.checks.names(network=bool(things.network))
    first = _service(service)
    report.checks.append(first)
    report.boots = first.verdict == PASSED
    if report.boots:
        report.steps += _steps(options, things)
    if check_mode or not report.boots:
        verdict, why = (PLANNED, "") if report.boots else (UNKNOWN, "not looked at, for nothing boots there")
        made = [Check(name, verdict, why) for name in names[1:-1]]
        report.checks += made
        if check_mode:
            report.checks.append(Check("removal", PLANNED, ""))
        else:
            _remove(cloud, options, report, say)
        return report
    if report.found and _remove(cloud, options, report, say):
        removal = report.checks.pop()
        report.checks += [
            Check(name, UNKNOWN, "not begun, for an earlier canary is still there") for name in names[1:-1]
        ]
        report.checks.append(removal)
        return report
    del report.checks[1:]
    prover = Prover(cloud, options, things, report, say, limits)
    try:
        prover.run(names[1:-1])
    finally:
        _remove(cloud, options, report, say)
    return report


def clear(query: Query, options: Options, *, check_mode: bool, say: Say) -> Report:
    """Only remove what earlier runs left of this host. Raises OperatorError where Nova can't be asked."""
    cloud = Cloud(query, options.host)
    report = _begin(cloud, options)
    if not check_mode and report.found:
        _remove(cloud, options, report, say)
        report.checks.clear()
    return report


def _begin(cloud: Cloud, options: Options) -> Report:
    left = cloud.leftovers()
    steps = [f"remove the {one.text}, left by an earlier run" for one in left.found]
    return Report(options.host, found=left.found, unknown=bool(left.unknown), steps=steps, notes=left.notes)


def _refuse(cloud: Cloud, things: Things, report: Report) -> None:
    """Raises OperatorError where a boot would fail on any compute."""
    try:
        if lacks := cloud.over_quota(things.flavor):
            raise _Refused(
                f"The quota of the project {cloud.project} has no room for a canary ({lacks}); raise it, or name another project."
            )
    except _Refused as exc:
        raise OperatorError(str(exc)) from None
    except OperatorError as exc:
        report.notes.append(f"Whether the quota has room for a canary isn't known: {exc}")
    if not things.network:
        return
    try:
        lacks = cloud.no_addresses(things.network)
    except OperatorError as exc:
        report.notes.append(f"Whether the network has a free address isn't known: {exc}")
        return
    if lacks:
        raise OperatorError(
            f"A canary would get no address on {lacks}. Add an allocation pool, or name another network."
        )


class _Refused(Exception):
    """What is known to fail, beside what can't be asked."""


def _service(service: Service) -> Check:
    if not service.up or service.forced_down:
        return Check("service", FAILED, f"nova-compute is down{' (forced down)' if service.forced_down else ''}")
    if service.status != "enabled":
        why = shown(service.reason or "no reason given")
        return Check(
            "service", FAILED, f"nova-compute is disabled ({why}), so the scheduler puts nothing there; enable it first"
        )
    return Check("service", PASSED, "nova-compute is up and enabled")


def _steps(options: Options, things: Things) -> list[str]:
    checks, steps = options.checks, [f"boot {name_of(options.host)} on {options.host} ({things.text})"]
    if checks.volume:
        steps.append(f"create a volume of {checks.volume} GiB and attach it")
    if checks.migrate:
        steps.append(f"migrate it live to where the scheduler finds room, and back to {options.host}")
    return [*steps, "remove all of it"]


def _remove(cloud: Cloud, options: Options, report: Report, say: Say) -> list[str]:
    """Until nothing of ours is there, as a check; what remains, with the reason."""
    began = time.monotonic()
    volumes = bool(options.checks.volume) or any(one.kind == "volume" for one in report.found)
    left = remove(cloud, options.timeout, say, volumes=volumes)
    report.remaining = left.all
    verdict = FAILED if left.servers else UNKNOWN if left.others else PASSED
    why = "; ".join(left.all) or "nothing of it is left"
    report.checks.append(Check("removal", verdict, why, int(time.monotonic() - began)))
    return left.all


def told(report: Report) -> dict[str, t.Any]:
    """What a run found, as plain values."""
    return {
        "verdict": report.verdict,
        "checks": [one.public() for one in report.checks],
        "steps": report.steps,
        "remaining": report.remaining,
        "notes": report.notes,
    }
