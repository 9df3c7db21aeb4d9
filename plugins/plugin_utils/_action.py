# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The frame of an action plugin, as _module is that of a module: its options, its errors, and how it ends. PRIVATE to the collection.

class ActionModule(Action):
    OPTIONS = dict(...)

    def job(self, options, variables):
        return Outcome(changed=..., result={...})
"""

from __future__ import annotations

import typing as t

from ansible import constants
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, first_of
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome, os_error
from ansible_collections.openstack_ops.day2.plugins.module_utils._text import printable
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe

Options = dict[str, t.Any]
Variables = t.Mapping[str, t.Any]

#: Callbacks whose output is JSON, which a line between would break. They have the results.
_JSON = ("json", "jsonl")


class Action(ActionBase):
    """Runs where Ansible runs. job() raises OperatorError, or OSError, for what an operator has to solve."""

    TRANSFERS_FILES = False
    _supports_check_mode = True

    #: The options, as argument_spec has them.
    OPTIONS: t.ClassVar[Options] = {}
    #: What holds between them: required_one_of, mutually_exclusive, required_if.
    RULES: t.ClassVar[Options] = {}

    @property
    def check_mode(self) -> bool:
        return bool(self._task.check_mode)

    def job(self, options: Options, variables: Variables) -> Outcome:
        """Desired and actual, a plan, apply, look again. variables are the task's."""
        raise NotImplementedError

    def say(self, *lines: str) -> None:
        """Print lines, for the terminal, the log and AWX: nothing of a task with no_log, nothing in the output of a callback for programs."""
        if lines and not self._task.no_log and str(constants.DEFAULT_STDOUT_CALLBACK).rpartition(".")[2] not in _JSON:
            # At once, so that no other host's come between.
            self._display.display("\n".join(map(printable, lines)))

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """What Ansible calls. Raises AnsibleActionFail for the errors of the job."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _valid, options = self.validate_argument_spec(argument_spec=self.OPTIONS, **self.RULES)
        try:
            outcome = self.job(options, task_vars or {})
        except OperatorError as exc:
            raise AnsibleActionFail(str(exc)) from None
        except OSError as exc:
            raise AnsibleActionFail(os_error(exc)) from None
        result.update(outcome.result, changed=outcome.changed)
        if outcome.warnings:
            result["warnings"] = list(outcome.warnings)
        if outcome.failures:
            result.update(failed=True, msg=make_unsafe(first_of(outcome.failures)))
        if self._task.diff and outcome.diff is not None:
            result["diff"] = outcome.diff
        return result
