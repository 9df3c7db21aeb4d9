# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guide's commands on a machine with libvirt and QEMU: what the kernel and QEMU have then, and how fast a disk still is."""

from __future__ import annotations

import json
import os
import re
import tempfile
import textwrap
import typing as t
from pathlib import Path

import pytest

from tests.integration.lvm_resize.machines import Machine
from tests.integration.page import Newcomer, Page
from tests.places import CACHE
from tests.waiting import until, until_in_shell

HOST = "tune01"
INSTANCE = "480cb82d-9bc5-4034-a14d-8799e33aad97"
VOLUME = "3f1a6a08-61a4-4d4c-9c0e-2a3d8e5b7c11"
MIB = 1 << 20
CPU = "/sys/fs/cgroup/machine.slice/machine-qemu*.scope/libvirt/vcpu0"
# The first disk is a qcow2 file whose boot sector keeps the guest's CPU busy, the second a logical volume, as of Cinder.
_PREPARE = f"""
    vgcreate -qq vg0 /dev/ubdb; lvcreate -qq -y -L 64m -n volume vg0
    mkdir -p /var/lib/nova/instances
    printf '\\353\\376' >/root/boot; truncate -s 510 /root/boot; printf '\\125\\252' >>/root/boot; truncate -s 64M /root/boot
    qemu-img convert -O qcow2 /root/boot /var/lib/nova/instances/disk
    cat >/root/domain.xml <<'END'
    <domain type='qemu'>
      <name>instance-0000002a</name><uuid>{INSTANCE}</uuid>
      <memory unit='MiB'>16</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='pc'>hvm</type></os>
      <devices>
        <disk type='file' device='disk'>
          <driver name='qemu' type='qcow2' cache='none'/>
          <source file='/var/lib/nova/instances/disk'/><target dev='vda' bus='virtio'/>
        </disk>
        <disk type='block' device='disk'>
          <driver name='qemu' type='raw' cache='none'/>
          <source dev='/dev/vg0/volume'/><target dev='vdb' bus='virtio'/><serial>{VOLUME}</serial>
        </disk>
        <disk type='file' device='cdrom'><target dev='hda' bus='ide'/><readonly/></disk>
      </devices>
    </domain>
    END
    {until_in_shell("libvirt answers", "virsh -q list", seen="journalctl -n 20 --no-pager", every=0.5)}
    virsh -q define /root/domain.xml; virsh -q start --paused {INSTANCE}
"""


@pytest.fixture(scope="module")
def machine() -> t.Iterator[Machine]:
    assert os.geteuid() == 0, "these tests make machines: run them as root"
    with tempfile.TemporaryDirectory(prefix="tune-", dir=CACHE) as folder:
        made = Machine(HOST, Path(folder) / "vm")
        try:
            made.lab("up", HOST)
            made.run(textwrap.dedent(_PREPARE))
            yield made
        finally:
            made.down()


@pytest.fixture
def operator(package: Path, tmp_path: Path, machine: Machine) -> Newcomer:
    there = Newcomer(tmp_path, package, PATH=os.environ["PATH"])
    there.write(
        "nova_computes.yml",
        {
            "nova_computes": {
                "hosts": {HOST: None},
                "vars": {
                    "ansible_user": "root",
                    "ansible_python_interpreter": "/usr/bin/python3",
                    "ansible_ssh_common_args": f"-F {machine.folder}/ssh_config",
                },
            }
        },
    )
    return there


def throttles(machine: Machine) -> dict[str, dict[str, int]]:
    """What QEMU itself says of each disk, without zeros, by the alias of its device."""
    said = machine.run(f"""virsh qemu-monitor-command {INSTANCE} '{{"execute": "query-block"}}'""")
    found = {}
    for one in json.loads(said)["return"]:
        name = re.search(r"virtio-disk(\d)", one["qdev"])
        if name:
            own = one["inserted"]
            found["vd" + "ab"[int(name[1])]] = {
                key: own[key] for key in own if re.match(r"(bps|iops)", key) and own[key]
            }
    return found


def write(machine: Machine) -> float:
    """Seconds of the machine in which QEMU writes 8 MiB to the second disk, through its device's throttle; they are there then."""
    return float(
        machine.run(f"""
            dd if=/dev/zero of=/dev/vg0/volume bs=1M count=8 oflag=direct status=none
            began=$(date +%s.%N)
            for n in 0 1 2 3 4 5 6 7; do
              virsh -q qemu-monitor-command {INSTANCE} --hmp \
                "qemu-io -d /machine/peripheral/virtio-disk1/virtio-backend \\"write -P 90 ${{n}}M 1M\\"" >>/root/said
            done
            took=$(python3 -c "print($(date +%s.%N) - $began)")
            [ "$(dd if=/dev/vg0/volume bs=1M count=8 iflag=direct status=none | tr -d Z | wc -c)" = 0 ] || {{ cat /root/said >&2; exit 1; }}
            echo $took
            """)
    )


