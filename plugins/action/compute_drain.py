# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: empties a compute through Nova's API, or returns it."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, first_of, in_range
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, os_error
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.model import BOUNDS, check_reason
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.move import Pace
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.report import diff, lines, rows_of
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._drain.run import Options, Result, drain, give_back
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import CLOUD_OPTIONS, Query
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe

_OPTIONS: dict[str, t.Any] = dict(
    host=dict(type="str", required=True),
    state=dict(type="str", choices=["drained", "returned"], required=True),
    record=dict(type="path", required=True),
    reason=dict(type="str", default="maintenance"),
    cold=dict(type="bool", default=False),
    partial=dict(type="bool", default=False),
    servers=dict(type="bool", default=False),
    migrate=dict(type="bool", default=True),
    parallel=dict(type="int", default=2),
    migration_timeout=dict(type="int", default=3600),
    stop_on_failure=dict(type="bool", default=False),
    **CLOUD_OPTIONS,
)


class ActionModule(Action):
    _requires_connection = False
    OPTIONS = _OPTIONS

    def job(self, options: dict[str, t.Any], variables: Variables) -> Outcome:
        host = str(options["host"])
        act = drain if options["state"] == "drained" else give_back
        try:
            made = act(Query.of(options), _asked(options), check_mode=self.check_mode, say=self._say(host))
        except OSError as exc:
            raise OperatorError(f"The record can't be written: {os_error(exc)}") from None
        failures = made.failures
        if not failures and made.remaining and not made.plan.refused:
            failures = [f"{host} isn't empty: {first_of(made.remaining)}"]
        return Outcome(
            changed=made.plan.changed,
            result=self._told(host, made, check_mode=self.check_mode),
            diff=make_unsafe(diff(host, made)),
            failures=failures,
        )

    def _say(self, host: str) -> t.Callable[[str], None]:
        return lambda text: self.say(f"[{host}] {text}")

    @staticmethod
    def _told(host: str, made: Result, *, check_mode: bool) -> dict[str, t.Any]:
        plan = made.plan
        return {
            "status": plan.status,
            "disabled_reason": make_unsafe(plan.reason),
            "steps": make_unsafe(plan.texts),
            "servers": make_unsafe([one.public() for one in rows_of(made, check_mode=check_mode)]),
            "remaining": make_unsafe(made.remaining),
            "notes": make_unsafe(plan.notes),
            "text": make_unsafe(lines(host, made, check_mode=check_mode)),
        }


def _asked(options: dict[str, t.Any]) -> Options:
    """Raises OperatorError for numbers that can't be meant."""
    for name, bounds in BOUNDS.items():
        in_range(name, options[name], *bounds)
    pace = Pace(options["parallel"], options["migration_timeout"], options["stop_on_failure"], options["cold"])
    return Options(
        host=options["host"],
        record=os.path.abspath(options["record"]),
        reason=check_reason(options["reason"]),
        servers=options["servers"],
        partial=options["partial"],
        migrate=options["migrate"],
        pace=pace,
    )
