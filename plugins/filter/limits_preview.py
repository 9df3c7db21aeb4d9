# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter limits_preview: what a run of the role instance_qos would do, on all hosts together."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import listed
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.preview import preview
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.written import row_count


def limits_preview(
    hosts: t.Iterable[str],
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    rules: object = (),
    *,
    register: str = "instance_qos_result",
    shown: object = 20,
    despite_policy: object = False,
    despite_vif_quota: object = False,
    **settings: t.Any,
) -> dict[str, t.Any]:
    names = list(hosts)
    strangers = [host for host in names if "instance_ports" not in hostvars[host]]
    if strangers:
        raise AnsibleFilterError(
            f"The inventory has no instance_ports for {listed(strangers)}, so their ports aren't known. "
            "Use the inventory nova_computes, or leave these hosts out with --limit."
        )
    try:
        book = RuleBook(
            rules,
            despite_policy=boolean(despite_policy),
            despite_vif_quota=boolean(despite_vif_quota),
            now=time.time(),
            **settings,
        )
        return preview(
            book,
            {host: hostvars[host]["instance_ports"] for host in names},
            {host: hostvars[host].get(register) for host in names},
            shown=row_count(shown),
            computes={host: hostvars[host].get("compute") for host in names},
        )
    except RulesError as exc:
        raise AnsibleFilterError(f"Nothing was changed. {exc}") from None
    except (TypeError, ValueError) as exc:
        raise AnsibleFilterError(f"limits_preview: {exc}.") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"limits_preview": limits_preview}
