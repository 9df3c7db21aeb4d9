# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines with a kernel and LVM of their own, the module on them, and images of their disks in the middle of a run."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import struct
import subprocess
import tarfile
import time
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import ansible

from tests.places import ROOT

MOUNT = "/var/lib/nova/instances"
STATE = "/var/lib/openstack_ops.day2"
DEVICE = "/dev/vg0/instances"

TREE = f"""
cd {MOUNT}
find . -type f -print0 | sort -z | xargs -0 sha256sum
find . -printf '%p %u %g %m %T@ %n %l\\n' | sort
cd /
"""
SIZES = f"""
blockdev --getsize64 {DEVICE}
dumpe2fs -h {DEVICE} 2>/dev/null | awk -F: '/^Block count|^Block size/ {{ print $2 }}'
"""
_BUNDLE = "/opt/day2"
_RANDOM = "/root/random"
"""What files are filled with. Made once: the machine's kernel takes longer to make it than to write it."""
_START = """
import json, runpy, sys
import ansible.module_utils.basic as basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": json.loads(sys.argv[1])}).encode()
basic._ANSIBLE_PROFILE = "legacy"
runpy.run_module("ansible_collections.openstack_ops.day2.plugins.modules.lvm_resize", run_name="__main__")
"""


@dataclass
class Machine:
    """One machine of tests/lab/machine, in a folder (and so a network) of these tests' own."""

    name: str
    folder: Path
    disk: str = "/dev/ubdb"
    size: str = "4G"  # of that disk
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.environment = {**os.environ, "DAY2_MACHINES": str(self.folder), "MACHINE_DISK": self.size}

    def lab(self, *words: str, timeout: float = 600) -> str:
        done = subprocess.run(
            ["nice", "-n", "5", str(ROOT / "tests/lab/machine"), *words],
            env=self.environment, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def up(self) -> Machine:
        self.lab("up", self.name)
        self.install()
        return self

    def down(self) -> None:
        self.lab("down", self.name)

    def install(self) -> None:
        """Put the module there, with what of Ansible it imports."""
        bundle = self.folder / f"{self.name}.tar"
        core = Path(ansible.__file__).parent
        with tarfile.open(bundle, "w") as tar:
            tar.add(core / "module_utils", "ansible/module_utils", filter=_without_caches)
            plugins = "ansible_collections/openstack_ops/day2/plugins"
            for part in (
                "modules/lvm_resize.py",
                *(f"module_utils/{name}" for name in ("_common.py", "_module.py", "_host", "_lvm")),
            ):
                tar.add(ROOT / "plugins" / part, f"{plugins}/{part}", filter=_without_caches)
        self.lab("copy", self.name, str(bundle), "/root/bundle.tar")
        self.run(f"""
            rm -rf {_BUNDLE}; mkdir -p {_BUNDLE}; tar -xf /root/bundle.tar -C {_BUNDLE}; touch {_BUNDLE}/ansible/__init__.py
            cat >{_BUNDLE}/start.py <<'END'{_START}END
            """)
        bundle.unlink()

    def ssh(self, script: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["ssh", "-F", str(self.folder / "ssh_config"), self.name, "bash -s"],
            input=script, capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip

    def run(self, script: str, timeout: float = 600) -> str:
        done = self.ssh("set -e\n" + script, timeout)
        assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    @staticmethod
    def command(check: bool = False, **arguments: t.Any) -> str:
        given = {"vg": "vg0", "lv": "instances", "_ansible_check_mode": check, "_ansible_diff": True, **arguments}
        return f"PYTHONPATH={_BUNDLE} python3 {_BUNDLE}/start.py {shlex.quote(json.dumps(given))}"

    def module(self, check: bool = False, **arguments: t.Any) -> dict[str, t.Any]:
        """Run the module; its result has failed: true where it failed."""
        done = self.ssh(self.command(check, **arguments))
        try:
            return json.loads(done.stdout.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise AssertionError(f"{done.stdout[-2000:]}{done.stderr[-3000:]}") from None

    # ------------------------------------------------------------- disks
    def fill(self, size: str = "640m", megabytes: int = 180, keep: str = "1 3 5", state: bool = False) -> None:
        """A fresh group; a volume with ext4 and files on it, some of them at its end; noted what they are.

        With state, what the module writes down lies on this disk as well: its image is then all that survives.
        """
        part = megabytes // 6
        prepare, content = "", f"head -c {part}M /dev/urandom"
        if megabytes <= 500:  # the machine's own disk has room for it
            prepare = f'[ "$(stat -c %s {_RANDOM} 2>/dev/null)" = {megabytes << 20} ] || head -c {megabytes}M /dev/urandom >{_RANDOM}'
            content = f"dd if={_RANDOM} bs=1M skip=$((n * {part})) count={part} status=none"
        self.run(f"""
            {prepare}
            systemctl stop nova-compute user 2>/dev/null || true  # of a test that failed before
            umount {MOUNT} {STATE} /mnt/x 2>/dev/null || true
            vgremove -ffy vg0 >/dev/null 2>&1 || true
            rm -rf {STATE}; mkdir -p {MOUNT} {STATE}
            wipefs -qa {self.disk}; pvcreate -qq -y {self.disk}; vgcreate -qq vg0 {self.disk}
            lvcreate -qq -y -Wy -L {size} -n instances vg0
            mkfs.ext4 -q -F {DEVICE}
            mount -o nosuid,noatime {DEVICE} {MOUNT}
            cd {MOUNT}
            for n in 0 1 2 3 4 5; do
              mkdir $n; {content} >$n/disk
              for k in $(seq 40); do echo $n.$k >$n/file$k; done
              ln $n/disk $n/link; ln -s disk $n/symlink; chown 64055:64055 $n
            done
            sync
            for n in 0 1 2 3 4 5; do case " {keep} " in *" $n "*) ;; *) rm -rf ./$n ;; esac; done
            cd /; sync
            """)  # fmt: skip
        if state:
            self.run(f"""
                lvcreate -qq -y -Wy -L 32m -n state vg0; mkfs.ext4 -q -F /dev/vg0/state; mount /dev/vg0/state {STATE}; sync
                """)

    def tree(self) -> str:
        """What all files are: contents, names, owners, modes, times, links."""
        return self.run(TREE)

    def sizes(self) -> tuple[int, int]:
        """Bytes of the volume and of the file system on it."""
        volume, count, block = map(int, self.run(SIZES).split())
        return volume, count * block

    def facts(self) -> str:
        """All that a refusal has to leave as it was, and that a resize leaves but for the sizes."""
        return self.run(f"""
            vgs --noheadings -o vg_seqno vg0; lvs -a --noheadings -o lv_name,lv_size,lv_attr vg0; dmsetup ls
            grep ' {MOUNT} ' /proc/self/mountinfo || true
            ls -A {STATE}/lvm_resize 2>/dev/null | grep json || true
            """)

    def damage(self) -> str:
        """What e2fsck finds on the unmounted volume; empty where it is clean. Mounts it again."""
        done = self.ssh(
            f"umount {MOUNT} && e2fsck -fn {DEVICE} 2>&1; echo rc=0; mount -o nosuid,noatime {DEVICE} {MOUNT}"
        )
        return "" if "rc=0" in done.stdout else done.stdout + done.stderr

    def image(self, to: Path) -> None:
        """Copy the second disk as it is at this moment: what a power cut would leave of it."""
        kernel = int((self.folder / self.name / "pid").read_text())  # its processes trap into it: alone they do nothing
        os.kill(kernel, signal.SIGSTOP)
        try:
            time.sleep(0.05)  # what is on its way to the disk gets there
            subprocess.run(["cp", "--sparse=always", str(self.folder / self.name / "disk2.raw"), str(to)], check=True)
        finally:
            os.kill(kernel, signal.SIGCONT)

    def plug(self, image: Path, name: str = "ubdc") -> None:
        """Give the running machine a disk."""
        self._console(f"config {name}={image}")

    def unplug(self, name: str = "ubdc") -> None:
        self._console(f"remove {name}")

    def _console(self, command: str) -> None:
        """Speak to UML's management console (mconsole): one datagram there, one back."""
        folder = self.folder / self.name
        own = str(folder / f"mc.{os.getpid()}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as console:
            console.bind(own)
            try:
                console.settimeout(30)
                text = command.encode()
                console.sendto(struct.pack("III", 0xCAFEBABE, 2, len(text)) + text.ljust(512, b"\0"),
                               str(folder / ".uml" / self.name / "mconsole"))  # fmt: skip
                answer = console.recv(4096)
            finally:
                os.unlink(own)
        failed, _more, length = struct.unpack("III", answer[:12])
        assert not failed, f"{command}: {answer[12 : 12 + length].decode()}"


def _without_caches(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in info.name else info


def images_during(
    machine: Machine, arguments: dict[str, t.Any], moments: t.Sequence[float], folder: Path
) -> list[Path]:
    """Run the module, and take an image of the disk at each of these moments (seconds from its start)."""
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        ["ssh", "-F", str(machine.folder / "ssh_config"), machine.name, machine.command(**arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    made = []
    spent = 0.0  # in copying, when the machine stands still
    began = time.monotonic()
    for number, moment in enumerate(moments):
        while time.monotonic() - began - spent < moment:
            if process.poll() is not None:
                break
            time.sleep(0.005)
        if process.poll() is not None:
            break
        at = time.monotonic()
        path = folder / f"{number:03}.raw"
        machine.image(path)
        spent += time.monotonic() - at
        made.append(path)
    out = process.communicate(timeout=600)[0]
    assert process.returncode == 0, out
    return made
