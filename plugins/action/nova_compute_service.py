# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: asks Nova as the inventory does."""

from __future__ import annotations

import typing as t
from dataclasses import asdict

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.compute_service import bring_about
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.config import CLOUD_OPTIONS, Query


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(
            argument_spec=dict(
                **CLOUD_OPTIONS,
                host=dict(type="str", required=True),
                state=dict(type="str", choices=["disabled", "enabled"], required=True),
                reason=dict(type="str", required=True),
            )
        )
        try:
            change = bring_about(
                Query.of(options),
                options["host"],
                options["state"],
                options["reason"],
                check_mode=bool(self._task.check_mode),
            )
        except OperatorError as exc:
            raise AnsibleActionFail(str(exc)) from None
        result.update(changed=change.changed, **asdict(change.after))
        if self._task.diff:
            result["diff"] = change.diff()
        return result
