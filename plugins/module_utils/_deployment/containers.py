# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a host, asked of their engine. Reads only."""

from __future__ import annotations

import json

from .._common import OperatorError, Run
from .model import Mount


def mounts(run: Run, engine: str, container: str) -> list[Mount]:
    """What is mounted into a container. Raises OperatorError where the engine doesn't tell."""
    line = [engine, "inspect", "--type", "container", container]
    try:
        rc, out, err = run(line, "")
    except OSError as exc:
        raise OperatorError(f"{engine} can't be run: {exc.strerror or exc}.") from None
    if rc:
        raise OperatorError(f"`{' '.join(line)}` ended with {rc}: {' '.join(err.split())[-200:]}")
    try:
        (found,) = json.loads(out)
        return [Mount(str(one["Source"]), str(one["Destination"])) for one in found["Mounts"] if one.get("Source")]
    except (ValueError, LookupError, TypeError, AttributeError):
        raise OperatorError(f"`{' '.join(line)}` answers what isn't understood.") from None
