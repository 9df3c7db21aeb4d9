# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: has Nova arrange its host aggregates and flavors."""

from __future__ import annotations

from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Options, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._aggregates.cloud import bring_about
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._aggregates.model import parse_declared
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import CLOUD_OPTIONS, Query
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe

_OPTIONS: Options = dict(
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


class ActionModule(Action):
    _requires_connection = False
    OPTIONS = _OPTIONS

    def job(self, options: Options, variables: Variables) -> Outcome:
        declared = parse_declared(options["aggregates"], options["flavors"])
        made = bring_about(Query.of(options), declared, remove=options["remove"], check_mode=self.check_mode)
        diff = make_unsafe(made.diff())
        result = dict(
            steps=make_unsafe([step.text for step in made.steps]),
            removed=make_unsafe(list(made.gone)),
            **diff["after"],
        )
        return Outcome(changed=made.changed, result=result, diff=diff)
