# Copyright (c) 2026 openstack_ops.day2 contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs where Ansible runs, once: refuses what can't be meant before anything changes on any host."""

from __future__ import annotations

import typing as t
from functools import partial

from ansible import context
from ansible.errors import AnsibleError
from ansible.utils.vars import load_extra_vars

from ansible_collections.openstack_ops.day2.plugins.module_utils._common import OperatorError, first_of
from ansible_collections.openstack_ops.day2.plugins.module_utils._module import Outcome
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._action import Action, Options, Variables
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.given import Given
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.hosts import (
    Selection,
    left_out,
    missing_hosts,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.missing import Result, missing
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.values import (
    RULE_OPTIONS,
    RULES,
    no_ports,
    wrong_rules,
    wrong_values,
)
from ansible_collections.openstack_ops.day2.plugins.plugin_utils._preflight.variables import (
    Known,
    empty_targets,
    known_of_playbook,
    known_of_role,
    not_set,
    perhaps_misspelt,
    unknown,
)


class ActionModule(Action):
    _requires_connection = False
    _supports_diff = False
    OPTIONS: t.ClassVar[Options] = dict(
        roles=dict(type="list", elements="str", default=[]),
        playbook=dict(type="str"),
        prefix=dict(type="str"),
        variables=dict(type="list", elements="str", default=[]),
        group=dict(type="str"),
        whole_group=dict(type="bool", default=False),
        required=dict(type="list", elements="str", default=[]),
        rules=dict(type="str", choices=["ignore", "if_set", "required"], default="ignore"),
        checks=dict(
            type="list",
            elements="dict",
            options=dict(holds=dict(type="bool", required=True), otherwise=dict(type="str", required=True)),
        ),
        register=dict(type="str"),
    )

    def job(self, options: Options, variables: Variables) -> Outcome:
        if options["checks"]:
            return Outcome(False, {"missing": [one["otherwise"] for one in options["checks"] if not one["holds"]]})
        if options["register"]:
            problem = missing(_results(options["register"], variables))
            return Outcome(changed=False, result={}, failures=[problem] if problem else [])
        given = self._given(variables)
        known = [known_of_role(role) for role in options["roles"]]
        if options["playbook"]:
            known.append(known_of_playbook(options["playbook"], options["variables"], prefix=options["prefix"]))
        problems = self._problems(options, variables, known, given)
        if problems:
            raise OperatorError(first_of(problems))
        warnings = perhaps_misspelt(known, given)
        return Outcome(changed=False, result={}, warnings=[first_of(warnings)] if warnings else [])

    def _problems(self, options: Variables, task_vars: Variables, known: t.Sequence[Known], given: Given) -> list[str]:
        problems = self._useless_tags(options["playbook"])
        problems += empty_targets(options["playbook"], given) if options["playbook"] else []
        selection = _selection(task_vars, options["group"])
        if selection:
            problems += missing_hosts(selection)
            problems += left_out(selection) if options["whole_group"] else []
        # A misspelt name is often why a value is missing, and a wrong type why rules can't be read: the cause comes first.
        problems += unknown(known, given) + wrong_values(known, given)
        problems += not_set(options["required"], given, selection.hosts if selection else [])
        if options["rules"] != "ignore" and not problems:
            concerned = selection.hosts if selection else [str(host) for host in task_vars["ansible_play_hosts"]]
            templated = self._rule_options(concerned, task_vars)
            hosts = {host: found for host, found in templated.items() if found is not None}
            # Without a group, other hosts of the play need neither rules nor ports: this one uses the role, and they may not.
            here, required = str(task_vars["inventory_hostname"]), options["rules"] == "required"
            lacking = selection or RULES not in hosts.get(here, {RULES: None})
            problems += wrong_rules(hosts, given, required=required and bool(lacking))
            if required and (selection or no_ports({here: hosts.get(here, {})}, given)):
                problems += no_ports(hosts, given)
        return problems

    def _given(self, task_vars: Variables) -> Given:
        """All variables as they are written: nothing is templated."""

        def ours(variables: Variables | None) -> dict[str, t.Any]:
            return {str(name): value for name, value in (variables or {}).items()}

        hostvars = task_vars.get("hostvars", {})
        raw = getattr(hostvars, "raw_get", hostvars.get)
        hosts = {str(host): ours(raw(host)) for host in hostvars}
        # What the host that runs this has of its own isn't of the play, unless the play says the same: other hosts may lack it.
        own = hosts.get(str(task_vars.get("inventory_hostname")), {})
        said = _play_vars(self._task)
        play = {
            name: value
            for name, value in ours(task_vars).items()
            if name not in own or name in said or not _same(own[name], value)
        }
        return Given(
            hosts=hosts,
            extra=ours(load_extra_vars(self._loader)),
            play=play,
            groups=task_vars.get("groups", {}),
        )

    def _rule_options(self, hosts: t.Sequence[str], task_vars: Variables) -> dict[str, dict[str, t.Any] | None]:
        """By host, its options of instance_qos, templated; None where a template needs what a play has yet to find out: the role judges them."""
        hostvars, template = task_vars["hostvars"], self._templar.template
        here = hostvars.raw_get(task_vars["inventory_hostname"])
        # What the play or the role sets has the last word over what hosts have of their own.
        of_all = {one for one in RULE_OPTIONS if one in task_vars and (one not in here or here[one] != task_vars[one])}
        shared = self._templated({one: partial(template, task_vars[one]) for one in of_all})

        def of(host: str) -> dict[str, t.Any] | None:
            raw, its = hostvars.raw_get(host), hostvars[host]  # each makes all variables of a host anew
            own = [one for one in RULE_OPTIONS if one in raw and one not in of_all]
            found = self._templated({one: partial(its.__getitem__, one) for one in own})
            return None if found is None or shared is None else {**found, **shared}

        return {host: of(host) for host in hosts}

    def _templated(self, looks: dict[str, t.Callable[[], t.Any]]) -> dict[str, t.Any] | None:
        options = {}
        for name, look in looks.items():
            try:
                options[name] = look()
            except AnsibleError:
                return None
            # ansible-core before 2.19 leaves such a template as it is.
            if self._templar.is_template(options[name]):
                return None
        return options

    def _useless_tags(self, playbook: str | None) -> list[str]:
        """--tags that no task of the playbook has, unless somebody imports the playbook with them."""
        asked = set(context.CLIARGS.get("tags") or ()) - {"all", "always", "tagged", "untagged"}
        if not playbook or not asked or "all" in (context.CLIARGS.get("tags") or ()) or asked & set(self._task.tags):
            return []
        return [
            f"--tags {','.join(sorted(asked))} would skip all of {playbook}, which has no tags; leave it out. To limit the hosts, use --limit."
        ]


def _play_vars(task: t.Any) -> t.Collection[str]:
    """The names of the variables that the task's play has, as somebody gives them who imports its playbook."""
    play = getattr(getattr(task, "_parent", None), "_play", None)
    return play.get_vars().keys() if play else ()


def _same(one: object, other: object) -> bool:
    """Whether a host's variable is that of the task. A secret that this run can't decrypt has to stay out of it, and is taken for the host's."""
    try:
        return one is other or bool(one == other)
    except AnsibleError:
        return True


def _results(name: str, task_vars: Variables) -> dict[str, Result | None]:
    """What a task has registered on each host of the play; None where it hasn't."""
    raw = task_vars["hostvars"].raw_get
    return {str(host): raw(host).get(name) for host in task_vars["ansible_play_hosts_all"]}


def _selection(task_vars: Variables, pattern: str | None) -> Selection | None:
    if not pattern:
        return None
    groups = task_vars.get("groups", {})
    inventory: t.Any = getattr(task_vars.get("hostvars"), "_inventory", None)
    limit = context.CLIARGS.get("subset") or ""
    if inventory is None:
        return Selection(pattern, list(groups.get(pattern, ())), groups, limit, lambda part: list(groups.get(part, ())))

    def matching(part: str, **more: bool) -> list[str]:
        try:
            return [str(host) for host in inventory.get_hosts(part, ignore_restrictions=True, **more)]
        except AnsibleError:
            return []  # a subscript that there isn't, or no regular expression: nobody is meant

    return Selection(
        pattern=pattern,
        hosts=matching(pattern),
        groups=groups,
        limit=str(limit),
        matching=lambda part: matching(part, ignore_limits=True),
    )
