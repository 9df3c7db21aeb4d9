# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter import limits_removed
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.removals import removals

LIMIT = {"rate": "20mbit"}


def host(*ports: tuple[int, str, bool, bool]) -> dict[str, t.Any]:
    """A result with so many ports of a kind each: (how many, why, download limited before, after)."""
    return {
        "ports": [
            {
                "port_id": f"{why} {number}",
                "why": why,
                "found": {"egress": None, "ingress": LIMIT if before else None},
                "now": {"egress": None, "ingress": LIMIT if after else None},
                "change": {(1, 0): "removed", (0, 1): "created"}.get((before, after), "unchanged"),
            }
            for count, why, before, after in ports
            for number in range(count)
        ]
    }


@pytest.mark.parametrize(
    ("kept", "gone", "at_most", "too_many"),
    [
        (0, 10, "20%", False),  # few, though all of them
        (0, 11, "20%", True),
        (80, 20, "20%", False),
        (79, 21, "20%", True),
        (0, 100, "100%", False),
        (0, 100, "100 %", False),
        (0, 11, "0%", True),
        (0, 1, "0", True),
        (0, 1, 1, False),
        (900, 51, "50", True),
    ],
)
def test_more_than_is_usual_is_too_many(kept: int, gone: int, at_most: object, too_many: bool) -> None:
    results = {
        "cmp01": host((kept, "gold", True, True), (5, "new", False, True)),
        "cmp02": host((gone, "none", True, False)),
    }
    told = removals(results, at_most)
    assert (told["limited"], told["removed"], told["too_many"]) == (kept + gone, gone, too_many)


def test_it_says_which_and_why() -> None:
    results = {"cmp01": host((4, "not listed", True, False)), "cmp02": host((1, "rule 2", True, False)), "cmp03": None}
    assert removals(results, "0")["text"] == [
        "Of the 5 ports with a limit, this run would remove that of 5 and raise that of 0; 0 in all are expected at most.",
        "4: not listed (cmp01 not listed 0, cmp01 not listed 1, cmp01 not listed 2, ...)",
        "1: rule 2 (cmp02 rule 2 0)",
    ]


def test_a_higher_limit_counts_like_one_that_goes() -> None:
    result = host((11, "boost", True, True))
    for port in result["ports"]:
        port["change"] = "loosened"
    told = removals({"cmp01": result}, "20%")
    assert (told["removed"], told["loosened"], told["too_many"]) == (0, 11, True)


def test_one_direction_is_a_limit_too() -> None:
    result = host((1, "egress only", True, False))
    result["ports"][0]["found"]["egress"] = result["ports"][0]["now"]["egress"] = LIMIT
    assert removals({"cmp01": result}, 0)["removed"] == 1


@pytest.mark.parametrize("at_most", ["all", "-1", "120%", True, None, "20 percent", ""])
def test_what_is_no_share_is_refused(at_most: object) -> None:
    with pytest.raises(AnsibleFilterError, match="write a share of the cloud's limits like 20%, or a number of ports"):
        limits_removed.FilterModule().filters()["limits_removed"](["cmp01"], {"cmp01": {}}, "looked", at_most)
