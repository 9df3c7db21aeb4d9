# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the limits' metrics are on a host. Apart from what installs them, which tc_htb would load only to ask whether they are there."""

from __future__ import annotations

import os

NAME = "openstack-ops-tc-metrics"
SERVICE, TIMER = NAME + ".service", NAME + ".timer"
SERVICE_FILE, TIMER_FILE = (f"/etc/systemd/system/{unit}" for unit in (SERVICE, TIMER))
PROGRAM = "/var/lib/openstack_ops.day2/tc_metrics"
SETTINGS_FILE = PROGRAM + "/settings.json"


def installed() -> bool:
    """Whether anything of it is on the host."""
    return any(map(os.path.lexists, (SERVICE_FILE, TIMER_FILE, PROGRAM)))
