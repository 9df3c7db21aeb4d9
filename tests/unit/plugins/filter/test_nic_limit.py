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
    (item,) = call({**request, "inbound": {"average": "20 Mbit/s", "peak": "40M", "burst": "2mb"}, "outbound": empty})
    assert item == {"domain": "instance-0000002a", "nic": 2, "inbound": {"average": 2500, "peak": 5000, "burst": 2048}}
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
        ({"port_id": "fc618310", "state": "absent"}, "port_id 'fc618310' isn't a port id"),
        ({"port_id": PORT}, f"Port {PORT}: neither inbound nor outbound is given"),
        ({"port_id": PORT, "inbound": {"peak": "5mbit"}}, f"Port {PORT}: inbound.average is missing"),
        ({"port_id": PORT, "inbound": {"average": "2500"}}, "inbound.average is 2500, which has no unit; write 2500mbit if Mbit/s are meant, or 20000kbit"),
        ({"port_id": PORT, "inbound": {"average": 0}}, "inbound.average is 0, which has no unit"),
        ({"port_id": PORT, "inbound": {"average": "20mbps"}}, "it may mean bits or bytes (tc takes bps for bytes): write 20mbit, or 160mbit"),
        ({"port_id": PORT, "inbound": {"average": "7kbit"}}, "inbound.average is '7kbit'; the least that libvirt can set is 8kbit."),
        ({"port_id": PORT, "inbound": {"average": "40tbit"}}, "libvirt takes whole numbers from 1 to 4294967295."),
        ({"port_id": PORT, "inbound": {"average": "-5mbit"}}, "inbound.average: '-5mbit' is not a rate"),
        ({"port_id": PORT, "inbound": {"average": True}}, "inbound.average: 'True' is not a rate"),
        ({"port_id": PORT, "inbound": {"average": "1mbit", "burst": 2048}}, "inbound.burst is 2048, which has no unit; write 2048kb if KiB are meant."),
        ({"port_id": PORT, "inbound": {"average": "1mbit", "burst": "1kb"}}, "inbound.burst is '1kb', less than a packet; give at least 2kb."),
        ({"port_id": PORT, "outbound": {"average": "72kbit", "peak": "64kbit"}}, "outbound.peak 8 is below the average 9"),
        ({"port_id": PORT, "outbound": {"average": "80kbit", "burst": "2676kb"}}, "which is all that the kernel keeps; give at most 2675."),
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
