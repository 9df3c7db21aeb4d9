# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute of the lab's cloud whose host is a machine with real libvirt and LVM.

nova-compute itself runs beside the cloud's services, with the lab's virt driver: it tells Placement the sizes of the machine. What its
libvirt driver would make on the host for an instance, a domain and a logical volume, the tests make by hand. The machine's nova.conf is
the one that counts: when the machine's nova-compute.service is restarted, it is carried over and nova-compute started again.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import typing as t
from dataclasses import dataclass
from pathlib import Path

from tests.integration.compute_audit.audited import BIN, NOVA, Audited, environment, run
from tests.places import CLOUD, ROOT
from tests.waiting import PATIENCE, until, until_in_shell

HOST = "audit01"
GROUP = "vgnova"
INSTANCES = "/var/lib/nova/instances"
HOSTILE = "</script><b>{{ lookup('pipe', 'touch /tmp/pwned') }}"

_NOVA_CONF = f"""[DEFAULT]
host = {HOST}
transport_url = rabbit://nova:hidden@192.0.2.1
[libvirt]
images_type = lvm
images_volume_group = {GROUP}
"""
_UNIT = """[Service]
ExecStart=/bin/sleep infinity
"""
_DOMAIN = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid>
  <metadata>{metadata}</metadata>
  <memory unit='MiB'>32</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>{disk}</devices>
