# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether values are what argument_specs and the rules of instance_qos ask for, judged once instead of on every host."""

from __future__ import annotations

import re
import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.parsing.convert_bool import boolean

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import first_of, shown
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.checks import refused
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.variables import Known, Spec
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rule import RulesError
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._qos.rules import RuleBook

if t.TYPE_CHECKING:
    from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.given import Given

_TYPES = {
    "bool": "true or false",
    "dict": "a mapping",
    "float": "a number",
    "int": "a whole number",
    "list": "a list",
    "path": "a path",
    "str": "a text",
}
_NUMBERS = {"int": re.compile("[+-]?[0-9]+"), "float": re.compile("[+-]?[0-9]+([.][0-9]*)?")}
_QOS = "instance_qos_"
RULES, _STATE = f"{_QOS}rules", f"{_QOS}state"
PORTS = "instance_ports"
#: Options of instance_qos that RuleBook takes under the rest of their names, and those of them that are true or false.
_SETTINGS = (
    "exempt", "exempt_also", "exempt_within", "never_exempt", "exempt_at_most", "despite_policy", "despite_vif_quota", "backend",
    "least_rate",
)  # fmt: skip
_SWITCHES = ("despite_policy", "despite_vif_quota")
#: What wrong_rules reads of a host.
RULE_OPTIONS = (RULES, _STATE, *(f"{_QOS}{name}" for name in _SETTINGS))
Options = t.Mapping[str, t.Any]


def wrong_values(known: t.Sequence[Known], given: Given) -> list[str]:
    """An error for each value that argument_specs or CHECKS refuse, whatever the number of hosts. Templates are left to the role."""
    options = {name: specs for one in known for name, specs in one.options.items()}
    return [
        problem
        for name in given.names()
        for value in (given.values(name) if name in options else ())
        if (problem := _problem(name, f"{name} (set {given.where(name)})", value, options[name]))
    ]


def _problem(name: str, what: str, value: object, specs: t.Sequence[Spec]) -> str:
    """The error for a value; none if one of several entry points takes it. An empty one, as surveys give it, is as if not set."""
    if value is None or value == "":
        return ""
    judged = [(*_validated(name, value, spec), spec) for spec in specs]
    taken = [converted for converted, messages, _spec in judged if not messages]
    if taken:
        return refused(name, what, taken[0])
    _converted, messages, spec = judged[0]
    return f"{what} {_wrong(value, spec, messages)}"


def _validated(name: str, value: object, spec: Spec) -> tuple[object, list[str]]:
    """The value as its type, and why it isn't one."""
    alone = {key: part for key, part in spec.items() if key not in ("required", "default", "no_log")}
    try:
        result = ArgumentSpecValidator({name: alone}).validate({name: value})
    except OverflowError:  # Ansible makes no whole number of .inf
        return value, [f"{name} has a number without end"]
    return result.validated_parameters[name], result.error_messages or _no_numbers(name, value, spec)


def _no_numbers(name: str, value: object, spec: Spec) -> list[str]:
    """What Ansible takes for a number although nobody would write it as one: true for 1, 1_000 for 1000, 1e3."""
    kind = str(spec.get("type", "str"))
    if kind in _NUMBERS and value is not None:
        good = (
            isinstance(value, (int, float)) if not isinstance(value, str) else _NUMBERS[kind].fullmatch(value.strip())
        )
        return [] if good and not isinstance(value, bool) else [f"{name} is {shown(value)}, not {_TYPES[kind]}"]
    if isinstance(value, (list, tuple)):
        inner = {"type": spec.get("elements", "str"), "options": spec.get("options")}
        return [message for one in value for message in _no_numbers(name, one, inner)]
    options = spec.get("options") or {}
    if isinstance(value, t.Mapping):
        return [message for key in options if key in value for message in _no_numbers(key, value[key], options[key])]
    return []


def _wrong(value: object, spec: Spec, messages: t.Sequence[str]) -> str:
    """What is wrong with a value that isn't what its spec asks for."""
    if _is_secret(spec):
        return "isn't what the option's documentation asks for; the value isn't shown because it may hold a secret."
    kind = spec.get("type", "str")
    if kind in ("list", "dict") and isinstance(value, (list, dict)):
        return f"is wrong: {'; '.join(messages)}."
    choices = spec.get("choices")
    wanted = f"one of {', '.join(map(str, choices))}" if choices else _TYPES.get(kind, kind)
    return f"is {shown(value)}, not {wanted}."


def _is_secret(spec: Spec) -> bool:
    return bool(spec.get("no_log")) or any(_is_secret(inner) for inner in (spec.get("options") or {}).values())


def wrong_rules(hosts: t.Mapping[str, Options], given: Given, *, required: bool) -> list[str]:
    """Errors in the rules of instance_qos, each told once with the hosts that have it.

    hosts has, by the name of each host, its options of instance_qos, templated. Hosts without rules are an error if they are required.
    """
    judged: list[tuple[Options, tuple[str, ...]]] = []
    whose: dict[tuple[str, ...], list[str]] = {}
    for host, options in hosts.items():
        problems = next((found for same, found in judged if same == options), None)
        if problems is None:
            problems = _rule_problems(options)
            judged.append((options, problems))
        if problems:
            whose.setdefault(problems, []).append(host)
    with_extra = f"set {given.where(RULES)}" if RULES in given.extra else ""
    found = [
        f"instance_qos_rules ({with_extra or given.whose(names)}): {first_of([f'{problem}.' for problem in problems])}"
        for problems, names in whose.items()
    ]
    without = [host for host, options in hosts.items() if options.get(_STATE) != "absent" and RULES not in options]
    return [_no_rules(given.whose(without)), *found] if without and required else found


def no_ports(hosts: t.Mapping[str, Options], given: Given) -> list[str]:
    """An error if hosts, as wrong_rules takes them, don't have the ports that the inventory plugin gives to its computes."""
    if PORTS in given.extra or PORTS in given.play:
        return []
    limited = [host for host, options in hosts.items() if options.get(_STATE) != "absent"]
    without = [host for host in limited if PORTS not in given.hosts.get(host, {})]
    if not without:
        return []
    return [
        f"{PORTS} is not set {given.whose(without)}; use the inventory openstack_ops.day2.nova_computes, a file whose name ends in "
        "nova_computes.yml, or leave these hosts out."
    ]


def _no_rules(whose: str) -> str:
    return (
        f"instance_qos_rules is not set {whose}, so nothing says who is limited; was -e @rules.yml forgotten? To go by the extra specs of "
        "flavors alone, which removes every other limit, set instance_qos_rules: [] yourself."
    )


def _rule_problems(options: Options) -> tuple[str, ...]:
    if options.get(_STATE) == "absent" or RULES not in options:
        return ()
    settings = {name: options[f"{_QOS}{name}"] for name in _SETTINGS if f"{_QOS}{name}" in options}
    try:
        settings.update({name: boolean(settings[name]) for name in _SWITCHES if name in settings})
        RuleBook(options[RULES], **settings)
    except RulesError as exc:
        return exc.problems
    except TypeError:
        # A switch that is neither true nor false: wrong_values tells that.
        return ()
    return ()
