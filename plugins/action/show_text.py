# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs: prints lines as they are, where debug would print a JSON list."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.module_utils._text import printable
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Options, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._openstack.unsafe import make_unsafe


class ActionModule(Action):
    _requires_connection = False
    _supports_diff = False
    # Not a list: Ansible would make several lines of a text with commas.
    OPTIONS: t.ClassVar[Options] = dict(text=dict(type="raw", required=True))

    def job(self, options: Options, variables: Variables) -> Outcome:
        lines = _lines(options["text"])
        self.say(*lines)
        # With -v the default callback would show them once more, as JSON.
        return Outcome(changed=False, result={"text": make_unsafe(lines), "_ansible_verbose_override": True})


def _lines(text: object) -> list[str]:
    """One line for each element, or for a text. Raises OperatorError for what isn't text."""
    parts = text if isinstance(text, list) else [text]
    for part in parts:
        if not isinstance(part, (str, int, float)):
            raise OperatorError(f"text has {shown(part)}, which isn't a line; give a list of lines.")
    return [printable(str(part)) for part in parts]
