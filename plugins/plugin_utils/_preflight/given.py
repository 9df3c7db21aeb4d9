# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variables are set, for which hosts and to what. Pure: values are as they were written, templates included."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import shown

Values = t.Mapping[str, t.Any]
_EVERYTHING = ("all", "ungrouped")
#: Texts with one of these are templates; what they will become isn't known yet.
_TEMPLATE = ("{{", "{%", "{#")


@dataclass(frozen=True)
class Given:
    """Variables by the name of the host, those of -e, those of the play, and the hosts of each group."""

    hosts: t.Mapping[str, Values] = field(default_factory=dict)
    extra: Values = field(default_factory=dict)
    play: Values = field(default_factory=dict)
    groups: t.Mapping[str, t.Collection[str]] = field(default_factory=dict)

    def names(self) -> list[str]:
        return sorted({*self.extra, *self.play}.union(*self.hosts.values()))

    def where(self, name: str) -> str:
        """Where a variable is set: "with -e", "for cmp01", "for the group nova_computes", "for cmp01 and 4 more hosts", "in the play"."""
        if name in self.extra:
            return "with -e"
        whose = [host for host, variables in self.hosts.items() if name in variables]
        return self.whose(whose) if whose else "in the play"

    def whose(self, hosts: t.Sequence[str]) -> str:
        """Some hosts as short as can be: "for cmp01", "for the group nova_computes", "for all 50 hosts", "for cmp01 and 4 more hosts"."""
        if len(hosts) == 1:
            return f"for {shown_name(hosts[0])}"
        same = [name for name, members in self.groups.items() if name not in _EVERYTHING and set(members) == set(hosts)]
        if same:
            return f"for the group {shown_name(min(same))}"
        if len(hosts) == len(self.hosts):
            return f"for all {len(hosts)} hosts"
        return f"for {shown_name(hosts[0])} and {len(hosts) - 1} more hosts"

    def values(self, name: str) -> list[t.Any]:
        """The different values of a variable that can be judged before templating; -e decides alone where it sets it."""
        sources = [self.extra] if name in self.extra else [*self.hosts.values(), self.play]
        different: list[t.Any] = []
        for source in sources:
            value = source.get(name)
            if name in source and is_plain(value) and not any(value is one or value == one for one in different):
                different.append(value)
        return different


def is_plain(value: object) -> bool:
    """Whether a value is what it will be: no template, nothing encrypted."""
    if isinstance(value, str):
        return not any(mark in value for mark in _TEMPLATE)
    if isinstance(value, t.Mapping):
        return all(is_plain(key) and is_plain(inner) for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return all(is_plain(inner) for inner in value)
    return value is None or isinstance(value, (bool, int, float))


def shown_name(name: str) -> str:
    """A host's or group's name for an error: plain, unless it is hostile or long."""
    quoted = shown(name)
    return name if quoted[1:-1] == name else quoted
