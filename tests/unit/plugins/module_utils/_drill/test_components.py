# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be declared, and what never is."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError
from ansible_collections.openstack_ops.day2.plugins.module_utils._drill.components import parse, parse_seconds


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"unit": "mariadb"}, "stop the unit mariadb.service"),
        ({"unit": "getty@tty1.service", "how": "kill"}, "kill the unit getty@tty1.service"),
        ({"unit": "nova@cell1"}, "stop the unit nova@cell1.service"),
        ({"kind": "container", "container": "mariadb", "how": "hang"}, "hang the container mariadb"),
        (
            {"kind": "network", "peers": ["192.0.2.1", "2001:db8::1"]},
            "drop packets to and from 192.0.2.1/32, 2001:db8::1/128",
        ),
        ({"kind": "command", "break": ["/x", "a"], "undo": ["/y"], "check": ["/z"]}, "run /x"),
    ],
)
def test_components_say_what_would_be_done(given: dict[str, t.Any], text: str) -> None:
    assert parse({"name": "one", **given}).text == text


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"name": ""}, "A component is called ''"),
        ({"name": "a\nb", "unit": "x"}, "A component is called"),
        ({"kind": "vm"}, "one: kind is 'vm'"),
        ({"unit": "x", "how": "melt"}, "one: how is 'melt'"),
        ({"kind": "network", "peers": ["192.0.2.1"], "how": "kill"}, "which is for units and containers"),
        ({}, "one: unit is ''"),
        ({"unit": "-x"}, "one: unit is '-x"),
        ({"unit": "x.socket"}, "wanted the name of a service"),
        ({"unit": "multi-user.target"}, "wanted the name of a service"),
        ({"unit": "a b"}, "one: unit is 'a b"),
        ({"unit": "a/../b"}, "one: unit is"),
        ({"kind": "container"}, "one: container is ''"),
        ({"kind": "container", "container": "--all"}, "one: container is '--all'"),
        ({"kind": "container", "container": "x", "engine": "/bin/sh"}, "one: engine is '/bin/sh'"),
        ({"kind": "network"}, "peers is empty"),
        ({"kind": "network", "peers": "192.0.2.1"}, "peers is empty"),
        ({"kind": "network", "peers": ["ctl1"]}, "'ctl1' among peers isn't an address"),
        ({"kind": "network", "peers": ["192.0.2.1/24"]}, "among peers isn't an address"),
        ({"kind": "network", "peers": ["127.0.0.1"]}, "is this host itself"),
        ({"kind": "network", "peers": ["2001:db8::/64"]}, "more than the hosts of one network"),
        ({"kind": "network", "peers": ["0.0.0.0/0"]}, "more than the hosts of one network"),
        ({"kind": "command", "break": ["/x"], "check": ["/x"]}, "one: undo isn't a list"),
        ({"kind": "command", "break": "/x", "undo": ["/x"], "check": ["/x"]}, "one: break isn't a list"),
        ({"kind": "command", "break": ["x"], "undo": ["/x"], "check": ["/x"]}, "one: break begins with 'x'"),
    ],
)
def test_what_is_wrong_is_named(given: dict[str, t.Any], error: str) -> None:
    with pytest.raises(OperatorError) as raised:
        parse({"name": "one", **given})
    assert error in str(raised.value)


@pytest.mark.parametrize(
    "unit",
    ["ssh", "sshd", "sshd@1", "systemd-networkd", "systemd-journald", "dbus", "dbus-broker", "user@0", "NetworkManager",
     "networking", "network", "openstack-ops-drill-undo"],
)  # fmt: skip
def test_what_ansible_needs_is_never_broken(unit: str) -> None:
    with pytest.raises(OperatorError, match="it is never broken"):
        parse({"name": "one", "unit": unit})


@pytest.mark.parametrize("seconds", [0, -1, 3601, None, "", "5s", True, 1.5])
def test_a_fault_without_an_end_is_refused(seconds: t.Any) -> None:
    with pytest.raises(OperatorError, match="after which the host undoes it"):
        parse_seconds("one", seconds)
    assert parse_seconds("one", "3600") == 3600
