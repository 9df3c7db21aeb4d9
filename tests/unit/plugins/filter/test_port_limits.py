# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The doors to the rules: what a filter makes of good and bad input, and that role and filter offer the same."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter import limits_comparison, limits_summary, port_limits

LINK_LOCAL = ("224.0.0.0/24", "fe80::/10", "ff02::/16")
ROOT = Path(__file__).resolve().parents[4]
PORT: dict[str, t.Any] = {
    "port_id": "fc618310-b936-4247-a5e4-2389a9d8c50e",
    "project_id": "3e2957cc29844e4aaabb952cef82afcf",
    "plug": "ovs",
    "unsupported_reason": None,
    "network_id": "989c47d5-61a4-4faf-ab2d-b7c539556d55",
    "fixed_ips": [{"ip": "192.168.111.7", "cidr": "192.168.111.0/24"}],
    "other_subnets": [],
    "own_network": True,
    "claims": None,
    "floating_ips": [],
    "qos_policy": None,
    "instance": {"id": "480cb82d-9bc5-4034-a14d-8799e33aad97", "flavor": {"name": "m1.tiny", "extra_specs": {}}},
}
RULE = {"name": "gold", "limit": {"egress": {"rate": "20mbit"}}}


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []

    class Display:
        def warning(self, text: str) -> None:
            told.append(text)

    monkeypatch.setattr(port_limits, "Display", Display)
    return told


def call(*args: t.Any, **kwargs: t.Any) -> list[dict[str, t.Any]]:
    answer: list[dict[str, t.Any]] = port_limits.FilterModule().filters()["port_limits"](*args, **kwargs)
    return answer


def test_it_makes_what_tc_htb_takes(warnings: list[str]) -> None:
    assert call([PORT], [RULE], exempt="none") == [
        {
            "port_id": PORT["port_id"],
            "plug": "ovs",
            "state": "present",
            "egress": {"rate": "20mbit"},
            "exempt": [],
            "why": "rule 1 'gold', which matches every port",
        }
    ]
    assert warnings == []


def test_texts_from_the_command_line_mean_what_they_say(warnings: list[str]) -> None:
    policed = {**PORT, "qos_policy": {"id": PORT["network_id"], "limits": ["egress"]}}
    other = {**PORT, "port_id": PORT["network_id"], "fixed_ips": [{"cidr": "10.1.0.0/24"}, {"cidr": "10.3.0.0/24"}]}
    settings = {"exempt_within": "10.1.0.0/16, 10.2.0.0/16", "exempt_at_most": "1", "only_ports": PORT["network_id"]}
    assert [answer["state"] for answer in call([policed], [RULE], despite_policy="false")] == ["absent"]
    assert [answer["state"] for answer in call([policed], [RULE], despite_policy="true")] == ["present"]
    assert [answer["exempt"] for answer in call([PORT, other], [RULE], **settings)] == [["10.1.0.0/24", *LINK_LOCAL]]
    both = f"{PORT['port_id']},{PORT['network_id']}"
    assert len(call([PORT, other], [RULE], only_ports=both)) == 2


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (
            ([PORT], [{"limit": "none"}]),
            {},
            "Nothing was changed. rule 1 has no name; an answer to 'why has this port this limit' needs one.",
        ),
        (
            ("{{ instance_ports }}", []),
            {},
            "Nothing was changed. instance_ports is '{{ instance_ports }}', not the list",
        ),
        (([PORT], []), {"exempt_wihtin": []}, "unexpected keyword argument 'exempt_wihtin'"),
        (([PORT], []), {"despite_policy": "maybe"}, "The value 'maybe' is not a valid boolean"),
        (([PORT], []), {"state": "gone"}, "port_limits: state is 'gone', not present or absent."),
    ],
    ids=["bad rule", "no ports", "unknown setting", "no boolean", "unknown state"],
)
def test_what_is_wrong_is_an_error_of_ansible(
    arguments: tuple[t.Any, ...], settings: dict[str, t.Any], sentence: str
) -> None:
    with pytest.raises(AnsibleFilterError) as error:
        call(*arguments, **settings)
    assert sentence in str(error.value)


def test_ports_that_keep_what_they_have_say_why(warnings: list[str]) -> None:
    unsupported = {**PORT, "plug": "unsupported", "unsupported_reason": "The port is a vhost-user socket."}
    limited, kept = call([PORT, unsupported], [RULE])
    assert (limited["state"], kept["state"]) == ("present", "kept")
    assert kept["why"].startswith("unsupported: The port is a vhost-user socket; otherwise limited by rule 1 'gold'")
    assert warnings == []


def test_ports_that_nobody_can_place_are_kept_with_a_warning(warnings: list[str]) -> None:
    by_flavor = {**RULE, "match": {"flavor": "m1.tiny"}}
    answers = call([PORT, *[{**PORT, "instance": None}] * 7], [by_flavor])
    assert [answer["state"] for answer in answers] == ["present"] + ["kept"] * 7
    (warning,) = warnings
    assert warning.startswith("7 port(s) are left as they are: fc618310-b936-4247-")
    assert warning.endswith("; and 2 more.")


def test_for_removal_the_rules_do_not_matter(warnings: list[str]) -> None:
    kept = {**PORT, "plug": "unsupported"}
    answers = call([PORT, kept], "no rules at all", state="absent", only_ports=PORT["network_id"], only_servers=None)
    assert answers == [
        {"port_id": PORT["network_id"], "plug": "ovs", "state": "absent", "why": "not limited: not on this host"}
    ]
    assert [answer["state"] for answer in call([PORT, kept], state="absent")] == ["absent", "absent"]
    assert warnings == []


def test_hosts_without_result_are_in_summary_and_comparison() -> None:
    hostvars: dict[str, dict[str, t.Any]] = {"cmp01": {}}
    for module, name in ((limits_summary, "limits_summary"), (limits_comparison, "limits_comparison")):
        told = module.FilterModule().filters()[name](["cmp01"], hostvars)
        assert "not reached, or failed before" in told["text"][-1]


def test_the_role_offers_what_the_filter_offers() -> None:
    """The same names, types, choices and defaults, in the filter's documentation, its code and the role."""
    role = yaml.safe_load((ROOT / "roles/instance_qos/meta/argument_specs.yml").read_text())["argument_specs"]["main"]
    filter_options = yaml.safe_load((ROOT / "plugins/filter/port_limits.yml").read_text())["DOCUMENTATION"]["options"]
    call_of_role = (ROOT / "roles/instance_qos/vars/main.yml").read_text()
    for name, option in filter_options.items():
        if name == "_input":
            continue
        if name == "compute":  # the inventory's, not the operator's
            assert "compute=compute | default(none)" in call_of_role
            continue
        mine = role["options"][f"instance_qos_{name}"]
        for key in ("type", "elements", "choices", "default"):
            assert mine.get(key) == option.get(key), f"{key} of {name}"
        assert f"instance_qos_{name}" in call_of_role
        if "default" in option and name not in ("rules", "state"):
            call([PORT], [RULE], **{name: option["default"]})
