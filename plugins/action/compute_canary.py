# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: boots a canary on a compute, looks whether users would get what they need, and removes it."""

from __future__ import annotations

import re
import typing as t

from ansible.errors import AnsibleError

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import (
    OperatorError,
    first_of,
    in_range,
    shown,
)
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.model import BOUNDS, Checks, Options, Report
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.prove import Limits
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.report import diff, lines
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._canary.run import clear, prove, told
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import CLOUD_OPTIONS, Query
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe

_OPTIONS: dict[str, t.Any] = dict(
    host=dict(type="str", required=True),
    state=dict(type="str", choices=["proved", "absent"], default="proved"),
    image=dict(type="str"),
    flavor=dict(type="str"),
    network=dict(type="str"),
    security_groups=dict(type="list", elements="str", default=[]),
    console=dict(type="bool", default=True),
    dhcp_pattern=dict(type="str"),
    metadata_pattern=dict(type="str"),
    reach=dict(type="str", choices=["none", "ping", "tcp"], default="none"),
    reach_port=dict(type="int", default=22),
    limit=dict(type="bool", default=False),
    volume_size=dict(type="int", default=0),
    volume_type=dict(type="str"),
    volume_pattern=dict(type="str"),
    migrate=dict(type="bool", default=False),
    check_timeout=dict(type="int", default=300),
    **CLOUD_OPTIONS,
)


class ActionModule(Action):
    OPTIONS = _OPTIONS
    RULES: t.ClassVar[dict[str, t.Any]] = dict(required_if=[("state", "proved", ("image", "flavor", "network"))])

    def job(self, options: dict[str, t.Any], variables: Variables) -> Outcome:
        host, check_mode = str(options["host"]), self.check_mode

        def say(text: str) -> None:
            self.say(f"[{host}] {text}")

        query, asked = Query.of(options), _asked(options)
        if options["state"] == "absent":
            report = clear(query, asked, check_mode=check_mode, say=say)
        else:
            report = prove(query, asked, check_mode=check_mode, say=say, limits=self._limits(variables))
        failures = _failures(report, check_mode=check_mode)
        public = {key: make_unsafe(value) for key, value in told(report).items()}
        return Outcome(
            changed=report.changed,
            result={**public, "text": make_unsafe(lines(report))},
            diff=make_unsafe(diff(report)),
            failures=[f"{host}: {first_of(failures)}"] if failures else [],
        )

    def _limits(self, variables: Variables) -> Limits:
        """Asks the kernel of the compute that the task is for, and nothing else on it."""

        def limits(port: str) -> dict[str, t.Any]:
            try:
                answer = self._execute_module(
                    module_name="openstack_ops.day2.tc_htb_info", module_args={"port_ids": [port]}, task_vars=variables
                )
            except AnsibleError as exc:  # it can't be connected to
                answer = {"msg": str(exc)}
            ports = answer.get("ports")
            if answer.get("failed") or answer.get("unreachable") or not ports:
                raise OperatorError(f"The compute's kernel can't be asked: {shown(answer.get('msg', 'no answer'))}.")
            return dict(ports[0])

        return limits


def _failures(report: Report, *, check_mode: bool) -> list[str]:
    """In check mode nothing has failed yet: what would is in the checks."""
    if check_mode:
        return []
    return report.failures or [f"{one}." for one in report.remaining]


def _asked(options: dict[str, t.Any]) -> Options:
    """Raises OperatorError for what can't be meant."""
    for name, bounds in BOUNDS.items():
        in_range(name, options[name], *bounds)
    lacks = [name for name in ("image", "flavor", "network") if options["state"] == "proved" and not options[name]]
    if lacks:
        raise OperatorError(f"{lacks[0]} is empty; name what the canary should be made of.")
    network = "" if options["network"] == "none" else options["network"] or ""
    if not network and (options["dhcp_pattern"] or options["reach"] != "none" or options["limit"]):
        raise OperatorError(
            "Without a network, dhcp_pattern, reach and limit can't be asked; name a network, or leave them out."
        )
    if options["volume_pattern"] and not options["volume_size"]:
        raise OperatorError("volume_pattern looks for what the guest prints of a volume; set volume_size, too.")
    checks = Checks(
        console=options["console"],
        dhcp=_pattern(options, "dhcp_pattern"),
        metadata=_pattern(options, "metadata_pattern"),
        reach="" if options["reach"] == "none" else options["reach"],
        reach_port=options["reach_port"],
        limit=options["limit"],
        volume=options["volume_size"],
        volume_type=options["volume_type"] or "",
        written=_pattern(options, "volume_pattern"),
        migrate=options["migrate"],
    )
    return Options(
        host=str(options["host"]),
        image=options["image"] or "",
        flavor=options["flavor"] or "",
        network=network,
        security_groups=tuple(options["security_groups"]),
        checks=checks,
        timeout=options["check_timeout"],
    )


def _pattern(options: dict[str, t.Any], name: str) -> re.Pattern[str] | None:
    if not options[name]:
        return None
    try:
        return re.compile(options[name])
    except re.error as exc:
        raise OperatorError(
            f"{name} is {shown(options[name])}, which isn't a regular expression ({exc}); correct it."
        ) from None
