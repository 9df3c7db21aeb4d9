# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Exceptions that end a run with an error message instead of a traceback."""

from __future__ import annotations


class BackupError(Exception):
    """An error for the operator, whose text is printed."""


class Busy(BackupError):
    """Another run is active."""


class Damaged(BackupError):
    """A backup is damaged and must not be used."""


class Incomplete(BackupError):
    """A restore that failed after databases had been dropped."""


class Confused(BackupError):
    """A dump with text from a database that looks like mysqldump's headings."""
