# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute of the lab's cloud where Nova's own libvirt driver makes the guests, on a libvirtd that shares this machine's kernel.

Its file system for instances is in memory, and it has no volume group: that is what `compute.py` is for.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.integration.compute_audit.audited import BIN, NOVA, Audited, run
from tests.places import ROOT

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

    def log(self) -> str:
        return self.ssh("tail -n 40 /var/lib/libvirt/nova/log/nova-compute.log")

    @property
    def variables(self) -> dict[str, str]:
        return {
            "ansible_connection": "local",
            "ansible_become": "false",
            "ansible_python_interpreter": str(self.folder / "nodes/nodes" / self.host / "python3"),
        }

    def up(self) -> None:
        self.forget()
        self.lab("node", self.host)
        self.lab("nova", self.host)
        self.wait_for("DISK_GB", total=SIZE)
        run(str(BIN / "nova-manage"), "--config-file", str(NOVA / "nova.conf"), "cell_v2", "discover_hosts")

    def down(self) -> None:
        self.delete_servers()
        self.ssh("/etc/init.d/nova-compute stop")
        self.forget()
        for flavor in self.flavors.values():
            self.cloud.compute.delete_flavor(flavor)

    def instance(self, name: str = "audited") -> str:
        made = self.schedule(1, name)
        assert made.status == "ACTIVE", self.fault(made.id) + self.ssh(
            "tail -n 40 /var/lib/libvirt/nova/log/nova-compute.log"
        )
        return str(made.id)

    def reserve_memory(self, left: int) -> None:
        """All but so many MiB: what an operator might write into nova.conf after the instances came."""
        mib = self.books()["MEMORY_MB"]["total"] - left
        self.ssh(
            f"sed -i 's/^host = .*/&\\nreserved_host_memory_mb = {mib}/' /etc/nova/nova.conf; /etc/init.d/nova-compute restart"
        )
        self.wait_for("MEMORY_MB", reserved=mib)

    def state(self, server: str) -> str:
        """What libvirt says of its guest."""
        return self.ssh(f"virsh -q domstate {server}").strip()
