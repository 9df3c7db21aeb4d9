# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for people, as modules have it. PRIVATE to the collection."""

from __future__ import annotations

from ansible_collections.openstack_ops.day2.plugins.module_utils._text import table

__all__ = ["table"]
