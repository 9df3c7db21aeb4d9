# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Open vSwitch's database says and the kernel doesn't, asked over its own socket (RFC 7047).

Not by ovs-vsctl, which a host whose switch lives in a container may not have. Needed where a tap is a port of the
switch: with a clsact of ours in place, a policer that Neutron orders fails silently and the kernel shows nothing of it.
"""

from __future__ import annotations

import json
import os
import socket
import time
import typing as t
from dataclasses import dataclass, field

from .._common import OperatorError

SOCKET = "/run/openvswitch/db.sock"
#: Of distributions and Kolla, and of the snap openstack-hypervisor.
_SOCKETS = (SOCKET, "/var/snap/openstack-hypervisor/common/run/openvswitch/db.sock")
_SECONDS = 5


@dataclass(frozen=True)
class Switch:
    """offload: other_config:hw-offload is true. policed: kbit/s by interface, as Neutron's egress limits set it.

    absent: no database answers here. Then nothing of this is known of a device that the kernel calls a port of the switch.
    """

    offload: bool = False
    policed: dict[str, int] = field(default_factory=dict)
    absent: bool = field(default=False, compare=False)


def ask(*paths: str) -> Switch:
    """Read the switch's facts, at the first of these sockets (or the usual ones) that is there; those of no switch where none is.

    Raises OperatorError where the database runs but doesn't answer.
    """
    path = next(filter(os.path.exists, paths or _SOCKETS), None)
    if path is None:
        return Switch(absent=True)
    question = {
        "method": "transact",
        "id": 0,
        "params": [
            "Open_vSwitch",
            {"op": "select", "table": "Open_vSwitch", "where": [], "columns": ["other_config"]},
            {
                "op": "select",
                "table": "Interface",
                "where": [["ingress_policing_rate", "!=", 0]],
                "columns": ["name", "ingress_policing_rate"],
            },
        ],
    }
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as database:
            database.settimeout(_SECONDS)
            database.connect(path)
            database.sendall(json.dumps(question).encode())
            switches, interfaces = (found["rows"] for found in _answer(database, time.monotonic() + _SECONDS)["result"])
        return Switch(
            any(["hw-offload", "true"] in row["other_config"][1] for row in switches),
            {row["name"]: row["ingress_policing_rate"] for row in interfaces},
        )
    except ConnectionRefusedError:  # a socket that nobody listens to any more
        return Switch(absent=True)
    except (OSError, ValueError, LookupError, TypeError) as exc:
        raise OperatorError(
            f"Open vSwitch's database at {path} doesn't answer ({exc}), so it can't be told who shapes the ports of "
            "the switch; see to ovsdb-server, then run again."
        ) from None


def _answer(connection: socket.socket, until: float) -> t.Any:
    """The first JSON value that arrives until then; OVSDB sends neither delimiter nor length."""
    text = b""
    while True:
        connection.settimeout(max(0.001, until - time.monotonic()))
        part = connection.recv(65536)
        if not part:
            raise ValueError("it hung up")
        text += part
        try:
            return json.loads(text)
        except ValueError:
            continue
