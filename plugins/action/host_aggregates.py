# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: has Nova arrange its host aggregates and flavors."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._aggregates.cloud import bring_about
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._aggregates.model import parse_declared
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import CLOUD_OPTIONS, Query
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe

_OPTIONS: dict[str, t.Any] = dict(
    aggregates=dict(
        type="list",
        elements="dict",
        default=[],
        options=dict(
            name=dict(type="str", required=True),
            availability_zone=dict(type="str"),
            hosts=dict(type="list", elements="str"),
            metadata=dict(type="dict", default={}),
            without_flavors=dict(type="bool", default=False),
        ),
    ),
    flavors=dict(
        type="list",
        elements="dict",
        default=[],
        options=dict(name=dict(type="str", required=True), extra_specs=dict(type="dict", required=True)),
    ),
    remove=dict(type="bool", default=False),
    **CLOUD_OPTIONS,
)


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(argument_spec=_OPTIONS)
        try:
            declared = parse_declared(options["aggregates"], options["flavors"])
            made = bring_about(
                Query.of(options), declared, remove=options["remove"], check_mode=bool(self._task.check_mode)
            )
        except OperatorError as exc:
            raise AnsibleActionFail(str(exc)) from None
        diff = make_unsafe(made.diff())
        result.update(
            changed=made.changed,
            steps=make_unsafe([step.text for step in made.steps]),
            removed=make_unsafe(list(made.gone)),
            **diff["after"],
        )
        if self._task.diff:
            result["diff"] = diff
        return result
