# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter port_limits: from a compute's instance ports and the operator's rules to tc_htb's `ports`."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook, RulesError


def port_limits(
    instance_ports: object,
    rules: object = (),
    *,
    only_ports: object = None,
    only_servers: object = None,
    **settings: t.Any,
) -> list[dict[str, t.Any]]:
    try:
        return RuleBook(rules, **settings).limits(instance_ports, only_ports, only_servers)
    except RulesError as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from exc
    except TypeError as exc:
        raise AnsibleFilterError(f"port_limits: {exc}") from exc


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"port_limits": port_limits}
