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
import typing as t
from dataclasses import dataclass, field

from .model import TcError

SOCKET = "/run/openvswitch/db.sock"
_SECONDS = 5


@dataclass(frozen=True)
class Switch:
    """offload: other_config:hw-offload is true. policed: kbit/s by interface, as Neutron's egress limits set it."""

    offload: bool = False
    policed: dict[str, int] = field(default_factory=dict)


def ask(path: str = SOCKET) -> Switch:
    """Read the switch's facts; those of no switch where its database isn't running here.

    Raises TcError where it runs but doesn't answer.
    """
    if not os.path.exists(path):
        return Switch()
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
            switches, interfaces = (found["rows"] for found in _answer(database)["result"])
        return Switch(
            any(["hw-offload", "true"] in row["other_config"][1] for row in switches),
            {row["name"]: row["ingress_policing_rate"] for row in interfaces},
        )
    except ConnectionRefusedError:  # a socket that nobody listens to any more
        return Switch()
    except (OSError, ValueError, LookupError, TypeError) as exc:
        raise TcError(
            f"Open vSwitch's database at {path} doesn't answer ({exc}), so it can't be told who shapes the ports of "
            "the switch; see to ovsdb-server, then run again."
        ) from None


def _answer(connection: socket.socket) -> t.Any:
    """The first JSON value that arrives; OVSDB sends neither delimiter nor length."""
    text = b""
    while True:
        part = connection.recv(65536)
        if not part:
            raise ValueError("it hung up")
        text += part
        try:
            return json.loads(text)
        except ValueError:
            continue
