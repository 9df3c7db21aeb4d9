# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Python starts when it is given this folder."""

from __future__ import annotations

import importlib
import os
import sys

# The folder above instead of this one: here lie the modules of a package, not modules by themselves.
sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.exit(importlib.import_module("mysql_backup.cli").main())
