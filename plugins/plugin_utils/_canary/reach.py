# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an address answers, from where Ansible runs."""

from __future__ import annotations

import ipaddress
import socket
import subprocess
import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, shown

from .model import Record

# Seconds for one try.
_PATIENCE = 3


def address_of(port: Record) -> str:
    """The first IPv4 address of a port of Neutron, or else its first one. Raises OperatorError where it has none that is one."""
    found = []
    for one in port.get("fixed_ips") or ():
        try:
            found.append(ipaddress.ip_address(str(one.get("ip_address"))))
        except ValueError:
            raise OperatorError(f"Neutron tells {shown(one.get('ip_address'))} as an address of the canary") from None
    found.sort(key=lambda one: one.version)
    if not found:
        raise OperatorError("The canary's port has no address")
    return str(found[0])


def reached(address: str, kind: str, port: int) -> str:
    """Why an address doesn't answer ping or on a TCP port; empty where it does. Raises OperatorError where it can't be tried."""
    if kind == "tcp":
        try:
            with socket.create_connection((address, port), _PATIENCE):
                return ""
        except OSError as exc:
            return f"doesn't answer on TCP port {port} ({exc.strerror or exc})"
    words = ["ping", "-n", "-c", "1", "-W", str(_PATIENCE), address]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10 * _PATIENCE, check=False
        )
    except FileNotFoundError:
        raise OperatorError(
            "ping isn't installed where Ansible runs; install iputils-ping, or ask a TCP port"
        ) from None
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise OperatorError(f"ping can't be run where Ansible runs ({exc})") from None
    # 1: no answer; 2: ping itself failed.
    if done.returncode > 1 or done.returncode < 0:
        said: t.Any = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise OperatorError(f"ping fails where Ansible runs: {shown(said)}")
    return "" if done.returncode == 0 else "doesn't answer to ping"
