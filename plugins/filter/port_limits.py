# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter port_limits: from instance ports and rules to tc_htb's `ports` or virt_interface_limit's `interfaces`."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.utils.display import Display

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.backends import interfaces
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import (
    BACKENDS,
    Answer,
    RuleBook,
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
    backend: object = "tc",
    compute: object = None,
    **settings: t.Any,
) -> list[dict[str, t.Any]]:
    if state not in ("present", "absent"):
        raise AnsibleFilterError(f"port_limits: state is '{state}', not present or absent.")
    if backend not in BACKENDS:
        raise AnsibleFilterError(f"port_limits: backend is '{backend}', not one of {', '.join(BACKENDS)}.")
    quota_too = boolean(despite_vif_quota)
    try:
        ports, left = choose(instance_ports, only_ports, only_servers)
        if state == "absent":
            items = removal(ports) + left
            return items if backend == "tc" else interfaces(ports, items, {}, despite_vif_quota=quota_too)
        book = RuleBook(
            rules,
            despite_policy=boolean(despite_policy),
            despite_vif_quota=quota_too,
            backend=backend,
            now=time.time(),
            **settings,
        )
        answers = book.answers(ports, compute)
        items = [answer.public() for answer in answers] + left
        if backend == "libvirt":
            limits = {answer.port["port_id"]: answer.limits for answer in answers}
            items = interfaces(ports, items, limits, despite_vif_quota=quota_too)
    except RulesError as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from None
    except TypeError as exc:
        raise AnsibleFilterError(f"port_limits: {exc}.") from None
    undecided = [answer for answer in answers if answer.undecided]
    if undecided:
        Display().warning(_keeping(undecided))
    return items


def _keeping(kept: list[Answer], shown: int = 5) -> str:
    told = "; ".join(f"{answer.port['port_id']} is {answer.why}" for answer in kept[:shown])
    more = f"; and {len(kept) - shown} more" if len(kept) > shown else ""
    return f"{len(kept)} port(s) are left as they are: {told}{more}."


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"port_limits": port_limits}
