# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's real cloud (`tests/lab/cloud up`, `tests/lab/cloud seed`), whose scheduler heeds extra specs of aggregates meanwhile.

What the tests make and change is taken back at the end, and compared with what was there before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import typing as t
from contextlib import suppress
from pathlib import Path

import pytest
from openstack.connection import Connection

from tests.integration.inventory.conftest import Ansible
from tests.places import CLOUD, ROOT
from tests.waiting import until

COMPUTES = ["cmp01", "cmp02", "cmp03"]
FILTERS = [
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
    "AggregateInstanceExtraSpecsFilter",
]
_PID = CLOUD / "state/run/nova-scheduler.pid"
_LOG = CLOUD / "state/log/nova-scheduler-aggregates.log"


def _stop(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    # Where nobody waits for it, it stays as a zombie.
    stat = Path(f"/proc/{pid}/stat")

    def state() -> str:
        with suppress(FileNotFoundError, ProcessLookupError):
            return stat.read_text().rpartition(")")[2].split()[0]
        return "gone"

    until(f"the scheduler, process {pid}, has ended", lambda: state() in ("Z", "gone"), seen=state)
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


@pytest.fixture(scope="session", autouse=True)
def scheduler(cloud: Connection) -> t.Iterator[None]:
    """The lab's scheduler has Nova's default filters; the one that takes its place has one more."""
    _stop(int(_PID.read_text()))
    clean = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    with _LOG.open("w") as log:
        begun = subprocess.Popen(
            [CLOUD / "venv/bin/nova-scheduler", "--config-file", CLOUD / "state/etc/nova/nova.conf"],
            env={**clean, "OS_FILTER_SCHEDULER__ENABLED_FILTERS": ",".join(FILTERS)},
            stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    _PID.write_text(f"{begun.pid}\n")
    try:
        until(
            "the scheduler has started", lambda: "Starting scheduler node" in _LOG.read_text(),
            process=begun, seen=lambda: _LOG.read_text()[-2000:],
        )  # fmt: skip
        yield
    finally:
        _stop(begun.pid)
        _PID.unlink()
        subprocess.run([ROOT / "tests/lab/cloud", "up"], check=True, timeout=600, capture_output=True)


def there(cloud: t.Any) -> list[t.Any]:
    """What a test could leave changed, in an order of its own."""
    compute = cloud.compute
    return [
        sorted((one.name, one.availability_zone, sorted(one.hosts), one.metadata) for one in compute.aggregates()),
        sorted((one.name, one.extra_specs) for one in compute.flavors(get_extra_specs=True)),
        sorted((one.host, one.status, one.is_forced_down) for one in compute.services(binary="nova-compute")),
        sorted(one.id for one in compute.servers(all_projects=True)),
        sorted(one.id for one in cloud.image.images()),
        sorted(one.name for one in compute.server_groups(all_projects=True)),
    ]


@pytest.fixture(scope="session", autouse=True)
def as_found(cloud: Connection, scheduler: None) -> t.Iterator[None]:
    before = there(cloud)
    yield
    assert there(cloud) == before


@pytest.fixture
def ansible(tmp_path: Path) -> Ansible:
    return Ansible(tmp_path)
