# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request is understood as a whole, or refused in one sentence that says what to do."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.instance_tuning import FilterModule
from ansible_collections.openstack_ops.day2.plugins.module_utils._virt_tune.wanted import NUMBERS
from ansible_collections.openstack_ops.day2.plugins.modules.virt_domain_tune import argument_spec
from tests.unit.collection.tree import read_yaml

OPTIONS = argument_spec()["domains"]["options"]


def call(request: object) -> list[dict[str, t.Any]]:
    answer: list[dict[str, t.Any]] = FilterModule().filters()["instance_tuning"](request)
    return answer


def test_the_answers_of_a_survey_become_what_the_module_takes() -> None:
    empty = {**dict.fromkeys(NUMBERS, ""), "vcpu_period": None, "cpu_state": "", "disk_state": ""}
    (item,) = call(
        {**empty, "domain": "x", "shares": "50", "vcpu_quota": "-1", "disk": "vda", "total_bytes_sec": "20MiB"}
    )
    assert item == {
        "domain": "x",
        "cpu": {"shares": 50, "vcpu_quota": -1},
        "disks": [{"disk": "vda", "total_bytes_sec": "20MiB"}],
    }
    assert set(item["cpu"]) <= set(OPTIONS["cpu"]["options"])


def test_the_module_takes_every_number_of_a_throttle() -> None:
    assert set(OPTIONS["disks"]["options"]) == {"disk", "state", *NUMBERS}


def test_all_is_taken_away() -> None:
    (item,) = call({"domain": "x", "disk": "vda", "cpu_state": "absent", "disk_state": "absent"})
    assert item == {"domain": "x", "cpu": {"state": "absent"}, "disks": [{"disk": "vda", "state": "absent"}]}


def test_the_playbook_asks_for_every_number() -> None:
    (play,) = read_yaml("playbooks/tune_instance.yml")[1:]
    names = ("shares", "vcpu_quota", "vcpu_period", "disk", "disk_state", "cpu_state", "domain")
    assert set(play["vars"]["__request"]) == {*names, *NUMBERS}


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        ({"domain": "x"}, "Nothing was changed. x: neither cpu nor disks is given"),
        ({"cpu_state": "absent"}, "domain is empty"),
        ({"domain": "x", "total_iops_sec": "5"}, "but none is named; give its target, such as vda"),
        ({"domain": "x", "disk_state": "absent"}, "but none is named"),
        ({"domain": "x", "disk": "vda"}, "x, disk vda: no limit is given"),
        ({"domain": "x", "shares": "many"}, "shares is 'many', not a whole number."),
        ({"domain": "x", "vcpu_quota": "--1"}, "vcpu_quota is '--1', not a whole number."),
        ({"domain": "x", "disk": "vda", "total_bytes_sec": "20M"}, "whose unit may mean several things"),
        ({"domain": "x", "cpu_state": "gone"}, "cpu_state is 'gone', not present or absent."),
        ({"domain": "x", "disc": "vda"}, "The request has the unknown key 'disc'."),
        ([], "instance_tuning: the request is not a dictionary."),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_before_a_host_is_reached(request_: object, sentence: str) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        call(request_)
    assert sentence in str(error.value)
