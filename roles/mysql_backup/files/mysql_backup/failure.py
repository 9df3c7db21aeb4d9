# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one exception that ends a run with a sentence instead of a traceback."""

from __future__ import annotations


class BackupError(Exception):
    """Something an operator has to know; its text is what they read."""


class Busy(BackupError):
    """Another run is at work."""


class Damaged(BackupError):
    """A backup isn't what it should be: not to be used, whatever the reason."""


class Incomplete(BackupError):
    """A restore that failed when databases were already dropped."""
