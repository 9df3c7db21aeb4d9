# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter limits_comparison: the limits that hosts have, beside those that the rules want."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.preview import ended
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.reader import Reader
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.report import SORTS, comparison
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.written import row_count


def limits_comparison(
    hosts: t.Iterable[str],
    hostvars: t.Mapping[str, t.Mapping[str, t.Any]],
    whole_hosts: bool = True,
    register: str = "instance_qos_result",
    info_register: str = "instance_qos_info",
    sort: str = "host",
    shown: object = 0,
    rules: object = (),
) -> dict[str, t.Any]:
    if sort not in SORTS:
        raise AnsibleFilterError(f"limits_comparison: sort is '{sort}', not one of {', '.join(SORTS)}.")
    try:
        rows = row_count(shown)
    except ValueError as exc:
        raise AnsibleFilterError(f"limits_comparison: {exc}.") from None
    names = list(hosts)
    told = comparison(
        {host: hostvars[host].get(info_register) for host in names},
        {host: hostvars[host].get(register) for host in names},
        whole_hosts=whole_hosts,
        sort=sort,
        shown=rows,
    )
    # Mistakes in the rules are told by whoever acts on them.
    over = [f"{rule.title} {ended(rule)}." for rule in Reader().rules(rules) if rule.ended(time.time())]
    return {**told, "text": [*told["text"], *over]}


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"limits_comparison": limits_comparison}
