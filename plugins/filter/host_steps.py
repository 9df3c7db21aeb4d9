# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter host_steps: what a run did on each host, hosts with the same steps in one line."""

from __future__ import annotations

import typing as t

from ansible_collections.openstack_ops.day2.plugins.module_utils._text import by_steps


def host_steps(
    hosts: t.Iterable[str], hostvars: t.Mapping[str, t.Mapping[str, t.Any]], variables: t.Sequence[str]
) -> list[str]:
    def steps(host: str) -> list[str] | None:
        results = [hostvars[host][name] for name in variables if name in hostvars[host]]
        if not results or any(result.get("failed") for result in results):
            return None
        return [str(step) for result in results for step in result.get("steps", [])]

    return by_steps({host: steps(host) for host in hosts})


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"host_steps": host_steps}
