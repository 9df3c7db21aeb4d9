# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a flavor's extra specs ask of the metadata of a host's aggregates, judged as Nova's AggregateInstanceExtraSpecsFilter does. Pure."""

from __future__ import annotations

import operator
import typing as t

SCOPE = "aggregate_instance_extra_specs"

#: By key, the values that a host's aggregates have for it.
Metadata = t.Mapping[str, t.AbstractSet[str]]

_NUMBERS: dict[str, t.Callable[[float, float], bool]] = {
    "=": operator.ge,  # Nova's own: at least
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
}
_TEXTS: dict[str, t.Callable[[str, str], bool]] = {
    "<in>": lambda have, asked: asked in have,
    "s==": operator.eq,
    "s!=": operator.ne,
    "s<": operator.lt,
    "s<=": operator.le,
    "s>": operator.gt,
    "s>=": operator.ge,
}


def matches(value: str, asked: str) -> bool:
    """Whether a value is what an extra spec asks for, with the operators of Nova's extra_specs_ops.

    A value or operand that isn't a number, where the operator wants numbers, doesn't match.
    """
    words = asked.split()
    word = words[0] if words else ""
    if word == "<or>":
        return value in words[1::2]
    if word == "<all-in>":
        return len(words) > 1 and all(one in value for one in words[1:])
    if word in _TEXTS:
        return len(words) > 1 and _TEXTS[word](value, words[1])
    if word in _NUMBERS:
        try:
            return len(words) > 1 and _NUMBERS[word](float(value), float(words[1]))
        except ValueError:
            return False
    return value == asked


def asked_of_aggregates(extra_specs: t.Mapping[str, str]) -> dict[str, str]:
    """By metadata key, what the extra specs ask of it. Nova's filter takes keys without a scope for its own, too."""
    asked = {}
    for name, value in extra_specs.items():
        scope, colon, key = name.partition(":")
        if not colon:
            asked[name] = value
        elif scope == SCOPE:
            asked[key] = value
    return asked


def values_of(metadata: t.Iterable[t.Mapping[str, str]]) -> dict[str, set[str]]:
    """The metadata of a host's aggregates, joined. A value with commas stands for several."""
    joined: dict[str, set[str]] = {}
    for one in metadata:
        for key, value in one.items():
            joined.setdefault(key, set()).update(part.strip() for part in value.split(","))
    return joined


def unmet(extra_specs: t.Mapping[str, str], metadata: Metadata) -> list[str]:
    """The metadata keys for which a host hasn't what the extra specs ask for, sorted."""
    asked = asked_of_aggregates(extra_specs)
    return sorted(key for key, value in asked.items() if not any(matches(one, value) for one in metadata.get(key, ())))
