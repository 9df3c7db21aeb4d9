# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The restorer's program as it lies on a host: the shipped files alone, in a folder of the test's own."""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.openstack_ops.day2.plugins.module_utils._tc import restorer_service


def unpack(folder: Path) -> Path:
    """Write the program into the folder; `python -I FOLDER` runs it, and FOLDER on sys.path makes `day2` importable."""
    for path, content in restorer_service.wanted_files(sys.executable).items():
        if path.startswith(restorer_service.PROGRAM + "/"):
            here = folder / path[len(restorer_service.PROGRAM) + 1 :]
            here.parent.mkdir(parents=True, exist_ok=True)
            here.write_text(content)
    return folder
