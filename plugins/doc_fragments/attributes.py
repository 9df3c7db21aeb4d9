# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules say of check mode, diff mode and a second run, where it is the same for many."""

from __future__ import annotations


class ModuleDocFragment:
    """For modules that change something: they say themselves what check mode and diff mode show."""

    DOCUMENTATION = r"""
attributes:
  idempotent:
    support: full
    description: A second run changes nothing.
  platform:
    support: full
    platforms: linux
    description: Works on Linux.
"""

    # For modules that only read.
    INFO = r"""
attributes:
  check_mode:
    support: full
    description: The module only reads.
  diff_mode:
    support: N/A
    description: The module only reads.
  idempotent:
    support: full
    description: The module only reads.
  platform:
    support: full
    platforms: linux
    description: Works on Linux.
"""
