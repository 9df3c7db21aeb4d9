# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module on the host. What keeps it from running there, such as sudo that refuses, is its result, which failed_when can judge.

Ansible itself would print it for each of fifty hosts, whatever the task says of failures.
"""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The module's result, or why it can't run. Raises AnsibleConnectionFailure for a host that isn't reached."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        try:
            result.update(self._execute_module(task_vars=task_vars))
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as exc:
            result.update(failed=True, msg=str(exc))
        return result
