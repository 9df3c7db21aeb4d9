# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preview as a page: the filter, what it takes, and that hostile names are data."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.filter.limits_preview_page import FilterModule
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.preview import preview
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook

if t.TYPE_CHECKING:
    from .conftest import MakePort

HOSTILE = "</script><img src=x onerror=alert(1)>{{ lookup('pipe', 'id') }}"
draw = FilterModule().filters()["limits_preview_page"]


def inside(page: str, name: str) -> t.Any:
    return json.loads(page.split(f'<script type="application/json" id="{name}">')[1].split("</script>")[0])


def test_it_holds_all_that_the_preview_tells(make_port: MakePort) -> None:
    rules = [{"name": HOSTILE, "match": {"flavor": HOSTILE}, "limit": "none"}]
    told = preview(RuleBook(rules), {"cmp01": [make_port(flavor=HOSTILE), make_port(instance=None)]}, {"cmp01": None})
    page = draw(told, "2026-11-30T02:00:00Z")
    assert page.count("</script>") == 3
    assert HOSTILE not in page
    held = inside(page, "preview")
    assert held == {part: told[part] for part in held}
    assert set(held) == set(told) - {"text"}
    assert HOSTILE in held["ports"][0]["why"]
    assert inside(page, "taken") == "2026-11-30T02:00:00Z"


def test_each_port_has_a_row_with_what_the_rules_give_it(make_port: MakePort) -> None:
    rules = [
        {"name": "free", "match": {"flavor": "m1.free"}, "limit": "none"},
        {"name": "rest", "limit": {"egress": {"rate": "20mbit", "ceil": "40mbit"}}},
    ]
    ports = [make_port(flavor="m1.free"), make_port()]
    told = preview(RuleBook(rules), {"cmp01": ports}, {"cmp01": {"ports": []}})
    assert [(row["host"], row["rule"], row["limit"]) for row in told["ports"]] == [
        ("cmp01", "rule 1 'free'", "none"),
        ("cmp01", "rule 2 'rest'", "upload 20mbit (peak 40mbit)"),
    ]
    assert told["ports"][0]["server"] == ports[0]["instance"]["id"]
    # The page finds the ports of a reason by both.
    reasons = {one["why"] for one in told["unlimited"]}
    assert {row["why"] for row in told["ports"] if row["limit"] == "none"} == reasons


def test_it_takes_nothing_else() -> None:
    strangers: list[t.Any] = [{}, "text", None]
    for wrong in strangers:
        with pytest.raises(AnsibleFilterError, match="takes what the filter limits_preview returned"):
            draw(wrong)
