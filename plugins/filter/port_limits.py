# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter port_limits: from a compute's instance ports and the operator's rules to tc_htb's `ports`."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import (
    Answer,
    RuleBook,
    RulesError,
    choose,
    removal,
)


def port_limits(
    instance_ports: object,
    rules: object = (),
    *,
    state: str = "present",
    only_ports: object = None,
    only_servers: object = None,
    despite_policy: object = False,
    despite_vif_quota: object = False,
    **settings: t.Any,
) -> list[dict[str, t.Any]]:
    if state not in ("present", "absent"):
        raise AnsibleFilterError(f"port_limits: state is '{state}', not present or absent.")
    try:
        ports, left = choose(instance_ports, only_ports, only_servers)
        if state == "absent":
            return removal(ports) + left
        book = RuleBook(
            rules, despite_policy=boolean(despite_policy), despite_vif_quota=boolean(despite_vif_quota), **settings
        )
        answers = book.answers(ports)
    except RulesError as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from exc
    except TypeError as exc:
        raise AnsibleFilterError(f"port_limits: {exc}.") from exc
    undecided = [answer for answer in answers if answer.decision == "undecided"]
    if undecided:
        Display().warning(_keeping(undecided))
    return [answer.public() for answer in answers] + left


def _keeping(kept: list[Answer], shown: int = 5) -> str:
    told = "; ".join(f"{answer.port['port_id']} is {answer.why}" for answer in kept[:shown])
    more = f"; and {len(kept) - shown} more" if len(kept) > shown else ""
    return f"{len(kept)} port(s) are left as they are: {told}{more}."


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"port_limits": port_limits}
