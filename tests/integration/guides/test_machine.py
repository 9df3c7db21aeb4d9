# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guides that want a compute with a kernel, LVM and libvirt of its own: cmp01 of the lab's cloud is a machine here."""

from __future__ import annotations

import re
import tempfile
import typing as t
from pathlib import Path

import openstack
import pytest

from tests.integration.lvm_resize.machines import Machine
from tests.integration.page import Newcomer, Page
from tests.places import CACHE, CLOUDS_YAML, ROOT
from tests.waiting import until_in_shell

HOST = "cmp01"
_DOMAIN = """<domain type='qemu'>
  <name>{name}</name>{uuid}
  <memory unit='MiB'>16</memory>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>{devices}</devices>
</domain>
"""
_NIC = "<interface type='ethernet'><mac address='{}'/><target dev='tap{}'/><model type='virtio'/></interface>"
_DISK = "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{}'/><target dev='vda' bus='virtio'/></disk>"


@pytest.fixture(scope="module")
def machine() -> t.Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="guides-", dir=CACHE) as folder:
        made = Machine(HOST, Path(folder) / "vm")
        try:
            made.lab("up", HOST)
            made.run(until_in_shell("libvirt answers", "virsh -q list", seen="journalctl -n 20 --no-pager", every=0.5))
            yield made
        finally:
            made.down()


@pytest.fixture
def operator(newcomer: Newcomer, machine: Machine) -> Newcomer:
    newcomer.write("nova_computes.yml", {"plugin": "openstack_ops.day2.nova_computes", "hosts": [HOST]})
    newcomer.write(
        "group_vars/nova_computes.yml",
        {
            "ansible_user": "root",
            "ansible_python_interpreter": "/usr/bin/python3",
            "ansible_ssh_timeout": 60,
            "ansible_ssh_common_args": f"-F {machine.folder}/ssh_config",
            "instances_volume_shutdown_timeout": 3,  # nothing in the guest could shut down
        },
    )
    return newcomer


def start(machine: Machine, name: str, devices: str, uuid: str = "") -> None:
    text = _DOMAIN.format(name=name, uuid=uuid and f"<uuid>{uuid}</uuid>", devices=devices)
    machine.run(f"cat >/root/{name}.xml <<'END'\n{text}END\nvirsh -q define /root/{name}.xml; virsh -q start {name}")


def test_the_instances_volume(operator: Newcomer, machine: Machine) -> None:
    machine.lab("copy", HOST, str(ROOT / "tests/lab/on_machine/volume-facts"), "/usr/local/sbin/")
    machine.run("""
        pvcreate -qq -y /dev/ubdb; vgcreate -qq vg0 /dev/ubdb
        lvcreate -qq -y -Wy -L 1.2g -n instances vg0
        mkfs.ext4 -q -F /dev/vg0/instances
        mkdir -p /var/lib/nova/instances
        echo '/dev/vg0/instances /var/lib/nova/instances ext4 nosuid,noatime 0 2' >>/etc/fstab
        mount /var/lib/nova/instances
        mkdir /var/lib/nova/instances/1; head -c 20M /dev/urandom >/var/lib/nova/instances/1/disk
        printf '[Service]\\nExecStart=/bin/sleep infinity\\n' >/etc/systemd/system/nova-compute.service
        systemctl start nova-compute
        """)
    start(machine, "instance-00000001", _DISK.format("/var/lib/nova/instances/1/disk"))
    machine.run("volume-facts note")
    page = Page("instances_volume")

    operator.walk(page.steps_before("shrink"))
    assert machine.run("volume-facts sizes").split() == [str((1232 + 500) << 20)] * 2
    operator.walk(page.steps_from("shrink"))
    assert machine.run("volume-facts sizes").split() == [str(1536 << 20)] * 2
    assert machine.run("volume-facts users").split("\n")[:2] == ["active", "instance-00000001 running"]
    machine.run("volume-facts same")


def test_limits_by_libvirt(operator: Newcomer, machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(CLOUDS_YAML))
    cloud = openstack.connect(cloud="mini")
    ports = [port for port in cloud.network.ports() if port.binding_host_id == HOST]
    port = next(port for port in ports if not port.qos_policy_id)
    server = port.device_id
    for number, one in enumerate(ports):
        devices = _NIC.format(one.mac_address, one.id[:11])
        start(machine, f"instance-0000001{number}", devices, one.device_id)

    def limit() -> dict[str, int]:
        """What libvirt says of that NIC."""
        said = machine.run(f"virsh domiftune {server} tap{port.id[:11]}")
        return {name: int(value) for name, value in re.findall(r"(\S+bound\.\S+)\s*: (\d+)", said)}

    page = Page(
        "nic_limits",
        {
            "480cb82d-9bc5-4034-a14d-8799e33aad97": server,
            "fc618310-b936-4247-a5e4-2389a9d8c50e": port.id,
        },
    )
    operator.copy(page)
    operator.walk(page.steps_before("state=absent"))
    assert (limit()["inbound.average"], limit()["outbound.average"]) == (2500, 1250)
    assert "htb" in machine.run(f"tc qdisc show dev tap{port.id[:11]}")
    absent, *by_rules = page.steps_from("state=absent")
    operator.walk([absent])
    assert set(limit().values()) == {0}
    operator.walk(by_rules)
    assert (limit()["inbound.average"], limit()["outbound.average"]) == (2500, 2500)
