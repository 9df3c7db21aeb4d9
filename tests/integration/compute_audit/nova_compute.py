# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova-compute with the lab's virt driver and the sizes of a machine. Runs in the cloud's own environment.

For each line that it reads, which has the sizes and a command line, it starts one and tells its process id: to import Nova takes longer than
all else of a start.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import typing as t

from nova.cmd import compute  # type: ignore[import-not-found]
from nova.virt import fake  # type: ignore[import-not-found]


def start(vcpus: int, memory_mb: int, local_gb: int, words: list[str]) -> t.NoReturn:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    fake.FakeDriver.vcpus, fake.FakeDriver.memory_mb, fake.FakeDriver.local_gb = vcpus, memory_mb, local_gb
    sys.argv = ["nova-compute", *words]
    sys.exit(compute.main())


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks what one has ended with
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if not child:
            start(**json.loads(line))
        print(child, flush=True)


if __name__ == "__main__":
    main()
