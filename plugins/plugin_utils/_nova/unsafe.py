# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps what tenants wrote from ever being a template."""

from __future__ import annotations

import typing as t

from ansible.utils.unsafe_proxy import wrap_var


def make_unsafe(value: t.Any) -> t.Any:
    """The same value with every string in it that could be a template marked as not being one.

    ansible-core 2.17 and 2.18 template every variable that isn't marked. From 2.19 on only strings that are
    marked as trusted are templates; there wrap_var takes such a mark away.
    """
    if isinstance(value, str):
        # Marking only what has a brace keeps thousands of ids and addresses plain and cheap.
        return wrap_var(value) if "{" in value else value
    if isinstance(value, dict):
        return {make_unsafe(key): make_unsafe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [make_unsafe(item) for item in value]
    return value
