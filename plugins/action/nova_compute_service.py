# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: asks Nova as the inventory does."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Options, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.compute_service import bring_about
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import CLOUD_OPTIONS, Query


class ActionModule(Action):
    _requires_connection = False
    OPTIONS: t.ClassVar[Options] = dict(
        **CLOUD_OPTIONS,
        host=dict(type="str", required=True),
        state=dict(type="str", choices=["disabled", "enabled"], required=True),
        reason=dict(type="str", required=True),
    )

    def job(self, options: Options, variables: Variables) -> Outcome:
        change = bring_about(
            Query.of(options), options["host"], options["state"], options["reason"], check_mode=self.check_mode
        )
        return Outcome(changed=change.changed, result=asdict(change.after), diff=change.diff())
