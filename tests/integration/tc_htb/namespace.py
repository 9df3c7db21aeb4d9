# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A namespace for the test process, devices in it as os-vif makes them, and the module called in it."""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import re
import subprocess
import sys
import typing as t
from unittest import mock

import pytest

from tests.waiting import until_in_shell

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000

PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"
OTHER = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"


def leave_the_host() -> None:
    """Leave the host's network, /run and /var/lib behind for the rest of this process's life."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    shell("mount --make-rprivate / && mount -t sysfs sysfs /sys")
    shell("mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib && ip link set lo up")


def shell(command: str) -> str:
    return subprocess.run(["bash", "-euc", command], check=True, capture_output=True, text=True).stdout


class Plug:
    """Makes a port's devices as os-vif would, and removes them; veth and ifb stand in for taps."""

    def hybrid(self, port_id: str = PORT) -> None:
        key = port_id[:11]
        self._add(f"tap{key} type veth peer name vm-{key}", f"qvb{key} type veth peer name qvo{key}")

    def native(self, port_id: str = PORT) -> None:
        self._add(f"tap{port_id[:11]} type veth peer name vm-{port_id[:11]}")

    def remove(self, name: str) -> None:
        shell(f"ip link del {name}")

    def _add(self, *links: str) -> None:
        for link in links:
            ends = (link.split()[0], link.split()[-1])
            shell(f"ip link add {link}; ip link set {ends[0]} up; ip link set {ends[1]} up")
            # The kernel notes the carrier some time later; before and after would differ by that.
            for end in ends:
                state = f"/sys/class/net/{end}/operstate"
                shell(until_in_shell(f"{end} is up", f"grep -qx up {state}", seen=f"cat {state}", every=0.01))

    def clean(self) -> None:
        names = [link["ifname"] for link in json.loads(shell("ip -j link"))]
        for name in names:
            if name != "lo":
                with contextlib.suppress(subprocess.CalledProcessError):  # its peer went with another
                    shell(f"ip link del {name}")
        shell("rm -rf /var/lib/openstack_ops.day2")


def tc_htb(*ports: dict[str, t.Any], check: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Run the module's own main() with these options; return what it printed."""
    from ansible.module_utils import basic

    from ansible_collections.openstack_ops.day2.plugins.modules import tc_htb as module

    arguments = {"ports": list(ports), "leaf": "pfifo", **options, "_ansible_check_mode": check, "_ansible_diff": True}
    printed = io.StringIO()
    with (
        mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode()),
        mock.patch.object(basic, "_ANSIBLE_PROFILE", "legacy", create=True),
        mock.patch.object(sys, "stdout", printed),
        pytest.raises(SystemExit),
    ):
        module.main()
    return json.loads(printed.getvalue())


def kernel_text() -> str:
    """Everything tc can say of this namespace, to compare before and after."""
    links = [link["ifname"] for link in json.loads(shell("ip -j link"))]
    text = shell(
        "ip -br link | sort; tc qdisc show; "
        + "".join(f"tc class show dev {n}; tc filter show dev {n}; tc filter show dev {n} ingress; " for n in links)
    )
    return re.sub(r"direct_packets_stat \d+", "", text)  # a counter