def configured(machine: Machine) -> list[str]:
    return re.findall(r"<(?:shares|period|quota|\w+_sec\w*)>-?\d+", machine.run(f"virsh dumpxml --inactive {INSTANCE}"))


def test_the_guide(operator: Newcomer, machine: Machine) -> None:
    page = Page("tune_instance")
    by_id = page.steps.index(page.steps_from(VOLUME)[0])
    before = page.steps_before(VOLUME)
    assert (throttles(machine), configured(machine)) == ({"vda": {}, "vdb": {}}, [])
    # A busy machine may take as long as the limit would; it is asked again, and then didn't have one.
    until("8 MiB are written quicker than 2 MiB/s", lambda: write(machine) < 6 / 2, seen=lambda: f"{write(machine)} s")

    operator.walk(before[:1])
    assert (throttles(machine), configured(machine)) == ({"vda": {}, "vdb": {}}, [])
    operator.walk(before[1:])
    burst = {"bps": 20 * MIB, "bps_max": 100 * MIB, "bps_max_length": 10, "iops": 500}
    assert throttles(machine) == {"vda": burst, "vdb": {}}
    assert machine.run(f"cat {CPU}/cpu.max") == "20000 100000\n"
    assert sorted(configured(machine)) == [
        "<period>100000", "<quota>20000", "<shares>50", f"<total_bytes_sec>{20 * MIB}",
        f"<total_bytes_sec_max>{100 * MIB}", "<total_bytes_sec_max_length>10", "<total_iops_sec>500",
    ]  # fmt: skip

    throttled = f"""[ "$(sed -n 's/nr_throttled //p' {CPU}/cpu.stat)" -ge 5 ]"""
    # A guest that wants all of its CPU is stopped by the kernel, period for period.
    machine.run(f"""
        virsh -q resume {INSTANCE}
        {until_in_shell("the kernel stopped the guest 5 times", throttled, seen=f"cat {CPU}/cpu.stat", every=0.5)}
        virsh -q suspend {INSTANCE}
        """)

    operator.walk(page.steps[by_id : by_id + 1])
    assert throttles(machine) == {"vda": burst, "vdb": {"bps_wr": 2 * MIB, "iops_rd": 400}}
    # The first write is let through at once, and the next where a tenth of a second of the rate is free. A machine with other
    # work to do takes longer, never less.
    assert write(machine) > 6 / 2

    # Started by libvirt alone, it has all of it again.
    machine.run(f"virsh -q destroy {INSTANCE}; virsh -q start --paused {INSTANCE}")
    assert throttles(machine) == {"vda": burst, "vdb": {"bps_wr": 2 * MIB, "iops_rd": 400}}
    assert machine.run(f"cat {CPU}/cpu.max") == "20000 100000\n"
    # A hard reboot is a new domain; the same job brings it back.
    machine.run(f"""
        virsh -q destroy {INSTANCE}; virsh -q undefine {INSTANCE}
        virsh -q define /root/domain.xml; virsh -q start --paused {INSTANCE}
        """)
    assert throttles(machine) == {"vda": {}, "vdb": {}}
    assert "changed=1 " in operator.walk(before[1:])
    assert throttles(machine) == {"vda": burst, "vdb": {}}
    assert "changed=0 " in operator.walk(before[1:])

    operator.walk(page.steps[by_id + 1 :])
    assert throttles(machine) == {"vda": {}, "vdb": {}}
    assert machine.run(f"cat {CPU}/cpu.max") == "max 100000\n"
    assert configured(machine) == ["<shares>100", "<period>100000", "<quota>-1"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("disk=vdz total_iops_sec=5", f"the domain has no such disk; its disks are vda, vdb ({VOLUME})."),
        ("disk=vdb total_iops_sec=5 instance=instance-000000ff", "whose domains are instance-0000002a."),
    ],
)
def test_a_request_that_can_not_be_done_changes_nothing(
    operator: Newcomer, machine: Machine, words: str, sentence: str
) -> None:
    before = throttles(machine), configured(machine)
    given = " ".join(f"-e tune_instance_{word}" for word in f"instance={INSTANCE} {words}".split())
    said = operator.run(
        "sh",
        "-c",
        f"ansible-playbook -i nova_computes.yml openstack_ops.day2.tune_instance {given} 2>&1 || echo it-failed",
    )
    assert sentence in " ".join(said.split())
    assert "it-failed" in said
    assert (throttles(machine), configured(machine)) == before
