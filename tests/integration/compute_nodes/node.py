# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute of the lab's cloud where Nova's own libvirt driver makes the guests, on a libvirtd that shares this machine's kernel.

Its file system for instances is in memory, and it has no volume group: that is what `compute.py` is for.
"""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.integration.compute_audit.audited import BIN, NOVA, Audited, run
from tests.places import ROOT
from tests.waiting import until

SIZE = 4
"""Of the file system, in GiB."""
INSTANCES = "/var/lib/libvirt/nova/instances"


@dataclass
class Node(Audited):
    def lab(self, *words: str, data: str = "") -> str:
        """Beside the cluster of other tests, if there is to be one."""
        folder = str(self.folder / "nodes")
        return run(str(ROOT / "tests/lab/ceph"), *words, data=data, DAY2_CEPH=folder, DAY2_CEPH_ADDRESS="127.0.77.4")

    def ssh(self, command: str, data: str = "") -> str:
        return self.lab("on", self.host, "sh", "-ec", command, data=data)

    def python(self, program: bytes) -> str:
        return run(self.variables["ansible_python_interpreter"], data=program.decode())

    def log(self) -> str:
        return self.ssh("tail -n 40 /var/lib/libvirt/nova/log/nova-compute.log")

    @property
    def variables(self) -> dict[str, str]:
        return {
            "ansible_connection": "local",
            "ansible_become": "false",
            "ansible_python_interpreter": str(self.folder / "nodes/nodes" / self.host / "python3"),
        }

    @staticmethod
    def up(nodes: t.Sequence[Node]) -> None:
        """All at once, of one folder: most of it is nova-compute's start."""
        for node in nodes:
            node.forget()
        nodes[0].lab("node", *(node.host for node in nodes))
        for node in nodes:
            node.lab("nova", node.host)
        for node in nodes:
            node.wait_for("DISK_GB", total=SIZE)
        run(str(BIN / "nova-manage"), "--config-file", str(NOVA / "nova.conf"), "cell_v2", "discover_hosts")

    @staticmethod
    def down(nodes: t.Sequence[Node]) -> None:
        for node in nodes:
            node.delete_servers()
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.ssh("/etc/init.d/nova-compute stop"), nodes))
        for node in nodes:
            node.forget()
            for flavor in node.flavors.values():
                node.cloud.compute.delete_flavor(flavor)

    def instance(self, name: str = "audited") -> str:
        made = self.schedule(1, name)
        assert made.status == "ACTIVE", self.fault(made.id) + self.ssh(
            "tail -n 40 /var/lib/libvirt/nova/log/nova-compute.log"
        )
        return str(made.id)

    def reserve_memory(self, left: int) -> None:
        """All but so many MiB: what an operator might write into nova.conf after the instances came."""
        mib = self.inventory()["MEMORY_MB"]["total"] - left
        self.ssh(
            f"sed -i 's/^host = .*/&\\nreserved_host_memory_mb = {mib}/' /etc/nova/nova.conf; /etc/init.d/nova-compute restart"
        )
        self.wait_for("MEMORY_MB", reserved=mib)
        self.wait_until_overbooked("MEMORY_MB")

    def wait_until_overbooked(self, resource: str) -> None:
        """Until Placement has given away more than there may be, and still has after nova-compute's next updates (every 5 s)."""
        since, said = 0.0, ""

        def overbooked() -> bool:
            nonlocal since, said
            inventory, used = self.inventory().get(resource), self.used(resource)
            said = f"{used} used of {inventory}"
            if not inventory or used <= int(
                (inventory["total"] - inventory["reserved"]) * inventory["allocation_ratio"]
            ):
                since = 0.0
            elif not since:
                since = time.monotonic()
            return bool(since) and time.monotonic() - since > 12

        until(
            f"Placement's {resource} is overbooked",
            overbooked,
            seen=lambda: f"{said}. nova-compute says: {self.log()}",
            every=0.5,
        )

    def wait_until_empty(self) -> None:
        """Until nova-compute has told that nothing runs here, and Placement has got everything back: both follow a migration's end."""
        said = ""

        def empty() -> bool:
            nonlocal said
            rows = self.cloud.compute.get("/os-hypervisors/detail").json()["hypervisors"]
            (running,) = (one["running_vms"] for one in rows if one["service"]["host"] == self.host)
            used = self.used("MEMORY_MB")
            said = f"{running} instances, {used} MiB used"
            return not running and not used

        until(f"{self.host} is empty", empty, seen=lambda: f"{said}. nova-compute says: {self.log()}", every=0.5)

    def state(self, server: str) -> str:
        """What libvirt says of its guest."""
        return self.ssh(f"virsh -q domstate {server}").strip()
