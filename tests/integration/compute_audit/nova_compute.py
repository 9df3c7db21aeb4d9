# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova-compute with the lab's virt driver and the sizes of a machine. Runs in the cloud's own environment."""

from __future__ import annotations

import os
import sys

from nova.cmd import compute  # type: ignore[import-not-found]
from nova.virt import fake  # type: ignore[import-not-found]

fake.FakeDriver.vcpus = int(os.environ["AUDIT_VCPUS"])
fake.FakeDriver.memory_mb = int(os.environ["AUDIT_MEMORY_MB"])
fake.FakeDriver.local_gb = int(os.environ["AUDIT_LOCAL_GB"])

if __name__ == "__main__":
    sys.exit(compute.main())
