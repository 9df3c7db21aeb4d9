# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request is understood as a whole, or refused in one sentence that says what to do."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.nic_limit import FilterModule
from ansible_collections.openstack_ops.day2.plugins.modules.virt_interface_limit import argument_spec

PORT = "fc618310-b936-4247-a5e4-2389a9d8c50e"


def call(request: object) -> list[dict[str, t.Any]]:
    answer: list[dict[str, t.Any]] = FilterModule().filters()["nic_limit"](request)
    return answer


def test_the_answers_of_a_survey_become_what_the_module_takes() -> None:
    empty = {"average": "", "peak": None, "burst": ""}
    request = {"domain": "instance-0000002a", "nic": "2", "mac": "", "port_id": "", "state": ""}
    (item,) = call({**request, "inbound": {"average": "2500", "peak": "5000", "burst": ""}, "outbound": empty})
    assert item == {"domain": "instance-0000002a", "nic": 2, "inbound": {"average": 2500, "peak": 5000}}
    assert set(item) <= set(argument_spec()["interfaces"]["options"])


def test_a_limit_is_taken_away_without_numbers() -> None:
    assert call({"port_id": PORT, "state": "absent"}) == [{"port_id": PORT, "state": "absent"}]


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"domain": "x"}, "interfaces[1]: say which NIC is meant by one of nic, mac and port_id."),
        ({"port_id": PORT, "mac": "fa:16:3e:00:00:01"}, "say which NIC is meant by one of nic, mac and port_id."),
        ({"nic": 1, "state": "absent"}, "nic 1 is not a place in a domain; give the domain, and 1 for its first NIC."),
        ({"domain": "x", "nic": "0", "state": "absent"}, "nic 0 is not a place in a domain"),
        ({"mac": "fa-16", "state": "absent"}, "mac 'fa-16' is not a MAC address; write it as fa:16:3e:2e:1d:9b."),
        ({"port_id": "fc618310", "state": "absent"}, "port_id 'fc618310' is not a port's id"),
        ({"port_id": PORT}, f"Port {PORT}: neither inbound nor outbound is given"),
        ({"port_id": PORT, "inbound": {"peak": "5"}}, f"Port {PORT}: inbound.average is missing"),
        ({"port_id": PORT, "inbound": {"average": "0"}}, "inbound.average is 0; libvirt takes whole numbers from 1"),
        ({"port_id": PORT, "inbound": {"average": "4294967296"}}, "libvirt takes whole numbers from 1 to 4294967295."),
        ({"port_id": PORT, "inbound": {"average": "20mbit"}}, "inbound.average is '20mbit', not a whole number."),
        ({"port_id": PORT, "inbound": {"average": "-5"}}, "inbound.average is '-5', not a whole number."),
        ({"port_id": PORT, "outbound": {"average": 9, "peak": 8}}, "outbound.peak 8 is below the average 9"),
        ({"port_id": PORT, "outbound": {"average": 10, "burst": 2676}}, "which is all that the kernel keeps; give at most 2675."),
        ({"port_id": PORT, "state": "gone"}, "state is 'gone', not present or absent."),
        ({"port": PORT}, "The request has the unknown key 'port'."),
        ([], "nic_limit: the request is not a dictionary."),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_wrong_is_said_before_a_host_is_reached(request_: object, sentence: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        call(request_)
    assert sentence in str(error.value)