</domain>
"""
_NOVA = (
    '<nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1"><nova:name>x</nova:name></nova:instance>'
)
_DISK = "<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='/dev/{}/{}_disk'/><target dev='vda' bus='virtio'/></disk>"


@dataclass
class Compute(Audited):
    host: str = HOST
    starter: subprocess.Popen[str] | None = None
    """nova_compute.py, which starts it."""
    nova_compute: int = 0
    """Its process id, while it runs."""
    restarted: str = ""

    # -------------------------------------------------------------- machine
    def lab(self, *words: str) -> str:
        return run(
            str(ROOT / "tests/lab/machine"),
            *words,
            timeout=600,
            DAY2_MACHINES=str(self.folder / "vm"),
            MACHINE_DISK="8G",
        )

    def ssh(self, command: str, data: str = "") -> str:
        return run(
            str(ROOT / "tests/lab/machine"), "ssh", HOST, command, data=data, DAY2_MACHINES=str(self.folder / "vm")
        )

    def log(self) -> str:
        return (self.folder / "nova-compute.log").read_text()[-2000:]

    @property
    def variables(self) -> dict[str, str]:
        return {
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_common_args": f"-F {self.folder}/vm/ssh_config",
        }

    def up(self) -> None:
        self.forget()
        with (self.folder / "nova-compute.log").open("ab") as log:
            self.starter = subprocess.Popen(
                [str(BIN / "python"), str(Path(__file__).with_name("nova_compute.py"))],
                env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        self.lab("up", HOST)
        self.ssh(f"vgcreate -q {GROUP} /dev/ubdb; install -d -m 755 /etc/nova /var/lib/nova {INSTANCES}")
        self.ssh(until_in_shell("libvirt answers", "virsh -q list", seen="journalctl -n 20 --no-pager", every=0.5))
        self.ssh("cat > /etc/nova/nova.conf", _NOVA_CONF)
        self.ssh("cat > /etc/systemd/system/nova-compute.service; systemctl start nova-compute", _UNIT)
        size = int(self.ssh(f"vgs --noheadings --nosuffix --units b -o vg_size {GROUP}"))
        self.sizes = {"vcpus": 8, "memory_mb": 4096, "local_gb": size >> 30}
        self.carry()

        def hosts() -> list[str]:
            return [one["host"] for one in self.get("compute", "/os-services?binary=nova-compute")["services"]]

        until(
            f"Nova knows {HOST}", lambda: HOST in hosts(), seen=lambda: f"{hosts()}. It says: {self.log()}", every=0.5
        )
        self.wait_for("DISK_GB", reserved=0)

    def down(self) -> None:
        if not self.nova_compute:
            self.restarted = ""
            self.carry()
        self.delete_servers()
        self.stop()
        if self.starter and self.starter.stdin:
            self.starter.stdin.close()
            self.starter.wait(PATIENCE)
        self.forget()
        for flavor in self.flavors.values():
            self.cloud.compute.delete_flavor(flavor)
        self.lab("down", HOST)

    def stop(self) -> None:
        if not self.nova_compute:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.nova_compute, signal.SIGTERM)
            until("nova-compute has ended", lambda: os.kill(self.nova_compute, 0), seen=self.log)
        self.nova_compute = 0

    def carry(self) -> None:
        """What a restart of nova-compute on the machine means: its nova.conf is read."""
        invocation = self.ssh("systemctl show -P InvocationID nova-compute").strip()
        if invocation == self.restarted:
            return
        self.restarted = invocation
        self.stop()
        lines = self.ssh("cat /etc/nova/nova.conf").splitlines()
        reserved = [line for line in lines if line.startswith("reserved_host_disk_mb")]
        (self.folder / "state").mkdir(exist_ok=True)
        conf = self.folder / "nova.conf"
        conf.write_text(
            "\n".join(
                [
                    "[DEFAULT]",
                    f"host = {HOST}",
                    f"state_path = {self.folder}/state",
                    *reserved,
                ]
            )
        )
        assert self.starter
        assert self.starter.stdin
        assert self.starter.stdout
        words = ["--config-file", str(NOVA / "nova-compute.conf"), "--config-file", str(conf)]
        self.starter.stdin.write(json.dumps({**self.sizes, "words": words}) + "\n")
        self.starter.stdin.flush()
        told = self.starter.stdout.readline()
        assert told, f"nova-compute can't be started. It says: {self.log()}"
        self.nova_compute = int(told)

    # ---------------------------------------------------------------- cloud
    def instance(self, name: str = "audited", *, stopped: bool = False) -> str:
        """An instance with what Nova's libvirt driver would make for it on the host."""
        made = self.schedule(1, name)
        assert made.status == "ACTIVE", self.fault(made.id)
        self.ssh(f"lvcreate -q -y -L 1G -n {made.id}_disk {GROUP}")
        self.define(made.id, f"instance-{len(self.instances):08x}", _DISK.format(GROUP, made.id))
        if stopped:
            self.cloud.compute.stop_server(made)
            self.cloud.compute.wait_for_server(made, status="SHUTOFF", interval=0.5, wait=300)
        else:
            self.ssh(f"virsh -q start {made.id}")
        return str(made.id)

    def define(self, identity: str, name: str, disk: str = "", *, metadata: str = _NOVA) -> None:
        self.ssh("virsh -q define /dev/stdin", _DOMAIN.format(name=name, uuid=identity, disk=disk, metadata=metadata))

    def give_memory(self, identity: str, mib: int) -> None:
        """Start a domain again with so much."""
        xml = self.ssh(f"virsh -q destroy {identity}; virsh dumpxml --inactive {identity}")
        self.ssh("virsh -q define /dev/stdin", re.sub(r"(emory unit='KiB'>)\d+", rf"\g<1>{mib * 1024}", xml))
        self.ssh(f"virsh -q start {identity}")

    def put_state(self, server: str, state: str) -> None:
        """What Nova's database says of an instance: some states the lab's configuration doesn't lead to."""
        statement = f"update instances set vm_state = '{state}' where uuid = '{server}'"
        run("mariadb", "--no-defaults", "-S", str(CLOUD / "state/run/mysql.sock"), "nova", "-e", statement)

    def plug(self, port: str, **limit: str) -> None:
        """A port's device, and the rules for it."""
        self.ssh(f"ip tuntap add mode tap tap{port[:11]}; ip link set tap{port[:11]} up")
        told: dict[str, t.Any] = {
            "port_id": port, "plug": "ovs", "mac": "fa:16:3e:00:00:01", "status": "ACTIVE", "vif_type": "ovs", "vnic_type": "normal",
            "unsupported_reason": None, "network_id": port, "network_name": "net", "fixed_ips": [], "other_subnets": [], "floating_ips": [],
            "own_network": True, "claims": None,
            "qos_policy": None, "project_id": port, "instance": {
                "id": self.instances[1], "name": HOSTILE, "libvirt_name": "instance-00000002", "project_id": port, "status": "ACTIVE",
                "vm_state": "active", "task_state": None, "power_state": 1,
                "flavor": {"name": "f", "vcpus": 1, "ram": 32, "disk": 1, "ephemeral": 0, "swap": 0, "extra_specs": {}},
            },
        }  # fmt: skip
        rules = [{"name": "everybody", "limit": {"egress": limit, "ingress": limit}}]
        self.rules.write_text(json.dumps({"instance_ports": [told], "instance_qos_rules": rules}))
